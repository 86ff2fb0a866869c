"""What people work on: items in queues, their notes, their decisions."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class WorkItemRow(OfPractice, Base):
    """One piece of human work: a projection of a workflow's state, plus who has it.

    subject: what it is about (``encounter/<uuid>``, ``reauthorization/<uuid>``, ``remittance-claim/<uuid>`` ...); a
    subject has one open item at most. version rises with every change of the projection.
    """

    __tablename__ = "work_items"
    __table_args__ = (
        Index(
            "uq_work_items_open_subject",
            "practice_id",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_work_items_queue", "practice_id", "queue", "closed_at", "due_at", "id"),
        Index("ix_work_items_encounter", "encounter_id"),
    )
    subject: Mapped[str]
    queue: Mapped[str]
    kind: Mapped[str]
    workflow_id: Mapped[str]  # who is told of decisions
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    authorization_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorizations.id"))
    inbound_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("inbound_files.id"))
    remittance_claim_id: Mapped[UUID | None] = mapped_column(ForeignKey("remittance_claims.id"))
    denial_id: Mapped[UUID | None] = mapped_column(ForeignKey("denials.id"))
    clinician_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinicians.id"))
    reason: Mapped[str]  # why it is here, in words
    clears_when: Mapped[str]
    whose_move: Mapped[str]
    findings: Mapped[list[Any]] = mapped_column(default=list)
    amount: Mapped[Decimal] = mapped_column(default=Decimal("0.00"))
    due_at: Mapped[datetime | None]
    escalated: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]  # "re-check passed" or the decision
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    taken_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]


class WorkItemNoteRow(OfPractice, Base):
    """What people wrote beside an item."""

    __tablename__ = "work_item_notes"
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"), index=True)
    encounter_id: Mapped[UUID | None]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str]


class DecisionRow(OfPractice, Base):
    """What a person decided; the command id makes a repeated click the same decision."""

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("practice_id", "command_id"),
        Index("ix_decisions_encounter", "encounter_id"),
    )
    command_id: Mapped[UUID]
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    encounter_id: Mapped[UUID | None]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    decision: Mapped[str]
    reason: Mapped[str]
    fields: Mapped[dict[str, Any]]
    outcome: Mapped[str]
