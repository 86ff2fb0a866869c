"""A queue as a list: filtered, sorted, paged by key, with its count and its dollars."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, DateTime, Select, Uuid, and_, bindparam, cast, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session, aliased

from billing.desk import WAKES_ON
from billing.vocabulary import Discipline, Queue
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow
from models.tables.remittances import InboundFileRow
from web import formats
from web.formats import Chip
from web.grammar import Term, parse, written
from web.reads import terms
from web.reads.paging import Page, cut, decode, encode
from web.reads.queue_authorizations import Line, lines
from web.reads.standing import Standing, standings
from web.viewer import Viewer

PAGE_SIZE = 50
SEARCH_LENGTH_MAX = 60
CHOICES_MAX = 500
VIEWS = {
    "open": "All open",
    "mine": "Mine",
    "unassigned": "Unassigned",
    "due": "Due today",
    "snoozed": "Snoozed",
}
FAR_FUTURE = cast("9999-01-01T00:00:00Z", TIMESTAMP(timezone=True))

# Put together once and filled in at every look, because putting a statement together costs more than running it
# (measured: 0.9 ms against 0.1 ms for the count of mentions).
STATEMENTS_KEPT = 512
PRACTICE, USER, CLINICIAN = (bindparam(name, type_=Uuid()) for name in ("practice", "user", "clinician"))
NOW, MIDNIGHT, SINCE = (bindparam(name, type_=DateTime(timezone=True)) for name in ("now", "midnight", "since"))
IDS = bindparam("ids", type_=ARRAY(Uuid()))

_PAYERS = select(PayerRow.external_id, PayerRow.name).order_by(PayerRow.name).limit(CHOICES_MAX)
_OWNERS = (
    select(UserRow.id, UserRow.name).where(UserRow.disabled_at.is_(None)).order_by(UserRow.name).limit(CHOICES_MAX)
)

_ByExternalId = aliased(PatientRow)
_Plan = aliased(PlanRow)
# Of an item that is about no visit: a case of asking a payer, or an authorization.
_PATIENT = func.coalesce(AuthorizationCaseRow.patient_external_id, AuthorizationRow.patient_external_id)
_DISCIPLINES = func.coalesce(AuthorizationCaseRow.disciplines, AuthorizationRow.disciplines)
_PLAN = func.coalesce(AuthorizationCaseRow.plan_id, AuthorizationRow.plan_id)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the list. read: how a page's last value is read back; joined: whether it lies outside the item.

    private: the value must not stand in an address (a patient's name), so the next page looks it up by the last item.
    """

    label: str
    key: ColumnElement[Any]
    read: Callable[[str], Any]
    descending: bool = False
    joined: bool = False
    private: bool = False


_LAST_NAME = func.coalesce(PatientRow.last_name, _ByExternalId.last_name, "")
SORTS: Mapping[str, Sort] = {
    "priority": Sort("Most pressing first", WorkItemRow.rank_at.expression, datetime.fromisoformat),
    "due": Sort("Due first", func.coalesce(WorkItemRow.due_at, FAR_FUTURE), datetime.fromisoformat),
    "age": Sort("Oldest first", WorkItemRow.opened_at.expression, datetime.fromisoformat),
    "newest": Sort("Newest first", WorkItemRow.opened_at.expression, datetime.fromisoformat, descending=True),
    "dollars": Sort("Dollars first", WorkItemRow.amount.expression, Decimal, descending=True),
    "service": Sort(
        "By date of service",
        func.coalesce(EncounterRow.date_of_service, date(9999, 1, 1)),
        date.fromisoformat,
        joined=True,
    ),
    "patient": Sort("By patient", _LAST_NAME, str, joined=True, private=True),
    "payer": Sort("By payer", func.coalesce(PayerRow.name, ""), str, joined=True),
    "reason": Sort("By reason", WorkItemRow.reason.expression, str, private=True),
    "owner": Sort("By owner", func.coalesce(UserRow.name, ""), str, joined=True),
    "move": Sort("By whose move", WorkItemRow.whose_move.expression, str),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which part of a queue, in which order. Everything but ``text`` stands in the address of the page.

    terms: what the text language asks for; text: words searched for; problems: what was not understood.
    """

    view: str = "open"
    payer: str = ""
    discipline: str = ""
    owner: str = ""
    sort: str = "priority"
    terms: tuple[Term, ...] = ()
    text: str = ""
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, values: dict[str, str]) -> "Filter":
        """From an address or a form; what makes no sense is left out."""
        asked = parse(f"{values.get('q', '')} {values.get('text', '')}")
        return cls(
            view=values["view"] if values.get("view") in VIEWS else "open",
            payer=values.get("payer", "")[:80],
            discipline=values["discipline"] if values.get("discipline") in set(Discipline) else "",
            owner=values.get("owner", "") if _is_uuid(values.get("owner", "")) else "",
            sort=values["sort"] if values.get("sort") in SORTS else "priority",
            terms=asked.terms,
            text=asked.words[:SEARCH_LENGTH_MAX],
            problems=asked.problems,
        )

    @property
    def q(self) -> str:
        """The terms as they stand in the address."""
        return written(self.terms)

    @property
    def typed(self) -> str:
        """What stands in the box."""
        return f"{self.q} {self.text}".strip()

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """All of it as hidden fields of a form."""
        named = {"view": self.view, "payer": self.payer, "discipline": self.discipline, "owner": self.owner}
        return (*named.items(), ("sort", self.sort), ("q", self.q), ("text", self.text))

    def query(self, view: str = "") -> str:
        """As the query of an address: what a name or id would reveal (the searched text) never stands there."""
        changed = replace(self, view=view or self.view)
        parts = {
            "view": changed.view if changed.view != "open" else "",
            "payer": changed.payer,
            "discipline": changed.discipline,
            "owner": changed.owner,
            "sort": changed.sort if changed.sort != "priority" else "",
            "q": changed.q,
        }
        told = urlencode({name: value for name, value in parts.items() if value})
        return f"?{told}" if told else ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement about a queue is put together from; ``known`` fills in the rest.

    viewer: only where a term of the filter asks about the viewer or the time, so that such a statement is made anew.
    """

    queue: str
    wanted: Filter
    own_visits_only: bool
    viewer: Viewer | None


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
    """A filter in numbers. views: what each chip would show under the rest of the filter; newer: opened since."""

    summary: Summary
    views: dict[str, int]
    newer: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter."""

    value: str
    label: str
    chosen: bool


def shape(viewer: Viewer, queue: str, wanted: Filter) -> Shape:
    """The shape of what this viewer asks of a queue."""
    return Shape(queue, wanted, viewer.own_visits_only, viewer if wanted.terms else None)


def known(viewer: Viewer) -> dict[str, Any]:
    """What fills in the statements of this module."""
    return {
        "practice": viewer.practice_id,
        "user": viewer.user_id,
        "clinician": viewer.clinician_id,
        "now": viewer.now,
        "midnight": end_of_today(viewer),
    }


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
    value = session.scalar(_joined(select(sort.key)).where(WorkItemRow.id == told[1]))
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
        *_base(shape(viewer, queue, Filter())), *_view("snoozed")
    )
    count, first = session.execute(query, known(viewer)).one()
    return count, first


def figures(session: Session, viewer: Viewer, queue: str, wanted: Filter, since: datetime | None = None) -> Figures:
    """Count, dollars and age of everything the filter matches, and how many each chip would show, in one pass."""
    values = known(viewer) | {"since": since or viewer.now}
    found = session.execute(_figures(shape(viewer, queue, wanted)), values).one()
    counts = {view: getattr(found, view) for view in VIEWS}
    age = formats.age(found.since, viewer.now) if found.since else ""
    return Figures(Summary(counts[wanted.view], formats.money(found.dollars), age), counts, found.newer)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _figures(asked: Shape) -> Select[*tuple[Any, ...]]:
    shown = and_(*_view(asked.wanted.view))
    summed = func.coalesce(func.sum(WorkItemRow.amount).filter(shown), Decimal(0)).label("dollars")
    oldest = func.min(WorkItemRow.opened_at).filter(shown).label("since")
    counted = [func.count().filter(and_(*_view(view))).label(view) for view in VIEWS]
    newer = func.count().filter(shown, WorkItemRow.opened_at > SINCE).label("newer")
    return _lean(select(summed, oldest, newer, *counted), asked.wanted).where(*_base(asked), *_narrowed(asked))


def matching(asked: Shape) -> Select[*tuple[Any, ...]]:
    """The ids of everything the filter shows, for whoever acts on all of it. Filled in by ``known``."""
    return _lean(select(WorkItemRow.id), asked.wanted).where(*conditions(asked))


def one(session: Session, viewer: Viewer, item_id: UUID, wanted: Filter) -> Row | None:
    """The row of one item, open or closed."""
    drawn = _of_ids(session, viewer, [item_id], wanted)
    return _beside(session, viewer, drawn, drawn[0].queue)[0] if drawn else None


def changes(session: Session, viewer: Viewer, queue: str, wanted: Filter, shown: dict[UUID, int]) -> tuple[Row, ...]:
    """The rows among those a page shows (id -> the row's fingerprint as drawn) that look different now."""
    drawn = _of_ids(session, viewer, list(shown), wanted) if shown else ()
    changed = [row for row in drawn if row.version != shown[UUID(row.id)]]
    return _beside(session, viewer, changed, queue)


def new_since(
    session: Session, viewer: Viewer, queue: str, wanted: Filter, since: datetime, shown: Sequence[UUID]
) -> int:
    """How many items came since, besides those the page shows by now."""
    values = known(viewer) | {"since": since, "ids": shown}
    return session.scalar(_new(shape(viewer, queue, wanted)), values) or 0


def _of_ids(session: Session, viewer: Viewer, item_ids: Sequence[UUID], wanted: Filter) -> tuple[Row, ...]:
    found = session.execute(_by_id(viewer.own_visits_only), known(viewer) | {"ids": item_ids}).all()
    return _rows(session, viewer, found, wanted)


@lru_cache(maxsize=2)
def _by_id(own_visits_only: bool) -> Select[*tuple[Any, ...]]:
    return _listed().where(WorkItemRow.id == func.any(IDS), *_visible(own_visits_only))


@lru_cache(maxsize=STATEMENTS_KEPT)
def _new(asked: Shape) -> Select[int]:
    new = (WorkItemRow.opened_at > SINCE, WorkItemRow.id != func.all(IDS))
    return _lean(select(func.count()), asked.wanted).where(*conditions(asked), *new)


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


def payer_choices(session: Session, chosen: str) -> tuple[Choice, ...]:
    """Payers of the practice."""
    return tuple(Choice(external_id, name, external_id == chosen) for external_id, name in session.execute(_PAYERS))


def owner_choices(session: Session, chosen: str) -> tuple[Choice, ...]:
    """People of the practice who can have work."""
    return tuple(Choice(str(user_id), name, str(user_id) == chosen) for user_id, name in session.execute(_OWNERS))


def conditions(asked: Shape) -> list[ColumnElement[bool]]:
    """Everything a filter means, as SQL."""
    return [*_base(asked), *_view(asked.wanted.view), *_narrowed(asked)]


def _base(asked: Shape) -> list[ColumnElement[bool]]:
    return [WorkItemRow.queue == asked.queue, WorkItemRow.closed_at.is_(None), *_visible(asked.own_visits_only)]


def _visible(own_visits_only: bool) -> list[ColumnElement[bool]]:
    mine = [WorkItemRow.clinician_id == CLINICIAN] if own_visits_only else []
    return [WorkItemRow.practice_id == PRACTICE, *mine]


def _view(view: str) -> list[ColumnElement[bool]]:
    asleep = and_(WorkItemRow.snoozed_until.is_not(None), WorkItemRow.snoozed_until > NOW)
    if view == "snoozed":
        return [asleep]
    awake = or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= NOW)
    extra: dict[str, list[ColumnElement[bool]]] = {
        "mine": [WorkItemRow.owner_id == USER],
        "unassigned": [WorkItemRow.owner_id.is_(None)],
        "due": [WorkItemRow.due_at < MIDNIGHT],
    }
    return [awake, *extra.get(view, [])]


def end_of_today(viewer: Viewer) -> datetime:
    """The practice's midnight."""
    return datetime.combine(viewer.today + timedelta(days=1), time.min, tzinfo=viewer.zone)


def _narrowed(asked: Shape) -> list[ColumnElement[bool]]:
    wanted = asked.wanted
    narrowed = [terms.condition(term, asked.viewer) for term in wanted.terms] if asked.viewer else []
    if wanted.payer:
        narrowed.append(PayerRow.external_id == wanted.payer)
    if wanted.discipline:
        narrowed.append(
            or_(
                EncounterRow.discipline == wanted.discipline,
                AuthorizationRow.disciplines.contains([wanted.discipline]),
                AuthorizationCaseRow.disciplines.contains([wanted.discipline]),
            )
        )
    if wanted.owner:
        narrowed.append(WorkItemRow.owner_id == UUID(wanted.owner))
    if wanted.text:
        narrowed.append(_mentions(wanted.text))
    return narrowed


def _mentions(searched: str) -> ColumnElement[bool]:
    columns = (
        WorkItemRow.reason,
        EncounterRow.external_id,
        PatientRow.external_id,
        PatientRow.last_name,
        PatientRow.first_name,
        _ByExternalId.last_name,
        AuthorizationRow.number,
        AuthorizationRow.patient_external_id,
        AuthorizationCaseRow.patient_external_id,
        InboundFileRow.file_name,
    )
    return or_(*(column.icontains(searched, autoescape=True) for column in columns))


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
        func.coalesce(PatientRow.first_name, _ByExternalId.first_name).label("first_name"),
        func.coalesce(PatientRow.last_name, _ByExternalId.last_name).label("last_name"),
        func.coalesce(PatientRow.external_id, _PATIENT).label("patient_id"),
    )
    seen = (
        EncounterRow.date_of_service,
        func.coalesce(EncounterRow.discipline, func.array_to_string(_DISCIPLINES, ", ")).label("discipline"),
        PayerRow.name.label("payer"),
        UserRow.name.label("owner"),
    )
    return _joined(select(*_OF_THE_ITEM, *patient, *seen, *more), first)


def _lean(query: Select[*tuple[Any, ...]], wanted: Filter) -> Select[*tuple[Any, ...]]:
    """Joined only where the filter asks for something that is not the item's own."""
    if wanted.payer or wanted.discipline or wanted.text or SORTS[wanted.sort].joined:
        return _joined(query)
    return query.select_from(WorkItemRow)


def _joined(query: Select[*tuple[Any, ...]], first: Any = WorkItemRow) -> Select[*tuple[Any, ...]]:
    return (
        query.select_from(first)
        .outerjoin(EncounterRow, EncounterRow.id == WorkItemRow.encounter_id)
        .outerjoin(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .outerjoin(AuthorizationRow, AuthorizationRow.id == WorkItemRow.authorization_id)
        .outerjoin(AuthorizationCaseRow, AuthorizationCaseRow.id == WorkItemRow.authorization_case_id)
        .outerjoin(_ByExternalId, _ByExternalId.external_id == _PATIENT)
        .outerjoin(_Plan, _Plan.id == func.coalesce(EncounterRow.plan_id, _PLAN))
        .outerjoin(PayerRow, PayerRow.id == _Plan.payer_id)
        .outerjoin(InboundFileRow, InboundFileRow.id == WorkItemRow.inbound_file_id)
        .outerjoin(UserRow, UserRow.id == WorkItemRow.owner_id)
    )


def _row(item: Any, viewer: Viewer, query: str, standing: Standing) -> Row:
    asleep = item.snoozed_until is not None and item.snoozed_until > viewer.now
    return Row(
        id=str(item.id),
        queue=item.queue,
        href=f"/queues/{item.queue}/{item.id}{query}",
        version=fingerprint(item, standing),
        reason=item.reason,
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


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def ids(values: Sequence[str]) -> list[UUID]:
    """The ids among what a form sent."""
    return [UUID(value) for value in values if _is_uuid(value)]
