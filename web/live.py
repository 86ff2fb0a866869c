"""Live screens: one LISTEN connection per process, names of queues and items out to every browser that may know them.

Nothing else travels: a browser told that a queue changed fetches its own region, with its own filter and rights.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

logger = logging.getLogger(__name__)

CHANNEL = "desk"
EVERYTHING = "*"  # told after a (re)connection: anything may have changed unheard
DEBOUNCE_SECONDS = 0.04
SPACING_SECONDS_EACH = 0.006  # between two tellings, for each open browser: 50 of them are told every 0.3 s at most
SPACING_SECONDS_MAX = 2.0
RETRY_SECONDS = 2.0
STREAMS_MAX = 500
ITEMS_NAMED_MAX = 40  # of more, all that have one open look


@dataclass(frozen=True, slots=True)
class Told:
    """What changed since the last telling. items: empty where they are too many to name (or not known)."""

    queues: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()


@dataclass(eq=False, slots=True)
class Subscriber:
    """One open browser. Names collect in sets, so a slow reader is told late but never floods memory."""

    practice_id: UUID
    queues: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, queue: str, item: str = "") -> None:
        """Note that an item of a queue changed, or anything of it."""
        self.queues.add(queue)
        if len(self.items) <= ITEMS_NAMED_MAX:
            self.items.add(item)
        self.wake.set()

    def taken(self) -> Told:
        """What was noted, which is forgotten here."""
        named = len(self.items) <= ITEMS_NAMED_MAX and "" not in self.items
        told = Told(frozenset(self.queues), frozenset(self.items) if named else frozenset())
        self.queues.clear()
        self.items.clear()
        self.wake.clear()
        return told


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
            except Exception as broken:  # whatever it was: who stops listening leaves its screens to polling
                logger.warning("live updates: listening broke (%s); connecting again", type(broken).__name__)
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
        """``{practice_id}:{queue}:{item_id}`` as the trigger says it."""
        practice, _, changed = payload.partition(":")
        queue, _, item = changed.partition(":")
        for subscriber in self._subscribers:
            if str(subscriber.practice_id) == practice:
                subscriber.tell(queue, item)

    @property
    def spacing_seconds(self) -> float:
        """How long a browser that was told is not told again: every telling has it fetch, and all are told at once.

        The first change after a pause is told soon. In a desk that never pauses, each of up to 75 browsers still hears
        of a change within half a second, and more of them do not bring the process to a stand.
        """
        return min(SPACING_SECONDS_EACH * len(self._subscribers), SPACING_SECONDS_MAX)

    async def changes(self, practice_id: UUID, patience_seconds: float) -> AsyncIterator[Told]:
        """Names of what changed, a moment collected; none when nothing came for a while."""
        subscriber = Subscriber(practice_id)
        subscriber.tell(EVERYTHING)
        self._subscribers.add(subscriber)
        told_at = -SPACING_SECONDS_MAX
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(subscriber.wake.wait(), patience_seconds)
                    # no two keep step, so that not all ask at once: neither after a pause nor in a desk without one
                    spacing, chance = self.spacing_seconds, random.random()  # noqa: S311 (chance, not a secret)
                    owed = told_at + spacing * (1 + chance) / 2 - time.monotonic()
                    await asyncio.sleep(max(DEBOUNCE_SECONDS + spacing * chance / 2, owed))
                told_at = time.monotonic()
                yield subscriber.taken()
        finally:
            self._subscribers.discard(subscriber)
