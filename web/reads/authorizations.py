"""Authorizations: what was granted, what is used and reserved, when it runs out, and where they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from billing import measures
from billing.vocabulary import BookingState, UnitOfMeasure, UseBucket
from models.store.book import book_of
from models.store.courses import Course, courses
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow, PracticeRow
from web import charts, formats
from web.formats import Chip
from web.reads.paging import Order, Page, fetch
from web.reads.visits import stage_chip
from web.shell import sees_authorizations
from web.viewer import Viewer

PAGE_SIZE = 50
ORDER = Order(AuthorizationRow.effective_to, AuthorizationRow.id, date.fromisoformat)
ENTRIES_MAX = 1_000
LOW_VISITS = 3  # practice default: flagged at so many visits left, and below
SOON_DAYS = 7
NONE = Decimal(0)
IN_FORCE = ("active", "exhausted")
NUMBER_TO_COME = "Number to come"
VIEWS = {"active": "Active", "low": "Running low", "expiring": "Expiring soon", "ended": "Ended", "all": "All"}


@dataclass(frozen=True, slots=True)
class Balance:
    """An authorization with its bar, ready to print. at_risk: dollars of booked visits beyond it, "" without any."""

    id: str
    href: str
    number: str
    kind: str
    patient: str
    patient_id: str
    payer: str
    plan: str
    disciplines: str
    codes: str
    bar: charts.Bar
    left_text: str
    from_day: str
    to_day: str
    run_out: str
    state: Chip
    flags: str
    beyond: int
    at_risk: str
    used_here: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger, with what stands after it."""

    at: str
    subject: str
    href: str
    service_day: str
    bucket: str
    change: str
    reason: str
    used: str
    reserved: str
    left: str


@dataclass(frozen=True, slots=True)
class CoveredVisit:
    """A visit that uses the authorization now."""

    href: str
    visit: str
    service_day: str
    discipline: str
    quantity: str
    stage: Chip


@dataclass(frozen=True, slots=True)
class BookedVisit:
    """A visit ahead: reserved, or beyond with the reason."""

    service_day: str
    discipline: str
    reserved: str
    beyond: str


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One authorization in the row of those that followed each other."""

    href: str
    number: str
    span: str
    state: str
    current: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One authorization with everything that hangs on it."""

    balance: Balance
    chart: charts.BurnDownChart
    steps: tuple[str, ...]
    entries: tuple[Entry, ...]
    before: str
    before_left: str
    visits: tuple[CoveredVisit, ...]
    bookings: tuple[BookedVisit, ...]
    chain: tuple[ChainLink, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """Who and whose, beside an authorization."""

    plan: str
    payer: str
    patient: str


def of_patient(
    session: Session, viewer: Viewer, patient_external_id: str, used_here: Mapping[UUID, Decimal]
) -> tuple[Balance, ...]:
    """The patient's authorizations, those of the visit at hand first."""
    found = session.execute(
        _query()
        .where(AuthorizationRow.patient_external_id == patient_external_id)
        .order_by(AuthorizationRow.effective_to.desc())
    ).all()
    told = _courses(session, viewer, [row.AuthorizationRow for row in found])
    balances = [
        _balance(told[row.AuthorizationRow.id], _names(row), viewer, used_here.get(row.AuthorizationRow.id, NONE))
        for row in found
    ]
    return tuple(sorted(balances, key=lambda balance: balance.used_here == ""))


def bookings_of_patient(session: Session, viewer: Viewer, patient_external_id: str) -> tuple[BookedVisit, ...]:
    """The patient's visits ahead."""
    return _bookings(session, viewer, patient_external_id)


def page(session: Session, viewer: Viewer, view: str, cursor: str, typed: str = "") -> Page[Balance]:
    """A page of the list, soonest expiry first. typed: how a number, a patient's number or a last name begins."""
    begins = (
        column.istartswith(typed, autoescape=True)
        for column in (AuthorizationRow.number, AuthorizationRow.patient_external_id, PatientRow.last_name)
    )
    query = _query().where(or_(*begins)) if typed else _query()
    shown, more = fetch(session, _in_view(query, view, viewer.today), ORDER, cursor, PAGE_SIZE)
    told = _courses(session, viewer, [row.AuthorizationRow for row in shown])
    return Page(tuple(_balance(told[row.AuthorizationRow.id], _names(row), viewer, NONE) for row in shown), more)


def balances(session: Session, viewer: Viewer, ids: Sequence[UUID]) -> dict[UUID, Balance]:
    """Some authorizations, ready to print."""
    found = session.execute(_query().where(AuthorizationRow.id.in_(ids))).all() if ids else []
    told = _courses(session, viewer, [row.AuthorizationRow for row in found])
    return {
        row.AuthorizationRow.id: _balance(told[row.AuthorizationRow.id], _names(row), viewer, NONE) for row in found
    }


def detail(session: Session, viewer: Viewer, authorization_id: UUID) -> Detail | None:
    """One authorization: its course, its ledger entry by entry, what it covers, where it comes from."""
    found = session.execute(_query().where(AuthorizationRow.id == authorization_id)).one_or_none()
    if found is None:
        return None
    row: AuthorizationRow = found.AuthorizationRow
    course = _courses(session, viewer, [row])[row.id]
    measure = UnitOfMeasure(row.unit_of_measure)
    return Detail(
        balance=_balance(course, _names(found), viewer, NONE),
        chart=charts.burn_down_chart("course", course.grant, course.down, viewer.today),
        steps=tuple(step.text for step in course.down.steps),
        entries=_entries(session, viewer, row),
        before=measures.number(row.used_before_firstpass, measure) if row.used_before_firstpass else "",
        before_left=measures.number(row.quantity - row.used_before_firstpass, measure),
        visits=_covered(session, row),
        bookings=_bookings(session, viewer, row.patient_external_id, row),
        chain=_chain(session, row),
    )


def _courses(session: Session, viewer: Viewer, rows: Sequence[AuthorizationRow]) -> dict[UUID, Course]:
    book = book_of(session, session.get_one(PracticeRow, viewer.practice_id))
    return courses(session, book, rows, viewer.today)


def _query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            AuthorizationRow,
            PlanRow.name.label("plan"),
            PayerRow.name.label("payer"),
            PatientRow.first_name,
            PatientRow.last_name,
        )
        .join(PlanRow, PlanRow.id == AuthorizationRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .outerjoin(PatientRow, PatientRow.external_id == AuthorizationRow.patient_external_id)
    )


def _in_view(query: Select[*tuple[Any, ...]], view: str, today: date) -> Select[*tuple[Any, ...]]:
    if view == "all":
        return query
    if view == "ended":
        return query.where(AuthorizationRow.status != "active")
    active = query.where(AuthorizationRow.status == "active")
    if view == "low":
        spent = (
            select(func.coalesce(func.sum(AuthorizationUseRow.quantity), 0))
            .where(AuthorizationUseRow.authorization_id == AuthorizationRow.id)
            .scalar_subquery()
        )
        return active.where(AuthorizationRow.quantity - AuthorizationRow.used_before_firstpass - spent <= LOW_VISITS)
    if view == "expiring":
        return active.where(AuthorizationRow.effective_to <= today + timedelta(days=SOON_DAYS))
    return active


def _names(found: Any) -> _Names:
    return _Names(found.plan, found.payer, person_of(found))


def person_of(found: Any) -> str:
    """The patient of a row with both names; "" before the first visit."""
    return formats.person(found.first_name, found.last_name) if found.last_name else ""


def _balance(course: Course, names: _Names, viewer: Viewer, used_here: Decimal) -> Balance:
    row, down = course.row, course.down
    measure = UnitOfMeasure(row.unit_of_measure)
    state = _state(course, viewer.today)
    return Balance(
        id=str(row.id),
        href=f"/authorizations/{row.id}" if sees_authorizations(viewer) else "",
        number=row.number or NUMBER_TO_COME,
        kind=formats.words(row.kind),
        patient=names.patient,
        patient_id=row.patient_external_id,
        payer=names.payer,
        plan=names.plan,
        disciplines=", ".join(row.disciplines),
        codes=", ".join(row.codes) or "every code",
        bar=charts.bar(course, state.tone),
        left_text=f"{measures.number(down.left_after_booked, measure)} of {measures.words(row.quantity, measure)} left",
        from_day=formats.day(row.effective_from),
        to_day=formats.day(row.effective_to),
        run_out=_run_out(course),
        state=state,
        flags=", ".join(formats.words(str(flag)) for flag in row.flags),
        beyond=len(down.beyond),
        at_risk=formats.money(down.dollars_at_risk) if down.dollars_at_risk else "",
        used_here=measures.words(used_here, measure) if used_here else "",
    )


def _run_out(course: Course) -> str:
    down = course.down
    if down.runs_out_on is None or course.row.status not in IN_FORCE:
        return ""
    return f"{formats.day(down.runs_out_on)}{' (estimate)' if down.estimated else ''}"


def _state(course: Course, today: date) -> Chip:
    row, left = course.row, course.down.left_after_booked
    if row.status not in IN_FORCE:
        return Chip("calm", "○", formats.words(row.status))
    days = (row.effective_to - today).days
    if days < 0:
        return Chip("bad", "!", f"Expired {-days} d ago")
    if course.down.left <= 0:
        return Chip("bad", "!", "Nothing left")
    if left <= 0:
        return Chip("warn", "◔", "All booked")
    if left <= LOW_VISITS:
        return Chip("warn", "◔", f"{measures.number(left, UnitOfMeasure(row.unit_of_measure))} left")
    if days <= SOON_DAYS:
        return Chip("warn", "◔", f"Expires in {days} d")
    return Chip("good", "✓", "Active")


def _entries(session: Session, viewer: Viewer, row: AuthorizationRow) -> tuple[Entry, ...]:
    found = session.execute(
        select(AuthorizationUseRow, EncounterRow.external_id)
        .outerjoin(EncounterRow, EncounterRow.id == AuthorizationUseRow.encounter_id)
        .where(AuthorizationUseRow.authorization_id == row.id)
        .order_by(AuthorizationUseRow.created_at, AuthorizationUseRow.id)
        .limit(ENTRIES_MAX)
    )
    measure = UnitOfMeasure(row.unit_of_measure)
    stands = {UseBucket.USED.value: row.used_before_firstpass, UseBucket.RESERVED.value: NONE}
    told: list[Entry] = []
    for use, visit in found:
        stands[use.bucket] += use.quantity
        sign = "+" if use.quantity > 0 else "−"
        told.append(
            Entry(
                at=formats.instant(use.created_at, viewer.zone),
                subject=visit or "Booking",
                href=f"/encounters/{use.encounter_id}" if visit else "",
                service_day=formats.day(use.service_date),
                bucket=formats.words(use.bucket),
                change=f"{sign}{measures.number(abs(use.quantity), measure)}{f' {use.code}' if use.code else ''}",
                reason=formats.words(use.reason),
                used=measures.number(stands["used"], measure),
                reserved=measures.number(stands["reserved"], measure),
                left=measures.number(row.quantity - stands["used"] - stands["reserved"], measure),
            )
        )
    return tuple(told)


def _covered(session: Session, row: AuthorizationRow) -> tuple[CoveredVisit, ...]:
    amount = func.sum(AuthorizationUseRow.quantity)
    held = (
        select(AuthorizationUseRow.encounter_id, amount.label("quantity"))
        .where(AuthorizationUseRow.authorization_id == row.id, AuthorizationUseRow.encounter_id.is_not(None))
        .group_by(AuthorizationUseRow.encounter_id)
        .having(amount > 0)
        .subquery()
    )
    found = session.execute(
        select(EncounterRow, held.c.quantity)
        .join(held, held.c.encounter_id == EncounterRow.id)
        .order_by(EncounterRow.date_of_service, EncounterRow.external_id)
        .limit(ENTRIES_MAX)
    )
    measure = UnitOfMeasure(row.unit_of_measure)
    return tuple(
        CoveredVisit(
            href=f"/encounters/{visit.id}",
            visit=visit.external_id,
            service_day=formats.day(visit.date_of_service),
            discipline=visit.discipline,
            quantity=measures.words(quantity, measure),
            stage=stage_chip(visit.stage, visit.held_by, visit.closed_as),
        )
        for visit, quantity in found
    )


def _bookings(
    session: Session, viewer: Viewer, patient_external_id: str, row: AuthorizationRow | None = None
) -> tuple[BookedVisit, ...]:
    """Visits ahead; with ``row`` only those of its plan and disciplines."""
    query = (
        select(BookingRow)
        .where(BookingRow.patient_external_id == patient_external_id, BookingRow.state == BookingState.BOOKED)
        .order_by(BookingRow.starts_at)
    )
    if row is not None:
        query = query.where(BookingRow.plan_id == row.plan_id, BookingRow.discipline.in_(row.disciplines))
    booked = session.scalars(query.limit(ENTRIES_MAX)).all()
    amount = func.sum(AuthorizationUseRow.quantity)
    found = session.execute(
        select(AuthorizationUseRow.booking_id, AuthorizationRow.id, AuthorizationRow.number)
        .join(AuthorizationRow, AuthorizationRow.id == AuthorizationUseRow.authorization_id)
        .where(AuthorizationUseRow.booking_id.in_([booking.id for booking in booked]))
        .group_by(AuthorizationUseRow.booking_id, AuthorizationRow.id, AuthorizationRow.number)
        .having(amount > 0)
    )
    held = {booking_id: (key, number or NUMBER_TO_COME) for booking_id, key, number in found}
    return tuple(
        BookedVisit(
            service_day=formats.instant(booking.starts_at, viewer.zone),
            discipline=booking.discipline,
            reserved=held[booking.id][1] if booking.id in held else "",
            beyond=booking.beyond_limit,
        )
        for booking in booked
        if row is None or booking.id not in held or held[booking.id][0] == row.id
    )


def _chain(session: Session, row: AuthorizationRow) -> tuple[ChainLink, ...]:
    """From the first to the last: each replaced by the next, or granted in a case that ended the one before."""
    family = session.scalars(
        select(AuthorizationRow).where(
            AuthorizationRow.patient_external_id == row.patient_external_id, AuthorizationRow.plan_id == row.plan_id
        )
    ).all()
    by_id = {one.id: one for one in family}
    follows = {one.id: one.replaced_by for one in family if one.replaced_by in by_id}
    cases = session.scalars(
        select(AuthorizationCaseRow).where(
            AuthorizationCaseRow.predecessor_id.in_(by_id), AuthorizationCaseRow.granted_id.in_(by_id)
        )
    )
    follows |= {case.predecessor_id: case.granted_id for case in cases if case.predecessor_id and case.granted_id}
    comes_from = {after: before for before, after in follows.items()}
    chain = [row.id]
    while (before := comes_from.get(chain[0])) and before not in chain:
        chain.insert(0, before)
    while (after := follows.get(chain[-1])) and after not in chain:
        chain.append(after)
    return tuple(
        ChainLink(
            href=f"/authorizations/{key}",
            number=by_id[key].number or NUMBER_TO_COME,
            span=f"{formats.day(by_id[key].effective_from)} – {formats.day(by_id[key].effective_to)}",
            state=formats.words(by_id[key].status),
            current=key == row.id,
        )
        for key in chain
        if len(chain) > 1
    )
