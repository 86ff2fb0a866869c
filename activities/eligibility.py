"""Eligibility answers (271) read for what they say of benefit limits: what other clinics used, learned and kept.

Nothing else of the answer is worked with. What cannot be used is said in a sentence, and the file stays kept.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.benefits import recheck_open_visits
from activities.clock import practice_day
from activities.reservations import reassess
from billing import benefits
from billing.benefits_told import THERAPIES, Answered, Learned, Statement, answered, learned
from billing.context import LimitReport, LimitUse
from billing.practice import BenefitLimit
from billing.vocabulary import Discipline, LimitSource
from edi.x271 import EligibilityResponse, read_271
from models.ids import new_id
from models.store.benefits import reports_of
from models.store.book import book_of
from models.store.life import audit
from models.store.visits import uses_paid
from models.tables.benefits import BenefitReportRow
from models.tables.patients import CoverageRow, PatientRow
from models.tables.practice import PracticeRow

Group = tuple[BenefitLimit, Discipline, Answered]


def learn(session: Session, practice_id: UUID, content: bytes, received_at: datetime) -> list[str]:
    """Keep what the answers say of limits. Returns what a person should know: what could not be used, and why."""
    practice = session.get_one(PracticeRow, practice_id)
    problems: list[str] = []
    for answer in read_271(content):
        if answer.benefits and _statements(answer):
            problems += _learn_one(session, practice, answer, received_at)
    return problems


def _statements(answer: EligibilityResponse) -> tuple[Statement, ...]:
    """Limitations of therapy, as far as the answer names any."""
    return tuple(
        Statement(
            one.information_code, one.service_types, one.time_period, one.quantity_qualifier, one.quantity, one.amount
        )
        for one in answer.benefits
        if one.information_code == "F" and set(one.service_types) & set(THERAPIES)
    )


def _learn_one(
    session: Session, practice: PracticeRow, answer: EligibilityResponse, received_at: datetime
) -> list[str]:
    named = f"the answer of trace {answer.trace_number or '(none)'}"
    coverage = _coverage(session, answer)
    if coverage is None:
        return [f"{named} names a member we do not know, or know more than once; its limits were not used"]
    as_of = min(answer.answered_on or date.max, practice_day(received_at, practice.time_zone))
    page = book_of(session, practice).plans[coverage.plan_id]
    terms = page.terms_on(as_of)
    try:
        groups = list(_groups(terms.benefit_limits if terms else (), _statements(answer)))
    except ValueError as contradiction:
        return [f"{named} contradicts itself: {contradiction}; enter what was used elsewhere by hand"]
    if not groups:
        return [f"{named} limits therapy, but says nothing that fits a limit of the plan {page.plan_id} as we know it"]
    problems = [
        problem for group in groups for problem in _keep(session, practice, coverage, group, answer, as_of, named)
    ]
    _look_again(session, practice, coverage, received_at)
    return problems


def _coverage(session: Session, answer: EligibilityResponse) -> CoverageRow | None:
    """The one member with that id, and the birth date the payer has."""
    key = answer.member_id.upper().replace(" ", "").replace("-", "")
    if not key:
        return None
    query = select(CoverageRow).join(PatientRow, PatientRow.id == CoverageRow.patient_id)
    query = query.where(CoverageRow.member_key == key)
    if answer.birth_date is not None:
        query = query.where(PatientRow.birth_date == answer.birth_date)
    found = session.scalars(query.limit(2)).all()
    return found[0] if len(found) == 1 else None


def _groups(limits: Sequence[BenefitLimit], statements: Sequence[Statement]) -> Iterator[Group]:
    """Each limit the answer speaks of; for every discipline, where each has the quantity for itself."""
    for limit in limits:
        for discipline in limit.disciplines[:1] if limit.combined else limit.disciplines:
            said = answered(limit, discipline, statements)
            if said is not None:
                yield limit, discipline, said


def _keep(
    session: Session,
    practice: PracticeRow,
    coverage: CoverageRow,
    group: Group,
    answer: EligibilityResponse,
    as_of: date,
    named: str,
) -> list[str]:
    limit, discipline, said = group
    first, _ = benefits.period_of(limit, as_of)
    before = benefits.report_of(limit, discipline, first, reports_of(session, coverage.patient_id, coverage.plan_id))
    found = learned(limit, said, _paid(session, coverage, limit, discipline, as_of), as_of)
    session.add(
        BenefitReportRow(
            id=new_id(),
            practice_id=practice.id,
            patient_id=coverage.patient_id,
            plan_id=coverage.plan_id,
            limit_id=limit.limit_id,
            discipline=None if limit.combined else discipline.value,
            period_start=first,
            used_elsewhere=found.used_elsewhere,
            as_of=as_of,
            source=LimitSource.ELIGIBILITY.value,
            told_by=f"{answer.payer_name}, trace {answer.trace_number or '(none)'}: {found.arithmetic}",
        )
    )
    session.flush()
    about = f"patient/{coverage.patient_id}"
    audit(session, practice.id, "271", "benefit.reported", about, {"limit": limit.limit_id, "as_of": str(as_of)})
    return _told(limit, said, before, found, as_of, named)


def _told(
    limit: BenefitLimit, said: Answered, before: LimitReport | None, found: Learned, as_of: date, named: str
) -> list[str]:
    """What a person should look at: a person's entry lowered or left standing, a limit that differs from our terms."""
    problems = []
    if before is not None and before.source is LimitSource.ENTERED and before.used_elsewhere > found.used_elsewhere:
        counts = "it counts still, being newer" if before.as_of > as_of else "the payer's word counts from now on"
        problems.append(
            f"{named} lowers what a person entered for {limit.limit_id} from "
            f"{benefits.amount(limit, before.used_elsewhere)} to {benefits.amount(limit, found.used_elsewhere)} "
            f"({found.arithmetic}); {counts}: enter it again if the person knew better"
        )
    if said.total is not None and said.total != limit.quantity:
        problems.append(
            f"{named} says the limit {limit.limit_id} is {benefits.amount(limit, said.total)}, the plan terms say "
            f"{benefits.amount(limit, limit.quantity)}; correct the terms in the practice file if the payer is right"
        )
    return problems


def _paid(
    session: Session, coverage: CoverageRow, limit: BenefitLimit, discipline: Discipline, as_of: date
) -> list[LimitUse]:
    first, _ = benefits.period_of(limit, as_of)
    sharing = benefits.pool(limit, discipline)
    uses = uses_paid(session, coverage.patient_id, coverage.plan_id, first, as_of)
    return [use for use in uses if benefits.counts(limit, sharing, use)]


def _look_again(session: Session, practice: PracticeRow, coverage: CoverageRow, now: datetime) -> None:
    """The patient's open visits and booked ones: what they may still use has changed."""
    recheck_open_visits(session, coverage.patient_id, coverage.plan_id)
    reassess(session, practice, session.get_one(PatientRow, coverage.patient_id).external_id, now)
