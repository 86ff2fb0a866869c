"""What a supervisor looks at: people and their load, work by age, and the days to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    bindparam,
    case,
    cast,
    false,
    func,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from billing.desk import QueueInfo
from billing.practice import DeskSettings
from billing.vocabulary import Role
from billing.workload import DAYS_AHEAD, WEEKS_LOOKED_BACK, Bench, business_days_ahead, outlook
from models.store.people import away_on_days
from models.tables.access import UserRow
from models.tables.desk import DecisionRow, WorkItemRow, WorkItemSkipRow
from models.tables.supervision import AbsenceRow
from web import formats
from web.reads import choices
from web.reads.desk import AGE_BUCKETS, Awake
from web.reads.queue_filter import end_of_today
from web.reads.shown import PRACTICE
from web.reads.standing import practice_settings
from web.viewer import Viewer

WORKERS = (Role.BILLER, Role.FRONT_DESK)
WORKING = (*WORKERS, Role.SUPERVISOR)
LISTED_MAX = 500
_DAYS = (
    func.unnest(*(bindparam(name, type_=ARRAY(DateTime(timezone=True))) for name in ("since", "until")))
    .table_valued("since", "until")
    .render_derived()
)
# Each day counted from ix_work_items_arrived alone.
_ARRIVED = select(
    _DAYS.c.since,
    select(func.count())
    .where(
        WorkItemRow.practice_id == PRACTICE,
        WorkItemRow.opened_at >= _DAYS.c.since,
        WorkItemRow.opened_at < _DAYS.c.until,
    )
    .scalar_subquery()
    .label("number"),
    select(func.min(WorkItemRow.opened_at)).where(WorkItemRow.practice_id == PRACTICE).scalar_subquery().label("first"),
)


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
        query = query.where(WorkItemRow.owner_id.in_(choices.ids([part.owner])))
    if part.bucket >= 0:
        lower, upper, _ = AGE_BUCKETS[part.bucket]
        query = query.where(
            WorkItemRow.opened_at <= viewer.now - timedelta(days=lower),
            WorkItemRow.opened_at > viewer.now - timedelta(days=min(upper, 36_500)),
        )
    return list(session.scalars(query.order_by(WorkItemRow.opened_at, WorkItemRow.id).limit(limit)))


@dataclass(slots=True)
class Load:
    """What one person (or nobody) has, asleep or not."""

    per_queue: dict[str, int] = field(default_factory=dict)
    overdue: int = 0
    waiting: int = 0
    oldest: datetime | None = None
    dollars: Decimal = formats.ZERO

    @property
    def open(self) -> int:
        """In all queues."""
        return sum(self.per_queue.values())


@dataclass(slots=True)
class OpenWork:
    """All open items of the practice, counted at once.

    awake: by queue; loads: by person, nobody among them; cells: count and dollars by queue and place in AGE_BUCKETS;
    waking, due: how many wake, and have their deadline, on each of ``days``, the next business days.
    """

    days: tuple[date, ...]
    awake: dict[str, Awake] = field(default_factory=dict)
    loads: dict[UUID | None, Load] = field(default_factory=dict)
    cells: dict[tuple[str, int], tuple[int, Decimal]] = field(default_factory=dict)
    waking: dict[date, int] = field(default_factory=dict)
    due: dict[date, int] = field(default_factory=dict)


def open_work(session: Session, viewer: Viewer) -> OpenWork:
    """One pass over the open items for all that is counted of them, read from ix_work_items_figures alone."""
    work = OpenWork(business_days_ahead(viewer.today, DAYS_AHEAD))
    for row in session.execute(_open_work(viewer, work.days)):
        if row.age is not None:
            work.cells[row.queue, row.age] = (row.open, row.dollars)
            continue
        load = work.loads.setdefault(row.owner_id, Load())
        load.per_queue[row.queue] = load.per_queue.get(row.queue, 0) + row.open
        load.overdue += row.overdue
        load.waiting += row.open if row.asleep else 0
        load.oldest = min(load.oldest or row.oldest, row.oldest)
        load.dollars += row.dollars
        for number, day in enumerate(work.days):
            work.waking[day] = work.waking.get(day, 0) + getattr(row, f"waking_{number}")
            work.due[day] = work.due.get(day, 0) + getattr(row, f"due_{number}")
        if not row.asleep:
            _add(viewer, work.awake.setdefault(row.queue, Awake()), row)
    return work


def _add(viewer: Viewer, queue: Awake, row: Any) -> None:
    queue.open += row.open
    queue.mine += row.open if row.owner_id == viewer.user_id else 0
    queue.unassigned += row.open if row.owner_id is None else 0
    queue.overdue += row.overdue
    queue.today += row.today
    queue.oldest = min(queue.oldest or row.oldest, row.oldest)
    queue.dollars += row.dollars


def _open_work(viewer: Viewer, days: Sequence[date]) -> Select[*tuple[Any, ...]]:
    """Grouped by all that tells items apart, and the few thousand groups once more: by person, and by age."""
    item = WorkItemRow
    last = len(AGE_BUCKETS) - 1
    younger = (
        (item.opened_at > viewer.now - timedelta(days=upper), place)
        for place, (_, upper, _) in enumerate(AGE_BUCKETS[:last])
    )
    groups = {
        "queue": item.queue,
        "owner_id": item.owner_id,
        "age": case(*younger, else_=last),
        "asleep": func.coalesce(item.snoozed_until > viewer.now, false()),
    }
    counts = {
        "open": func.count(),
        "overdue": func.count().filter(item.due_at < viewer.now),
        "today": func.count().filter(item.due_at < end_of_today(viewer)),
        **_by_day("waking", item.snoozed_until, viewer, days),
        **_by_day("due", item.due_at, viewer, days),
    }
    found = (
        select(
            *(group.label(name) for name, group in groups.items()),
            *(count.label(name) for name, count in counts.items()),
            func.min(item.opened_at).label("oldest"),
            func.sum(item.amount).label("dollars"),
        )
        .where(item.practice_id == viewer.practice_id, item.closed_at.is_(None))
        .group_by(*groups.values())
        .subquery()
    )
    by = found.c
    return select(
        *(by[name] for name in groups),
        *(cast(func.sum(by[name]), Integer).label(name) for name in counts),
        func.min(by.oldest).label("oldest"),
        func.sum(by.dollars).label("dollars"),
    ).group_by(func.grouping_sets(tuple_(by.queue, by.owner_id, by.asleep), tuple_(by.queue, by.age)))


def heat(work: OpenWork, queues: Sequence[QueueInfo]) -> tuple[HeatLine, ...]:
    """Open items by queue and age, snoozed ones included; each cell leads to its list."""
    lines = []
    for info in queues:
        key = info.queue.value
        told = []
        for place in range(len(AGE_BUCKETS)):
            count, dollars = work.cells.get((key, place), (0, None))
            href = f"/supervisor/items?{Part(key, '', place).query}"
            told.append(Cell(count, formats.money(dollars) if dollars else "", f"h{place if count else 0}", href))
        lines.append(HeatLine(info.title, f"/queues/{key}?sort=age", tuple(told)))
    return tuple(lines)


def settings(session: Session, viewer: Viewer) -> DeskSettings:
    """The practice's desk."""
    return practice_settings(session, viewer)


@dataclass(frozen=True, slots=True)
class Team:
    """Everybody of the practice, by name, and who is away on a day, until when. usual: capacity of who has no own."""

    users: tuple[UserRow, ...]
    away: dict[date, dict[UUID, date]]
    usual: int

    def daily(self, user: UserRow) -> int:
        """How much somebody closes on a working day."""
        return self.usual if user.daily_capacity is None else user.daily_capacity

    @property
    def workers(self) -> tuple[UserRow, ...]:
        """Those who work on items all day."""
        return tuple(user for user in self.users if user.role in WORKERS)

    def on(self, day: date, user: UserRow) -> int:
        """How much somebody closes on a day."""
        return 0 if user.id in self.away[day] else self.daily(user)

    def capacity(self, day: date) -> int:
        """How much all who work on items close on a day."""
        return sum(self.on(day, user) for user in self.workers)


def team_of(session: Session, viewer: Viewer, days: Sequence[date]) -> Team:
    """As of today and some days to come."""
    users = session.scalars(select(UserRow).where(UserRow.disabled_at.is_(None)).order_by(UserRow.name)).all()
    away = away_on_days(session, viewer.practice_id, [viewer.today, *days])
    return Team(tuple(users), away, settings(session, viewer).capacity_per_day)


def benches(session: Session, viewer: Viewer) -> tuple[Bench[UUID], ...]:
    """Everybody who works on items, with open ones and daily capacity, by name. Who is away today has none."""
    team = team_of(session, viewer, [])
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
    return tuple(Bench(user.id, counted.get(user.id, 0), team.on(viewer.today, user)) for user in team.workers)


def people(
    session: Session, viewer: Viewer, queues: Sequence[QueueInfo], work: OpenWork, team: Team
) -> tuple[PersonLine, ...]:
    """Who has how much, has done how much today, and is away until when; the first line is what nobody has."""
    loads, keys = work.loads, [info.queue.value for info in queues]
    done, hard = _done_today(session, viewer), _hard_skips(session, viewer)
    away = team.away[viewer.today]
    lines = [_line(viewer, keys, loads.get(None, Load()))]
    for user in team.users:
        if user.role not in WORKING and user.id not in loads:
            continue
        line = _line(viewer, keys, loads.get(user.id, Load()), user.id, team.daily(user))
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
    viewer: Viewer, keys: Sequence[str], load: Load, user_id: UUID | None = None, capacity: int = 0
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


def _done_today(session: Session, viewer: Viewer) -> dict[UUID, int]:
    found = session.execute(
        select(DecisionRow.user_id, func.count())
        .where(DecisionRow.practice_id == viewer.practice_id, DecisionRow.created_at >= _midnight(viewer, viewer.today))
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


def ahead(session: Session, viewer: Viewer, work: OpenWork, team: Team) -> tuple[AheadLine, ...]:
    """The next five business days: what usually comes, what wakes, what is due, and what people can do."""
    arrived, known_since = _arrived(session, viewer)
    told = outlook(
        work.days,
        sum(queue.open for queue in work.awake.values()),
        arrived,
        work.waking,
        work.due,
        {day: team.capacity(day) for day in work.days},
        known_since,
    )
    return tuple(
        AheadLine(f"{day.day:%A %m/%d}", day.new, day.waking, day.due, day.capacity, day.left, day.short, day.steps)
        for day in told
    )


def _arrived(session: Session, viewer: Viewer) -> tuple[dict[date, int], date | None]:
    """How many items came on each of the days looked back on, closed ones included, and when the first came of all."""
    first = viewer.today - timedelta(weeks=WEEKS_LOOKED_BACK + 2)
    days = [first + timedelta(days=number) for number in range((viewer.today - first).days + 1)]
    nights = [_midnight(viewer, day) for day in (*days, viewer.today + timedelta(days=1))]
    values = {"practice": viewer.practice_id, "since": nights[:-1], "until": nights[1:]}
    found = session.execute(_ARRIVED, values).all()
    counts = {formats.today(row.since, viewer.zone): row.number for row in found}
    return counts, formats.today(found[0].first, viewer.zone) if found[0].first else None


def _midnight(viewer: Viewer, day: date) -> datetime:
    """The instant at which a day begins at the practice."""
    return datetime.combine(day, time.min, tzinfo=viewer.zone)


def _by_day(name: str, column: Any, viewer: Viewer, days: Sequence[date]) -> dict[str, ColumnElement[int]]:
    """How many have an instant on each of the next business days.

    What falls on a weekend or holiday stands on the next business day, so each begins where the one before it ended.
    """
    begins = [_midnight(viewer, day) for day in (viewer.today, *(day + timedelta(days=1) for day in days))]
    return {
        f"{name}_{number}": func.count().filter(column >= since, column < until)
        for number, (since, until) in enumerate(pairwise(begins))
    }


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
