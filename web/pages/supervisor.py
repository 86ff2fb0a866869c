"""The supervisor's page: load, age, what is stuck, the days to come; moving many items with a look beforehand."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, Response

from activities import bulk, supervision
from activities.bulk import TYPED_FROM, Wish
from activities.refusals import Refused
from activities.supervision import DaysOff
from billing.desk import QUEUES, REASSIGN
from billing.workload import Bench, spread
from models.store.session import practice_session
from web import formats, templating
from web.pages.bulk import carry_out, ticked, unconfirmed
from web.pages.items import actor_of
from web.problems import Invalid
from web.reads import choices, desk, many
from web.reads import stuck as stuck_items
from web.reads import supervision as reads
from web.reads.choices import Choice
from web.reads.supervision import Part
from web.routes import page_router
from web.security import Form, Person, Posted, engine_of, require
from web.shell import Shell, queues_of, shell
from web.viewer import Viewer

router = page_router()

BALANCE, NOBODY = "balance", "nobody"


@dataclass(frozen=True, slots=True)
class SupervisorPage:
    """The whole screen."""

    shell: Shell
    lines: tuple[desk.QueueLine, ...]
    buckets: tuple[str, ...]
    heat: tuple[reads.HeatLine, ...]
    people: tuple[reads.PersonLine, ...]
    stuck: tuple[stuck_items.StuckItem, ...]
    stuck_limits: tuple[int, int, int]
    ahead: tuple[reads.AheadLine, ...]
    absences: tuple[reads.Absence, ...]
    batches: tuple[tuple[str, str, str], ...]
    queue_choices: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    ages: tuple[Choice, ...]
    usual_capacity: int
    release_days: int
    today: str
    from_owner: str
    notice: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """The items behind a cell or a person."""

    shell: Shell
    title: str
    items: tuple[many.Chosen, ...]
    dollars: str
    cut: bool


@dataclass(frozen=True, slots=True)
class MoveLine:
    """One item of a preview."""

    item: many.Chosen
    to: str
    said: str
    refused: bool


@dataclass(frozen=True, slots=True)
class LoadLine:
    """Somebody's load before and after."""

    name: str
    before: int
    gets: int
    after: int
    capacity: int
    bar: int


@dataclass(frozen=True, slots=True)
class MovePage:
    """Who would get what."""

    shell: Shell
    title: str
    moves: tuple[MoveLine, ...]
    loads: tuple[LoadLine, ...]
    possible: int
    refused: int
    typed: bool
    action_id: str
    problem: str


@router.get("/supervisor")
def show(request: Request, viewer: Person) -> HTMLResponse:
    """Load, age, what is stuck, the days to come."""
    require(viewer, REASSIGN)
    return _page(request, viewer)


@router.get("/supervisor/items")
def list_items(request: Request, viewer: Person) -> HTMLResponse:
    """The items of a queue, a person and an age."""
    require(viewer, REASSIGN)
    part = Part.read(dict(request.query_params))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        ids = reads.items_of(session, viewer, part)
        chosen = many.chosen(session, viewer, ids)
        title = _titled(session, part)
    page = ItemsPage(
        shell=shell(request, viewer),
        title=title,
        items=chosen,
        dollars=formats.money(sum((item.amount for item in chosen), formats.ZERO)),
        cut=len(ids) >= reads.LISTED_MAX,
    )
    return templating.page("supervisor_items.html", templating.as_context(page))


@router.post("/supervisor/preview")
def preview(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Who would get what, with everybody's load before and after; nothing is written."""
    require(viewer, REASSIGN)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        ids = reads.items_of(session, viewer, Part.read(_part_of(form)), _limit(form))
        if not ids:
            raise Invalid("No item fits that choice. Choose another queue, person or age.")
        chosen = many.chosen(session, viewer, ids)
        targets = targets_of(session, viewer, form, chosen)
    return previewed(request, viewer, chosen, targets)


@router.post("/supervisor/reassign")
def apply(request: Request, viewer: Person, form: Posted) -> Response:
    """Move exactly the ticked items of the preview, as one batch that may be reverted."""
    require(viewer, REASSIGN)
    kept = ticked(form, many.read_seen(form.all("item")))
    to = {entry.item_id: _user(form.text(f"to.{entry.item_id}")) for entry in kept}
    if problem := unconfirmed(form, len(kept)):
        with practice_session(engine_of(request), viewer.practice_id) as session:
            chosen = many.chosen(session, viewer, [entry.item_id for entry in kept])
        return previewed(request, viewer, chosen, to, problem=problem, status=422)
    return carry_out(request, viewer, form, Wish("reassign", to=to), kept, f"Moved {formats.plural(len(kept), 'item')}")


@router.post("/supervisor/absence")
def absence(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Days off: new work passes by, open work is offered to be moved."""
    require(viewer, REASSIGN)
    person = choices.ids([form.text("person")])
    if not person:
        raise Invalid("Choose who is away.")
    off = DaysOff(person[0], _day(form.text("first_day")), _day(form.text("last_day")), form.text("why"))
    said = "Kept. What is open can be handed over below; nothing moves by itself."

    def act(session: Session) -> None:
        supervision.set_absence(session, actor_of(viewer), off, viewer.today)

    return _acted(request, viewer, act, said, from_owner=str(person[0]))


@router.post("/supervisor/absence/{absence_id}/end")
def back(request: Request, viewer: Person, form: Posted, absence_id: UUID) -> HTMLResponse:
    """Days off taken back."""
    require(viewer, REASSIGN)

    def act(session: Session) -> None:
        supervision.end_absence(session, actor_of(viewer), absence_id, viewer.now)

    return _acted(request, viewer, act, "Taken back: the person works on those days.")


@router.post("/supervisor/capacity/{user_id}")
def capacity(request: Request, viewer: Person, form: Posted, user_id: UUID) -> HTMLResponse:
    """How much somebody closes on a working day."""
    require(viewer, REASSIGN)
    given = form.text("capacity")
    if given and not given.isdigit():
        raise Invalid("Capacity is a whole number of items a day, or empty for the usual one.")

    def act(session: Session) -> None:
        supervision.set_capacity(session, actor_of(viewer), user_id, int(given) if given else None)

    return _acted(request, viewer, act, "Capacity kept.")


def _acted(
    request: Request, viewer: Viewer, act: Callable[[Session], None], said: str, from_owner: str = ""
) -> HTMLResponse:
    """The page again, with what was done, or why it was not."""
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            act(session)
    except Refused as refusal:
        return _page(request, viewer, notice=("bad", str(refusal)), status=409)
    return _page(request, viewer, notice=("good", said), from_owner=from_owner)


def _part_of(form: Form) -> dict[str, str]:
    return {"queue": form.text("queue"), "owner": form.text("from"), "bucket": form.text("bucket")}


def _limit(form: Form) -> int:
    given = form.text("limit", "50")
    return min(int(given), bulk.MANY_MAX) if given.isdigit() and int(given) else 50


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise Invalid("Choose the first and the last day.") from error


def _user(value: str) -> UUID | None:
    known = choices.ids([value])
    return known[0] if known else None


def targets_of(session: Session, viewer: Viewer, form: Form, chosen: Sequence[many.Chosen]) -> dict[UUID, UUID | None]:
    """Whom each item would go to: one person, nobody, or balanced over everybody here but whose work it is."""
    to = form.text("to")
    if not to:
        raise Invalid("Choose who is to have them.")
    if to != BALANCE:
        user = _user(to)
        return {item.id: user for item in chosen}
    giver = _user(form.text("from"))
    benches = [bench for bench in reads.benches(session, viewer) if bench.key != giver]
    given = spread(len(chosen), benches)
    if not given:
        raise Invalid("Nobody else is here today who could take them. Choose one person.")
    return {item.id: user for item, user in zip(chosen, given, strict=True)}


def previewed(
    request: Request,
    viewer: Viewer,
    chosen: Sequence[many.Chosen],
    targets: dict[UUID, UUID | None],
    *,
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    """The look beforehand: who would get what, and everybody's load before and after."""
    seen = [item.seen for item in chosen]
    fates = {
        fate.item_id: fate
        for fate in bulk.preview(engine_of(request), actor_of(viewer), Wish("reassign", to=targets), seen, viewer.now)
    }
    moves = tuple(
        MoveLine(item, str(targets.get(item.id) or ""), fates[item.id].said, fates[item.id].refused) for item in chosen
    )
    possible = [move for move in moves if not move.refused]
    with practice_session(engine_of(request), viewer.practice_id) as session:
        loads = _loads(session, viewer, possible)
    page = MovePage(
        shell=shell(request, viewer),
        title=f"{formats.plural(len(possible), 'item')} would move",
        moves=moves,
        loads=loads,
        possible=len(possible),
        refused=len(moves) - len(possible),
        typed=len(possible) >= TYPED_FROM,
        action_id=str(uuid4()),
        problem=problem,
    )
    return templating.page("reassign.html", templating.as_context(page), status=status)


def _loads(session: Session, viewer: Viewer, moves: Sequence[MoveLine]) -> tuple[LoadLine, ...]:
    """Everybody whose load would change, before and after."""
    names = {choice.value: choice.label for choice in choices.owner_choices(session, "")}
    gains = Counter(move.to for move in moves)
    losses = Counter(str(move.item.owner_id or "") for move in moves)
    benches: dict[str, Bench[UUID]] = {str(bench.key): bench for bench in reads.benches(session, viewer)}
    lines = []
    for user_id in sorted((gains.keys() | losses.keys()) - {""}, key=lambda one: names.get(one, "")):
        bench = benches.get(user_id)
        before, size = (bench.load, bench.capacity) if bench else (losses[user_id], 0)
        after = before + gains[user_id] - losses[user_id]
        bar = min(100, round(100 * after / size)) if size else 0
        lines.append(LoadLine(names.get(user_id, ""), before, gains[user_id], after, size, bar))
    return tuple(lines)


def _titled(session: Session, part: Part) -> str:
    info = next((info for info in QUEUES.values() if info.queue.value == part.queue), None)
    owner = next((choice.label for choice in choices.owner_choices(session, "") if choice.value == part.owner), "")
    owner = "nobody" if part.owner == NOBODY else owner
    told = [info.title if info else "Every queue"]
    told += [desk.AGE_BUCKETS[part.bucket][2]] if part.bucket >= 0 else []
    told += [f"with {owner}"] if owner else []
    return ", ".join(told)


def _page(
    request: Request,
    viewer: Viewer,
    *,
    notice: tuple[str, str] | None = None,
    status: int = 200,
    from_owner: str = "",
) -> HTMLResponse:
    infos = queues_of(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        settings = reads.settings(session, viewer)
        work = reads.open_work(session, viewer)
        team = reads.team_of(session, viewer, work.days)
        page = SupervisorPage(
            shell=shell(request, viewer),
            lines=desk.lines_of(viewer, infos, work.awake),
            buckets=tuple(label for _, _, label in desk.AGE_BUCKETS),
            heat=reads.heat(work, infos),
            people=reads.people(session, viewer, infos, work, team),
            stuck=stuck_items.stuck(session, viewer, infos),
            stuck_limits=(stuck_items.TOUCHES_MAX, stuck_items.SNOOZES_MAX, stuck_items.HANDS_MAX),
            ahead=reads.ahead(session, viewer, work, team),
            absences=reads.absences(session, viewer),
            batches=many.latest(session, viewer),
            queue_choices=tuple(Choice(info.queue.value, info.title, False) for info in QUEUES.values()),
            owners=choices.owner_choices(session, from_owner or request.query_params.get("from", "")),
            ages=tuple(Choice(str(place), label, False) for place, (_, _, label) in enumerate(desk.AGE_BUCKETS)),
            usual_capacity=settings.capacity_per_day,
            release_days=settings.ownership_release_days,
            today=viewer.today.isoformat(),
            from_owner=from_owner or request.query_params.get("from", ""),
            notice=notice,
        )
    return templating.page("supervisor.html", templating.as_context(page), status=status)
