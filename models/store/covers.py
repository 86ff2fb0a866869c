"""Whether a booked visit is covered, by what, and if not: why, and what the front desk can offer meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import measures
from billing.vocabulary import AuthorizationCaseState, BookingState, UnitOfMeasure, UseBucket
from models.store.book import Book
from models.store.courses import LEAD_DAYS, courses
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, AuthorizationUseRow, BookingRow

OfferKey = Literal["wait_for_payer", "later_day", "patient_pays"]
HARD = "hard_limit"  # excluded by contract: nothing a payer may be asked for extends it
ASKED = {
    AuthorizationCaseState.NEEDED: "is to be asked for one",
    AuthorizationCaseState.BUILDING: "is about to be asked for one",
    AuthorizationCaseState.SENT: "has been asked for one",
    AuthorizationCaseState.INFORMATION_ASKED: "wants to know more before it answers",
    AuthorizationCaseState.EXTENSION_REQUESTED: "has been asked for an extension",
    AuthorizationCaseState.DENIED: "has refused one",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that can be done about a visit beyond its limit. on: the day it names, if it names one."""

    key: OfferKey
    text: str
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """How a booked visit stands. external_id, number and left: of the authorization
    it reserves on, by the sender's id of it ("" where it needs none)."""

    beyond: bool
    why: str = ""
    authorization_id: UUID | None = None
    external_id: str = ""
    number: str = ""
    left: str = ""
    offers: tuple[Offer, ...] = ()
    case_id: UUID | None = None


def is_beyond(booking: BookingRow) -> bool:
    """Whether no authorization covers it, or it passes a benefit limit of the plan."""
    return bool(booking.beyond_limit or booking.benefit_excess)


def covers(session: Session, book: Book, bookings: Sequence[BookingRow], today: date) -> dict[UUID, Cover]:
    """Each booking's cover, in a handful of statements for all of them."""
    reserved = _reserved(session, book, bookings, today)
    beyond = [booking for booking in bookings if booking.state == BookingState.BOOKED and is_beyond(booking)]
    cases = _cases(session, beyond)
    return {
        booking.id: _beyond(book, booking, cases, today)
        if booking in beyond
        else reserved.get(booking.id, Cover(beyond=False))
        for booking in bookings
    }


def _reserved(session: Session, book: Book, bookings: Sequence[BookingRow], today: date) -> dict[UUID, Cover]:
    amount = func.sum(AuthorizationUseRow.quantity)
    held = session.execute(
        select(AuthorizationUseRow.booking_id, AuthorizationRow)
        .join(AuthorizationRow, AuthorizationRow.id == AuthorizationUseRow.authorization_id)
        .where(
            AuthorizationUseRow.booking_id.in_([booking.id for booking in bookings]),
            AuthorizationUseRow.bucket == UseBucket.RESERVED,
        )
        .group_by(AuthorizationUseRow.booking_id, AuthorizationRow.id)
        .having(amount > 0)
    ).all()
    rows = {row.id: row for _, row in held}
    told = courses(session, book, list(rows.values()), today)
    return {
        booking_id: Cover(
            beyond=False,
            authorization_id=row.id,
            external_id=row.external_id,
            number=row.number,
            left=measures.words(told[row.id].down.left_after_booked, UnitOfMeasure(row.unit_of_measure)),
        )
        for booking_id, row in held
        if booking_id is not None
    }


def _cases(session: Session, bookings: Sequence[BookingRow]) -> Sequence[AuthorizationCaseRow]:
    """What payers were asked or answered about these patients; the open ones first, then the newest."""
    if not bookings:
        return ()
    return session.scalars(
        select(AuthorizationCaseRow)
        .where(AuthorizationCaseRow.patient_external_id.in_({booking.patient_external_id for booking in bookings}))
        .order_by(AuthorizationCaseRow.closed_at.is_not(None), AuthorizationCaseRow.opened_at.desc())
    ).all()


def _beyond(book: Book, booking: BookingRow, cases: Sequence[AuthorizationCaseRow], today: date) -> Cover:
    case = next((case for case in cases if _is_about(case, booking)), None)
    terms = book.plans[booking.plan_id].terms_on(today)
    lead_days = terms.authorization_lead_days if terms else LEAD_DAYS
    answered_by = today + timedelta(days=lead_days)
    why = " ".join(said for said in (booking.beyond_limit, booking.beyond_benefit) if said)
    offers = [_asking(case, book.plans[booking.plan_id].payer_name)] if booking.benefit_excess != HARD else []
    if offers and booking.service_date < answered_by:
        text = f"Book it on or after {answered_by}: this payer usually answers within {lead_days} days"
        offers.append(Offer("later_day", text, answered_by))
    if terms is None or terms.patient_may_be_billed_beyond_limit:
        offers.append(Offer("patient_pays", "The patient may pay for it, told and signed for beforehand"))
    return Cover(beyond=True, why=why, offers=tuple(offers), case_id=case.id if case else None)


def _is_about(case: AuthorizationCaseRow, booking: BookingRow) -> bool:
    return (
        case.patient_external_id == booking.patient_external_id
        and case.plan_id == booking.plan_id
        and booking.discipline in case.disciplines
        and case.closed_at is None
    )


def _asking(case: AuthorizationCaseRow | None, payer: str) -> Offer:
    if case is None:
        return Offer("wait_for_payer", f"Ask {payer} for an authorization; keep the booking and watch it")
    asked = ASKED.get(AuthorizationCaseState(case.state), "has been asked for one")
    return Offer("wait_for_payer", f"{payer} {asked}; keep the booking, it is covered by itself once one is recorded")
