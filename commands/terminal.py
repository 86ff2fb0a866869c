"""What a command says to the person who started it."""

from __future__ import annotations

import typer


def say(line: str) -> None:
    """An answer, on standard output."""
    typer.echo(line)


def complain(line: str) -> None:
    """What is wrong, on standard error."""
    typer.echo(f"firstpass: {line}", err=True)
