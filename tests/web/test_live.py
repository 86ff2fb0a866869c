"""News travels from a commit to a browser: of the own practice only, read once, and drawn as each viewer may see it."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from sqlalchemy import Engine
from starlette.types import Receive, Scope, Send

from billing.vocabulary import Role
from tests.web.conftest import Browse, House, move_in, viewer
from web.app import _conninfo
from web.errors import NothingHalfSaid
from web.live import EVERYTHING, ITEMS_NAMED_MAX, REMEMBERED_MAX, Live, News, Subscriber, Told
from web.pages.events import _news, _stream
from web.reads.counts import Counts
from web.reads.queues import Reading
from web.reads.told import ScreenReads
from web.viewer import Viewer

PATIENCE = 60.0  # seconds; a busy machine is slow, not wrong


def screen_reads(house: House) -> ScreenReads:
    return ScreenReads(house.engine, Counts(house.engine, lambda: "", lambda: datetime.now(UTC)))


async def next_names(live: Live, who: Viewer, names: "asyncio.Queue[Told]", since: str = "", queue: str = "") -> None:
    async for told in live.changes(Subscriber(who, queue), 30, since):
        await names.put(told)


async def comes_true(what: Callable[[], object]) -> None:
    """Waits for what nothing tells of."""
    async with asyncio.timeout(PATIENCE):
        while not what():
            await asyncio.sleep(0.01)


async def next_of(told: "asyncio.Queue[Told]") -> Told:
    return await asyncio.wait_for(told.get(), PATIENCE)


async def test_a_committed_item_is_told_to_its_own_practice_only(engine: Engine) -> None:
    mine = await asyncio.to_thread(move_in, engine)
    other = await asyncio.to_thread(move_in, engine, "two")
    live = Live(_conninfo(engine))
    ours: asyncio.Queue[Told] = asyncio.Queue()
    theirs: asyncio.Queue[Told] = asyncio.Queue()
    tasks = [
        asyncio.create_task(next_names(live, await asyncio.to_thread(viewer, mine), ours)),
        asyncio.create_task(next_names(live, await asyncio.to_thread(viewer, other), theirs)),
    ]
    assert EVERYTHING in (await next_of(ours)).queues  # whoever connects looks at everything once
    assert EVERYTHING in (await next_of(theirs)).queues
    tasks.append(asyncio.create_task(live.run()))
    while EVERYTHING not in (await next_of(ours)).queues:  # and again when the listener connects
        pass
    while EVERYTHING not in (await next_of(theirs)).queues:
        pass

    written = {str(await asyncio.to_thread(mine.item, queue="scrub")) for _ in range(20)}
    heard: set[str] = set()
    counted = False
    while heard != written or not counted:
        told = await next_of(ours)
        assert told.queues <= {"scrub"}
        assert told.items is not None
        heard |= told.items
        counted = counted or told.counted
    with suppress(TimeoutError):
        while True:
            told = await asyncio.wait_for(theirs.get(), 0.5)
            assert not told.queues
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_change_is_read_once_for_all_lists_of_its_queue_and_told_to_them_with_its_row(house: House) -> None:
    """The rows come from a commit, through the listener, to those whose list shows the queue."""
    live = Live(_conninfo(house.engine))
    read: list[list[str]] = []

    class Counting(ScreenReads):
        def rows(self, viewer: Viewer, items: Collection[str]) -> dict[str, Reading]:
            read.append(list(items))
            return super().rows(viewer, items)

    live.reads = Counting(house.engine, Counts(house.engine, lambda: "", lambda: datetime.now(UTC)))
    people = [await asyncio.to_thread(viewer, house, role) for role in (Role.BILLER, Role.SUPERVISOR, Role.CLINICIAN)]
    scrub: list[asyncio.Queue[Told]] = [asyncio.Queue() for _ in people]
    elsewhere: asyncio.Queue[Told] = asyncio.Queue()
    running = asyncio.create_task(live.run())
    await comes_true(lambda: live.moment.partition(".")[0])
    tasks = [
        asyncio.create_task(next_names(live, who, told, live.moment, "scrub"))
        for who, told in zip(people, scrub, strict=True)
    ]
    tasks.append(asyncio.create_task(next_names(live, people[0], elsewhere, live.moment, "denials")))
    await comes_true(lambda: len(live._subscribers) == 4)
    item = str(await asyncio.to_thread(house.item, queue="scrub"))

    async def told_of(names: "asyncio.Queue[Told]") -> Told:
        while True:
            told = await next_of(names)
            if told.items:
                return told

    for told in (await told_of(scrub[0]), await told_of(scrub[1])):
        assert told.items == frozenset({item})
        assert set(told.rows) == {item}
    assert not (await told_of(scrub[2])).rows, "a clinician sees a part of the queue, and asks for it"
    assert not (await told_of(elsewhere)).rows
    assert read == [[item]]
    for task in (*tasks, running):
        task.cancel()
    await asyncio.gather(*tasks, running, return_exceptions=True)


def told_rows(house: House, *items: uuid.UUID) -> Told:
    reads = screen_reads(house)
    names = [str(item) for item in items]
    return Told(frozenset({"documentation"}), frozenset(names), reads.rows(viewer(house), names))


def test_the_row_that_is_told_is_the_row_the_list_would_be_answered(house: House, browse: Browse) -> None:
    now = datetime.now(UTC)
    owned = house.item(owner_id=house.users[Role.BILLER], taken_at=now)
    leased = house.item(leased_by=house.users[Role.SUPERVISOR], leased_at=now, leased_until=now + timedelta(minutes=9))
    free = house.item()
    told = told_rows(house, owned, leased, free)
    shown = {}
    for role in (Role.BILLER, Role.SUPERVISOR):
        news = _news(viewer(house, role), "documentation", told)
        asked = browse(role).post("/queues/documentation/fresh", data={"row": [f"{item}:1" for item in news["items"]]})
        answered = dict(re.findall(r'"#row-([^"]+)" hx-swap="outerHTML">(.*?)</hx-partial>', asked.text, re.S))
        assert {item: row.strip() for item, row in answered.items()} == {
            item: row.strip() for item, row in news["rows"].items()
        }
        shown[role] = news["rows"]
    assert shown[Role.BILLER][str(owned)] != shown[Role.SUPERVISOR][str(owned)]
    assert shown[Role.BILLER][str(leased)] != shown[Role.SUPERVISOR][str(leased)]
    assert shown[Role.BILLER][str(free)] is shown[Role.SUPERVISOR][str(free)], "drawn once for both"


def test_who_may_not_see_a_queue_is_told_nothing_of_it_and_a_clinician_no_names(house: House) -> None:
    told = told_rows(house, house.item())
    assert _news(viewer(house, Role.FRONT_DESK), "", replace(told, queues=frozenset({"scrub"}))) == {}
    clinician = _news(viewer(house, Role.CLINICIAN), "documentation", told)
    assert clinician["queues"] == ["documentation"]
    assert clinician["items"] is None
    assert "rows" not in clinician


async def test_whoever_changed_roles_is_told_nothing_more_of_the_old_ones_queue(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream was opened by a biller, who is at the front desk now."""
    monkeypatch.setattr("web.pages.events.RECHECK_SECONDS", 0.0)
    monkeypatch.setattr("web.pages.events.watching_viewer_or_none", lambda _request: viewer(house, Role.FRONT_DESK))
    told = await asyncio.to_thread(told_rows, house, house.item())
    counts = await asyncio.to_thread(screen_reads(house).counts, viewer(house), {"documentation"}, [])
    everything = replace(told, counted=True, counts=counts["documentation"])

    async def once(*_: object) -> AsyncGenerator[Told, None]:
        yield everything

    live = SimpleNamespace(changes=once)
    state = SimpleNamespace(live=live, clock=lambda: datetime.now(UTC))
    request: Any = SimpleNamespace(app=SimpleNamespace(state=state))
    subscriber = Subscriber(viewer(house), "documentation")
    [sent] = [piece async for piece in _stream(request, subscriber, "", "")]
    news = {"queues": ["documentation"], "items": None, "counted": True}
    assert json.loads(sent.decode().split("data: ")[1]) == news, "of a part of the queue it asks for itself"


async def test_a_stream_that_was_closed_is_told_nothing_more(house: House) -> None:
    live = Live("")
    request: Any = SimpleNamespace(
        app=SimpleNamespace(state=SimpleNamespace(live=live, clock=lambda: datetime.now(UTC)))
    )
    async with aclosing(_stream(request, Subscriber(await asyncio.to_thread(viewer, house)), "", "")) as stream:
        assert b"news" in await anext(stream)
        assert len(live._subscribers) == 1
    assert not live._subscribers


def test_the_counts_that_are_told_are_those_the_list_would_be_answered(house: House, browse: Browse) -> None:
    house.item(owner_id=house.users[Role.BILLER], taken_at=datetime.now(UTC))
    house.item(opened_at=datetime.now(UTC))
    people = [house.users[role] for role in (Role.BILLER, Role.SUPERVISOR)]
    counts = screen_reads(house).counts(viewer(house), {"documentation"}, people)["documentation"]
    for role, mine in ((Role.BILLER, 1), (Role.SUPERVISOR, 0)):
        news = _news(viewer(house, role), "documentation", Told(counted=True, counts=counts))
        assert news["counted"] is True
        asked = browse(role).post("/queues/documentation/fresh", data={"counts": "1", "since": "2020-01-01T00:00:00Z"})
        parts = re.findall(r"<hx-partial.*?</hx-partial>", asked.text, re.S)
        told = news["counts"]["list"] + news["counts"]["rail"]
        assert [part.split() for part in parts] == [
            part.split() for part in re.findall(r"<hx-partial.*?</hx-partial>", told, re.S)
        ]
        assert f"Mine {mine}" in told
        assert len(news["counts"]["latest"]) == 2
        assert "<span>2</span> new" in asked.text


def test_what_changed_is_told_once_and_by_name_while_it_is_little(house: House) -> None:
    live, who = Live(""), viewer(house)
    practice, subscriber = who.practice_id, Subscriber(who)
    for _ in range(1_000):
        live.heard(f"{practice}:denials:one")
    live.heard(f"{practice}:posting:two")
    live.heard(f"{uuid.uuid4()}:scrub:three")
    subscriber.tell(live._news[str(practice)], {}, "")
    assert subscriber.taken() == Told(frozenset({"denials", "posting"}), frozenset({"one", "two"}))
    assert subscriber.taken() == Told()
    many = News()
    for number in range(10 * ITEMS_NAMED_MAX):
        many.note("denials", str(number))
    assert len(many.items) <= ITEMS_NAMED_MAX + 1
    subscriber.tell(many, {}, "")
    assert subscriber.taken() == Told(frozenset({"denials"}), None)


def test_an_item_that_changes_again_is_not_told_as_it_was_before(house: House) -> None:
    live, subscriber = Live(""), Subscriber(viewer(house), "scrub")
    live._subscribers.add(subscriber)
    of = f"{subscriber.viewer.practice_id}:scrub"
    live.heard(f"{of}:one")
    live.heard(f"{of}:two")
    subscriber.tell(live._news.pop(str(subscriber.viewer.practice_id)), {"one": "old", "two": "as it is"}, "")
    live.heard(f"{of}:one")
    told = subscriber.taken()
    assert told.items == frozenset({"two"})
    assert told.rows == {"two": "as it is"}
    subscriber.tell(live._news[str(subscriber.viewer.practice_id)], {"one": "new"}, "")
    assert subscriber.taken().rows == {"one": "new"}


def test_more_than_can_be_named_may_change_again(house: House) -> None:
    live, subscriber = Live(""), Subscriber(viewer(house), "scrub")
    live._subscribers.add(subscriber)
    practice = str(subscriber.viewer.practice_id)
    for number in range(2 * ITEMS_NAMED_MAX):
        live.heard(f"{practice}:scrub:{number}")
        subscriber.tell(live._news.pop(practice), {str(number): "as it is"}, "")
    live.heard(f"{practice}:scrub:{2 * ITEMS_NAMED_MAX - 1}")
    assert subscriber.taken() == Told(frozenset({"scrub"}), None)


async def test_what_breaks_in_the_middle_begins_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in one word, or a database that goes away, must not leave all screens to polling until the next start."""
    monkeypatch.setattr("web.live.RETRY_SECONDS", 0.01)
    live = Live(_conninfo(house.engine))
    told: asyncio.Queue[Told] = asyncio.Queue()
    running = asyncio.create_task(live.run())
    await comes_true(lambda: live.moment.partition(".")[0])
    listening = asyncio.create_task(next_names(live, await asyncio.to_thread(viewer, house), told, live.moment))
    await comes_true(lambda: live._subscribers)
    broke = asyncio.Event()

    def breaks(*_: Any) -> None:
        broke.set()
        raise ValueError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr(Subscriber, "tell", breaks)
        await asyncio.to_thread(house.item, queue="scrub")
        await asyncio.wait_for(broke.wait(), PATIENCE)
    item = str(await asyncio.to_thread(house.item, queue="scrub"))
    while item not in ((await next_of(told)).items or ()):
        pass
    for task in (listening, running):
        task.cancel()
    await asyncio.gather(listening, running, return_exceptions=True)


@pytest.fixture
def connected(house: House) -> tuple[Live, Subscriber, Callable[[str], None]]:
    """A process that listens, somebody who connects to it, and a word of the database."""
    live, who = Live(""), viewer(house)
    live._listening = "since-then"
    return live, Subscriber(who, "scrub"), lambda item: live.heard(f"{who.practice_id}:scrub:{item}")


async def first(live: Live, subscriber: Subscriber, since: str) -> Told:
    async with aclosing(live.changes(subscriber, 0.05, since)) as changes:
        return await anext(changes)


async def test_a_page_is_told_what_it_missed_while_it_connected_and_nothing_else(
    connected: tuple[Live, Subscriber, Callable[[str], None]],
) -> None:
    live, subscriber, changes = connected
    changes("before the page was read")
    drawn = live.moment
    assert await first(live, subscriber, drawn) == Told()
    changes("meanwhile")
    live.heard(f"{uuid.uuid4()}:scrub:of another practice")
    told = await first(live, subscriber, drawn)
    assert (told.queues, told.items) == (frozenset({"scrub"}), frozenset({"meanwhile"}))
    again = await first(live, subscriber, told.moment)
    assert not again.queues, "the id of an event is where a new connection goes on"


async def test_a_page_counted_before_something_changed_is_counted_anew(
    connected: tuple[Live, Subscriber, Callable[[str], None]],
) -> None:
    """Its counts were kept from a moment ago, its rows were read later."""
    live, subscriber, changes = connected
    counted = live.moment
    changes("one")
    live._uncounted.clear()
    assert await anext(live.changes(subscriber, 0.05, live.moment, counted)) == Told()
    assert live._uncounted == {str(subscriber.viewer.practice_id)}
    live._uncounted.clear()
    assert await anext(live.changes(subscriber, 0.05, live.moment, live.moment)) == Told()
    assert not live._uncounted


@pytest.mark.parametrize("since", ["", "since-then", "since-then.", "since-then.x", "since-then.7", "another.0", "."])
async def test_a_page_of_an_unknown_moment_is_told_that_anything_may_have_changed(
    connected: tuple[Live, Subscriber, Callable[[str], None]], since: str
) -> None:
    live, subscriber, _ = connected
    told = await first(live, subscriber, since)
    assert EVERYTHING in told.queues
    assert told.items is None


async def test_who_was_away_for_longer_than_is_remembered_looks_at_everything(
    connected: tuple[Live, Subscriber, Callable[[str], None]],
) -> None:
    live, subscriber, changes = connected
    drawn = live.moment
    for _ in range(REMEMBERED_MAX):
        changes("one")
    assert (await first(live, subscriber, drawn)).items == frozenset({"one"})
    changes("one")
    assert (await first(live, subscriber, drawn)).items is None


async def test_the_first_change_is_told_at_once_and_the_next_after_a_pause_that_grows_with_the_browsers(
    house: House,
) -> None:
    live, who = Live(""), await asyncio.to_thread(viewer, house)
    for _ in range(500):  # the pause is at its longest: a machine that stumbles does not reach it
        live._subscribers.add(Subscriber(who))
    told: asyncio.Queue[float] = asyncio.Queue()
    subscriber = Subscriber(who)

    async def listen() -> None:
        async for _ in live.changes(subscriber, 30):
            await told.put(asyncio.get_running_loop().time())

    listening = asyncio.create_task(listen())
    began = asyncio.get_running_loop().time()
    first = await asyncio.wait_for(told.get(), PATIENCE)
    news = News()
    news.note("scrub", "one")
    subscriber.tell(news, {}, "")
    second = await asyncio.wait_for(told.get(), PATIENCE)
    listening.cancel()
    assert first - began < live.spacing_seconds
    assert second - first >= live.spacing_seconds / 2 - 0.01


@pytest.mark.parametrize("left", [True, False], ids=["the browser left", "something broke"])
async def test_a_browser_that_leaves_while_it_is_told_something_is_no_fault(
    left: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """FastAPI raises where it writes to a stream whose page was closed: nobody needs to be told of it."""
    problems: list[Exception] = [anyio.BrokenResourceError()]

    async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ExceptionGroup("of a task group", problems if left else [*problems, ValueError("a fault")])

    async def neither(*_: object) -> Any:
        return None

    await NothingHalfSaid(stream)({"type": "http"}, neither, neither)
    assert ("request failed" in caplog.text) is not left
