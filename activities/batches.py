"""Ready claims become one 837P file, sent once. Intent, bytes and hash are written before anything leaves.

What the judge (pyx12) or our own checks reject never leaves the building: such a claim goes back to a person, the rest
of the batch goes on.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from temporalio import activity

from activities.claim_records import claim_record, sender
from activities.nudges import nudge
from billing.vocabulary import Stage
from edi.filing import envelope
from edi.x837p import write_837p
from edi.x837p_gate import refusals
from models.ids import new_id
from models.messages import BatchBuilt, BatchRef, ConnectionRef
from models.store.book import book_of
from models.store.life import record
from models.store.session import practice_session
from models.tables.claims import AcknowledgementRow, BatchRow, ClaimRow, ClaimVersionRow, ControlNumberRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow

CLAIMS_PER_BATCH_MAX = 100
UNSENT = ("intended", "uploaded")
UPLOAD_SECONDS = 50  # ends before Temporal calls the attempt lost and begins another, which would write beside it
OWN_CHECK = "CHECK"


class Clearinghouse(Protocol):
    """The way out, as far as sending goes."""

    async def upload(self, name: str, content: bytes) -> None:
        """Write under a temporary name."""

    async def release(self, name: str) -> bool:
        """Rename to the final name; False when an earlier call did."""


class BatchActivities:
    """Building batches, inside the building."""

    def __init__(self, engine: Engine, usage_indicator: str) -> None:
        self._engine = engine
        self._usage_indicator = usage_indicator

    @activity.defn(no_thread_cancel_exception=True)
    def build_batch(self, connection: ConnectionRef) -> BatchBuilt:
        """The next batch of a connection: one begun earlier and not yet sent, or a new one of the ready claims."""
        with practice_session(self._engine, connection.practice_id) as session:
            begun = session.scalars(
                select(BatchRow.id)
                .where(BatchRow.connection == connection.connection, BatchRow.status.in_(UNSENT))
                .order_by(BatchRow.interchange_control_number)
                .limit(1)
            ).one_or_none()
            if begun is not None:
                return BatchBuilt(batch_id=begun, more=True)
            versions = _ready(session, connection.connection)
            batch_id = self._build(session, connection, versions) if versions else None
            return BatchBuilt(batch_id=batch_id, more=_waits(session, connection.connection))

    def _build(self, session: Session, connection: ConnectionRef, versions: Sequence[ClaimVersionRow]) -> UUID | None:
        practice = session.get_one(PracticeRow, connection.practice_id)
        number = _next_control_number(session, connection)
        book = book_of(session, practice)
        created = datetime.now(ZoneInfo(practice.time_zone))
        around = envelope(sender(practice, book), number, self._usage_indicator, created)
        ranks = _ranks(session, versions)
        records = [claim_record(practice, book, version, ranks[version.claim_id]) for version in versions]
        good = [
            (version, record_)
            for version, record_, found in zip(versions, records, refusals(around, records), strict=True)
            if not _turn_back(session, version, found)
        ]
        if not good:
            return None
        content = write_837p(replace(around, claims=tuple(record_ for _, record_ in good))).encode()
        batch = BatchRow(
            id=new_id(),
            practice_id=practice.id,
            connection=connection.connection,
            interchange_control_number=number,
            # two practices may share a mailbox, so the number alone would not do
            file_name=f"FP{practice.id.hex[:8].upper()}-{number:09d}.837",
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            claim_count=len(good),
            total_charge=sum(version.total_charge for version, _ in good),
            status="intended",
            attempts=0,
        )
        session.add(batch)
        session.flush()
        for position, (version, _) in enumerate(good, start=1):
            version.status, version.batch_id, version.batch_position = "batched", batch.id, position
            summary = f"Claim {version.patient_control_number} put into file {batch.file_name}"
            record(session, practice.id, "claim.batched", summary, encounter_id=version.encounter_id)
        return batch.id

    @activity.defn(no_thread_cancel_exception=True)
    def record_uploaded(self, batch: BatchRef) -> None:
        """The file lies at the clearinghouse under its temporary name."""
        with practice_session(self._engine, batch.practice_id) as session:
            session.execute(
                update(BatchRow)
                .where(BatchRow.id == batch.batch_id, BatchRow.status == "intended")
                .values(status="uploaded")
            )

    @activity.defn(no_thread_cancel_exception=True)
    def record_sent(self, batch: BatchRef) -> None:
        """The file has its final name: its claims are sent. Doing it again changes nothing."""
        with practice_session(self._engine, batch.practice_id) as session:
            row = session.scalars(select(BatchRow).where(BatchRow.id == batch.batch_id).with_for_update()).one()
            if row.sent_at is not None:
                return
            row.sent_at = datetime.now(UTC)
            if row.status in UNSENT:  # else an answer was faster than this record
                row.status = "sent"
            for version in lock_claims(session, ClaimVersionRow.batch_id == batch.batch_id):
                version.sent_at = row.sent_at
                summary = f"Claim {version.patient_control_number} sent in file {row.file_name}"
                if version.status == "batched":
                    version.status = "sent"
                    move_stage(session, version, Stage.ACKNOWLEDGEMENT, "claim.sent", summary)
                else:
                    record(session, row.practice_id, "claim.sent", summary, encounter_id=version.encounter_id)


class SendingActivities:
    """What leaves the building."""

    def __init__(self, engine: Engine, clearinghouse: Clearinghouse) -> None:
        self._engine = engine
        self._clearinghouse = clearinghouse

    @activity.defn
    async def upload_batch(self, batch: BatchRef) -> None:
        """Write the batch's bytes under the temporary name. Repeating it overwrites the same bytes.

        What is recorded as uploaded may be released already, and is not uploaded again: a workflow that starts from
        the beginning, after Temporal lost its history, would send it a second time.
        """
        name, content, status = await asyncio.to_thread(self._file, batch, attempt=True)
        if status == "intended":
            async with asyncio.timeout(UPLOAD_SECONDS):
                await self._clearinghouse.upload(name, content)

    @activity.defn
    async def release_batch(self, batch: BatchRef) -> None:
        """Rename the uploaded file, unless an earlier call did."""
        name, _, _ = await asyncio.to_thread(self._file, batch)
        await self._clearinghouse.release(name)

    def _file(self, batch: BatchRef, *, attempt: bool = False) -> tuple[str, bytes, str]:
        """Name, bytes and status. attempt: the bytes are about to be written there, unless they are already."""
        with practice_session(self._engine, batch.practice_id) as session:
            row = session.get_one(BatchRow, batch.batch_id)
            if attempt and row.status == "intended":
                row.attempts += 1
            return row.file_name, row.content, row.status


def lock_claims(session: Session, *which: ColumnElement[bool]) -> Sequence[ClaimVersionRow]:
    """Claim versions with their encounters, all locked, encounters first: the order every writer keeps."""
    encounter_ids = session.scalars(select(ClaimVersionRow.encounter_id).where(*which)).all()
    encounters = select(EncounterRow.id).where(EncounterRow.id.in_(encounter_ids)).order_by(EncounterRow.id)
    session.execute(encounters.with_for_update(key_share=True))
    return session.scalars(
        select(ClaimVersionRow)
        .where(*which)
        .order_by(ClaimVersionRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def move_stage(session: Session, version: ClaimVersionRow, stage: Stage, kind: str, summary: str) -> None:
    """News of a claim that asks nothing of anybody: stage and event are written here, the workflow sleeps on.

    Only when a person is waiting for just this news is the workflow woken, to clear the item.
    """
    row = session.get_one(EncounterRow, version.encounter_id)
    if row.closed_at is None:
        row.stage, row.updated_at = stage.value, datetime.now(UTC)
    record(session, row.practice_id, kind, summary, encounter_id=row.id)
    waiting = session.scalar(
        select(func.count())
        .select_from(WorkItemRow)
        .where(WorkItemRow.encounter_id == row.id, WorkItemRow.closed_at.is_(None))
    )
    if waiting:
        nudge(session, row)


def _ready(session: Session, connection: str) -> Sequence[ClaimVersionRow]:
    return session.scalars(
        select(ClaimVersionRow)
        .where(ClaimVersionRow.status == "ready", ClaimVersionRow.connection == connection)
        .order_by(ClaimVersionRow.created_at, ClaimVersionRow.id)
        .limit(CLAIMS_PER_BATCH_MAX)
        .with_for_update(skip_locked=True)
    ).all()


def _waits(session: Session, connection: str) -> bool:
    """Whether a ready claim is left: beyond the limit, or locked by a look at its encounter in this very moment."""
    session.flush()
    query = select(ClaimVersionRow.id).where(
        ClaimVersionRow.status == "ready", ClaimVersionRow.connection == connection
    )
    return session.scalar(query.limit(1)) is not None


def _ranks(session: Session, versions: Sequence[ClaimVersionRow]) -> dict[UUID, int]:
    """To which of the patient's plans each claim goes."""
    claims = select(ClaimRow.id, ClaimRow.rank).where(ClaimRow.id.in_({version.claim_id for version in versions}))
    return dict(session.execute(claims).all())


def _next_control_number(session: Session, connection: ConnectionRef) -> int:
    """ISA13: one higher each time, never reused with this partner, whatever becomes of the file."""
    return session.scalars(
        insert(ControlNumberRow)
        .values(id=new_id(), practice_id=connection.practice_id, connection=connection.connection, last=1)
        .on_conflict_do_update(index_elements=["practice_id", "connection"], set_={"last": ControlNumberRow.last + 1})
        .returning(ControlNumberRow.last)
    ).one()


def _turn_back(session: Session, version: ClaimVersionRow, messages: Sequence[str]) -> bool:
    """Send a claim that must not leave back to a person."""
    if not messages:
        return False
    version.status = "rejected"
    session.add_all(
        AcknowledgementRow(
            practice_id=version.practice_id,
            claim_version_id=version.id,
            kind=OWN_CHECK,
            accepted=False,
            code="not sent",
            message=f"Our own check refused the claim: {message}",
        )
        for message in messages
    )
    nudge(session, session.get_one(EncounterRow, version.encounter_id))
    return True
