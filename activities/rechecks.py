"""Once a cause is mended: have everything it holds looked at again."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.desk import Actor
from activities.nudges import nudge
from models.store import life
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow

RECHECKS_MAX = 1_000


def recheck_cause(session: Session, actor: Actor, queue: str, cause: str) -> int:
    """Tell every visit that a cause holds in a queue to look again, the oldest first. Returns how many.

    What is mended clears by itself; what is not stays, and says why as before.
    """
    wanted = (
        select(EncounterRow)
        .join(WorkItemRow, WorkItemRow.encounter_id == EncounterRow.id)
        .where(
            WorkItemRow.practice_id == actor.practice_id,
            WorkItemRow.queue == queue,
            WorkItemRow.cause == cause,
            WorkItemRow.closed_at.is_(None),
        )
        .order_by(WorkItemRow.opened_at, WorkItemRow.id)
        .limit(RECHECKS_MAX)
    )
    rows = session.scalars(wanted).all()
    for row in rows:
        nudge(session, row)
    life.audit(session, actor.practice_id, actor.email, "cause.rechecked", f"queue/{queue}", {"visits": len(rows)})
    return len(rows)


def recheck_held(session: Session, practice_id: UUID) -> int:
    """After the practice file changed: every held visit looks again, because what held it may have been in there."""
    held = (
        select(EncounterRow)
        .where(
            EncounterRow.practice_id == practice_id,
            EncounterRow.closed_at.is_(None),
            EncounterRow.held_by.is_not(None),
        )
        .order_by(EncounterRow.date_of_service, EncounterRow.id)
        .limit(RECHECKS_MAX)
    )
    rows = session.scalars(held).all()
    for row in rows:
        nudge(session, row)
    return len(rows)
