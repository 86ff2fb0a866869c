"""Get next: the best item nobody has, leased to one person in one statement; heartbeats, leaving, passing over.

A lease is three columns of the item. It needs no job to end it: one that ran out is simply nobody's. Taking, renewing
and freeing a lease never raises the item's version, because nothing a decision rests on has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from activities import undo
from activities.desk import Actor
from activities.held_decisions import DECIDE
from activities.refusals import Refused
from billing.desk import SKIP_REASONS
from models.ids import new_id
from models.store import life
from models.store.desk import WORD_TO_SCREENS, leased_at_present, tell_screens
from models.tables.desk import WorkItemPresenceRow, WorkItemRow, WorkItemSkipRow
from models.tables.life import OutboxRow

WINDOWS = (64, 512)  # candidates looked at: enough that 50 people never empty the first between them
TIE = timedelta(hours=1)  # items that rank within the same hour are worked in an order of each person's own
TIES_COUNTED_FROM = datetime(2020, 1, 1, tzinfo=UTC)
STATEMENTS_KEPT = 128
# What differs from one asking to the next; the statements are put together once, which costs more than running them.
PRACTICE, ACTOR = bindparam("of_practice", type_=Uuid()), bindparam("actor", type_=Uuid())
AT, UNTIL = (bindparam(name, type_=DateTime(timezone=True)) for name in ("at", "until"))
ITEM, TODAY = bindparam("item", type_=Uuid()), bindparam("today", type_=Date())
PRESENT = timedelta(seconds=100)  # a heartbeat comes every minute; one may be late


@dataclass(frozen=True, slots=True)
class Wanted:
    """What get-next may give. candidates: one SELECT of ids per queue, under the person's own filter.

    known: what fills the candidates in. The same SELECTs again make the same statement, which is put together once.
    """

    candidates: tuple[Select[UUID], ...]
    lease: timedelta
    today: date
    known: Mapping[str, Any] = field(default_factory=dict)


def next_item(session: Session, actor: Actor, wanted: Wanted, now: datetime) -> UUID | None:
    """Lease the best item to this person and give back what they had open before; None when nothing is left.

    Whatever the person leaves undone by asking for the next is passed over for today, so that it does not come again.
    """
    chosen: UUID | None = None
    asked = {**wanted.known, **_asked(actor, now), "today": wanted.today, "until": now + wanted.lease}
    for window in WINDOWS:
        chosen = session.scalar(_lease(wanted.candidates, window), asked)
        if chosen is not None:
            break
    return chosen


def heartbeat(session: Session, actor: Actor, item_id: UUID, lease: timedelta, now: datetime) -> None:
    """The person still looks at the item: presence is noted, and a lease of theirs goes on, if nobody took it since."""
    values = _asked(actor, now) | {"item": item_id, "until": now + lease, "new_id": new_id()}
    before = session.execute(_BEAT, values).one()
    # who works on an item is shown as that, not as looking at it too: get-next has told it
    if not before.had_it and (before.seen_at is None or before.seen_at <= now - PRESENT):
        tell_screens(session, item_id)


def leave(session: Session, actor: Actor, item_id: UUID, now: datetime) -> None:
    """The person looks elsewhere: the lease is free at once, and others are told that they went."""
    session.execute(_LEAVE, {"actor": actor.user_id, "item": item_id, "gone_at": now - PRESENT})


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


def _asked(actor: Actor, now: datetime) -> dict[str, Any]:
    """What fills in the statements about one person's leases at one moment."""
    return {"of_practice": actor.practice_id, "actor": actor.user_id, "at": now}


def _free_for_actor() -> list[ColumnElement[bool]]:
    """An item get-next may give to this person: open, awake, nobody else's, on nobody's screen."""
    return [
        WorkItemRow.practice_id == PRACTICE,
        WorkItemRow.closed_at.is_(None),
        or_(WorkItemRow.owner_id.is_(None), WorkItemRow.owner_id == ACTOR),
        not_(leased_at_present(AT)),
        or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= AT),
    ]


# Not correlated, and once for a whole statement: what is open in the outbox is little.
_WAITING = (
    select(OutboxRow.message["work_item_id"].astext.label("item"))
    .where(OutboxRow.state != "done", OutboxRow.signal.startswith(DECIDE))
    .cte("waiting")
    .prefix_with("MATERIALIZED")
)


def decision_waits() -> ColumnElement[bool]:
    """A decision on the item waits in the outbox or is on its way, so nobody needs to look at it now."""
    return cast(WorkItemRow.id, Text).in_(select(_WAITING.c.item))


def _passed_over(new: Insert) -> Insert:
    """A skip of today; passed over again, it is the same one, with its reason unless there is a new one."""
    return new.on_conflict_do_update(
        index_elements=["work_item_id", "user_id", "day"],
        set_={
            "reason": func.coalesce(func.nullif(new.excluded.reason, ""), WorkItemSkipRow.reason),
            "item_version": new.excluded.item_version,
            "skipped_at": new.excluded.skipped_at,
            "undone_at": None,
        },
    )


_KEEP_SKIP = _passed_over(
    insert(WorkItemSkipRow).values(
        id=bindparam("new_id", type_=Uuid()),
        practice_id=PRACTICE,
        work_item_id=ITEM,
        user_id=ACTOR,
        day=TODAY,
        reason=bindparam("reason", type_=Text()),
        item_version=bindparam("version", type_=Integer()),
        skipped_at=AT,
    )
).returning(WorkItemSkipRow.id)
# What the person has open and leaves undone: a decision on its way is no leaving.
_PASS_OVER_WHAT_IS_OPEN = _passed_over(
    insert(WorkItemSkipRow).from_select(
        ["id", "practice_id", "work_item_id", "user_id", "day", "reason", "item_version", "skipped_at"],
        select(
            func.gen_random_uuid(), PRACTICE, WorkItemRow.id, ACTOR, TODAY, literal(""), WorkItemRow.version, AT
        ).where(
            WorkItemRow.practice_id == PRACTICE,
            WorkItemRow.leased_by == ACTOR,
            leased_at_present(AT),
            WorkItemRow.closed_at.is_(None),
            ~decision_waits(),
        ),
        include_defaults=False,
    )
)
# A heartbeat, which comes from every pane as it opens and every minute: the lease goes on if it is still this person's,
# presence is noted, and it tells when the person was seen before, and whether they had the item leased.
_RENEW = (
    update(WorkItemRow)
    .where(WorkItemRow.id == ITEM, WorkItemRow.leased_by == ACTOR, WorkItemRow.closed_at.is_(None))
    .values(leased_until=UNTIL, leased_at=func.least(WorkItemRow.leased_at, AT))
)
_SEEN_BEFORE = select(WorkItemPresenceRow.seen_at).where(
    WorkItemPresenceRow.work_item_id == ITEM, WorkItemPresenceRow.user_id == ACTOR
)
_NEW_PRESENCE = insert(WorkItemPresenceRow).values(
    id=bindparam("new_id", type_=Uuid()), practice_id=PRACTICE, work_item_id=ITEM, user_id=ACTOR, seen_at=AT
)
_NOTE_PRESENCE = _NEW_PRESENCE.on_conflict_do_update(
    index_elements=["work_item_id", "user_id"], set_={"seen_at": _NEW_PRESENCE.excluded.seen_at}
)
_HAD_IT = select(WorkItemRow.id).where(WorkItemRow.id == ITEM, WorkItemRow.leased_by == ACTOR, leased_at_present(AT))
_BEAT = select(_SEEN_BEFORE.scalar_subquery().label("seen_at"), _HAD_IT.exists().label("had_it")).add_cte(
    _RENEW.cte("renewed"), _NOTE_PRESENCE.cte("noted")
)

_FREE = (
    update(WorkItemRow)
    .where(WorkItemRow.id == ITEM, WorkItemRow.leased_by == ACTOR)
    .values(leased_by=None, leased_at=None, leased_until=None)
)
_GONE = (
    update(WorkItemPresenceRow)
    .where(WorkItemPresenceRow.work_item_id == ITEM, WorkItemPresenceRow.user_id == ACTOR)
    .values(seen_at=bindparam("gone_at", type_=DateTime(timezone=True)))
    .returning(WorkItemPresenceRow.work_item_id)
    .cte("gone")
)
_LEAVE = select(WORD_TO_SCREENS).where(WorkItemRow.id.in_(select(_GONE.c.work_item_id))).add_cte(_FREE.cte("freed"))


@lru_cache(maxsize=STATEMENTS_KEPT)
def _lease(candidates: tuple[Select[UUID], ...], window: int) -> Select[UUID]:
    """One statement: look at the first of the index, take the first that nobody locks, lease it.

    Beside it, what the person had open is passed over and freed: one item at a time. One with a decision under way
    keeps its lease, so that nobody opens it meanwhile.
    """
    passed = (
        select(WorkItemSkipRow.id)
        .where(
            WorkItemSkipRow.work_item_id == WorkItemRow.id,
            WorkItemSkipRow.user_id == ACTOR,
            WorkItemSkipRow.day == TODAY,
            WorkItemSkipRow.item_version == WorkItemRow.version,
            WorkItemSkipRow.undone_at.is_(None),
        )
        .exists()
    )
    free = _free_for_actor()
    # limits written out: to find one filled in, Postgres plans the statement anew each time, and that takes it longer
    # than running it
    first, one = (literal_column(str(limit), Integer()) for limit in (window, 1))
    firsts = [
        query.where(*free, ~passed, ~decision_waits()).order_by(WorkItemRow.rank_at, WorkItemRow.id).limit(first)
        for query in candidates
    ]
    looked_at = union_all(*(select(query.subquery()) for query in firsts)).cte("looked_at").prefix_with("MATERIALIZED")
    tie = func.date_bin(TIE, WorkItemRow.rank_at, TIES_COUNTED_FROM)
    own_order = func.hashtextextended(func.concat(WorkItemRow.id, cast(ACTOR, Text)), 0)
    best = (
        select(WorkItemRow.id)
        .where(WorkItemRow.id.in_(select(looked_at.c[0])), *free)
        .order_by(tie, own_order)
        .limit(one)
        .with_for_update(skip_locked=True)
        .cte("best")
        .prefix_with("MATERIALIZED")
    )
    chosen = select(best.c.id).scalar_subquery()
    leased = (
        update(WorkItemRow)
        .where(WorkItemRow.id == chosen)
        .values(leased_by=ACTOR, leased_at=AT, leased_until=UNTIL)
        .returning(WorkItemRow.id)
        .cte("leased")
    )
    freed = (  # also what was the person's long ago, but never the row that is leased here: each is changed once
        update(WorkItemRow)
        .where(
            WorkItemRow.practice_id == PRACTICE,
            WorkItemRow.leased_by == ACTOR,
            WorkItemRow.id.is_distinct_from(chosen),
            ~decision_waits(),
        )
        .values(leased_by=None, leased_at=None, leased_until=None)
        .returning(WorkItemRow.id)
        .cte("freed")
    )
    # a SELECT, because the session makes a new statement of a mapped UPDATE each time
    return select(leased.c.id).add_cte(_PASS_OVER_WHAT_IS_OPEN.cte("passed_over"), freed)


def _keep_skip(
    session: Session, actor: Actor, item_id: UUID, version: int, reason: str, today: date, now: datetime
) -> UUID:
    values = _asked(actor, now) | {"item": item_id, "version": version, "reason": reason, "today": today}
    kept: UUID = session.execute(_KEEP_SKIP, values | {"new_id": new_id()}).scalar_one()
    return kept
