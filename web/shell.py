"""What every page carries: who is logged in, where one may go, which queues there are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from fastapi import Request

from billing.desk import (
    AUDIT,
    DESK_ROLES,
    OWN_HOLDS,
    OWN_MOVES,
    QUEUES,
    REASSIGN,
    RULES,
    RULES_WRITE,
    WORK,
    QueueInfo,
    decisions,
)
from billing.vocabulary import Queue, Role
from web import formats
from web.viewer import Viewer


@dataclass(frozen=True, slots=True)
class NavLink:
    """One page of the top bar."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of a page."""

    name: str
    role: str
    practice: str
    csrf_token: str
    nav: tuple[NavLink, ...]
    live: bool


def shell(request: Request, viewer: Viewer) -> Shell:
    """The frame for this viewer."""
    path = request.url.path
    bar = (page for page in pages_of(viewer) if not page.under)
    links = tuple(NavLink(page.label, page.href, _is_current(page.href, path)) for page in bar)
    return Shell(viewer.name, formats.words(viewer.role), viewer.practice_name, viewer.csrf_token, links, live=True)


def _is_current(href: str, path: str) -> bool:
    if href == "/":
        return path == "/" or path.startswith(("/queues", "/items"))
    return path == href or path.startswith(f"{href}/")


@dataclass(frozen=True, slots=True)
class PageLink:
    """One page that is reached by its name alone. under: the label of the page it belongs to; empty in the top bar."""

    label: str
    href: str
    may_open: Callable[[Viewer], bool]
    under: str = ""


def pages_of(viewer: Viewer) -> tuple[PageLink, ...]:
    """The pages this viewer may open, those of the top bar and those under them, in their order."""
    return tuple(page for page in PAGES if page.may_open(viewer))


def sees_authorizations(viewer: Viewer) -> bool:
    """Whoever works a queue, and the auditor."""
    return viewer.may(WORK) or viewer.may(AUDIT)


def sees_files(viewer: Viewer) -> bool:
    """Files name many patients at once: the billing desk and the auditor only."""
    return viewer.role in DESK_ROLES or viewer.may(AUDIT)


def holds_meetings(viewer: Viewer) -> bool:
    """A supervisor or administrator, and the auditor."""
    return viewer.may(REASSIGN) or viewer.may(AUDIT)


def _may(right: str) -> Callable[[Viewer], bool]:
    return lambda viewer: viewer.may(right)


def _anybody(_: Viewer) -> bool:
    return True


def _has_holds(viewer: Viewer) -> bool:
    return viewer.own_visits_only


def _has_desk(viewer: Viewer) -> bool:
    return not viewer.own_visits_only


# Every page without parameters. Top bar, tabs and palette are made of it; tests/web/test_palette.py walks the routes.
PAGES = (
    PageLink("My holds", "/", _has_holds),
    PageLink("Mentions", "/mentions", _has_holds, under="My holds"),
    PageLink("Desk", "/", _has_desk),
    PageLink("Mentions", "/mentions", _has_desk, under="Desk"),
    PageLink("Visits", "/encounters", _anybody),
    PageLink("Authorizations", "/authorizations", sees_authorizations),
    PageLink("Bookings", "/authorizations/bookings", sees_authorizations, under="Authorizations"),
    PageLink("Horizon", "/authorizations/horizon", _may(REASSIGN), under="Authorizations"),
    PageLink("Letters to patients", "/notices", _may(WORK), under="Authorizations"),
    PageLink("Words of the letters", "/notices/templates", _may(REASSIGN), under="Letters to patients"),
    PageLink("Files", "/files", sees_files),
    PageLink("Batches", "/batches", sees_files),
    PageLink("Supervisor", "/supervisor", _may(REASSIGN)),
    PageLink("Passed over", "/supervisor/skips", _may(REASSIGN), under="Supervisor"),
    PageLink("Meeting", "/meeting", holds_meetings, under="Supervisor"),
    PageLink("Rules", "/rules", _may(RULES)),
    PageLink("Our own rules", "/rules/own", _may(RULES), under="Rules"),
    PageLink("Write a rule", "/rules/own/new", _may(RULES_WRITE), under="Our own rules"),
    PageLink("Audit", "/audit", _may(AUDIT)),
)


def queues_of(viewer: Viewer) -> tuple[QueueInfo, ...]:
    """The queues of a role: where it decides or has the move; all for the auditor; own holds for a clinician."""
    return _queues_of(viewer.role, viewer.rights)


@cache
def _queues_of(role: Role, rights: frozenset[str]) -> tuple[QueueInfo, ...]:
    if OWN_HOLDS in rights:
        return (QUEUES[Queue.DOCUMENTATION],)
    if WORK not in rights:
        return tuple(QUEUES.values()) if AUDIT in rights else ()
    return tuple(info for info in QUEUES.values() if _works_on(role, info.queue))


def _works_on(role: Role, queue: Queue) -> bool:
    if role is Role.FRONT_DESK and queue in OWN_MOVES:
        return True
    return any(role in kind.roles for kind in decisions(queue))


def queue_of(viewer: Viewer, key: str) -> QueueInfo | None:
    """One queue by its name in the address, if the viewer has it."""
    return next((info for info in queues_of(viewer) if info.queue.value == key), None)
