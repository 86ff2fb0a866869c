"""A queue by cause: what mends it once and where, what is decided together, and looking again."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from activities.rechecks import recheck_cause
from billing.desk import WORK
from models.store.session import practice_session
from web import formats, templating
from web.pages.items import actor_of
from web.problems import NotFound
from web.reads import groups
from web.routes import page_router
from web.security import Form, Person, Posted, Watcher, engine_of, require
from web.shell import Shell, queue_of, queues_of, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class QueueLink:
    """Another queue's causes."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """The whole screen."""

    shell: Shell
    key: str
    title: str
    queues: tuple[QueueLink, ...]
    grouped: groups.Grouped
    may_work: bool
    notice: tuple[str, str] | None


@router.get("/groups/{queue}")
def show(request: Request, viewer: Person, queue: str) -> HTMLResponse:
    """One card per cause."""
    return _page(request, viewer, queue)


@router.get("/groups/{queue}/cards")
def refreshed(request: Request, viewer: Watcher, queue: str) -> HTMLResponse:
    """Only the cards, for a page that watches: causes go by themselves as the re-checks pass."""
    return _page(request, viewer, queue, block="cards")


@router.post("/groups/{queue}/recheck")
def recheck(request: Request, viewer: Person, form: Posted, queue: str) -> HTMLResponse:
    """Look again at everything one cause holds."""
    require(viewer, WORK)
    if queue_of(viewer, queue) is None:
        raise NotFound
    told = _rechecked(request, viewer, form, queue)
    return _page(request, viewer, queue, notice=("good", told))


def _rechecked(request: Request, viewer: Viewer, form: Form, queue: str) -> str:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        count = recheck_cause(session, actor_of(viewer), queue, form.text("cause"))
    if not count:
        return "Nothing of this cause is held any more."
    return f"{formats.plural(count, 'visit')} {'is' if count == 1 else 'are'} being checked again; what passes leaves."


def _page(
    request: Request, viewer: Viewer, queue: str, *, notice: tuple[str, str] | None = None, block: str = ""
) -> HTMLResponse:
    info = queue_of(viewer, queue)
    if info is None:
        raise NotFound("There is no such queue, or your role does not work on it.")
    with practice_session(engine_of(request), viewer.practice_id) as session:
        grouped = groups.of_queue(session, viewer, queue)
    page = GroupsPage(
        shell=shell(request, viewer),
        key=queue,
        title=info.title,
        queues=tuple(
            QueueLink(other.title, f"/groups/{other.queue.value}", other is info) for other in queues_of(viewer)
        ),
        grouped=grouped,
        may_work=viewer.may(WORK),
        notice=notice,
    )
    return templating.page("groups.html", templating.as_context(page), block=block)
