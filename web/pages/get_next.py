"""Working one item after the other: get next, pass over, take back; and who is here while it lasts."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from fastapi import Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from activities import desk_next, held_decisions, undo
from activities.refusals import Refused
from billing.desk import SKIP_REASONS, WORK
from models.store.session import practice_session
from web import templating
from web.pages import items as item_pages
from web.pages import panes
from web.pages import queues as queue_pages
from web.pages.items import Drawn, actor_of
from web.pages.panes import Acted, Toast, Undo
from web.problems import NotFound
from web.reads import items, queue_filter
from web.reads import queues as lists
from web.reads.queue_filter import Filter
from web.reads.standing import practice_settings
from web.routes import page_router
from web.security import Form, Person, Posted, PostedWatching, Watcher, engine_of, require
from web.shell import queue_of, queues_of, shell
from web.viewer import Viewer

router = page_router()

NOTHING_LEFT = "Nothing is left for you here: the rest is taken, snoozed, or passed over for today."


@dataclass(frozen=True, slots=True)
class Given:
    """What get-next gave: an item, in its queue, under the filter it was asked for. drawn: its pane, read already."""

    item_id: UUID
    queue: str
    wanted: Filter
    drawn: Drawn | None = None


@router.post("/next")
def next_of_all(request: Request, viewer: Person, form: Posted) -> Response:
    """The best item of all the viewer's queues."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        given = _get(session, viewer, [info.queue.value for info in queues_of(viewer)], Filter())
    if given is None:
        return RedirectResponse("/", status_code=303)
    return RedirectResponse(f"/queues/{given.queue}/{given.item_id}", status_code=303)


@router.post("/queues/{queue}/next")
def next_of_queue(request: Request, viewer: Person, form: Posted, queue: str) -> Response:
    """The best item of a queue under the filter of the list."""
    require(viewer, WORK)
    if queue_of(viewer, queue) is None:
        raise NotFound
    wanted = _wanted(request, form)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        given = _get(session, viewer, [queue], wanted)
        if given is not None and _in_pane(request):
            given = replace(given, drawn=_drawn(session, request, viewer, given.item_id))
    return _give(request, viewer, given, queue, wanted)


@router.post("/items/{item_id}/skip")
def skip(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Pass it over for today, with or without a reason, and get the next."""
    require(viewer, WORK)
    wanted = Filter.read(dict(request.query_params))
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            item = items.visible_item(session, viewer, item_id)
            if item is None:
                raise NotFound
            queue, reason = item.queue, form.text("reason")
            desk_next.skip(session, actor_of(viewer), item_id, reason, viewer.today, viewer.now)
            action = undo.last_action(session, viewer.user_id, item_id, viewer.now)
            given = _get(session, viewer, [queue], wanted)
    except Refused as refusal:
        return item_pages.shown(request, viewer, item_id, Toast("bad", str(refusal)), status=409)
    said = f"Passed over for today{': ' + SKIP_REASONS[reason].lower() if reason else ''}."
    back = Undo(f"/items/{item_id}/undo{wanted.query()}", action_id=str(action.id)) if action else None
    return _give(request, viewer, given, queue, wanted, Toast("good", said, back))


@router.post("/items/{item_id}/undo")
def take_back(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Take back the last act, or a decision that still waits, and show the item as it is then."""
    require(viewer, WORK)
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            if form.text("command_id"):
                held_decisions.take_back(session, actor_of(viewer), item_id, form.id("command_id"))
                said = "Taken back: nothing was applied."
            else:
                _, action = undo.take_back(session, viewer.user_id, form.id("action_id"), viewer.now)
                said = f"Undone: {action.said[:1].lower()}{action.said[1:]}."
    except Refused as refusal:
        return item_pages.shown(request, viewer, item_id, Toast("bad", str(refusal)), status=409)
    return item_pages.shown(request, viewer, item_id, Toast("good", said))


@router.post("/items/{item_id}/here")
def here(request: Request, viewer: Watcher, form: PostedWatching, item_id: UUID) -> Response:
    """A sign of life from a page that shows the item: who looks is told to others, a lease goes on."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        if not items.is_there(session, viewer, item_id):
            raise NotFound
        lease = timedelta(minutes=practice_settings(session, viewer).lease_minutes)
        desk_next.heartbeat(session, actor_of(viewer), item_id, lease, viewer.now)
    return Response(status_code=204)


@router.post("/items/{item_id}/left")
def left(request: Request, viewer: Watcher, form: PostedWatching, item_id: UUID) -> Response:
    """The page looks elsewhere. Only what the viewer had of the item is touched, so it need not be looked for first."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        desk_next.leave(session, actor_of(viewer), item_id, viewer.now)
    return Response(status_code=204)


@router.get("/news/{item_id}")
def news(request: Request, viewer: Watcher, item_id: UUID, version: int = 0, leased: int = 0) -> HTMLResponse:
    """What happened to an item since its pane was drawn."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        row = items.visible_item(session, viewer, item_id)
        if row is None:
            return templating.page("news_gone.html", {}, status=404)
        found = panes.news(session, viewer, row, version, leased=bool(leased))
    query = Filter.read(dict(request.query_params)).query()
    return templating.page("news.html", {"news": found, "query": query, "shell": shell(request, viewer)})


def _get(session: Session, viewer: Viewer, queues: list[str], wanted: Filter) -> Given | None:
    lease = timedelta(minutes=practice_settings(session, viewer).lease_minutes)
    chosen = tuple(lists.candidates(queue_filter.shape(viewer, queue, wanted)) for queue in queues)
    asked = desk_next.Wanted(chosen, lease, viewer.today, queue_filter.known(viewer))
    item_id = desk_next.next_item(session, actor_of(viewer), asked, viewer.now)
    if item_id is None:
        return None
    if len(queues) == 1:
        return Given(item_id, queues[0], wanted)
    item = items.visible_item(session, viewer, item_id)
    assert item is not None
    return Given(item_id, item.queue, wanted)


def _in_pane(request: Request) -> bool:
    return templating.wanted_region(request) == "pane"


def _drawn(session: Session, request: Request, viewer: Viewer, item_id: UUID) -> Drawn | None:
    """The item's pane, read in the transaction that leased it: waiting for another costs as much as the lease.

    None where it breaks on what the item says. The lease is kept then too: taken back, the same item would come again
    to whoever asks.
    """
    try:
        return item_pages.drawn(session, request, viewer, item_id, Acted(leased=True))
    except DBAPIError:
        raise  # nothing was leased either
    except Exception:
        return None  # shown again after the commit, it breaks as any page does


def _give(
    request: Request, viewer: Viewer, given: Given | None, queue: str, wanted: Filter, toast: Toast | None = None
) -> Response:
    """The item in the pane; without script the address of it, or of the list when nothing is left."""
    in_pane = _in_pane(request)
    if given is None:
        toast = toast or Toast("info", NOTHING_LEFT)
        return queue_pages.nothing_left(request, viewer, queue, wanted, toast, in_pane=in_pane)
    address = f"/queues/{given.queue}/{given.item_id}{wanted.query()}"
    if not in_pane and toast is None:
        return RedirectResponse(address, status_code=303)
    if given.drawn is not None:
        answer = templating.page(*given.drawn)
    else:
        answer = item_pages.shown(request, viewer, given.item_id, toast)
    if in_pane:
        answer.headers["HX-Push-Url"] = address
    return answer


def _wanted(request: Request, form: Form) -> Filter:
    return Filter.read({**dict(request.query_params), **{name: form.text(name) for name in form.values}})
