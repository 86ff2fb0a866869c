"""Get next: the best item nobody has, leased to one person in one statement; heartbeats, leaving, passing over.

A lease is three columns of the item. It needs no job to end it: one that ran out is simply nobody's. Taking, renewing
and freeing a lease never raises the item's version, because nothing a decision rests on has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities import undo
from activities.desk import Actor, Refused
from billing.desk import SKIP_REASONS
from models.ids import new_id
from models.store import life
from models.store.desk import leased_at_present
from models.tables.desk import WorkItemPresenceRow, WorkItemRow, WorkItemSkipRow
from models.tables.life import OutboxRow

WINDOWS = (64, 512)  # candidates looked at: enough that 50 people never empty the first between them
TIE = timedelta(hours=1)  # items that rank within the same hour are worked in an order of each person's own
TIES_COUNTED_FROM = datetime(2020, 1, 1, tzinfo=UTC)
PRESENT = timedelta(seconds=100)  # a heartbeat comes every minute; one may be late


@dataclass(frozen=True, slots=True)
class Wanted:
    """What get-next may give. candidates: one SELECT of ids per queue, under the person's own filter."""

    candidates: Sequence[Select[UUID]]
    lease: timedelta
    today: date


def next_item(session: Session, actor: Actor, wanted: Wanted, now: datetime) -> UUID | None:
    """Lease the best item to this person and give back what they had open before; None when nothing is left.

    Whatever the person leaves undone by asking for the next is passed over for today, so that it does not come again.
    """
    _pass_over_what_was_open(session, actor, wanted.today, now)
    chosen: UUID | None = None
    for window in WINDOWS:
        chosen = session.scalar(_lease(actor, wanted, now, window))
        if chosen is not None:
            break
    _free_others(session, actor, chosen)
    return chosen


def heartbeat(session: Session, actor: Actor, item_id: UUID, lease: timedelta, now: datetime) -> WorkItemRow | None:
    """The person still looks at the item: presence is noted, and a lease of theirs goes on, if nobody took it since."""
    session.execute(
        update(WorkItemRow)
        .where(WorkItemRow.id == item_id, WorkItemRow.leased_by == actor.user_id, WorkItemRow.closed_at.is_(None))
        .values(leased_until=now + lease, leased_at=func.least(WorkItemRow.leased_at, now))
        .execution_options(synchronize_session=False)
    )
    _note_presence(session, actor, item_id, now)
    return session.get(WorkItemRow, item_id, populate_existing=True)


def leave(session: Session, actor: Actor, item_id: UUID, now: datetime) -> None:
    """The person looks elsewhere: the lease is free at once."""
    session.execute(
        update(WorkItemRow)
        .where(WorkItemRow.id == item_id, WorkItemRow.leased_by == actor.user_id)
        .values(leased_by=None, leased_at=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )
    gone = session.scalar(
        update(WorkItemPresenceRow)
        .where(WorkItemPresenceRow.work_item_id == item_id, WorkItemPresenceRow.user_id == actor.user_id)
        .values(seen_at=now - PRESENT)
        .returning(WorkItemPresenceRow.id)
    )
    if gone is not None:
        _say_who_looks(session, actor.practice_id, item_id)


def skip(session: Session, actor: Actor, item_id: UUID, reason: str, today: date, now: datetime) -> WorkItemRow:
    """Pass an item over for today, with or without a reason; others may get it, or this person tomorrow."""
    item = session.get(WorkItemRow, item_id, with_for_update=True)
    if item is None or item.closed_at is not None:
        raise Refused("This item was closed meanwhile, so there is nothing to pass over.")
    if reason and reason not in SKIP_REASONS:
        raise Refused("That is no reason of the list. Choose one, or leave it out.")
    with undo.remembered(session, actor.user_id, item, "skip", "Passed over for today", now) as memory:
        memory.about = _keep_skip(session, actor, item.id, item.version, reason, today, now)
    if item.leased_by == actor.user_id:
        item.leased_by = item.leased_at = item.leased_until = None
    because = f": {SKIP_REASONS[reason]}" if reason else ""
    if item.encounter_id or item.authorization_id:
        life.record(
            session,
            actor.practice_id,
            "item.skipped",
            f"{actor.name} passed it over for today{because}",
            encounter_id=item.encounter_id,
            authorization_id=item.authorization_id,
            actor=actor.name,
            at=now,
        )
    life.audit(session, actor.practice_id, actor.email, "item.skipped", f"work_item/{item.id}", {"reason": reason})
    return item


def free_for(actor: Actor, now: datetime) -> list[ColumnElement[bool]]:
    """An item get-next may give to this person: open, awake, nobody else's, on nobody's screen."""
    return [
        WorkItemRow.practice_id == actor.practice_id,
        WorkItemRow.closed_at.is_(None),
        or_(WorkItemRow.owner_id.is_(None), WorkItemRow.owner_id == actor.user_id),
        not_(leased_at_present(now)),
        or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= now),
    ]


def decision_waits() -> ColumnElement[bool]:
    """A decision on the item waits in the outbox or is on its way, so nobody needs to look at it now."""
    # not correlated: what is open in the outbox is little, and read once by its own index
    return cast(WorkItemRow.id, Text).in_(
        select(OutboxRow.message["work_item_id"].astext).where(
            OutboxRow.state != "done", OutboxRow.signal.startswith("decide")
        )
    )


def _lease(actor: Actor, wanted: Wanted, now: datetime, window: int) -> Executable:
    """One statement: look at the first of the index, take the first that nobody locks, lease it."""
    passed = (
        select(WorkItemSkipRow.id)
        .where(
            WorkItemSkipRow.work_item_id == WorkItemRow.id,
            WorkItemSkipRow.user_id == actor.user_id,
            WorkItemSkipRow.day == wanted.today,
            WorkItemSkipRow.item_version == WorkItemRow.version,
            WorkItemSkipRow.undone_at.is_(None),
        )
        .exists()
    )
    free = free_for(actor, now)
    firsts = [
        query.where(*free, ~passed, ~decision_waits()).order_by(WorkItemRow.rank_at, WorkItemRow.id).limit(window)
        for query in wanted.candidates
    ]
    looked_at = union_all(*(select(first.subquery()) for first in firsts)).cte("looked_at").prefix_with("MATERIALIZED")
    tie = func.date_bin(TIE, WorkItemRow.rank_at, TIES_COUNTED_FROM)
    own_order = func.hashtextextended(func.concat(WorkItemRow.id, literal(str(actor.user_id))), 0)
    best = (
        select(WorkItemRow.id)
        .where(WorkItemRow.id.in_(select(looked_at.c[0])), *free)
        .order_by(tie, own_order)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return (
        update(WorkItemRow)
        .where(WorkItemRow.id == best)
        .values(leased_by=actor.user_id, leased_at=now, leased_until=now + wanted.lease)
        .returning(WorkItemRow.id)
        .execution_options(synchronize_session=False)
    )


def _pass_over_what_was_open(session: Session, actor: Actor, today: date, now: datetime) -> None:
    open_still = session.execute(
        select(WorkItemRow.id, WorkItemRow.version).where(
            WorkItemRow.practice_id == actor.practice_id,
            WorkItemRow.leased_by == actor.user_id,
            leased_at_present(now),
            WorkItemRow.closed_at.is_(None),
            ~decision_waits(),
        )
    ).all()
    for item_id, version in open_still:
        _keep_skip(session, actor, item_id, version, "", today, now)


def _keep_skip(
    session: Session, actor: Actor, item_id: UUID, version: int, reason: str, today: date, now: datetime
) -> UUID:
    fresh = insert(WorkItemSkipRow).values(
        id=new_id(),
        practice_id=actor.practice_id,
        work_item_id=item_id,
        user_id=actor.user_id,
        day=today,
        reason=reason,
        item_version=version,
        skipped_at=now,
    )
    kept: UUID = session.execute(
        fresh.on_conflict_do_update(
            index_elements=["work_item_id", "user_id", "day"],
            set_={
                "reason": func.coalesce(func.nullif(fresh.excluded.reason, ""), WorkItemSkipRow.reason),
                "item_version": fresh.excluded.item_version,
                "skipped_at": fresh.excluded.skipped_at,
                "undone_at": None,
            },
        ).returning(WorkItemSkipRow.id)
    ).scalar_one()
    return kept


def _free_others(session: Session, actor: Actor, chosen: UUID | None) -> None:
    """One item at a time; one with a decision under way keeps its lease, so that nobody opens it meanwhile."""
    session.execute(
        update(WorkItemRow)
        .where(
            and_(
                WorkItemRow.practice_id == actor.practice_id,
                WorkItemRow.leased_by == actor.user_id,
                WorkItemRow.id.is_distinct_from(chosen),
                ~decision_waits(),
            )
        )
        .values(leased_by=None, leased_at=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def _note_presence(session: Session, actor: Actor, item_id: UUID, now: datetime) -> None:
    table = WorkItemPresenceRow
    before = session.scalar(
        select(table.seen_at).where(table.work_item_id == item_id, table.user_id == actor.user_id).with_for_update()
    )
    fresh = insert(table).values(
        id=new_id(), practice_id=actor.practice_id, work_item_id=item_id, user_id=actor.user_id, seen_at=now
    )
    still_here = {"seen_at": fresh.excluded.seen_at}
    session.execute(fresh.on_conflict_do_update(index_elements=["work_item_id", "user_id"], set_=still_here))
    if before is None or before <= now - PRESENT:
        _say_who_looks(session, actor.practice_id, item_id)


def _say_who_looks(session: Session, practice_id: UUID, item_id: UUID) -> None:
    queue = session.scalar(select(WorkItemRow.queue).where(WorkItemRow.id == item_id))
    session.execute(text("SELECT pg_notify('desk', :payload)"), {"payload": f"{practice_id}:{queue}"})
