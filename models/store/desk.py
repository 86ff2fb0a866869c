"""Work items as workflows see them. Ownership and notes belong to people (activities/desk.py)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Uuid, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from billing.desk import OWN_MOVES
from billing.practice import DeskSettings
from billing.priority import Stake, rank
from billing.vocabulary import Owner, Role
from models.store.life import record
from models.tables.access import UserRow
from models.tables.desk import WorkItemPauseRow, WorkItemRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow

# due_at is not among them: a re-check gives no more time
PROJECTED = ("reason", "clears_when", "whose_move", "findings", "amount", "escalated", "denial_id", "cause")
# Which events are the news a snoozed item waits for; a name ending in a dot stands for all that begin so.
NEWS_OF = {
    "chart": ("encounter.updated",),
    "payer": ("claim.accepted", "claim.rejected", "claim.denied", "claim.paid", "claim.reversed", "claim.second_plan"),
    "authorization": ("authorization.",),
}
ANY_NEWS = "any"
# As the trigger says that an item was written.
WORD_TO_SCREENS = func.pg_notify(
    "desk", func.concat(WorkItemRow.practice_id, ":", WorkItemRow.queue, ":", WorkItemRow.id)
)
_TELL_SCREENS = select(WORD_TO_SCREENS).where(WorkItemRow.id == bindparam("item", type_=Uuid()))
CLOCK_SKEW = timedelta(minutes=1)  # by which two of our machines may disagree (practice default)


def is_leased(item: WorkItemRow, now: datetime) -> bool:
    """Whether the item is on somebody's screen at this moment.

    A lease taken in the future was taken by a clock that ran ahead and was set back since; it holds nobody up.
    """
    if item.leased_at is None or item.leased_until is None:
        return False
    return item.leased_at <= now + CLOCK_SKEW and item.leased_until > now


def leased_at_present(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """The same as ``is_leased``, asked of the database; never unknown."""
    taken, until = WorkItemRow.leased_at, WorkItemRow.leased_until
    return and_(until.is_not(None), until > now, taken.is_not(None), taken <= now + CLOCK_SKEW)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a person is asked to do, why, and until when."""

    subject: str
    queue: str
    kind: str
    workflow_id: str
    reason: str
    clears_when: str
    whose_move: str
    amount: Decimal = Decimal("0.00")
    due_at: datetime | None = None
    escalated: bool = False
    findings: list[Any] = field(default_factory=list)
    encounter_id: UUID | None = None
    authorization_id: UUID | None = None
    authorization_case_id: UUID | None = None
    inbound_file_id: UUID | None = None
    remittance_claim_id: UUID | None = None
    denial_id: UUID | None = None
    clinician_id: UUID | None = None
    cause: str | None = None


def open_item_of(session: Session, practice_id: UUID, subject: str) -> WorkItemRow | None:
    """The open item of a subject, locked."""
    return session.scalars(
        select(WorkItemRow)
        .where(WorkItemRow.practice_id == practice_id, WorkItemRow.subject == subject, WorkItemRow.closed_at.is_(None))
        .with_for_update()
    ).one_or_none()


def put_item(session: Session, practice_id: UUID, ticket: Ticket, now: datetime) -> bool:
    """Make the subject's open item say what the ticket says; a subject is in one queue at a time.

    Returns whether a new item was opened. An unchanged item is left alone, so nothing moves on a screen for nothing.
    """
    item = open_item_of(session, practice_id, ticket.subject)
    if item is not None and (item.queue, item.kind) != (ticket.queue, ticket.kind):
        finish(item, "moved on", now)
        session.flush()
        item = None
    if item is None:
        item = _new(practice_id, ticket, now)
        _rank(session, item)
        session.add(item)
        session.flush()
        return True
    changed = {name: getattr(ticket, name) for name in PROJECTED if getattr(item, name) != getattr(ticket, name)}
    for name, value in changed.items():
        setattr(item, name, value)
    if changed:
        item.version += 1
        _rank(session, item)
    if "whose_move" in changed and item.owner_id is not None:
        _give_back_unseen(session, item, now)
    if item.wakes_on is not None and _news_came(session, item, changed=bool(changed)):
        wake(session, item, now)
    return False


def _give_back_unseen(session: Session, item: WorkItemRow, now: datetime) -> None:
    """Nobody keeps an item they are not shown any more: what the front desk had and another must do is everybody's."""
    if item.queue not in OWN_MOVES or item.whose_move == Owner.FRONT_DESK:
        return
    owner = session.get_one(UserRow, item.owner_id)
    if owner.role != Role.FRONT_DESK:
        return
    item.owner_id = item.taken_at = None
    said = f"Given back to everybody: it is not {owner.name}'s move any more"
    record(session, item.practice_id, "item.released", said, encounter_id=item.encounter_id, at=now)


def reschedule(
    session: Session, item: WorkItemRow, due_at: datetime | None, asleep_until: datetime | None, now: datetime
) -> None:
    """Give an item whose deadline goes with its state a new one, and let it sleep while others have the move."""
    if (item.due_at, item.snoozed_until) == (due_at, asleep_until):
        return
    item.due_at, item.snoozed_until, item.wakes_on = due_at, asleep_until, None
    item.snoozed_at = now if asleep_until else None
    item.version += 1
    _rank(session, item)


def close_item(session: Session, practice_id: UUID, subject: str, closed_by: str, now: datetime) -> WorkItemRow | None:
    """Close the subject's open item, if it has one."""
    item = open_item_of(session, practice_id, subject)
    if item is not None:
        finish(item, closed_by, now)
    return item


def finish(item: WorkItemRow, closed_by: str, now: datetime) -> None:
    """Close an item that is at hand."""
    item.closed_at = now
    item.closed_by = closed_by
    item.version += 1


def wake(session: Session, item: WorkItemRow, now: datetime) -> None:
    """What a snoozed item waited for has come: it is due again, and its service clock runs on."""
    waited_for = item.wakes_on
    item.snoozed_until = item.snoozed_at = item.wakes_on = None
    end_pause(session, item.id, now)
    if item.encounter_id or item.authorization_id:
        record(
            session,
            item.practice_id,
            "item.woken",
            f"Woke: the news it waited for came ({waited_for})",
            encounter_id=item.encounter_id,
            authorization_id=item.authorization_id,
            at=now,
        )


def end_pause(session: Session, item_id: UUID, now: datetime) -> UUID | None:
    """Let the item's service clock run on. Returns the pause that ended, if it stood."""
    return session.scalar(
        update(WorkItemPauseRow)
        .where(WorkItemPauseRow.work_item_id == item_id, WorkItemPauseRow.ended_at.is_(None))
        .values(ended_at=now)
        .returning(WorkItemPauseRow.id)
    )


def _news_came(session: Session, item: WorkItemRow, *, changed: bool) -> bool:
    """Whether what the item waits for happened since it was snoozed."""
    if changed and item.wakes_on in (ANY_NEWS, "authorization"):
        return True
    kinds = [_of_kind(kind) for kind in NEWS_OF.get(item.wakes_on or "", ())]
    if not kinds or item.snoozed_at is None:
        return False
    about = or_(EventRow.encounter_id == item.encounter_id, EventRow.authorization_id == item.authorization_id)
    news = select(EventRow.id).where(EventRow.practice_id == item.practice_id, about, or_(*kinds))
    return session.scalar(news.where(EventRow.at > item.snoozed_at).limit(1)) is not None


def _of_kind(kind: str) -> ColumnElement[bool]:
    return EventRow.kind.startswith(kind) if kind.endswith(".") else EventRow.kind == kind


def settings_of(practice: PracticeRow) -> DeskSettings:
    """The practice's own limits, waits and weights."""
    return DeskSettings.model_validate(practice.profile.get("desk", {}))


def _rank(session: Session, item: WorkItemRow) -> None:
    """Put the item where its deadline and what is at stake put it; kept with the reasons, in words."""
    practice = session.get_one(PracticeRow, item.practice_id)
    stake = Stake(item.queue, item.kind, item.amount, item.due_at, item.opened_at, item.escalated)
    ranked = rank(stake, settings_of(practice), ZoneInfo(practice.time_zone))
    item.rank_at, item.rank_steps = ranked.at, list(ranked.steps)


def _new(practice_id: UUID, ticket: Ticket, now: datetime) -> WorkItemRow:
    return WorkItemRow(
        practice_id=practice_id,
        opened_at=now,
        version=1,
        subject=ticket.subject,
        queue=ticket.queue,
        kind=ticket.kind,
        workflow_id=ticket.workflow_id,
        reason=ticket.reason,
        clears_when=ticket.clears_when,
        whose_move=ticket.whose_move,
        amount=ticket.amount,
        due_at=ticket.due_at,
        escalated=ticket.escalated,
        findings=ticket.findings,
        encounter_id=ticket.encounter_id,
        authorization_id=ticket.authorization_id,
        authorization_case_id=ticket.authorization_case_id,
        inbound_file_id=ticket.inbound_file_id,
        remittance_claim_id=ticket.remittance_claim_id,
        denial_id=ticket.denial_id,
        clinician_id=ticket.clinician_id,
        cause=ticket.cause,
    )


def tell_screens(session: Session, item_id: UUID) -> None:
    """Have the screens that show an item or its queue look again, where nothing of the item itself is written.

    A trigger tells of what is; who looks at an item, and a decision that waits in the outbox, are not.
    """
    session.execute(_TELL_SCREENS, {"item": item_id})
