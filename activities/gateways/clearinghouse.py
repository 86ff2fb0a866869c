"""The clearinghouse over SFTP: put a file whole or not at all, list, fetch.

A file is uploaded under a temporary name and then renamed. The other side never takes half a file, and we can tell
after any crash whether it was sent.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import asyncssh

CONNECT_SECONDS = 10
FILE_BYTES_MAX = 200 * 1024 * 1024
PART_SUFFIX = ".part"
NOT_GIVEN_OUT = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure)


@dataclass(frozen=True, slots=True)
class SftpAddress:
    """Where the clearinghouse is and who we are there. known_host_key: their public key; empty: any (embedded)."""

    host: str
    port: int
    user: str
    password: str = ""
    key_path: Path | None = None
    known_host_key: str = ""
    inbound_dir: str = "inbound"
    outbound_dir: str = "outbound"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file the clearinghouse has for us, as listed. modified_at: None where the listing does not say."""

    name: str
    size_bytes: int
    modified_at: datetime | None = None


class SftpClearinghouse:
    """One connection per call: a call a minute needs no pool, and a dropped line heals by itself."""

    def __init__(self, address: SftpAddress) -> None:
        self._address = address

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[asyncssh.SFTPClient]:
        at = self._address
        known = None
        if at.known_host_key:
            known = asyncssh.import_known_hosts(f"* {at.known_host_key}\n")
        async with (
            asyncssh.connect(
                at.host,
                at.port,
                username=at.user,
                password=at.password or None,
                client_keys=[str(at.key_path)] if at.key_path else [],
                known_hosts=known,
                config=None,
                connect_timeout=CONNECT_SECONDS,
                login_timeout=CONNECT_SECONDS,
            ) as connection,
            # a name in another encoding is one file's trouble, not the end of the whole listing
            connection.start_sftp_client(path_errors="backslashreplace") as sftp,
        ):
            yield sftp

    async def upload(self, name: str, content: bytes) -> None:
        """Write the file under its temporary name, over whatever an earlier attempt left there."""
        async with self._open() as sftp, sftp.open(self._part(name), "wb") as file:
            await file.write(content)

    async def release(self, name: str) -> bool:
        """Give an uploaded file its final name, which is what sends it. Returns whether it was this call.

        Only we remove the temporary name, so once the upload is known to be complete its absence proves that an earlier
        call was the one: nothing is sent again.
        """
        async with self._open() as sftp:
            if not await sftp.exists(self._part(name)):
                return False
            await sftp.rename(self._part(name), f"{self._address.inbound_dir}/{name}")
            return True

    def _part(self, name: str) -> str:
        return f"{self._address.inbound_dir}/{name}{PART_SUFFIX}"

    async def waiting_files(self) -> list[RemoteFile]:
        """What lies in the outbound directory, oldest name first, files still being written left out."""
        async with self._open() as sftp:
            entries = await sftp.readdir(self._address.outbound_dir)
        return sorted(
            (
                RemoteFile(str(entry.filename), entry.attrs.size or 0, _instant(entry.attrs.mtime))
                for entry in entries
                if entry.attrs.type != asyncssh.FILEXFER_TYPE_DIRECTORY
                and not str(entry.filename).startswith(".")
                and not str(entry.filename).endswith((PART_SUFFIX, ".tmp"))
            ),
            key=lambda file: file.name,
        )

    async def fetch(self, names: list[str]) -> dict[str, bytes]:
        """The bytes of these files; one too large is cut at FILE_BYTES_MAX + 1, which the caller can see.

        A file that the other side does not give out is left out, so that it keeps no other from coming in.
        """
        fetched: dict[str, bytes] = {}
        async with self._open() as sftp:
            for name in names:
                with suppress(*NOT_GIVEN_OUT):
                    async with sftp.open(f"{self._address.outbound_dir}/{name}", "rb") as file:
                        fetched[name] = cast(bytes, await file.read(FILE_BYTES_MAX + 1))
        return fetched


def _instant(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
