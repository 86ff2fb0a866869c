"""What is typed into the search of a list: words that must all fit a row, each as text, a number or a day."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

TYPED_MAX = 60
US_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})(?:/([0-9]{4}|[0-9]{2}))?")
ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
YEARS = range(1900, 2200)
CENTURY = 2000  # of a year written with two digits
INTEGER_MAX = 2**31 - 1  # Postgres' integer, in which control numbers are kept


def typed_in(text: str) -> str:
    """What is looked for, as it is shown again: cut to a length."""
    return text.strip()[:TYPED_MAX]


def every_word(typed: str, fits: Callable[[str], Iterable[ColumnElement[bool]]]) -> ColumnElement[bool]:
    """Every word fits in one way at least."""
    return and_(*(or_(*fits(word)) for word in typed.split()))


def holds(word: str, *columns: InstrumentedAttribute[str]) -> list[ColumnElement[bool]]:
    """The word stands in one of the columns, whatever its case."""
    return [column.icontains(word, autoescape=True) for column in columns]


def day_of(word: str, today: date) -> date | None:
    """The day meant by 03/02/2026, 3/2/26 or 2026-03-02; by 3/2 the nearest such day. None: it is no day."""
    if (found := US_DAY.fullmatch(word)) is not None:
        month, day, year = found.groups()
        known = [int(year) + (CENTURY if len(year) == len("26") else 0)] if year else []
    elif (found := ISO_DAY.fullmatch(word)) is not None:
        known, month, day = [int(found[1])], found[2], found[3]
    else:
        return None
    years = known or range(today.year - 1, today.year + 2)
    days = [one for year in years if year in YEARS and (one := _day(year, int(month), int(day))) is not None]
    return min(days, key=lambda one: abs(one - today), default=None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def on_day(
    column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None], day: date, zone: ZoneInfo
) -> ColumnElement[bool]:
    """The instant is on the practice's calendar day."""
    begins = datetime.combine(day, time(), zone)
    return and_(column >= begins, column < datetime.combine(day + timedelta(days=1), time(), zone))


def number_of(word: str) -> int | None:
    """A control number, written with or without its leading zeros. None: it is none."""
    return int(word) if re.fullmatch(r"[0-9]{1,10}", word) and int(word) <= INTEGER_MAX else None
