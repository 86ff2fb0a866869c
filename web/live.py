"""Live screens: one LISTEN connection per process, names of queues out to every browser that may know them.

Nothing else travels: a browser told that a queue changed fetches its own region, with its own filter and rights.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

logger = logging.getLogger(__name__)

CHANNEL = "desk"
EVERYTHING = "*"  # told after a (re)connection: anything may have changed unheard
DEBOUNCE_SECONDS = 0.08
RETRY_SECONDS = 2.0
STREAMS_MAX = 500


@dataclass(eq=False, slots=True)
class Subscriber:
    """One open browser. Names collect in a set, so a slow reader is told late but never floods memory."""

    practice_id: UUID
    dirty: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, queue: str) -> None:
        """Note that a queue changed."""
        self.dirty.add(queue)
        self.wake.set()


class Live:
    """Listens once, tells many."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._subscribers: set[Subscriber] = set()

    @property
    def full(self) -> bool:
        """Whether no further browser can be served; it polls instead."""
        return len(self._subscribers) >= STREAMS_MAX

    async def run(self) -> None:
        """Listen for ever; after every break, connect again and tell everybody to look."""
        while True:
            try:
                await self._listen()
            except psycopg.Error:
                logger.warning("live updates: the listening connection broke; connecting again")
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            for subscriber in self._subscribers:
                subscriber.tell(EVERYTHING)
            async for notice in connection.notifies():
                self.heard(notice.payload)

    def heard(self, payload: str) -> None:
        """``{practice_id}:{queue}`` as the trigger says it."""
        practice, _, queue = payload.partition(":")
        for subscriber in self._subscribers:
            if str(subscriber.practice_id) == practice:
                subscriber.tell(queue)

    async def changes(self, practice_id: UUID, patience_seconds: float) -> AsyncIterator[frozenset[str]]:
        """Names of changed queues, a moment collected; an empty set when nothing came for a while."""
        subscriber = Subscriber(practice_id)
        subscriber.tell(EVERYTHING)
        self._subscribers.add(subscriber)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(subscriber.wake.wait(), patience_seconds)
                    await asyncio.sleep(DEBOUNCE_SECONDS)
                names = frozenset(subscriber.dirty)
                subscriber.dirty.clear()
                subscriber.wake.clear()
                yield names
        finally:
            self._subscribers.discard(subscriber)
