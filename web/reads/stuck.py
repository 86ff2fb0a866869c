"""Items that go round without being solved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Uuid, cast, func, or_, select, union_all
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session, aliased

from billing.desk import QueueInfo
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.life import ON_ITEMS, AuditRow
from web import formats
from web.viewer import Viewer

TOUCHES_MAX, SNOOZES_MAX, HANDS_MAX = 3, 2, 3  # more than so many and an item is stuck (practice default)
STUCK_DAYS = 30
STUCK_SHOWN = 50
_ALWAYS = cast("-infinity", TIMESTAMP(timezone=True))
_ITEM = "^work_item/([0-9a-f-]{36})$"


@dataclass(frozen=True, slots=True)
class StuckItem:
    """An item that does not move, and why it is thought so."""

    id: str
    href: str
    reason: str
    queue: str
    owner: str
    why: tuple[str, ...]
    age: str
    dollars: str


def stuck(session: Session, viewer: Viewer, queues: Sequence[QueueInfo]) -> tuple[StuckItem, ...]:
    """Open items that were touched, snoozed or passed on too often, or wait past their deadline asleep.

    Counted from the audit log of the last 30 days (``item.*`` lines of ``work_item/<id>``), the dearest first.
    """
    touches = func.count()
    snoozes = func.count().filter(AuditRow.action == "item.snoozed")
    hands = func.count().filter(AuditRow.action.in_(("item.taken", "item.released", "item.reassigned")))
    counted = (
        select(
            cast(func.substring(AuditRow.subject, _ITEM), Uuid).label("item"),
            touches.label("touches"),
            snoozes.label("snoozes"),
            hands.label("hands"),
        )
        .where(
            AuditRow.practice_id == viewer.practice_id,
            ON_ITEMS,
            AuditRow.at > viewer.now - timedelta(days=STUCK_DAYS),
        )
        .group_by(AuditRow.subject)
        .having(or_(touches > TOUCHES_MAX, snoozes > SNOOZES_MAX, hands > HANDS_MAX))
        .cte("counted")
    )
    slept = aliased(WorkItemRow)
    overslept = select(slept.id).where(
        slept.practice_id == viewer.practice_id,
        slept.closed_at.is_(None),
        slept.snoozed_until > viewer.now,
        slept.due_at > _ALWAYS,  # a range, of which Postgres expects fewer items, and finds them by their deadline
        slept.due_at < viewer.now,
    )
    found = session.execute(
        select(WorkItemRow, UserRow.name, counted.c.touches, counted.c.snoozes, counted.c.hands)
        .outerjoin(counted, counted.c.item == WorkItemRow.id)
        .outerjoin(UserRow, UserRow.id == WorkItemRow.owner_id)
        .where(
            WorkItemRow.practice_id == viewer.practice_id,
            WorkItemRow.closed_at.is_(None),
            WorkItemRow.id.in_(union_all(select(counted.c.item), overslept)),
        )
        .order_by(WorkItemRow.amount.desc(), WorkItemRow.id)
        .limit(STUCK_SHOWN)
    )
    titles = {info.queue.value: info.title for info in queues}
    return tuple(
        StuckItem(
            id=str(item.id),
            href=f"/queues/{item.queue}/{item.id}",
            reason=item.reason,
            queue=titles.get(item.queue, item.queue),
            owner=owner or "nobody",
            why=_why(viewer, item, touches or 0, snoozes or 0, hands or 0),
            age=formats.age(item.opened_at, viewer.now),
            dollars=formats.money(item.amount),
        )
        for item, owner, touches, snoozes, hands in found
    )


def _why(viewer: Viewer, item: WorkItemRow, touches: int, snoozes: int, hands: int) -> tuple[str, ...]:
    told = []
    if touches > TOUCHES_MAX:
        told.append(f"{touches} touches")
    if snoozes > SNOOZES_MAX:
        told.append(f"{snoozes} snoozes")
    if hands > HANDS_MAX:
        told.append(f"changed hands {hands} times")
    if item.snoozed_until and item.snoozed_until > viewer.now and item.due_at and item.due_at < viewer.now:
        told.append("snoozed past its deadline")
    return tuple(told)
