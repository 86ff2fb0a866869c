"""CMS's quarterly edits as a practice imported them, one row per table and quarter."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from models.tables.base import Base, OfPractice


class EditTableRow(OfPractice, Base):
    """The rows of one edition about codes of our own table; imported again, it is replaced."""

    __tablename__ = "edit_tables"
    __table_args__ = (UniqueConstraint("practice_id", "kind", "edition"),)
    kind: Mapped[str]  # pairs | units
    edition: Mapped[date]  # first day of the quarter
    files: Mapped[list[str]]  # as they were named
    entries: Mapped[list[Any]]  # pairs: [column 1, column 2, indicator, from, to]; units: [code, units, indicator]
    loaded_at: Mapped[datetime]
