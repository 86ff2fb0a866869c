"""What happens around items: messages between desk and clinician, actions on many items at once, days off."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, ListedByPractice, OfPractice


class ClinicianMessageRow(OfPractice, Base):
    """What the desk asked a clinician about an item, and what the clinician answered; append-only.

    kind: ask (by the desk) | done (the clinician put it right in the chart) | question (the clinician asks back).
    """

    __tablename__ = "clinician_messages"
    __table_args__ = (Index("ix_clinician_messages_work_item", "work_item_id", "created_at"),)
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    clinician_id: Mapped[UUID] = mapped_column(ForeignKey("clinicians.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str]
    body: Mapped[str]


class BulkActionRow(ListedByPractice, Base):
    """One person's action on many items. said: what it was, for banners and lives of items."""

    __tablename__ = "bulk_actions"
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    verb: Mapped[str]  # decide | take | release | snooze | reassign
    said: Mapped[str]
    at: Mapped[datetime]
    reverted_at: Mapped[datetime | None]
    reverted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class BulkEntryRow(OfPractice, Base):
    """What an action on many came to for one of them.

    state: waiting (a decision on its way to its workflow) | done | refused | reverted | kept (not reverted, because
    somebody acted on it since). before and after: who had it and until when it slept, for the way back.
    """

    __tablename__ = "bulk_entries"
    __table_args__ = (
        UniqueConstraint("practice_id", "command_id"),
        Index("ix_bulk_entries_action", "bulk_action_id"),
        Index("ix_bulk_entries_waiting", "practice_id", "work_item_id", postgresql_where=text("state = 'waiting'")),
    )
    bulk_action_id: Mapped[UUID] = mapped_column(ForeignKey("bulk_actions.id"))
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    command_id: Mapped[UUID]
    state: Mapped[str]
    said: Mapped[str]
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)


class AbsenceRow(ListedByPractice, Base):
    """Days on which somebody does not work, both included. ended_at: taken back before it was over."""

    __tablename__ = "absences"
    __table_args__ = (Index("ix_absences_user", "user_id", "last_day"),)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    why: Mapped[str]
    ended_at: Mapped[datetime | None]
