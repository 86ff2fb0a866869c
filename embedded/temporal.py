"""Temporal's development server, as our child."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from embedded.child import Child, wait_until
from embedded.ports import LOCALHOST, answers_http, free_port
from settings import (
    Problem,
)


class TemporalServer:
    """Temporal's development server from the wheel; with a file it remembers, without one it forgets."""

    name = "temporal"

    def __init__(
        self,
        address: str,
        log_file: Path,
        *,
        database: Path | None,
        namespace: str,
        ui_port: int | None = None,
        dynamic_config: Sequence[str] = (),
    ) -> None:
        self.address = address
        self._http_port = free_port()
        self._namespace = namespace
        self._database = database
        host, _, port = address.rpartition(":")
        command = [_temporal_binary(), "server", "start-dev", "--ip", host, "--port", port, "--log-level", "error"]
        command += ["--http-port", str(self._http_port), "--namespace", namespace]
        # lets a demo and the tests move one workflow 45 days on
        for setting in ("frontend.WorkflowTimeSkippingEnabled=true", *dynamic_config):
            command += ["--dynamic-config-value", setting]
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
        wait_until(lambda: answers_http(url), self.child)

    def stop(self) -> None:
        self.child.ask_to_stop()
        self.child.wait_or_kill()


def _temporal_binary() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if not found:
        raise Problem("The embedded Temporal is not installed. Run `make setup`, or set TEMPORAL_ADDRESS.")
    return found
