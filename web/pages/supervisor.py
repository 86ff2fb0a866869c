"""The supervisor's page: who has how much, what grows old, and moving many items with a look beforehand."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from activities import desk as work
from billing.desk import QUEUES, REASSIGN
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from web import formats, templating
from web.pages.items import actor_of
from web.problems import Invalid
from web.reads import desk, queues
from web.reads.queues import Choice
from web.security import Form, Person, Posted, engine_of, require
from web.shell import Shell, queues_of, shell
from web.viewer import Viewer

router = APIRouter(include_in_schema=False)

AGES = ((0, "any age"), (2, "2 days and older"), (4, "4 days and older"), (8, "8 days and older"))


@dataclass(frozen=True, slots=True)
class Notice:
    """What was done."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class SupervisorPage:
    """The whole screen."""

    shell: Shell
    lines: tuple[desk.QueueLine, ...]
    buckets: tuple[str, ...]
    heat: tuple[desk.HeatRow, ...]
    load: tuple[desk.Load, ...]
    queue_choices: tuple[Choice, ...]
    people: tuple[Choice, ...]
    ages: tuple[Choice, ...]
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class MoveLine:
    """One item of a preview."""

    id: str
    reason: str
    from_name: str
    to_name: str
    refused: str


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """What would be moved."""

    shell: Shell
    to: str
    to_name: str
    moves: tuple[MoveLine, ...]
    movable: int
    staying: int
    by_owner: tuple[tuple[str, int], ...]


@router.get("/supervisor")
def show(request: Request, viewer: Person) -> HTMLResponse:
    """Load, age, deadlines."""
    require(viewer, REASSIGN)
    return _page(request, viewer, None)


@router.post("/supervisor/preview")
def preview(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """What a reassignment would do; nothing is written."""
    require(viewer, REASSIGN)
    to = _person(form.text("to"))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        chosen = _chosen(session, viewer, form)
        moves = _moves(session, viewer, chosen, to, apply=False)
    movable = [move for move in moves if not move.refused]
    page = PreviewPage(
        shell=shell(request, viewer),
        to=str(to or ""),
        to_name=moves[0].to_name if moves else "",
        moves=tuple(
            MoveLine(str(move.item_id), move.reason, move.from_name, move.to_name, move.refused) for move in moves
        ),
        movable=len(movable),
        staying=len(moves) - len(movable),
        by_owner=tuple(Counter(move.from_name for move in movable).most_common()),
    )
    return templating.page("reassign.html", templating.as_context(page))


@router.post("/supervisor/reassign")
def apply(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Move exactly the items of the preview."""
    require(viewer, REASSIGN)
    to = _person(form.text("to"))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        moves = _moves(session, viewer, queues.ids(form.all("item")), to, apply=True)
    moved = [move for move in moves if not move.refused]
    if not moved:
        return _page(request, viewer, Notice("warn", "Nothing was moved: every item was closed or already there."))
    said = f"{formats.plural(len(moved), 'item')} moved to {moved[0].to_name}."
    stayed = len(moves) - len(moved)
    return _page(request, viewer, Notice("good", f"{said} {stayed} stayed." if stayed else said))


def _moves(session: Session, viewer: Viewer, chosen: list[UUID], to: UUID | None, *, apply: bool) -> list[work.Move]:
    if not chosen:
        raise Invalid("No item fits that choice. Choose another queue, person or age.")
    try:
        return work.reassign(session, actor_of(viewer), chosen, to, viewer.now, apply=apply)
    except work.Refused as refusal:
        raise Invalid(str(refusal)) from refusal


def _chosen(session: Session, viewer: Viewer, form: Form) -> list[UUID]:
    """Open items of a queue, a person and an age, oldest first."""
    query = select(WorkItemRow.id).where(WorkItemRow.practice_id == viewer.practice_id, WorkItemRow.closed_at.is_(None))
    if form.text("queue"):
        query = query.where(WorkItemRow.queue == form.text("queue"))
    if form.text("from") == "nobody":
        query = query.where(WorkItemRow.owner_id.is_(None))
    elif form.text("from"):
        query = query.where(WorkItemRow.owner_id == _person(form.text("from")))
    days = form.text("age")
    if days.isdigit() and int(days):
        query = query.where(WorkItemRow.opened_at < viewer.now - desk.days(int(days)))
    limit = min(int(form.text("limit", "50")), work.REASSIGN_MAX) if form.text("limit", "50").isdigit() else 50
    return list(session.scalars(query.order_by(WorkItemRow.opened_at, WorkItemRow.id).limit(limit)))


def _person(value: str) -> UUID | None:
    known = queues.ids([value])
    return known[0] if known else None


def _page(request: Request, viewer: Viewer, notice: Notice | None) -> HTMLResponse:
    infos = queues_of(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        page = SupervisorPage(
            shell=shell(request, viewer),
            lines=desk.queue_lines(session, viewer, infos),
            buckets=tuple(label for _, _, label in desk.AGE_BUCKETS),
            heat=desk.heat(session, viewer, infos),
            load=desk.load(session, viewer, infos),
            queue_choices=tuple(Choice(info.queue.value, info.title, False) for info in QUEUES.values()),
            people=queues.owner_choices(session, ""),
            ages=tuple(Choice(str(days), label, not days) for days, label in AGES),
            notice=notice,
        )
    return templating.page("supervisor.html", templating.as_context(page))
