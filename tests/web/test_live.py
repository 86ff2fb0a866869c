"""News travels from a commit to a browser: names of queues, of the own practice only."""

import asyncio
import uuid
from contextlib import suppress
from typing import Any

import anyio
import pytest
from sqlalchemy import Engine
from starlette.types import Receive, Scope, Send

from tests.web.conftest import House, move_in
from web.app import _conninfo
from web.errors import NothingHalfSaid
from web.live import EVERYTHING, ITEMS_NAMED_MAX, Live, Subscriber, Told

PATIENCE = 60.0  # seconds; a busy machine is slow, not wrong


async def next_names(live: Live, house: House, names: "asyncio.Queue[Told]") -> None:
    async for told in live.changes(house.practice_id, 30):
        await names.put(told)


async def test_a_committed_item_is_told_to_its_own_practice_only(engine: Engine) -> None:
    mine = await asyncio.to_thread(move_in, engine)
    other = await asyncio.to_thread(move_in, engine, "two")
    live = Live(_conninfo(engine))
    ours: asyncio.Queue[Told] = asyncio.Queue()
    theirs: asyncio.Queue[Told] = asyncio.Queue()
    tasks = [
        asyncio.create_task(next_names(live, mine, ours)),
        asyncio.create_task(next_names(live, other, theirs)),
    ]
    assert (
        EVERYTHING in (await asyncio.wait_for(ours.get(), PATIENCE)).queues
    )  # whoever connects looks at everything once
    assert EVERYTHING in (await asyncio.wait_for(theirs.get(), PATIENCE)).queues
    tasks.append(asyncio.create_task(live.run()))
    assert EVERYTHING in (await asyncio.wait_for(ours.get(), PATIENCE)).queues  # and again when the listener connects
    await asyncio.wait_for(theirs.get(), PATIENCE)

    written = {str(await asyncio.to_thread(mine.item, queue="scrub")) for _ in range(20)}
    heard: set[str] = set()
    while heard != written:
        told = await asyncio.wait_for(ours.get(), PATIENCE)
        assert told.queues == {"scrub"}
        heard |= told.items
    with suppress(TimeoutError):
        assert await asyncio.wait_for(theirs.get(), 0.5) == Told()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_what_changed_is_told_once_and_by_name_while_it_is_little() -> None:
    live, practice = Live(""), uuid.uuid4()
    subscriber = Subscriber(practice)
    live._subscribers.add(subscriber)
    for _ in range(1_000):
        live.heard(f"{practice}:denials:one")
    live.heard(f"{practice}:posting:two")
    live.heard(f"{uuid.uuid4()}:scrub:three")
    assert subscriber.taken() == Told(frozenset({"denials", "posting"}), frozenset({"one", "two"}))
    assert subscriber.taken() == Told()
    for number in range(10 * ITEMS_NAMED_MAX):
        live.heard(f"{practice}:denials:{number}")
    assert len(subscriber.items) <= ITEMS_NAMED_MAX + 1
    assert subscriber.taken() == Told(frozenset({"denials"}))


async def test_the_first_change_is_told_at_once_and_the_next_after_a_pause_that_grows_with_the_browsers() -> None:
    live, practice = Live(""), uuid.uuid4()
    for _ in range(250):  # the pause is at its longest: a machine that stumbles does not reach it
        live._subscribers.add(Subscriber(uuid.uuid4()))
    told: asyncio.Queue[float] = asyncio.Queue()

    async def listen() -> None:
        async for _ in live.changes(practice, 30):
            await told.put(asyncio.get_running_loop().time())

    listening = asyncio.create_task(listen())
    began = asyncio.get_running_loop().time()
    first = await asyncio.wait_for(told.get(), PATIENCE)
    live.heard(f"{practice}:scrub:one")
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
