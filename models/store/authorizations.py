"""Authorizations and their use: balances are summed from the ledger of uses, under a lock on the authorization."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.context import AuthorizationBalance
from billing.vocabulary import Discipline, UnitOfMeasure, UseBucket
from models.store.book import Book
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow
from models.tables.encounters import EncounterRow


def lock_for_patient(session: Session, practice_id: UUID, patient_external_id: str) -> Sequence[AuthorizationRow]:
    """The patient's authorizations, locked in the order of their ids so that two visits never wait for each other."""
    return session.scalars(
        select(AuthorizationRow)
        .where(
            AuthorizationRow.practice_id == practice_id,
            AuthorizationRow.patient_external_id == patient_external_id,
        )
        .order_by(AuthorizationRow.id)
        .with_for_update()
    ).all()


def used(session: Session, authorization_id: UUID, *, besides: UUID | None = None) -> Decimal:
    """What the ledger of uses sums to, in the authorization's unit of measure, one encounter left out if asked."""
    session.flush()
    query = select(func.coalesce(func.sum(AuthorizationUseRow.quantity), 0)).where(
        AuthorizationUseRow.authorization_id == authorization_id
    )
    if besides is not None:
        query = query.where(AuthorizationUseRow.encounter_id != besides)
    return session.scalar(query) or Decimal(0)


def left(session: Session, row: AuthorizationRow, *, besides: UUID | None = None) -> Decimal:
    """What is left of an authorization."""
    return row.quantity - row.used_before_firstpass - used(session, row.id, besides=besides)


def balances(
    session: Session, book: Book, rows: Sequence[AuthorizationRow], encounter_id: UUID
) -> tuple[AuthorizationBalance, ...]:
    """The rows as rules want them, the encounter's own use not counted."""
    return tuple(
        AuthorizationBalance(
            authorization_id=str(row.id),
            number=row.number,
            plan_id=book.plans[row.plan_id].plan_id,
            disciplines=tuple(Discipline(name) for name in row.disciplines),
            unit_of_measure=UnitOfMeasure(row.unit_of_measure),
            codes=tuple(row.codes),
            effective_from=row.effective_from,
            effective_to=row.effective_to,
            left=left(session, row, besides=encounter_id),
        )
        for row in rows
    )


def uses_of(session: Session, encounter_id: UUID) -> dict[UUID, Decimal]:
    """What an encounter holds of each authorization (zero sums left out)."""
    session.flush()
    rows = session.execute(
        select(AuthorizationUseRow.authorization_id, func.sum(AuthorizationUseRow.quantity))
        .where(AuthorizationUseRow.encounter_id == encounter_id)
        .group_by(AuthorizationUseRow.authorization_id)
    )
    return {authorization_id: quantity for authorization_id, quantity in rows if quantity}


def set_use(
    session: Session,
    row: EncounterRow,
    authorization_id: UUID | None,
    quantity: Decimal,
    reason: str,
) -> set[UUID]:
    """Make the encounter hold exactly ``quantity`` of that authorization and nothing of any other.

    Writes only the differences. Returns the authorizations whose balance changed. The caller holds their locks.
    """
    held = uses_of(session, row.id)
    wanted = {authorization_id: quantity} if authorization_id is not None and quantity else {}
    changes = {key: wanted.get(key, Decimal(0)) - held.get(key, Decimal(0)) for key in {*held, *wanted}}
    changed = {key: change for key, change in changes.items() if change}
    session.add_all(
        AuthorizationUseRow(
            practice_id=row.practice_id,
            authorization_id=key,
            encounter_id=row.id,
            bucket=UseBucket.USED.value,
            quantity=change,
            service_date=row.date_of_service,
            discipline=row.discipline,
            reason=reason if change > 0 else "released",
        )
        for key, change in changed.items()
    )
    return set(changed)
