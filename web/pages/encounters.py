"""Visits: the list with its search, and one visit from booking to zero balance."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from billing.desk import QUEUES
from billing.vocabulary import Discipline, Queue, Stage
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from web import formats, templating
from web.pages.panes import visit_part
from web.problems import Forbidden, NotFound
from web.reads import choices, denials, encounters, fork, timeline, visits
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.reads.shown import is_shown
from web.reads.timeline import Event
from web.reads.visits import Visit, VisitFilter
from web.routes import page_router
from web.security import Person, Posted, engine_of
from web.shell import Shell, sees_files, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class VisitsPage:
    """The list."""

    shell: Shell
    filter: VisitFilter
    stages: tuple[Choice, ...]
    disciplines: tuple[Choice, ...]
    payers: tuple[Choice, ...]
    visits: tuple[Visit, ...]
    more_href: str
    more_cursor: str


@dataclass(frozen=True, slots=True)
class OpenItem:
    """What waits for a person."""

    href: str
    queue: str
    reason: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the walk."""

    key: str
    title: str
    part: Any


@dataclass(frozen=True, slots=True)
class VisitPage:
    """One visit."""

    shell: Shell
    visit: encounters.Header
    open_items: tuple[OpenItem, ...]
    timeline: tuple[Event, ...]
    sections: tuple[Section, ...]
    fork: fork.Fork | None
    here: str
    may_open_files: bool


@router.get("/encounters")
def show_list(request: Request, viewer: Person, cursor: str = "") -> HTMLResponse:
    """Visits by stage, discipline and payer."""
    return _list(request, viewer, VisitFilter.read(dict(request.query_params)), cursor)


@router.post("/encounters")
def search(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """The same with a search, which travels in the body because it may be a name."""
    values = {name: form.text(name) for name in form.values}
    return _list(request, viewer, VisitFilter.read(values), form.text("cursor"))


@router.get("/appeals/{appeal_id}")
def appeal(request: Request, viewer: Person, appeal_id: UUID) -> HTMLResponse:
    """An appeal's letter on paper, without menus."""
    if not sees_files(viewer):
        raise Forbidden("Letters to payers belong to the billing desk.")
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = denials.letter(session, appeal_id)
        if found is None:
            raise NotFound
        encounter_id, letter = found
        record_view(session, viewer, f"encounter/{encounter_id}")
    # the letter has a head of its own
    context = {"subject": f"Appeal, {letter.level}", "body": letter.text, "practice": "", "state": letter.state}
    return templating.page("letter.html", context)


@router.get("/encounters/{encounter_id}")
def show(request: Request, viewer: Person, encounter_id: UUID) -> HTMLResponse:
    """The whole walk."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        visit = encounters.header(session, viewer, encounter_id)
        if visit is None:
            raise NotFound
        names = [
            ("claim", "Claim"),
            ("why", "Why"),
            ("money", "Money"),
            ("authorization", "Authorization"),
            ("limits", "Benefit limits"),
            ("files", "Files"),
        ]
        denied = denials.of_visit(session, encounter_id)
        sections = [Section(key, title, visit_part(session, viewer, encounter_id, key)) for key, title in names]
        if denied:
            sections.insert(0, Section("denial", "Denial", denied))
        page = VisitPage(
            shell=shell(request, viewer),
            visit=visit,
            open_items=_open_items(session, viewer, encounter_id),
            timeline=timeline.events(session, viewer, encounter_id=encounter_id),
            sections=tuple(sections),
            fork=fork.of_visit(session, viewer, encounter_id),
            here=f"/encounters/{encounter_id}",
            may_open_files=sees_files(viewer),
        )
        record_view(session, viewer, f"encounter/{encounter_id}")
    return templating.page("encounter.html", templating.as_context(page))


def _open_items(session: Session, viewer: Viewer, encounter_id: UUID) -> tuple[OpenItem, ...]:
    found = session.scalars(
        select(WorkItemRow).where(WorkItemRow.encounter_id == encounter_id, WorkItemRow.closed_at.is_(None))
    )
    return tuple(
        OpenItem(f"/queues/{item.queue}/{item.id}", QUEUES[Queue(item.queue)].title, item.reason)
        for item in found
        if is_shown(viewer, item)
    )


def _list(request: Request, viewer: Viewer, wanted: VisitFilter, cursor: str) -> HTMLResponse:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = visits.visits(session, viewer, wanted, cursor)
        counts = visits.stage_counts(session, viewer)
        payers = choices.payer_choices(session, wanted.payer)
    told = {name: value for name in ("stage", "discipline", "payer") if (value := getattr(wanted, name))}
    page = VisitsPage(
        shell=shell(request, viewer),
        filter=wanted,
        stages=tuple(
            Choice(stage.value, f"{formats.words(stage.value)} ({counts.get(stage.value, 0):,})", stage == wanted.stage)
            for stage in Stage
        ),
        disciplines=tuple(Choice(value.value, value.value, value == wanted.discipline) for value in Discipline),
        payers=payers,
        visits=found.rows,
        more_href=f"/encounters?{urlencode({**told, 'cursor': found.next_cursor})}" if found.next_cursor else "",
        more_cursor=found.next_cursor,
    )
    return templating.page("encounters.html", templating.as_context(page))
