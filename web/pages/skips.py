"""What was passed over, for a supervisor: who, why, how often; and putting it to somebody, or back for everybody."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from billing.desk import REASSIGN
from models.store.session import practice_session
from web import templating
from web.pages.supervisor import previewed, targets_of
from web.problems import Invalid
from web.reads import choices, many, skips
from web.reads.choices import Choice
from web.routes import page_router
from web.security import Person, Posted, engine_of, require
from web.shell import Shell, shell

router = page_router()


@dataclass(frozen=True, slots=True)
class SkipsPage:
    """The whole screen."""

    shell: Shell
    review: skips.Review
    all_href: str
    owners: tuple[Choice, ...]


@router.get("/supervisor/skips")
def show(request: Request, viewer: Person) -> HTMLResponse:
    """The skips of some days, of everybody or one person, for any reason or one."""
    require(viewer, REASSIGN)
    asked = skips.Asked.read(dict(request.query_params))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        page = SkipsPage(
            shell=shell(request, viewer),
            review=skips.review(session, viewer, asked),
            all_href=asked.href(person="", reason="") if asked.person or asked.reason else "",
            owners=choices.owner_choices(session, ""),
        )
    return templating.page("skips.html", templating.as_context(page))


@router.post("/supervisor/skips/preview")
def preview(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Where the ticked would go, as every move is shown before it happens; nothing is written."""
    require(viewer, REASSIGN)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        chosen = many.chosen(session, viewer, choices.ids(form.all("item")))
        if not chosen:
            raise Invalid("Nothing open was ticked. Go back and tick what is to be moved.")
        targets = targets_of(session, viewer, form, chosen)
    return previewed(request, viewer, chosen, targets)
