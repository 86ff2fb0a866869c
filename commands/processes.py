"""The commands that are the processes of a stack, one each, and the migration before them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from commands.terminal import say
from settings import Problem, Settings, load_settings

GARBAGE_AFTER = (5_000, 20, 100)  # new objects; looks at new ones; looks at those that stayed a while

if TYPE_CHECKING:
    from simulator.config import SimulatorConfig


def worker() -> None:
    """Carry the workflows on. Start as many as you need; they share the work."""
    with loading():
        import worker as room
    room.run(load_settings())


def web() -> None:
    """Serve the screens and the API."""
    import uvicorn

    import log
    from billing import icd10

    settings = load_settings()
    log.configure(production=settings.production, level=settings.log_level)
    with loading():
        app = _room("web.app").create_app(settings)
        icd10.load()  # before the first decision waits for it
    uvicorn.run(
        app,
        host=settings.web_host,
        port=settings.web_port,
        log_config=None,  # everything goes through log.py
        server_header=False,
        timeout_graceful_shutdown=2,  # an open live-update stream would otherwise keep it from ever ending
    )


def simulator() -> None:
    """Play the clearinghouse and the payers, over real SFTP. For trying things out; it knows nothing of us."""
    from simulator.server import run

    run(simulator_config(load_settings()))


def simulator_config(settings: Settings) -> SimulatorConfig:
    """Where the simulated clearinghouse listens, keeps its files and finds its world, by our settings."""
    from embedded import simulator_host_key
    from simulator.config import SimulatorConfig, World, load_world

    return SimulatorConfig(
        root=settings.var_dir / "simulator",
        host=settings.simulator_listen,
        port=settings.sftp_port,
        seed=settings.simulator_seed,
        host_key=simulator_host_key(settings.var_dir),
        authorized_user=settings.sftp_user,
        password=settings.sftp_password,
        world=load_world(settings.simulator_world) if settings.simulator_world else World(),
    )


def mail() -> None:
    """Keep letters to patients on this machine instead of sending them. For trying things out; `/mail` shows them."""
    from simulator.mail import run

    settings = load_settings()
    run(settings.smtp_host or "127.0.0.1", settings.smtp_port, settings.mail_store or settings.var_dir / "mail")


def migrate() -> None:
    """Bring the database's tables up to date, as their owner (DATABASE_URL), and let the app's role use them."""
    from clients import ensure_app_role
    from models.migrations import upgrade

    settings = load_settings()
    if not settings.database_url:
        raise Problem("No database is named, so nothing was migrated. Set DATABASE_URL to the owner's address.")
    ensure_app_role(settings.database_url, settings.app_database_url)
    upgrade(settings.database_url)
    say("The database is up to date.")


@contextmanager
def loading() -> Iterator[None]:
    """Load what stays for the life of the process: nothing of it is garbage, so nobody looks for any, now or later.

    A fifth of the time until the process serves; and a look through 290,000 objects stopped every request for 0.2 s.
    From then on it is looked for seldom: after 700 new objects, as Python does, was 6 % of what a busy desk's process
    did, and its looks at all that had stayed since stopped every request for 40 to 70 ms.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
        gc.set_threshold(*GARBAGE_AFTER)
    finally:
        gc.enable()


def _room(module: str) -> Any:
    """A room by name, when a command first needs it."""
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise Problem(f"This copy of Firstpass has no {module}, so the command cannot run.") from error
        raise
