"""Authorizations: the list, and one with its uses and its story."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from billing.desk import DESK_ROLES
from models.store.session import practice_session
from web import templating
from web.problems import Forbidden, NotFound
from web.reads import authorizations, requests, timeline
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.reads.timeline import Event
from web.routes import page_router
from web.security import Person, Posted, engine_of
from web.shell import Shell, pages_of, sees_authorizations, shell
from web.viewer import Viewer

router = page_router()

TYPED_MAX = 60


@dataclass(frozen=True, slots=True)
class AuthorizationsPage:
    """The list."""

    shell: Shell
    tabs: tuple[Choice, ...]
    views: tuple[Choice, ...]
    view: str
    typed: str
    authorizations: tuple[authorizations.Balance, ...]
    more_cursor: str


@dataclass(frozen=True, slots=True)
class AuthorizationPage:
    """One authorization."""

    shell: Shell
    part: authorizations.Detail
    requests: tuple[requests.Request, ...]
    late_href: str
    change_href: str
    timeline: tuple[Event, ...]


@router.get("/authorizations")
def show_list(request: Request, viewer: Person, view: str = "active", cursor: str = "") -> HTMLResponse:
    """Soonest expiry first."""
    return _list(request, viewer, view, cursor, "")


@router.post("/authorizations")
def search(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """The same with a search, which travels in the body because it may be a name."""
    return _list(request, viewer, form.text("view"), form.text("cursor"), form.text("text")[:TYPED_MAX])


def _list(request: Request, viewer: Viewer, view: str, cursor: str, typed: str) -> HTMLResponse:
    allow(viewer)
    chosen = view if view in authorizations.VIEWS else "active"
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = authorizations.page(session, viewer, chosen, cursor, typed)
    page = AuthorizationsPage(
        shell=shell(request, viewer),
        tabs=tabs(viewer, "/authorizations"),
        views=tuple(Choice(key, label, key == chosen) for key, label in authorizations.VIEWS.items()),
        view=chosen,
        typed=typed,
        authorizations=found.rows,
        more_cursor=found.next_cursor,
    )
    return templating.page("authorizations.html", templating.as_context(page))


@router.get("/authorizations/{authorization_id}")
def show(request: Request, viewer: Person, authorization_id: UUID) -> HTMLResponse:
    """Its course, what it covers, where it comes from, and its ledger entry by entry."""
    allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        detail = authorizations.detail(session, viewer, authorization_id)
        if detail is None:
            raise NotFound
        asked = requests.around(session, viewer, authorization_id)
        story = timeline.events(session, viewer, authorization_id=authorization_id)
        record_view(session, viewer, f"authorization/{authorization_id}")
    page = AuthorizationPage(
        shell=shell(request, viewer),
        part=detail,
        requests=asked,
        late_href=f"/authorizations/{authorization_id}/late" if viewer.role in DESK_ROLES else "",
        change_href=f"/authorizations/{authorization_id}/change",
        timeline=story,
    )
    return templating.page("authorization.html", templating.as_context(page))


def allow(viewer: Viewer) -> None:
    """Stops whoever has nothing to do with authorizations."""
    if not sees_authorizations(viewer):
        raise Forbidden("Authorizations belong to the front desk and the billing desk.")


def tabs(viewer: Viewer, chosen: str) -> tuple[Choice, ...]:
    """The pages about authorizations that this viewer may open."""
    about = [page for page in pages_of(viewer) if "Authorizations" in (page.label, page.under)]
    labels = {"/authorizations": "On file"}
    return tuple(Choice(page.href, labels.get(page.href, page.label), page.href == chosen) for page in about)
