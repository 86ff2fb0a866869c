"""The supervisor's horizon of authorizations: what ends when, what it costs, and handing out the week's requests."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from billing.desk import REASSIGN
from models.store.session import practice_session
from web import templating
from web.pages.authorizations import tabs
from web.reads import choices, horizon
from web.reads.choices import Choice
from web.routes import page_router
from web.security import Person, engine_of, require
from web.shell import Shell, shell

router = page_router()


@dataclass(frozen=True, slots=True)
class HorizonPage:
    """The whole screen."""

    shell: Shell
    tabs: tuple[Choice, ...]
    horizon: horizon.Horizon
    by_day: bool
    people: tuple[Choice, ...]


@router.get("/authorizations/horizon")
def show(request: Request, viewer: Person, by: str = "week") -> HTMLResponse:
    """By week, or by day. The cases chosen in it are handed out as any other items are, seen beforehand."""
    require(viewer, REASSIGN)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        page = HorizonPage(
            shell=shell(request, viewer),
            tabs=tabs(viewer, "/authorizations/horizon"),
            horizon=horizon.horizon(session, viewer, by_day=by == "day"),
            by_day=by == "day",
            people=choices.owner_choices(session, ""),
        )
    return templating.page("horizon.html", templating.as_context(page))
