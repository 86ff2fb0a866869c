"""Fetching what the clearinghouse left for us. Bytes are kept, once, before they are understood.

A file is known by its name, size and time as listed: a name used again, or a file that was still being written when it
was fetched, is fetched anew. What came before the rest of it stays, marked as such.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from temporalio import activity

from activities.gateways.clearinghouse import FILE_BYTES_MAX, RemoteFile
from activities.nudges import RECHECK
from activities.posting_tickets import copy_ticket, file_subject, remittance_subject
from edi.identify import UNKNOWN, identify
from models.ids import file_workflow_id, new_id
from models.messages import ConnectionRef, FileRef
from models.store.desk import close_item, put_item
from models.store.life import tell
from models.store.rows import insert_once
from models.store.session import practice_session
from models.tables.remittances import InboundCopyRow, InboundFileRow, RemittanceRow, RemoteFileRow

FILES_PER_FETCH_MAX = 20
LOOKED_AT_BYTES = 64 * 1024
TRIES_UNTIL_TOLD = 5
"""A file listed and not given out as often is put before a person; it is still asked for, after all others."""
CAME_WHOLE = "the rest of the file came later"


class Mailbox(Protocol):
    """The way in."""

    async def waiting_files(self) -> list[RemoteFile]:
        """What lies there."""

    async def fetch(self, names: list[str]) -> dict[str, bytes]:
        """The bytes of these files."""


class InboxActivities:
    """Fetching files."""

    def __init__(self, engine: Engine, mailbox: Mailbox) -> None:
        self._engine = engine
        self._mailbox = mailbox

    @activity.defn
    async def fetch_files(self, connection: ConnectionRef) -> int:
        """Fetch what is new and keep it, a bounded number at a time. Returns how many files were new."""
        waiting = await self._mailbox.waiting_files()
        new = await asyncio.to_thread(self._unknown, connection, waiting)
        ordinary = _fitting([file for file in new if file.size_bytes <= FILE_BYTES_MAX])
        contents = await self._mailbox.fetch([file.name for file in ordinary])
        for file in ordinary:
            if file.name in contents:
                await asyncio.to_thread(self._keep, connection, file, contents[file.name])
            else:
                activity.logger.warning("the clearinghouse lists a file and does not give it out")
                await asyncio.to_thread(self._not_given, connection, file)
        too_large = [file for file in new if file.size_bytes > FILE_BYTES_MAX]
        for file in too_large:
            await asyncio.to_thread(self._keep, connection, file, b"", "too_large")
        return len(contents) + len(too_large)

    def _unknown(self, connection: ConnectionRef, waiting: Sequence[RemoteFile]) -> list[RemoteFile]:
        """What was not fetched yet, at most as much as one fetch takes; what was not given out so far comes last."""
        with practice_session(self._engine, connection.practice_id) as session:
            rows = session.scalars(
                select(RemoteFileRow).where(
                    RemoteFileRow.connection == connection.connection,
                    RemoteFileRow.file_name.in_([file.name for file in waiting]),
                )
            )
            listed = {(row.file_name, row.size_bytes, row.modified_at): row for row in rows}
        tries: dict[RemoteFile, int] = {}
        for file in waiting:
            # no time: fetched before times were kept
            row = listed.get((file.name, file.size_bytes, file.modified_at)) or listed.get(
                (file.name, file.size_bytes, None)
            )
            if row is None or not row.fetched:
                tries[file] = row.tries if row is not None else 0
        return sorted(tries, key=lambda file: (tries[file], file.name))[:FILES_PER_FETCH_MAX]

    def _keep(
        self, connection: ConnectionRef, file: RemoteFile, content: bytes, without_bytes: str | None = None
    ) -> None:
        with practice_session(self._engine, connection.practice_id) as session:
            _note(session, connection, file, fetched=True)
            keep_file(session, connection, file, content, without_bytes)

    def _not_given(self, connection: ConnectionRef, file: RemoteFile) -> None:
        with practice_session(self._engine, connection.practice_id) as session:
            if _note(session, connection, file, fetched=False) == TRIES_UNTIL_TOLD:
                keep_file(session, connection, file, b"", "not_given")


def _fitting(files: list[RemoteFile]) -> list[RemoteFile]:
    """As many of the files, in their order, as one fetch may hold in memory; always the first."""
    total, fitting = 0, list[RemoteFile]()
    for file in files:
        total += file.size_bytes
        if fitting and total > FILE_BYTES_MAX:
            break
        fitting.append(file)
    return fitting


def _note(session: Session, connection: ConnectionRef, file: RemoteFile, *, fetched: bool) -> int:
    """Write down that a listed file was fetched, or once more was not given out. Returns how often it was not."""
    tried = 0 if fetched else 1
    row = insert(RemoteFileRow).values(
        id=new_id(),
        practice_id=connection.practice_id,
        connection=connection.connection,
        file_name=file.name,
        size_bytes=file.size_bytes,
        modified_at=file.modified_at,
        fetched=fetched,
        tries=tried,
    )
    listed = ["practice_id", "connection", "file_name", "size_bytes", "modified_at"]
    again = {"fetched": fetched, "tries": RemoteFileRow.tries + tried}
    noted = row.on_conflict_do_update(index_elements=listed, set_=again).returning(RemoteFileRow.tries)
    return session.scalars(noted).one()


def keep_file(
    session: Session, connection: ConnectionRef, file: RemoteFile, content: bytes, without_bytes: str | None = None
) -> None:
    """Keep a file as received and start its workflow; bytes that came before are noted as a copy and not read again.

    without_bytes: why there is no content: "too_large" or "not_given".
    """
    listed = f"{file.name} {file.size_bytes} {file.modified_at or ''}".strip()
    sha256 = hashlib.sha256(listed.encode() if without_bytes else content).hexdigest()
    continued = None if without_bytes else _first_part(session, connection, file, content)
    file_id = insert_once(
        session,
        InboundFileRow,
        practice_id=connection.practice_id,
        connection=connection.connection,
        file_name=file.name,
        content=content,
        size_bytes=file.size_bytes if without_bytes else len(content),
        sha256=sha256,
        kind=UNKNOWN if without_bytes else identify(content[:LOOKED_AT_BYTES]),
        status=without_bytes or "received",
        problems=[],
        continues=continued.id if continued is not None else None,
    )
    if file_id is None:
        _note_copy(session, connection, file.name, sha256)
        return
    if continued is not None:
        _supersede(session, connection, continued)
    reference = FileRef(practice_id=connection.practice_id, inbound_file_id=file_id)
    tell(session, connection.practice_id, file_workflow_id(file_id), "FileWorkflow", reference)


def _first_part(session: Session, connection: ConnectionRef, file: RemoteFile, content: bytes) -> InboundFileRow | None:
    """What came under that name before, if these bytes begin with it: it was not yet written to its end."""
    before = session.scalars(
        select(InboundFileRow)
        .where(InboundFileRow.connection == connection.connection, InboundFileRow.file_name == file.name)
        .order_by(InboundFileRow.created_at.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    longer = before is not None and len(before.content) < len(content) and content.startswith(before.content)
    return before if longer else None


def _supersede(session: Session, connection: ConnectionRef, part: InboundFileRow) -> None:
    """Nobody need look at half a file when the whole has come. What was posted from it stays posted."""
    now = datetime.now(UTC)
    part.status = "superseded"
    held = session.scalars(
        select(RemittanceRow)
        .where(RemittanceRow.inbound_file_id == part.id, RemittanceRow.status == "held")
        .with_for_update()
    ).all()
    for remittance in held:
        remittance.status = "dismissed"
        close_item(session, connection.practice_id, remittance_subject(remittance), CAME_WHOLE, now)
    close_item(session, connection.practice_id, file_subject(part), CAME_WHOLE, now)
    reference = FileRef(practice_id=connection.practice_id, inbound_file_id=part.id)
    tell(session, connection.practice_id, file_workflow_id(part.id), "FileWorkflow", reference, RECHECK)


def _note_copy(session: Session, connection: ConnectionRef, name: str, sha256: str) -> None:
    original = session.scalars(select(InboundFileRow).where(InboundFileRow.sha256 == sha256)).one_or_none()
    if original is None or (original.connection, original.file_name) == (connection.connection, name):
        return  # two fetches at once, or the very file with another time: that is no copy
    copy_id = insert_once(
        session,
        InboundCopyRow,
        practice_id=connection.practice_id,
        inbound_file_id=original.id,
        connection=connection.connection,
        file_name=name,
    )
    if copy_id is not None and _carries_money(original):
        # money that seems to come twice is a person's business; a second 999 is nobody's
        now = datetime.now(UTC)
        put_item(session, connection.practice_id, copy_ticket(original, copy_id, name, now), now)
        reference = FileRef(practice_id=connection.practice_id, inbound_file_id=original.id)
        tell(session, connection.practice_id, file_workflow_id(copy_id), "FileWorkflow", reference)


def _carries_money(file: InboundFileRow) -> bool:
    return file.kind == "835" or any(part["kind"] == "835" for part in file.contents)
