"""Decisions that wait in the outbox: for the seconds in which they may be taken back, or until a worker is there.

A decision is foreseen (activities.decisions) before it waits, so that whatever can be refused is refused at once.
Nothing else is special about it: the relay carries it to the workflow, and its command id keeps it from counting twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities.desk import Actor
from activities.refusals import Refused
from models.ids import new_id
from models.messages import Decision
from models.store import life
from models.store.desk import tell_screens
from models.tables.desk import WorkItemRow
from models.tables.life import OutboxRow

DECIDE = "decide"
# the decisions on some cases that wait or are on their way
WAITING = select(OutboxRow.message, OutboxRow.not_before).where(
    OutboxRow.practice_id == bindparam("practice", type_=Uuid()),
    OutboxRow.workflow_id == func.any(bindparam("workflows", type_=ARRAY(Text()))),
    OutboxRow.signal.startswith(DECIDE),
    OutboxRow.state != "done",
)

# why the last decision on an item was refused, if it was
REFUSED_LATE = (
    select(OutboxRow.error)
    .where(
        OutboxRow.practice_id == bindparam("practice", type_=Uuid()),
        OutboxRow.workflow_id == bindparam("workflow", type_=Text()),
        OutboxRow.signal.startswith(DECIDE),
        OutboxRow.message["work_item_id"].astext == bindparam("item_id", type_=Text()),
    )
    .order_by(OutboxRow.created_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Held:
    """A decision that waits. not_before: when it is carried off; None or past: as soon as a worker is there."""

    item_id: UUID
    command_id: UUID
    user_id: UUID
    decision: str
    not_before: datetime | None


def leave_word(session: Session, workflow_id: str, decision: Decision, not_before: datetime | None = None) -> bool:
    """Have a decision wait. False when another decision on the same item waits already; the same one counts once."""
    signal = f"{DECIDE}/{decision.work_item_id}"  # one at a time for each item of a workflow
    written = session.scalar(
        insert(OutboxRow)
        .values(
            id=new_id(),
            practice_id=decision.practice_id,
            workflow_id=workflow_id,
            workflow_type="",
            signal=signal,
            message=decision.model_dump(mode="json"),
            state="pending",
            attempts=0,
            not_before=not_before,
        )
        .on_conflict_do_nothing(index_elements=["workflow_id", "signal"], index_where=text("state = 'pending'"))
        .returning(OutboxRow.id)
    )
    if written is not None:
        tell_screens(session, decision.work_item_id)
        return True
    waiting = session.scalar(
        select(OutboxRow.message).where(
            OutboxRow.workflow_id == workflow_id, OutboxRow.signal == signal, OutboxRow.state == "pending"
        )
    )
    return waiting is not None and waiting.get("command_id") == str(decision.command_id)


def take_back(session: Session, actor: Actor, item_id: UUID, command_id: UUID) -> None:
    """Take a waiting decision out of the outbox. Raises Refused once it is on its way."""
    gone = session.scalar(
        delete(OutboxRow)
        .where(
            OutboxRow.practice_id == actor.practice_id,
            OutboxRow.signal == f"{DECIDE}/{item_id}",
            OutboxRow.state == "pending",
            OutboxRow.message["command_id"].astext == str(command_id),
            OutboxRow.message["user_id"].astext == str(actor.user_id),
        )
        .returning(OutboxRow.message)
    )
    if gone is None:
        raise Refused("The decision is on its way already, so it cannot be taken back. See below what became of it.")
    tell_screens(session, item_id)
    detail = {"command": str(command_id), "decision": gone["decision"]}
    life.audit(session, actor.practice_id, actor.email, "decision.withdrawn", f"work_item/{item_id}", detail)


def held_by_item(found: Iterable[Row[Any]]) -> dict[UUID, Held]:
    """Decisions as ``WAITING`` finds them, by item."""
    held = [_held(row) for row in found]
    return {decision.item_id: decision for decision in held}


def refused_late(session: Session, practice_id: UUID, item: WorkItemRow) -> str:
    """Why the last decision on this item was refused after its person had gone on; empty when none was."""
    values = {"practice": practice_id, "workflow": item.workflow_id, "item_id": str(item.id)}
    return reason(session.execute(REFUSED_LATE, values))


def reason(found: Iterable[Row[Any]]) -> str:
    """The same, as ``REFUSED_LATE`` found it."""
    return next((last.error or "" for last in found), "")


def _held(row: Row[Any]) -> Held:
    message = row.message
    return Held(
        UUID(message["work_item_id"]),
        UUID(message["command_id"]),
        UUID(message["user_id"]),
        message["decision"],
        row.not_before,
    )
