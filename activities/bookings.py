"""Visits ahead, as the schedule tells them: booked, moved, cancelled, attended, missed. Each is one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from activities.clock import practice_day
from activities.intake import FieldError, field_errors, fingerprint
from activities.reservations import reassess
from billing.bookings import Booking
from models.ids import new_id
from models.store import authorizations
from models.store.book import Book, book_of
from models.store.life import audit
from models.store.session import practice_session
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
    results = [_receive_one(engine, practice_id, source, payload) for payload in payloads]
    with practice_session(engine, practice_id) as session:
        counts: dict[str, int] = {}
        for result in results:
            counts[result.status] = counts.get(result.status, 0) + 1
        audit(session, practice_id, source, "bookings.received", "bookings", counts)
    return results


def _receive_one(engine: Engine, practice_id: UUID, source: str, payload: Any) -> BookingResult:
    named = str(payload.get("booking_id") or "") if isinstance(payload, Mapping) else ""
    try:
        booking = Booking.model_validate(payload)
    except ValidationError as error:
        return BookingResult(named, None, "refused", errors=tuple(field_errors(error)))
    try:
        with practice_session(engine, practice_id) as session:
            return _keep(session, session.get_one(PracticeRow, practice_id), source, booking, fingerprint(payload))
    except DataError:
        unkept = FieldError("(the whole object)", "a text holds a character that cannot be stored; remove it")
        return BookingResult(booking.booking_id, booking.version, "refused", errors=(unkept,))


def _keep(session: Session, practice: PracticeRow, source: str, booking: Booking, sha256: str) -> BookingResult:
    book = book_of(session, practice)
    unknown = _unknown(book, booking)
    if unknown:
        return BookingResult(booking.booking_id, booking.version, "refused", errors=unknown)
    authorizations.lock_for_patient(session, practice.id, booking.patient)
    known = session.scalars(
        select(BookingRow)
        .where(BookingRow.practice_id == practice.id, BookingRow.external_id == booking.booking_id)
        .with_for_update()
    ).one_or_none()
    if known is not None and known.patient_external_id != booking.patient:
        other = FieldError("patient", "this booking was sent for another patient; cancel it and send a new booking_id")
        return BookingResult(booking.booking_id, booking.version, "refused", errors=(other,))
    if known is not None and booking.version <= known.version:
        return BookingResult(booking.booking_id, known.version, "unchanged", known.beyond_limit)
    values = _columns(book, practice, booking, source, sha256)
    if known is None:
        known = _insert(session, practice.id, booking.booking_id, values)
        if known is None:  # the same booking came in twice at once; the other one was first
            return _keep(session, practice, source, booking, sha256)
        status = "created"
    else:
        status = "updated"
        for name, value in values.items():
            setattr(known, name, value)
    reassess(session, practice, booking.patient, datetime.now(UTC))
    return BookingResult(booking.booking_id, booking.version, status, known.beyond_limit)


def _unknown(book: Book, booking: Booking) -> tuple[FieldError, ...]:
    names = [("plan_id", booking.plan_id, book.plan_ids), ("clinician_id", booking.clinician_id, book.clinician_ids)]
    return tuple(
        FieldError(path, f"{name!r} is not in the practice file; add it there and import it, or correct the id")
        for path, name, known in names
        if name is not None and name not in known
    )


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
    made = session.scalar(
        insert(BookingRow)
        .values(id=new_id(), practice_id=practice_id, external_id=external_id, beyond_limit="", **values)
        .on_conflict_do_nothing(index_elements=["practice_id", "external_id"])
        .returning(BookingRow.id)
    )
    return session.get_one(BookingRow, made) if made is not None else None
