"""What every page carries: who is logged in, where one may go, which queues there are."""

from dataclasses import dataclass
from functools import cache

from fastapi import Request

from billing.desk import AUDIT, DESK_ROLES, OWN_HOLDS, OWN_MOVES, QUEUES, REASSIGN, RULES, WORK, QueueInfo, decisions
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
    links = tuple(NavLink(label, href, _is_current(href, path)) for label, href in pages_of(viewer))
    return Shell(viewer.name, formats.words(viewer.role), viewer.practice_name, viewer.csrf_token, links, live=True)


def _is_current(href: str, path: str) -> bool:
    if href == "/":
        return path == "/" or path.startswith(("/queues", "/items"))
    return path == href or path.startswith(f"{href}/")


def pages_of(viewer: Viewer) -> list[tuple[str, str]]:
    """The pages of the top bar: name and address."""
    links = [("My holds" if viewer.own_visits_only else "Desk", "/"), ("Visits", "/encounters")]
    if sees_authorizations(viewer):
        links.append(("Authorizations", "/authorizations"))
    if sees_files(viewer):
        links += [("Files", "/files"), ("Batches", "/batches")]
    if viewer.may(REASSIGN):
        links.append(("Supervisor", "/supervisor"))
    if viewer.may(RULES):
        links.append(("Rules", "/rules"))
    if viewer.may(AUDIT):
        links.append(("Audit", "/audit"))
    return links


def sees_authorizations(viewer: Viewer) -> bool:
    """Whoever works a queue, and the auditor."""
    return viewer.may(WORK) or viewer.may(AUDIT)


def sees_files(viewer: Viewer) -> bool:
    """Files name many patients at once: the billing desk and the auditor only."""
    return viewer.role in DESK_ROLES or viewer.may(AUDIT)


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
