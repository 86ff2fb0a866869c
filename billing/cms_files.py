"""CMS's quarterly NCCI files: pairs (PTP, practitioner) and units a day (MUE, practitioner), as text.

Both come as rows of values, comma or tab between them, below a few lines of copyright and headings that differ from
quarter to quarter; so a row is known by what stands in it. Only codes of our own table are kept: nobody bills the
others here, and the whole files are CMS's (and, for the codes, the AMA's).

Pairs: column 1, column 2, in existence before 1996, effective YYYYMMDD, deletion YYYYMMDD or *, indicator, rationale.
Units: code, units, indicator (``3 Date of Service Edit: Clinical``), rationale. A shorter row of pairs (column 1,
column 2, indicator, deletion YYYY-MM-DD) is taken too; it tells when a pair ended, not when it began.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from billing import codes
from billing.mue import CLINICAL, LINE, UnitEdit
from billing.ncci import REISSUED, Pair

_CODE = re.compile(r"^[0-9A-Z]{4}[0-9A-Z]$")
_DAY = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})$")
_IN_NAME = re.compile(r"(\d{2})-(\d{2})-(20\d{2})")  # MCR_MUE_PractitionerServices_Eff_10-01-2026.csv
_VERSION = re.compile(r"v(\d{2})([0-3])r\d")  # ccipra-v323r0: version 32.3, the fourth quarter of 2026
_VERSION_YEARS = 1994  # version 30.0 took effect on 2024-01-01
FULL_ROW = 6


@dataclass(slots=True)
class CmsRows:
    """What a file had for us. passed_over: rows about codes we do not have."""

    pairs: list[Pair] = field(default_factory=list)
    units: dict[str, UnitEdit] = field(default_factory=dict)
    passed_over: int = 0


def edition_of(file_name: str) -> date | None:
    """The first day of the quarter a file is of, as its name says it; None where it does not."""
    if found := _IN_NAME.search(file_name):
        month, day, year = (int(part) for part in found.groups())
        return date(year, month, day) if 1 <= month <= 12 and day == 1 else None
    if found := _VERSION.search(file_name.lower()):
        return date(_VERSION_YEARS + int(found.group(1)), 3 * int(found.group(2)) + 1, 1)
    return None


def read(lines: Iterable[str], into: CmsRows) -> None:
    """Add the rows of a file. Raises ValueError (with the line) for a row that begins like one and cannot be read."""
    for number, line in enumerate(lines, start=1):
        (row,) = csv.reader([line], delimiter="\t" if "\t" in line else ",")
        values = [value.strip() for value in row]
        if len(values) < 3 or not _CODE.match(values[0].upper()):
            continue
        try:
            if _CODE.match(values[1].upper()):
                _take_pair(values, into)
            elif values[1].isdigit():
                _take_units(values, into)
        except (ValueError, IndexError) as error:
            raise ValueError(f"line {number}: {', '.join(values[:FULL_ROW])}: {error}") from None


def _take_pair(values: Sequence[str], into: CmsRows) -> None:
    column1, column2 = values[0].upper(), values[1].upper()
    if not (codes.known(column1) and codes.known(column2)):
        into.passed_over += 1
        return
    full = len(values) >= FULL_ROW
    began, ended, indicator = (values[3], values[4], values[5]) if full else ("", values[3], values[2])
    last = _day(ended)
    first = _day(began) or (date.min if last else REISSUED)
    into.pairs.append(Pair(column1, column2, int(indicator[:1]), first, last or date.max))


def _take_units(values: Sequence[str], into: CmsRows) -> None:
    code, indicator = values[0].upper(), int(values[2][:1])
    if not LINE <= indicator <= CLINICAL:
        raise ValueError(f"indicator {indicator} is none of 1, 2, 3")
    if codes.known(code):
        into.units[code] = UnitEdit(int(values[1]), indicator)
    else:
        into.passed_over += 1


def _day(text: str) -> date | None:
    if text in ("", "*"):
        return None
    found = _DAY.match(text)
    if found is None:
        raise ValueError(f"{text} is no day (YYYYMMDD)")
    return date(*(int(part) for part in found.groups()))
