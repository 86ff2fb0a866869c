"""A queue: list and pane side by side, each of which can be fetched alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from billing.desk import REASSIGN, WORK, QueueInfo
from billing.vocabulary import Discipline, Queue
from models.store.session import practice_session
from web import formats, templating
from web.pages import panes
from web.problems import NotFound
from web.reads import choices, counts, desk, head, items, mentions, queue_filter, queues, views
from web.reads import columns as list_columns
from web.reads.choices import Choice
from web.reads.queue_authorizations import StateCount
from web.reads.queue_filter import Filter
from web.routes import page_router
from web.security import Form, Person, Posted, PostedWatching, Watcher, counts_of, engine_of, live_of
from web.shell import Shell, queue_of, queues_of, shell
from web.viewer import Viewer

router = page_router()

EMPTY = {
    "open": ("Nothing waits here", "New items appear by themselves when a check fails."),
    "mine": ("You have nothing here", "Take an item from Unassigned, or press c on one."),
    "unassigned": ("Everything has an owner", "Look at All open to see who has what."),
    "due": ("Nothing is due today", "The next deadlines are under All open."),
    "snoozed": ("Nothing is snoozed", "Snoozed items wait here until their day."),
}
ROWS_WATCHED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class QueueHead:
    """Name and purpose."""

    key: str
    title: str
    purpose: str


@dataclass(frozen=True, slots=True)
class ChipLink:
    """One of the five views."""

    label: str
    count: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says."""

    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The whole screen.

    stream: what it listens to, from the moments it was read and counted at; everyones: whether the counts told to all
    are its own; since, late_ms: what came when is new to it (``counts.unheard_of``).
    """

    shell: Shell
    queue: QueueHead
    unread: int
    rail: tuple[desk.RailLine, ...]
    filter: Filter
    views: tuple[views.View, ...]
    columns: tuple[list_columns.Column, ...]
    may_work: bool
    may_share: bool
    filter_query: str
    filter_fields: tuple[tuple[str, str], ...]
    chips: tuple[ChipLink, ...]
    sorts: tuple[Choice, ...]
    payers: tuple[Choice, ...]
    disciplines: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    summary: counts.Summary
    rows: tuple[queues.Row, ...]
    more_cursor: str
    more_href: str
    empty: Empty
    since: str
    stream: str
    everyones: bool
    late_ms: int
    known: tuple[str, ...]
    chosen: str
    pane: panes.Pane | None


@dataclass(frozen=True, slots=True)
class FreshPage:
    """What changed since the list was drawn. counts: None where only rows were asked for; new: how many came since.

    gone: of the rows asked about, those that wait for somebody else now, whom the viewer is not shown.
    """

    rows: tuple[queues.Row, ...]
    gone: tuple[UUID, ...]
    counts: "Beside | None"
    new: str
    load_href: str
    chosen: str


@dataclass(frozen=True, slots=True)
class Beside:
    """How many there are, in this queue and the others."""

    summary: counts.Summary
    chips: tuple[ChipLink, ...]
    rail: tuple[desk.RailLine, ...]
    unread: int


@router.get("/queues/{queue}")
def show(request: Request, viewer: Person, queue: str, cursor: str = "") -> Response:
    """The list, and nothing in the pane."""
    info = _queue(viewer, queue)
    wanted = Filter.read(dict(request.query_params))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        page = build(session, request, viewer, info, wanted, cursor=cursor)
    return _answer(request, page)


@router.post("/queues/{queue}/find")
def find(request: Request, viewer: Person, form: Posted, queue: str) -> Response:
    """The list under a filter. A searched name travels in the body, so that it stands in no address and no log."""
    info = _queue(viewer, queue)
    values = {**dict(request.query_params), **{name: form.text(name) for name in form.values}}
    wanted = Filter.read(values)
    address = f"/queues/{info.queue.value}{wanted.query()}"
    if not wanted.text and not form.text("cursor") and not templating.wanted_region(request):
        return RedirectResponse(address, status_code=303)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        page = build(session, request, viewer, info, wanted, cursor=form.text("cursor"))
    answer = _answer(request, page)
    if templating.wanted_region(request) == "list":
        answer.headers["HX-Push-Url"] = address
    return answer


@router.post("/queues/{queue}/fresh")
def fresh(request: Request, viewer: Watcher, form: PostedWatching, queue: str) -> HTMLResponse:
    """What changed among the rows asked about and, where ``counts`` is asked for, how many there are. Moves nothing.

    A page that was told which items changed asks about those it shows, at once, and counts again every other second.
    """
    info = _queue(viewer, queue)
    wanted = Filter.read({**dict(request.query_params), "text": form.text("text")})
    key, shown = info.queue.value, _shown(form)
    # before a connection is in hand
    counted = counts_of(request).now(viewer, key, wanted) if form.text("counts") else None
    with practice_session(engine_of(request), viewer.practice_id) as session:
        changed = queues.changes(session, viewer, key, wanted, shown)
        counted_now, new = None, ""
        if counted is not None:
            known = {*shown, *choices.ids(form.all("known"))}
            new = counts.unheard_of(counted.found, _since(form, viewer), known)
            counted_now = beside(viewer, info, wanted, counted, mentions.unseen(session, viewer))
    page = FreshPage(changed.rows, changed.gone, counted_now, new, f"/queues/{key}{wanted.query()}", chosen="")
    answer = templating.page("fresh.html", templating.as_context(page))
    if counted_now is None:
        answer.headers["HX-Reswap"] = "none"  # how many are new stands as it was; the rows carry their own place
    return answer


def beside(viewer: Viewer, info: QueueInfo, wanted: Filter, counted: counts.Count, unread: int) -> Beside:
    """What was counted, as this viewer is shown it around the list."""
    figures = counts.figures(viewer, wanted, counted.found)
    return Beside(
        summary=figures.summary,
        chips=_chips(info, wanted, figures.views, counted.cases),
        rail=desk.rail_lines(counted.waiting, queues_of(viewer), info.queue.value),
        unread=unread,
    )


@router.get("/queues/{queue}/{item_id}")
def open_item(request: Request, viewer: Person, queue: str, item_id: UUID, tab: str = "") -> Response:
    """An item in the pane, beside its list."""
    info = _queue(viewer, queue)
    wanted = Filter.read(dict(request.query_params))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        item = items.visible_item(session, viewer, item_id)
        if item is None:
            raise NotFound
        if item.queue != info.queue.value:
            return RedirectResponse(f"/queues/{item.queue}/{item.id}", status_code=303)
        pane = panes.build(session, viewer, item_id, wanted, tab=tab)
        alone = templating.wanted_region(request) in {"pane", "facts"}
        page = None if alone else build(session, request, viewer, info, wanted, pane=pane)
    # drawn when the audit log is free for others again
    if page is None:
        return templating.page("pane.html", {"pane": pane, "shell": shell(request, viewer)})
    return _answer(request, page)


@router.get("/items/{item_id}")
def locate(request: Request, viewer: Person, item_id: UUID) -> Response:
    """An item by its id alone, for links that do not know its queue."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        item = items.visible_item(session, viewer, item_id)
    if item is None:
        raise NotFound
    return RedirectResponse(f"/queues/{item.queue}/{item.id}", status_code=303)


def build(
    session: Session,
    request: Request,
    viewer: Viewer,
    info: QueueInfo,
    wanted: Filter,
    *,
    cursor: str = "",
    pane: panes.Pane | None = None,
) -> QueuePage:
    """Everything the screen shows, in a handful of SELECTs."""
    key, moment = info.queue.value, live_of(request).moment
    listed = queues.rows(session, viewer, key, wanted, cursor)
    counted = counts_of(request).lately(session, viewer, key, wanted)
    around = head.head(session, viewer, key, wanted)
    told = beside(viewer, info, wanted, counted, around.unread)
    query = wanted.query()
    more = f"/queues/{key}{query}{'&' if query else '?'}cursor={listed.next_cursor}" if listed.next_cursor else ""
    return QueuePage(
        shell=shell(request, viewer),
        queue=QueueHead(key, info.title, info.purpose),
        unread=told.unread,
        rail=told.rail,
        filter=wanted,
        views=around.views,
        columns=around.columns,
        may_work=viewer.may(WORK),
        may_share=viewer.may(REASSIGN),
        filter_query=query,
        filter_fields=wanted.fields,
        chips=told.chips,
        sorts=tuple(Choice(key, sort.label, key == wanted.sort) for key, sort in queue_filter.SORTS.items()),
        payers=around.payers,
        disciplines=tuple(Choice(value.value, value.value, value == wanted.discipline) for value in Discipline),
        owners=around.owners,
        summary=told.summary,
        rows=listed.rows,
        more_cursor=listed.next_cursor,
        more_href=more,
        empty=Empty("", "") if listed.rows else _empty(session, viewer, key, wanted),
        since=viewer.now.isoformat(),
        stream=f"/events?{urlencode({'queue': key, 'since': moment, 'counted': counted.moment})}",
        everyones=wanted == Filter(),
        late_ms=counts.LATE // timedelta(milliseconds=1),
        known=counts.just_opened(counted.found, viewer.now),
        chosen=pane.item.id if pane else "",
        pane=pane,
    )


def _empty(session: Session, viewer: Viewer, queue: str, wanted: Filter) -> Empty:
    """What an empty list says: what else there is, and when it comes back."""
    if any((wanted.payer, wanted.discipline, wanted.owner, wanted.terms, wanted.text)):
        return Empty("Nothing fits the filter", "Take something out of it.")
    title, sentence = EMPTY[wanted.view]
    if wanted.view in ("mine", "snoozed"):
        return Empty(title, sentence)
    count, first = counts.next_waking(session, viewer, queue)
    if first is None:
        return Empty(title, sentence)
    today = formats.today(first, viewer.zone) == viewer.today
    at = formats.time_of_day(first, viewer.zone) if today else formats.instant(first, viewer.zone)
    return Empty(title, f"{formats.plural(count, 'item')} snoozed; the next wakes at {at}.")


def nothing_left(
    request: Request, viewer: Viewer, queue: str, wanted: Filter, toast: panes.Toast, *, in_pane: bool
) -> Response:
    """Get-next found nothing: said in the pane, or beside the list without script."""
    if in_pane:
        return templating.page("nothing_left.html", {"toast": toast, "shell": shell(request, viewer)})
    return RedirectResponse(f"/queues/{queue}{wanted.query()}", status_code=303)


def _chips(
    info: QueueInfo, wanted: Filter, numbers: Mapping[str, int], cases: Sequence[StateCount]
) -> tuple[ChipLink, ...]:
    address = f"/queues/{info.queue.value}"
    views = [
        ChipLink(label, numbers[view], f"{address}{wanted.query(view=view)}", view == wanted.view)
        for view, label in queue_filter.VIEWS.items()
    ]
    return (*views, *(_case_chip(wanted, state) for state in cases))


def _case_chip(wanted: Filter, state: StateCount) -> ChipLink:
    """Cases of asking payers in one state; one that sleeps with the payer is found among the snoozed."""
    term = f"case:{state.key}"
    current = term in wanted.q.split()
    narrowed = {"view": "open" if state.awake or current else "snoozed", "q": "" if current else term}
    filtered = Filter.read({**dict(wanted.fields), **narrowed, "text": wanted.text})
    return ChipLink(state.label, state.count, f"/queues/{Queue.AUTHORIZATION.value}{filtered.query()}", current)


def _answer(request: Request, page: QueuePage, status: int = 200) -> HTMLResponse:
    block = {"list": "list", "more": "rows"}.get(templating.wanted_region(request), "")
    return templating.page("queue.html", templating.as_context(page), block=block, status=status)


def whole_page(session: Session, request: Request, viewer: Viewer, pane: panes.Pane, wanted: Filter) -> dict[str, Any]:
    """The screen around a pane, for browsers without script."""
    info = _queue(viewer, pane.item.queue)
    return templating.as_context(build(session, request, viewer, info, wanted, pane=pane))


def _queue(viewer: Viewer, key: str) -> QueueInfo:
    info = queue_of(viewer, key)
    if info is None:
        raise NotFound("There is no such queue, or your role does not work on it.")
    return info


def _shown(form: Form) -> dict[UUID, int]:
    shown: dict[UUID, int] = {}
    for entry in form.all("row")[:ROWS_WATCHED_MAX]:
        item_id, _, version = entry.partition(":")
        known = choices.ids([item_id])
        if known and version.isdigit():
            shown[known[0]] = int(version)
    return shown


def _since(form: Form, viewer: Viewer) -> datetime:
    try:
        since = datetime.fromisoformat(form.text("since"))
    except ValueError:
        return viewer.now
    return since if since.tzinfo else viewer.now
