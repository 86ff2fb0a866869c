"""`firstpass`: everything a person starts by hand. Thin: each command reads its arguments and calls into a room.

Rooms are imported inside the commands: `firstpass --help` stays quick, and one broken room leaves the others usable.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from settings import Problem, Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from billing.cli_units import Answer
    from embedded import Stack
    from simulator.config import SimulatorConfig

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

VISITS_PER_STEP = 100
BAD_LINES_SHOWN = 20
DEMO_PACE_SECONDS = 2.0  # batches and mailbox; a clinic at work waits minutes
ALL_BALANCED, SOME_UNBALANCED, SOME_UNREADABLE = 0, 1, 2
SOME_REFUSED = 1
PRACTICE_SCHEMA = "firstpass/practice/1"
RULES_SCHEMA = "firstpass/rules/1"
STANDARD_INPUT = "-"

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE", help="Files or directories; a directory is read with all below it; - reads standard input."
    ),
]


class UnreadableError(Exception):
    """A file that cannot be taken for what it should be; the others go on."""


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


def say(line: str) -> None:
    typer.echo(line)


def complain(line: str) -> None:
    typer.echo(f"firstpass: {line}", err=True)


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
        return f"{error.filename} cannot be used ({(error.strerror or 'unknown reason').lower()}). Nothing was done."
    return None


# --- on this machine --------------------------------------------------------------------------------------------


@app.command(rich_help_panel=DESK)
def up() -> None:
    """Start everything here: Postgres, Temporal, worker, web, and a simulated clearinghouse. Ctrl-C stops it all.

    Data, secrets and logs live under var/ (FIRSTPASS_VAR_DIR) and are still there next time. Parts whose address you
    set (DATABASE_URL, TEMPORAL_ADDRESS, FIRSTPASS_SFTP_HOST) are used instead of started.
    """
    with _stack() as stack:
        say(f"Firstpass runs: {stack.settings.web_url}   (logs: {stack.settings.log_dir}; Ctrl-C stops everything)")
        stack.run_until_signal()
        say("Stopping.")


@app.command(rich_help_panel=DESK)
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


@app.command("api-key", rich_help_panel=DESK)
def api_key(
    name: Annotated[str, typer.Argument(help="The integration, e.g. the chart system's name.")],
    practice: Annotated[
        str, typer.Option(metavar="PRACTICE_ID", help="Whose key it is; not needed while there is one practice.")
    ] = "",
) -> None:
    """Make an API key for an integration and show it once. An earlier key of that name stops working."""
    from activities.api_keys import issue_api_key
    from clients import make_engine

    engine = make_engine(load_settings().app_database_url, pool_size=1, application_name="firstpass-api-key")
    say(issue_api_key(engine, _practice_id(engine, practice), name, "command line"))


def _stack() -> Stack:
    from embedded import Stack

    return Stack(load_settings(use_running=False), tell=say)


# --- processes --------------------------------------------------------------------------------------------------


@app.command(rich_help_panel=PROCESSES)
def worker() -> None:
    """Carry the workflows on. Start as many as you need; they share the work."""
    import worker as room

    room.run(load_settings())


@app.command(rich_help_panel=PROCESSES)
def web() -> None:
    """Serve the screens and the API."""
    import uvicorn

    import log

    settings = load_settings()
    log.configure(production=settings.production, level=settings.log_level)
    uvicorn.run(
        _room("web.app").create_app(settings),
        host=settings.web_host,
        port=settings.web_port,
        log_config=None,  # everything goes through log.py
        server_header=False,
        timeout_graceful_shutdown=2,  # an open live-update stream would otherwise keep it from ever ending
    )


@app.command(rich_help_panel=PROCESSES)
def simulator() -> None:
    """Play the clearinghouse and the payers, over real SFTP. For trying things out; it knows nothing of us."""
    from simulator.server import run

    run(_simulator_config(load_settings()))


def _simulator_config(settings: Settings) -> SimulatorConfig:
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


@app.command(rich_help_panel=PROCESSES)
def mail() -> None:
    """Keep letters to patients on this machine instead of sending them. For trying things out; `/mail` shows them."""
    from simulator.mail import run

    settings = load_settings()
    run(settings.smtp_host or "127.0.0.1", settings.smtp_port, settings.mail_store or settings.var_dir / "mail")


@app.command(rich_help_panel=PROCESSES)
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


# --- files ------------------------------------------------------------------------------------------------------


@app.command("import", rich_help_panel=DESK)
def import_files(
    files: Files,
    practice: Annotated[
        str, typer.Option(metavar="PRACTICE_ID", help="Whose visits these are; not needed while there is one practice.")
    ] = "",
) -> None:
    """Take in practice files, rules (as drafts) and visits (JSON, or one visit a line). Twice changes nothing.

    Exit status: 0 all taken in, 1 some visits refused (each with its fields named), 2 some files cannot be read.
    """
    from clients import make_engine

    settings = load_settings()
    engine = make_engine(settings.app_database_url, pool_size=1, application_name="firstpass-import")

    def take(label: str, data: bytes) -> int:
        items, bad = _json_items(label, data)
        if any(isinstance(item, dict) and item.get("schema") == PRACTICE_SCHEMA for item in items):
            return _take_practice(engine, settings, label, data)
        if any(isinstance(item, dict) and item.get("schema") == RULES_SCHEMA for item in items):
            return _take_rules(engine, practice, label, data)
        return max(_take_visits(engine, practice, label, items), SOME_REFUSED if bad else ALL_BALANCED)

    raise typer.Exit(_look_at_each(files, take))


def _json_items(label: str, data: bytes) -> tuple[list[Any], int]:
    """The objects of a file (one object, an array of them, or one a line) and how many lines are none.

    A bad line is named and passed over; the good ones are kept.
    """
    try:
        whole = json.loads(data)
    except ValueError:
        return _json_lines(label, data)
    return (whole if isinstance(whole, list) else [whole]), 0


def _json_lines(label: str, data: bytes) -> tuple[list[Any], int]:
    items, bad = [], 0
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            items.append(json.loads(line))
        except ValueError as error:
            bad += 1
            if bad <= BAD_LINES_SHOWN:
                why = error.msg if isinstance(error, json.JSONDecodeError) else "it is not UTF-8"
                complain(f"{label}, line {number}: not JSON ({why}); the line was passed over")
    if not items:
        raise UnreadableError("it is not JSON, nor one JSON object a line")
    return items, bad


@app.command(rich_help_panel=DESK)
def ncci(
    files: Files,
    effective: Annotated[
        str, typer.Option(metavar="DATE", help="First day of the quarter, where the files' names do not say it.")
    ] = "",
    practice: Annotated[
        str, typer.Option(metavar="PRACTICE_ID", help="Who gets them; not needed while there is one practice.")
    ] = "",
) -> None:
    """Take in CMS's quarterly edits for practitioners: code pairs (PTP, all four files at once) or units a day (MUE).

    Takes the text or comma-separated files, or the zip files they come in. The same quarter again replaces it.
    Exit status: 0 taken in, 2 not.
    """
    from activities.desk import Refused
    from activities.edit_tables import take_edits
    from billing.cms_files import CmsRows, read
    from clients import make_engine
    from models.store.session import practice_session

    edition, rows = _edition(files, effective), CmsRows()

    def take(label: str, data: bytes) -> int:
        for name, text in _texts(label, data):
            try:
                read(text.splitlines(), rows)
            except ValueError as error:
                raise UnreadableError(f"{name}: {error}") from error
        return ALL_BALANCED

    if _look_at_each(files, take) != ALL_BALANCED:
        raise typer.Exit(SOME_UNREADABLE)
    engine = make_engine(load_settings().app_database_url, pool_size=1, application_name="firstpass-ncci")
    practice_id = _practice_id(engine, practice)
    try:
        with practice_session(engine, practice_id) as session:
            taken, told = take_edits(session, practice_id, rows, edition, [Path(name).name for name in files])
    except Refused as why:
        raise Problem(f"Nothing was taken in. {why}") from why
    for one in taken:
        again = " (again)" if one.replaced else ""
        say(f"{one.kind} of {one.edition}{again}: {one.entries} rows about therapy codes")
    say(f"{rows.passed_over} rows about other codes passed over")
    say(told)


def _edition(files: Sequence[str], given: str) -> date:
    from billing.cms_files import edition_of

    if given:
        try:
            return date.fromisoformat(given)
        except ValueError as error:
            raise Problem(f"{given} is no date; write it as 2026-10-01.") from error
    named = {edition_of(Path(name).name) for name in files}
    (edition,) = named if len(named) == 1 else (None,)
    if edition is None:
        raise Problem("The files' names do not say one quarter. Give its first day: --effective 2026-10-01.")
    return edition


def _texts(label: str, data: bytes) -> Iterator[tuple[str, str]]:
    """The text files in a zip, or the file itself."""
    if not zipfile.is_zipfile(BytesIO(data)):
        yield label, _as_text(data)
        return
    with zipfile.ZipFile(BytesIO(data)) as archive:
        inside = [name for name in archive.namelist() if name.lower().endswith((".txt", ".csv"))]
        if not inside:
            raise UnreadableError("there is no .txt or .csv in it")
        for name in inside:
            yield f"{label}, {name}", _as_text(archive.read(name))


def _as_text(data: bytes) -> str:
    """Whatever its accents are written in: codes and dates are ASCII."""
    return data.decode("utf-8-sig", errors="replace")


def _take_practice(engine: Engine, settings: Settings, label: str, data: bytes) -> int:
    from pydantic import ValidationError

    from activities.intake import field_errors
    from activities.practice_file import load_practice
    from billing.practice import Practice

    try:
        practice = Practice.model_validate_json(data)
    except ValidationError as error:
        for wrong in field_errors(error):
            complain(f"{label}: {wrong.field}: {wrong.message}")
        raise UnreadableError("the practice file is not complete; nothing of it was taken in") from error
    load_practice(
        engine,
        practice,
        batch_window_seconds=settings.batch_window_seconds,
        inbox_poll_seconds=settings.inbox_poll_seconds,
    )
    counted = f"{len(practice.clinicians)} clinicians, {len(practice.payers)} payers"
    say(f"{label}: practice {practice.practice_id}, {counted}")
    return ALL_BALANCED


def _take_rules(engine: Engine, practice: str, label: str, data: bytes) -> int:
    from pydantic import ValidationError

    from activities.intake import field_errors
    from activities.practice_rules import load_drafts
    from billing.practice_rules import RulesFile
    from models.store.session import practice_session

    try:
        rules = RulesFile.model_validate_json(data).rules
    except ValidationError as error:
        for wrong in field_errors(error):
            complain(f"{label}: {wrong.field}: {wrong.message}")
        raise UnreadableError("the rules are not complete; none was taken in") from error
    practice_id = _practice_id(engine, practice)
    with practice_session(engine, practice_id) as session:
        new, refused = load_drafts(session, practice_id, rules, Path(label).name)
    for why in refused:
        complain(f"{label}: rule {why}")
    say(f"{label}: {new} rules taken in as drafts, {len(rules) - new - len(refused)} known already")
    return SOME_REFUSED if refused else ALL_BALANCED


def _take_visits(engine: Engine, practice: str, label: str, items: Sequence[Any]) -> int:
    from activities.intake import receive

    practice_id = _practice_id(engine, practice)
    results = []
    for start in range(0, len(items), VISITS_PER_STEP):
        step = items[start : start + VISITS_PER_STEP]
        results += receive(engine, practice_id, f"file:{Path(label).name}", step)
        if len(items) > VISITS_PER_STEP:
            say(f"{label}: {len(results)} of {len(items)} visits read")
    for refused in (result for result in results if result.status == "refused"):
        reasons = "; ".join(f"{error.field}: {error.message}" for error in refused.errors)
        complain(f"{label}: visit {refused.encounter_id or '(no encounter_id)'} refused: {reasons}")
    counts = Counter(result.status for result in results)
    say(f"{label}: " + ", ".join(f"{count} visits {status}" for status, count in sorted(counts.items())))
    return SOME_REFUSED if counts["refused"] else ALL_BALANCED


def _practice_id(engine: Engine, wanted: str) -> UUID:
    from sqlalchemy import text

    from models.store.session import practice_ids

    if wanted:
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT practice_id FROM find_practice(:wanted)"), {"wanted": wanted})
        if found is None:
            raise Problem(f"There is no practice {wanted}, so no visit was taken in. Import its practice file first.")
        return UUID(str(found))
    known = practice_ids(engine)
    if len(known) != 1:
        raise Problem(
            f"There are {len(known)} practices here, so it is not clear whose visits these are. "
            + ("Name one with --practice." if known else "Import the practice file first.")
        )
    return known[0]


@app.command(rich_help_panel=FILES)
def era(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file, for programs.")] = False,
) -> None:
    """Read electronic remittances (835) and check that they balance, to the cent.

    Exit status: 0 all balance, 1 some do not, 2 some cannot be read.
    """
    from edi.report import era_report, render_era

    def look(label: str, data: bytes) -> int:
        report = era_report(label, data)
        say(json.dumps(report) if as_json else render_era(report))
        if report["error"]:
            return SOME_UNREADABLE
        return ALL_BALANCED if all(entry["balanced"] for entry in report["transactions"]) else SOME_UNBALANCED

    raise typer.Exit(_look_at_each(files, look))


@app.command(rich_help_panel=FILES)
def x12(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file, for programs.")] = False,
) -> None:
    """Show any X12 file as a tree, its segments named and told in words.

    Exit status: 0 all read, 2 some cannot be read.
    """
    from edi.describe import tree, tree_report
    from edi.tokens import decode

    def look(label: str, data: bytes) -> int:
        if as_json:
            report = tree_report(label, data)
            say(json.dumps(report))
            return SOME_UNREADABLE if report["error"] else ALL_BALANCED
        text = decode(data)
        say(f"{label}\n{tree(text)}")
        return ALL_BALANCED

    raise typer.Exit(_look_at_each(files, look))


@app.command(rich_help_panel=FILES)
def units(
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="CODE=MINUTES", help="97110=33, or 97112=13+23a with an assistant's minutes."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="How the payer counts: cms_total_time, per_code_midpoint or per_code_full.")
    ] = "cms_total_time",
    discipline: Annotated[str, typer.Option(help="PT, OT or SLP.")] = "PT",
    on: Annotated[str, typer.Option(metavar="DATE", help="Date of service; today if not given.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The same as data.")] = False,
    batch: Annotated[
        str, typer.Option("--batch", metavar="FILE", help="One JSON request a line; - reads standard input.")
    ] = "",
) -> None:
    """Count billable units from minutes, with the arithmetic a biller can check.

    Exit status: 0 counted, 2 cannot be counted, or the file cannot be opened.
    """
    from billing import cli_units

    if batch:
        for answer in cli_units.batch(_text_of(batch).splitlines()):
            say(answer)
        return
    day = on or _today().isoformat()
    _finish(cli_units.units_command(services or [], method=method, discipline=discipline, on=day, as_json=as_json))


@app.command(rich_help_panel=FILES)
def scrub(
    visits: Annotated[
        str, typer.Argument(metavar="FILE", help="Visits, one JSON object a line; - reads standard input.")
    ],
    practice: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The practice file (JSON).")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per visit.")] = False,
) -> None:
    """Check visits against every edit without sending anything: findings, evidence, and what clears each.

    Exit status: 0 all clean, 1 some are held, 2 the files cannot be read.
    """
    from billing.cli_scrub import scrub_command

    lines = _one_object_a_line(_text_of(visits))
    _finish(scrub_command(lines, _text_of(str(practice)), today=_today(), as_json=as_json))


@app.command(rich_help_panel=FILES)
def claim(
    visits: Annotated[
        str, typer.Argument(metavar="FILE", help="Visits, one JSON object a line; - reads standard input.")
    ],
    practice: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The practice file (JSON).")],
    check: Annotated[
        bool, typer.Option("--check", help="Leave out, and name, what the gates, our checks or pyx12 would hold back.")
    ] = False,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write here instead of standard output.")] = None,
) -> None:
    """Write the claims (837P) of visits as a test file, coded as the desk would code them. Nothing is sent or kept.

    Exit status: 0 every visit's claim is in it, 1 some are not (each is named), 2 the files cannot be read.
    """
    from edi.cli_claim import claim_command

    lines = _one_object_a_line(_text_of(visits))
    answer = claim_command(lines, _text_of(str(practice)), now=_now(), check=check)
    for line in answer.said:
        complain(line)
    if answer.text and out is not None:
        out.write_text(answer.text)
    else:
        typer.echo(answer.text, nl=False)
    raise typer.Exit(answer.exit_code)


def _text_of(name: str) -> str:
    """A file's text; one that cannot be opened is named, and ends the command with 2."""
    try:
        return sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text(errors="replace")
    except OSError as error:
        complain(f"{name} cannot be opened ({(error.strerror or 'unknown reason').lower()}).")
        raise typer.Exit(SOME_UNREADABLE) from error


def _one_object_a_line(text: str) -> list[str]:
    """A file of one object or an array as lines; a file of lines as it is, so that a bad one is named by its number."""
    try:
        whole = json.loads(text)
    except ValueError:
        return text.splitlines()
    return [json.dumps(item) for item in (whole if isinstance(whole, list) else [whole])]


def _finish(answer: Answer) -> None:
    if answer.exit_code == SOME_UNREADABLE:
        complain(answer.text.removeprefix("firstpass "))
    else:
        say(answer.text)
    raise typer.Exit(answer.exit_code)


def _today() -> date:
    return _now().date()


def _now() -> datetime:
    """Where the person sits at this machine; rules get the time from here and never look at a clock."""
    return datetime.now(UTC).astimezone()


def _look_at_each(names: Sequence[str], look: Callable[[str, bytes], int]) -> int:
    """Look at every file whatever became of the others; the worst of them decides the exit status."""
    from edi.tokens import UnreadableFile

    worst = ALL_BALANCED
    for label, read in _sources(names):
        try:
            worst = max(worst, look(label, read()))
        except BrokenPipeError:
            raise  # whoever read what we say has had enough
        except OSError as error:
            complain(f"{label} cannot be opened ({(error.strerror or 'unknown reason').lower()}).")
            worst = SOME_UNREADABLE
        except (UnreadableFile, UnreadableError) as error:
            complain(f"{label} cannot be read: {error}")
            worst = SOME_UNREADABLE
    return worst


def _sources(names: Sequence[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT:
            yield "standard input", sys.stdin.buffer.read
        elif path.is_dir():
            inside = [inner for inner in sorted(path.rglob("*")) if inner.is_file() and not inner.name.startswith(".")]
            yield from ((str(inner), inner.read_bytes) for inner in inside)
            if not inside:
                yield name, partial(_nothing_inside, name)
        else:
            yield name, path.read_bytes


def _nothing_inside(name: str) -> bytes:
    from edi.tokens import UnreadableFile

    raise UnreadableFile("there is no file in this directory.")


def _room(module: str) -> Any:
    """A room by name, when a command first needs it."""
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise Problem(f"This copy of Firstpass has no {module}, so the command cannot run.") from error
        raise


if __name__ == "__main__":
    main()
