"""What patients were told in writing, in whose words, and what they signed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class NoticeTemplateRow(OfPractice, Base):
    """A practice's own words for a kind of notice. Append-only: a change is the next version."""

    __tablename__ = "notice_templates"
    __table_args__ = (UniqueConstraint("practice_id", "kind", "version"),)
    kind: Mapped[str]  # billing.notices.NoticeKind
    version: Mapped[int]
    subject: Mapped[str]
    body: Mapped[str]
    author: Mapped[str]


class FinancialNoticeRow(OfPractice, Base):
    """A notice that the plan will probably not pay for one visit: what it would cost, and whether the patient signed.

    About a patient, plan, day and discipline, so that one signed at booking stands for the visit that came of it.
    """

    __tablename__ = "financial_notices"
    __table_args__ = (Index("ix_financial_notices_visit", "patient_external_id", "service_date"),)
    patient_external_id: Mapped[str]
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    discipline: Mapped[str]
    service_date: Mapped[date]
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    kind: Mapped[str]  # billing.vocabulary.FinancialNotice
    estimate: Mapped[Decimal]
    steps: Mapped[list[Any]]  # how the estimate came about
    subject: Mapped[str]
    body: Mapped[str]
    template_version: Mapped[int]
    presented_on: Mapped[date | None]
    signature_state: Mapped[str]  # unsigned | signed | refused
    signed_on: Mapped[date | None]
    choice: Mapped[str | None]  # the option ticked on an ABN
    made_by: Mapped[str]
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]


class NoticeRow(OfPractice, Base):
    """A letter to a patient about an authorization, and what became of it.

    state: queued | sending (handed over, the answer not yet known) | sent | failed | unknown (it may have been sent) |
    no_address | printed. Each kind is told once per authorization.
    """

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("authorization_id", "kind"), Index("ix_notices_state", "practice_id", "state"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorizations.id"))
    kind: Mapped[str]  # billing.notices.NoticeKind
    state: Mapped[str]
    address: Mapped[str]  # the e-mail address it goes to; "" without one
    subject: Mapped[str]
    body: Mapped[str]
    template_version: Mapped[int]
    message_id: Mapped[str]  # of the first attempt and every later one
    attempts: Mapped[int] = mapped_column(default=0)
    unknown_outcomes: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str] = mapped_column(default="")  # in words; no address, no name
    settled_at: Mapped[datetime | None]  # sent, printed, or a person said that nothing more is needed
