"""What the supervisor's page tells in numbers is counted in one pass; a plain count of the items says the same."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import select, update

from billing.deadlines import add_business_days, is_business_day
from billing.vocabulary import Queue, Role
from billing.workload import business_days_ahead, outlook
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.supervision import AbsenceRow
from tests.web.conftest import House, move_in, viewer
from web import formats
from web.reads import desk
from web.reads import supervision as reads
from web.shell import queues_of
from web.viewer import Viewer

ITEMS = 400
MOMENTS = {
    "a Wednesday": datetime(2026, 11, 18, 16, 40, tzinfo=UTC),
    "evening, when in UTC it is tomorrow": datetime(2026, 11, 20, 3, 15, tzinfo=UTC),
    "a Saturday before a holiday": datetime(2026, 9, 5, 15, 0, tzinfo=UTC),  # Labor Day: 09/07
    "two days before clocks change": datetime(2026, 10, 30, 14, 0, tzinfo=UTC),  # 11/01
}


@pytest.fixture(params=MOMENTS.values(), ids=list(MOMENTS))
def at(request: pytest.FixtureRequest, house: House) -> Viewer:
    """A supervisor at one of several moments, at whose desk all kinds of items lie, and another practice's beside."""
    looking = replace(viewer(house, Role.SUPERVISOR), now=request.param)
    fill(house, looking)
    fill(move_in(house.engine, "two"), looking)
    return looking


def fill(house: House, looking: Viewer) -> None:
    """Items open and closed, of every queue and owner or none, with instants on both sides of every limit."""
    chance, now = Random(7), looking.now
    queues = [queue.value for queue in Queue][:-1]  # one has none
    owners = [None, *(house.users[role] for role in (Role.BILLER, Role.SUPERVISOR, Role.AUDITOR))]

    def instant(days: range) -> datetime:
        on_the_limit = now + timedelta(days=chance.choice(days))
        midnight = datetime.combine(on_the_limit.astimezone(looking.zone), time.min, tzinfo=looking.zone)
        return chance.choice((on_the_limit, midnight, on_the_limit + timedelta(minutes=chance.randrange(-900, 900))))

    rows = [
        WorkItemRow(
            practice_id=house.practice_id,
            subject=f"encounter/{number}",
            queue=chance.choice(queues),
            kind="hold",
            workflow_id=f"encounter/{number}",
            reason="The note is signed by nobody.",
            clears_when="the note is signed",
            whose_move="clinician",
            amount=Decimal(chance.randrange(90_000)) / 100,
            opened_at=min(now, instant(range(-38, 1))),
            due_at=chance.choice((None, instant(range(-2, 9)))),
            snoozed_until=chance.choice((None, instant(range(-1, 9)))),
            owner_id=chance.choice(owners),
            closed_at=now if number % 5 == 0 else None,
        )
        for number in range(ITEMS)
    ]
    ana = house.users[Role.BILLER]
    away = AbsenceRow(
        practice_id=house.practice_id,
        user_id=ana,
        first_day=looking.today - timedelta(days=3),
        last_day=business_days_ahead(looking.today)[2],
        why="",
    )
    with practice_session(house.engine, house.practice_id) as session:
        session.add_all([*rows, away])
        session.execute(update(UserRow).where(UserRow.id == ana).values(daily_capacity=7))


def everything(house: House) -> list[WorkItemRow]:
    with practice_session(house.engine, house.practice_id) as session:
        return list(session.scalars(select(WorkItemRow)))


def test_queues_by_deadline_and_age_are_a_plain_count(house: House, at: Viewer) -> None:
    queues, now = queues_of(at), at.now
    items = [item for item in everything(house) if item.closed_at is None]
    with practice_session(house.engine, house.practice_id) as session:
        work = reads.open_work(session, at)
        asked_apart = desk.queue_lines(session, at, queues)
    assert desk.lines_of(at, queues, work.awake) == asked_apart
    for line, heat in zip(asked_apart, reads.heat(work, queues), strict=True):
        of_queue = [item for item in items if item.queue == line.key]
        awake = [item for item in of_queue if item.snoozed_until is None or item.snoozed_until <= now]
        assert (line.open, line.amount) == (len(awake), sum(item.amount for item in awake))
        assert line.mine == sum(item.owner_id == at.user_id for item in awake)
        assert line.unassigned == sum(item.owner_id is None for item in awake)
        assert line.overdue == sum(item.due_at is not None and item.due_at < now for item in awake)
        due = [item.due_at.astimezone(at.zone).date() for item in awake if item.due_at is not None]
        assert not awake or work.awake[line.key].today == sum(day <= at.today for day in due)
        for (lower, upper, _), cell in zip(desk.AGE_BUCKETS, heat.cells, strict=True):
            aged = [item.amount for item in of_queue if lower <= (now - item.opened_at).days < upper]
            assert cell.count == len(aged)
            assert cell.dollars == (formats.money(sum(aged, formats.ZERO)) if aged else "")


def test_what_everybody_has_is_a_plain_count(house: House, at: Viewer) -> None:
    queues, now = queues_of(at), at.now
    items = [item for item in everything(house) if item.closed_at is None]
    with practice_session(house.engine, house.practice_id) as session:
        work = reads.open_work(session, at)
        lines = reads.people(session, at, queues, work, reads.team_of(session, at, work.days))
    assert {line.name for line in lines} == {"Nobody yet", "Ana Ruiz", "Lee Park", "Sam Okafor", "Mia Voss"}
    for line in lines:
        theirs = [item for item in items if str(item.owner_id or "") == line.id]
        by_queue = Counter(item.queue for item in theirs)
        assert line.per_queue == tuple(by_queue[info.queue.value] for info in queues)
        assert (line.open, line.dollars) == (
            len(theirs),
            formats.money(sum((item.amount for item in theirs), formats.ZERO)),
        )
        assert line.overdue == sum(item.due_at is not None and item.due_at < now for item in theirs)
        assert line.waiting == sum(item.snoozed_until is not None and item.snoozed_until > now for item in theirs)
        assert line.oldest == formats.age(min((item.opened_at for item in theirs), default=None), now)
    ana = next(line for line in lines if line.name == "Ana Ruiz")
    assert (ana.capacity, ana.days_of_work) == (7, f"{ana.open / 7:.1f} d")
    assert ana.away == f"{business_days_ahead(at.today)[2]:%m/%d}"


def test_the_days_ahead_are_a_plain_count(house: House, at: Viewer) -> None:
    def local(instant: datetime) -> date:
        return instant.astimezone(at.zone).date()

    def on_business_days(instants: Iterable[datetime | None]) -> Counter[date]:
        days = [local(instant) for instant in instants if instant is not None]
        kept = [day for day in days if day >= at.today]
        return Counter(day if is_business_day(day) else add_business_days(day, 1) for day in kept)

    every = everything(house)
    items = [item for item in every if item.closed_at is None]
    days = business_days_ahead(at.today)
    expected = outlook(
        days,
        sum(item.snoozed_until is None or item.snoozed_until <= at.now for item in items),
        Counter(local(item.opened_at) for item in every),
        on_business_days(item.snoozed_until for item in items),
        on_business_days(item.due_at for item in items),
        {day: 40 if number < 3 else 47 for number, day in enumerate(days)},  # Ana, away, closes 7; Lee the usual 40
        min(local(item.opened_at) for item in every),
    )
    with practice_session(house.engine, house.practice_id) as session:
        work = reads.open_work(session, at)
        told = reads.ahead(session, at, work, reads.team_of(session, at, work.days))
    assert [(line.new, line.waking, line.due, line.capacity, line.left, line.steps) for line in told] == [
        (day.new, day.waking, day.due, day.capacity, day.left, day.steps) for day in expected
    ]
    assert sum(line.waking for line in told) > 0
    assert sum(line.due for line in told) > 0


def test_an_empty_desk_has_its_page_too(house: House) -> None:
    sam = viewer(house, Role.SUPERVISOR)
    with practice_session(house.engine, house.practice_id) as session:
        work = reads.open_work(session, sam)
        told = reads.ahead(session, sam, work, reads.team_of(session, sam, work.days))
    assert [line.left for line in told] == [0] * len(work.days)
    assert not work.loads
