"""What happened (events), who did or saw what (audit), and what is still to be told to Temporal (outbox)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey, Identity, Index, LargeBinary, Text, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class EventRow(Base):
    """One line of a life story, append-only, in words a person can read. Complete without Temporal."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_encounter", "encounter_id", "id"),
        Index("ix_events_authorization", "authorization_id", "id"),
        Index("ix_events_authorization_case", "authorization_case_id", "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(ForeignKey("practices.id"))
    encounter_id: Mapped[UUID | None]
    authorization_id: Mapped[UUID | None]
    authorization_case_id: Mapped[UUID | None]
    at: Mapped[datetime]
    kind: Mapped[str]
    actor: Mapped[str]
    summary: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class AuditRow(Base):
    """Who saw or did what. Each row carries the hash of the one before it (set by a trigger), so a gap shows."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_chain", "practice_id", "id"),
        Index("ix_audit_log_subject", "practice_id", "subject", postgresql_where=text("action LIKE 'item.%'")),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=FetchedValue())  # drawn by the trigger
    practice_id: Mapped[UUID] = mapped_column(ForeignKey("practices.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)


# Acts on items. The pattern is written out: given as a value, it does not let Postgres use ix_audit_log_subject.
ON_ITEMS = AuditRow.action.like(literal_column("'item.%'", Text()))


class OutboxRow(OfPractice, Base):
    """A message to Temporal, written in the commit of what it tells of. Ids only, never a fact.

    state: pending -> sending -> done. A pending signal to a workflow is not written twice; once it is being sent, the
    next may be, so that no news is lost between the look and the commit. not_before: a decision that may still be
    taken back is carried off no earlier.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "uq_outbox_pending",
            "workflow_id",
            "signal",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_outbox_open", "state", "created_at", postgresql_where=text("state <> 'done'")),
    )
    workflow_id: Mapped[str]
    workflow_type: Mapped[str]
    message: Mapped[dict[str, Any]]
    signal: Mapped[str | None]  # None: start only; else signal, starting the workflow where it does not run
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    error: Mapped[str | None]
