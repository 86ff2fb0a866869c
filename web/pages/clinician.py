"""The clinician's page: own holds only, one thing to do each, and a word to the billing desk."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from activities import clinicians
from activities.clinicians import Said
from activities.refusals import Refused
from billing.desk import OWN_HOLDS
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from web import templating
from web.pages.items import actor_of
from web.problems import NotFound
from web.reads import holds, items
from web.reads.audit import record_view
from web.routes import page_router
from web.security import Person, Posted, Watcher, engine_of, require
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class Notice:
    """What just happened."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class HoldsPage:
    """The whole screen."""

    shell: Shell
    kinds: tuple[holds.Kind, ...]
    count: int
    notice: Notice | None


@router.get("/holds/list")
def refreshed(request: Request, viewer: Watcher) -> HTMLResponse:
    """Only the list, for a page that watches."""
    require(viewer, OWN_HOLDS)
    return page(request, viewer, block="holds")


@router.post("/holds/{item_id}/answer")
def answer(request: Request, viewer: Person, form: Posted, item_id: UUID) -> HTMLResponse:
    """Done in the chart, or a question back."""
    require(viewer, OWN_HOLDS)
    said = Said(form.id("message_id"), form.text("body"))
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            if items.visible_item(session, viewer, item_id) is None:
                raise NotFound
            item = session.get_one(WorkItemRow, item_id, with_for_update=True)
            told = clinicians.answer(session, actor_of(viewer), item, form.text("kind"), said, viewer.now)
    except Refused as refusal:
        return page(request, viewer, Notice("bad", str(refusal)), status=409)
    return page(request, viewer, Notice("good", told))


def page(
    request: Request, viewer: Viewer, notice: Notice | None = None, *, status: int = 200, block: str = ""
) -> HTMLResponse:
    """What waits for the clinician who looks: the clinician's home."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        kinds = holds.of_clinician(session, viewer)
        if not block and notice is None:
            record_view(session, viewer, f"clinician/{viewer.clinician_id}")
    shown = HoldsPage(shell(request, viewer), kinds, sum(len(kind.holds) for kind in kinds), notice)
    return templating.page("holds.html", templating.as_context(shown), status=status, block=block)
