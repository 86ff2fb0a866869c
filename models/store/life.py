"""Writing down what happened, who did it, and what Temporal has yet to hear."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

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
    actor: str = MACHINE,
    at: datetime | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add a line to the life of an encounter, an authorization or an authorization case."""
    session.add(
        EventRow(
            practice_id=practice_id,
            encounter_id=encounter_id,
            authorization_id=authorization_id,
            authorization_case_id=authorization_case_id,
            at=at or datetime.now(UTC),
            kind=kind,
            actor=actor,
            summary=summary,
            detail=detail or {},
        )
    )


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
    fresh = insert(OutboxRow).values(
        practice_id=practice_id,
        workflow_id=workflow_id,
        workflow_type=workflow_type,
        message=message.model_dump(mode="json"),
        signal=signal,
        state="pending",
    )
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=["workflow_id", "signal"],
            index_where=text("state = 'pending'"),
            set_={"message": fresh.excluded.message},
        )
    )
