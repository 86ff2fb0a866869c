"""Authorizations and their use: balances are summed from the ledger of uses, under a lock on the authorization."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.authorization_ledger import Entry, Measured, Standing, standing, typical
from billing.context import AuthorizationBalance, NoneNeeded
from billing.vocabulary import AuthorizationCaseState, Discipline, SameDayCounting, UnitOfMeasure, UseBucket
from models.store.book import Book
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow

VOIDED = "voided"


class Pocket(NamedTuple):
    """What an entry of the ledger counts against: whose, reserved or used, which code, on which day."""

    authorization_id: UUID
    bucket: str
    code: str
    day: str
    discipline: str


class Reserved(NamedTuple):
    """What a booking is to reserve, by code, of which authorization (None: nothing)."""

    authorization_id: UUID | None
    by_code: Mapping[str, Decimal]


def visits_of(about: AuthorizationRow | AuthorizationCaseRow) -> Select[EncounterRow]:
    """The patient's visits under the plan that an authorization, or the case of asking for one, is about."""
    return (
        select(EncounterRow)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(
            EncounterRow.practice_id == about.practice_id,
            PatientRow.external_id == about.patient_external_id,
            EncounterRow.plan_id == about.plan_id,
        )
    )


def lock_for_patient(session: Session, practice_id: UUID, patient_external_id: str) -> Sequence[AuthorizationRow]:
    """The patient's authorizations, locked in the order of their ids so that two visits never wait for each other.

    The patient is locked by name before, so that a booking and the first authorization see each other.
    """
    name = f"authorizations/{practice_id}/{patient_external_id}"
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
    return session.scalars(
        select(AuthorizationRow)
        .where(
            AuthorizationRow.practice_id == practice_id,
            AuthorizationRow.patient_external_id == patient_external_id,
        )
        .order_by(AuthorizationRow.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def entries_of(session: Session, authorization_ids: Iterable[UUID]) -> dict[UUID, list[Entry]]:
    """What visits and bookings hold of each authorization, entries and counter-entries summed, nothing at zero."""
    session.flush()
    ids = list(authorization_ids)
    held: dict[UUID, list[Entry]] = {authorization_id: [] for authorization_id in ids}
    uses = AuthorizationUseRow
    pocket = (
        uses.authorization_id,
        func.coalesce(uses.encounter_id, uses.booking_id),
        uses.bucket,
        uses.code,
        uses.service_date,
        uses.discipline,
    )
    rows = session.execute(
        select(*pocket, func.sum(uses.quantity))
        .where(uses.authorization_id.in_(ids))
        .group_by(*pocket)
        .having(func.sum(uses.quantity) != 0)
    )
    for authorization_id, subject, bucket, code, day, discipline, quantity in rows:
        held[authorization_id].append(Entry(str(subject), UseBucket(bucket), quantity, code, day, discipline))
    return held


def measured(row: AuthorizationRow) -> Measured:
    """What of an authorization counting rests on."""
    return Measured(
        unit_of_measure=UnitOfMeasure(row.unit_of_measure),
        quantity=row.quantity,
        used_before=row.used_before_firstpass,
        code_quantities={code: Decimal(units) for code, units in row.code_quantities.items()},
        same_day=SameDayCounting(row.same_day),
    )


def standing_of(session: Session, row: AuthorizationRow) -> Standing:
    """Used, reserved and left of an authorization. The caller holds its lock where the answer decides anything."""
    return standing(measured(row), entries_of(session, [row.id])[row.id])


def left(session: Session, row: AuthorizationRow) -> Decimal:
    """What no visit has used."""
    return standing_of(session, row).left


def balances(
    session: Session, book: Book, rows: Sequence[AuthorizationRow], besides: UUID | None = None
) -> tuple[AuthorizationBalance, ...]:
    """The rows as rules want them: what visits have left, one visit's own use not counted. Voided ones are left out."""
    alive = [row for row in rows if row.status != VOIDED]
    held = entries_of(session, [row.id for row in alive])
    used = {
        key: [one for one in entries if one.bucket is UseBucket.USED and one.subject != str(besides)]
        for key, entries in held.items()
    }
    return tuple(_balance(book, row, used[row.id]) for row in alive)


def _balance(book: Book, row: AuthorizationRow, used: list[Entry]) -> AuthorizationBalance:
    stands = standing(measured(row), used)
    return AuthorizationBalance(
        authorization_id=str(row.id),
        number=row.number,
        plan_id=book.plans[row.plan_id].plan_id,
        disciplines=tuple(Discipline(name) for name in row.disciplines),
        unit_of_measure=UnitOfMeasure(row.unit_of_measure),
        codes=tuple(row.codes),
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        left=stands.left,
        code_left=stands.code_left,
        clinician_npis=tuple(row.clinician_npis),
        diagnoses=tuple(row.diagnoses),
        same_day=SameDayCounting(row.same_day),
        counted=stands.counted,
        typical=typical(used),
    )


def none_needed(session: Session, book: Book, patient_external_id: str) -> tuple[NoneNeeded, ...]:
    """What payers said of this patient: that no authorization is needed, by whom, when, under which reference."""
    rows = session.scalars(
        select(AuthorizationCaseRow)
        .where(
            AuthorizationCaseRow.patient_external_id == patient_external_id,
            AuthorizationCaseRow.state == AuthorizationCaseState.NONE_NEEDED.value,
        )
        .order_by(AuthorizationCaseRow.answered_at.desc(), AuthorizationCaseRow.id)
    )
    return tuple(
        NoneNeeded(
            plan_id=book.plans[row.plan_id].plan_id,
            disciplines=tuple(Discipline(name) for name in row.disciplines),
            effective_from=row.answer_from,
            effective_to=row.answer_to,
            said_by=row.answered_by,
            said_on=row.answered_at.date(),
            reference=row.answer_reference,
        )
        for row in rows
        if row.answer_from is not None and row.answer_to is not None and row.answered_at is not None
    )


def uses_of(session: Session, encounter_id: UUID) -> dict[UUID, Decimal]:
    """What a visit holds of each authorization (zero sums left out)."""
    session.flush()
    rows = session.execute(
        select(AuthorizationUseRow.authorization_id, func.sum(AuthorizationUseRow.quantity))
        .where(AuthorizationUseRow.encounter_id == encounter_id)
        .group_by(AuthorizationUseRow.authorization_id)
    )
    return {authorization_id: quantity for authorization_id, quantity in rows if quantity}


def set_use(
    session: Session, row: EncounterRow, authorization_id: UUID | None, by_code: Mapping[str, Decimal], reason: str
) -> set[UUID]:
    """Make the visit hold exactly that of that authorization and nothing of any other.

    Writes only the differences. Returns the authorizations whose balance changed. The caller holds their locks.
    """
    wanted = _pockets(authorization_id, UseBucket.USED, by_code, row.date_of_service.isoformat(), row.discipline)
    held = _held(session, AuthorizationUseRow.encounter_id, [row.id])[row.id]
    return _settle(session, row.practice_id, {"encounter_id": row.id}, held, wanted, reason)


def set_reservations(session: Session, wanted: Mapping[BookingRow, tuple[Reserved, str]]) -> set[UUID]:
    """Make each booking reserve exactly that and nothing else, with the reason, as ``set_use`` does for a visit."""
    rows = {row.id: row for row in wanted}
    held = _held(session, AuthorizationUseRow.booking_id, rows)
    changed: set[UUID] = set()
    for row, (reserved, reason) in wanted.items():
        day = row.service_date.isoformat()
        pockets = _pockets(reserved.authorization_id, UseBucket.RESERVED, reserved.by_code, day, row.discipline)
        changed |= _settle(session, row.practice_id, {"booking_id": row.id}, held[row.id], pockets, reason)
    return changed


def _pockets(
    authorization_id: UUID | None, bucket: UseBucket, by_code: Mapping[str, Decimal], day: str, discipline: str
) -> dict[Pocket, Decimal]:
    if authorization_id is None:
        return {}
    return {
        Pocket(authorization_id, bucket.value, code, day, discipline): quantity
        for code, quantity in by_code.items()
        if quantity
    }


def _held(
    session: Session, subject: InstrumentedAttribute[UUID | None], ids: Iterable[UUID]
) -> dict[UUID, dict[Pocket, Decimal]]:
    """What each visit or booking holds, by pocket."""
    session.flush()
    uses, found = AuthorizationUseRow, {one: dict[Pocket, Decimal]() for one in ids}
    pocket = (uses.authorization_id, uses.bucket, uses.code, uses.service_date, uses.discipline)
    rows = session.execute(
        select(subject, *pocket, func.sum(uses.quantity)).where(subject.in_(list(found))).group_by(subject, *pocket)
    )
    for one, authorization_id, bucket, code, day, discipline, quantity in rows:
        if one is None:  # an entry is a visit's or a booking's
            continue
        found[one][Pocket(authorization_id, bucket, code, day.isoformat(), discipline)] = quantity
    return found


def _settle(
    session: Session,
    practice_id: UUID,
    subject: Mapping[str, UUID],
    held: Mapping[Pocket, Decimal],
    wanted: Mapping[Pocket, Decimal],
    reason: str,
) -> set[UUID]:
    """Write what is missing between what the subject holds and what it should hold."""
    none = Decimal(0)
    changes = {key: wanted.get(key, none) - held.get(key, none) for key in sorted({*held, *wanted})}
    changed = {key: change for key, change in changes.items() if change}
    session.add_all(
        AuthorizationUseRow(
            practice_id=practice_id,
            authorization_id=key.authorization_id,
            bucket=key.bucket,
            quantity=change,
            code=key.code,
            service_date=date.fromisoformat(key.day),
            discipline=key.discipline,
            reason=reason if change > 0 else f"released: {reason}",
            **subject,
        )
        for key, change in changed.items()
    )
    return {key.authorization_id for key in changed}
