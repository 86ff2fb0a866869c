"""Home: the queues of my role in numbers. The rail beside every queue."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from billing.desk import AUDIT, DESK_ROLES
from models.store.session import practice_session
from web import formats, templating
from web.pages import clinician
from web.reads import desk
from web.routes import page_router
from web.security import Person, Watcher, engine_of
from web.shell import Shell, queues_of, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class Home:
    """The home page."""

    shell: Shell
    greeting: str
    sentence: str
    figures: tuple[desk.Figure, ...]
    queues: tuple[desk.QueueLine, ...]
    total_open: str
    total_dollars: str


@router.get("/")
def home(request: Request, viewer: Person) -> HTMLResponse:
    """All my queues; a clinician's own holds."""
    if viewer.own_visits_only:
        return clinician.page(request, viewer)
    return templating.page("home.html", templating.as_context(_home(request, viewer)))


@router.get("/desk")
def refreshed(request: Request, viewer: Watcher) -> HTMLResponse:
    """Only the table, for a page that watches."""
    return templating.page("home.html", templating.as_context(_home(request, viewer)), block="desk")


def _home(request: Request, viewer: Viewer) -> Home:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        lines = desk.queue_lines(session, viewer, queues_of(viewer))
        whole_practice = viewer.role in DESK_ROLES or viewer.may(AUDIT)
        numbers = desk.figures(session, viewer) if whole_practice else ()
    return Home(
        shell=shell(request, viewer),
        greeting=_greeting(viewer),
        sentence=_sentence(lines),
        figures=numbers,
        queues=lines,
        total_open=f"{sum(line.open for line in lines):,}",
        total_dollars=formats.money(sum((line.amount for line in lines), start=formats.ZERO)),
    )


def _greeting(viewer: Viewer) -> str:
    hour = viewer.now.astimezone(viewer.zone).hour
    return "Good morning" if hour < 12 else "Good afternoon" if hour < 18 else "Good evening"


def _sentence(lines: tuple[desk.QueueLine, ...]) -> str:
    waiting, overdue = sum(line.open for line in lines), sum(line.overdue for line in lines)
    mine = sum(line.mine for line in lines)
    if not waiting:
        return "Nothing waits for a person. Everything else goes on by itself."
    late = f"{overdue} of them past the deadline" if overdue else "none of them past the deadline"
    yours = f" {formats.plural(mine, 'item')} {'is' if mine == 1 else 'are'} yours." if mine else ""
    return f"{formats.plural(waiting, 'item')} {'waits' if waiting == 1 else 'wait'} for a person, {late}.{yours}"
