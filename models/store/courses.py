"""The course of authorizations: their ledger, the bookings ahead and the patient's habits, as the forecast wants them.

A handful of statements for any number of authorizations, so that one page may show hundreds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.authorization_ledger import Entry, costs
from billing.forecast import LOOK_BACK_DAYS, NO_MONEY, BurnDown, Draw, Grant, Habits, burn_down, usual_frequency
from billing.vocabulary import BookingState, UnitOfMeasure, UseBucket
from models.store import authorizations
from models.store.book import Book
from models.tables.authorizations import AuthorizationRow, BookingRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.patients import PatientRow

LEAD_DAYS = 7  # where the plan has no terms today (practice default)
PRICED_DAYS = 90  # over which the usual payment of a visit is taken (practice default)
CENT = Decimal("0.01")
OVER = ("replaced", "not_continued", "voided")


@dataclass(frozen=True, slots=True)
class Course:
    """One authorization with what became of it and what will."""

    row: AuthorizationRow
    grant: Grant
    down: BurnDown

    @property
    def used(self) -> Decimal:
        """Billed so far, what was used before Firstpass included."""
        return self.grant.quantity - self.down.left

    @property
    def ends_on(self) -> date:
        """The earlier of run-out and expiry."""
        return self.down.runs_out_on or self.grant.effective_to


def courses(session: Session, book: Book, rows: Sequence[AuthorizationRow], today: date) -> dict[UUID, Course]:
    """Each authorization's burn-down as of ``today``."""
    if not rows:
        return {}
    used, reserved = _ledger(session, rows)
    beyond = _beyond(session, rows)
    days, prices = _visit_days(session, rows, today), _prices(session, rows, today)
    told = {}
    for row in rows:
        grant = grant_of(row)
        recent = [day for name in row.disciplines for day in days[(row.patient_external_id, name)]]
        paid = [price for name in row.disciplines if (price := prices.get((row.plan_id, name)))]
        habits = Habits(
            lead_days=lead_days_of(book, row, today),
            visits_per_week=usual_frequency(recent, today),
            expected_payment=max(paid, default=NO_MONEY),
        )
        told[row.id] = Course(
            row, grant, burn_down(grant, used[row.id], reserved[row.id], today, habits, beyond[row.id])
        )
    return told


def grant_of(row: AuthorizationRow) -> Grant:
    """The row as the forecast wants it."""
    return Grant(
        quantity=row.quantity,
        unit_of_measure=UnitOfMeasure(row.unit_of_measure),
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        used_before=row.used_before_firstpass,
    )


def lead_days_of(book: Book, row: AuthorizationRow, today: date) -> int:
    """How long the payer usually takes to answer, in days: a term of the plan."""
    terms = book.plans[row.plan_id].terms_on(today)
    return terms.authorization_lead_days if terms else LEAD_DAYS


def _ledger(
    session: Session, rows: Sequence[AuthorizationRow]
) -> tuple[dict[UUID, list[Draw]], dict[UUID, list[Draw]]]:
    """What visits have used and what bookings have reserved, each with its day, as they count."""
    held = authorizations.entries_of(session, [row.id for row in rows])
    used: dict[UUID, list[Draw]] = {}
    reserved: dict[UUID, list[Draw]] = {}
    for row in rows:
        counting = costs(authorizations.measured(row), held[row.id])
        used[row.id] = _draws(entry for entry in counting if entry.bucket is UseBucket.USED)
        reserved[row.id] = _draws(entry for entry in counting if entry.bucket is UseBucket.RESERVED)
    return used, reserved


def _draws(entries: Iterable[Entry]) -> list[Draw]:
    """One per visit or booking, whatever its codes."""
    taken: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for entry in entries:
        taken[entry.subject, entry.service_date] += entry.quantity
    return [Draw(day, quantity) for (_, day), quantity in taken.items() if quantity > 0]


def _beyond(session: Session, rows: Sequence[AuthorizationRow]) -> dict[UUID, list[Draw]]:
    """Booked visits nothing covers, each with the authorization it comes after: of its patient, plan and discipline the
    last one that begins by its day."""
    patients = {row.patient_external_id for row in rows}
    waiting = session.scalars(
        select(BookingRow).where(
            BookingRow.patient_external_id.in_(patients),
            BookingRow.state == BookingState.BOOKED,
            BookingRow.beyond_limit != "",
        )
    ).all()
    beyond: dict[UUID, list[Draw]] = defaultdict(list)
    if not waiting:
        return beyond
    held = session.scalars(
        select(AuthorizationRow)
        .where(AuthorizationRow.patient_external_id.in_(patients), AuthorizationRow.status.notin_(OVER))
        .order_by(AuthorizationRow.effective_to, AuthorizationRow.id)
    ).all()
    for booking in waiting:
        before = [row for row in held if _comes_after(booking, row)]
        if before:
            beyond[before[-1].id].append(Draw(booking.service_date))
    return beyond


def _comes_after(booking: BookingRow, row: AuthorizationRow) -> bool:
    return (
        row.patient_external_id == booking.patient_external_id
        and row.plan_id == booking.plan_id
        and booking.discipline in row.disciplines
        and row.effective_from <= booking.service_date
    )


def _visit_days(session: Session, rows: Sequence[AuthorizationRow], today: date) -> dict[tuple[str, str], list[date]]:
    """The days on which patients were treated lately, by patient and discipline: whatever authorization they used."""
    found = session.execute(
        select(PatientRow.external_id, EncounterRow.discipline, EncounterRow.date_of_service)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(
            PatientRow.external_id.in_({row.patient_external_id for row in rows}),
            EncounterRow.date_of_service > today - timedelta(days=LOOK_BACK_DAYS),
            EncounterRow.date_of_service <= today,
        )
    )
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    for patient, discipline, day in found:
        days[patient, discipline].append(day)
    return days


def _prices(session: Session, rows: Sequence[AuthorizationRow], today: date) -> dict[tuple[UUID, str], Decimal]:
    """What a visit brings, by plan and discipline: the mean of what lately evaluated visits were expected to."""
    found = session.execute(
        select(EncounterRow.plan_id, EncounterRow.discipline, func.avg(EvaluationRow.expected_payment))
        .join(EncounterRow, EncounterRow.id == EvaluationRow.encounter_id)
        .where(
            EncounterRow.plan_id.in_({row.plan_id for row in rows}),
            EncounterRow.date_of_service > today - timedelta(days=PRICED_DAYS),
            EvaluationRow.expected_payment > 0,
        )
        .group_by(EncounterRow.plan_id, EncounterRow.discipline)
    )
    return {(plan, discipline): Decimal(price).quantize(CENT) for plan, discipline, price in found}
