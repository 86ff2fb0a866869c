"""All queues at a glance: the home page, the rail and the supervisor's tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, ScalarSelect, Select, TableValuedAlias, Text, bindparam, func, or_, select
from sqlalchemy.orm import Session

from billing.desk import QueueInfo
from billing.vocabulary import Queue
from models.tables.claims import ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from web import formats
from web.formats import Chip
from web.reads.queue_filter import NOW, end_of_today, known
from web.reads.shown import shown
from web.viewer import Share, Viewer

FIRST_PASS_DAYS = 90
RAIL_COUNT_MAX = 999  # on every page, so counted no further; the home page counts all
AGE_BUCKETS = ((0, 2, "0–1 d"), (2, 4, "2–3 d"), (4, 8, "4–7 d"), (8, 15, "8–14 d"), (15, 100_000, "15 d +"))


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue in numbers."""

    key: str
    href: str
    title: str
    purpose: str
    open: int
    mine: int
    unassigned: int
    overdue: int
    due: Chip
    oldest: str
    dollars: str
    amount: Decimal


@dataclass(slots=True)
class Awake:
    """A queue's open items that do not sleep, counted. today: due before the practice's midnight, or late."""

    open: int = 0
    mine: int = 0
    unassigned: int = 0
    overdue: int = 0
    today: int = 0
    oldest: datetime | None = None
    dollars: Decimal = formats.ZERO


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue's open and late items, as the rail says them."""

    open: str
    overdue: str


@dataclass(frozen=True, slots=True)
class RailLine:
    """A queue beside another one: its items counted to RAIL_COUNT_MAX, beyond it ``999+``. overdue: empty when none."""

    href: str
    title: str
    open: str
    overdue: str
    current: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the practice."""

    label: str
    value: str
    note: str


def queue_lines(session: Session, viewer: Viewer, queues: Sequence[QueueInfo]) -> tuple[QueueLine, ...]:
    """Each queue's open, awake items counted in one SELECT."""
    late = WorkItemRow.due_at < viewer.now
    query = (
        select(
            WorkItemRow.queue,
            func.count().label("open"),
            func.count().filter(WorkItemRow.owner_id == viewer.user_id).label("mine"),
            func.count().filter(WorkItemRow.owner_id.is_(None)).label("unassigned"),
            func.count().filter(late).label("overdue"),
            func.count().filter(WorkItemRow.due_at < end_of_today(viewer)).label("today"),
            func.min(WorkItemRow.opened_at).label("oldest"),
            func.sum(WorkItemRow.amount).label("dollars"),
        )
        .where(
            *shown(viewer.share),
            WorkItemRow.closed_at.is_(None),
            or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= viewer.now),
        )
        .group_by(WorkItemRow.queue)
    )
    counted = {
        row.queue: Awake(row.open, row.mine, row.unassigned, row.overdue, row.today, row.oldest, row.dollars)
        for row in session.execute(query, known(viewer))
    }
    return lines_of(viewer, queues, counted)


def lines_of(viewer: Viewer, queues: Sequence[QueueInfo], counted: Mapping[str, Awake]) -> tuple[QueueLine, ...]:
    """Each queue as it was counted."""
    lines = []
    for info in queues:
        row = counted.get(info.queue.value)
        amount = row.dollars if row else formats.ZERO
        lines.append(
            QueueLine(
                key=info.queue.value,
                href=f"/queues/{info.queue.value}",
                title=info.title,
                purpose=info.purpose,
                open=row.open if row else 0,
                mine=row.mine if row else 0,
                unassigned=row.unassigned if row else 0,
                overdue=row.overdue if row else 0,
                due=_due(row.overdue, row.today) if row else Chip("good", "✓", "Nothing waits"),
                oldest=formats.age(row.oldest, viewer.now) if row else formats.NOTHING,
                dollars=formats.money(amount),
                amount=amount,
            )
        )
    return tuple(lines)


def waiting(session: Session, viewer: Viewer) -> dict[str, Waiting]:
    """All queues counted for the rail in one SELECT; the same for all of one share, but for clinicians."""
    values = known(viewer) | {"queues": list(Queue)}
    found = session.execute(_rail(viewer.share), values)
    return {row.queue: Waiting(_told(row.open), _told(row.late) if row.late else "") for row in found}


def rail_lines(found: Mapping[str, Waiting], queues: Sequence[QueueInfo], current: str = "") -> tuple[RailLine, ...]:
    """The queues of a viewer, with what was counted."""
    return tuple(
        RailLine(
            f"/queues/{info.queue.value}",
            info.title,
            found[info.queue.value].open,
            found[info.queue.value].overdue,
            info.queue.value == current,
        )
        for info in queues
    )


@lru_cache(maxsize=len(Share))
def _rail(share: Share) -> Select[*tuple[Any, ...]]:
    asked = func.unnest(bindparam("queues", type_=ARRAY(Text()))).table_valued("queue").render_derived()
    late = WorkItemRow.due_at < NOW
    return select(asked.c.queue, _counted(asked, share).label("open"), _counted(asked, share, late).label("late"))


def _counted(asked: TableValuedAlias, share: Share, *more: ColumnElement[bool]) -> ScalarSelect[int]:
    first = (
        select(WorkItemRow.queue)
        .where(
            *shown(share),
            WorkItemRow.queue == asked.c.queue,
            WorkItemRow.closed_at.is_(None),
            or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= NOW),
            *more,
        )
        .order_by(WorkItemRow.due_at)  # in the order of its index
        .limit(RAIL_COUNT_MAX + 1)
        .correlate(asked)
    )
    return select(func.count()).select_from(first.subquery()).scalar_subquery()


def _told(count: int) -> str:
    return f"{count}" if count <= RAIL_COUNT_MAX else f"{RAIL_COUNT_MAX}+"


def _due(overdue: int, today: int) -> Chip:
    if overdue:
        return Chip("bad", "!", f"{overdue} overdue")
    if today:
        return Chip("warn", "◔", f"{today} due today")
    return Chip("calm", "○", "Nothing due today")


def figures(session: Session, viewer: Viewer) -> tuple[Figure, ...]:
    """The number the product exists to raise, and today's stream."""
    since = viewer.now - timedelta(days=FIRST_PASS_DAYS)
    midnight = end_of_today(viewer) - timedelta(days=1)
    first = ClaimVersionRow.version == 1
    answered = session.execute(
        select(
            func.count().filter(first, ClaimVersionRow.status.in_(("paid", "denied", "rejected", "superseded"))),
            func.count().filter(first, ClaimVersionRow.status == "paid"),
            func.count().filter(ClaimVersionRow.sent_at >= midnight),
        ).where(or_(ClaimVersionRow.created_at >= since, ClaimVersionRow.sent_at >= midnight))
    ).one()
    visits = session.execute(
        select(
            func.count().filter(EncounterRow.created_at >= midnight),
            func.count().filter(EncounterRow.closed_at.is_not(None)),
            func.count().filter(EncounterRow.closed_at.is_not(None), EncounterRow.touched.is_(False)),
            func.count().filter(EncounterRow.closed_at.is_(None)),
        )
    ).one()
    return (
        Figure(
            "Paid on the first pass",
            _share(answered[1], answered[0]),
            f"{answered[1]:,} of {answered[0]:,} answered claims, {FIRST_PASS_DAYS} days",
        ),
        Figure("Closed untouched", _share(visits[2], visits[1]), f"{visits[2]:,} of {visits[1]:,} closed visits"),
        Figure("Visits under way", f"{visits[3]:,}", f"{visits[0]:,} came in today"),
        Figure("Claims sent today", f"{answered[2]:,}", "each file once, with proof"),
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else formats.NOTHING
