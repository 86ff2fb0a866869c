"""Element values: dollars, quantities, dates and the characters that may travel. Nothing here ever raises."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
ZERO = Decimal(0)
MAX_NUMBER_CHARS = 18
"""X12 allows 18 significant characters in an amount (element 782, 005010)."""
_is_number = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII).fullmatch
MAX_REMEMBERED_CHARS = 256
"""A longer text is no value that comes again, and a file full of them must not fill the memory."""
CENT = Decimal("0.01")

_UNSAFE = re.compile(r"[^A-Z0-9 !\"&'()+,\-./;?=%@_#]")
"""What we never send: lower case, delimiters (also other senders' | < > ^), and what lies outside X12's basic set."""
_FOLD = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u00a0": " ",
        "\u00df": "SS", "\u00e6": "AE", "\u00c6": "AE", "\u00f8": "O", "\u00d8": "O", "\u0142": "L", "\u0141": "L",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One reason out of a CAS: group code (CO, PR, OA, PI, CR), reason code (CARC), dollars, and units if changed.

    Positive amounts reduce the payment (837P and 835, 005010).
    """

    group_code: str
    reason_code: str
    amount: Decimal
    quantity: Decimal | None = None


class Memo(dict[str, T]):
    """A dictionary that works out what it does not know, and forgets everything when it holds too much.

    Remittances repeat the same few amounts, days and adjustments: a look here costs a quarter of a parse, and half of
    what `lru_cache` costs, which also keeps an order nobody needs.
    """

    def __init__(self, work_out: Callable[[str], T], limit: int) -> None:
        super().__init__()
        self._work_out = work_out
        self._limit = limit

    def __missing__(self, key: str) -> T:
        if len(key) > MAX_REMEMBERED_CHARS:
            return self._work_out(key)
        if len(self) >= self._limit:
            self.clear()
        value = self[key] = self._work_out(key)
        return value


def decimal(text: str) -> Decimal | None:
    """The number in an R or N element; None when it is blank or no plain number ("1E5", "--", "NaN")."""
    stripped = text.strip()
    if len(stripped) > MAX_NUMBER_CHARS or not _is_number(stripped):
        return None
    return Decimal(stripped) or ZERO  # no negative zero, and none with places


DECIMALS: Memo[Decimal | None] = Memo(decimal, 1 << 16)
"""`decimal`, remembered."""


@lru_cache(maxsize=1 << 12)
def day(text: str) -> date | None:
    """A D8 date (CCYYMMDD) or the first day of an RD8 range; None when it is neither."""
    first = text.strip()[:8]
    if len(first) != 8 or not (first.isascii() and first.isdigit()):
        return None
    try:
        return date(int(first[:4]), int(first[4:6]), int(first[6:8]))
    except ValueError:
        return None


def last_day(text: str) -> date | None:
    """The last day of an RD8 range (CCYYMMDD-CCYYMMDD); None for a single day."""
    return day(text.partition("-")[2])


def moment(day_text: str, time_text: str) -> datetime | None:
    """A date (6 or 8 digits) and a time (HHMM or HHMMSS) as the sender's wall clock, without zone."""
    whole = day(("20" + day_text) if len(day_text) == 6 else day_text)
    if whole is None:
        return None
    clock = time_text if time_text.isascii() and time_text.isdigit() and len(time_text) >= 4 else "0000"
    hour, minute, second = int(clock[:2]), int(clock[2:4]), int(clock[4:6] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    # X12 states no zone: the wall clock of the sender is all there is
    return datetime(whole.year, whole.month, whole.day, hour, minute, second)  # noqa: DTZ001


def d8(value: date) -> str:
    """CCYYMMDD."""
    return f"{value:%Y%m%d}" if value.year > 999 else f"{value.year:04d}{value:%m%d}"


@lru_cache(maxsize=1 << 14)
def number(value: Decimal) -> str:
    """A number as X12 wants it: no exponent, no trailing zeros, no leading zero before the point left out."""
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def wire(text: str) -> str:
    """Data made fit to travel: upper case, accents folded, delimiters and other characters replaced by spaces."""
    if _UNSAFE.search(text) is None and "  " not in text and text == text.strip():
        return text
    folded = _fold(text).upper()
    return " ".join(_UNSAFE.sub(" ", folded).split())


def _fold(text: str) -> str:
    plain = text.translate(_FOLD)
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))


def digits(text: str) -> str:
    """Only the ASCII digits of a text: for ZIP codes, telephone numbers and tax ids typed with dashes."""
    return "".join(c for c in text if c in "0123456789")


def npi_is_valid(npi: str) -> bool:
    """Ten digits, first 1 or 2, Luhn check digit over 80840 + NPI (CMS, NPI check digit, 2004)."""
    if len(npi) != 10 or not (npi.isascii() and npi.isdigit()) or npi[0] not in "12":
        return False
    total = 24  # what the prefix 80840 adds
    for index, char in enumerate(npi):
        value = int(char) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
