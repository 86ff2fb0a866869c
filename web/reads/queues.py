"""A queue as a list: filtered, sorted, paged by key, with its count and its dollars."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Uuid, bindparam, func, literal_column, select, tuple_
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
    ByExternalId,
    Filter,
    Shape,
    Sort,
    joined,
    known,
    matching,
    shape,
)
from web.reads.shown import shown
from web.reads.standing import Around, Standing, around_items, standing_of, standings
from web.viewer import Share, Viewer

PAGE_SIZE = 50
_ONE_MORE = literal_column(str(PAGE_SIZE + 1), Integer())  # written out, or Postgres plans each page anew


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
    chosen = chosen.order_by(*_in_order(sort, sort.key, WorkItemRow.id)).limit(_ONE_MORE)
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


@dataclass(frozen=True, slots=True)
class Reading:
    """An item as it was read once, for whoever is shown its row. line: in the Authorization queue.

    concerned: those whose row is drawn for themselves; all the others are shown the same. drawn: by whom it concerns;
    None: by all the others.
    """

    item: Any
    around: Around
    line: Line | None
    concerned: frozenset[UUID]
    drawn: dict[UUID | None, str] = field(default_factory=dict)

    def row(self, viewer: Viewer) -> Row:
        """Its row at ``viewer.now``, linked without a filter."""
        drawn = _row(self.item, viewer, "", standing_of(viewer, self.item, self.around))
        return replace(drawn, authorization=self.line)


def readings(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> dict[UUID, Reading]:
    """Items of the practice, for viewers who see all of them. The viewer lends the clock and the practice alone."""
    found = session.execute(_by_id(Share.ALL), known(viewer) | {"ids": item_ids}).all()
    around = around_items(session, viewer, found)
    asked = [item.id for item in found if item.queue == Queue.AUTHORIZATION]
    told = lines(session, viewer, asked) if asked else {}
    return {item.id: Reading(item, around, told.get(item.id), around.concerned(item)) for item in found}


@lru_cache(maxsize=STATEMENTS_KEPT)
def candidates(asked: Shape) -> Select[UUID]:
    """The ids get-next may choose from under a filter, free or not. Filled in by ``known``."""
    view = asked.wanted.view if asked.wanted.view in ("mine", "unassigned", "due") else "open"
    return matching(replace(asked, wanted=replace(asked.wanted, view=view)))


def one(session: Session, viewer: Viewer, wanted: Filter, found: Any, standing: Standing) -> Row:
    """The row of one item, open or closed, that was found ``with_item`` for its pane."""
    drawn = _row(found.WorkItemRow, viewer, wanted.query(), standing, whose=found)
    return _beside(session, viewer, [drawn], drawn.queue)[0]


def with_item(*more: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Mapped items, each with what its row says besides, and with more."""
    return joined(select(WorkItemRow, *_WHOSE, *more))


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of a page that look different now. gone: ids of those the viewer is not shown any more."""

    rows: tuple[Row, ...]
    gone: tuple[UUID, ...]


def changes(session: Session, viewer: Viewer, queue: str, wanted: Filter, drawn: dict[UUID, int]) -> Changes:
    """What changed among the rows a page shows (id -> the row's fingerprint as drawn)."""
    found = _of_ids(session, viewer, list(drawn)) if drawn else []
    standing, query = standings(session, viewer, found), wanted.query()
    changed = [item for item in found if fingerprint(item, standing[item.id]) != drawn[item.id]]
    rows = _beside(session, viewer, [_row(item, viewer, query, standing[item.id]) for item in changed], queue)
    return Changes(rows, tuple(drawn.keys() - {item.id for item in found}))


def _of_ids(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> Sequence[Any]:
    return session.execute(_by_id(viewer.share), known(viewer) | {"ids": item_ids}).all()


@lru_cache(maxsize=len(Share))
def _by_id(share: Share) -> Select[*tuple[Any, ...]]:
    return _listed().where(WorkItemRow.id == func.any(IDS), *shown(share))


def _beside(session: Session, viewer: Viewer, drawn: Sequence[Row], queue: str) -> tuple[Row, ...]:
    """Rows of the Authorization queue with their case and what is left; others as they are."""
    if queue != Queue.AUTHORIZATION or not drawn:
        return tuple(drawn)
    told = lines(session, viewer, [UUID(row.id) for row in drawn])
    return tuple(replace(row, authorization=told.get(UUID(row.id))) for row in drawn)


def fingerprint(item: Any, standing: Standing) -> int:
    """A number that differs whenever the row would look different, but for the mere passing of time."""
    seen = (item.version, item.owner_id, item.snoozed_until, item.closed_at, standing.leased_by, standing.leased_to_me)
    held = replace(standing.held, seconds=0) if standing.held else None
    return zlib.crc32(repr((seen, standing.looking, held, standing.clock.tone)).encode())


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


# Of a visit or, where there is none, of the case or the authorization.
_WHOSE = (
    func.coalesce(PatientRow.first_name, ByExternalId.first_name).label("first_name"),
    func.coalesce(PatientRow.last_name, ByExternalId.last_name).label("last_name"),
    func.coalesce(PatientRow.external_id, PATIENT).label("patient_id"),
    EncounterRow.date_of_service,
    func.coalesce(EncounterRow.discipline, func.array_to_string(DISCIPLINES, ", ")).label("discipline"),
    PayerRow.name.label("payer"),
    UserRow.name.label("owner"),
)


def _listed(*more: ColumnElement[Any], first: Any = WorkItemRow) -> Select[*tuple[Any, ...]]:
    return joined(select(*_OF_THE_ITEM, *_WHOSE, *more), first)


def _row(item: Any, viewer: Viewer, query: str, standing: Standing, whose: Any = None) -> Row:
    """whose: where it stands apart from the item, what was found as ``_WHOSE``."""
    whose = whose or item
    asleep = item.snoozed_until is not None and item.snoozed_until > viewer.now
    return Row(
        id=str(item.id),
        queue=item.queue,
        href=f"/queues/{item.queue}/{item.id}{query}",
        version=fingerprint(item, standing),
        reason=formats.sentence(item.reason),
        patient=formats.person(whose.first_name, whose.last_name) if whose.last_name else "",
        patient_id=whose.patient_id or "",
        service_day=formats.day(whose.date_of_service) if whose.date_of_service else "",
        payer=whose.payer or "",
        discipline=whose.discipline or "",
        amount=formats.money(item.amount),
        age=formats.age(item.opened_at, viewer.now),
        due=formats.due_chip(item.due_at, viewer.now, viewer.zone),
        whose_move=formats.words(item.whose_move),
        owner=whose.owner or "",
        owner_initials=formats.initials(whose.owner) if whose.owner else "",
        mine=item.owner_id == viewer.user_id,
        escalated=item.escalated,
        snoozed_until=formats.instant(item.snoozed_until, viewer.zone) if asleep else "",
        wakes_on=WAKES_ON[item.wakes_on][0] if asleep and item.wakes_on in WAKES_ON else "",
        closed_as=(item.closed_by or "done") if item.closed_at else "",
        rank="; ".join(item.rank_steps),
        standing=standing,
    )
