"""`firstpass`: everything a person starts by hand. Thin: each command reads its arguments and calls into a room.

Rooms are imported inside the commands: `firstpass --help` stays quick, and one broken room leaves the others usable.
"""

from __future__ import annotations

import errno
import sys

import typer

from commands import files, intake, machine, processes
from commands.sources import why_not
from commands.terminal import complain
from settings import Problem

app = typer.Typer(
    name="firstpass",
    help="Follows every therapy visit from the signed note to the last cent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DESK = "Run it on this machine"
PROCESSES = "Run its processes (what `up` starts for you; in production you start them)"
FILES = "Look into files"

for _named, _start in (
    ("up", machine.up),
    ("demo", machine.demo),
    ("api-key", intake.api_key),
    ("import", intake.import_files),
    ("ncci", intake.ncci),
):
    app.command(_named, rich_help_panel=DESK)(_start)
for _process in (processes.worker, processes.web, processes.simulator, processes.mail, processes.migrate):
    app.command(rich_help_panel=PROCESSES)(_process)
for _look in (files.era, files.x12, files.units, files.scrub, files.claim):
    app.command(rich_help_panel=FILES)(_look)


def main() -> None:
    """The entry point: a problem a person can solve is one sentence and exit status 1, never a traceback."""
    try:
        app()
    except Problem as problem:
        complain(str(problem))
        sys.exit(1)
    except Exception as error:
        sentence = _expected(error)
        if sentence is None:
            raise
        complain(sentence)
        sys.exit(1)


def _expected(error: Exception) -> str | None:
    """Sentences for what can go wrong around us: a server that is away, a disk that is full."""
    if type(error).__module__.startswith(("sqlalchemy", "psycopg")) and type(error).__name__ == "OperationalError":
        return (
            "The database does not answer, so nothing was done. "
            "Check that it runs and that DATABASE_URL and FIRSTPASS_APP_DATABASE_URL are right."
        )
    if type(error).__name__ == "SimulatorError":
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be used ({why_not(error)}). Nothing was done."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "There is no room left where the answer is written. Make room and ask again."
    return None


if __name__ == "__main__":
    main()
