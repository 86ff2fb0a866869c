"""A late authorization: which past visits and claims it changes, seen beforehand and confirmed once."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from activities import late_authorizations
from activities.late_authorizations import Outcome
from billing.desk import DESK_ROLES
from models.store.session import practice_session
from web import templating
from web.problems import Forbidden, Invalid, NotFound
from web.reads import choices
from web.reads import late as past
from web.reads.audit import record_view
from web.routes import page_router
from web.security import Person, Posted, engine_of
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class LatePage:
    """The whole screen. notice: tone and sentence after a confirmation."""

    shell: Shell
    late: past.Late
    done: tuple[past.Done, ...]
    notice: tuple[str, str] | None


@router.get("/authorizations/{authorization_id}/late")
def show(request: Request, viewer: Person, authorization_id: UUID) -> HTMLResponse:
    """What confirming would change; nothing is written."""
    _allow(viewer)
    return _page(request, viewer, authorization_id, None)


@router.post("/authorizations/{authorization_id}/late")
def confirm(request: Request, viewer: Person, form: Posted, authorization_id: UUID) -> HTMLResponse:
    """Put it to use for the visits that are ticked."""
    _allow(viewer)
    chosen = choices.ids(form.all("visit"))
    if not chosen:
        raise Invalid("No visit was ticked. Go back and tick those it is to be used for.")
    if len(chosen) > late_authorizations.VISITS_MAX:
        raise Invalid(f"More than {late_authorizations.VISITS_MAX} visits at once. Confirm them in parts.")
    engine = engine_of(request)
    with practice_session(engine, viewer.practice_id) as session:
        mine = past.visits_of(session, viewer, authorization_id, chosen)
    if set(mine) != set(chosen):
        raise NotFound
    outcomes = late_authorizations.confirm(
        engine, viewer.practice_id, viewer.name, authorization_id, chosen, viewer.now
    )
    return _page(request, viewer, authorization_id, outcomes)


def _page(request: Request, viewer: Viewer, authorization_id: UUID, outcomes: list[Outcome] | None) -> HTMLResponse:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = past.late(session, viewer, authorization_id)
        if found is None:
            raise NotFound
        done = past.told(session, outcomes or [])
        record_view(session, viewer, f"authorization/{authorization_id}/late")
    page = LatePage(shell(request, viewer), found, done, _notice(outcomes) if outcomes is not None else None)
    return templating.page("late.html", templating.as_context(page))


def _notice(outcomes: list[Outcome]) -> tuple[str, str]:
    changed = [outcome for outcome in outcomes if outcome.action is not None]
    if not changed:
        return "warn", "Nothing was changed: every visit was settled meanwhile, or nothing is left for it."
    return "good", past.summed(changed)


def _allow(viewer: Viewer) -> None:
    if viewer.role not in DESK_ROLES:
        raise Forbidden("Claims are changed by the billing desk. Ask a biller to confirm it.")
