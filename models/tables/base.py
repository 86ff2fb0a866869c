"""What all tables share: names of constraints, column types, and that every row belongs to a practice."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, MetaData, Numeric, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from models.ids import new_id

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        Decimal: Numeric(12, 2),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
        str: Text,
    }


class OfPractice:
    """A row of one practice, seen only by sessions of that practice (row-level security).

    No index on the practice alone: row-level security adds the practice to every question, and where Postgres has no
    statistics yet it answered by that index, reading all rows the practice ever had, beside the index that was meant.
    Most tables have another index that begins with the practice, or are asked by what their rows belong to.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    practice_id: Mapped[UUID] = mapped_column(ForeignKey("practices.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ListedByPractice(OfPractice):
    """The same for a table of which a page or a job wants all rows of the practice, and no other index tells them."""

    practice_id: Mapped[UUID] = mapped_column(ForeignKey("practices.id"), index=True)
