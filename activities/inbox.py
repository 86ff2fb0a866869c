"""Fetching what the clearinghouse left for us. Bytes are kept, once, before they are understood."""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from temporalio import activity

from activities.gateways.clearinghouse import FILE_BYTES_MAX, RemoteFile
from activities.posting_tickets import copy_ticket
from edi.identify import identify
from models.ids import file_workflow_id, new_id
from models.messages import ConnectionRef, FileRef
from models.store.desk import put_item
from models.store.life import tell
from models.store.session import practice_session
from models.tables.remittances import InboundCopyRow, InboundFileRow

FILES_PER_FETCH_MAX = 20
LOOKED_AT_BYTES = 64 * 1024


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
        too_large = [file for file in new if file.size_bytes > FILE_BYTES_MAX]
        for file in too_large:
            await asyncio.to_thread(self._keep, connection, file, None)
        return len(contents) + len(too_large)

    def _unknown(self, connection: ConnectionRef, waiting: list[RemoteFile]) -> list[RemoteFile]:
        with practice_session(self._engine, connection.practice_id) as session:
            names = [file.name for file in waiting]
            known: set[str] = set()
            for table in (InboundFileRow, InboundCopyRow):
                known |= set(
                    session.scalars(
                        select(table.file_name).where(
                            table.connection == connection.connection, table.file_name.in_(names)
                        )
                    )
                )
        return [file for file in waiting if file.name not in known][:FILES_PER_FETCH_MAX]

    def _keep(self, connection: ConnectionRef, file: RemoteFile, content: bytes | None) -> None:
        with practice_session(self._engine, connection.practice_id) as session:
            if content is None:
                keep_file(session, connection, file.name, b"", size_bytes=file.size_bytes)
            else:
                keep_file(session, connection, file.name, content)


def _fitting(files: list[RemoteFile]) -> list[RemoteFile]:
    """As many of the files, in their order, as one fetch may hold in memory; always the first."""
    total, fitting = 0, list[RemoteFile]()
    for file in files:
        total += file.size_bytes
        if fitting and total > FILE_BYTES_MAX:
            break
        fitting.append(file)
    return fitting


def keep_file(
    session: Session, connection: ConnectionRef, name: str, content: bytes, size_bytes: int | None = None
) -> None:
    """Keep a file as received and start its workflow; bytes that came before are noted as a copy and not read again.

    size_bytes: given when the file is too large to be fetched, so that content is empty.
    """
    too_large = size_bytes is not None
    sha256 = hashlib.sha256(content if not too_large else f"{name} {size_bytes}".encode()).hexdigest()
    file_id = session.scalar(
        insert(InboundFileRow)
        .values(
            id=new_id(),
            practice_id=connection.practice_id,
            connection=connection.connection,
            file_name=name,
            content=content,
            size_bytes=size_bytes if too_large else len(content),
            sha256=sha256,
            kind="unknown" if too_large else identify(content[:LOOKED_AT_BYTES]),
            status="too_large" if too_large else "received",
            problems=[],
        )
        .on_conflict_do_nothing()
        .returning(InboundFileRow.id)
    )
    if file_id is None:
        _note_copy(session, connection, name, sha256)
        return
    reference = FileRef(practice_id=connection.practice_id, inbound_file_id=file_id)
    tell(session, connection.practice_id, file_workflow_id(file_id), "FileWorkflow", reference)


def _note_copy(session: Session, connection: ConnectionRef, name: str, sha256: str) -> None:
    original = session.scalars(select(InboundFileRow).where(InboundFileRow.sha256 == sha256)).one_or_none()
    if original is None:  # two fetches at once: the other one is keeping this very name
        return
    copy_id = session.scalar(
        insert(InboundCopyRow)
        .values(
            id=new_id(),
            practice_id=connection.practice_id,
            inbound_file_id=original.id,
            connection=connection.connection,
            file_name=name,
        )
        .on_conflict_do_nothing()
        .returning(InboundCopyRow.id)
    )
    if copy_id is not None and original.kind == "835":
        # money that seems to come twice is a person's business; a second 999 is nobody's
        now = datetime.now(UTC)
        put_item(session, connection.practice_id, copy_ticket(original, copy_id, name, now), now)
        reference = FileRef(practice_id=connection.practice_id, inbound_file_id=original.id)
        tell(session, connection.practice_id, file_workflow_id(copy_id), "FileWorkflow", reference)
