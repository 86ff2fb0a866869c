"""Writing down what happened, who did it, and what Temporal has yet to hear."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.orm import Session

from models.ids import new_id
from models.store.bulk import insert_all
from models.tables.life import AuditRow, EventRow, OutboxRow

MACHINE = "Firstpass"


def record(
    session: Session,
    practice_id: UUID,
    kind: str,
    summary: str,
    *,
    encounter_id: UUID | None = None,
    authorization_id: UUID | None = None,
    authorization_case_id: UUID | None = None,
    actor: str | None = None,
    at: datetime | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add a line to the life of an encounter, an authorization or an authorization case. actor: None is the machine."""
    session.add(
        EventRow(
            practice_id=practice_id,
            encounter_id=encounter_id,
            authorization_id=authorization_id,
            authorization_case_id=authorization_case_id,
            at=at or datetime.now(UTC),
            kind=kind,
            actor=actor or MACHINE,
            summary=summary,
            detail=detail or {},
        )
    )


class Line(NamedTuple):
    """A line for the life of an encounter, written by the machine."""

    encounter_id: UUID
    kind: str
    summary: str
    detail: dict[str, Any]


def record_all(session: Session, practice_id: UUID, lines: Sequence[Line]) -> None:
    """Add lines to the lives of many encounters in one statement."""
    now = datetime.now(UTC)
    rows = [{"practice_id": practice_id, "at": now, "actor": MACHINE, **line._asdict()} for line in lines]
    insert_all(session, EventRow, rows)


def audit(
    session: Session, practice_id: UUID, actor: str, action: str, subject: str, detail: dict[str, Any] | None = None
) -> None:
    """Add a link to the audit chain. Its lock lasts until the commit, so write it last."""
    session.flush()
    session.add(
        AuditRow(
            practice_id=practice_id,
            at=datetime.now(UTC),
            actor=actor,
            action=action,
            subject=subject,
            detail=detail or {},
        )
    )


def tell(
    session: Session,
    practice_id: UUID,
    workflow_id: str,
    workflow_type: str,
    message: BaseModel,
    signal: str | None = None,
) -> None:
    """Leave word for a workflow in this commit: start it, or signal it (starting it where it does not run).

    Word already waiting is not written twice: signals say only "look again". It is locked, though, until this commit:
    carried off before, it would have the workflow look at facts that do not show yet.
    """
    tell_all(session, practice_id, workflow_type, {workflow_id: message}, signal)


def tell_all(
    session: Session,
    practice_id: UUID,
    workflow_type: str,
    messages: Mapping[str, BaseModel],
    signal: str | None = None,
) -> None:
    """Leave word for many workflows, by their ids, in one statement; in the order of the ids, so that two never wait
    for each other.
    """
    rows = [
        {
            "id": new_id(),
            "practice_id": practice_id,
            "workflow_id": workflow_id,
            "workflow_type": workflow_type,
            "message": messages[workflow_id].model_dump(mode="json"),
            "signal": signal,
            "state": "pending",
            "attempts": 0,
        }
        for workflow_id in sorted(messages)
    ]
    waiting = "ON CONFLICT (workflow_id, signal) WHERE state = 'pending' DO UPDATE SET message = excluded.message"
    insert_all(session, OutboxRow, rows, on_conflict=waiting)
