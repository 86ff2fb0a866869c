"""Saved views of a queue, as links."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, Uuid, bindparam, or_, select

from billing.desk import REASSIGN
from models.tables.desk import SavedViewRow
from web.viewer import Viewer

OF_QUEUE = (
    select(SavedViewRow.id, SavedViewRow.name, SavedViewRow.query, SavedViewRow.user_id)
    .where(
        SavedViewRow.queue == bindparam("queue", type_=Text()),
        SavedViewRow.deleted_at.is_(None),
        or_(SavedViewRow.user_id == bindparam("user", type_=Uuid()), SavedViewRow.user_id.is_(None)),
    )
    .order_by(SavedViewRow.user_id.is_(None), SavedViewRow.name)
)


@dataclass(frozen=True, slots=True)
class View:
    """A filter under a name. deletable: the viewer may take it from the list."""

    id: str
    name: str
    href: str
    team: bool
    current: bool
    deletable: bool


def of_queue(found: Iterable[Any], viewer: Viewer, queue: str, query: str) -> tuple[View, ...]:
    """The viewer's own and the team's, as ``OF_QUEUE`` finds them; the one whose filter the list shows is marked."""
    return tuple(
        View(
            id=str(view.id),
            name=view.name,
            href=f"/queues/{queue}{view.query}",
            team=view.user_id is None,
            current=view.query == query,
            deletable=view.user_id is not None or viewer.may(REASSIGN),
        )
        for view in found
    )
