"""The files a command is given: found, opened, and looked at one after the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from commands.terminal import complain

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


def text_of(name: str) -> str:
    """A file's text; one that cannot be opened is named, and ends the command with 2."""
    try:
        return sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text(errors="replace")
    except OSError as error:
        complain(f"{name} cannot be opened ({(error.strerror or 'unknown reason').lower()}).")
        raise typer.Exit(SOME_UNREADABLE) from error


def one_object_a_line(text: str) -> list[str]:
    """A file of one object or an array as lines; a file of lines as it is, so that a bad one is named by its number."""
    try:
        whole = json.loads(text)
    except ValueError:
        return text.splitlines()
    return [json.dumps(item) for item in (whole if isinstance(whole, list) else [whole])]


def look_at_each(names: Sequence[str], look: Callable[[str, bytes], int]) -> int:
    """Look at every file whatever became of the others; the worst of them decides the exit status."""
    from edi.tokens import UnreadableFile

    worst = ALL_READ
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
