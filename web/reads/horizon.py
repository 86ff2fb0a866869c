"""The supervisor's horizon: which authorizations end in the weeks ahead, why, what is at risk, who is at work on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import measures
from billing.vocabulary import UnitOfMeasure
from models.store.book import book_of
from models.store.courses import Course, courses
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow, PracticeRow
from web import charts, formats
from web.formats import Chip
from web.reads.requests import case_chip, payers_clock
from web.viewer import Viewer

WEEKS = 6
WATCHED = ("active", "exhausted")
NO_MONEY = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Ending:
    """An authorization that ends, with the case that asks for the next one.

    item_word: the case's item as many.read_seen reads it, "" while nobody was asked.
    """

    href: str
    number: str
    patient: str
    patient_id: str
    payer: str
    disciplines: str
    bar: charts.Bar
    ends: str
    why: str
    left: str
    beyond: int
    at_risk: str
    opens: str
    case: Chip | None
    case_href: str
    clock: Chip | None
    due: Chip | None
    escalated: bool
    item_word: str
    owner: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A week or a day of the horizon. width: of its bar, in percent of the dearest one."""

    key: str
    label: str
    endings: tuple[Ending, ...]
    asked: int
    at_risk: str
    width: str


@dataclass(frozen=True, slots=True)
class Horizon:
    """Everything that ends within six weeks, and what already has."""

    spans: tuple[Span, ...]
    count: int
    at_risk: str
    unasked: int
    unassigned: int


def horizon(session: Session, viewer: Viewer, *, by_day: bool) -> Horizon:
    """All authorizations in force, each put where it ends: run out or expired, whichever is earlier."""
    found = session.execute(
        select(AuthorizationRow, PayerRow.name.label("payer"), PatientRow.first_name, PatientRow.last_name)
        .join(PlanRow, PlanRow.id == AuthorizationRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .outerjoin(PatientRow, PatientRow.external_id == AuthorizationRow.patient_external_id)
        .where(AuthorizationRow.status.in_(WATCHED))
    ).all()
    book = book_of(session, session.get_one(PracticeRow, viewer.practice_id))
    told = courses(session, book, [entry.AuthorizationRow for entry in found], viewer.today)
    last = viewer.today + timedelta(weeks=WEEKS)
    ending = [entry for entry in found if told[entry.AuthorizationRow.id].ends_on <= last]
    cases = _cases(session, [entry.AuthorizationRow for entry in ending])
    by_key: dict[str, list[tuple[Course, Ending]]] = {}
    for entry in sorted(ending, key=lambda one: (told[one.AuthorizationRow.id].ends_on, one.AuthorizationRow.number)):
        course = told[entry.AuthorizationRow.id]
        made = _ending(entry, course, cases.get(entry.AuthorizationRow.id), viewer)
        by_key.setdefault(_key(course.ends_on, viewer.today, by_day=by_day), []).append((course, made))
    return _summed(by_key, viewer.today, by_day=by_day)


def _key(day: date, today: date, *, by_day: bool) -> str:
    if day < today:
        return "over"
    return (day if by_day else day - timedelta(days=day.weekday())).isoformat()


def _label(key: str, today: date, *, by_day: bool) -> str:
    if key == "over":
        return "Over already"
    day = date.fromisoformat(key)
    if by_day:
        return f"{day:%a} {formats.day(day)}"
    named = {today - timedelta(days=today.weekday()): "This week", _next_week(today): "Next week"}
    return f"{named.get(day, 'Week of')} {formats.day(day)}"


def _next_week(today: date) -> date:
    return today - timedelta(days=today.weekday()) + timedelta(weeks=1)


def _summed(by_key: dict[str, list[tuple[Course, Ending]]], today: date, *, by_day: bool) -> Horizon:
    risks = {key: _risk(course for course, _ in entries) for key, entries in by_key.items()}
    most = max([*risks.values(), Decimal(1)])
    spans = tuple(
        Span(
            key=key,
            label=_label(key, today, by_day=by_day),
            endings=tuple(ending for _, ending in entries),
            asked=sum(1 for _, ending in entries if ending.case is not None),
            at_risk=formats.money(risks[key]),
            width=f"{float(risks[key] / most) * 100:.1f}%",
        )
        for key, entries in sorted(by_key.items(), key=lambda item: (item[0] != "over", item[0]))
    )
    every = [ending for span in spans for ending in span.endings]
    return Horizon(
        spans=spans,
        count=len(every),
        at_risk=formats.money(sum(risks.values(), NO_MONEY)),
        unasked=sum(1 for ending in every if ending.case is None),
        unassigned=sum(1 for ending in every if ending.item_word and not ending.owner),
    )


def _risk(told: Iterable[Course]) -> Decimal:
    return sum((course.down.dollars_at_risk for course in told), NO_MONEY)


def _cases(session: Session, ending: Sequence[AuthorizationRow]) -> dict[UUID, Any]:
    """The open case that asks for the next one, with its item and who has it.

    One that began with a held visit, a booking or a person names no predecessor, yet asks the same plan for the same
    patient's care: it is the one asked for, too.
    """
    found = session.execute(
        select(AuthorizationCaseRow, WorkItemRow, UserRow.name.label("owner"))
        .outerjoin(
            WorkItemRow,
            (WorkItemRow.authorization_case_id == AuthorizationCaseRow.id) & WorkItemRow.closed_at.is_(None),
        )
        .outerjoin(UserRow, UserRow.id == WorkItemRow.owner_id)
        .where(
            AuthorizationCaseRow.patient_external_id.in_([row.patient_external_id for row in ending]),
            AuthorizationCaseRow.closed_at.is_(None),
        )
        .order_by(AuthorizationCaseRow.opened_at)
    ).all()
    of_patient: dict[str, list[Any]] = {}
    for entry in found:
        of_patient.setdefault(entry.AuthorizationCaseRow.patient_external_id, []).append(entry)
    asked: dict[UUID, Any] = {}
    for row in ending:
        cases = of_patient.get(row.patient_external_id, [])
        named = [entry for entry in cases if entry.AuthorizationCaseRow.predecessor_id == row.id]
        others = [entry for entry in cases if _asks_for_the_same(entry.AuthorizationCaseRow, row)]
        if named or others:
            asked[row.id] = (named or others)[0]
    return asked


def _asks_for_the_same(case: AuthorizationCaseRow, row: AuthorizationRow) -> bool:
    shared = set(case.disciplines) & set(row.disciplines)
    return case.predecessor_id is None and case.plan_id == row.plan_id and bool(shared)


def _ending(found: Any, course: Course, asked: Any, viewer: Viewer) -> Ending:
    row, down = course.row, course.down
    case: AuthorizationCaseRow | None = asked.AuthorizationCaseRow if asked else None
    item: WorkItemRow | None = asked.WorkItemRow if asked else None
    tone = "bad" if down.beyond else "warn"
    return Ending(
        href=f"/authorizations/{row.id}",
        number=row.number or "Number to come",
        patient=formats.person(found.first_name, found.last_name) if found.last_name else "",
        patient_id=row.patient_external_id,
        payer=found.payer,
        disciplines=", ".join(row.disciplines),
        bar=charts.bar(course, tone),
        ends=formats.day(course.ends_on),
        why=_why(course),
        left=measures.words(down.left_after_booked, UnitOfMeasure(row.unit_of_measure)),
        beyond=len(down.beyond),
        at_risk=formats.money(down.dollars_at_risk) if down.dollars_at_risk else "",
        opens=_opens(down.reauthorization_opens_on, viewer.today),
        case=case_chip(case.state) if case else None,
        case_href=f"/queues/authorization/{item.id}" if item else "",
        clock=payers_clock(case, viewer) if case else None,
        due=formats.due_chip(item.due_at, viewer.now, viewer.zone) if item else None,
        escalated=bool(item and item.escalated),
        item_word=f"{item.id}:{item.version}:{item.owner_id or ''}" if item else "",
        owner=asked.owner or "" if asked else "",
        mine=bool(item and item.owner_id == viewer.user_id),
    )


def _opens(day: date, today: date) -> str:
    """When a case for the next one opens by itself; a day that went by without one is for a person."""
    return f"should have opened {formats.day(day)}" if day < today else f"opens {formats.day(day)}"


def _why(course: Course) -> str:
    if course.down.runs_out_on is None:
        return "expires"
    return f"runs out with visit {course.down.runs_out_at_visit}{', by estimate' if course.down.estimated else ''}"
