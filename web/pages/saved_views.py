"""Keeping the filter of a list under a name, and the notes in which one is named."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from activities import saved_views
from billing.desk import WORK
from models.store.session import practice_session
from web import templating
from web.pages.items import actor_of
from web.problems import NotFound
from web.reads import mentions
from web.reads.queue_filter import Filter
from web.routes import page_router
from web.security import Person, Posted, engine_of, require
from web.shell import Shell, queue_of, shell

router = page_router()


@dataclass(frozen=True, slots=True)
class MentionsPage:
    """Notes for the viewer."""

    shell: Shell
    mentions: tuple[mentions.Mention, ...]


@router.post("/queues/{queue}/views")
def save(request: Request, viewer: Person, form: Posted, queue: str) -> Response:
    """Keep the filter; searched words, which may be a name, are left out."""
    require(viewer, WORK)
    if queue_of(viewer, queue) is None:
        raise NotFound
    query = Filter.read({name: form.text(name) for name in form.values if name != "name"}).query()
    team = form.text("for") == "team"
    with practice_session(engine_of(request), viewer.practice_id) as session:
        saved_views.save(session, actor_of(viewer), queue, form.text("name"), query, team=team)
    return RedirectResponse(f"/queues/{queue}{query}", status_code=303)


@router.post("/views/{view_id}/delete")
def delete(request: Request, viewer: Person, form: Posted, view_id: UUID) -> Response:
    """Take a view from the list."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        view = saved_views.delete(session, actor_of(viewer), view_id, viewer.now)
        address = f"/queues/{view.queue}{view.query}"
    return RedirectResponse(address, status_code=303)


@router.get("/mentions")
def show(request: Request, viewer: Person) -> Response:
    """Notes in which the viewer is named."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = mentions.listed(session, viewer)
    page = MentionsPage(shell(request, viewer), found)
    return templating.page("mentions.html", templating.as_context(page))
