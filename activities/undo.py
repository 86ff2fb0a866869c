"""Taking back what a person did inside the desk, for a few seconds.

Every such act keeps how the item was before and after it. Undo puts back what was before, if the item still is as the
act left it; otherwise somebody else's work would be undone too.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from activities.refusals import Refused
from models.ids import new_id
from models.store.desk import end_pause
from models.tables.desk import (
    DeskActionRow,
    WorkItemMentionRow,
    WorkItemNoteRow,
    WorkItemPauseRow,
    WorkItemRow,
    WorkItemSkipRow,
)

UNDO_SHOWN = timedelta(seconds=10)
UNDO_WITHIN = timedelta(seconds=15)  # a click on the last shown second may take a while to arrive
KEPT: Mapping[str, Callable[[str], Any]] = {
    "owner_id": UUID,
    "taken_at": datetime.fromisoformat,
    "snoozed_until": datetime.fromisoformat,
    "snoozed_at": datetime.fromisoformat,
    "wakes_on": str,
}


@dataclass(slots=True)
class Memory:
    """What an act is remembered by. about: the note, skip or pause it made."""

    action_id: UUID
    about: UUID | None = None


@contextmanager
def remembered(
    session: Session, user_id: UUID, item: WorkItemRow, action: str, said: str, now: datetime
) -> Iterator[Memory]:
    """Keep how the item stands before and after the body, so that the body can be taken back."""
    before = standing(item)
    memory = Memory(new_id())
    yield memory
    session.flush()
    session.add(
        DeskActionRow(
            id=memory.action_id,
            practice_id=item.practice_id,
            work_item_id=item.id,
            user_id=user_id,
            action=action,
            said=said,
            before=before,
            after=standing(item),
            about=memory.about,
            at=now,
            undone_at=None,
        )
    )


def last_action(session: Session, user_id: UUID, item_id: UUID, now: datetime) -> DeskActionRow | None:
    """What the person last did with the item, while it may be taken back."""
    return session.scalars(
        select(DeskActionRow)
        .where(
            DeskActionRow.work_item_id == item_id,
            DeskActionRow.user_id == user_id,
            DeskActionRow.undone_at.is_(None),
            DeskActionRow.at > now - UNDO_WITHIN,
        )
        .order_by(DeskActionRow.at.desc(), DeskActionRow.id.desc())
        .limit(1)
    ).one_or_none()


def take_back(session: Session, user_id: UUID, action_id: UUID, now: datetime) -> tuple[WorkItemRow, DeskActionRow]:
    """Undo one act of this person. A second click finds it undone and changes nothing.

    Raises Refused when its time is over, or when the item is no longer as the act left it.
    """
    action = session.get(DeskActionRow, action_id, with_for_update=True)
    if action is None or action.user_id != user_id:
        raise Refused("There is nothing of yours to take back here.")
    item = session.get_one(WorkItemRow, action.work_item_id, with_for_update=True)
    if action.undone_at is not None:
        return item, action
    if now - action.at > UNDO_WITHIN:
        raise Refused("That was too long ago to take back. Do the opposite by hand.")
    if item.closed_at is not None:
        raise Refused(f"The item was closed meanwhile ({item.closed_by}), so nothing was taken back.")
    if standing(item) != action.after:
        raise Refused("Somebody changed the item since, so nothing was taken back. Look at it again.")
    put_back(item, action.before)
    _about(session, action, now)
    action.undone_at = now
    return item, action


def _about(session: Session, action: DeskActionRow, now: datetime) -> None:
    """What the act made besides changing the item."""
    if action.action == "note":
        session.execute(update(WorkItemNoteRow).where(WorkItemNoteRow.id == action.about).values(withdrawn_at=now))
        session.execute(
            update(WorkItemMentionRow).where(WorkItemMentionRow.note_id == action.about).values(seen_at=now)
        )
    elif action.action == "skip":
        session.execute(update(WorkItemSkipRow).where(WorkItemSkipRow.id == action.about).values(undone_at=now))
    elif action.action == "snooze":
        end_pause(session, action.work_item_id, action.at)
    elif action.action == "wake" and action.about is not None:
        session.execute(update(WorkItemPauseRow).where(WorkItemPauseRow.id == action.about).values(ended_at=None))


def standing(item: WorkItemRow) -> dict[str, Any]:
    """What inner acts change about an item, as it can be kept."""
    return {name: _text(getattr(item, name)) for name in KEPT}


def put_back(item: WorkItemRow, before: Mapping[str, Any]) -> None:
    """Make the item stand as it was kept."""
    for name, read in KEPT.items():
        value = before[name]
        setattr(item, name, read(value) if value is not None else None)


def _text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if value is not None else None
