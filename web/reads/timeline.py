"""The life story of a visit, an authorization or an authorization case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.life import EventRow
from web import formats
from web.viewer import Viewer

EVENTS_MAX = 500
LONG_WAIT_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the life story. waited: how long nothing happened before it, when that was long."""

    at: str
    kind: str
    actor: str
    summary: str
    detail: tuple[tuple[str, str], ...]
    waited: str


def events(
    session: Session,
    viewer: Viewer,
    *,
    encounter_id: UUID | None = None,
    authorization_id: UUID | None = None,
    authorization_case_id: UUID | None = None,
) -> tuple[Event, ...]:
    """The life story of the one that is named, oldest first, with the long waits named."""
    about = (
        EventRow.encounter_id == encounter_id
        if encounter_id
        else EventRow.authorization_id == authorization_id
        if authorization_id
        else EventRow.authorization_case_id == authorization_case_id
    )
    found = session.scalars(select(EventRow).where(about).order_by(EventRow.id).limit(EVENTS_MAX))
    told: list[Event] = []
    before: datetime | None = None
    for row in found:
        waited = before is not None and (row.at - before).total_seconds() > LONG_WAIT_MINUTES * 60
        told.append(
            Event(
                at=formats.instant(row.at, viewer.zone),
                kind=row.kind,
                actor=row.actor,
                summary=row.summary,
                detail=tuple((formats.words(key), _plain(value)) for key, value in row.detail.items()),
                waited=formats.age(before, row.at) if waited else "",
            )
        )
        before = row.at
    return tuple(told)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(entry) for entry in value)
    if isinstance(value, dict):
        return "; ".join(f"{formats.words(str(key))}: {_plain(entry)}" for key, entry in value.items())
    return formats.NOTHING if value is None else str(value)
