"""What other clinics used of a benefit limit: entered by a person, or learned from a payer's answer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.nudges import nudge
from activities.refusals import Refused
from activities.reservations import reassess_for_visit
from billing import benefits
from billing.practice import BenefitLimit
from billing.vocabulary import Discipline, LimitMeasure, LimitSource
from models.store.book import book_of
from models.store.life import audit, record
from models.tables.benefits import BenefitReportRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow

QUANTITY_MAX = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody told: how much others used of a limit (visits, or allowed dollars), as of a day."""

    limit_id: str
    used_elsewhere: Decimal
    as_of: date
    source: LimitSource
    told_by: str


def enter_report(session: Session, practice: PracticeRow, row: EncounterRow, told: Told, today: date) -> str:
    """Keep a report about the patient of a visit, for the period of that visit. Returns a sentence for the page.

    The patient's open visits look again. Raises Refused.
    """
    limit = _limit(session, practice, row, told.limit_id)
    _refuse_the_impossible(limit, told, today)
    first, last = benefits.period_of(limit, row.date_of_service)
    if told.as_of < first:
        raise Refused(
            f"{told.as_of} is before the limit's period, which began on {first}: nothing was used of it then."
        )
    keep_report(session, practice.id, row, limit, told)
    used = benefits.amount(limit, told.used_elsewhere)
    said = f"Used elsewhere of {limit.limit_id}: {used} as of {told.as_of} ({told.source.value})"
    record(session, practice.id, "benefit.reported", said, encounter_id=row.id, actor=told.told_by)
    detail = {"limit": limit.limit_id, "period": first.isoformat(), "until": last.isoformat()}
    audit(session, practice.id, told.told_by, "benefit.reported", f"encounter/{row.id}", detail)
    return f"{said}. The patient's open visits are being checked again."


def keep_report(session: Session, practice_id: UUID, row: EncounterRow, limit: BenefitLimit, told: Told) -> None:
    """Append the report and have the patient's open visits look again."""
    session.add(
        BenefitReportRow(
            practice_id=practice_id,
            patient_id=row.patient_id,
            plan_id=row.plan_id,
            limit_id=limit.limit_id,
            discipline=None if limit.combined else row.discipline,
            period_start=benefits.period_of(limit, row.date_of_service)[0],
            used_elsewhere=told.used_elsewhere,
            as_of=told.as_of,
            source=told.source.value,
            told_by=told.told_by,
        )
    )
    recheck_open_visits(session, row.patient_id, row.plan_id)
    session.flush()
    reassess_for_visit(session, row, datetime.now(UTC))  # a booked visit may be beyond the limit now, or within


def recheck_open_visits(session: Session, patient_id: UUID, plan_id: UUID) -> None:
    """Tell the patient's open visits under the plan to look again: what they may still use has changed."""
    rows = session.scalars(
        select(EncounterRow)
        .where(
            EncounterRow.patient_id == patient_id,
            EncounterRow.plan_id == plan_id,
            EncounterRow.closed_at.is_(None),
        )
        .order_by(EncounterRow.id)
    )
    for visit in rows:
        nudge(session, visit)


def recheck_held_by_a_limit(session: Session, row: EncounterRow) -> None:
    """A visit ended without a claim, so one that a limit holds may use what this one did not."""
    rows = session.scalars(
        select(EncounterRow)
        .where(
            EncounterRow.patient_id == row.patient_id,
            EncounterRow.id != row.id,
            EncounterRow.closed_at.is_(None),
            EncounterRow.held_by.in_(benefits.HOLDING),
        )
        .order_by(EncounterRow.id)
    )
    for visit in rows:
        nudge(session, visit)


def _limit(session: Session, practice: PracticeRow, row: EncounterRow, limit_id: str) -> BenefitLimit:
    terms = book_of(session, practice).plans[row.plan_id].terms_on(row.date_of_service)
    limits = benefits.limits_on(terms, row.date_of_service) if terms else ()
    for limit in limits:
        if limit.limit_id == limit_id and Discipline(row.discipline) in limit.disciplines:
            return limit
    raise Refused(
        "The visit's plan has no such limit for this discipline on that day. Reload the page and choose again."
    )


def _refuse_the_impossible(limit: BenefitLimit, told: Told, today: date) -> None:
    if told.used_elsewhere < 0 or told.used_elsewhere > QUANTITY_MAX:
        raise Refused("What was used elsewhere must be zero or more.")
    if limit.measure is LimitMeasure.VISITS and told.used_elsewhere != told.used_elsewhere.to_integral_value():
        raise Refused("This limit counts whole visits.")
    if told.as_of > today:
        raise Refused("The day the report speaks of must not lie in the future.")
