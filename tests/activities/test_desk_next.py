"""Get next under load: many people, many items, none leased twice; what is nobody's, and what is passed over."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from threading import Barrier
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, insert, make_url, select, update

from activities import undo
from activities.desk import Actor, Seen, Sleep, snooze, take
from activities.desk_next import Wanted, heartbeat, leave, next_item, skip
from activities.refusals import Refused
from billing.vocabulary import Role
from clients import make_engine
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow, WorkItemSkipRow
from models.tables.life import OutboxRow
from tests.conftest import Database
from tests.web.conftest import House, move_in

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LEASE = timedelta(minutes=10)
SCRUB = select(WorkItemRow.id).where(WorkItemRow.queue == "scrub", WorkItemRow.closed_at.is_(None))


@pytest.fixture
def house(engine: Engine) -> House:
    """A practice with a user of every role."""
    return move_in(engine)


def person(house: House, role: Role = Role.BILLER) -> Actor:
    return Actor(house.practice_id, house.users[role], role.value, f"{role.value}@one.example", role is Role.SUPERVISOR)


def give(house: House, actor: Actor, now: datetime = NOW, today: date = TODAY) -> UUID | None:
    """What get-next gives."""
    with practice_session(house.engine, house.practice_id) as session:
        return next_item(session, actor, Wanted((SCRUB,), LEASE, today), now)


def ranked(house: House, hours: int, **values: object) -> UUID:
    return house.item(queue="scrub", rank_at=NOW + timedelta(hours=hours), **values)


def test_the_best_first_and_each_only_once(house: House) -> None:
    second, first, third = ranked(house, 5), ranked(house, 1), ranked(house, 9)
    ana, lee = person(house), person(house, Role.FRONT_DESK)
    assert give(house, ana) == first
    assert give(house, lee) == second
    assert give(house, ana) == third
    assert house.read(first).leased_by is None  # given back when she asked for the next
    assert house.read(first).version == 1


def test_what_is_owned_asleep_or_about_to_be_decided_is_not_given(house: House) -> None:
    others = house.users[Role.FRONT_DESK]
    ranked(house, 1, owner_id=others, taken_at=NOW)
    ranked(house, 2, snoozed_until=NOW + timedelta(days=1))
    decided = ranked(house, 3)
    own = ranked(house, 4, owner_id=house.users[Role.BILLER], taken_at=NOW)
    with practice_session(house.engine, house.practice_id) as session:
        workflow_id = house.read(decided).workflow_id
        session.add(
            OutboxRow(
                practice_id=house.practice_id,
                workflow_id=workflow_id,
                workflow_type="",
                signal=f"decide/{decided}",
                message={"work_item_id": str(decided)},
                not_before=NOW,
            )
        )
    assert give(house, person(house)) == own
    assert give(house, person(house)) is None


def test_a_lease_that_ran_out_is_nobodys_and_a_heartbeat_keeps_it(house: House) -> None:
    item = ranked(house, 1)
    ana, lee = person(house), person(house, Role.FRONT_DESK)
    assert give(house, ana) == item
    with practice_session(house.engine, house.practice_id) as session:
        heartbeat(session, ana, item, LEASE, NOW + timedelta(minutes=9))
    assert give(house, lee, NOW + timedelta(minutes=15)) is None
    assert give(house, lee, NOW + timedelta(minutes=20)) == item
    with practice_session(house.engine, house.practice_id) as session:
        heartbeat(session, ana, item, LEASE, NOW + timedelta(minutes=21))  # too late: it is Lee's now
    assert house.read(item).leased_by == lee.user_id


def test_of_what_was_ones_own_long_ago_one_is_leased_anew_and_the_rest_freed(house: House) -> None:
    long_ago = {"leased_by": house.users[Role.BILLER], "leased_at": NOW - 3 * LEASE, "leased_until": NOW - 2 * LEASE}
    first, second = ranked(house, 1, **long_ago), ranked(house, 5, **long_ago)
    ana = person(house)
    assert give(house, ana) == first
    assert house.read(first).leased_until == NOW + LEASE
    assert house.read(second).leased_by is None
    assert give(house, ana) == second  # nobody left it undone
    assert (house.read(first).leased_by, house.read(second).leased_by) == (None, ana.user_id)


def test_screens_are_told_of_who_comes_to_look_but_not_of_who_has_it_leased(house: House) -> None:
    item = ranked(house, 1)
    ana, lee = person(house), person(house, Role.FRONT_DESK)
    assert give(house, ana) == item
    conninfo = make_url(house.engine.url).set(drivername="postgresql").render_as_string(hide_password=False)

    def beats(who: Actor, minutes: int) -> int:
        """How many words screens get of a heartbeat."""
        with practice_session(house.engine, house.practice_id) as session:
            heartbeat(session, who, item, LEASE, NOW + timedelta(minutes=minutes))
        listening.execute("NOTIFY desk, 'that was all'")
        words = (notice.payload for notice in listening.notifies(timeout=60))
        return len(list(takewhile(lambda word: word != "that was all", words)))

    with psycopg.connect(conninfo, autocommit=True) as listening:
        listening.execute("LISTEN desk")
        assert beats(ana, 1) == 0
        assert beats(lee, 1) == 1
        assert beats(lee, 2) == 0, "seen a minute ago"
        assert beats(ana, 30) == 1, "her lease had run out, and goes on"


def test_a_lease_taken_by_a_clock_that_was_ahead_holds_nobody_up_and_its_own_heartbeat_mends_it(house: House) -> None:
    item = ranked(house, 1)
    ana, lee = person(house), person(house, Role.FRONT_DESK)
    assert give(house, ana, NOW + timedelta(days=1)) == item
    with practice_session(house.engine, house.practice_id) as session:
        heartbeat(session, ana, item, LEASE, NOW)  # the clock was set back; she still looks at it
    assert give(house, lee, NOW + timedelta(minutes=5)) is None
    other = ranked(house, 2)
    assert give(house, ana, NOW + timedelta(days=1)) is not None
    assert give(house, lee, NOW + timedelta(minutes=5)) in (item, other)


def test_leaving_frees_it_at_once(house: House) -> None:
    item = ranked(house, 1)
    give(house, person(house))
    with practice_session(house.engine, house.practice_id) as session:
        leave(session, person(house), item, NOW)
    assert give(house, person(house, Role.FRONT_DESK)) == item


def test_while_somebody_works_on_it_others_are_refused_and_a_supervisor_may_step_in(house: House) -> None:
    item = ranked(house, 1)
    give(house, person(house), datetime.now(UTC))
    seen = Seen(item, 1, None)
    with practice_session(house.engine, house.practice_id) as session, pytest.raises(Refused, match="Ana Ruiz is work"):
        take(session, person(house, Role.FRONT_DESK), seen, NOW)
    with practice_session(house.engine, house.practice_id) as session:
        take(session, person(house, Role.SUPERVISOR), seen, NOW)
    assert house.read(item).leased_by is None


def test_passed_over_for_today_by_one_person_until_it_changes(house: House) -> None:
    item, other = ranked(house, 1), ranked(house, 5)
    ana, lee = person(house), person(house, Role.FRONT_DESK)
    with practice_session(house.engine, house.practice_id) as session:
        skip(session, ana, item, "needs_call", TODAY, NOW)
    assert give(house, ana) == other
    assert give(house, lee) == item
    with practice_session(house.engine, house.practice_id) as session:
        leave(session, lee, item, NOW)
    assert give(house, ana, today=TODAY + timedelta(days=1)) == item  # other was passed over by asking for the next
    with practice_session(house.engine, house.practice_id) as session:
        leave(session, ana, item, NOW)
        first = select(WorkItemSkipRow.reason).order_by(WorkItemSkipRow.skipped_at).limit(1)
        assert session.scalar(first) == "needs_call"
        session.execute(update(WorkItemRow).where(WorkItemRow.id == item).values(version=2))
    assert give(house, ana) == item


def test_an_unknown_reason_is_refused(house: House) -> None:
    with practice_session(house.engine, house.practice_id) as session, pytest.raises(Refused, match="no reason"):
        skip(session, person(house), ranked(house, 1), "bored", TODAY, NOW)


def test_taken_back_the_item_is_as_before_unless_somebody_changed_it(house: House) -> None:
    item = ranked(house, 1)
    ana = person(house)
    with practice_session(house.engine, house.practice_id) as session:
        snooze(session, ana, Seen(item, 1, None), Sleep(NOW + timedelta(days=2), "payer"), NOW)
        action = undo.last_action(session, ana.user_id, item, NOW)
        assert action is not None
    with practice_session(house.engine, house.practice_id) as session:
        undo.take_back(session, ana.user_id, action.id, NOW + timedelta(seconds=5))
        undo.take_back(session, ana.user_id, action.id, NOW + timedelta(seconds=6))  # a second click
    back = house.read(item)
    assert (back.snoozed_until, back.wakes_on, back.version) == (None, None, 1)

    with practice_session(house.engine, house.practice_id) as session:
        take(session, ana, Seen(item, 1, None), NOW)
        action = undo.last_action(session, ana.user_id, item, NOW)
        assert action is not None
        session.execute(update(WorkItemRow).where(WorkItemRow.id == item).values(owner_id=house.users[Role.SUPERVISOR]))
    with practice_session(house.engine, house.practice_id) as session, pytest.raises(Refused, match="changed"):
        undo.take_back(session, ana.user_id, action.id, NOW + timedelta(seconds=5))
    with practice_session(house.engine, house.practice_id) as session, pytest.raises(Refused, match="too long"):
        undo.take_back(session, ana.user_id, action.id, NOW + timedelta(seconds=60))


def test_of_items_that_rank_alike_people_start_with_different_ones(house: House) -> None:
    for _ in range(40):
        ranked(house, 2)
    firsts = set()
    for role in (Role.BILLER, Role.SUPERVISOR, Role.FRONT_DESK, Role.ADMINISTRATOR):
        with practice_session(house.engine, house.practice_id) as session:
            firsts.add(next_item(session, person(house, role), Wanted((SCRUB,), LEASE, TODAY), NOW))
            session.rollback()
    assert len(firsts) > 1


def test_fifty_people_over_ten_thousand_items_never_get_the_same_one(database: Database, house: House) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        session.execute(insert(UserRow), [a_user(house, number) for number in range(50)])
        session.execute(insert(WorkItemRow), [an_item(house, number) for number in range(10_000)])
        people = session.scalars(select(UserRow.id).where(UserRow.email.like("racer%"))).all()
    engine = make_engine(database.app_url, pool_size=50)
    start = Barrier(50)

    def work(user_id: UUID) -> list[UUID]:
        actor, got = Actor(house.practice_id, user_id, "racer", "racer"), []
        start.wait()
        for _ in range(5):
            with practice_session(engine, house.practice_id) as session:
                given = next_item(session, actor, Wanted((SCRUB,), LEASE, TODAY), NOW)
                assert given is not None
                got.append(given)
                # theirs for good, so that nobody may get it again
                session.execute(update(WorkItemRow).where(WorkItemRow.id == given).values(owner_id=user_id))
        return got

    with ThreadPoolExecutor(50) as pool:
        given = [item for got in pool.map(work, people) for item in got]
    engine.dispose()
    assert len(given) == 250
    assert [item for item, times in Counter(given).items() if times > 1] == []


def a_user(house: House, number: int) -> dict[str, object]:
    return {
        "practice_id": house.practice_id,
        "email": f"racer{number}@one.example",
        "name": f"Racer {number}",
        "role": "biller",
    }


def an_item(house: House, number: int) -> dict[str, object]:
    return {
        "practice_id": house.practice_id,
        "subject": f"encounter/{uuid4()}",
        "queue": "scrub",
        "kind": "scrub_hold",
        "workflow_id": f"encounter/{uuid4()}",
        "reason": "A modifier is missing.",
        "clears_when": "the modifier is there",
        "whose_move": "biller",
        "opened_at": NOW,
        "rank_at": NOW + timedelta(minutes=number % 500),
    }
