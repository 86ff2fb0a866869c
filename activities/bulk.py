"""One action on many items: what it would do, doing it as one batch with an id, and taking it back.

There is no second set of rules for many. A decision is foreseen and applied by activities/decisions.py, an inner act
(take, release, snooze, reassign) by activities/desk.py, item by item; what is refused for one is refused here with the
same sentence. Decisions travel to their workflows through the outbox, so that a batch survives whoever started it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError

from activities import desk
from activities.decisions import foresee
from activities.desk import Actor, Seen, Sleep
from activities.held_decisions import DECIDE, leave_word
from activities.refusals import Refused
from activities.undo import put_back, standing
from models.messages import Decision
from models.store import life
from models.store.desk import end_pause
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.supervision import BulkActionRow, BulkEntryRow

MANY_MAX = 500
"""Items of one batch; more are taken in several, so that no batch holds up the house."""

TYPED_FROM = 51
"""From so many items on the number is typed by hand before a batch is applied (practice default)."""

REVERT_WITHIN = timedelta(minutes=30)
INNER_VERBS = ("take", "release", "snooze", "reassign")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done to every one of them.

    verb: decide | take | release | snooze | reassign. to: who gets an item (None: nobody), by item, for reassign.
    """

    verb: str
    decision: str = ""
    reason: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    to: Mapping[UUID, UUID | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one of them. said: the outcome, or why it is refused."""

    item_id: UUID
    said: str
    refused: bool = False


def preview(engine: Engine, actor: Actor, wish: Wish, chosen: Sequence[Seen], now: datetime) -> list[Fate]:
    """What ``apply`` would do to each of them; nothing stays written."""
    _refuse_too_many(chosen)
    if wish.verb == DECIDE:
        return [_foreseen(engine, _decision(actor, wish, seen, uuid4(), now)) for seen in chosen]
    with practice_session(engine, actor.practice_id) as session:
        fates = [_fate(_acted(session, actor, wish, seen, now)) for seen in chosen]
        session.rollback()
    return fates


def apply(
    engine: Engine, actor: Actor, wish: Wish, chosen: Sequence[Seen], action_id: UUID, said: str, now: datetime
) -> UUID:
    """Do it, as one batch. The same action id again changes nothing more. Returns the id.

    Inner acts are done when this returns; decisions are on their way (``state`` waiting) and report one by one.
    """
    _refuse_too_many(chosen)
    with practice_session(engine, actor.practice_id) as session:
        if session.get(BulkActionRow, action_id) is not None:
            return action_id
        session.add(
            BulkActionRow(
                id=action_id,
                practice_id=actor.practice_id,
                user_id=actor.user_id,
                verb=wish.verb,
                said=said,
                at=now,
            )
        )
        session.flush()
        enter = _send if wish.verb == DECIDE else _enter
        for seen in chosen:
            enter(session, actor, wish, seen, action_id, now)
        detail = {"items": len(chosen), "verb": wish.verb, "decision": wish.decision}
        life.audit(session, actor.practice_id, actor.email, "many.applied", f"bulk/{action_id}", detail)
    return action_id


def revert(session: Session, actor: Actor, action_id: UUID, now: datetime) -> tuple[int, int]:
    """Put every item of a batch back as it was, unless somebody acted on it since.

    Returns how many were put back and how many stay. Decisions are not taken back here: they changed claims and money.
    """
    action = session.get(BulkActionRow, action_id, with_for_update=True)
    if action is None:
        raise Refused("There is no such batch.")
    _refuse_revert(session, actor, action, now)
    entries = session.scalars(
        select(BulkEntryRow)
        .where(BulkEntryRow.bulk_action_id == action_id, BulkEntryRow.state == "done")
        .order_by(BulkEntryRow.work_item_id)
    ).all()
    for entry in entries:
        _put_back(session, actor, action, entry, now)
    action.reverted_at, action.reverted_by = now, actor.user_id
    back = sum(entry.state == "reverted" for entry in entries)
    detail = {"put back": back, "stayed": len(entries) - back}
    life.audit(session, actor.practice_id, actor.email, "many.reverted", f"bulk/{action_id}", detail)
    return back, len(entries) - back


def answered(engine: Engine, decision: Decision, said: str, *, refused: bool) -> None:
    """A workflow answered one decision of a batch (or of none: then nothing is written)."""
    with practice_session(engine, decision.practice_id) as session:
        session.execute(
            update(BulkEntryRow)
            .where(BulkEntryRow.command_id == decision.command_id)
            .values(state="refused" if refused else "done", said=said)
        )


def _refuse_too_many(chosen: Sequence[Seen]) -> None:
    if not chosen:
        raise Refused("Nothing is selected. Tick the items first.")
    if len(chosen) > MANY_MAX:
        raise Refused(f"{len(chosen):,} items are more than {MANY_MAX} at once. Narrow the selection, or take parts.")


# --- decisions: foreseen here, applied by the workflows ---------------------------------------------------------


def _decision(actor: Actor, wish: Wish, seen: Seen, command_id: UUID, now: datetime | None) -> Decision:
    return Decision(
        practice_id=actor.practice_id,
        work_item_id=seen.item_id,
        command_id=command_id,
        user_id=actor.user_id,
        decision=wish.decision,
        reason=wish.reason,
        fields=dict(wish.fields),
        seen_version=seen.version,
        now=now,
    )


def _foreseen(engine: Engine, decision: Decision) -> Fate:
    try:
        return Fate(decision.work_item_id, foresee(engine, decision))
    except ApplicationError as refused:
        return Fate(decision.work_item_id, refused.message, refused=True)


def _send(session: Session, actor: Actor, wish: Wish, seen: Seen, action_id: UUID, now: datetime) -> None:
    decision = _decision(actor, wish, seen, uuid4(), None)
    waits = leave_word(session, session.get_one(WorkItemRow, seen.item_id).workflow_id, decision)
    entry = _entry(actor, action_id, seen.item_id, decision.command_id, "waiting", "")
    if not waits:
        entry.state, entry.said = "refused", "An earlier decision on it still waits to be applied."
    session.add(entry)


# --- inner acts: take, release, snooze, reassign ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Acted:
    """An inner act with what it changed."""

    fate: Fate
    before: dict[str, Any]
    after: dict[str, Any]


def _fate(acted: _Acted) -> Fate:
    return acted.fate


def _enter(session: Session, actor: Actor, wish: Wish, seen: Seen, action_id: UUID, now: datetime) -> None:
    acted = _acted(session, actor, wish, seen, now)
    entry = _entry(
        actor, action_id, seen.item_id, uuid4(), "refused" if acted.fate.refused else "done", acted.fate.said
    )
    entry.before, entry.after = acted.before, acted.after
    session.add(entry)


def _acted(session: Session, actor: Actor, wish: Wish, seen: Seen, now: datetime) -> _Acted:
    item = session.get(WorkItemRow, seen.item_id, with_for_update=True, populate_existing=True)
    before = standing(item) if item else {}
    try:
        with session.begin_nested():
            said = _ACTS[wish.verb](session, actor, wish, seen, now)
            session.flush()
    except Refused as refused:
        return _Acted(Fate(seen.item_id, str(refused), refused=True), before, before)
    return _Acted(Fate(seen.item_id, said), before, standing(session.get_one(WorkItemRow, seen.item_id)))


def _take(session: Session, actor: Actor, wish: Wish, seen: Seen, now: datetime) -> str:
    desk.take(session, actor, seen, now)
    return f"{actor.name} has it"


def _release(session: Session, actor: Actor, wish: Wish, seen: Seen, now: datetime) -> str:
    desk.release(session, actor, seen, now)
    return "anybody may take it"


def _snooze(session: Session, actor: Actor, wish: Wish, seen: Seen, now: datetime) -> str:
    if wish.until is None:
        desk.wake(session, actor, seen, now)
        return "awake"
    desk.snooze(session, actor, seen, Sleep(wish.until), now)
    return f"sleeps until {wish.until:%m/%d/%Y}"


def _reassign(session: Session, actor: Actor, wish: Wish, seen: Seen, now: datetime) -> str:
    item = session.get(WorkItemRow, seen.item_id)
    if item is not None and item.owner_id != seen.owner_id:
        raise Refused("somebody else has it since you looked")
    moves = desk.reassign(session, actor, [seen.item_id], wish.to.get(seen.item_id), now, apply=True)
    if not moves or moves[0].refused:
        raise Refused(moves[0].refused if moves else "not there any more")
    return f"goes to {moves[0].to_name}"


_ACTS: Mapping[str, Callable[[Session, Actor, Wish, Seen, datetime], str]] = {
    "take": _take,
    "release": _release,
    "snooze": _snooze,
    "reassign": _reassign,
}


def _entry(actor: Actor, action_id: UUID, item_id: UUID, command_id: UUID, state: str, said: str) -> BulkEntryRow:
    return BulkEntryRow(
        practice_id=actor.practice_id,
        bulk_action_id=action_id,
        work_item_id=item_id,
        command_id=command_id,
        state=state,
        said=said,
    )


# --- the way back -----------------------------------------------------------------------------------------------


def _refuse_revert(session: Session, actor: Actor, action: BulkActionRow, now: datetime) -> None:
    if action.verb not in INNER_VERBS:
        raise Refused("Decisions are not taken back in one go: they changed claims and money. Decide each anew.")
    if action.reverted_at is not None:
        raise Refused("This batch was reverted already.")
    if action.user_id != actor.user_id and not actor.supervises:
        raise Refused("Only whoever did it, or a supervisor, takes it back.")
    if now - action.at > REVERT_WITHIN:
        minutes = int(REVERT_WITHIN.total_seconds() // 60)
        raise Refused(f"More than {minutes} minutes have passed. Move the items again instead.")


def _put_back(session: Session, actor: Actor, action: BulkActionRow, entry: BulkEntryRow, now: datetime) -> None:
    item = session.get(WorkItemRow, entry.work_item_id, with_for_update=True)
    if item is None or item.closed_at is not None:
        entry.state, entry.said = "kept", "closed since"
    elif standing(item) != entry.after:
        entry.state, entry.said = "kept", "somebody acted on it since"
    elif not _may_have_it(session, entry.before["owner_id"]):
        entry.state, entry.said = "kept", "whoever had it cannot log in any more"
    else:
        put_back(item, entry.before)
        end_pause(session, item.id, now)
        entry.state = "reverted"
        desk.tell(session, actor, item, "item.reverted", f"{actor.name} took back: {action.said}", now)


def _may_have_it(session: Session, owner_id: str | None) -> bool:
    user = session.get(UserRow, UUID(owner_id)) if owner_id else None
    return owner_id is None or (user is not None and user.disabled_at is None)
