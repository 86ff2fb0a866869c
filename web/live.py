"""Live screens: one LISTEN connection per process; what changed is read once here and told to every browser.

A screen that shows a queue is told the rows of it that changed and what is counted; any other screen is told names, and
fetches its own region with its own rights.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from secrets import token_hex
from typing import Any, Protocol
from uuid import UUID

import psycopg

from web.viewer import Share, Viewer

logger = logging.getLogger(__name__)

CHANNEL = "desk"
EVERYTHING = "*"  # told after a (re)connection that may have missed something: anything may have changed unheard
DEBOUNCE_SECONDS = 0.04
SPACING_SECONDS_EACH = 0.005  # between two tellings, for each open browser: 50 of them are told every 0.25 s at most
SPACING_SECONDS_MAX = 2.0
COUNTS_SECONDS = 2.0  # between two counts of a queue: each passes over all its items, and nobody reads them faster
COUNT_SPACING_SECONDS = 0.02  # between two browsers that are told a count
RECOUNT_SECONDS = 30.0  # without a word, because items also wake and run late by the clock alone
RETRY_SECONDS = 2.0
ITEMS_NAMED_MAX = 40  # of more, all that have one open look
REMEMBERED_MAX = 10_000  # words, for pages that may have missed some between being drawn and being connected
RECOUNT_LOOK_SECONDS = 0.1


class Reads(Protocol):
    """What is read of a change, once for all screens. Called in a thread; where it raises, screens ask themselves."""

    def rows(self, viewer: Viewer, items: Collection[str]) -> Mapping[str, Any]:
        """What the rows of these items are drawn from, by id. The viewer lends clock and practice only."""

    def counts(self, viewer: Viewer, queues: Collection[str], people: Collection[UUID]) -> Mapping[str, Any]:
        """What is counted of these queues, by queue, for these people."""


@dataclass(frozen=True, slots=True)
class Told:
    """What changed since the last telling.

    items: None where they are too many to name (or not known): any. rows: of the screen's own queue, as ``Reads.rows``
    gave them. counted: it is time to count again; counts: as ``Reads.counts`` gave them, None where it gave none.
    """

    queues: frozenset[str] = frozenset()
    items: frozenset[str] | None = frozenset()
    rows: Mapping[str, Any] = field(default_factory=dict)
    counted: bool = False
    counts: Any = None
    moment: str = ""


@dataclass(slots=True)
class News:
    """Changed items of a practice, and the queues each was heard of in."""

    items: dict[str, set[str]] = field(default_factory=dict)
    queues: set[str] = field(default_factory=set)

    def note(self, queue: str, item: str) -> None:
        """One change. No item: anything of the queue."""
        self.queues.add(queue)
        if len(self.items) <= ITEMS_NAMED_MAX:
            self.items.setdefault(item, set()).add(queue)

    @property
    def named(self) -> bool:
        """Whether every item is known by its id."""
        return len(self.items) <= ITEMS_NAMED_MAX and "" not in self.items


@dataclass(eq=False, slots=True)
class Subscriber:
    """One open browser, on the list of a queue or elsewhere. What changed collects by id, so a slow reader is told late
    but never floods memory."""

    viewer: Viewer
    queue: str = ""
    news: News = field(default_factory=News)
    rows: dict[str, Any] = field(default_factory=dict)
    counted: bool = False
    counts: Any = None
    moment: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    practice: str = field(init=False)

    def __post_init__(self) -> None:
        self.practice = str(self.viewer.practice_id)  # compared at every word

    @property
    def is_told_rows(self) -> bool:
        """A list whose viewer is shown all of the queue; who is not asks, and is answered what may be seen."""
        return bool(self.queue) and self.viewer.share_of(self.queue) is Share.ALL

    @property
    def is_told_counts(self) -> bool:
        """A list whose viewer is shown all of every queue, because the others are counted beside it."""
        return bool(self.queue) and self.viewer.share is Share.ALL

    def tell(self, news: News, rows: Mapping[str, Any], moment: str) -> None:
        """Note what changed up to a moment, with the rows that were read of it."""
        for item, queues in news.items.items():
            for queue in queues:
                self.news.note(queue, item)
            if self.is_told_rows and item in rows and self.queue in queues:
                self.rows[item] = rows[item]
        self.moment = moment
        self.wake.set()

    def tell_counts(self, counts: Any) -> None:
        """Note that it was counted."""
        self.counted, self.counts = True, counts
        self.wake.set()

    def forget(self, item: str) -> None:
        """It changed again: what was read of it is old, and is told when it was read anew."""
        if self.rows.pop(item, None) is not None:
            self.news.items.pop(item, None)  # not there where they were too many to name

    def taken(self) -> Told:
        """What was noted, which is forgotten here."""
        named = self.news.named
        told = Told(
            frozenset(self.news.queues),
            frozenset(self.news.items) if named else None,
            self.rows if named else {},
            self.counted,
            self.counts,
            self.moment,
        )
        self.news, self.rows, self.counted, self.counts = News(), {}, False, None
        self.wake.clear()
        return told


class Live:
    """Listens once, reads once, tells many."""

    def __init__(self, conninfo: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.reads: Reads | None = None  # without it every screen is told names and asks
        self._conninfo = conninfo
        self._clock = clock
        self._subscribers: set[Subscriber] = set()
        self._news: defaultdict[str, News] = defaultdict(News)
        self._anything = asyncio.Event()
        self._uncounted: set[str] = set()
        self._counted_at: dict[str, float] = {}
        self._listening = ""  # a name for the time since the connection stands; empty while it does not
        self._heard = 0  # words since then
        self._remembered: deque[tuple[str, str, str]] = deque(maxlen=REMEMBERED_MAX)  # the last of them

    async def run(self) -> None:
        """Listen, read and tell, for ever."""
        async with asyncio.TaskGroup() as group:
            for work in (self._listen, self._tell_again_and_again, self._count_again_and_again):
                group.create_task(self._whatever_happens(work))

    async def _whatever_happens(self, work: Callable[[], Awaitable[None]]) -> None:
        """After every break, begin again: whoever stops leaves all screens to polling."""
        while True:
            try:
                await work()
            except Exception as broken:
                logger.warning("live updates: %s broke (%s); it begins again", work.__name__, type(broken).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    # --- hearing ------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Tells everybody to look at first: something may have happened since the last connection broke."""
        self._listening = ""
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            self._listening, self._heard = token_hex(8), 0
            self._remembered.clear()
            for subscriber in self._subscribers:
                self._tell_everything(subscriber)
                self._uncounted.add(subscriber.practice)
            async for notice in connection.notifies():
                self.heard(notice.payload)

    def heard(self, payload: str) -> None:
        """``{practice_id}:{queue}:{item_id}`` as the trigger says it."""
        practice, _, changed = payload.partition(":")
        queue, _, item = changed.partition(":")
        self._heard += 1
        self._remembered.append((practice, queue, item))
        self._uncounted.add(practice)
        self._news[practice].note(queue, item)
        self._anything.set()
        for subscriber in self._of(practice):
            subscriber.forget(item)

    @property
    def moment(self) -> str:
        """Everything committed from now on is heard after this moment (``changes``)."""
        return f"{self._listening}.{self._heard}"

    def _of(self, practice: str) -> list[Subscriber]:
        return [each for each in self._subscribers if each.practice == practice]

    # --- telling ------------------------------------------------------------------------------------------------

    async def _tell_again_and_again(self) -> None:
        while True:
            await self._anything.wait()
            await asyncio.sleep(DEBOUNCE_SECONDS)
            self._anything.clear()
            changed, self._news = self._news, defaultdict(News)
            moment = self.moment
            for practice, news in changed.items():
                await self._tell(practice, news, moment)

    async def _tell(self, practice: str, news: News, moment: str) -> None:
        lists = [each for each in self._of(practice) if each.is_told_rows]
        shown = {each.queue for each in lists}
        wanted = [item for item, queues in news.items.items() if queues & shown] if news.named else []
        rows = await self._read(lists, lambda reads, viewer: reads.rows(viewer, wanted)) if wanted else {}
        for subscriber in self._of(practice):
            subscriber.tell(news, rows, moment)

    def _tell_everything(self, subscriber: Subscriber) -> None:
        news = News()
        news.note(EVERYTHING, "")
        subscriber.tell(news, {}, self.moment)

    async def _read(
        self, lists: Sequence[Subscriber], read: Callable[[Reads, Viewer], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """What any viewer of these lists would be shown, because all are shown the same; nothing when it cannot be read
        now."""
        reads = self.reads
        if reads is None or not lists:
            return {}
        try:
            return await asyncio.to_thread(read, reads, replace(lists[0].viewer, now=self._clock()))
        except Exception as broken:
            logger.warning("live updates: reading a change broke (%s); screens ask themselves", type(broken).__name__)
            return {}

    # --- counting -----------------------------------------------------------------------------------------------

    async def _count_again_and_again(self) -> None:
        """A practice where something changed: at once, and then every COUNTS_SECONDS as long as it goes on."""
        while True:
            await asyncio.sleep(RECOUNT_LOOK_SECONDS)
            now = time.monotonic()
            for practice in {each.practice for each in self._subscribers}:
                owed = COUNTS_SECONDS if practice in self._uncounted else RECOUNT_SECONDS
                if now - self._counted_at.get(practice, -RECOUNT_SECONDS) >= owed:
                    self._uncounted.discard(practice)
                    self._counted_at[practice] = now
                    await self._count(practice)

    async def _count(self, practice: str) -> None:
        lists = [each for each in self._of(practice) if each.is_told_counts]
        queues, people = {each.queue for each in lists}, {each.viewer.user_id for each in lists}
        counts = await self._read(lists, lambda reads, viewer: reads.counts(viewer, queues, people))
        told, later = self._of(practice), asyncio.get_running_loop().call_later
        for place, subscriber in enumerate(told):
            # one after the other: drawn for fifty in one moment, they made whoever clicked just then wait
            of_it = counts.get(subscriber.queue) if subscriber.is_told_counts else None
            later(min(COUNT_SPACING_SECONDS * place, COUNTS_SECONDS * place / len(told)), subscriber.tell_counts, of_it)

    # --- the browsers -------------------------------------------------------------------------------------------

    @property
    def spacing_seconds(self) -> float:
        """How long a browser that was told is not told again, so that in a desk that never pauses the process has time
        for other things. The first change after a pause is told soon."""
        return min(SPACING_SECONDS_EACH * len(self._subscribers), SPACING_SECONDS_MAX)

    async def changes(
        self, subscriber: Subscriber, patience_seconds: float, since: str = "", counted: str = ""
    ) -> AsyncGenerator[Told, None]:
        """What changed, a moment collected; nothing when nothing came for a while.

        since, counted: what the browser shows was read and counted after these moments (``moment``). Without the first,
        or where the process did not listen all the time or remembers no more, anything may have changed.
        """
        missed, uncounted = self._missed(subscriber, since), self._missed(subscriber, counted)
        self._subscribers.add(subscriber)
        if missed is None:
            self._tell_everything(subscriber)
        elif missed.items:
            subscriber.tell(missed, {}, self.moment)
        if uncounted is None or uncounted.items:
            self._uncounted.add(subscriber.practice)
        told_at = -SPACING_SECONDS_MAX
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience_seconds):
                        await subscriber.wake.wait()
                    # no two keep step, so that not all are told in one moment
                    owed = told_at + self.spacing_seconds * (1 + random.random()) / 2  # noqa: S311 (chance, not a secret)
                    await asyncio.sleep(max(0.0, owed - time.monotonic()))
                told_at = time.monotonic()
                yield subscriber.taken()
        finally:
            self._subscribers.discard(subscriber)

    def _missed(self, subscriber: Subscriber, since: str) -> News | None:
        """What was heard since a moment; None where it is not known."""
        listening, _, heard = since.partition(".")
        if not listening or listening != self._listening or not heard.isdecimal():
            return None
        words = self._heard - int(heard)
        if not 0 <= words <= len(self._remembered):
            return None
        missed, practice = News(), subscriber.practice
        for of, queue, item in islice(reversed(self._remembered), words):
            if of == practice:
                missed.note(queue, item)
        return missed
