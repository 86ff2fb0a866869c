"""What bookings reserve on authorizations: worked out anew for the whole patient whenever anything changes.

A booking, a visit billed or given up, a grant: each time all of the patient's bookings are matched with the visits that
came, and reserve in the order of their days, under the lock of the patient's authorizations. So what is reserved
depends only on what is known in the end, not on the order in which it became known.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from activities import authorization_cases as cases
from activities.booked_limits import passed
from activities.clock import practice_day
from activities.nudges import tell_authorizations
from billing import payment
from billing.authorization import Billed, Wanted, need, waived
from billing.bookings import STALE_DAYS, Ahead, Reservation, Slot, Visit, match, reserve
from billing.context import NoneNeeded
from billing.practice import PlanTerms
from billing.vocabulary import BookingState, Discipline
from models.store import authorizations
from models.store.book import Book, book_of
from models.tables.authorizations import AuthorizationUseRow, BookingRow
from models.tables.claims import ClaimRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PracticeRow

EXPECTED = (BookingState.BOOKED.value, BookingState.ATTENDED.value)
NOTHING: Mapping[str, Decimal] = {}


class _Arrived(NamedTuple):
    """A visit as reservations see it. done: billed, given up, or cancelled, so that nothing is reserved for it."""

    visit: Visit
    encounter_id: UUID
    episode_id: UUID
    cancelled: bool
    done: bool


def release_use(session: Session, row: EncounterRow, reason: str, now: datetime) -> None:
    """A visit that is not billed to its plan gives back what it used, and what was reserved for it."""
    authorizations.lock_for_patient(session, row.practice_id, row.facts["patient"]["patient_id"])
    changed = authorizations.set_use(session, row, None, NOTHING, reason)
    tell_authorizations(session, row.practice_id, changed)
    reassess_for_visit(session, row, now)


def reassess_for_visit(session: Session, row: EncounterRow, now: datetime) -> None:
    """Work the patient's reservations out anew, if anything is booked at all: a visit came, was billed or given up."""
    patient = row.facts["patient"]["patient_id"]
    booked = select(
        exists().where(BookingRow.practice_id == row.practice_id, BookingRow.patient_external_id == patient)
    )
    if session.scalar(booked):
        reassess(session, session.get_one(PracticeRow, row.practice_id), patient, now)


def reassess(session: Session, practice: PracticeRow, patient: str, now: datetime) -> None:
    """Match the patient's bookings with visits, reserve what can be reserved, mark what lies beyond every limit."""
    rows = authorizations.lock_for_patient(session, practice.id, patient)
    bookings = session.scalars(
        select(BookingRow)
        .where(BookingRow.practice_id == practice.id, BookingRow.patient_external_id == patient)
        .order_by(BookingRow.id)
        .with_for_update()
    ).all()
    if not bookings:
        return
    arrived = _arrived(session, practice.id, patient)
    _link(bookings, arrived)
    book, today = book_of(session, practice), practice_day(now, practice.time_zone)
    balances = authorizations.balances(session, book, rows)
    waivers = authorizations.none_needed(session, book, patient)
    expected = [row for row in bookings if _is_expected(row, arrived, today)]
    ahead = _ahead(book, expected, arrived.values(), waivers)
    reserved = {one.booking_id: one for one in reserve(ahead, balances)}
    to_come = [row for row in expected if row.encounter_id is None]
    beyond = passed(session, book, patient, to_come, _carried(reserved))
    extensible = [row for row in to_come if row.external_id in beyond and row.external_id not in reserved]
    if extensible:  # their terms want no authorization, but a soft limit yields to one
        extended = reserve([*ahead, *_beyond_a_limit(book, extensible)], balances)
        wanting = {one.booking_id for one in ahead}
        reserved = {one.booking_id: one for one in extended if one.authorization_id or one.booking_id in wanting}
        beyond = passed(session, book, patient, to_come, _carried(reserved))
    for row in bookings:
        row.benefit_excess, row.beyond_benefit = beyond.get(row.external_id, ("", ""))
    _write(session, practice, bookings, reserved, arrived, now)


def _arrived(session: Session, practice_id: UUID, patient: str) -> dict[UUID, _Arrived]:
    """The patient's visits by id."""
    facts = EncounterRow.facts
    used = (
        select(func.coalesce(func.sum(AuthorizationUseRow.quantity), 0))
        .where(AuthorizationUseRow.encounter_id == EncounterRow.id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            EncounterRow.id,
            EncounterRow.external_id,
            func.coalesce(facts["booking_id"].astext, "").label("booking"),
            EncounterRow.date_of_service,
            EncounterRow.discipline,
            EncounterRow.episode_id,
            (facts["cancelled"].astext == "true").label("cancelled"),
            EncounterRow.disposition,
            used.label("used"),
            exists().where(ClaimRow.encounter_id == EncounterRow.id).label("billed"),
        )
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(PatientRow.practice_id == practice_id, PatientRow.external_id == patient)
    )
    return {
        row.id: _Arrived(
            Visit(row.external_id, row.booking, row.date_of_service, row.discipline),
            row.id,
            row.episode_id,
            bool(row.cancelled),
            bool(row.cancelled or row.disposition or row.used or row.billed),
        )
        for row in rows
    }


def _link(bookings: Iterable[BookingRow], arrived: Mapping[UUID, _Arrived]) -> None:
    """Each booking names the visit it became, if one came."""
    rows = {row.external_id: row for row in bookings}
    slots = [Slot(row.external_id, row.service_date, row.discipline, row.starts_at, row.state) for row in rows.values()]
    became = match(slots, [one.visit for one in arrived.values()])
    ids = {one.visit.visit_id: one.encounter_id for one in arrived.values()}
    for name, row in rows.items():
        visit = ids[became[name]] if name in became else None
        if row.encounter_id == visit:
            continue
        row.encounter_id = visit
        if row.state in EXPECTED:
            row.state = (BookingState.ATTENDED if visit else BookingState.BOOKED).value


def _is_expected(row: BookingRow, arrived: Mapping[UUID, _Arrived], today: date) -> bool:
    """Whether something has to be kept free for it."""
    if row.state not in EXPECTED:
        return False
    if row.encounter_id is not None:
        return not arrived[row.encounter_id].done
    return row.service_date >= today - timedelta(days=STALE_DAYS)


def _ahead(
    book: Book, expected: Iterable[BookingRow], arrived: Iterable[_Arrived], waivers: tuple[NoneNeeded, ...]
) -> list[Ahead]:
    """The bookings that want an authorization, as plan terms or a payer's word have it."""
    ordered = sorted(expected, key=lambda row: (row.starts_at, row.external_id))
    visits = [one for one in arrived if not one.cancelled]
    wanting = []
    for row in ordered:
        page = book.plans[row.plan_id]
        terms = page.terms_on(row.service_date)
        if terms is None or not need(terms, row.is_evaluation, _visit_number(row, ordered, visits)).needed:
            continue
        if waived(waivers, page.plan_id, Discipline(row.discipline), row.service_date) is None:
            wanted = _wanted(book, row, terms)
            wanting.append(Ahead(row.external_id, (row.starts_at, row.external_id), wanted))
    return wanting


def _carried(reserved: Mapping[str, Reservation]) -> set[str]:
    return {name for name, one in reserved.items() if one.authorization_id is not None}


def _beyond_a_limit(book: Book, rows: Iterable[BookingRow]) -> list[Ahead]:
    """Bookings whose terms want no authorization, as such that would take one."""
    dated = [(row, book.plans[row.plan_id].terms_on(row.service_date)) for row in rows]
    return [
        Ahead(row.external_id, (row.starts_at, row.external_id), _wanted(book, row, terms))
        for row, terms in dated
        if terms
    ]


def _visit_number(row: BookingRow, booked: Iterable[BookingRow], visits: Iterable[_Arrived]) -> int:
    """Which visit of its episode a booking will be: days of the discipline's latest episode, and booked days before."""
    before, discipline = row.service_date, row.discipline
    of_discipline = [one for one in visits if one.visit.discipline == discipline and one.visit.day < before]
    latest = max(of_discipline, key=lambda one: one.visit.day, default=None)
    days = {one.visit.day for one in of_discipline if latest is not None and one.episode_id == latest.episode_id}
    days |= {one.service_date for one in booked if one.discipline == discipline and one.service_date < before}
    return len(days) + 1


def _wanted(book: Book, row: BookingRow, terms: PlanTerms) -> Wanted:
    clinicians = {clinician_id: name for name, clinician_id in book.clinician_ids.items()}
    clinician = book.clinicians[clinicians[row.clinician_id]] if row.clinician_id in clinicians else None
    return Wanted(
        plan_id=book.plans[row.plan_id].plan_id,
        day=row.service_date,
        discipline=Discipline(row.discipline),
        lines=_lines(book, row, terms) if row.expected else None,
        npi=(clinician.npi or "") if clinician else "",
    )


def _lines(book: Book, row: BookingRow, terms: PlanTerms) -> tuple[Billed, ...]:
    """What is planned, with what the plan would allow for it."""
    lines = []
    for code, units in sorted(row.expected.items()):
        charges = payment.fees_on(book.fees.get(code, ()), row.service_date)
        rate = payment.allowed_per_unit(code, terms, charges) or Decimal(0)
        lines.append(Billed(code, units, rate * units))
    return tuple(lines)


def _write(
    session: Session,
    practice: PracticeRow,
    bookings: Sequence[BookingRow],
    reserved: Mapping[str, Reservation],
    arrived: Mapping[UUID, _Arrived],
    now: datetime,
) -> None:
    wanted = {}
    for row in bookings:
        kept = reserved.get(row.external_id, Reservation(row.external_id, None, NOTHING))
        chosen = UUID(kept.authorization_id) if kept.authorization_id else None
        wanted[row] = authorizations.Reserved(chosen, kept.by_code), _reason(row, arrived)
        row.beyond_limit = kept.reason
    changed = authorizations.set_reservations(session, wanted)
    session.flush()
    tell_authorizations(session, practice.id, changed)
    for row in _soonest_beyond(bookings, practice_day(now, practice.time_zone)):
        cases.open_for_booking(session, practice, row, now)
    cases.look_again(session, practice.id, bookings[0].patient_external_id)


def _soonest_beyond(bookings: Iterable[BookingRow], today: date) -> Iterable[BookingRow]:
    """Per plan and discipline the first booking ahead that nothing covers: one case asks for all of them."""
    beyond = (row for row in bookings if row.beyond_limit and row.encounter_id is None and row.service_date >= today)
    soonest: dict[tuple[UUID, str], BookingRow] = {}
    for row in sorted(beyond, key=lambda one: (one.starts_at, one.external_id)):
        soonest.setdefault((row.plan_id, row.discipline), row)
    return soonest.values()


def _reason(row: BookingRow, arrived: Mapping[UUID, _Arrived]) -> str:
    if row.state not in EXPECTED:
        return row.state.replace("_", " ")
    if row.encounter_id is not None:
        return "visit billed" if arrived[row.encounter_id].done else "attended"
    return "booked"
