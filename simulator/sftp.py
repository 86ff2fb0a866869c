"""The mailbox as clients see it: /inbound to drop files into, /outbound to fetch from, and nothing else."""

import hmac
import posixpath
from collections.abc import AsyncIterator, Callable

import asyncssh

from simulator.config import SimulatorConfig

FOLDERS = (b"inbound", b"outbound")
MAX_UPLOAD_BYTES = 200 * 1024 * 1024
WRITING = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC


class Door(asyncssh.SSHServer):
    """Lets one user in, by password or by a known public key."""

    def __init__(self, config: SimulatorConfig, keys: list[asyncssh.SSHKey]) -> None:
        self.user = config.authorized_user
        self.secret = config.password.get_secret_value() if config.password else ""
        self.keys = {key.public_data for key in keys}

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return bool(self.secret)

    def validate_password(self, username: str, password: str) -> bool:
        right = hmac.compare_digest(password.encode(), self.secret.encode())
        return right and username == self.user

    def public_key_auth_supported(self) -> bool:
        return bool(self.keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self.user and key.public_data in self.keys


class Mailbox(asyncssh.SFTPServer):
    """A chroot in which only the two folders exist, one level deep, and uploads are made under a `.part` name."""

    def __init__(
        self, channel: "asyncssh.SSHServerChannel[bytes]", config: SimulatorConfig, arrived: Callable[[], None]
    ) -> None:
        super().__init__(channel, chroot=str(config.root).encode())
        self.arrived = arrived

    def map_path(self, path: bytes) -> bytes:
        """Every operation passes here, so this is where the walls stand."""
        normal = posixpath.normpath(posixpath.join(b"/", path)).lstrip(b"/")
        folder = normal.split(b"/")[0]
        if (folder and folder not in FOLDERS) or normal.count(b"/") > 1:
            raise asyncssh.SFTPNoSuchFile("Only /inbound and /outbound are here")
        return super().map_path(path)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & WRITING:
            self._require(path, b"inbound", "Files are uploaded to /inbound only")
            if not path.endswith(b".part"):
                raise asyncssh.SFTPPermissionDenied("Upload under a name ending in .part, then rename it")
        return super().open(path, pflags, asyncssh.SFTPAttrs())

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset + len(data) > MAX_UPLOAD_BYTES:
            raise asyncssh.SFTPFailure("The file is larger than the clearinghouse takes")
        written = super().write(file_obj, offset, data)
        assert isinstance(written, int)
        return written

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Finishing an upload. Refused when a file of that name still waits, so that none is overwritten."""
        self._require(oldpath, b"inbound", "Only files in /inbound can be renamed")
        self._require(newpath, b"inbound", "Files cannot be moved out of /inbound")
        super().rename(oldpath, newpath)
        self.arrived()

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self.rename(oldpath, newpath)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """A listing; the root shows its two public folders only."""
        inside = self._folder(path)
        async for name in super().scandir(path):
            if inside or name.filename in (b".", b"..", *FOLDERS):
                yield name

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Clients like to set times and modes after an upload; there is nothing here worth setting."""

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """As `setstat`."""

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """As `setstat`."""

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        raise asyncssh.SFTPPermissionDenied("Folders cannot be made here")

    def rmdir(self, path: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("Folders cannot be removed here")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("Links cannot be made here")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("Links cannot be made here")

    def _folder(self, path: bytes) -> bytes:
        return posixpath.normpath(posixpath.join(b"/", path)).lstrip(b"/").split(b"/")[0]

    def _require(self, path: bytes, folder: bytes, sentence: str) -> None:
        if self._folder(path) != folder:
            raise asyncssh.SFTPPermissionDenied(sentence)
