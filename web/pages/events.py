"""The stream of what changed, as each open screen is told it."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from web import templating
from web.live import EVERYTHING, Subscriber, Told
from web.pages import queues
from web.reads.queue_filter import Filter
from web.reads.queues import Reading
from web.reads.told import ToldCount
from web.routes import page_router
from web.security import Watcher, live_of, watching_viewer_or_none
from web.shell import queue_of, queues_of
from web.viewer import Share, Viewer

router = page_router()

RECHECK_SECONDS = 10.0  # whoever logged out or changed roles elsewhere is told no longer than this
PATIENCE_SECONDS = 5.0
KEEPALIVE_SECONDS = 15.0
NEWS = "news"


@router.get("/events")
async def events(
    request: Request, viewer: Watcher, queue: str = "", since: str = "", counted: str = ""
) -> EventSourceResponse:
    """One event, ``news``, whose data are JSON; web/static/live.js brings it to the parts of the page.

    - ``queues``: names of queues in which something changed.
    - ``items``: ids of what changed; null: any.
    - ``rows``: by id, the drawn rows of ``queue`` among them; a list asks about what it shows and is not given.
    - ``counted``: true every other second while something changes; what counts all queues at once looks then.
    - ``counts``: the drawn numbers of ``queue`` without a filter, and the ids and times of its latest items.

    since, counted: the moments the page was read and counted at (``Live.moment``). Such a moment is also the id of each
    event, so that a connection made again is told what came meanwhile. The stream ends with the session.
    """
    subscriber = Subscriber(viewer, _list_of(viewer, queue))
    again = request.headers.get("Last-Event-ID")
    told = _stream(request, subscriber, again or since, again or counted)
    # not a generator of events: FastAPI would hand each of them through two more tasks, a third of what a telling costs
    return EventSourceResponse(told, headers={"X-Accel-Buffering": "no"})  # nginx would keep it back


def _list_of(viewer: Viewer, queue: str) -> str:
    """The queue, if it is one of the viewer's."""
    return queue if queue_of(viewer, queue) else ""


async def _stream(request: Request, subscriber: Subscriber, since: str, counted: str) -> AsyncGenerator[bytes, None]:
    checked = said = time.monotonic()
    # closed with the stream, not when it is found to be forgotten: who left is told nothing more
    async with aclosing(live_of(request).changes(subscriber, PATIENCE_SECONDS, since, counted)) as changes:
        async for told in changes:
            now = time.monotonic()
            if now - checked >= RECHECK_SECONDS:
                checked = now
                found = await run_in_threadpool(watching_viewer_or_none, request)
                if found is None:
                    return
                subscriber.viewer = found
                subscriber.queue = _list_of(found, subscriber.queue)
            viewer = replace(subscriber.viewer, now=request.app.state.clock())
            if news := _news(viewer, subscriber.queue, told):
                said = now
                yield format_sse_event(event=NEWS, id=told.moment or None, data_str=to_json(news).decode())
            elif now - said >= KEEPALIVE_SECONDS:  # a proxy between takes silence for the end
                said = now
                yield KEEPALIVE_COMMENT


def _news(viewer: Viewer, queue: str, told: Told) -> dict[str, Any]:
    """What this viewer is told; empty when nothing of it is for them."""
    allowed = [info.queue for info in queues_of(viewer)]
    changed = [each.value for each in allowed if EVERYTHING in told.queues or each.value in told.queues]
    news: dict[str, Any] = {}
    if changed:
        # what the viewer is not shown of a queue is not named
        named = told.items is not None and all(viewer.share_of(each) is Share.ALL for each in changed)
        news = {"queues": changed, "items": sorted(told.items or ()) if named else None}
        if told.rows and named and queue in changed:
            news["rows"] = {item: _row(viewer, reading) for item, reading in told.rows.items()}
    if told.counted:
        news["counted"] = True
        if told.counts is not None and queue and viewer.share is Share.ALL:
            news["counts"] = _counts(viewer, queue, told.counts)
    return news


def _row(viewer: Viewer, reading: Reading) -> str:
    """Drawn once for all whom the item does not concern."""
    who = viewer.user_id if viewer.user_id in reading.concerned else None
    if who not in reading.drawn:
        reading.drawn[who] = templating.list_row(reading.row(viewer), False)
    return reading.drawn[who]


def _counts(viewer: Viewer, queue: str, told: ToldCount) -> dict[str, Any]:
    """Drawn once for all who are shown the same: of most people nothing is theirs."""
    info = queue_of(viewer, queue)
    assert info is not None, "a stream has a queue of its viewer, or none"
    unread, mine = told.unread.get(viewer.user_id, 0), told.count.found.mine(viewer)
    who = (viewer.role, unread, mine)
    if who not in told.drawn:
        context = templating.as_context(queues.beside(viewer, info, Filter(), told.count, unread))
        drawn = {block: templating.render_text("counts.html", context, block) for block in ("list", "rail")}
        told.drawn[who] = drawn | {"latest": told.latest}
    return told.drawn[who]
