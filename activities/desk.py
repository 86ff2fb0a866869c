"""Work that no workflow needs to hear of: who has an item, until when it sleeps, what was written beside it.

Each function runs in the caller's transaction: effect, event and audit line together. An item that changed since the
person looked at it is refused, not overwritten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.store import life
from models.tables.access import UserRow
from models.tables.desk import WorkItemNoteRow, WorkItemRow

NOTE_LENGTH_MAX = 4_000
REASSIGN_MAX = 500


class Refused(Exception):  # noqa: N818 - an answer for a person, not a fault
    """Why nothing was done, and what to do."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. supervises: may take an item from somebody else."""

    practice_id: UUID
    user_id: UUID
    name: str
    email: str
    supervises: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """An item as the person saw it: its version and who had it."""

    item_id: UUID
    version: int
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class Move:
    """What a reassignment does, or would do, to one item. refused: why it stays."""

    item_id: UUID
    reason: str
    from_name: str
    to_name: str
    refused: str = ""


def take(session: Session, actor: Actor, seen: Seen, now: datetime) -> WorkItemRow:
    """Have an item. Somebody else's is given up only to a supervisor."""
    item = _open(session, seen)
    if item.owner_id == actor.user_id:
        return item
    if item.owner_id is not None and not actor.supervises:
        name = _name(session, item.owner_id)
        raise Refused(f"{name} has this item since {item.taken_at:%m/%d %H:%M} UTC. Ask {name}, or a supervisor.")
    _give(item, actor.user_id, now)
    tell(session, actor, item, "item.taken", f"{actor.name} took it", now)
    return item


def release(session: Session, actor: Actor, seen: Seen, now: datetime) -> WorkItemRow:
    """Give an item back to everybody."""
    item = _open(session, seen)
    if item.owner_id is None:
        return item
    if item.owner_id != actor.user_id and not actor.supervises:
        raise Refused(f"{_name(session, item.owner_id)} has this item, so only they or a supervisor can release it.")
    _give(item, None, now)
    tell(session, actor, item, "item.released", f"{actor.name} released it", now)
    return item


def snooze(session: Session, actor: Actor, seen: Seen, until: datetime | None, now: datetime) -> WorkItemRow:
    """Let an item sleep until an instant, or wake it. Its deadline does not move."""
    item = _open(session, seen)
    if until is not None and until <= now:
        raise Refused("That moment has passed. Choose a later day.")
    item.snoozed_until = until
    said = f"{actor.name} snoozed it until {until:%m/%d/%Y}" if until else f"{actor.name} woke it"
    tell(session, actor, item, "item.snoozed" if until else "item.woken", said, now)
    return item


def note(session: Session, actor: Actor, item_id: UUID, note_id: UUID, body: str, now: datetime) -> WorkItemRow:
    """Write beside an item. The same note id is the same note, however often it arrives."""
    item = session.get(WorkItemRow, item_id)
    if item is None:
        raise Refused("This item is not there any more. Reload the page.")
    text = body.strip()
    if not text:
        raise Refused("The note is empty. Write it, then save.")
    if len(text) > NOTE_LENGTH_MAX:
        raise Refused(f"The note is longer than {NOTE_LENGTH_MAX:,} characters. Shorten it, or write two.")
    written = session.scalar(
        insert(WorkItemNoteRow)
        .values(
            id=note_id,
            practice_id=actor.practice_id,
            work_item_id=item.id,
            encounter_id=item.encounter_id,
            user_id=actor.user_id,
            body=text,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(WorkItemNoteRow.id)
    )
    if written is not None:
        tell(session, actor, item, "item.noted", f"{actor.name} wrote a note", now)
    return item


def reassign(
    session: Session, actor: Actor, item_ids: Sequence[UUID], to_user_id: UUID | None, now: datetime, *, apply: bool
) -> list[Move]:
    """Move items to one person (or to nobody). With ``apply`` false nothing is written: the preview."""
    if not actor.supervises:
        raise Refused("Only a supervisor reassigns other people's work.")
    if len(item_ids) > REASSIGN_MAX:
        raise Refused(f"{len(item_ids)} items are more than {REASSIGN_MAX} at once. Narrow the selection.")
    target = _target(session, to_user_id)
    names = dict(session.execute(select(UserRow.id, UserRow.name)).all())
    query = select(WorkItemRow).where(WorkItemRow.id.in_(item_ids)).order_by(WorkItemRow.id)
    moves = []
    for item in session.scalars(query.with_for_update() if apply else query):
        refused = _stays(item, to_user_id)
        moves.append(Move(item.id, item.reason, names.get(item.owner_id, "nobody"), target, refused))  # type: ignore[arg-type]
        if apply and not refused:
            _give(item, to_user_id, now)
            tell(session, actor, item, "item.reassigned", f"{actor.name} moved it to {target}", now)
    return moves


def _stays(item: WorkItemRow, to_user_id: UUID | None) -> str:
    if item.closed_at is not None:
        return "closed meanwhile"
    return "already there" if item.owner_id == to_user_id else ""


def _target(session: Session, to_user_id: UUID | None) -> str:
    if to_user_id is None:
        return "nobody"
    user = session.get(UserRow, to_user_id)
    if user is None or user.disabled_at is not None:
        raise Refused("That person cannot be given work. Choose somebody who can log in.")
    return user.name


def _open(session: Session, seen: Seen) -> WorkItemRow:
    item = session.get(WorkItemRow, seen.item_id, with_for_update=True)
    if item is None:
        raise Refused("This item is not there any more. Reload the page.")
    if item.closed_at is not None:
        raise Refused(f"This item was closed meanwhile ({item.closed_by}). Nothing is left to do here.")
    if item.version != seen.version:
        raise Refused("This item changed since you opened it. Look at it again, then decide.")
    if item.owner_id != seen.owner_id:
        name = _name(session, item.owner_id)
        raise Refused(f"{name} has this item now. Look at it again, then decide.")
    return item


def _give(item: WorkItemRow, owner_id: UUID | None, now: datetime) -> None:
    item.owner_id = owner_id
    item.taken_at = now if owner_id else None


def _name(session: Session, user_id: UUID | None) -> str:
    user = session.get(UserRow, user_id) if user_id else None
    return user.name if user else "Nobody"


def tell(session: Session, actor: Actor, item: WorkItemRow, action: str, summary: str, now: datetime) -> None:
    """Write an act into the life of what the item is about and into the audit log; last, as the log's lock stays."""
    if item.encounter_id or item.authorization_id:
        life.record(
            session,
            actor.practice_id,
            action,
            summary,
            encounter_id=item.encounter_id,
            authorization_id=item.authorization_id,
            actor=actor.name,
            at=now,
        )
    life.audit(session, actor.practice_id, actor.email, action, f"work_item/{item.id}", {"queue": item.queue})
