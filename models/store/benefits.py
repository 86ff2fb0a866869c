"""What others used of a patient's benefit limits, as told; the latest report of each counts."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.context import LimitReport
from billing.vocabulary import Discipline, LimitSource
from models.tables.benefits import BenefitReportRow


def reports_of(session: Session, patient_id: UUID, plan_id: UUID) -> tuple[LimitReport, ...]:
    """All reports about a patient under a plan, the latest last: by the day they speak of, then by when they came."""
    rows = session.scalars(
        select(BenefitReportRow)
        .where(BenefitReportRow.patient_id == patient_id, BenefitReportRow.plan_id == plan_id)
        .order_by(BenefitReportRow.as_of, BenefitReportRow.created_at)
    )
    return tuple(
        LimitReport(
            limit_id=row.limit_id,
            discipline=Discipline(row.discipline) if row.discipline else None,
            period_start=row.period_start,
            used_elsewhere=row.used_elsewhere,
            as_of=row.as_of,
            source=LimitSource(row.source),
            told_by=row.told_by,
        )
        for row in rows
    )
