"""How items stand at this moment: who has one open or leased, what is about to happen to it, what its clock shows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.desk_next import PRESENT
from activities.held_decisions import Held, waiting_for
from billing import service_clock
from billing.desk import WAITING_ON
from billing.practice import DeskSettings
from billing.service_clock import Clock, Pause
from models.store.desk import is_leased
from models.tables.access import UserRow
from models.tables.desk import WorkItemPauseRow, WorkItemPresenceRow, WorkItemRow
from models.tables.practice import PracticeRow
from web import formats
from web.formats import Chip
from web.viewer import Viewer

SOON = timedelta(hours=2)


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


def standings(session: Session, viewer: Viewer, items: Sequence[WorkItemRow]) -> dict[UUID, Standing]:
    """Of all of them, in a handful of SELECTs."""
    if not items:
        return {}
    ids = [item.id for item in items]
    settings = practice_settings(session, viewer)
    paused, looking = _pauses(session, ids), _looking(session, viewer, ids)
    held = waiting_for(session, viewer.practice_id, {item.workflow_id for item in items})
    names = _names(session, {item.leased_by for item in items if item.leased_by})
    return {
        item.id: _standing(
            viewer, item, _clock(item, paused.get(item.id, ()), settings, viewer), looking, held.get(item.id), names
        )
        for item in items
    }


def practice_settings(session: Session, viewer: Viewer) -> DeskSettings:
    """The practice's own desk settings."""
    # not the whole profile, which is a practice's every rule and person
    told = session.scalar(select(PracticeRow.profile["desk"]).where(PracticeRow.id == viewer.practice_id))
    return DeskSettings.model_validate(told or {})


def _standing(
    viewer: Viewer,
    item: WorkItemRow,
    clock: Chip,
    looking: dict[UUID, list[str]],
    held: Held | None,
    names: dict[UUID, str],
) -> Standing:
    leased = item.leased_by if is_leased(item, viewer.now) else None
    to_me = leased == viewer.user_id
    return Standing(
        clock=clock,
        leased_by="" if to_me or leased is None else names.get(leased, "Somebody"),
        leased_since=formats.age(item.leased_at, viewer.now) if leased else "",
        leased_to_me=to_me,
        looking=tuple(name for name in looking.get(item.id, ()) if name != (names.get(leased) if leased else None)),
        held=_holding(viewer, held) if held else None,
    )


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


def _clock(item: WorkItemRow, pauses: Sequence[Pause], settings: DeskSettings, viewer: Viewer) -> Chip:
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


def _pauses(session: Session, ids: Collection[UUID]) -> dict[UUID, list[Pause]]:
    found: dict[UUID, list[Pause]] = {}
    for row in session.scalars(select(WorkItemPauseRow).where(WorkItemPauseRow.work_item_id.in_(ids))):
        found.setdefault(row.work_item_id, []).append(Pause(row.waiting_on, row.started_at, row.ended_at))
    return found


def _looking(session: Session, viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, list[str]]:
    since: datetime = viewer.now - PRESENT
    query = (
        select(WorkItemPresenceRow.work_item_id, UserRow.name)
        .join(UserRow, UserRow.id == WorkItemPresenceRow.user_id)
        .where(
            WorkItemPresenceRow.work_item_id.in_(ids),
            WorkItemPresenceRow.seen_at > since,
            WorkItemPresenceRow.user_id != viewer.user_id,
        )
        .order_by(UserRow.name)
    )
    found: dict[UUID, list[str]] = {}
    for item_id, name in session.execute(query):
        found.setdefault(item_id, []).append(name)
    return found


def _names(session: Session, ids: Collection[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    return dict(session.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(ids))).all())
