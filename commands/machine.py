"""The commands that run the whole stack on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal import say
from settings import load_settings

if TYPE_CHECKING:
    from embedded import Stack

DEMO_PACE_SECONDS = 2.0  # batches and mailbox; a clinic at work waits minutes


def up() -> None:
    """Start everything here: Postgres, Temporal, worker, web, and a simulated clearinghouse. Ctrl-C stops it all.

    Data, secrets and logs live under var/ (FIRSTPASS_VAR_DIR) and are still there next time. Parts whose address you
    set (DATABASE_URL, TEMPORAL_ADDRESS, FIRSTPASS_SFTP_HOST) are used instead of started.
    """
    with _stack() as stack:
        say(f"Firstpass runs: {stack.settings.web_url}   (logs: {stack.settings.log_dir}; Ctrl-C stops everything)")
        stack.run_until_signal()
        say("Stopping.")


def demo(
    visits: Annotated[int, typer.Option(min=1, max=5_000, help="How many visits the demo clinic sends.")] = 400,
    leave: Annotated[bool, typer.Option("--exit", help="Stop when the story is told, instead of staying up.")] = False,
) -> None:
    """Start everything here, let a made-up clinic send its four weeks, and report where each visit ended up.

    Exit status: 0 the line ran, 1 it did not (the reason is said).
    """
    import asyncio

    import demo as driver
    from embedded import Stack

    wanted = load_settings(
        use_running=False, batch_window_seconds=DEMO_PACE_SECONDS, inbox_poll_seconds=DEMO_PACE_SECONDS
    )
    files = driver.prepare(wanted, visits)
    with Stack(wanted.model_copy(update={"simulator_world": files.world.absolute()}), tell=say) as stack:
        asyncio.run(driver.run(stack, files, say))
        if not leave:
            say(f"\nFirstpass runs: {stack.settings.web_url}   (Ctrl-C stops everything)")
            stack.run_until_signal()


def _stack() -> Stack:
    from embedded import Stack

    return Stack(load_settings(use_running=False), tell=say)
