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


@router.get("/events", response_class=EventSourceResponse)
async def events(request: Request, viewer: Watcher) -> AsyncIterator[ServerSentEvent]:
    """``desk`` for any change, ``queue-{name}`` for each queue; ends with the session."""
    live: Live = request.app.state.live
    allowed = {info.queue for info in queues_of(viewer)}
    checked = time.monotonic()
    async for names in live.changes(viewer.practice_id, RECHECK_SECONDS):
        if time.monotonic() - checked >= RECHECK_SECONDS:
            checked = time.monotonic()
            if not await run_in_threadpool(current_session_lives, request):
                return
        changed = allowed if EVERYTHING in names else {queue for queue in allowed if queue.value in names}
        for queue in sorted(changed, key=list(Queue).index):
            yield ServerSentEvent(event=f"queue-{queue.value}", raw_data="changed")
        if changed:
            yield ServerSentEvent(event="desk", raw_data="changed")
