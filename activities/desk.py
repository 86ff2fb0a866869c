"""Work that no workflow needs to hear of: who has an item, until when it sleeps, what was written beside it.

Each function runs in the caller's transaction: effect, event and audit line together. An item that changed since the
person looked at it is refused, not overwritten.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import undo
from activities.clock import practice_day
from activities.refusals import Refused
from billing.desk import WAITING_ON, WAKES_ON
from models.ids import new_id
from models.store import life
from models.store.desk import end_pause, is_leased
from models.store.people import away_on
from models.store.rows import insert_once
from models.tables.access import UserRow
from models.tables.desk import WorkItemMentionRow, WorkItemNoteRow, WorkItemPauseRow, WorkItemRow
from models.tables.practice import PracticeRow

NOTE_LENGTH_MAX = 4_000
REASSIGN_MAX = 500
NOBODY = "nobody"


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
class Sleep:
    """How long an item sleeps. wakes_on: news that wakes it earlier (billing.desk.WAKES_ON). waiting_on: for whom its
    service clock stands meanwhile; empty when it runs on, or when the news says for whom.
    """

    until: datetime
    wakes_on: str = ""
    waiting_on: str = ""


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
    item = _already(session, seen, actor.user_id) or _open(session, actor, seen)
    if item.owner_id == actor.user_id:
        return item
    if item.owner_id is not None and not actor.supervises:
        name = _name(session, item.owner_id)
        raise Refused(f"{name} has this item since {item.taken_at:%m/%d %H:%M} UTC. Ask {name}, or a supervisor.")
    with undo.remembered(session, actor.user_id, item, "take", "Taken", now):
        _give(item, actor.user_id, now)
    if item.leased_by not in (None, actor.user_id):
        item.leased_by = item.leased_at = item.leased_until = None  # a supervisor takes it from whoever looks at it
    tell(session, actor, item, "item.taken", f"{actor.name} took it", now)
    return item


def release(session: Session, actor: Actor, seen: Seen, now: datetime) -> WorkItemRow:
    """Give an item back to everybody."""
    item = _already(session, seen, None) or _open(session, actor, seen)
    if item.owner_id is None:
        return item
    if item.owner_id != actor.user_id and not actor.supervises:
        raise Refused(f"{_name(session, item.owner_id)} has this item, so only they or a supervisor can release it.")
    with undo.remembered(session, actor.user_id, item, "release", "Released", now):
        _give(item, None, now)
    tell(session, actor, item, "item.released", f"{actor.name} released it", now)
    return item


def snooze(session: Session, actor: Actor, seen: Seen, sleep: Sleep, now: datetime) -> WorkItemRow:
    """Let an item sleep until a day or some news, whichever comes first. Its deadline does not move."""
    item = _open(session, actor, seen)
    if sleep.until <= now:
        raise Refused("That moment has passed. Choose a later day.")
    if sleep.wakes_on and sleep.wakes_on not in WAKES_ON:
        raise Refused("That is no news an item can wait for. Choose one of the list.")
    waiting_on = sleep.waiting_on or (WAKES_ON[sleep.wakes_on][1] if sleep.wakes_on else "")
    if waiting_on and waiting_on not in WAITING_ON:
        raise Refused("The clock stands only for a clinician, the payer, the patient or a system. Choose one.")
    with undo.remembered(session, actor.user_id, item, "snooze", "Snoozed", now) as memory:
        end_pause(session, item.id, now)
        item.snoozed_until, item.snoozed_at, item.wakes_on = sleep.until, now, sleep.wakes_on or None
        memory.about = _pause(session, actor, item, waiting_on, now) if waiting_on else None
    item.leased_by = item.leased_at = item.leased_until = None
    for_news = f" or until {WAKES_ON[sleep.wakes_on][0]}" if sleep.wakes_on else ""
    tell(session, actor, item, "item.snoozed", f"{actor.name} snoozed it until {sleep.until:%m/%d/%Y}{for_news}", now)
    return item


def wake(session: Session, actor: Actor, seen: Seen, now: datetime) -> WorkItemRow:
    """Have a snoozed item back now; its service clock runs on."""
    item = _open(session, actor, seen)
    with undo.remembered(session, actor.user_id, item, "wake", "Awake again", now) as memory:
        item.snoozed_until = item.snoozed_at = item.wakes_on = None
        memory.about = end_pause(session, item.id, now)
    tell(session, actor, item, "item.woken", f"{actor.name} woke it", now)
    return item


def _pause(session: Session, actor: Actor, item: WorkItemRow, waiting_on: str, now: datetime) -> UUID:
    pause_id = new_id()
    session.add(
        WorkItemPauseRow(
            id=pause_id,
            practice_id=actor.practice_id,
            work_item_id=item.id,
            waiting_on=waiting_on,
            started_at=now,
            user_id=actor.user_id,
        )
    )
    return pause_id


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
    written = insert_once(
        session,
        WorkItemNoteRow,
        id=note_id,
        practice_id=actor.practice_id,
        work_item_id=item.id,
        encounter_id=item.encounter_id,
        user_id=actor.user_id,
        body=text,
    )
    if written is not None:
        _mention(session, actor, item, note_id, text)
        with undo.remembered(session, actor.user_id, item, "note", "Note saved", now) as memory:
            memory.about = note_id
        tell(session, actor, item, "item.noted", f"{actor.name} wrote a note", now)
    return item


def is_named(text: str, name: str, email: str) -> bool:
    """Whether a text names this person with @: by name, by first name, or by what stands before the @ of the log-in."""
    known_as = (name, name.split(maxsplit=1)[0], email.partition("@")[0])
    names = "|".join(re.escape(one) for one in sorted(known_as, key=len, reverse=True))
    return re.search(rf"(?<![\w@.])@(?:{names})(?!\w)", text, re.IGNORECASE) is not None


def _mention(session: Session, actor: Actor, item: WorkItemRow, note_id: UUID, text: str) -> None:
    people = session.execute(select(UserRow.id, UserRow.name, UserRow.email).where(UserRow.disabled_at.is_(None)))
    for user_id, name, email in people:
        if user_id != actor.user_id and is_named(text, name, email):
            session.add(
                WorkItemMentionRow(
                    practice_id=actor.practice_id, note_id=note_id, work_item_id=item.id, user_id=user_id, seen_at=None
                )
            )


def reassign(
    session: Session, actor: Actor, item_ids: Sequence[UUID], to_user_id: UUID | None, now: datetime, *, apply: bool
) -> list[Move]:
    """Move items to one person (or to nobody). With ``apply`` false nothing is written: the preview."""
    if not actor.supervises:
        raise Refused("Only a supervisor reassigns other people's work.")
    if len(item_ids) > REASSIGN_MAX:
        raise Refused(f"{len(item_ids)} items are more than {REASSIGN_MAX} at once. Narrow the selection.")
    target = _target(session, actor, to_user_id, now)
    names = dict(session.execute(select(UserRow.id, UserRow.name)).all())
    query = select(WorkItemRow).where(WorkItemRow.id.in_(item_ids)).order_by(WorkItemRow.id)
    moves = []
    for item in session.scalars(query.with_for_update() if apply else query):
        refused = _stays(item, to_user_id)
        owner = names.get(item.owner_id, NOBODY) if item.owner_id else NOBODY
        moves.append(Move(item.id, item.reason, owner, target, refused))
        if apply and not refused:
            with undo.remembered(session, actor.user_id, item, "reassign", f"Moved to {target}", now):
                _give(item, to_user_id, now)
            tell(session, actor, item, "item.reassigned", f"{actor.name} moved it to {target}", now)
    return moves


def _stays(item: WorkItemRow, to_user_id: UUID | None) -> str:
    if item.closed_at is not None:
        return "closed meanwhile"
    return "already there" if item.owner_id == to_user_id else ""


def _target(session: Session, actor: Actor, to_user_id: UUID | None, now: datetime) -> str:
    if to_user_id is None:
        return NOBODY
    user = session.get(UserRow, to_user_id)
    if user is None or user.disabled_at is not None:
        raise Refused("That person cannot be given work. Choose somebody who can log in.")
    today = practice_day(now, session.get_one(PracticeRow, actor.practice_id).time_zone)
    if back := away_on(session, actor.practice_id, today).get(to_user_id):
        raise Refused(f"{user.name} is away until {back:%m/%d/%Y}. Choose somebody else.")
    return user.name


def _already(session: Session, seen: Seen, owner_id: UUID | None) -> WorkItemRow | None:
    """The open item if it is that person's already (None: nobody's): a second click finds its wish fulfilled."""
    item = session.get(WorkItemRow, seen.item_id, with_for_update=True)
    return item if item is not None and item.closed_at is None and item.owner_id == owner_id else None


def _open(session: Session, actor: Actor, seen: Seen) -> WorkItemRow:
    item = session.get(WorkItemRow, seen.item_id, with_for_update=True)
    if item is None:
        raise Refused("This item is not there any more. Reload the page.")
    if item.closed_at is not None:
        raise Refused(f"This item was closed meanwhile ({item.closed_by}). Nothing is left to do here.")
    if item.version != seen.version:
        raise Refused("This item changed since you opened it. Look at it again, then decide.")
    if item.owner_id != seen.owner_id:
        who = "You have" if item.owner_id == actor.user_id else f"{_name(session, item.owner_id)} has"
        raise Refused(f"{who} this item now. Look at it again, then decide.")
    refuse_if_leased(session, item, actor.user_id, supervises=actor.supervises)
    return item


def refuse_if_leased(session: Session, item: WorkItemRow, user_id: UUID, *, supervises: bool) -> None:
    """Somebody else works on it at this moment, so only a supervisor may step in. Leases run by the wall's clock."""
    if supervises or item.leased_by in (None, user_id):
        return
    if is_leased(item, datetime.now(UTC)):
        name = _name(session, item.leased_by)
        raise Refused(f"{name} is working on this item right now. Take the next one, or ask {name}.")


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
