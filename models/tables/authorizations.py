"""What payers have granted and what is asked of them, the bookings ahead, and the ledger of use."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, ListedByPractice, OfPractice


class AuthorizationRow(OfPractice, Base):
    """What a payer granted. What is left of it is never stored: it is summed from its uses, under a lock on this row.

    What was asked for stands on the case (AuthorizationCaseRow). An authorization often arrives before the patient's
    first visit, so it names the patient by the sender's id. Empty codes, clinician_npis, diagnoses: every one.
    """

    __tablename__ = "authorizations"
    __table_args__ = (
        UniqueConstraint("practice_id", "external_id"),
        Index("ix_authorizations_patient", "patient_external_id"),
    )
    external_id: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)  # the sender's; rises with every change told by the sender
    number: Mapped[str]  # "": approved, the payer's number is still to come
    kind: Mapped[str] = mapped_column(default="prior_authorization")  # vocabulary.AuthorizationKind
    patient_external_id: Mapped[str]
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    disciplines: Mapped[list[str]]
    unit_of_measure: Mapped[str]  # vocabulary.UnitOfMeasure
    quantity: Mapped[Decimal]  # in the unit of measure; for units_per_code the sum of code_quantities
    used_before_firstpass: Mapped[Decimal]
    codes: Mapped[list[str]]
    code_quantities: Mapped[dict[str, Any]] = mapped_column(default=dict)  # code -> units, for units_per_code only
    clinician_npis: Mapped[list[str]] = mapped_column(default=list)
    diagnoses: Mapped[list[str]] = mapped_column(default=list)
    same_day: Mapped[str] = mapped_column(default="per_discipline")  # vocabulary.SameDayCounting, a plan term
    effective_from: Mapped[date]
    effective_to: Mapped[date]  # inclusive
    status: Mapped[str]  # active | exhausted | expired | replaced | not_continued | voided
    replaced_by: Mapped[UUID | None]
    flags: Mapped[list[Any]] = mapped_column(default=list)  # which low-visit flags were raised
    ended_at: Mapped[datetime | None]


class BookingRow(OfPractice, Base):
    """A visit ahead, as the schedule last told it.

    It reserves on the authorization that would cover it (the ledger says which); one that none covers is kept all the
    same, with the reason in ``beyond_limit``.

    version: the sender's, rising; an older or equal one is known already, so order and doubles do no harm.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        UniqueConstraint("practice_id", "external_id"),
        Index("ix_bookings_patient", "patient_external_id", "service_date"),
        Index("ix_bookings_encounter", "encounter_id"),
    )
    external_id: Mapped[str]
    version: Mapped[int]
    patient_external_id: Mapped[str]
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))  # which plan will be asked to pay
    discipline: Mapped[str]
    clinician_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinicians.id"))
    starts_at: Mapped[datetime]
    service_date: Mapped[date]  # of starts_at, in the practice's time zone
    is_evaluation: Mapped[bool] = mapped_column(default=False)
    expected: Mapped[dict[str, Any]] = mapped_column(default=dict)  # code -> units, as far as the schedule knows
    state: Mapped[str]  # booked | cancelled | no_show | attended
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    beyond_limit: Mapped[str] = mapped_column(default="")  # why no authorization covers it; "" where one does
    benefit_excess: Mapped[str] = mapped_column(default="")  # soft_limit | hard_limit, of the plan; "" within
    beyond_benefit: Mapped[str] = mapped_column(default="")  # which benefit limit it passes, with the arithmetic
    source: Mapped[str]
    sha256: Mapped[str]  # of the payload last taken in


class AuthorizationUseRow(OfPractice, Base):
    """One entry of the ledger of use, of one visit or of one booking. Append-only: a change is a counter-entry.

    bucket: ``reserved`` (booked, not yet billed) or ``used``. quantity: signed, in the authorization's unit of measure.
    code: "" counts for the whole authorization, otherwise the code it counts against (units_per_code).
    """

    __tablename__ = "authorization_uses"
    __table_args__ = (
        Index("ix_authorization_uses_authorization", "authorization_id"),
        Index("ix_authorization_uses_encounter", "encounter_id"),
        Index("ix_authorization_uses_booking", "booking_id"),
        CheckConstraint("num_nonnulls(encounter_id, booking_id) = 1", name="one_subject"),
        CheckConstraint("bucket IN ('reserved', 'used')", name="bucket"),
    )
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorizations.id"))
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    bucket: Mapped[str]
    quantity: Mapped[Decimal]
    code: Mapped[str] = mapped_column(default="")
    service_date: Mapped[date]
    discipline: Mapped[str]
    reason: Mapped[str]  # booked, moved, visit billed, released: cancelled, re-pointed ...


class AuthorizationCaseRow(ListedByPractice, Base):
    """The human work of getting an authorization: what is asked of whom, until when, and what was answered.

    One case is open per patient, plan and set of disciplines. What is asked for (``requested_*``) is kept apart from
    what was granted (the authorization ``granted_id`` names). A "none needed" keeps who said so, when and under which
    reference, for the days ``answer_from`` to ``answer_to``: proof for a later denial.
    """

    __tablename__ = "authorization_cases"
    __table_args__ = (
        Index(
            "uq_authorization_cases_open",
            "practice_id",
            "patient_external_id",
            "plan_id",
            "disciplines",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_authorization_cases_patient", "patient_external_id", "plan_id"),
        Index("ix_authorization_cases_granted", "granted_id"),
    )
    patient_external_id: Mapped[str]
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    disciplines: Mapped[list[str]]  # sorted
    predecessor_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorizations.id"))  # which one runs out
    granted_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorizations.id"))
    opened_because: Mapped[str]  # visit | booking | reauthorization | by_hand
    opened_at: Mapped[datetime]
    state: Mapped[str]  # vocabulary.AuthorizationCaseState
    urgent: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime | None]  # when it must be sent
    escalated: Mapped[bool] = mapped_column(default=False)
    requested_quantity: Mapped[Decimal | None]
    requested_unit_of_measure: Mapped[str | None]
    requested_from: Mapped[date | None]
    requested_to: Mapped[date | None]
    requested_codes: Mapped[list[str]] = mapped_column(default=list)
    sent_at: Mapped[datetime | None]
    answer_due_at: Mapped[datetime | None]  # the payer's clock; None while it does not run
    overdue: Mapped[bool] = mapped_column(default=False)  # the payer's clock ran out without an answer
    question: Mapped[str] = mapped_column(default="")  # what the payer wants to know, while it asks
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(default="")  # who at the payer
    answer_reference: Mapped[str] = mapped_column(default="")
    answer_from: Mapped[date | None]
    answer_to: Mapped[date | None]
    denial_reason: Mapped[str] = mapped_column(default="")
    documents: Mapped[list[Any]] = mapped_column(default=list)  # {"name": ..., "reference": ...}
    closed_at: Mapped[datetime | None]
