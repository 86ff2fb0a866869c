"""The stream of names: which queues changed."""

import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from billing.vocabulary import Queue
from web.live import EVERYTHING, Live
from web.security import Watcher, current_session_lives
from web.shell import queues_of

router = APIRouter(include_in_schema=False)

RECHECK_SECONDS = 30.0
DESK_SECONDS = 2.0
ANY = "any"


@router.get("/events", response_class=EventSourceResponse)
async def events(request: Request, viewer: Watcher) -> AsyncIterator[ServerSentEvent]:
    """``queue-{name}`` for a changed queue, ``item-{id}`` for a changed item (``items``: any of them), seldom ``desk``.

    The data of a queue's event are the ids of what changed, so that a list asks only about those it shows; none: any.
    ``desk`` is for counts of all queues at once, which nobody reads by the half second: the first change is told at
    once, what follows within DESK_SECONDS. The stream ends with the session.
    """
    live: Live = request.app.state.live
    allowed = {info.queue for info in queues_of(viewer)}
    checked, desk_at, desk_owed = time.monotonic(), 0.0, False
    async for told in live.changes(viewer.practice_id, DESK_SECONDS):
        now = time.monotonic()
        if now - checked >= RECHECK_SECONDS:
            checked = now
            if not await run_in_threadpool(current_session_lives, request):
                return
        changed = allowed if EVERYTHING in told.queues else {queue for queue in allowed if queue.value in told.queues}
        items = [] if viewer.own_visits_only else sorted(told.items)  # the ids of others' visits are not named
        for queue in sorted(changed, key=list(Queue).index):
            yield ServerSentEvent(event=f"queue-{queue.value}", raw_data=" ".join(items) or ANY)
        for name in [f"item-{item}" for item in items] or ["items"] if changed else []:
            yield ServerSentEvent(event=name, raw_data=ANY)
        desk_owed = desk_owed or bool(changed)
        if desk_owed and now - desk_at >= DESK_SECONDS:
            desk_at, desk_owed = now, False
            yield ServerSentEvent(event="desk", raw_data=ANY)
