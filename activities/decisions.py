"""A person decided. One transaction: the decision, its effect, the event, the audit entry. Each command id counts once.

Nothing here ticks a problem away: a decision changes facts, and the workflow's next look sees whether the check passes.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine, Uuid, bindparam, select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session
from temporalio import activity

from activities import (
    account_decisions,
    authorization_decisions,
    claim_decisions,
    encounter_decisions,
    notice_decisions,
    posting_decisions,
)
from activities.case import Case, refusal
from activities.desk import refuse_if_leased
from activities.look import lock_encounter
from activities.notices import PRINT_NOTICE
from activities.refusals import Refused
from billing import desk
from billing.vocabulary import Queue, Role
from models.messages import Decision, DecisionOutcome
from models.store import authorizations
from models.store.life import audit, record
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationCaseRow
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.practice import PracticeRow

# The visit an item is about, or the patient of its case of asking a payer: a decision on that may change all of the
# patient's authorizations and bookings.
_ABOUT = (
    select(WorkItemRow.encounter_id, AuthorizationCaseRow.patient_external_id.label("patient"))
    .outerjoin(AuthorizationCaseRow, AuthorizationCaseRow.id == WorkItemRow.authorization_case_id)
    .where(WorkItemRow.id == bindparam("item", type_=Uuid()))
)
SUPERVISING = (Role.SUPERVISOR.value, Role.ADMINISTRATOR.value)


class DecisionActivities:
    """Applying what people decide."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(no_thread_cancel_exception=True)
    def apply_decision(self, decision: Decision) -> DecisionOutcome:
        """Apply a decision once; the same command id again gives the first answer.

        Raises ApplicationError of type Refused, whose message tells the person what to do instead.
        """
        with practice_session(self._engine, decision.practice_id) as session:
            earlier = session.scalar(select(DecisionRow.outcome).where(DecisionRow.command_id == decision.command_id))
            if earlier is not None:
                return DecisionOutcome(message=earlier)
            return DecisionOutcome(message=_applied(session, decision))


def foresee(engine: Engine, decision: Decision) -> str:
    """What ``apply_decision`` would answer now: the decision is applied, heard, and rolled back.

    Raises ApplicationError of type Refused, exactly as the decision would. One path for one, for many and for a look
    beforehand, so they cannot disagree.
    """
    with practice_session(engine, decision.practice_id) as session:
        message = _applied(session, decision)
        session.rollback()
        return message


def _applied(session: Session, decision: Decision) -> str:
    """Check and effect of a decision, in the caller's transaction."""
    case = _case(session, decision)
    _refuse_unless_allowed(case)
    return _decided(case)


def _case(session: Session, decision: Decision) -> Case:
    """Everything the decision is about, locked in the order every writer locks: visit, authorizations, item."""
    about = session.execute(_ABOUT, {"item": decision.work_item_id}).one()
    encounter = lock_encounter(session, about.encounter_id) if about.encounter_id is not None else None
    if about.patient is not None:
        authorizations.lock_for_patient(session, decision.practice_id, about.patient)
    item = session.scalars(select(WorkItemRow).where(WorkItemRow.id == decision.work_item_id).with_for_update()).one()
    return Case(
        session=session,
        practice=session.get_one(PracticeRow, decision.practice_id),
        item=item,
        user=session.get_one(UserRow, decision.user_id),
        decision=decision,
        now=decision.now or datetime.now(UTC),
        encounter=encounter,
    )


def _refuse_unless_allowed(case: Case) -> None:
    item, decision = case.item, case.decision
    if item.closed_at is not None:
        raise refusal(f"This item was closed meanwhile ({item.closed_by}); there is nothing left to decide.")
    if decision.seen_version is not None and decision.seen_version != item.version:
        raise refusal("This item changed since you opened it; look at it again before you decide.")
    if item.owner_id not in (None, case.user.id) and case.user.role not in SUPERVISING:
        owner = case.session.get_one(UserRow, item.owner_id)
        raise refusal(f"{owner.name} has this item. Ask for it, or have a supervisor reassign it.")
    _refuse_if_leased(case)
    offered = {kind.key: kind for kind in desk.decisions(Queue(item.queue), item.kind)}
    kind = offered.get(decision.decision)
    if kind is None:
        raise refusal(f"That decision does not fit this item. It clears when: {item.clears_when}.")
    if case.user.role not in {str(role) for role in kind.roles}:
        raise refusal("Your role may not take this decision; ask a biller or a supervisor.")
    if kind.needs_reason and not decision.reason.strip():
        raise refusal("Please give a reason; it is kept with the visit.")


def _refuse_if_leased(case: Case) -> None:
    try:
        refuse_if_leased(case.session, case.item, case.user.id, supervises=case.user.role in SUPERVISING)
    except Refused as leased:
        raise refusal(str(leased)) from None


def _decided(case: Case) -> str:
    """The decision's effect, kept. What cannot be kept as typed is refused: retried, it would fail for ever."""
    try:
        message = _handler(case)(case)
        case.session.flush()
        _keep(case, message)  # written too, but for its line of the audit log, which says nothing typed
    except (ValueError, ArithmeticError, DataError) as wrong:
        raise refusal(
            "This cannot be kept as typed; check the dates, numbers and lengths of what you filled in."
        ) from wrong
    return message


ABOUT_A_VISIT: Mapping[str, Callable[[Case], str]] = {
    **encounter_decisions.DECISIONS,
    **claim_decisions.DECISIONS,
    **account_decisions.DECISIONS,
}


def _handler(case: Case) -> Callable[[Case], str]:
    tables: Mapping[str, Mapping[str, Callable[[Case], str]]] = {
        desk.AUTHORIZATION_CASE: authorization_decisions.DECISIONS,
        PRINT_NOTICE: notice_decisions.DECISIONS,
        Queue.POSTING.value: posting_decisions.DECISIONS,
    }
    table = tables.get(case.item.kind) or tables.get(case.item.queue) or ABOUT_A_VISIT
    return table[case.decision.decision]


def _keep(case: Case, message: str) -> None:
    item, decision = case.item, case.decision
    item.version += 1  # whoever looked at the item before this decision has to look again
    if case.encounter is not None:
        case.encounter.touched = True
    case.session.add(
        DecisionRow(
            practice_id=case.practice.id,
            command_id=decision.command_id,
            work_item_id=item.id,
            encounter_id=item.encounter_id,
            user_id=case.user.id,
            decision=decision.decision,
            reason=decision.reason,
            fields={**decision.fields, **case.kept},
            outcome=message,
        )
    )
    because = f" Reason: {decision.reason}" if decision.reason.strip() else ""
    record(
        case.session,
        case.practice.id,
        f"decision.{decision.decision}",
        message + because,
        encounter_id=item.encounter_id,
        authorization_id=item.authorization_id,
        authorization_case_id=item.authorization_case_id,
        actor=case.user.name,
        at=case.now,
    )
    action = f"decided.{decision.decision}"
    detail = {"command": str(decision.command_id), "queue": item.queue}
    audit(case.session, case.practice.id, f"user/{case.user.id}", action, f"work-item/{item.id}", detail)
