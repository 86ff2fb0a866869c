"""Go anywhere: a list of places that narrows as one types. What is typed may be a name, so it travels in the body."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from models.store.session import practice_session
from web import templating
from web.reads import palette
from web.routes import page_router
from web.security import Person, Posted, engine_of
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class GoPage:
    """The whole screen, for browsers without script; its list alone fills the palette of every page."""

    shell: Shell
    typed: str
    groups: tuple[palette.Group, ...]


@router.get("/go")
def show(request: Request, viewer: Person) -> HTMLResponse:
    """All places with a name."""
    return _page(request, viewer, "")


@router.post("/go")
def find(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """The places that fit what is typed."""
    return _page(request, viewer, form.text("text")[: palette.TYPED_MAX])


def _page(request: Request, viewer: Viewer, typed: str) -> HTMLResponse:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        page = GoPage(shell(request, viewer), typed, palette.found(session, viewer, typed))
    alone = templating.wanted_region(request) == "palette-found"
    return templating.page("parts/palette.html" if alone else "go.html", templating.as_context(page))
