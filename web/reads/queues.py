"""A queue as a list: filtered, sorted, paged by key, with its count and its dollars."""

import zlib
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from billing.desk import WAKES_ON
from billing.vocabulary import Queue
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow
from web import formats
from web.formats import Chip
from web.reads.paging import Page, cut, decode, encode
from web.reads.queue_authorizations import Line, lines
from web.reads.queue_filter import (
    DISCIPLINES,
    IDS,
    PATIENT,
    SORTS,
    STATEMENTS_KEPT,
    VIEWS,
    ByExternalId,
    Filter,
    Shape,
    Sort,
    base,
    conditions,
    end_of_today,
    in_view,
    joined,
    known,
    lean,
    matching,
    narrowed,
    shape,
    visible,
)
from web.reads.standing import Standing, standings
from web.viewer import Viewer

PAGE_SIZE = 50
COUNTED = tuple(view for view in VIEWS if view != "mine")  # of mine it is known by owner
LATEST_MAX = 100
LATE = timedelta(seconds=10)  # longer than any transaction that opens items


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a queue, ready to print."""

    id: str
    queue: str
    href: str
    version: int
    reason: str
    patient: str
    patient_id: str
    service_day: str
    payer: str
    discipline: str
    amount: str
    age: str
    due: Chip
    whose_move: str
    owner: str
    owner_initials: str
    mine: bool
    escalated: bool
    snoozed_until: str
    wakes_on: str
    closed_as: str
    rank: str
    standing: Standing
    authorization: Line | None = None


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


def rows(session: Session, viewer: Viewer, queue: str, wanted: Filter, cursor: str = "") -> Page[Row]:
    """One page of the queue."""
    sort, values = SORTS[wanted.sort], known(viewer)
    after = _after(session, sort, cursor)
    if after is not None:
        values |= {"after_value": after[0], "after_id": after[1]}
    found = session.execute(_page(shape(viewer, queue, wanted), after is not None), values).all()
    shown, more = cut(found, PAGE_SIZE)
    last = encode("" if sort.private else shown[-1].sort_value, shown[-1].id) if more else ""
    return Page(_beside(session, viewer, _rows(session, viewer, shown, wanted), queue), last)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _page(asked: Shape, paged: bool) -> Select[*tuple[Any, ...]]:
    sort = SORTS[asked.wanted.sort]
    chosen = matching(asked).add_columns(sort.key.label("sort_value"))
    if paged:
        pair = tuple_(sort.key, WorkItemRow.id)
        after = tuple_(bindparam("after_value", type_=sort.key.type), bindparam("after_id", type_=Uuid()))
        chosen = chosen.where(pair < after if sort.descending else pair > after)
    chosen = chosen.order_by(*_in_order(sort, sort.key, WorkItemRow.id)).limit(PAGE_SIZE + 1)
    # chosen first: else Postgres joins all rows before it takes the first 50 (measured: 270 ms for 50,000); and named
    # first, because it does not reorder so many joins
    page = chosen.cte("page").prefix_with("MATERIALIZED")
    listed = _listed(page.c.sort_value, first=page.join(WorkItemRow, WorkItemRow.id == page.c.id))
    return listed.order_by(*_in_order(sort, page.c.sort_value, page.c.id))


def _in_order(sort: Sort, *columns: Any) -> tuple[Any, ...]:
    return tuple(column.desc() for column in columns) if sort.descending else columns


def _after(session: Session, sort: Sort, cursor: str) -> tuple[Any, ...] | None:
    """The sort value and id of the last row seen."""
    if not sort.private:
        return decode(cursor, sort.read, UUID)
    told = decode(cursor, str, UUID)
    if told is None:
        return None
    value = session.scalar(joined(select(sort.key)).where(WorkItemRow.id == told[1]))
    return (value, told[1]) if value is not None else None


def _rows(session: Session, viewer: Viewer, found: Sequence[Any], wanted: Filter) -> tuple[Row, ...]:
    standing, query = standings(session, viewer, found), wanted.query()
    return tuple(_row(entry, viewer, query, standing[entry.id]) for entry in found)


@lru_cache(maxsize=STATEMENTS_KEPT)
def candidates(asked: Shape) -> Select[UUID]:
    """The ids get-next may choose from under a filter, free or not. Filled in by ``known``."""
    view = asked.wanted.view if asked.wanted.view in ("mine", "unassigned", "due") else "open"
    return matching(replace(asked, wanted=replace(asked.wanted, view=view)))


def next_waking(session: Session, viewer: Viewer, queue: str) -> tuple[int, datetime | None]:
    """How many items of a queue sleep, and when the first of them wakes."""
    query = select(func.count(), func.min(WorkItemRow.snoozed_until)).where(
        *base(shape(viewer, queue, Filter())), *in_view("snoozed")
    )
    count, first = session.execute(query, known(viewer)).one()
    return count, first


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
    if asked.viewer or asked.own_visits_only or wanted.view == "mine":
        return None
    return (viewer.practice_id, end_of_today(viewer), asked)


def figures(viewer: Viewer, wanted: Filter, found: Counted) -> Figures:
    """The filter in numbers, as this viewer is shown them."""
    counts = {view: sum(by_view[view] for by_view in found.views.values()) for view in COUNTED}
    counts["mine"] = found.views[viewer.user_id]["open"] if viewer.user_id in found.views else 0
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
    return query.order_by(WorkItemRow.opened_at.desc()).limit(LATEST_MAX)


def one(session: Session, viewer: Viewer, item_id: UUID, wanted: Filter, standing: Standing) -> Row | None:
    """The row of one item, open or closed, whose standing was read for its pane."""
    found = _of_ids(session, viewer, [item_id])
    drawn = [_row(item, viewer, wanted.query(), standing) for item in found]
    return _beside(session, viewer, drawn, drawn[0].queue)[0] if drawn else None


def changes(session: Session, viewer: Viewer, queue: str, wanted: Filter, shown: dict[UUID, int]) -> tuple[Row, ...]:
    """The rows among those a page shows (id -> the row's fingerprint as drawn) that look different now."""
    found = _of_ids(session, viewer, list(shown)) if shown else []
    standing, query = standings(session, viewer, found), wanted.query()
    changed = [item for item in found if fingerprint(item, standing[item.id]) != shown[item.id]]
    return _beside(session, viewer, [_row(item, viewer, query, standing[item.id]) for item in changed], queue)


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


def _of_ids(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> Sequence[Any]:
    return session.execute(_by_id(viewer.own_visits_only), known(viewer) | {"ids": item_ids}).all()


@lru_cache(maxsize=2)
def _by_id(own_visits_only: bool) -> Select[*tuple[Any, ...]]:
    return _listed().where(WorkItemRow.id == func.any(IDS), *visible(own_visits_only))


def _beside(session: Session, viewer: Viewer, drawn: Sequence[Row], queue: str) -> tuple[Row, ...]:
    """Rows of the Authorization queue with their case and what is left; others as they are."""
    if queue != Queue.AUTHORIZATION or not drawn:
        return tuple(drawn)
    told = lines(session, viewer, [UUID(row.id) for row in drawn])
    return tuple(replace(row, authorization=told.get(UUID(row.id))) for row in drawn)


def fingerprint(item: Any, standing: Standing) -> int:
    """A number that differs whenever the row would look different, but for the mere passing of time."""
    seen = (item.version, item.owner_id, item.snoozed_until, item.closed_at, standing.leased_by, standing.leased_to_me)
    return zlib.crc32(repr((seen, standing.looking, standing.held, standing.clock.tone)).encode())


# Columns, not the mapped item: a list is only read, and half of an item is not shown in it.
_OF_THE_ITEM = (
    WorkItemRow.id,
    WorkItemRow.queue,
    WorkItemRow.workflow_id,
    WorkItemRow.version,
    WorkItemRow.reason,
    WorkItemRow.whose_move,
    WorkItemRow.amount,
    WorkItemRow.escalated,
    WorkItemRow.opened_at,
    WorkItemRow.due_at,
    WorkItemRow.rank_steps,
    WorkItemRow.owner_id,
    WorkItemRow.snoozed_until,
    WorkItemRow.wakes_on,
    WorkItemRow.closed_at,
    WorkItemRow.closed_by,
    WorkItemRow.leased_by,
    WorkItemRow.leased_at,
    WorkItemRow.leased_until,
)


def _listed(*more: ColumnElement[Any], first: Any = WorkItemRow) -> Select[*tuple[Any, ...]]:
    patient = (
        func.coalesce(PatientRow.first_name, ByExternalId.first_name).label("first_name"),
        func.coalesce(PatientRow.last_name, ByExternalId.last_name).label("last_name"),
        func.coalesce(PatientRow.external_id, PATIENT).label("patient_id"),
    )
    seen = (
        EncounterRow.date_of_service,
        func.coalesce(EncounterRow.discipline, func.array_to_string(DISCIPLINES, ", ")).label("discipline"),
        PayerRow.name.label("payer"),
        UserRow.name.label("owner"),
    )
    return joined(select(*_OF_THE_ITEM, *patient, *seen, *more), first)


def _row(item: Any, viewer: Viewer, query: str, standing: Standing) -> Row:
    asleep = item.snoozed_until is not None and item.snoozed_until > viewer.now
    return Row(
        id=str(item.id),
        queue=item.queue,
        href=f"/queues/{item.queue}/{item.id}{query}",
        version=fingerprint(item, standing),
        reason=formats.sentence(item.reason),
        patient=formats.person(item.first_name, item.last_name) if item.last_name else "",
        patient_id=item.patient_id or "",
        service_day=formats.day(item.date_of_service) if item.date_of_service else "",
        payer=item.payer or "",
        discipline=item.discipline or "",
        amount=formats.money(item.amount),
        age=formats.age(item.opened_at, viewer.now),
        due=formats.due_chip(item.due_at, viewer.now, viewer.zone),
        whose_move=formats.words(item.whose_move),
        owner=item.owner or "",
        owner_initials=formats.initials(item.owner) if item.owner else "",
        mine=item.owner_id == viewer.user_id,
        escalated=item.escalated,
        snoozed_until=formats.instant(item.snoozed_until, viewer.zone) if asleep else "",
        wakes_on=WAKES_ON[item.wakes_on][0] if asleep and item.wakes_on in WAKES_ON else "",
        closed_as=(item.closed_by or "done") if item.closed_at else "",
        rank="; ".join(item.rank_steps),
        standing=standing,
    )
