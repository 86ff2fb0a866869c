"""Words and notices as they stand."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.fork import Notice
from billing.notices import DEFAULTS, NoticeKind, Template
from billing.vocabulary import BeneficiaryChoice, FinancialNotice, SignatureState
from models.tables.encounters import EncounterRow
from models.tables.notices import FinancialNoticeRow, NoticeTemplateRow


def template_of(session: Session, kind: NoticeKind) -> Template:
    """The practice's own words, or those Firstpass comes with."""
    row = session.scalars(
        select(NoticeTemplateRow)
        .where(NoticeTemplateRow.kind == kind.value)
        .order_by(NoticeTemplateRow.version.desc())
        .limit(1)
    ).one_or_none()
    return Template(kind, row.version, row.subject, row.body) if row else DEFAULTS[kind]


def financial_notice(
    session: Session, patient_external_id: str, plan_id: UUID, discipline: str, service_date: date
) -> FinancialNoticeRow | None:
    """The newest notice about a patient's visit of that day, whether it was made at booking or afterwards."""
    return session.scalars(
        select(FinancialNoticeRow)
        .where(
            FinancialNoticeRow.patient_external_id == patient_external_id,
            FinancialNoticeRow.service_date == service_date,
            FinancialNoticeRow.plan_id == plan_id,
            FinancialNoticeRow.discipline == discipline,
        )
        .order_by(FinancialNoticeRow.created_at.desc(), FinancialNoticeRow.id)
        .limit(1)
    ).one_or_none()


def financial_notice_of(session: Session, row: EncounterRow) -> FinancialNoticeRow | None:
    """The newest notice about a visit."""
    patient = row.facts["patient"]["patient_id"]
    return financial_notice(session, patient, row.plan_id, row.discipline, row.date_of_service)


def as_fact(row: FinancialNoticeRow | None) -> Notice | None:
    """A notice as rules want it."""
    if row is None:
        return None
    return Notice(
        kind=FinancialNotice(row.kind),
        estimate=row.estimate,
        presented_on=row.presented_on,
        signature_state=SignatureState(row.signature_state),
        signed_on=row.signed_on,
        choice=BeneficiaryChoice(row.choice) if row.choice else None,
    )
