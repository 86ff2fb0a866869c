"""The booked visits of the next days, with those no authorization covers, and one of them as the answer to a form."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from billing.vocabulary import BookingState
from models.store.book import book_of
from models.store.covers import Cover, covers
from models.tables.authorizations import BookingRow
from models.tables.desk import WorkItemRow
from models.tables.patients import CoverageRow, PatientRow
from models.tables.practice import ClinicianRow, PayerRow, PlanRow, PracticeRow
from web import formats
from web.formats import Chip
from web.reads.paging import Order, Page, fetch
from web.reads.search import day_of, every_word, holds
from web.viewer import Viewer

PAGE_SIZE = 50
ORDER = Order(BookingRow.starts_at, BookingRow.id, datetime.fromisoformat)
DAYS_SHOWN = 14
BY_HAND = "hand-"  # how the ids of bookings begin that people entered here
VIEWS = {"beyond": "Beyond the limit", "all": "All booked", "ended": "Cancelled and missed"}
NUMBER_TO_COME = "number to come"
STATES = {
    BookingState.BOOKED: Chip("info", "◑", "Booked"),
    BookingState.ATTENDED: Chip("good", "✓", "Attended"),
    BookingState.CANCELLED: Chip("calm", "○", "Cancelled"),
    BookingState.NO_SHOW: Chip("calm", "○", "Missed"),
}


@dataclass(frozen=True, slots=True)
class Booking:
    """One booked visit, ready to print. by_hand: entered here, so it is moved and cancelled here."""

    id: str
    external_id: str
    version: int
    starts: str
    day_value: str
    time_value: str
    patient: str
    patient_id: str
    payer: str
    discipline: str
    clinician: str
    evaluation: bool
    state: Chip
    is_booked: bool
    beyond: bool
    covered: str
    authorization_href: str
    offers: tuple[str, ...]
    case_href: str
    by_hand: bool
    source: str


def page(session: Session, viewer: Viewer, view: str, cursor: str, typed: str = "") -> Page[Booking]:
    """The next 14 days, soonest first; everything beyond a limit, and whatever is searched for, however far ahead.

    typed: words of a patient, payer or clinician, or a day.
    """
    shown, more = fetch(session, _in_view(_query(), viewer, view, typed), ORDER, cursor, PAGE_SIZE)
    return Page(_printed(session, viewer, shown), more)


def counts(session: Session, viewer: Viewer, typed: str = "") -> dict[str, int]:
    """How many bookings each view shows."""
    return {
        view: session.scalar(select(func.count()).select_from(_in_view(_query(), viewer, view, typed).subquery())) or 0
        for view in VIEWS
    }


def one(session: Session, viewer: Viewer, external_id: str) -> Booking | None:
    """A booking by the sender's id."""
    found = session.execute(_query().where(BookingRow.external_id == external_id)).all()
    return next(iter(_printed(session, viewer, found)), None)


def plan_on_file(session: Session, patient_external_id: str) -> str | None:
    """The plan that pays first for a patient we know, by the practice's own id of it."""
    return session.scalar(
        select(PlanRow.external_id)
        .join(CoverageRow, CoverageRow.plan_id == PlanRow.id)
        .join(PatientRow, PatientRow.id == CoverageRow.patient_id)
        .where(PatientRow.external_id == patient_external_id)
        .order_by(CoverageRow.rank, CoverageRow.created_at.desc())
        .limit(1)
    )


def plan_choices(session: Session) -> tuple[tuple[str, str], ...]:
    """Plans of the practice, payer first."""
    found = session.execute(
        select(PlanRow.external_id, PayerRow.name, PlanRow.name)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .order_by(PayerRow.name, PlanRow.name)
        .limit(500)
    )
    return tuple((external_id, f"{payer}, {plan}") for external_id, payer, plan in found)


def _query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            BookingRow,
            PatientRow.first_name,
            PatientRow.last_name,
            PayerRow.name.label("payer"),
            ClinicianRow.first_name.label("clinician_first"),
            ClinicianRow.last_name.label("clinician_last"),
        )
        .join(PlanRow, PlanRow.id == BookingRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .outerjoin(PatientRow, PatientRow.external_id == BookingRow.patient_external_id)
        .outerjoin(ClinicianRow, ClinicianRow.id == BookingRow.clinician_id)
    )


def _in_view(query: Select[*tuple[Any, ...]], viewer: Viewer, view: str, typed: str) -> Select[*tuple[Any, ...]]:
    first, last = viewer.today, viewer.today + timedelta(days=DAYS_SHOWN)
    query = query.where(every_word(typed, lambda word: _fits(word, viewer.today))) if typed else query
    if view == "ended":
        ended = (BookingState.CANCELLED, BookingState.NO_SHOW)
        return query.where(BookingRow.state.in_(ended), BookingRow.service_date >= first - timedelta(days=DAYS_SHOWN))
    booked = query.where(BookingRow.state == BookingState.BOOKED, BookingRow.service_date >= first)
    if view == "beyond":
        return booked.where(or_(BookingRow.beyond_limit != "", BookingRow.benefit_excess != ""))
    return booked if typed else booked.where(BookingRow.service_date <= last)


def _fits(word: str, today: date) -> list[ColumnElement[bool]]:
    day = day_of(word, today)
    return [*holds(word, *_NAMED_BY), *([BookingRow.service_date == day] if day else [])]


def _printed(session: Session, viewer: Viewer, found: Any) -> tuple[Booking, ...]:
    rows = [entry.BookingRow for entry in found]
    book = book_of(session, session.get_one(PracticeRow, viewer.practice_id))
    told = covers(session, book, rows, viewer.today)
    cases = {cover.case_id for cover in told.values() if cover.case_id}
    asked = session.execute(
        select(WorkItemRow.authorization_case_id, WorkItemRow.id).where(
            WorkItemRow.authorization_case_id.in_(cases), WorkItemRow.closed_at.is_(None)
        )
    )
    items = {case_id: item_id for case_id, item_id in asked if case_id is not None}
    return tuple(_booking(entry, viewer, told[entry.BookingRow.id], items) for entry in found)


def _booking(found: Any, viewer: Viewer, cover: Cover, items: dict[UUID, UUID]) -> Booking:
    row: BookingRow = found.BookingRow
    starts = row.starts_at.astimezone(viewer.zone)
    covered = f"{cover.number or NUMBER_TO_COME}, {cover.left} left" if cover.authorization_id else ""
    return Booking(
        id=str(row.id),
        external_id=row.external_id,
        version=row.version,
        starts=formats.instant(row.starts_at, viewer.zone),
        day_value=starts.date().isoformat(),
        time_value=f"{starts:%H:%M}",
        patient=formats.person(found.first_name, found.last_name) if found.last_name else "",
        patient_id=row.patient_external_id,
        payer=found.payer,
        discipline=row.discipline,
        clinician=formats.person(found.clinician_first, found.clinician_last) if found.clinician_last else "",
        evaluation=row.is_evaluation,
        state=STATES[BookingState(row.state)],
        is_booked=row.state == BookingState.BOOKED,
        beyond=cover.beyond,
        covered=cover.why or covered,
        authorization_href=f"/authorizations/{cover.authorization_id}" if cover.authorization_id else "",
        offers=tuple(offer.text for offer in cover.offers),
        case_href=f"/queues/authorization/{items[cover.case_id]}" if cover.case_id in items else "",
        by_hand=row.external_id.startswith(BY_HAND),
        source=row.source,
    )


_NAMED_BY = (
    PatientRow.last_name,
    PatientRow.first_name,
    BookingRow.patient_external_id,
    PayerRow.name,
    ClinicianRow.last_name,
)
