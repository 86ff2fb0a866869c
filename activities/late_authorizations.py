"""A late authorization put to use: which past visits it changes (to look at), and the change itself, visit by visit.

Each visit is its own transaction and is judged anew in it, so what changed since the preview is left alone, and a
confirmation that was cut short is finished by giving it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, exists, select
from sqlalchemy.orm import Session

from activities import claims
from activities.clock import practice_day
from activities.evaluations import evaluate_visit
from activities.look import lock_encounter
from activities.nudges import nudge, tell_authorizations
from activities.reservations import reassess_for_visit
from billing.authorization import Billed, required, wanted_of
from billing.late_authorization import Action, Change, PastVisit, changes
from billing.vocabulary import DenialCategory
from models.store import authorizations
from models.store.book import book_of
from models.store.life import audit, record
from models.store.session import practice_session
from models.store.visits import context_of, lock_patient
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import DenialRow

VISITS_MAX = 500  # an authorization that covers more past visits is confirmed in parts


@dataclass(frozen=True, slots=True)
class Preview:
    """What confirming would change; a change names its visit by our id."""

    authorization_id: UUID
    number: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one visit. action: what was done, or None where nothing was left to do."""

    encounter_id: UUID
    action: Action | None
    message: str


def preview(session: Session, practice: PracticeRow, authorization_id: UUID, now: datetime) -> Preview | None:
    """Which past visits and claims an authorization changes, oldest first. Writes nothing; None if there is no such."""
    row = session.get(AuthorizationRow, authorization_id)
    if row is None:
        return None
    past = [_past(session, practice, visit, now) for visit in _visits(session, row)]
    return Preview(row.id, row.number, _changes(session, practice, row, past))


def confirm(
    engine: Engine,
    practice_id: UUID,
    actor: str,
    authorization_id: UUID,
    encounter_ids: Sequence[UUID],
    now: datetime,
) -> list[Outcome]:
    """Put the authorization to use for the visits a person confirmed: the ledger re-pointed, corrected claims prepared.

    actor: the person's name, for the visit's life. Idempotent: what was done before, or is settled otherwise by now,
    is left alone.
    """
    with practice_session(engine, practice_id) as session:  # what is left goes to the oldest visits first
        found = preview(session, session.get_one(PracticeRow, practice_id), authorization_id, now)
    reached = (
        {change.encounter_id for change in found.changes if change.action is not Action.BEYOND} if found else set()
    )
    outcomes = [
        _confirm_one(engine, practice_id, actor, authorization_id, encounter_id, now)
        if str(encounter_id) in reached
        else Outcome(encounter_id, None, "nothing is left of it for this visit, or nothing to do")
        for encounter_id in encounter_ids
    ]
    with practice_session(engine, practice_id) as session:
        done = sum(1 for outcome in outcomes if outcome.action is not None)
        subject = f"authorization/{authorization_id}"
        audit(session, practice_id, actor, "authorization.applied_late", subject, {"visits": done})
    return outcomes


def _confirm_one(
    engine: Engine, practice_id: UUID, actor: str, authorization_id: UUID, encounter_id: UUID, now: datetime
) -> Outcome:
    with practice_session(engine, practice_id) as session:
        practice = session.get_one(PracticeRow, practice_id)
        visit = lock_encounter(session, encounter_id)
        claim = claims.current(session, visit)
        lock_patient(session, visit)
        authorizations.lock_for_patient(session, practice_id, visit.facts["patient"]["patient_id"])
        row = session.get_one(AuthorizationRow, authorization_id)
        found = _changes(session, practice, row, [_past(session, practice, visit, now)])
        if not found or found[0].action is Action.BEYOND:
            return Outcome(encounter_id, None, found[0].reason if found else "nothing is left to do")
        _apply(session, row, visit, claim, found[0], now)
        record(
            session,
            practice_id,
            f"authorization.late_{found[0].action.value}",
            f"Late authorization: {found[0].reason}",
            encounter_id=visit.id,
            authorization_id=row.id,
            actor=actor,
            at=now,
        )
        nudge(session, visit)
        return Outcome(encounter_id, found[0].action, found[0].reason)


def _apply(
    session: Session,
    row: AuthorizationRow,
    visit: EncounterRow,
    claim: ClaimVersionRow | None,
    change: Change,
    now: datetime,
) -> None:
    visit.touched = True
    stated = visit.facts["administrative"].get("authorization_number") or ""
    if change.action in (Action.FILE_AGAIN, Action.CORRECT) and row.number and stated != row.number:
        # named, so that the claim made anew uses this one and not again the one the payer did not accept
        visit.corrections = [*visit.corrections, {"authorization_number": row.number}]
    if change.action is Action.FILE_AGAIN and claim is not None:
        claim.status = "refiling"
    if change.action is Action.CORRECT and claim is not None:
        claim.status = "correcting"
        for refused in _denials(session, visit):
            refused.state, refused.decided_at = "corrected", now
    if change.by_code and change.action is not Action.GOES_ON:  # a visit not billed yet takes it at its own check
        changed = authorizations.set_use(session, visit, row.id, change.by_code, "re-pointed")
        tell_authorizations(session, visit.practice_id, changed)
        reassess_for_visit(session, visit, now)


def _visits(session: Session, row: AuthorizationRow) -> Sequence[EncounterRow]:
    return session.scalars(
        authorizations.visits_of(row)
        .where(
            EncounterRow.discipline.in_(row.disciplines),
            EncounterRow.date_of_service.between(row.effective_from, row.effective_to),
        )
        .order_by(EncounterRow.date_of_service, EncounterRow.id)
        .limit(VISITS_MAX)
    ).all()


def _changes(
    session: Session, practice: PracticeRow, row: AuthorizationRow, past: Sequence[PastVisit]
) -> tuple[Change, ...]:
    balances = authorizations.balances(session, book_of(session, practice), [row])
    return changes(balances[0], past) if balances else ()


def _past(session: Session, practice: PracticeRow, visit: EncounterRow, now: datetime) -> PastVisit:
    encounter, evaluation, _ = evaluate_visit(session, visit, practice, now)
    context = context_of(session, practice, visit, encounter, practice_day(now, practice.time_zone))
    billed = [Billed(line.code, line.units, line.expected_allowed) for line in evaluation.claim.lines]
    claim = claims.current(session, visit)
    return PastVisit(
        encounter_id=str(visit.id),
        day=visit.date_of_service,
        wanted=wanted_of(encounter, context, billed),
        needed=required(encounter, context).needed,
        claim_status=claim.status if claim else None,
        number=(claim.prior_authorization_number or "") if claim else "",
        denied=bool(_denials(session, visit)),
        uses=_living_use(session, visit),
        given_up=bool(visit.disposition or visit.facts.get("cancelled")),
        charge=evaluation.claim.total_charge,
    )


def _living_use(session: Session, visit: EncounterRow) -> str | None:
    """The authorization the visit counts against, unless that was voided."""
    held = authorizations.uses_of(session, visit.id)
    living = exists().where(AuthorizationRow.id.in_(list(held)), AuthorizationRow.status != authorizations.VOIDED)
    return str(next(iter(held))) if held and session.scalar(select(living)) else None


def _denials(session: Session, visit: EncounterRow) -> Sequence[DenialRow]:
    """Undecided denials for want of authorization."""
    return session.scalars(
        select(DenialRow).where(
            DenialRow.encounter_id == visit.id,
            DenialRow.state == "open",
            DenialRow.category == DenialCategory.AUTHORIZATION.value,
        )
    ).all()
