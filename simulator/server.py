"""Starting and stopping: a root made ready, a port listened on, two loops running until a signal comes."""

import asyncio
import fcntl
import os
import signal
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from weakref import WeakSet

import asyncssh

from simulator.clearinghouse import Clearinghouse
from simulator.config import SimulatorConfig, SimulatorError
from simulator.log import log, log_to_stderr
from simulator.sftp import Door, Mailbox

STOP_SECONDS = 1.5


class Simulator:
    """The whole world as an async context manager: `async with Simulator(config) as world: world.port`."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config.model_copy(update={"root": config.root.resolve()})
        self.port = config.port
        self.loops: list[asyncio.Task[None]] = []
        self.listener: asyncssh.SSHAcceptor | None = None
        self.clearinghouse: Clearinghouse | None = None
        self.lock: IO[bytes] | None = None
        self.connections: WeakSet[asyncssh.SSHServerConnection] = WeakSet()

    async def __aenter__(self) -> Self:
        self.lock = prepare_root(self.config)
        self.clearinghouse = Clearinghouse(self.config)
        try:
            self.listener = await self._listen(self.clearinghouse)
        except SimulatorError:
            await self._stop()
            raise
        self.port = self.listener.get_port()
        self.loops = [
            asyncio.create_task(self.clearinghouse.intake(), name="intake"),
            asyncio.create_task(self.clearinghouse.answers(), name="answers"),
        ]
        log("listening", port=self.port, seed=self.config.seed, validation=self.config.validation)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        log("stopped")

    async def failed(self) -> None:
        """Return only when a loop has ended by itself, which it never should; then raise its error."""
        done, _ = await asyncio.wait(self.loops, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _listen(self, clearinghouse: Clearinghouse) -> asyncssh.SSHAcceptor:
        keys = authorized_keys(self.config)
        if not keys and not self.config.password:
            raise SimulatorError("Nobody could log in: give a password or a file of authorized keys.")
        try:
            return await asyncssh.listen(
                self.config.host,
                self.config.port,
                server_host_keys=[host_key(self.config)],
                server_factory=lambda: Door(self.config, keys),
                sftp_factory=lambda channel: Mailbox(channel, self.config, clearinghouse.wake.set),
                acceptor=self.connections.add,
                allow_pty=False,
                agent_forwarding=False,
                x11_forwarding=False,
            )
        except OSError as error:
            raise SimulatorError(
                f"Port {self.config.port} on {self.config.host} cannot be used: {os.strerror(error.errno or 0)}."
            ) from error

    async def _stop(self) -> None:
        """Within two seconds, whatever the clients do: an unfinished step is simply redone at the next start."""
        for task in self.loops:
            task.cancel()
        if self.listener:
            self.listener.close()
        for connection in list(self.connections):
            connection.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*self.loops, return_exceptions=True), STOP_SECONDS)
        if self.clearinghouse:
            await self.clearinghouse.close()
        if self.lock:
            self.lock.close()


def prepare_root(config: SimulatorConfig) -> IO[bytes]:
    """Make the folders and take the root for this process alone; the lock goes with the file handle."""
    try:
        for folder in (config.inbound, config.outbound, config.archive, config.staged):
            folder.mkdir(parents=True, exist_ok=True)
        lock = (config.state / "lock").open("ab")
    except OSError as error:
        raise SimulatorError(f"The root {config.root} cannot be written to: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SimulatorError(f"Another simulator is already using the root {config.root}.") from error
    return lock


def host_key(config: SimulatorConfig) -> asyncssh.SSHKey:
    """The server's key, made on first use so that clients can pin it from then on."""
    path = config.host_key or config.state / "host_key"
    try:
        if not path.exists():
            _create_key(path)
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as error:
        raise SimulatorError(f"The host key {path} cannot be read or made: {error}.") from error


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519", comment="simulated clearinghouse")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.export_private_key())
    path.with_name(path.name + ".pub").write_bytes(key.export_public_key())


def authorized_keys(config: SimulatorConfig) -> list[asyncssh.SSHKey]:
    """The public keys that may log in."""
    if config.authorized_keys is None:
        return []
    try:
        return list(asyncssh.read_public_key_list(config.authorized_keys))
    except (OSError, asyncssh.KeyImportError) as error:
        raise SimulatorError(f"The authorized keys {config.authorized_keys} cannot be read: {error}.") from error


async def serve(config: SimulatorConfig) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(config) as world:
        waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(world.failed())]
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        for task in done:
            task.result()


def run(config: SimulatorConfig) -> None:
    """What `firstpass simulator` calls: blocks until stopped; `SimulatorError` is for the operator to read."""
    log_to_stderr()
    asyncio.run(serve(config))
