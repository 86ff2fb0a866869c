"""Visits ahead: which signed visit a booking became, and which authorization a booking may reserve.

Both are worked out anew from all that is known of a patient, so the order in which word arrives changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field

from billing.authorization import Wanted, covers, first_choice, less, narrow, usage
from billing.context import AuthorizationBalance
from billing.encounter import Code, Identifier, Record, Version
from billing.vocabulary import BookingState, Discipline

STALE_DAYS = 14  # a booking of the past of which no visit came no longer reserves (practice default)


class Booking(Record):
    """A booked visit, in the version the sender now holds to be true. Sent whole each time."""

    booking_id: Identifier = Field(description="The sender's own id of the booking; it stays when the visit is moved.")
    version: Version = Field(description="Rises with every change; an older or equal one changes nothing.")
    patient: Identifier = Field(description="The sender's patient_id.")
    plan_id: Identifier = Field(description="The plan that will be asked to pay first; a plan of the practice file.")
    discipline: Discipline
    clinician_id: Identifier | None = Field(default=None, description="A clinician of the practice file.")
    starts_at: AwareDatetime
    is_evaluation: bool = False
    expected: dict[Code, Annotated[int, Field(ge=1, le=99)]] = Field(
        default_factory=dict, description="code -> units that are planned, as far as known."
    )
    state: BookingState = BookingState.BOOKED


class Visit(NamedTuple):
    """A visit as the chart sent it. visit_id: the chart's own id; booking: the booking's id, where it names one."""

    visit_id: str
    booking: str
    day: date
    discipline: str


class Slot(NamedTuple):
    """A booking as far as matching cares."""

    booking_id: str
    day: date
    discipline: str
    starts_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """A booking that wants an authorization. order: who comes first when not all fit."""

    booking_id: str
    order: tuple[datetime, str]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a booking reserves: by code, of which authorization (None: none covers it, and why)."""

    booking_id: str
    authorization_id: str | None
    by_code: Mapping[str, Decimal]
    reason: str = ""


def match(slots: Iterable[Slot], visits: Iterable[Visit]) -> dict[str, str]:
    """Which visit each booking became: the one that names it, else one of its day and discipline that names none.

    A cancelled booking, and one nobody came to, became none.
    """
    open_slots = sorted(
        (slot for slot in slots if slot.state in (BookingState.BOOKED, BookingState.ATTENDED)),
        key=lambda slot: (slot.starts_at, slot.booking_id),
    )
    arrived = sorted(visits, key=lambda visit: (visit.day, visit.visit_id))
    by_name = {visit.booking: visit.visit_id for visit in reversed(arrived) if visit.booking}
    became = {slot.booking_id: by_name[slot.booking_id] for slot in open_slots if slot.booking_id in by_name}
    unnamed = [visit for visit in arrived if not visit.booking]
    for slot in open_slots:
        if slot.booking_id in became:
            continue
        found = next((one for one in unnamed if (one.day, one.discipline) == (slot.day, slot.discipline)), None)
        if found is not None:
            became[slot.booking_id] = found.visit_id
            unnamed.remove(found)
    return became


def reserve(bookings: Iterable[Ahead], balances: Sequence[AuthorizationBalance]) -> list[Reservation]:
    """What each booking reserves, the earliest first, of what visits have left.

    balances: with all that visits use taken off, and no reservation of these bookings.
    """
    pockets = {balance.authorization_id: balance for balance in balances}
    reservations = []
    for booking in sorted(bookings, key=lambda one: one.order):
        fitting, missing = narrow(list(pockets.values()), booking.wanted)
        if missing is not None:
            reason = f"{missing.message} {_detail(pockets.values(), booking.wanted)}".rstrip()
            reservations.append(Reservation(booking.booking_id, None, {}, reason))
            continue
        chosen = first_choice(fitting)
        taken = usage(chosen, booking.wanted)
        pockets[chosen.authorization_id] = less(chosen, booking.wanted, taken)
        reservations.append(Reservation(booking.booking_id, chosen.authorization_id, taken))
    return reservations


def _detail(balances: Iterable[AuthorizationBalance], wanted: Wanted) -> str:
    """Which authorization would have done and is used or booked up."""
    spent = [
        balance.number or "the one whose number is to come"
        for balance in balances
        if balance.plan_id == wanted.plan_id
        and covers(balance, wanted)
        and balance.effective_from <= wanted.day <= balance.effective_to
    ]
    return f"Used or booked up: {', '.join(sorted(spent))}." if spent else ""
