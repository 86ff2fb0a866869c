"""News travels from a commit to a browser: names of queues, of the own practice only."""

import asyncio
import uuid
from contextlib import suppress

from sqlalchemy import Engine

from tests.web.conftest import House, move_in
from web.app import _conninfo
from web.live import EVERYTHING, Live, Subscriber


async def next_names(live: Live, house: House, names: "asyncio.Queue[frozenset[str]]") -> None:
    async for told in live.changes(house.practice_id, 30):
        await names.put(told)


async def test_a_committed_item_is_told_to_its_own_practice_only(engine: Engine) -> None:
    mine = await asyncio.to_thread(move_in, engine)
    other = await asyncio.to_thread(move_in, engine, "two")
    live = Live(_conninfo(engine))
    ours: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    theirs: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    tasks = [
        asyncio.create_task(next_names(live, mine, ours)),
        asyncio.create_task(next_names(live, other, theirs)),
    ]
    assert EVERYTHING in await asyncio.wait_for(ours.get(), 5)  # whoever connects looks at everything once
    assert EVERYTHING in await asyncio.wait_for(theirs.get(), 5)
    tasks.append(asyncio.create_task(live.run()))
    assert EVERYTHING in await asyncio.wait_for(ours.get(), 10)  # and again when the listener connects
    await asyncio.wait_for(theirs.get(), 10)

    for _ in range(20):
        await asyncio.to_thread(mine.item, queue="scrub")
    assert await asyncio.wait_for(ours.get(), 5) == {"scrub"}
    with suppress(TimeoutError):
        assert await asyncio.wait_for(theirs.get(), 0.5) == set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_many_changes_of_one_queue_are_one_name() -> None:
    live, practice = Live(""), uuid.uuid4()
    subscriber = Subscriber(practice)
    live._subscribers.add(subscriber)
    for _ in range(1_000):
        live.heard(f"{practice}:denials")
    live.heard(f"{uuid.uuid4()}:scrub")
    assert subscriber.dirty == {"denials"}
