"""Visits: as received, as understood, as judged."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class EncounterRow(OfPractice, Base):
    """One visit in its newest version. Its services live in ``facts``, where the chart put them."""

    __tablename__ = "encounters"
    __table_args__ = (
        UniqueConstraint("practice_id", "external_id"),
        Index("ix_encounters_patient_day", "patient_id", "date_of_service"),
        Index("ix_encounters_stage", "practice_id", "stage"),
        Index("ix_encounters_day", "practice_id", "date_of_service"),
    )
    external_id: Mapped[str]
    version: Mapped[int]
    date_of_service: Mapped[date]
    discipline: Mapped[str]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episodes.id"), index=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    clinician_id: Mapped[UUID] = mapped_column(ForeignKey("clinicians.id"), index=True)
    facts: Mapped[dict[str, Any]]  # billing.encounter.Encounter
    corrections: Mapped[list[Any]] = mapped_column(default=list)  # what billers changed on the claim's side
    stage: Mapped[str]
    held_by: Mapped[str | None]  # code of the first finding that holds it
    disposition: Mapped[str | None]  # a person's last word: not_billable, written_off, patient_pay
    closed_as: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    life: Mapped[int] = mapped_column(default=1)  # rises when a closed visit is opened again: a new workflow
    touched: Mapped[bool] = mapped_column(default=False)  # whether a person had to act
    updated_at: Mapped[datetime]


class EncounterVersionRow(OfPractice, Base):
    """What the chart sent, untouched, with its hash."""

    __tablename__ = "encounter_versions"
    __table_args__ = (UniqueConstraint("encounter_id", "version"),)
    encounter_id: Mapped[UUID] = mapped_column(ForeignKey("encounters.id"))
    version: Mapped[int]
    raw: Mapped[dict[str, Any]]
    sha256: Mapped[str]
    source: Mapped[str]  # which integration or file


class EvaluationRow(OfPractice, Base):
    """The trace of one evaluation: which checks ran, on which facts, in which version, with the arithmetic in words."""

    __tablename__ = "evaluations"
    __table_args__ = (Index("ix_evaluations_encounter", "encounter_id", "created_at"),)
    encounter_id: Mapped[UUID] = mapped_column(ForeignKey("encounters.id"))
    encounter_version: Mapped[int]
    rulebook_version: Mapped[str]
    gate: Mapped[str | None]
    trace: Mapped[dict[str, Any]]
    sha256: Mapped[str]  # of the trace: an unchanged answer is not stored twice
    expected_payment: Mapped[Decimal | None]
