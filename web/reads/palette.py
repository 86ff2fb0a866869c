"""Where one may go from anywhere: queues, pages, saved views, and visits by the beginning of a number or a name."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.desk import WORK
from models.tables.desk import SavedViewRow, WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from web import formats
from web.reads.queue_filter import known
from web.reads.shown import shown
from web.shell import pages_of, queues_of
from web.viewer import Viewer

TYPED_MAX = 60
TYPED_MIN = 2  # one letter begins half of all names
VISITS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Place:
    """One place: what it is called, what tells it from others, and its address."""

    label: str
    hint: str
    href: str


@dataclass(frozen=True, slots=True)
class Group:
    """Places of one kind."""

    key: str
    title: str
    places: tuple[Place, ...]


def found(session: Session, viewer: Viewer, typed: str) -> tuple[Group, ...]:
    """Places whose name has every word typed; visits only once something is typed. Empty groups are left out."""
    queues = queues_of(viewer)
    titles = {info.queue.value: info.title for info in queues}
    groups = (
        Group("queue", "Queues", _named(typed, (Place(title, "", f"/queues/{key}") for key, title in titles.items()))),
        Group("view", "Saved views", _named(typed, _views(session, viewer, titles))),
        Group("page", "Pages", _named(typed, (Place(page.label, page.under, page.href) for page in pages_of(viewer)))),
        Group("visit", "Visits", _visits(session, viewer, typed, titles) if len(typed) >= TYPED_MIN else ()),
    )
    return tuple(group for group in groups if group.places)


def _named(typed: str, places: Iterable[Place]) -> tuple[Place, ...]:
    words = typed.casefold().split()
    return tuple(place for place in places if all(word in f"{place.label} {place.hint}".casefold() for word in words))


def _views(session: Session, viewer: Viewer, titles: dict[str, str]) -> list[Place]:
    if not viewer.may(WORK):
        return []
    kept = session.scalars(
        select(SavedViewRow)
        .where(
            SavedViewRow.queue.in_(titles),
            SavedViewRow.deleted_at.is_(None),
            or_(SavedViewRow.user_id == viewer.user_id, SavedViewRow.user_id.is_(None)),
        )
        .order_by(SavedViewRow.name)
    )
    return [
        Place(view.name, f"{'team' if view.user_id is None else 'own'} view of {titles[view.queue]}", _address(view))
        for view in kept
    ]


def _address(view: SavedViewRow) -> str:
    return f"/queues/{view.queue}{view.query}"


def _visits(session: Session, viewer: Viewer, typed: str, titles: dict[str, str]) -> tuple[Place, ...]:
    """The newest visits whose number, or whose patient's number or last name, begins so; each open item before it."""
    begins = (column.istartswith(typed, autoescape=True) for column in _NAMED_BY)
    query = (
        select(EncounterRow, PatientRow)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(EncounterRow.practice_id == viewer.practice_id, or_(*begins))
    )
    if viewer.own_visits_only:
        query = query.where(EncounterRow.clinician_id == viewer.clinician_id)
    newest = query.order_by(EncounterRow.date_of_service.desc(), EncounterRow.id.desc()).limit(VISITS_SHOWN)
    rows = session.execute(newest).all()
    waiting = session.scalars(
        select(WorkItemRow).where(
            WorkItemRow.encounter_id.in_([visit.id for visit, _ in rows]),
            WorkItemRow.closed_at.is_(None),
            WorkItemRow.queue.in_(titles),
            *shown(viewer.share),
        ),
        known(viewer),
    ).all()
    places = []
    for visit, patient in rows:
        who = f"{formats.person(patient.first_name, patient.last_name)} {patient.external_id}"
        hint = f"{who} · {formats.day(visit.date_of_service)}"
        items = [item for item in waiting if item.encounter_id == visit.id]
        places += [
            Place(f"{titles[item.queue]}: {item.reason}", hint, f"/queues/{item.queue}/{item.id}") for item in items
        ]
        places.append(Place(f"Visit {visit.external_id}", hint, f"/encounters/{visit.id}"))
    return tuple(places)


_NAMED_BY = (EncounterRow.external_id, PatientRow.external_id, PatientRow.last_name)
