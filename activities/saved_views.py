"""Filters kept under a name, for oneself or for the team."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import text

from activities.desk import Actor
from activities.refusals import Refused
from models.ids import new_id
from models.tables.desk import SavedViewRow

NAME_LENGTH_MAX = 40
VIEWS_MAX = 50


def save(session: Session, actor: Actor, queue: str, name: str, query: str, *, team: bool) -> None:
    """Keep a filter of a queue; the same name again replaces it. A view of the team is kept by a supervisor."""
    if team and not actor.supervises:
        raise Refused("Only a supervisor keeps views for the whole team. Keep it for yourself.")
    if not name or len(name) > NAME_LENGTH_MAX:
        raise Refused(f"Give the view a name of at most {NAME_LENGTH_MAX} characters.")
    owner = None if team else actor.user_id
    kept = session.scalars(select(SavedViewRow.id).where(SavedViewRow.user_id.is_not_distinct_from(owner))).all()
    if len(kept) >= VIEWS_MAX:
        raise Refused(f"There are {VIEWS_MAX} views already. Delete one first.")
    fresh = insert(SavedViewRow).values(
        id=new_id(),
        practice_id=actor.practice_id,
        user_id=owner,
        made_by=actor.user_id,
        queue=queue,
        name=name,
        query=query,
        deleted_at=None,
    )
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=["practice_id", "user_id", "queue", "name"],
            index_where=text("deleted_at IS NULL"),
            set_={"query": fresh.excluded.query, "made_by": fresh.excluded.made_by},
        )
    )


def delete(session: Session, actor: Actor, view_id: UUID, now: datetime) -> SavedViewRow:
    """Take a view from the list: one's own, or as a supervisor the team's."""
    view = session.get(SavedViewRow, view_id, with_for_update=True)
    if view is None or view.user_id not in (None, actor.user_id):
        raise Refused("There is no such view of yours.")
    if view.user_id is None and not actor.supervises:
        raise Refused("This view is the team's; a supervisor deletes it.")
    view.deleted_at = view.deleted_at or now
    return view
