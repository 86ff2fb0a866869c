"""How many units of a code a day CMS finds likely: medically unlikely edits (MUE), with who may pass them.

The code table ships those of 2024-04-01. CMS issues new ones every quarter: a practice brings them with
``firstpass ncci``, and each date of service is judged by the edition in force that day. A file only says what holds
from its own day on, so days before the first edition keep the shipped figures.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from billing import codes

SHIPPED = date(2024, 4, 1)
LINE, POLICY, CLINICAL = 1, 2, 3  # adjudication indicators: each line alone; the day, by policy; the day, by likelihood


class UnitEdit(NamedTuple):
    """Units a day, or a line where the indicator says so. An edit of 0 says that Medicare never pays the code."""

    units: int
    indicator: int


class UnitTable:
    """Editions as imported, by the day each begins."""

    def __init__(self, editions: Iterable[tuple[date, Mapping[str, UnitEdit]]] = ()) -> None:
        self._editions = sorted(editions, key=lambda edition: edition[0], reverse=True)

    def edit(self, code: str, on: date) -> tuple[UnitEdit | None, date]:
        """The edit of a code for a date of service, and the edition it is from. CMS publishes none for some codes."""
        for begins, edits in self._editions:
            if begins <= on:
                return edits.get(code), begins
        entry = codes.find(code, on)
        if entry is None or entry.mue is None or entry.mai is None:
            return None, SHIPPED
        return UnitEdit(entry.mue, entry.mai), SHIPPED


TABLE = UnitTable()
