"""What a supervisor looks at: people and their load, work by age, what is stuck, and the days to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Text, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from billing.deadlines import add_business_days, is_business_day
from billing.desk import QueueInfo
from billing.practice import DeskSettings
from billing.vocabulary import Role
from billing.workload import DAYS_AHEAD, WEEKS_LOOKED_BACK, Bench, business_days_ahead, outlook
from models.store.desk import settings_of
from models.store.people import away_on
from models.tables.access import UserRow
from models.tables.desk import DecisionRow, WorkItemRow, WorkItemSkipRow
from models.tables.life import AuditRow
from models.tables.practice import PracticeRow
from models.tables.supervision import AbsenceRow
from web import formats
from web.reads.desk import AGE_BUCKETS
from web.reads.queue_filter import end_of_today
from web.viewer import Viewer

WORKING = (Role.BILLER, Role.FRONT_DESK, Role.SUPERVISOR)
TOUCHES_MAX, SNOOZES_MAX, HANDS_MAX = 3, 2, 3  # more than so many and an item is stuck (practice default)
STUCK_DAYS = 30
STUCK_SHOWN = 50
LISTED_MAX = 500


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody's desk. bar: open items as a share of a day, at most 100."""

    id: str
    name: str
    role: str
    per_queue: tuple[int, ...]
    open: int
    waiting: int
    overdue: int
    oldest: str
    dollars: str
    done_today: int
    hard_skips: int
    capacity: int
    own_capacity: str
    bar: int
    days_of_work: str
    away: str
    list_href: str
    hand_over_href: str


@dataclass(frozen=True, slots=True)
class Cell:
    """Items of one queue and age."""

    count: int
    dollars: str
    heat: str
    href: str


@dataclass(frozen=True, slots=True)
class HeatLine:
    """One queue over the ages."""

    title: str
    href: str
    cells: tuple[Cell, ...]


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


@dataclass(frozen=True, slots=True)
class AheadLine:
    """One of the next business days."""

    day: str
    new: int
    waking: int
    due: int
    capacity: int
    left: int
    short: int
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """Days off to come."""

    id: str
    name: str
    days: str
    why: str
    hand_over_href: str


@dataclass(frozen=True, slots=True)
class Part:
    """Which items a list or a move is about. bucket: place in AGE_BUCKETS, -1 for any age."""

    queue: str = ""
    owner: str = ""
    bucket: int = -1

    @classmethod
    def read(cls, values: Mapping[str, str]) -> "Part":
        """From an address or a form; what makes no sense is left out."""
        place = values.get("bucket", "")
        return cls(
            queue=values.get("queue", "")[:40],
            owner=values.get("owner", "")[:40],
            bucket=int(place) if place.isdigit() and int(place) < len(AGE_BUCKETS) else -1,
        )

    @property
    def query(self) -> str:
        """As in an address."""
        parts = [("queue", self.queue), ("owner", self.owner), ("bucket", str(self.bucket) if self.bucket >= 0 else "")]
        return "&".join(f"{name}={value}" for name, value in parts if value)


def items_of(session: Session, viewer: Viewer, part: Part, limit: int = LISTED_MAX) -> list[UUID]:
    """Open items of a queue, a person and an age, the oldest first."""
    query = select(WorkItemRow.id).where(WorkItemRow.practice_id == viewer.practice_id, WorkItemRow.closed_at.is_(None))
    if part.queue:
        query = query.where(WorkItemRow.queue == part.queue)
    if part.owner == "nobody":
        query = query.where(WorkItemRow.owner_id.is_(None))
    elif part.owner:
        query = query.where(cast(WorkItemRow.owner_id, Text) == part.owner)
    if part.bucket >= 0:
        lower, upper, _ = AGE_BUCKETS[part.bucket]
        query = query.where(
            WorkItemRow.opened_at <= viewer.now - timedelta(days=lower),
            WorkItemRow.opened_at > viewer.now - timedelta(days=min(upper, 36_500)),
        )
    return list(session.scalars(query.order_by(WorkItemRow.opened_at, WorkItemRow.id).limit(limit)))


def heat(session: Session, viewer: Viewer, queues: Sequence[QueueInfo]) -> tuple[HeatLine, ...]:
    """Open items by queue and age, snoozed ones included; each cell leads to its list."""
    days = func.floor(func.extract("epoch", viewer.now - WorkItemRow.opened_at) / 86_400)
    bucket = case(*((days < upper, place) for place, (_, upper, _) in enumerate(AGE_BUCKETS)), else_=0)
    found = session.execute(
        select(WorkItemRow.queue, bucket, func.count(), func.sum(WorkItemRow.amount))
        .where(WorkItemRow.practice_id == viewer.practice_id, WorkItemRow.closed_at.is_(None))
        .group_by(WorkItemRow.queue, bucket)
    )
    cells = {(queue, place): (count, dollars) for queue, place, count, dollars in found}
    lines = []
    for info in queues:
        key = info.queue.value
        told = []
        for place in range(len(AGE_BUCKETS)):
            count, dollars = cells.get((key, place), (0, None))
            href = f"/supervisor/items?{Part(key, '', place).query}"
            told.append(Cell(count, formats.money(dollars) if dollars else "", f"h{place if count else 0}", href))
        lines.append(HeatLine(info.title, f"/queues/{key}?sort=age", tuple(told)))
    return tuple(lines)


def settings(session: Session, viewer: Viewer) -> DeskSettings:
    """The practice's desk."""
    return settings_of(session.get_one(PracticeRow, viewer.practice_id))


def benches(session: Session, viewer: Viewer, day: date | None = None) -> tuple[Bench[UUID], ...]:
    """Everybody who works on a day, with open items and daily capacity, by name. Who is away has none."""
    usual = settings(session, viewer).capacity_per_day
    away = away_on(session, viewer.practice_id, day or viewer.today)
    counted = dict(
        session.execute(
            select(WorkItemRow.owner_id, func.count())
            .where(
                WorkItemRow.practice_id == viewer.practice_id,
                WorkItemRow.closed_at.is_(None),
                WorkItemRow.owner_id.is_not(None),
            )
            .group_by(WorkItemRow.owner_id)
        ).all()
    )
    found = session.execute(
        select(UserRow.id, UserRow.daily_capacity)
        .where(UserRow.disabled_at.is_(None), UserRow.role.in_([role.value for role in WORKING[:2]]))
        .order_by(UserRow.name)
    )
    return tuple(
        Bench(user, counted.get(user, 0), 0 if user in away else usual if own is None else own) for user, own in found
    )


@dataclass(slots=True)
class _Load:
    """What one person (or nobody) has."""

    per_queue: dict[str, int] = field(default_factory=dict)
    overdue: int = 0
    waiting: int = 0
    oldest: datetime | None = None
    dollars: Decimal = formats.ZERO

    @property
    def open(self) -> int:
        return sum(self.per_queue.values())


def people(session: Session, viewer: Viewer, queues: Sequence[QueueInfo]) -> tuple[PersonLine, ...]:
    """Who has how much, has done how much today, and is away until when; the first line is what nobody has."""
    loads, keys = _loads(session, viewer), [info.queue.value for info in queues]
    done, hard = _done_today(session, viewer), _hard_skips(session, viewer)
    away = away_on(session, viewer.practice_id, viewer.today)
    usual = settings(session, viewer).capacity_per_day
    users = session.scalars(select(UserRow).where(UserRow.disabled_at.is_(None)).order_by(UserRow.name))
    lines = [_line(viewer, keys, loads.get(None, _Load()))]
    for user in users:
        if user.role not in WORKING and user.id not in loads:
            continue
        line = _line(
            viewer,
            keys,
            loads.get(user.id, _Load()),
            user.id,
            usual if user.daily_capacity is None else user.daily_capacity,
        )
        lines.append(
            replace(
                line,
                name=user.name,
                role=formats.words(user.role),
                done_today=done.get(user.id, 0),
                hard_skips=hard.get(user.id, 0),
                own_capacity="" if user.daily_capacity is None else str(user.daily_capacity),
                away=f"{away[user.id]:%m/%d}" if user.id in away else "",
            )
        )
    return tuple(lines)


def _line(
    viewer: Viewer, keys: Sequence[str], load: _Load, user_id: UUID | None = None, capacity: int = 0
) -> PersonLine:
    owner = str(user_id) if user_id else "nobody"
    return PersonLine(
        id=str(user_id or ""),
        name="Nobody yet",
        role="",
        per_queue=tuple(load.per_queue.get(key, 0) for key in keys),
        open=load.open,
        waiting=load.waiting,
        overdue=load.overdue,
        oldest=formats.age(load.oldest, viewer.now),
        dollars=formats.money(load.dollars),
        done_today=0,
        hard_skips=0,
        capacity=capacity,
        own_capacity="",
        bar=min(100, round(100 * load.open / capacity)) if capacity else 0,
        days_of_work=f"{load.open / capacity:.1f} d" if capacity else formats.NOTHING,
        away="",
        list_href=f"/supervisor/items?{Part(owner=owner).query}",
        hand_over_href=f"/supervisor?from={owner}#move",
    )


def _loads(session: Session, viewer: Viewer) -> dict[UUID | None, _Load]:
    found = session.execute(
        select(
            WorkItemRow.owner_id,
            WorkItemRow.queue,
            func.count().label("open"),
            func.count().filter(WorkItemRow.due_at < viewer.now).label("overdue"),
            func.count().filter(WorkItemRow.snoozed_until > viewer.now).label("waiting"),
            func.min(WorkItemRow.opened_at).label("oldest"),
            func.sum(WorkItemRow.amount).label("dollars"),
        )
        .where(WorkItemRow.practice_id == viewer.practice_id, WorkItemRow.closed_at.is_(None))
        .group_by(WorkItemRow.owner_id, WorkItemRow.queue)
    )
    loads: dict[UUID | None, _Load] = {}
    for row in found:
        load = loads.setdefault(row.owner_id, _Load())
        load.per_queue[row.queue] = row.open
        load.overdue += row.overdue
        load.waiting += row.waiting
        load.oldest = min(load.oldest or row.oldest, row.oldest)
        load.dollars += row.dollars
    return loads


def _midnight(viewer: Viewer) -> datetime:
    return end_of_today(viewer) - timedelta(days=1)


def _done_today(session: Session, viewer: Viewer) -> dict[UUID, int]:
    found = session.execute(
        select(DecisionRow.user_id, func.count())
        .where(DecisionRow.practice_id == viewer.practice_id, DecisionRow.created_at >= _midnight(viewer))
        .group_by(DecisionRow.user_id)
    )
    return dict(found.all())


def _hard_skips(session: Session, viewer: Viewer) -> dict[UUID, int]:
    found = session.execute(
        select(WorkItemSkipRow.user_id, func.count())
        .where(
            WorkItemSkipRow.practice_id == viewer.practice_id,
            WorkItemSkipRow.day == viewer.today,
            WorkItemSkipRow.reason == "too_hard",
            WorkItemSkipRow.undone_at.is_(None),
        )
        .group_by(WorkItemSkipRow.user_id)
    )
    return dict(found.all())


def stuck(session: Session, viewer: Viewer, queues: Sequence[QueueInfo]) -> tuple[StuckItem, ...]:
    """Open items that were touched, snoozed or passed on too often, or wait past their deadline asleep.

    Counted from the audit log of the last 30 days (``item.*`` lines of ``work_item/<id>``), the dearest first.
    """
    subject = func.concat("work_item/", cast(WorkItemRow.id, Text))
    passed_on = ("item.taken", "item.released", "item.reassigned")
    counted = (
        select(
            AuditRow.subject.label("subject"),
            func.count().label("touches"),
            func.count().filter(AuditRow.action == "item.snoozed").label("snoozes"),
            func.count().filter(AuditRow.action.in_(passed_on)).label("hands"),
        )
        .where(
            AuditRow.practice_id == viewer.practice_id,
            AuditRow.action.like("item.%"),
            AuditRow.at > viewer.now - timedelta(days=STUCK_DAYS),
        )
        .group_by(AuditRow.subject)
        .subquery()
    )
    overslept = and_(WorkItemRow.snoozed_until > viewer.now, WorkItemRow.due_at < viewer.now)
    found = session.execute(
        select(WorkItemRow, UserRow.name, counted.c.touches, counted.c.snoozes, counted.c.hands)
        .outerjoin(counted, counted.c.subject == subject)
        .outerjoin(UserRow, UserRow.id == WorkItemRow.owner_id)
        .where(
            WorkItemRow.practice_id == viewer.practice_id,
            WorkItemRow.closed_at.is_(None),
            or_(
                counted.c.touches > TOUCHES_MAX,
                counted.c.snoozes > SNOOZES_MAX,
                counted.c.hands > HANDS_MAX,
                overslept,
            ),
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


def ahead(session: Session, viewer: Viewer) -> tuple[AheadLine, ...]:
    """The next five business days: what usually comes, what wakes, what is due, and what people can do."""
    days = business_days_ahead(viewer.today, DAYS_AHEAD)
    looked_back = viewer.today - timedelta(weeks=WEEKS_LOOKED_BACK + 2)
    told = outlook(
        days,
        _awake(session, viewer),
        _by_day(session, viewer, WorkItemRow.opened_at, looked_back, open_only=False),
        _on_business_days(_by_day(session, viewer, WorkItemRow.snoozed_until, viewer.today)),
        _on_business_days(_by_day(session, viewer, WorkItemRow.due_at, viewer.today)),
        {day: sum(bench.capacity for bench in benches(session, viewer, day)) for day in days},
        _known_since(session, viewer),
    )
    return tuple(
        AheadLine(f"{day.day:%A %m/%d}", day.new, day.waking, day.due, day.capacity, day.left, day.short, day.steps)
        for day in told
    )


def _awake(session: Session, viewer: Viewer) -> int:
    query = select(func.count()).where(
        WorkItemRow.practice_id == viewer.practice_id,
        WorkItemRow.closed_at.is_(None),
        or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= viewer.now),
    )
    return session.scalar(query) or 0


def _known_since(session: Session, viewer: Viewer) -> date | None:
    first = session.scalar(select(func.min(WorkItemRow.opened_at)).where(WorkItemRow.practice_id == viewer.practice_id))
    return formats.today(first, viewer.zone) if first else None


def _by_day(session: Session, viewer: Viewer, column: Any, since: date, *, open_only: bool = True) -> dict[date, int]:
    """Items by the practice's day of an instant, from a day on."""
    day = cast(func.timezone(str(viewer.zone), column), Date)
    query = select(day, func.count()).where(
        WorkItemRow.practice_id == viewer.practice_id, column >= datetime.combine(since, time.min, tzinfo=viewer.zone)
    )
    if open_only:
        query = query.where(WorkItemRow.closed_at.is_(None))
    return dict(session.execute(query.group_by(day)).all())


def _on_business_days(counts: Mapping[date, int]) -> dict[date, int]:
    """What falls on a weekend or holiday stands on the next business day."""
    moved: dict[date, int] = {}
    for day, count in counts.items():
        there = day if is_business_day(day) else add_business_days(day, 1)
        moved[there] = moved.get(there, 0) + count
    return moved


def absences(session: Session, viewer: Viewer) -> tuple[Absence, ...]:
    """Days off that are not over, the nearest first."""
    found = session.execute(
        select(AbsenceRow, UserRow.name)
        .join(UserRow, UserRow.id == AbsenceRow.user_id)
        .where(
            AbsenceRow.practice_id == viewer.practice_id,
            AbsenceRow.ended_at.is_(None),
            AbsenceRow.last_day >= viewer.today,
        )
        .order_by(AbsenceRow.first_day, UserRow.name)
        .limit(100)
    )
    return tuple(
        Absence(
            id=str(row.id),
            name=name,
            days=f"{formats.day(row.first_day)} to {formats.day(row.last_day)}",
            why=row.why,
            hand_over_href=f"/supervisor?from={row.user_id}#move",
        )
        for row, name in found
    )
