"""Many items at once: choose, look beforehand, apply as one batch, see each outcome, take it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID, uuid4

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from activities import bulk
from activities.bulk import TYPED_FROM, Fate, Wish
from activities.desk import Seen
from activities.held_decisions import DECIDE
from activities.refusals import Refused
from billing.desk import REASSIGN, WORK
from models.store.session import practice_session
from web import formats, templating
from web.pages.items import WAKE_HOUR, actor_of
from web.problems import Invalid, NotFound
from web.reads import choices, many
from web.reads.choices import Choice
from web.reads.queue_filter import Filter
from web.routes import page_router
from web.security import Form, Person, Posted, Watcher, engine_of, require
from web.shell import Shell, queue_of, shell
from web.viewer import Viewer

router = page_router()

VERBS = {
    "take": "Take",
    "release": "Release",
    "snooze": "Snooze",
    "reassign": "Reassign",
}
REASON_LENGTH_MAX = 2_000
SHOWN_FIRST = 20


@dataclass(frozen=True, slots=True)
class ChoosePage:
    """What may be done with the selection."""

    shell: Shell
    back_href: str
    chosen: tuple[many.Chosen, ...]
    dollars: str
    left_out: int
    cut: bool
    offers: tuple[many.Offer, ...]
    people: tuple[Choice, ...]
    tomorrow: str
    problem: str


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a look beforehand."""

    item: many.Chosen
    said: str
    refused: bool


@dataclass(frozen=True, slots=True)
class LookPage:
    """What would happen to each; nothing has happened yet."""

    shell: Shell
    title: str
    back_href: str
    lines: tuple[Line, ...]
    possible: int
    refused: int
    dollars: str
    typed: bool
    action_id: str
    told: tuple[tuple[str, str], ...]
    problem: str


@dataclass(frozen=True, slots=True)
class BatchPage:
    """How a batch stands."""

    shell: Shell
    batch: many.Batch
    notice: tuple[str, str] | None


@router.post("/many")
def choose(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """What may be done with what is ticked (or with all a filter shows)."""
    require(viewer, WORK)
    return _choose(request, viewer, form)


@router.post("/many/preview")
def preview(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Who gets what, which are refused and why. The decisions run for it and are rolled back."""
    require(viewer, WORK)
    try:
        wish = _wish(viewer, form)
        return _look(request, viewer, form, wish)
    except (Refused, Invalid) as problem:
        return _choose(request, viewer, form, problem=str(problem), status=422)


@router.post("/many/apply")
def apply(request: Request, viewer: Person, form: Posted) -> Response:
    """Do it to those still ticked, as one batch."""
    require(viewer, WORK)
    wish = _wish(viewer, form)
    kept = ticked(form, _allowed(request, viewer, form))
    if problem := unconfirmed(form, len(kept)):
        return _look(request, viewer, form, wish, problem=problem, status=422)
    return carry_out(request, viewer, form, wish, kept, f"{_title(form, wish)} ({formats.plural(len(kept), 'item')})")


def ticked(form: Form, seen: Sequence[Seen]) -> list[Seen]:
    """The items of a look beforehand that are still ticked."""
    kept = set(form.all("tick"))
    return [entry for entry in seen if str(entry.item_id) in kept]


def unconfirmed(form: Form, count: int) -> str:
    """What to type before so many items are touched at once; "" when they are few, or it was typed."""
    if count < TYPED_FROM or form.text("typed").replace(",", "") == str(count):
        return ""
    return f"{count} items are many. Type {count} to show that you mean all of them."


def carry_out(request: Request, viewer: Viewer, form: Form, wish: Wish, kept: Sequence[Seen], said: str) -> Response:
    """Do it as one batch, once however often the form is sent, and show what came of each."""
    action_id = form.id("action_id")
    try:
        bulk.apply(engine_of(request), actor_of(viewer), wish, kept, action_id, said, viewer.now)
    except Refused as refusal:
        raise Invalid(str(refusal)) from refusal
    return RedirectResponse(f"/many/{action_id}", status_code=303)


@router.get("/many/{action_id}")
def show(request: Request, viewer: Person, action_id: UUID) -> HTMLResponse:
    """What came of each."""
    return _batch(request, viewer, action_id)


@router.get("/many/{action_id}/progress")
def progress(request: Request, viewer: Watcher, action_id: UUID) -> HTMLResponse:
    """Only what moves, for a page that watches."""
    return _batch(request, viewer, action_id, block="progress")


@router.post("/many/{action_id}/revert")
def revert(request: Request, viewer: Person, form: Posted, action_id: UUID) -> HTMLResponse:
    """Put everything back as it was, as far as nobody acted since."""
    require(viewer, WORK)
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            back, stayed = bulk.revert(session, actor_of(viewer), action_id, viewer.now)
    except Refused as refusal:
        return _batch(request, viewer, action_id, notice=("bad", str(refusal)), status=409)
    said = f"{formats.plural(back, 'item')} put back as before."
    if stayed:
        said += f" {formats.plural(stayed, 'item')} stayed: see why below."
    return _batch(request, viewer, action_id, notice=("good", said))


def _selected(request: Request, viewer: Viewer, form: Form) -> tuple[list[UUID], bool]:
    """The ids meant, and whether the filter showed more than a batch may have."""
    if not form.text("all"):
        words = [word.partition(":")[0] for word in form.all("item")]
        return choices.ids(words)[: bulk.MANY_MAX], len(words) > bulk.MANY_MAX
    info = queue_of(viewer, form.text("queue"))
    if info is None:
        raise NotFound
    wanted = Filter.read({name: form.text(name) for name in form.values})
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = many.ids_of_filter(session, viewer, info.queue.value, wanted, form.text("cause"))
    return found[: bulk.MANY_MAX], len(found) > bulk.MANY_MAX


def _choose(request: Request, viewer: Viewer, form: Form, *, problem: str = "", status: int = 200) -> HTMLResponse:
    wanted, cut = _selected(request, viewer, form)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        chosen = many.chosen(session, viewer, wanted)
        ids = [item.id for item in chosen]
        page = ChoosePage(
            shell=shell(request, viewer),
            back_href=_back(viewer, form, chosen),
            chosen=chosen,
            dollars=formats.money(sum((item.amount for item in chosen), formats.ZERO)),
            left_out=len(wanted) - len(chosen),
            cut=cut,
            offers=many.offers(session, viewer, ids) if chosen else (),
            people=choices.owner_choices(session, "") if viewer.may(REASSIGN) else (),
            tomorrow=viewer.today.isoformat(),
            problem=problem,
        )
    return templating.page("many.html", templating.as_context(page), status=status)


def _back(viewer: Viewer, form: Form, chosen: Sequence[many.Chosen]) -> str:
    queue = form.text("queue") or (chosen[0].queue if chosen else "")
    return f"/queues/{queue}" if queue_of(viewer, queue) else "/"


def _wish(viewer: Viewer, form: Form) -> Wish:
    """What is wanted, from the form; each act has fields of its own, named after it."""
    act = form.text("act")
    verb, _, decision = act.partition(":")
    if verb == DECIDE:
        fields = form.prefixed(f"{act}.field.")
        return Wish(DECIDE, decision, reason=form.text(f"{act}.reason")[:REASON_LENGTH_MAX], fields=fields)
    if verb not in VERBS:
        raise Invalid("Choose what is to be done with them.")
    if verb == "snooze":
        return Wish(verb, until=_morning(form.text("snooze.until"), viewer))
    if verb == "reassign":
        require(viewer, REASSIGN)
        to = _person(form.text("reassign.to"))
        return Wish(verb, to={entry.item_id: to for entry in many.read_seen(form.all("item"))})
    return Wish(verb)


def _morning(day: str, viewer: Viewer) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), time(WAKE_HOUR), tzinfo=viewer.zone)
    except ValueError as error:
        raise Invalid("Choose the day on which they come back.") from error


def _person(value: str) -> UUID | None:
    if not value:
        raise Invalid("Choose who is to have them.")
    known = choices.ids([value])
    return known[0] if known else None


def _allowed(request: Request, viewer: Viewer, form: Form) -> list[Seen]:
    """The items of the form as they were seen, less those this viewer does not work on."""
    seen = many.read_seen(form.all("item"))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        mine = {item.id for item in many.chosen(session, viewer, [entry.item_id for entry in seen])}
    return [entry for entry in seen if entry.item_id in mine]


def _look(
    request: Request, viewer: Viewer, form: Form, wish: Wish, *, problem: str = "", status: int = 200
) -> HTMLResponse:
    ids = [entry.item_id for entry in many.read_seen(form.all("item"))]
    with practice_session(engine_of(request), viewer.practice_id) as session:
        chosen = many.chosen(session, viewer, ids)
    fates: dict[UUID, Fate] = {}
    if chosen:
        seen = [item.seen for item in chosen]
        fates = {
            fate.item_id: fate for fate in bulk.preview(engine_of(request), actor_of(viewer), wish, seen, viewer.now)
        }
    lines = tuple(Line(item, fates[item.id].said, fates[item.id].refused) for item in chosen)
    possible = [line for line in lines if not line.refused]
    page = LookPage(
        shell=shell(request, viewer),
        title=_title(form, wish),
        back_href=_back(viewer, form, chosen),
        lines=lines,
        possible=len(possible),
        refused=len(lines) - len(possible),
        dollars=formats.money(sum((line.item.amount for line in possible), formats.ZERO)),
        typed=len(possible) >= TYPED_FROM,
        action_id=str(uuid4()),
        told=_told(form),
        problem=problem,
    )
    return templating.page("many_look.html", templating.as_context(page), status=status)


def _told(form: Form) -> tuple[tuple[str, str], ...]:
    """What was wished, to be said again when it is applied."""
    act = form.text("act")
    names = [name for name in form.values if name == "act" or name.startswith((f"{act}.", "snooze.", "reassign."))]
    return tuple((name, form.text(name)) for name in names)


def _title(form: Form, wish: Wish) -> str:
    if wish.verb != DECIDE:
        return VERBS[wish.verb]
    return formats.words(wish.decision)


def _batch(
    request: Request,
    viewer: Viewer,
    action_id: UUID,
    *,
    notice: tuple[str, str] | None = None,
    status: int = 200,
    block: str = "",
) -> HTMLResponse:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        batch = many.batch(session, viewer, action_id)
    if batch is None:
        raise NotFound
    page = BatchPage(shell(request, viewer), batch, notice)
    return templating.page("many_done.html", templating.as_context(page), status=status, block=block)
