"""Dated tables of the trade, each beside the module that reads it; read once, when that module is imported."""

import csv
from collections.abc import Iterator
from datetime import date
from importlib.resources import files


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one shipped table, as text by column name."""
    with (files(__name__) / name).open(encoding="utf-8") as table:
        yield from csv.DictReader(table)


def day(text: str, default: date) -> date:
    """An ISO date, or the default where the table leaves the end open."""
    return date.fromisoformat(text) if text else default
