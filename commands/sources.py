"""The files a command is given: found, opened, and looked at one after the other."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from commands.terminal import complain, say

ALL_READ, SOME_UNREADABLE = 0, 2
STANDARD_INPUT = "-"

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE", help="Files or directories; a directory is read with all below it; - reads standard input."
    ),
]


class UnreadableError(Exception):
    """A file that cannot be taken for what it should be; the others go on."""


def bytes_of(name: str) -> bytes:
    """A file's bytes without a byte order mark; one that cannot be opened is named, and ends the command with 2."""
    try:
        data = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    except OSError as error:
        _stop(f"{name} cannot be opened ({why_not(error)}).")
    return data.removeprefix(codecs.BOM_UTF8)


def visit_lines(name: str) -> list[bytes]:
    """A file of one object or an array as lines; a file of lines as it is, so that a bad one is named by its number.

    A file in which no line is an object holds no visits at all: that is said once, and ends the command with 2.
    """
    data = bytes_of(name)
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        lines = data.splitlines()
        if _is_spread(lines) or not any(map(_is_object, lines)):
            _stop(f"{name} cannot be read: {_no_visits(data, error)}.")
        return lines
    return [json.dumps(item).encode() for item in (whole if isinstance(whole, list) else [whole])]


def _no_visits(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "it is empty"
    if isinstance(error, RecursionError):
        return "it is nested too deeply to be a visit"
    why = str(error) if isinstance(error, json.JSONDecodeError) else "it is no text in UTF-8"
    return f"it is not JSON ({why}), nor one JSON object a line"


def _is_spread(lines: list[bytes]) -> bool:
    """Whether this was meant as one object or array over many lines: no visit begins and ends in such a line."""
    return next((line.strip() for line in lines if line.strip()), b"") in (b"{", b"[")


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _stop(sentence: str) -> NoReturn:
    complain(sentence)
    raise typer.Exit(SOME_UNREADABLE)


def why_not(error: OSError) -> str:
    """What the system says, to stand in a sentence of ours."""
    return (error.strerror or "unknown reason").lower()


def look_at_each(
    names: Sequence[str], look: Callable[[str, bytes], int], unread: Callable[[str, str], object] | None = None
) -> int:
    """Look at every file whatever became of the others; the worst of them decides the exit status.

    unread: makes the report of a file that cannot be opened, of its name and the reason, where answers are JSON.
    """
    from edi.tokens import UnreadableFile

    worst = ALL_READ
    for label, read in _sources(names):
        try:
            data = read()
        except (OSError, UnreadableError) as error:
            reason = (
                f"cannot be opened ({why_not(error)})." if isinstance(error, OSError) else f"cannot be read: {error}"
            )
            complain(f"{label} {reason}")
            if unread is not None:
                say(json.dumps(unread(label, f"This {reason}")))
            worst = SOME_UNREADABLE
            continue
        try:
            worst = max(worst, look(label, data))
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
            yield from _inside(name)
        else:
            yield name, path.read_bytes


def _inside(name: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The files below a directory in order of their names; a folder that cannot be looked into is told, not lost."""
    closed: list[OSError] = []
    found = [
        Path(folder, file)
        for folder, _, files in os.walk(name, onerror=closed.append)
        for file in files
        if not file.startswith(".") and Path(folder, file).is_file()
    ]
    yield from ((str(inner), inner.read_bytes) for inner in sorted(found))
    yield from ((str(error.filename), partial(_raise, error)) for error in closed)
    if not found and not closed:
        yield name, partial(_raise, UnreadableError("there is no file in this directory."))


def _raise(error: Exception) -> NoReturn:
    raise error
