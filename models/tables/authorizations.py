"""What payers have granted, and the ledger of its use."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class AuthorizationRow(OfPractice, Base):
    """An authorization. What is left of it is never stored: it is summed from its uses, under a lock on this row."""

    __tablename__ = "authorizations"
    __table_args__ = (
        UniqueConstraint("practice_id", "external_id"),
        Index("ix_authorizations_patient", "patient_external_id"),
    )
    external_id: Mapped[str]
    number: Mapped[str]
    patient_external_id: Mapped[str]  # an authorization often arrives before the patient's first visit
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    disciplines: Mapped[list[str]]
    unit_of_measure: Mapped[str]
    quantity: Mapped[int]
    used_before_firstpass: Mapped[int]
    codes: Mapped[list[str]]
    effective_from: Mapped[date]
    effective_to: Mapped[date]
    status: Mapped[str]  # active | exhausted | expired | replaced | not_continued
    replaced_by: Mapped[UUID | None]
    flags: Mapped[list[Any]] = mapped_column(default=list)  # which low-visit flags were raised
    ended_at: Mapped[datetime | None]


class AuthorizationUseRow(OfPractice, Base):
    """One entry of the use ledger: positive commits, negative releases. Append-only."""

    __tablename__ = "authorization_uses"
    __table_args__ = (
        Index("ix_authorization_uses_authorization", "authorization_id"),
        Index("ix_authorization_uses_encounter", "encounter_id"),
    )
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorizations.id"))
    encounter_id: Mapped[UUID] = mapped_column(ForeignKey("encounters.id"))
    quantity: Mapped[int]
    reason: Mapped[str]
