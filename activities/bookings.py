"""Visits ahead, as the schedule tells them: booked, moved, cancelled, attended, missed. Each is one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from activities import receiving
from activities.clock import practice_day
from activities.receiving import Arrival, FieldError, Kind, RefusedError, fingerprint, refuse_unknown_names
from activities.reservations import reassess
from billing.bookings import Booking
from models.store import authorizations
from models.store.book import Book, book_of
from models.store.rows import insert_once
from models.tables.authorizations import BookingRow
from models.tables.practice import PracticeRow


@dataclass(frozen=True, slots=True)
class BookingResult:
    """What became of one booking. status: created | updated | unchanged | refused.

    beyond_limit: why no authorization covers it, "" where one does or none is needed.
    """

    booking_id: str
    version: int | None
    status: str
    beyond_limit: str = ""
    errors: tuple[FieldError, ...] = ()


def receive_bookings(engine: Engine, practice_id: UUID, source: str, payloads: Iterable[Any]) -> list[BookingResult]:
    """Take in bookings, each on its own and whole: booked, moved, cancelled, attended, missed.

    Idempotent by the sender's id and version: an older or equal version changes nothing, whatever it says, so order
    and doubles do no harm. A bad one is refused with the fields named, the others are kept. source: the name of the
    integration, for the record.
    """
    results = BOOKINGS.receive(engine, practice_id, source, payloads)
    receiving.count(engine, practice_id, source, "bookings", results)
    return results


def _refused(named: str, version: int | None, errors: tuple[FieldError, ...]) -> BookingResult:
    return BookingResult(named, version, receiving.REFUSED, errors=errors)


def _keep(arrival: Arrival[Booking]) -> BookingResult:
    session, practice, booking = arrival.session, arrival.practice, arrival.sent
    book = book_of(session, practice)
    refuse_unknown_names(
        (
            ("plan_id", booking.plan_id, book.plan_ids),
            ("clinician_id", booking.clinician_id, book.clinician_ids),
        )
    )
    authorizations.lock_for_patient(session, practice.id, booking.patient)
    known = session.scalars(
        select(BookingRow)
        .where(BookingRow.practice_id == practice.id, BookingRow.external_id == booking.booking_id)
        .with_for_update()
    ).one_or_none()
    if known is not None and known.patient_external_id != booking.patient:
        message = "this booking was sent for another patient; cancel it and send a new booking_id"
        raise RefusedError(FieldError("patient", message))
    if known is not None and booking.version <= known.version:
        return BookingResult(booking.booking_id, known.version, "unchanged", known.beyond_limit)
    values = _columns(book, practice, booking, arrival.source, fingerprint(arrival.payload))
    if known is None:
        known = _insert(session, practice.id, booking.booking_id, values)
        if known is None:  # the same booking came in twice at once; the other one was first
            return _keep(arrival)
        status = "created"
    else:
        status = "updated"
        for name, value in values.items():
            setattr(known, name, value)
    reassess(session, practice, booking.patient, datetime.now(UTC))
    return BookingResult(booking.booking_id, booking.version, status, known.beyond_limit)


def _columns(book: Book, practice: PracticeRow, booking: Booking, source: str, sha256: str) -> dict[str, Any]:
    return {
        "version": booking.version,
        "patient_external_id": booking.patient,
        "plan_id": book.plan_ids[booking.plan_id],
        "discipline": booking.discipline.value,
        "clinician_id": book.clinician_ids[booking.clinician_id] if booking.clinician_id else None,
        "starts_at": booking.starts_at,
        "service_date": practice_day(booking.starts_at, practice.time_zone),
        "is_evaluation": booking.is_evaluation,
        "expected": dict(booking.expected),
        "state": booking.state.value,
        "source": source,
        "sha256": sha256,
    }


def _insert(session: Session, practice_id: UUID, external_id: str, values: Mapping[str, Any]) -> BookingRow | None:
    made = insert_once(session, BookingRow, practice_id=practice_id, external_id=external_id, beyond_limit="", **values)
    return session.get_one(BookingRow, made) if made is not None else None


BOOKINGS = Kind(Booking, "booking_id", _keep, _refused)
