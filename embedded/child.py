"""One process as our child: how it is started, watched and ended, and what it said last."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from settings import (
    Problem,
)

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
LOG_BYTES_KEPT = 5_000_000
LOG_LINES_SHOWN = 8

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


@dataclass(frozen=True)
class Account:
    """The operating-system user a child runs as."""

    uid: int
    gid: int


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
        spawning = _SPAWNER.submit(self._spawn)
        try:
            spawning.result()
        except KeyboardInterrupt:
            wait([spawning])  # so that whoever ends us knows of the child
            raise

    def _spawn(self) -> None:
        account = self.account or Account(0, 0)
        shim = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), str(int(self.death_signal))]
        command = [*shim, str(account.uid), str(account.gid), *self.argv]
        with _open_log(self.log_file) as log:
            self.process = subprocess.Popen(
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
