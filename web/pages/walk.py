"""Walking a visit as a film strip, and the meeting that looks at the worst and at some others."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from models.store.session import practice_session
from web import templating
from web.problems import Forbidden, NotFound
from web.reads import encounters, walk
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.reads.walk import MEETING_MAX, WORST_BY, Meeting
from web.routes import page_router
from web.security import Person, engine_of
from web.shell import Shell, holds_meetings, sees_files, shell

router = page_router()

PERIOD = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class WalkPage:
    """One visit's film."""

    shell: Shell
    visit: encounters.Header
    film: walk.Film
    may_open_files: bool


@dataclass(frozen=True, slots=True)
class MeetingCase:
    """One visit of the meeting."""

    why: str
    visit: encounters.Header
    film: walk.Film


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """All of them, to be printed."""

    shell: Shell
    wanted: Meeting
    measures: tuple[Choice, ...]
    cases: tuple[MeetingCase, ...]
    may_open_files: bool


@router.get("/encounters/{encounter_id}/walk")
def show(request: Request, viewer: Person, encounter_id: UUID) -> HTMLResponse:
    """From booking to zero balance."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        visit = encounters.header(session, viewer, encounter_id)
        if visit is None:
            raise NotFound
        page = WalkPage(shell(request, viewer), visit, walk.film(session, viewer, encounter_id), sees_files(viewer))
        record_view(session, viewer, f"encounter/{encounter_id}")
    return templating.page("walk.html", templating.as_context(page))


@router.get("/meeting")
def meeting(request: Request, viewer: Person) -> HTMLResponse:
    """The worst of a period and some at random, each as a film, on paper if wanted."""
    if not holds_meetings(viewer):
        raise Forbidden("A meeting is held by a supervisor, an administrator or an auditor.")
    wanted = _wanted(dict(request.query_params), viewer.today)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        told = []
        for case in walk.cases(session, viewer, wanted):
            visit = encounters.header(session, viewer, case.encounter_id)
            if visit is not None:
                told.append(MeetingCase(case.why, visit, walk.film(session, viewer, case.encounter_id)))
                record_view(session, viewer, f"encounter/{case.encounter_id}")
    page = MeetingPage(
        shell=shell(request, viewer),
        wanted=wanted,
        measures=tuple(Choice(key, label, key == wanted.by) for key, label in WORST_BY.items()),
        cases=tuple(told),
        may_open_files=sees_files(viewer),
    )
    return templating.page("meeting.html", templating.as_context(page))


def _wanted(values: dict[str, str], today: date) -> Meeting:
    """From the address; what makes no sense falls back to the last ninety days, three and three, by days."""
    last = _day(values.get("to", ""), today)
    return Meeting(
        first_day=_day(values.get("from", ""), last - PERIOD),
        last_day=last,
        random_count=_count(values.get("random", "")),
        worst_count=_count(values.get("worst", "")),
        by=values["by"] if values.get("by") in WORST_BY else "days",
    )


def _day(value: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return otherwise


def _count(value: str) -> int:
    return min(int(value), MEETING_MAX) if value.isdigit() else 3
