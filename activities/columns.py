"""What somebody does not want to see in the rows of a queue."""

from collections.abc import Collection

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities.desk import Actor
from models.ids import new_id
from models.tables.desk import HiddenColumnsRow


def hide(session: Session, actor: Actor, queue: str, columns: Collection[str]) -> None:
    """From now on these are hidden from this person in this queue, and all others are shown."""
    fresh = insert(HiddenColumnsRow).values(
        id=new_id(), practice_id=actor.practice_id, user_id=actor.user_id, queue=queue, columns=sorted(columns)
    )
    session.execute(
        fresh.on_conflict_do_update(index_elements=["user_id", "queue"], set_={"columns": fresh.excluded.columns})
    )
