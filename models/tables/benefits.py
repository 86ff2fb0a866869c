"""What was told of benefits used at other clinics."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class BenefitReportRow(OfPractice, Base):
    """What others used of a limit in a period, as told on a day. Append-only; the latest counts."""

    __tablename__ = "benefit_reports"
    __table_args__ = (Index("ix_benefit_reports_patient", "patient_id", "plan_id"),)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    limit_id: Mapped[str]
    discipline: Mapped[str | None]  # where each discipline has the quantity for itself
    period_start: Mapped[date]
    used_elsewhere: Mapped[Decimal]  # visits, or allowed dollars
    as_of: Mapped[date]
    source: Mapped[str]  # entered | 271 | 835 remark
    told_by: Mapped[str]
