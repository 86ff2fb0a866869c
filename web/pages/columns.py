"""Showing and hiding the columns of a queue, for oneself."""

from fastapi import Request
from starlette.responses import Response

from activities.columns import hide
from models.store.session import practice_session
from web.pages import queues
from web.pages.items import actor_of
from web.problems import NotFound
from web.reads.columns import columns_of
from web.routes import page_router
from web.security import Person, Posted, engine_of
from web.shell import queue_of

router = page_router()


@router.post("/queues/{queue}/columns")
def keep(request: Request, viewer: Person, form: Posted, queue: str) -> Response:
    """Show the columns that are ticked and hide the others, or show all again; then the list as it was."""
    if queue_of(viewer, queue) is None:
        raise NotFound
    known = set(columns_of(queue))
    hidden = set() if form.text("all") else known - set(form.all("show"))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        hide(session, actor_of(viewer), queue, hidden)
    return queues.find(request, viewer, form, queue)
