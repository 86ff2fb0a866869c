"""The commands that take something into the database: keys, practice files, rules, visits, CMS's quarterly edits."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.practices import practice_id_of
from commands.sources import ALL_READ, SOME_UNREADABLE, Files, UnreadableError, look_at_each
from commands.terminal import complain, say
from settings import Problem, Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

VISITS_PER_STEP = 100
BAD_LINES_SHOWN = 20
SOME_REFUSED = 1
PRACTICE_SCHEMA = "firstpass/practice/1"
RULES_SCHEMA = "firstpass/rules/1"


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
    say(issue_api_key(engine, practice_id_of(engine, practice), name, "command line"))


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
        return max(_take_visits(engine, practice, label, items), SOME_REFUSED if bad else ALL_READ)

    raise typer.Exit(look_at_each(files, take))


def _json_items(label: str, data: bytes) -> tuple[list[Any], int]:
    """The objects of a file (one object, an array of them, or one a line) and how many lines are none.

    A bad line is named and passed over; the good ones are kept.
    """
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return _json_lines(label, data)
    return (whole if isinstance(whole, list) else [whole]), 0


def _json_lines(label: str, data: bytes) -> tuple[list[Any], int]:
    items, bad = [], 0
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            items.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            bad += 1
            if bad <= BAD_LINES_SHOWN:
                why = error.msg if isinstance(error, json.JSONDecodeError) else _why_not_json(error)
                complain(f"{label}, line {number}: not JSON ({why}); the line was passed over")
    if not items:
        raise UnreadableError("it is not JSON, nor one JSON object a line")
    return items, bad


def _why_not_json(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else "it is not UTF-8"


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
    Exit status: 0 taken in, 1 refused, 2 a file cannot be read.
    """
    from activities.edit_tables import take_edits
    from activities.refusals import Refused
    from billing.cms_files import CmsRows, read
    from clients import make_engine
    from models.store.session import practice_session

    rows = CmsRows()

    def take(label: str, data: bytes) -> int:
        for name, text in _texts(label, data):
            try:
                read(text.splitlines(), rows)
            except ValueError as error:
                raise UnreadableError(f"{name}: {error}") from error
        return ALL_READ

    if look_at_each(files, take) != ALL_READ:
        raise typer.Exit(SOME_UNREADABLE)
    edition = _edition(files, effective)  # after the files: one that is not there is the better thing to be told
    engine = make_engine(load_settings().app_database_url, pool_size=1, application_name="firstpass-ncci")
    practice_id = practice_id_of(engine, practice)
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

    from activities.practice_file import load_practice
    from activities.receiving import field_errors
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
    return ALL_READ


def _take_rules(engine: Engine, practice: str, label: str, data: bytes) -> int:
    from pydantic import ValidationError

    from activities.practice_rules import load_drafts
    from activities.receiving import field_errors
    from billing.practice_rules import RulesFile
    from models.store.session import practice_session

    try:
        rules = RulesFile.model_validate_json(data).rules
    except ValidationError as error:
        for wrong in field_errors(error):
            complain(f"{label}: {wrong.field}: {wrong.message}")
        raise UnreadableError("the rules are not complete; none was taken in") from error
    practice_id = practice_id_of(engine, practice)
    with practice_session(engine, practice_id) as session:
        new, refused = load_drafts(session, practice_id, rules, Path(label).name)
    for why in refused:
        complain(f"{label}: rule {why}")
    say(f"{label}: {new} rules taken in as drafts, {len(rules) - new - len(refused)} known already")
    return SOME_REFUSED if refused else ALL_READ


def _take_visits(engine: Engine, practice: str, label: str, items: Sequence[Any]) -> int:
    from activities.intake import receive

    practice_id = practice_id_of(engine, practice)
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
    return SOME_REFUSED if counts["refused"] else ALL_READ
