"""How items stand at this moment: who has one open or leased, what is about to happen to it, what its clock shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Row, Select, Uuid, bindparam, func, select
from sqlalchemy.orm import Session

from activities import held_decisions
from activities.desk_next import PRESENT
from activities.held_decisions import Held
from billing import service_clock
from billing.desk import WAITING_ON
from billing.practice import DeskSettings
from billing.service_clock import Clock, Pause
from models.store.desk import is_leased
from models.tables.access import UserRow
from models.tables.desk import WorkItemPauseRow, WorkItemPresenceRow
from models.tables.practice import PracticeRow
from web import formats
from web.formats import Chip
from web.reads.together import Together
from web.viewer import Viewer

SOON = timedelta(hours=2)
IDS, PEOPLE = bindparam("ids", type_=ARRAY(Uuid())), bindparam("people", type_=ARRAY(Uuid()))
_PAUSE, _PRESENCE = WorkItemPauseRow, WorkItemPresenceRow
# What is around some items, filled in by ``asked``: pauses, people who look, names of those who work on one, decisions.
AROUND: Mapping[str, Select[*tuple[Any, ...]]] = {
    "pauses": select(_PAUSE.work_item_id, _PAUSE.waiting_on, _PAUSE.started_at, _PAUSE.ended_at).where(
        _PAUSE.work_item_id == func.any(IDS)
    ),
    "looking": select(_PRESENCE.work_item_id, UserRow.id, UserRow.name)
    .join(UserRow, UserRow.id == _PRESENCE.user_id)
    .where(
        _PRESENCE.work_item_id == func.any(IDS),
        _PRESENCE.seen_at > bindparam("present", type_=DateTime(timezone=True)),
    ),
    "names": select(UserRow.id, UserRow.name).where(UserRow.id == func.any(PEOPLE)),
    "waiting": held_decisions.WAITING,
}
_AROUND = Together(**AROUND)
_DESK = select(PracticeRow.profile["desk"]).where(PracticeRow.id == bindparam("practice", type_=Uuid()))

_settings: dict[UUID, tuple[int, DeskSettings]] = {}  # by practice, as of its revision


@dataclass(frozen=True, slots=True)
class Holding:
    """A decision about to be applied. own: the viewer's, who may take it back; seconds: until it is carried off."""

    label: str
    at: str
    seconds: int
    due: bool
    own: bool
    command_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One item at this moment. leased_by: who works on it, if somebody else; looking: who else has it open."""

    clock: Chip
    leased_by: str
    leased_since: str
    leased_to_me: bool
    looking: tuple[str, ...]
    held: Holding | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the desk."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Around:
    """What is not kept with items themselves, the same for whoever looks at them: by item; names by person."""

    settings: DeskSettings
    pauses: dict[UUID, list[Pause]]
    looking: dict[UUID, list[Person]]
    names: dict[UUID, str]
    held: dict[UUID, Held]

    def concerned(self, item: Any) -> frozenset[UUID]:
        """Those who are shown the item differently from all the others: it is theirs, or they are at it."""
        held, looking = self.held.get(item.id), self.looking.get(item.id, ())
        people = {item.owner_id, item.leased_by, held.user_id if held else None, *(person.id for person in looking)}
        return frozenset(person for person in people if person is not None)


def standings(session: Session, viewer: Viewer, items: Sequence[Any]) -> dict[UUID, Standing]:
    """Of all of them, mapped or as rows of a list, in one SELECT."""
    if not items:
        return {}
    around = around_items(session, viewer, items)
    return {item.id: standing_of(viewer, item, around) for item in items}


def around_items(session: Session, viewer: Viewer, items: Sequence[Any]) -> Around:
    """What else there is to know of some items, in one SELECT."""
    return around_found(session, viewer, _AROUND.read(session, asked(viewer, items)))


def asked(viewer: Viewer, items: Sequence[Any]) -> dict[str, Any]:
    """What fills in ``AROUND``."""
    return {
        "ids": [item.id for item in items],
        "people": list({item.leased_by for item in items if item.leased_by}),
        "present": viewer.now - PRESENT,
        "practice": viewer.practice_id,
        "workflows": list({item.workflow_id for item in items}),
    }


def around_found(session: Session, viewer: Viewer, found: Row[Any]) -> Around:
    """The same, as ``AROUND`` found it."""
    pauses: dict[UUID, list[Pause]] = {}
    looking: dict[UUID, list[Person]] = {}
    for of, waiting_on, since, until in found.pauses:
        pauses.setdefault(of, []).append(Pause(waiting_on, since, until))
    for of, who, name in found.looking:
        looking.setdefault(of, []).append(Person(who, name))
    held = held_decisions.held_by_item(found.waiting)
    return Around(practice_settings(session, viewer), pauses, looking, dict(found.names), held)


def standing_of(viewer: Viewer, item: Any, around: Around) -> Standing:
    """One item, as this viewer is shown it."""
    leased = item.leased_by if is_leased(item, viewer.now) else None
    name = around.names.get(leased) if leased else None
    to_me, held = leased == viewer.user_id, around.held.get(item.id)
    others = (person.name for person in around.looking.get(item.id, ()) if person.id != viewer.user_id)
    return Standing(
        clock=_clock(item, around.pauses.get(item.id, ()), around.settings, viewer),
        leased_by="" if to_me or leased is None else name or "Somebody",
        leased_since=formats.age(item.leased_at, viewer.now) if leased else "",
        leased_to_me=to_me,
        looking=tuple(sorted(other for other in others if other != name)),
        held=_holding(viewer, held) if held else None,
    )


def practice_settings(session: Session, viewer: Viewer) -> DeskSettings:
    """The practice's own desk settings, read once a process until its revision changes."""
    kept = _settings.get(viewer.practice_id)
    if kept is None or kept[0] != viewer.practice_revision:
        # not the whole profile, which is a practice's every rule and person
        told = session.scalar(_DESK, {"practice": viewer.practice_id})
        kept = (viewer.practice_revision, DeskSettings.model_validate(told or {}))
        _settings[viewer.practice_id] = kept
    return kept[1]


def _holding(viewer: Viewer, held: Held) -> Holding:
    left = held.not_before - viewer.now if held.not_before else timedelta(0)
    return Holding(
        label=formats.words(held.decision),
        at=f"{held.not_before.astimezone(viewer.zone):%H:%M:%S}" if held.not_before else "",
        seconds=max(0, ceil(left.total_seconds())),
        due=held.not_before is None or held.not_before <= viewer.now,
        own=held.user_id == viewer.user_id,
        command_id=str(held.command_id),
    )


def _clock(item: Any, pauses: Sequence[Pause], settings: DeskSettings, viewer: Viewer) -> Chip:
    end = item.closed_at or viewer.now
    return clock_chip(service_clock.read(item.queue, item.opened_at, end, pauses, settings, viewer.zone))


def clock_chip(clock: Clock) -> Chip:
    """Business time left of what an item should take, in words, with a sign and a tone."""
    hours = int(clock.target.total_seconds() // 3600)
    title = f"{span(clock.used)} of {hours} business hours used"
    if clock.waiting_on:
        who = WAITING_ON.get(clock.waiting_on, clock.waiting_on)
        return Chip("info", "‖", f"Waiting on {who}", f"The clock stands: {title}")
    if clock.left <= timedelta(0):
        return Chip("bad", "!", f"{span(-clock.left)} over", title)
    if clock.left <= SOON:
        return Chip("warn", "◔", f"{span(clock.left)} left", title)
    return Chip("calm", "○", f"{span(clock.left)} left", title)


def span(length: timedelta) -> str:
    """Business time: ``45 min``, ``6 h``."""
    minutes = int(length.total_seconds() // 60)
    return f"{minutes} min" if minutes < formats.MINUTES_PER_HOUR else f"{minutes // formats.MINUTES_PER_HOUR} h"
