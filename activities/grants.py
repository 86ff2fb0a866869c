"""What payers granted, recorded: by the practice file, by the API, by a person. Every visit it may cover looks again.

The open case it answers is closed with it; what was asked for stays on the case, what was granted on the authorization.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import authorization_cases as cases
from activities.nudges import nudge, tell_authorizations
from activities.reservations import reassess
from billing import measures
from billing.authorization_case import OPEN, Span, answer_state
from billing.practice import AuthorizationRecord
from billing.vocabulary import SameDayCounting, Stage, UnitOfMeasure
from models.ids import authorization_workflow_id, new_id
from models.messages import AuthorizationRef
from models.store import authorizations
from models.store.book import book_of
from models.store.life import record, tell
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, AuthorizationUseRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow

ENDED_BY_PEOPLE = ("replaced", "not_continued")


def put_authorization(
    session: Session,
    practice_id: UUID,
    grant: AuthorizationRecord,
    plan_id: UUID,
    same_day: SameDayCounting = SameDayCounting.PER_DISCIPLINE,
    *,
    now: datetime | None = None,
    actor: str | None = None,
) -> UUID:
    """Record an authorization, or bring one up to date by a higher version. Returns its id.

    A new one gets its workflow, a changed one has it look again; open cases it answers are closed, and visits held for
    want of it look again. same_day: the plan's term on its first day. The caller has locked the patient's
    authorizations, unless it loads a whole file: there, the authorization's first look sets bookings right.
    """
    at = now or datetime.now(UTC)
    row = session.scalars(
        select(AuthorizationRow).where(
            AuthorizationRow.practice_id == practice_id, AuthorizationRow.external_id == grant.authorization_id
        )
    ).one_or_none()
    if row is not None and grant.version <= row.version:
        return row.id
    if row is None:
        row = _new(session, practice_id, grant, plan_id, same_day)
        _story(session, row, "authorization.recorded", f"Authorization recorded: {said(grant)}", at, actor)
        reference = AuthorizationRef(practice_id=practice_id, authorization_id=row.id)
        tell(session, practice_id, authorization_workflow_id(row.id), "AuthorizationWorkflow", reference)
    else:
        _changed(session, row, grant, plan_id, at, actor)
    if grant.status == "active":
        answer_cases(session, row, at)
    recheck_held(session, row)
    return row.id


def settle(session: Session, practice: PracticeRow, row: AuthorizationRow, now: datetime) -> None:
    """Work out anew what bookings reserve, now that this authorization is there or has changed."""
    reassess(session, practice, row.patient_external_id, now)


def record_grant(
    session: Session, practice: PracticeRow, grant: AuthorizationRecord, now: datetime, actor: str
) -> AuthorizationRow:
    """What a person or an integration recorded: put, with bookings worked out anew."""
    book = book_of(session, practice)
    plan_id = book.plan_ids[grant.plan_id]
    terms = book.plans[plan_id].terms_on(grant.effective_from)
    same_day = terms.same_day_counting if terms else SameDayCounting.PER_DISCIPLINE
    authorizations.lock_for_patient(session, practice.id, grant.patient)
    put = put_authorization(session, practice.id, grant, plan_id, same_day, now=now, actor=actor)
    row = session.get_one(AuthorizationRow, put)
    settle(session, practice, row, now)
    return row


def amend_authorization(
    session: Session,
    practice: PracticeRow,
    row: AuthorizationRow,
    grant: AuthorizationRecord,
    now: datetime,
    *,
    actor: str | None,
    reason: str = "",
) -> None:
    """What a person changes by hand: the sender's version stays, so that its next word counts. The caller has locked
    the patient's authorizations."""
    _changed(session, row, grant, row.plan_id, now, actor, reason)
    if grant.status == "active":
        answer_cases(session, row, now)
    recheck_held(session, row)
    settle(session, practice, row, now)


def said(grant: AuthorizationRecord) -> str:
    """A grant in words."""
    quantity = measures.words(grant.total, grant.unit_of_measure)
    per_code = ", ".join(f"{code} {units}" for code, units in sorted(grant.code_quantities.items()))
    return f"{quantity}{f' ({per_code})' if per_code else ''} from {grant.effective_from} to {grant.effective_to}"


def _new(
    session: Session, practice_id: UUID, grant: AuthorizationRecord, plan_id: UUID, same_day: SameDayCounting
) -> AuthorizationRow:
    row = AuthorizationRow(
        id=new_id(),
        practice_id=practice_id,
        external_id=grant.authorization_id,
        patient_external_id=grant.patient,
        same_day=same_day.value,
        flags=[],
        **_columns(grant, plan_id),
    )
    session.add(row)
    session.flush()
    return row


def _changed(
    session: Session,
    row: AuthorizationRow,
    grant: AuthorizationRecord,
    plan_id: UUID,
    at: datetime,
    actor: str | None,
    reason: str = "",
) -> None:
    _change(row, grant, plan_id)
    changed = "Authorization voided" if grant.status == "voided" else f"Authorization changed: {said(grant)}"
    _story(session, row, "authorization.changed", f"{changed}. {reason}".rstrip(". "), at, actor)
    tell_authorizations(session, row.practice_id, {row.id})
    for visit in _unsent(session, row):
        nudge(session, visit)  # its claim may not be carried any more


def _unsent(session: Session, row: AuthorizationRow) -> Sequence[EncounterRow]:
    """The open visits that count against it."""
    uses = AuthorizationUseRow
    held = select(uses.encounter_id).where(uses.authorization_id == row.id, uses.encounter_id.is_not(None))
    return session.scalars(
        select(EncounterRow)
        .where(EncounterRow.id.in_(held), EncounterRow.closed_at.is_(None))
        .order_by(EncounterRow.id)
    ).all()


def _columns(grant: AuthorizationRecord, plan_id: UUID) -> dict[str, Any]:
    return {
        "version": grant.version,
        "number": grant.number,
        "kind": grant.kind.value,
        "plan_id": plan_id,
        "disciplines": sorted(discipline.value for discipline in grant.disciplines),
        "unit_of_measure": grant.unit_of_measure.value,
        "quantity": grant.total,
        "used_before_firstpass": grant.used_before_firstpass,
        "codes": list(grant.all_codes),
        "code_quantities": dict(grant.code_quantities),
        "clinician_npis": list(grant.clinician_npis),
        "diagnoses": list(grant.diagnoses),
        "effective_from": grant.effective_from,
        "effective_to": grant.effective_to,
        "status": grant.status,
    }


def _change(row: AuthorizationRow, grant: AuthorizationRecord, plan_id: UUID) -> None:
    """Bring a row up to date. What people ended stays ended, but for a void; what had run out is watched again."""
    values = _columns(grant, plan_id)
    if row.status in ENDED_BY_PEOPLE and grant.status == "active":
        values["status"] = row.status
    else:
        row.ended_at = None
    for name, value in values.items():
        setattr(row, name, value)


def _story(session: Session, row: AuthorizationRow, kind: str, summary: str, now: datetime, actor: str | None) -> None:
    record(session, row.practice_id, kind, summary, authorization_id=row.id, at=now, actor=actor)


def answer_cases(session: Session, row: AuthorizationRow, now: datetime) -> None:
    """Close the open cases this authorization answers: of its plan and disciplines, and longer than what runs out."""
    for case in _open_cases(session, row):
        before = session.get(AuthorizationRow, case.predecessor_id) if case.predecessor_id else None
        if before is not None and (before.id == row.id or row.effective_to <= before.effective_to):
            continue
        approve(session, case, row, now)


def _open_cases(session: Session, row: AuthorizationRow) -> Sequence[AuthorizationCaseRow]:
    return session.scalars(
        select(AuthorizationCaseRow)
        .where(
            AuthorizationCaseRow.practice_id == row.practice_id,
            AuthorizationCaseRow.patient_external_id == row.patient_external_id,
            AuthorizationCaseRow.plan_id == row.plan_id,
            AuthorizationCaseRow.disciplines.overlap(row.disciplines),
            AuthorizationCaseRow.state.in_([state.value for state in OPEN]),
            AuthorizationCaseRow.closed_at.is_(None),
        )
        .order_by(AuthorizationCaseRow.id)
        .with_for_update()
    ).all()


def approve(session: Session, case: AuthorizationCaseRow, row: AuthorizationRow, now: datetime) -> None:
    """Close a case with the authorization that answers it; the one it follows on is replaced."""
    same = case.requested_unit_of_measure in (None, row.unit_of_measure)
    asked = Span(case.requested_quantity if same else None, case.requested_from, case.requested_to)
    state = answer_state(asked, Span(row.quantity, row.effective_from, row.effective_to))
    case.granted_id, case.answered_at = row.id, case.answered_at or now
    granted = measures.words(row.quantity, UnitOfMeasure(row.unit_of_measure))
    summary = f"Authorization {row.number or '(number to come)'} granted: {granted} until {row.effective_to}"
    cases.note(session, case, f"authorization_case.{state.value}", summary, now)
    before = session.get(AuthorizationRow, case.predecessor_id) if case.predecessor_id else None
    if before is not None and before.replaced_by is None and before.id != row.id:
        before.replaced_by, before.status = row.id, "replaced"
        tell_authorizations(session, case.practice_id, {before.id})
    cases.close(session, case, state, now)


def recheck_held(session: Session, row: AuthorizationRow) -> None:
    """Have the visits held for want of an authorization look again, those this one may cover."""
    rows = session.scalars(
        authorizations.visits_of(row)
        .where(EncounterRow.stage == Stage.AUTHORIZATION.value, EncounterRow.closed_at.is_(None))
        .order_by(EncounterRow.id)
    )
    for held in rows:
        nudge(session, held)
