"""The stream of names: which queues changed."""

import time
from collections.abc import AsyncIterator, Collection

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from billing.vocabulary import Queue
from web.live import EVERYTHING, Live, Told
from web.security import Watcher, current_session_lives
from web.shell import queues_of
from web.viewer import Viewer

router = APIRouter(include_in_schema=False)

RECHECK_SECONDS = 30.0
DESK_SECONDS = 2.0


@router.get("/events", response_class=EventSourceResponse)
async def events(request: Request, viewer: Watcher) -> AsyncIterator[ServerSentEvent]:
    """``queue-{name}`` for a changed queue, ``item-{id}`` for a changed item (``items``: any of them), seldom ``desk``.

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
        for name in _names(changed, told, viewer):
            yield ServerSentEvent(event=name, raw_data="changed")
        desk_owed = desk_owed or bool(changed)
        if desk_owed and now - desk_at >= DESK_SECONDS:
            desk_at, desk_owed = now, False
            yield ServerSentEvent(event="desk", raw_data="changed")


def _names(changed: Collection[Queue], told: Told, viewer: Viewer) -> list[str]:
    """What a browser is told. A clinician sees own items only, so the ids of others' are not named."""
    if not changed:
        return []
    items = [] if viewer.own_visits_only else [f"item-{item}" for item in sorted(told.items)]
    return [*(f"queue-{queue.value}" for queue in sorted(changed, key=list(Queue).index)), *(items or ["items"])]
