"""Saved views of a queue, as links."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.desk import REASSIGN
from models.tables.desk import SavedViewRow
from web.viewer import Viewer


@dataclass(frozen=True, slots=True)
class View:
    """A filter under a name. deletable: the viewer may take it from the list."""

    id: str
    name: str
    href: str
    team: bool
    current: bool
    deletable: bool


def of_queue(session: Session, viewer: Viewer, queue: str, query: str) -> tuple[View, ...]:
    """The viewer's own and the team's, by name; the one whose filter the list shows is marked."""
    found = session.scalars(
        select(SavedViewRow)
        .where(
            SavedViewRow.queue == queue,
            SavedViewRow.deleted_at.is_(None),
            or_(SavedViewRow.user_id == viewer.user_id, SavedViewRow.user_id.is_(None)),
        )
        .order_by(SavedViewRow.user_id.is_(None), SavedViewRow.name)
    )
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
