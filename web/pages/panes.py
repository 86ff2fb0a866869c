"""The pane: one item with its facts, its decisions and its tabs; shared by showing and acting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from activities import held_decisions
from billing.desk import OWN_HOLDS, REASSIGN, SKIP_REASONS, WAITING_ON, WAKES_ON, WORK
from billing.vocabulary import Queue
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from web import formats
from web.problems import NotFound
from web.reads import (
    authorizations,
    choices,
    claims,
    denials,
    desk_files,
    encounters,
    evaluations,
    fork,
    holds,
    items,
    mentions,
    money,
    queues,
    requests,
    timeline,
    transmissions,
)
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.reads.opened import opened
from web.reads.queue_filter import Filter
from web.reads.standing import Holding, Standing, standings
from web.shell import sees_files
from web.viewer import Share, Viewer

CLAIM = "claim"
VISIT_TABS = (
    (CLAIM, "Claim"),
    ("why", "Why"),
    ("money", "Money"),
    ("authorization", "Authorization"),
    ("limits", "Limits"),
    ("timeline", "Timeline"),
    ("files", "Files"),
)
DENIAL_TAB = ("denial", "Denial")
READ_ONLY = "You may look, not act: your role is read-only here."
IN_THE_CHART = "Put it right in the chart. The check runs again by itself when the chart sends the visit anew."
ON_FILE = (
    "There is nothing to decide here. Put right what is named above, in the chart or where you keep it; the check runs "
    "again by itself when the chart sends the visit anew."
)
CASE_TABS = (
    ("authorization", "Authorizations"),
    ("uses", "The one that ends"),
    ("timeline", "Timeline"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of facts."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back from an act, or from a decision that still waits (one of the two ids is empty)."""

    href: str
    action_id: str = ""
    command_id: str = ""


@dataclass(frozen=True, slots=True)
class Toast:
    """What just happened, and for some seconds how to take it back."""

    tone: str
    text: str
    undo: Undo | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What happened to an item while it is open here. version, leased: what its pane was drawn from."""

    item_id: str
    queue: str
    version: int
    leased: bool
    standing: Standing
    held: Holding | None
    changed: bool
    closed: str
    lease_lost: bool
    owner: str
    mine: bool
    taken: str
    has_it_now: str
    refused_late: str


@dataclass(frozen=True, slots=True)
class Pane:
    """Everything beside the list."""

    item: items.Item
    visit: encounters.Header | None
    case: requests.Case | None
    decisions: tuple[items.DecisionForm, ...]
    open_decision: str
    typed: Mapping[str, str]
    tabs: tuple[Tab, ...]
    tab: str
    part: Any
    fork: fork.Fork | None
    here: str
    people: tuple[Choice, ...]
    may_work: bool
    may_note: bool
    may_reassign: bool
    may_open_files: bool
    looking: str
    locked: bool
    news: News
    attachments: tuple[desk_files.File, ...]
    skip_reasons: tuple[tuple[str, str], ...]
    wakes_on: tuple[tuple[str, str], ...]
    waiting_on: tuple[tuple[str, str], ...]
    note_id: str
    messages: tuple[holds.Message, ...]
    may_ask: bool
    query: str
    back_href: str
    toast: Toast | None
    listed: queues.Row | None
    leased_now: bool


@dataclass(frozen=True, slots=True)
class Acted:
    """What became of an act, where the item is shown because of one.

    typed: what was filled into a decision, or written, that was refused, so that it stands there again. leased: it was
    leased by this very act, so the pane need not say at once that somebody is here.
    """

    toast: Toast | None = None
    open_decision: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    leased: bool = False


def build(
    session: Session,
    viewer: Viewer,
    item_id: UUID,
    wanted: Filter,
    *,
    tab: str = "",
    acted: Acted = Acted(),
    listed: bool = False,
) -> Pane:
    """The pane of an item; looking at a patient's item leaves an audit line.

    listed: with its row of the list, which may have changed by an act.
    """
    seen = opened(session, viewer, item_id, claim=lambda row: (tab or _visit_tabs(row.queue)[0][0]) == CLAIM)
    if seen is None:
        raise NotFound
    row, beside = seen.row, seen.beside
    item = items.item(session, viewer, row, seen.found.owner or "", beside.notes)
    visit = encounters.head(viewer, seen.found) if item.encounter_id else None
    case = requests.case(session, viewer, item.authorization_case_id) if item.authorization_case_id else None
    names = _tab_names(item, visit, case)
    chosen = tab if tab in dict(names) else (names[0][0] if names else "")
    query = wanted.query()
    current = _news(viewer, row, row.version, seen.standing, item.owner, held_decisions.reason(beside.refused_late))
    locked = _locked(viewer, item, current)
    address = f"/queues/{item.queue}/{item.id}"
    pane = Pane(
        item=item,
        visit=visit,
        case=case,
        decisions=() if item.closed or locked or current.held else items.decision_forms(session, viewer, row),
        open_decision=acted.open_decision,
        typed=acted.typed,
        tabs=tuple(
            Tab(label, f"{address}{query}{'&' if query else '?'}tab={key}", key == chosen) for key, label in names
        ),
        tab=chosen,
        part=seen.claim or _part(session, viewer, item, case, chosen),
        fork=_fork(session, viewer, item),
        here=f"{address}{query}",
        people=choices.owners(beside.people, item.owner_id) if viewer.may(REASSIGN) else (),
        may_work=viewer.may(WORK),
        may_note=viewer.may(WORK) or viewer.may(OWN_HOLDS),
        may_reassign=viewer.may(REASSIGN),
        may_open_files=sees_files(viewer),
        looking=_looking(viewer, item.queue),
        locked=locked,
        news=current,
        attachments=desk_files.listed(viewer, beside.files),
        skip_reasons=tuple(SKIP_REASONS.items()),
        wakes_on=tuple((key, said) for key, (said, _) in WAKES_ON.items()),
        waiting_on=tuple(WAITING_ON.items()),
        note_id=str(uuid4()),
        messages=holds.messages(viewer, beside.messages),
        may_ask=viewer.may(WORK) and row.clinician_id is not None and row.queue == Queue.DOCUMENTATION.value,
        query=query,
        back_href=f"/queues/{item.queue}{query}",
        toast=acted.toast,
        listed=queues.one(session, viewer, wanted, seen.found, seen.standing) if listed else None,
        leased_now=acted.leased,
    )
    if beside.mentions:
        mentions.seen(session, viewer, row.id)
    if acted.toast is None:
        record_view(session, viewer, f"encounter/{item.encounter_id}" if item.encounter_id else f"work_item/{item.id}")
    return pane


def news(session: Session, viewer: Viewer, row: WorkItemRow, seen_version: int, *, leased: bool = False) -> News:
    """What happened to an open item since its pane was drawn, for a strip in it that moves nothing else."""
    standing = standings(session, viewer, [row])[row.id]
    owner = session.get(UserRow, row.owner_id) if row.owner_id else None
    refused = held_decisions.refused_late(session, viewer.practice_id, row)
    return _news(viewer, row, seen_version, standing, owner.name if owner else "", refused, leased=leased)


def _news(
    viewer: Viewer,
    row: WorkItemRow,
    seen_version: int,
    standing: Standing,
    owner: str,
    refused: str,
    *,
    leased: bool = False,
) -> News:
    mine = row.owner_id == viewer.user_id
    closed = f"{formats.words(row.closed_by)}, {formats.instant(row.closed_at, viewer.zone)}" if row.closed_at else ""
    return News(
        item_id=str(row.id),
        queue=row.queue,
        version=seen_version,
        leased=leased or standing.leased_to_me,
        standing=standing,
        held=standing.held,
        changed=row.version != seen_version,
        closed=closed if row.version != seen_version else "",
        lease_lost=leased and not standing.leased_to_me and row.closed_at is None,
        owner=owner,
        mine=mine,
        taken=formats.age(row.taken_at, viewer.now) if row.taken_at else "",
        has_it_now=owner if owner and not mine else standing.leased_by,
        refused_late="" if row.closed_at or standing.held else refused,
    )


def _looking(viewer: Viewer, queue: str) -> str:
    """What to do about an item of which one may decide nothing; empty for who decides."""
    if viewer.own_visits_only:
        return IN_THE_CHART
    if not viewer.may(WORK):
        return READ_ONLY
    return ON_FILE if viewer.share_of(queue) is Share.OWN_MOVES else ""


def _locked(viewer: Viewer, item: items.Item, current: News) -> bool:
    """Whether the viewer may look but not act, because somebody else has it. A supervisor may step in."""
    if item.closed or not viewer.may(WORK) or viewer.may(REASSIGN):
        return False
    return bool((item.owner and not item.mine) or current.standing.leased_by)


def _tab_names(
    item: items.Item, visit: encounters.Header | None, case: requests.Case | None
) -> tuple[tuple[str, str], ...]:
    if visit is not None:
        return _visit_tabs(item.queue)
    if case is None:
        return ()
    return CASE_TABS if case.predecessor_id else tuple(tab for tab in CASE_TABS if tab[0] != "uses")


def _visit_tabs(queue: str) -> tuple[tuple[str, str], ...]:
    return (DENIAL_TAB, *VISIT_TABS) if queue == Queue.DENIALS.value else VISIT_TABS


def _fork(session: Session, viewer: Viewer, item: items.Item) -> fork.Fork | None:
    if item.closed or item.encounter_id is None or item.queue != Queue.AUTHORIZATION.value:
        return None
    return fork.of_visit(session, viewer, item.encounter_id)


def _part(session: Session, viewer: Viewer, item: items.Item, case: requests.Case | None, tab: str) -> Any:
    if item.encounter_id is not None and tab:
        return visit_part(session, viewer, item.encounter_id, tab)
    if case is None:
        return None
    if tab == "uses" and case.predecessor_id is not None:
        return authorizations.detail(session, viewer, case.predecessor_id)
    if tab == "timeline":
        return timeline.events(session, viewer, authorization_case_id=case.id)
    return requests.beside_case(session, viewer, case.id)


def visit_part(session: Session, viewer: Viewer, encounter_id: UUID, tab: str) -> Any:
    """The facts behind one tab of a visit."""
    match tab:
        case "claim":
            return claims.of_visit(session, encounter_id)
        case "why":
            return evaluations.of_visit(session, viewer, encounter_id)
        case "money":
            return money.of_visit(session, encounter_id)
        case "authorization":
            return requests.beside_visit(session, viewer, encounter_id)
        case "limits":
            return fork.limits(session, viewer, encounter_id)
        case "timeline":
            return timeline.events(session, viewer, encounter_id=encounter_id)
        case "files":
            return transmissions.of_visit(session, viewer, encounter_id)
        case "denial":
            return denials.of_visit(session, encounter_id)
        case _:
            raise NotFound
