"""The practice's own rules: one row per version, with who wrote, approved, published and retired it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class PracticeRuleRow(OfPractice, Base):
    """One version of a rule. At most one version of a rule is published at a time."""

    __tablename__ = "practice_rules"
    __table_args__ = (
        UniqueConstraint("practice_id", "rule_id", "version"),
        Index(
            "uq_practice_rules_published",
            "practice_id",
            "rule_id",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
    )
    rule_id: Mapped[str]
    version: Mapped[int]
    state: Mapped[str]  # draft | approved | published | retired
    body: Mapped[dict[str, Any]]  # billing.practice_rules.PracticeRule
    why: Mapped[str]  # why this version, in the author's words
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # none: loaded from a file
    author: Mapped[str]
    approver_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    approver: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    publisher: Mapped[str | None]
    published_at: Mapped[datetime | None]
    retirer: Mapped[str | None]
    retired_at: Mapped[datetime | None]
    retired_why: Mapped[str | None]
    updated_at: Mapped[datetime]
