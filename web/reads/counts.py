"""How much a queue holds, and the others beside it: counted for everybody at once, told to each as theirs.

Counting 12,000 items costs more than listing fifty of them, so what was counted is kept for KEPT_FOR, for whoever asks
the same. Rows are never kept.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Integer, Select, and_, func, literal_column, select
from sqlalchemy.orm import Session

from billing.vocabulary import Queue
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from web import formats
from web.reads import desk, queue_authorizations
from web.reads.desk import Waiting
from web.reads.queue_authorizations import StateCount
from web.reads.queue_filter import (
    STATEMENTS_KEPT,
    VIEWS,
    Filter,
    Shape,
    base,
    conditions,
    end_of_today,
    in_view,
    known,
    lean,
    narrowed,
    shape,
)
from web.reads.shared import Shared
from web.viewer import Viewer

COUNTED = tuple(view for view in VIEWS if view != "mine")  # of mine it is known by owner
LATEST_MAX = 100
_LATEST = literal_column(str(LATEST_MAX), Integer())  # written out, so that Postgres keeps the plan
LATE = timedelta(seconds=10)  # longer than any transaction that opens items
KEPT_FOR = timedelta(seconds=2)
KEPT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """How many items a filter shows, what they are worth, and how long the oldest is here."""

    count: int
    dollars: str
    oldest: str


@dataclass(frozen=True, slots=True)
class Figures:
    """A filter in numbers. views: what each chip would show under the rest of the filter."""

    summary: Summary
    views: dict[str, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """An item, and when it came."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of a filter for everybody at once. views: by owner, then by view; latest: newest first."""

    views: dict[UUID | None, dict[str, int]]
    dollars: Decimal
    oldest: datetime | None
    latest: tuple[Opened, ...]

    def mine(self, viewer: Viewer) -> int:
        """How many open ones are the viewer's own."""
        return self.views[viewer.user_id]["open"] if viewer.user_id in self.views else 0


def next_waking(session: Session, viewer: Viewer, queue: str) -> tuple[int, datetime | None]:
    """How many items of a queue sleep, and when the first of them wakes."""
    query = select(func.count(), func.min(WorkItemRow.snoozed_until)).where(
        *base(shape(viewer, queue, Filter())), *in_view("snoozed")
    )
    count, first = session.execute(query, known(viewer)).one()
    return count, first


@dataclass(frozen=True, slots=True)
class Count:
    """A queue under a filter, and what stands beside it. cases: of the Authorization queue.

    at, moment: when counting began, by the clock and by what the process had heard then (``web.live``).
    """

    at: datetime
    moment: str
    found: Counted
    waiting: Mapping[str, Waiting]
    cases: tuple[StateCount, ...]


class Counts:
    """What is counted, in one process.

    Nobody is told a count older than KEPT_FOR, nor one that began before they themselves last did something.
    """

    def __init__(self, engine: Engine, moment: Callable[[], str], clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._moment = moment
        self._clock = clock
        self._shared = Shared()
        self._kept: dict[Hashable, Count] = {}
        self._acting: Counter[UUID] = Counter()
        self._acted: dict[UUID, datetime] = {}
        self._lock = Lock()

    @contextmanager
    def acting(self, viewer: Viewer) -> Iterator[None]:
        """While the viewer does something, whose traces the next page must count."""
        who = viewer.session_id
        with self._lock:
            self._acting[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._acting[who] -= 1
                if not self._acting[who]:
                    del self._acting[who]
                now = self._clock()
                if len(self._acted) >= KEPT_MAX:
                    self._acted = {session: at for session, at in self._acted.items() if now - at < KEPT_FOR}
                self._acted[who] = now

    def lately(self, session: Session, viewer: Viewer, queue: str, wanted: Filter) -> Count:
        """As it was a moment ago, or now where nobody counted lately."""
        of = counted_for(viewer, queue, wanted)
        kept = self._kept.get(of) if of is not None else None
        if kept is not None and timedelta(0) <= viewer.now - kept.at < KEPT_FOR:
            acted = self._acted.get(viewer.session_id)
            if viewer.session_id not in self._acting and (acted is None or kept.at >= acted):
                return kept
        moment = self._moment()
        return self._keep(of, self._count(session, viewer, queue, wanted, moment, desk.waiting(session, viewer)))

    def now(self, viewer: Viewer, queue: str, wanted: Filter) -> Count:
        """Counted after it was asked for, once for all who ask at this moment. Call it with no connection in hand."""
        of = counted_for(viewer, queue, wanted)
        of_all = ("all queues", viewer.practice_id, viewer.share, viewer.clinician_id)

        def read_all() -> Mapping[str, Waiting]:
            with practice_session(self._engine, viewer.practice_id) as session:
                return desk.waiting(session, viewer)

        def read() -> Count:
            moment = self._moment()
            waiting = self._shared.get(of_all, read_all)
            with practice_session(self._engine, viewer.practice_id) as session:
                return self._count(session, viewer, queue, wanted, moment, waiting)

        return read() if of is None else self._keep(of, self._shared.get(of, read))

    def of_queues(self, session: Session, viewer: Viewer, queues: Collection[str]) -> dict[str, Count]:
        """Whole queues, without a filter, now."""
        moment, everything = self._moment(), Filter()
        waiting = desk.waiting(session, viewer)
        counted = {queue: self._count(session, viewer, queue, everything, moment, waiting) for queue in queues}
        return {queue: self._keep(counted_for(viewer, queue, everything), count) for queue, count in counted.items()}

    def _count(
        self,
        session: Session,
        viewer: Viewer,
        queue: str,
        wanted: Filter,
        moment: str,
        waiting: Mapping[str, Waiting],
    ) -> Count:
        """moment: before the first of it was read."""
        found = counted(session, viewer, queue, wanted)
        cases = queue_authorizations.state_counts(session, viewer) if queue == Queue.AUTHORIZATION else ()
        return Count(viewer.now, moment, found, waiting, cases)

    def _keep(self, of: Hashable | None, counted: Count) -> Count:
        if of is not None:
            with self._lock:
                if len(self._kept) >= KEPT_MAX:
                    self._kept.clear()
                self._kept[of] = counted
        return counted


def counted(session: Session, viewer: Viewer, queue: str, wanted: Filter) -> Counted:
    """Everything the filter matches, in two passes over an index."""
    asked, values = shape(viewer, queue, wanted), known(viewer)
    found = session.execute(_figures(asked), values).all()
    latest = session.execute(_latest(asked), values).all()
    return Counted(
        {row.owner_id: {view: getattr(row, view) for view in COUNTED} for row in found},
        sum((row.dollars for row in found), Decimal(0)),
        min((row.since for row in found if row.since), default=None),
        tuple(Opened(row.id, row.opened_at) for row in latest),
    )


def counted_for(viewer: Viewer, queue: str, wanted: Filter) -> Hashable | None:
    """What ``counted`` depends on besides the moment: who has the same is told the same. None: nobody else is."""
    asked = shape(viewer, queue, wanted)
    if asked.viewer or viewer.own_visits_only or wanted.view == "mine":
        return None
    return (viewer.practice_id, end_of_today(viewer), viewer.share, asked)


def figures(viewer: Viewer, wanted: Filter, found: Counted) -> Figures:
    """The filter in numbers, as this viewer is shown them."""
    counts = {view: sum(by_view[view] for by_view in found.views.values()) for view in COUNTED}
    counts["mine"] = found.mine(viewer)
    age = formats.age(found.oldest, viewer.now) if found.oldest else ""
    return Figures(Summary(counts[wanted.view], formats.money(found.dollars), age), counts)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _figures(asked: Shape) -> Select[*tuple[Any, ...]]:
    shown = and_(*in_view(asked.wanted.view))
    summed = func.coalesce(func.sum(WorkItemRow.amount).filter(shown), Decimal(0)).label("dollars")
    oldest = func.min(WorkItemRow.opened_at).filter(shown).label("since")
    by_view = [func.count().filter(and_(*in_view(view))).label(view) for view in COUNTED]
    query = lean(select(WorkItemRow.owner_id, summed, oldest, *by_view), asked.wanted)
    return query.where(*base(asked), *narrowed(asked)).group_by(WorkItemRow.owner_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _latest(asked: Shape) -> Select[*tuple[Any, ...]]:
    query = lean(select(WorkItemRow.id, WorkItemRow.opened_at), asked.wanted).where(*conditions(asked))
    return query.order_by(WorkItemRow.opened_at.desc()).limit(_LATEST)


def unheard_of(found: Counted, since: datetime, shown: Collection[UUID]) -> str:
    """How many items came after a page was drawn at ``since``: ``3``, ``100+``; empty when none.

    An item may be opened a moment before ``since`` and committed after it, so those of LATE before count too,
    unless the page shows them or noted them when it was drawn (``just_opened``).
    """
    new = [one for one in found.latest if one.at > since - LATE and one.id not in shown]
    return (f"{len(new)}{'+' if len(new) == LATEST_MAX else ''}") if new else ""


def just_opened(found: Counted, since: datetime) -> tuple[str, ...]:
    """The items a page drawn now knows of, though they are so young that ``unheard_of`` would take them for new."""
    return tuple(str(one.id) for one in found.latest if one.at > since - LATE)
