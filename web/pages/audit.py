"""The audit log, and whether it is whole."""

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import HTMLResponse

from billing.desk import AUDIT
from models.store.session import practice_session
from web import templating
from web.reads import audit
from web.reads.choices import Choice
from web.routes import page_router
from web.security import Person, engine_of, require
from web.shell import Shell, shell

router = page_router()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The log."""

    shell: Shell
    chain: audit.Chain
    actors: tuple[Choice, ...]
    actions: tuple[Choice, ...]
    lines: tuple[audit.AuditLine, ...]
    more_href: str


@router.get("/audit")
def show(
    request: Request, viewer: Person, actor: str = "", action: str = "", before: int | None = None
) -> HTMLResponse:
    """Who saw and did what, newest first."""
    require(viewer, AUDIT)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = audit.lines(session, viewer, actor, action, before)
        actors, actions = audit.choices(session)
        chain = audit.chain(session)
    shown = found[: audit.PAGE_SIZE]
    told = {"actor": actor, "action": action, "before": str(shown[-1].number) if shown else ""}
    more = f"/audit?{urlencode(told)}" if len(found) > audit.PAGE_SIZE else ""
    page = AuditPage(
        shell=shell(request, viewer),
        chain=chain,
        actors=tuple(Choice(name, name, name == actor) for name in actors),
        actions=tuple(Choice(name, audit.action_in_words(name), name == action) for name in actions),
        lines=tuple(shown),
        more_href=more,
    )
    return templating.page("audit.html", templating.as_context(page))
