"""An authorization voided or cut: which visits billed under it it no longer carries, to look at beforehand and after.

What is still in the house is pulled back by the visit's own look (``gives_way``), with the reason; what a payer has is
left alone, and a person is told what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from activities import claims
from activities.clock import practice_day
from activities.evaluations import evaluate_visit
from activities.grants import amend_authorization
from activities.look import Look
from billing.authorization import Billed, wanted_of
from billing.authorization_ledger import overdrawn
from billing.cut_authorization import INSIDE, OVERDRAWN, Fate, fate_of, why_not_carried
from billing.practice import AuthorizationRecord
from models.store import authorizations
from models.store.book import book_of
from models.store.life import audit, record
from models.store.visits import context_of, lock_patient_named
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow

CHANGED, LOST = "authorization.changed", "authorization.lost"
LATE_COMMIT = timedelta(hours=1)  # a change is dated when it began, and seen when it was written


@dataclass(frozen=True, slots=True)
class Lost:
    """A visit billed under an authorization that does not carry it any more. charge: dollars of its claim."""

    encounter_id: UUID
    day: date
    fate: Fate
    reason: str
    charge: Decimal


def lock(session: Session, row: AuthorizationRow) -> None:
    """The patient, then the patient's authorizations: the order in which visits lock them."""
    lock_patient_named(session, row.practice_id, row.patient_external_id)
    authorizations.lock_for_patient(session, row.practice_id, row.patient_external_id)


def lost(session: Session, practice: PracticeRow, row: AuthorizationRow, now: datetime) -> tuple[Lost, ...]:
    """The visits it is used by and does not carry, oldest first. The caller holds the lock on the patient's."""
    visits = _using(session, row)
    current = {visit.id: claims.current(session, visit) for visit in visits}
    overdrawing = _overdrawing(session, row, current)
    found = []
    for visit in visits:
        reason = _why_not(session, practice, row, visit, now) or (OVERDRAWN if visit.id in overdrawing else "")
        claim = current[visit.id]
        if reason:
            charge = claim.total_charge if claim else Decimal("0.00")
            fate = fate_of(claim.status if claim else None)
            found.append(Lost(visit.id, visit.date_of_service, fate, reason, charge))
    return tuple(found)


def foresee(
    session: Session, practice: PracticeRow, row: AuthorizationRow, wanted: AuthorizationRecord, now: datetime
) -> tuple[Lost, ...]:
    """What a change would lose, by making it and taking it back."""
    lock(session, row)
    attempt = session.begin_nested()
    try:
        amend_authorization(session, practice, row, wanted, now, actor=None)
        session.flush()
        return lost(session, practice, row, now)
    finally:
        attempt.rollback()
        session.expire_all()


def amend(
    session: Session,
    practice: PracticeRow,
    row: AuthorizationRow,
    wanted: AuthorizationRecord,
    now: datetime,
    *,
    actor: str,
    reason: str,
) -> tuple[Lost, ...]:
    """A person changes or voids what was granted. Returns what it no longer carries; each visit's life says so."""
    lock(session, row)
    amend_authorization(session, practice, row, wanted, now, actor=actor, reason=reason)
    detail = {"status": wanted.status, "reason": reason}
    audit(session, practice.id, actor, "authorization.amended", f"authorization/{row.id}", detail)
    return tell_what_is_lost(session, practice, row, now)


def tell_what_is_lost(
    session: Session, practice: PracticeRow, row: AuthorizationRow, now: datetime
) -> tuple[Lost, ...]:
    """After a change: visits a payer has the claim of say in their life that it is gone; the others look again."""
    found = lost(session, practice, row, now)
    for one in found:
        if one.fate is Fate.PULLED_BACK or _is_told(session, row, one):
            continue
        said = f"Authorization {row.number} does not carry this visit any more: {one.reason}. The claim is out already"
        record(
            session,
            practice.id,
            LOST,
            said,
            encounter_id=one.encounter_id,
            authorization_id=row.id,
            at=now,
        )
    return found


def _is_told(session: Session, row: AuthorizationRow, one: Lost) -> bool:
    told = exists().where(
        EventRow.authorization_id == row.id, EventRow.kind == LOST, EventRow.encounter_id == one.encounter_id
    )
    return bool(session.scalar(select(told)))


def gives_way(look: Look, claim: ClaimVersionRow) -> str:
    """Why a claim that has not left must be pulled back: its authorization was changed since; "" where it stands."""
    if claim.prior_authorization_number is None:
        return ""
    for authorization_id in authorizations.uses_of(look.session, look.row.id):
        if not _changed_since(look.session, authorization_id, claim):
            continue
        row = look.session.get_one(AuthorizationRow, authorization_id)
        lock(look.session, row)
        reason = _why_not(look.session, look.practice, row, look.row, look.now)
        if not reason:
            current = {visit.id: claims.current(look.session, visit) for visit in _using(look.session, row)}
            reason = OVERDRAWN if look.row.id in _overdrawing(look.session, row, current) else ""
        if reason:
            return f"Authorization {row.number} does not carry this visit any more: {reason}"
    return ""


def _changed_since(session: Session, authorization_id: UUID, claim: ClaimVersionRow) -> bool:
    told = exists().where(
        EventRow.authorization_id == authorization_id,
        EventRow.kind == CHANGED,
        EventRow.at >= claim.created_at - LATE_COMMIT,
    )
    return bool(session.scalar(select(told)))


def _using(session: Session, row: AuthorizationRow) -> Sequence[EncounterRow]:
    """The visits that count against it, oldest first."""
    uses = AuthorizationUseRow
    held = (
        select(uses.encounter_id)
        .where(uses.authorization_id == row.id, uses.encounter_id.is_not(None))
        .group_by(uses.encounter_id)
        .having(func.sum(uses.quantity) != 0)
    )
    session.flush()
    return session.scalars(
        select(EncounterRow).where(EncounterRow.id.in_(held)).order_by(EncounterRow.date_of_service, EncounterRow.id)
    ).all()


def _overdrawing(
    session: Session, row: AuthorizationRow, current: dict[UUID, ClaimVersionRow | None]
) -> frozenset[UUID]:
    firm = {str(visit) for visit, claim in current.items() if claim is not None and claim.status not in INSIDE}
    entries = authorizations.entries_of(session, [row.id])[row.id]
    return frozenset(UUID(subject) for subject in overdrawn(authorizations.measured(row), entries, firm))


def _why_not(session: Session, practice: PracticeRow, row: AuthorizationRow, visit: EncounterRow, now: datetime) -> str:
    balances = authorizations.balances(session, book_of(session, practice), [row], besides=visit.id)
    encounter, evaluation, _ = evaluate_visit(session, visit, practice, now)
    context = context_of(session, practice, visit, encounter, practice_day(now, practice.time_zone))
    billed = [Billed(line.code, line.units, line.expected_allowed) for line in evaluation.claim.lines]
    return why_not_carried(balances[0] if balances else None, wanted_of(encounter, context, billed))
