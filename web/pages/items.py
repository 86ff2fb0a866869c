"""What a person does with an item: take, release, snooze, note, reassign, decide."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from activities import clinicians, desk, undo
from activities.desk import Actor, Seen, Sleep
from activities.refusals import Refused
from billing.desk import OWN_HOLDS, REASSIGN, WAKES_ON, WORK, DecisionKind, decision
from billing.vocabulary import Queue
from models.messages import Decision
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from web import templating
from web.commands import Answer, Commands, hold
from web.pages import panes, queues
from web.pages.panes import Acted, Toast, Undo
from web.problems import Forbidden, Invalid, NotFound
from web.reads import items
from web.reads.queue_filter import Filter
from web.routes import page_router
from web.security import Form, Person, Posted, engine_of, require
from web.shell import shell
from web.viewer import Viewer

router = page_router()

WAKE_HOUR = 6
FALLBACK_DAYS = 14  # news that never comes is not waited for longer (practice default)
REASON_LENGTH_MAX = 2_000
FIELD_LENGTH_MAX = 4_000

Act = Callable[[Session, WorkItemRow], str]
Drawn = tuple[str, dict[str, Any]]  # a template and what it is given


def actor_of(viewer: Viewer) -> Actor:
    """The person as activities know actors."""
    return Actor(viewer.practice_id, viewer.user_id, viewer.name, viewer.email, supervises=viewer.may(REASSIGN))


@router.post("/items/{item_id}/take")
def take(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Have it."""
    require(viewer, WORK)

    def act(session: Session, item: WorkItemRow) -> str:
        desk.take(session, actor_of(viewer), _seen(form, item), viewer.now)
        return "It is yours now."

    return _acted(request, viewer, item_id, act)


@router.post("/items/{item_id}/release")
def release(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Give it back."""
    require(viewer, WORK)

    def act(session: Session, item: WorkItemRow) -> str:
        desk.release(session, actor_of(viewer), _seen(form, item), viewer.now)
        return "Released: anybody may take it."

    return _acted(request, viewer, item_id, act)


@router.post("/items/{item_id}/snooze")
def snooze(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Let it sleep until a day, or wake it."""
    require(viewer, WORK)
    until = _until(form, viewer)
    wakes_on, waiting_on = form.text("wakes_on"), form.text("waiting_on")

    def act(session: Session, item: WorkItemRow) -> str:
        seen = _seen(form, item)
        if until is None:
            desk.wake(session, actor_of(viewer), seen, viewer.now)
            return "Awake again."
        desk.snooze(session, actor_of(viewer), seen, Sleep(until, wakes_on, waiting_on), viewer.now)
        news = f", or until {WAKES_ON[wakes_on][0]}" if wakes_on else ""
        return f"Snoozed until {until:%m/%d/%Y}{news}."

    return _acted(request, viewer, item_id, act)


@router.post("/items/{item_id}/note")
def note(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Write beside it."""
    if not (viewer.may(WORK) or viewer.may(OWN_HOLDS)):
        raise Forbidden("Your role reads notes but does not write them.")
    note_id = form.id("note_id")

    def act(session: Session, item: WorkItemRow) -> str:
        desk.note(session, actor_of(viewer), item.id, note_id, form.text("body"), viewer.now)
        return "Note saved."

    return _acted(request, viewer, item_id, act, written={"note.body": form.text("body")})


@router.post("/items/{item_id}/ask")
def ask(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Ask the clinician of the visit."""
    require(viewer, WORK)
    said = clinicians.Said(form.id("message_id"), form.text("body"))

    def act(session: Session, item: WorkItemRow) -> str:
        clinicians.ask(session, actor_of(viewer), _seen(form, item), said, viewer.now)
        return "Asked. It is snoozed until the chart changes or the clinician answers."

    return _acted(request, viewer, item_id, act, written={"ask.body": said.body})


@router.post("/items/{item_id}/reassign")
def reassign(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response:
    """Move one item to somebody."""
    require(viewer, REASSIGN)
    to_user_id = form.id("to") if form.text("to") else None

    def act(session: Session, item: WorkItemRow) -> str:
        moves = desk.reassign(session, actor_of(viewer), [item.id], to_user_id, viewer.now, apply=True)
        if moves and moves[0].refused:
            raise Refused(f"Nothing was moved: {moves[0].refused}.")
        return f"Moved to {moves[0].to_name}." if moves else "Nothing was moved."

    return _acted(request, viewer, item_id, act)


@router.post("/items/{item_id}/decide")
def decide(request: Request, viewer: Person, form: Posted, item_id: UUID) -> Response | Awaitable[Response]:
    """Hand a decision to the workflow that owns the item, and show what it said."""
    require(viewer, WORK)
    kind, workflow_id, decided = _prepare(request, viewer, form, item_id)
    seconds: float = request.app.state.settings.undo_seconds
    if kind.sends_or_posts and seconds > 0:
        answer = hold(engine_of(request), workflow_id, decided, viewer.now + timedelta(seconds=seconds))
        return _decided(request, viewer, item_id, answer, form, kind.label)

    async def asked() -> Response:
        commands: Commands = request.app.state.commands
        answer = await commands.decide(workflow_id, decided)
        return await run_in_threadpool(_decided, request, viewer, item_id, answer, form, kind.label)

    return asked()


def _prepare(request: Request, viewer: Viewer, form: Form, item_id: UUID) -> tuple[DecisionKind, str, Decision]:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        item = items.visible_item(session, viewer, item_id)
        if item is None:
            raise NotFound
        kind = decision(Queue(item.queue), item.kind, form.text("decision"))
        workflow_id = item.workflow_id
    if kind is None:
        raise Invalid("This decision is not offered here. Reload the item and choose again.")
    if viewer.role not in kind.roles:
        raise Forbidden(f"Your role may not decide “{kind.label}”. A supervisor can.")
    version = form.text("version")
    return (
        kind,
        workflow_id,
        Decision(
            practice_id=viewer.practice_id,
            work_item_id=item_id,
            command_id=form.id("command_id"),
            user_id=viewer.user_id,
            decision=kind.key,
            reason=_reason(form, kind),
            fields=_fields(form, kind),
            seen_version=int(version) if version.isdigit() else None,
        ),
    )


def _reason(form: Form, kind: DecisionKind) -> str:
    reason = form.text("reason")[:REASON_LENGTH_MAX]
    if kind.needs_reason and not reason:
        raise Invalid(f"“{kind.label}” needs a reason. Write why, then try again.")
    return reason


def _fields(form: Form, kind: DecisionKind) -> dict[str, str]:
    given = form.prefixed("field.")
    missing = [name for name in kind.fields if name not in given]
    if missing:
        raise Invalid(f"“{kind.label}” needs more: {', '.join(_label(name) for name in missing)}.")
    return {name: given[name][:FIELD_LENGTH_MAX] for name in (*kind.fields, *kind.optional) if name in given}


def _label(name: str) -> str:
    return items.FIELDS.get(name, (name.replace("_", " "), "", ""))[0]


def _decided(request: Request, viewer: Viewer, item_id: UUID, answer: Answer, form: Form, label: str) -> Response:
    key = form.text("decision")
    if answer.kind == "held":
        seconds = request.app.state.settings.undo_seconds
        query = Filter.read(dict(request.query_params)).query()
        back = Undo(f"/items/{item_id}/undo{query}", command_id=form.text("command_id"))
        said = f"“{label}” will be applied in {seconds:g} seconds."
        return shown(request, viewer, item_id, Toast("good", said, back))
    done = answer.kind in {"done", "accepted"}
    toast = Toast({"done": "good", "accepted": "info"}.get(answer.kind, "bad"), answer.message)
    if done:
        return shown(request, viewer, item_id, toast)
    typed = {name: form.text(name) for name in form.values}
    return shown(request, viewer, item_id, toast, status=409, open_decision=key, typed=typed)


def _acted(
    request: Request, viewer: Viewer, item_id: UUID, act: Act, *, written: Mapping[str, str] | None = None
) -> Response:
    """Run an act in one transaction and show the item as it is afterwards, or why nothing was done.

    written: what somebody wrote for this act; it stands in its field again where the act is refused.
    """
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            item = items.visible_item(session, viewer, item_id)
            if item is None:
                raise NotFound
            said = act(session, item)
            action = undo.last_action(session, viewer.user_id, item_id, viewer.now)
            at_once = action if action is not None and action.at == viewer.now else None
    except Refused as refusal:
        return shown(request, viewer, item_id, Toast("bad", str(refusal)), status=409, typed=written)
    query = Filter.read(dict(request.query_params)).query()
    back = Undo(f"/items/{item_id}/undo{query}", action_id=str(at_once.id)) if at_once else None
    return shown(request, viewer, item_id, Toast("good", said, back))


def shown(
    request: Request,
    viewer: Viewer,
    item_id: UUID,
    toast: Toast | None,
    *,
    status: int = 200,
    open_decision: str = "",
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The item as it is now, with what became of the act: in the pane, or as a whole page without script."""
    acted = Acted(toast, open_decision, typed or {})
    with practice_session(engine_of(request), viewer.practice_id) as session:
        template, context = drawn(session, request, viewer, item_id, acted)
    return templating.page(template, context, status=status)


def drawn(session: Session, request: Request, viewer: Viewer, item_id: UUID, acted: Acted) -> Drawn:
    """What ``shown`` draws, and from what. Drawing waits for the commit, so that nobody else waits for the drawing."""
    wanted = Filter.read(dict(request.query_params))
    in_pane = templating.wanted_region(request) == "pane"
    pane = panes.build(session, viewer, item_id, wanted, acted=acted, listed=in_pane)
    if in_pane:
        return "acted.html", {"pane": pane, "shell": shell(request, viewer)}
    return "queue.html", queues.whole_page(session, request, viewer, pane, wanted)


def _seen(form: Form, item: WorkItemRow) -> Seen:
    version = form.text("version")
    owner = form.id("owner_seen") if form.text("owner_seen") else None
    return Seen(item.id, int(version) if version.isdigit() else -1, owner)


def _until(form: Form, viewer: Viewer) -> datetime | None:
    chosen = form.text("until")
    if chosen == "wake":
        return None
    if form.text("wakes_on"):  # for news, at the latest on a day
        chosen = form.text("until_day") or (viewer.today + timedelta(days=FALLBACK_DAYS)).isoformat()
    try:
        until = datetime.strptime(form.text("until_day") if chosen == "day" else chosen, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise Invalid("Choose a day to snooze until.") from error
    return datetime.combine(until, time(WAKE_HOUR), tzinfo=viewer.zone)
