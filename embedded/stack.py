"""Everything that runs on one machine: started in order, watched, started again, ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Literal, Self

from embedded.child import Child, wait_until
from embedded.keys import ensure_secrets, write_private
from embedded.ports import LOCALHOST, answers_http, answers_tcp, claim_port
from embedded.postgres import Postgres
from embedded.temporal import TemporalServer
from settings import (
    APP_ROLE,
    DATABASE_NAME,
    OWNER_ROLE,
    Problem,
    Settings,
    endpoints_file,
    load_settings,
    variable,
)

WATCH_SECONDS = 0.2
RESTART_LIMIT = 5
RESTART_FIRST_PAUSE_SECONDS = 0.2
RESTART_LONGEST_PAUSE_SECONDS = 10.0
STABLE_SECONDS = 60.0
LOCAL_SENDER = "desk@firstpass.invalid"  # a name that can never exist (RFC 2606), so nothing local looks real

ServiceName = Literal["worker", "web", "simulator", "mail"]
SERVICES: tuple[ServiceName, ...] = ("simulator", "mail", "worker", "web")


class Service:
    """One of our own commands as a process: `firstpass worker`, `web`, `simulator`, `mail`."""

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
        write_private(endpoints_file(self.settings.var_dir), _as_dotenv(self.settings))
        for name in self._services:
            if not self._is_yours(name):
                self._add(Service(name, self._commands[name], self.settings, self._readiness(name)))
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watcher.start()

    def _is_yours(self, name: str) -> bool:
        """Whether the settings name a server of your own in place of the embedded one."""
        return bool({"simulator": self._given.sftp_host, "mail": self._given.smtp_host}.get(name))

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
        if not given.smtp_host and "mail" in self._services:
            port = claim_port(given.smtp_port, host=LOCALHOST, what="the local mail server", setting="smtp_port")
            chosen |= {"smtp_port": port, "smtp_host": LOCALHOST, "smtp_tls": "none", "smtp_from": LOCAL_SENDER}
            chosen["mail_store"] = (given.var_dir / "mail").absolute()
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
            return lambda: answers_http(f"http://{settings.web_host}:{settings.web_port}/healthz")
        if name == "mail":
            return lambda: answers_tcp(settings.smtp_host, settings.smtp_port)
        if name == "simulator":
            return lambda: answers_tcp(settings.sftp_host, settings.sftp_port)
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
