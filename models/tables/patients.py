"""Patients and the papers their visits stand on."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Computed, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class PatientRow(OfPractice, Base):
    """Who was treated, as last told by the chart."""

    __tablename__ = "patients"
    __table_args__ = (UniqueConstraint("practice_id", "external_id"),)
    external_id: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    birth_date: Mapped[date]
    facts: Mapped[dict[str, Any]]


class CoverageRow(OfPractice, Base):
    """One plan that may pay for a patient."""

    __tablename__ = "coverages"
    __table_args__ = (
        UniqueConstraint("patient_id", "plan_id", "member_id"),
        Index("ix_coverages_member_key", "member_key"),
    )
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    rank: Mapped[int]
    member_id: Mapped[str]
    # without spaces, dashes and lower case, as a remittance is matched; a column, because row-level security lets no
    # index answer for an expression
    member_key: Mapped[str] = mapped_column(Computed("upper(translate(member_id, ' -', ''))", persisted=True))
    facts: Mapped[dict[str, Any]]


class EpisodeRow(OfPractice, Base):
    """Patient, discipline and condition under care."""

    __tablename__ = "episodes"
    __table_args__ = (UniqueConstraint("practice_id", "external_id", "discipline"),)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"), index=True)
    external_id: Mapped[str]
    discipline: Mapped[str]
    started_on: Mapped[date]


class PlanOfCareRow(OfPractice, Base):
    """The plan of care with its certification, as last told by the chart."""

    __tablename__ = "plans_of_care"
    __table_args__ = (UniqueConstraint("episode_id", "external_id"),)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episodes.id"))
    external_id: Mapped[str]
    established_on: Mapped[date]
    effective_to: Mapped[date | None]
    sent_to_certifier_on: Mapped[date | None]
    certified_on: Mapped[date | None]
    recertified_on: Mapped[date | None]
    certifier_npi: Mapped[str | None]


class ProgressReportRow(OfPractice, Base):
    """A progress report written in an episode."""

    __tablename__ = "progress_reports"
    __table_args__ = (UniqueConstraint("episode_id", "report_date"),)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episodes.id"))
    report_date: Mapped[date]


class OrderRow(OfPractice, Base):
    """The order or referral behind an episode."""

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("episode_id", "referrer_npi", "ordered_on"),)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episodes.id"))
    referrer_npi: Mapped[str]
    ordered_on: Mapped[date]
    expires_on: Mapped[date | None]
