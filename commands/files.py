"""The commands that look into files, keep nothing and send nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.sources import ALL_READ, SOME_UNREADABLE, Files, bytes_of, look_at_each, visit_lines, why_not
from commands.terminal import complain, say

if TYPE_CHECKING:
    from billing.cli_units import Answer

SOME_UNBALANCED = 1


def era(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file, for programs.")] = False,
) -> None:
    """Read electronic remittances (835) and check that they balance, to the cent.

    Exit status: 0 all balance, 1 some do not, 2 some cannot be read.
    """
    from edi.report import era_report, render_era, unread

    def look(label: str, data: bytes) -> int:
        report = era_report(label, data)
        say(json.dumps(report) if as_json else render_era(report))
        if report["error"]:
            return SOME_UNREADABLE
        return ALL_READ if all(entry["balanced"] for entry in report["transactions"]) else SOME_UNBALANCED

    raise typer.Exit(look_at_each(files, look, unread if as_json else None))


def x12(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file, for programs.")] = False,
) -> None:
    """Show any X12 file as a tree, its segments named and told in words.

    Exit status: 0 all read, 2 some cannot be read.
    """
    from edi.describe import tree, tree_report, unread
    from edi.tokens import decode

    def look(label: str, data: bytes) -> int:
        if as_json:
            report = tree_report(label, data)
            say(json.dumps(report))
            return SOME_UNREADABLE if report["error"] else ALL_READ
        text = decode(data)
        say(f"{label}\n{tree(text)}")
        return ALL_READ

    raise typer.Exit(look_at_each(files, look, unread if as_json else None))


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

    Exit status: 0 counted, 2 cannot be counted, or the file cannot be opened. In a batch each line says so for itself.
    """
    from billing import cli_units

    if batch:
        for line in cli_units.batch(bytes_of(batch).splitlines()):
            say(line)
        return
    day = on or _today().isoformat()
    answer = cli_units.units_command(services or [], method=method, discipline=discipline, on=day, as_json=as_json)
    _finish(answer, as_json=as_json)


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

    lines = visit_lines(visits)
    _finish(scrub_command(lines, bytes_of(str(practice)), today=_today(), as_json=as_json))


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

    Exit status: 0 every visit's claim is in it, 1 some are not (each is named), 2 the files cannot be read or written.
    """
    from edi.cli_claim import claim_command

    lines = visit_lines(visits)
    answer = claim_command(lines, bytes_of(str(practice)), now=_now(), check=check)
    for line in answer.said:
        complain(line)
    if answer.text and out is not None:
        try:
            out.write_text(answer.text)
        except OSError as error:
            complain(f"{out} cannot be written ({why_not(error)}).")
            raise typer.Exit(SOME_UNREADABLE) from error
    else:
        typer.echo(answer.text, nl=False)
    raise typer.Exit(answer.exit_code)


def _finish(answer: Answer, *, as_json: bool = False) -> None:
    """Say the answer, or complain of what could not be answered; who asked for JSON hears of that as JSON."""
    if answer.exit_code == SOME_UNREADABLE and not as_json:
        complain(answer.text.removeprefix("firstpass "))
    elif answer.text:
        say(answer.text)
    raise typer.Exit(answer.exit_code)


def _today() -> date:
    return _now().date()


def _now() -> datetime:
    """Where the person sits at this machine; rules get the time from here and never look at a clock."""
    return datetime.now(UTC).astimezone()
