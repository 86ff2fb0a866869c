"""What people work on: items in queues, their notes, their decisions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, ListedByPractice, OfPractice


class WorkItemRow(OfPractice, Base):
    """One piece of human work: a projection of a workflow's state, plus who has it.

    subject: what it is about (``encounter/<uuid>``, ``authorization-case/<uuid>``, ``remittance-claim/<uuid>`` ...); a
    subject has one open item at most. version rises with every change of the projection.
    rank_at: when it is due, moved earlier by what is at stake (billing.priority); it does not depend on the moment it
    is read, so the best item is the first of an index. leased_*: who has it open through get-next, and until when; a
    lease that ran out is nobody's. wakes_on: the news a snoozed item waits for besides its day (billing.desk.WAKES_ON).
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
        Index("ix_work_items_arrived", "practice_id", "opened_at"),
        Index("ix_work_items_encounter", "encounter_id"),
        Index(
            "ix_work_items_ranked",
            "practice_id",
            "queue",
            "rank_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_work_items_leased",
            "practice_id",
            "leased_by",
            postgresql_where=text("leased_by IS NOT NULL"),
        ),
        Index(  # all that a queue's numbers are counted from, so that counting reads the index alone
            "ix_work_items_figures",
            "practice_id",
            "queue",
            "due_at",
            postgresql_include=["snoozed_until", "owner_id", "clinician_id", "opened_at", "amount"],
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(  # the newest of a queue
            "ix_work_items_opened",
            "practice_id",
            "queue",
            "opened_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(  # somebody's own
            "ix_work_items_owned",
            "practice_id",
            "owner_id",
            "queue",
            postgresql_where=text("closed_at IS NULL AND owner_id IS NOT NULL"),
        ),
        Index("ix_work_items_cause", "practice_id", "queue", "cause", postgresql_where=text("closed_at IS NULL")),
    )
    subject: Mapped[str]
    queue: Mapped[str]
    kind: Mapped[str]
    workflow_id: Mapped[str]  # who is told of decisions
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    authorization_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorizations.id"))
    authorization_case_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorization_cases.id"))
    inbound_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("inbound_files.id"))
    remittance_claim_id: Mapped[UUID | None] = mapped_column(ForeignKey("remittance_claims.id"))
    denial_id: Mapped[UUID | None] = mapped_column(ForeignKey("denials.id"))
    clinician_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinicians.id"))
    reason: Mapped[str]  # why it is here, in words
    clears_when: Mapped[str]
    whose_move: Mapped[str]
    findings: Mapped[list[Any]] = mapped_column(default=list)
    cause: Mapped[str | None]  # what it shares with others (billing.causes.fingerprint)
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
    snoozed_at: Mapped[datetime | None]
    wakes_on: Mapped[str | None]
    rank_at: Mapped[datetime] = mapped_column(server_default=func.now())
    rank_steps: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'::jsonb")
    )  # its reasons, in words
    leased_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    leased_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]


class WorkItemNoteRow(ListedByPractice, Base):
    """What people wrote beside an item. withdrawn_at: taken back by its writer; kept, no longer shown."""

    __tablename__ = "work_item_notes"
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"), index=True)
    encounter_id: Mapped[UUID | None] = mapped_column(index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str]
    withdrawn_at: Mapped[datetime | None]


class WorkItemMentionRow(OfPractice, Base):
    """Somebody named in a note with @. seen_at: when that person opened the item."""

    __tablename__ = "work_item_mentions"
    __table_args__ = (
        UniqueConstraint("note_id", "user_id"),
        Index("ix_work_item_mentions_user", "practice_id", "user_id", "seen_at"),
    )
    note_id: Mapped[UUID] = mapped_column(ForeignKey("work_item_notes.id"))
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    seen_at: Mapped[datetime | None]


class WorkItemAttachmentRow(ListedByPractice, Base):
    """A file kept beside an item, as received, with its hash. removed_at: no longer shown."""

    __tablename__ = "work_item_attachments"
    __table_args__ = (UniqueConstraint("work_item_id", "sha256"),)
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    encounter_id: Mapped[UUID | None] = mapped_column(index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    file_name: Mapped[str]
    media_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    removed_at: Mapped[datetime | None]


class WorkItemSkipRow(ListedByPractice, Base):
    """Who passed an item over, on which practice day, why. item_version: an item that changed since comes up again."""

    __tablename__ = "work_item_skips"
    __table_args__ = (UniqueConstraint("work_item_id", "user_id", "day"),)
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    day: Mapped[date] = mapped_column(index=True)
    reason: Mapped[str]  # billing.desk.SKIP_REASONS, or empty
    item_version: Mapped[int]
    skipped_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class WorkItemPauseRow(ListedByPractice, Base):
    """An interval during which an item's service clock stood, and for whom. ended_at: None while it stands."""

    __tablename__ = "work_item_pauses"
    __table_args__ = (
        Index(
            "uq_work_item_pauses_open",
            "work_item_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_work_item_pauses_item", "work_item_id", "started_at"),
    )
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    waiting_on: Mapped[str]  # billing.desk.WAITING_ON
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class WorkItemPresenceRow(OfPractice, Base):
    """Who has an item open on a screen; true for a minute or two after seen_at."""

    __tablename__ = "work_item_presence"
    __table_args__ = (UniqueConstraint("work_item_id", "user_id"),)
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    seen_at: Mapped[datetime]


class DeskActionRow(OfPractice, Base):
    """What a person did inside the desk and how it was before, so that it can be taken back for a while.

    before, after: the touched columns of the item as text; ``about``: the note, skip or attachment made.
    """

    __tablename__ = "desk_actions"
    __table_args__ = (Index("ix_desk_actions_user", "practice_id", "user_id", "at"),)
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_items.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str]
    said: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    about: Mapped[UUID | None]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class SavedViewRow(ListedByPractice, Base):
    """A filter under a name. user_id: whose it is; None is the team's. deleted_at: no longer shown."""

    __tablename__ = "saved_views"
    __table_args__ = (
        Index(
            "uq_saved_views_name",
            "practice_id",
            "user_id",
            "queue",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    queue: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]  # as in the address; never a patient's name
    deleted_at: Mapped[datetime | None]


class HiddenColumnsRow(OfPractice, Base):
    """What somebody does not want to see in the rows of a queue. columns: keys of web.reads.columns.COLUMNS."""

    __tablename__ = "hidden_columns"
    __table_args__ = (UniqueConstraint("user_id", "queue"),)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    queue: Mapped[str]
    columns: Mapped[list[str]]


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
