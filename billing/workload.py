"""Who can take how much: spreading open work fairly, and what the next days will bring against what people can do.

Capacity is items a person closes on a working day. Figures are counts of items, never targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Generic, TypeVar

from billing.deadlines import add_business_days, is_business_day

WEEKS_LOOKED_BACK = 4
DAYS_AHEAD = 5

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Bench(Generic[Key]):
    """Somebody who can be given work: how much is open there, and how much a day takes off it."""

    key: Key
    load: int
    capacity: int


@dataclass(frozen=True, slots=True)
class DayAhead:
    """One business day to come. left: what is still open that evening. steps: the arithmetic in words."""

    day: date
    new: int
    waking: int
    due: int
    capacity: int
    left: int
    steps: tuple[str, ...]

    @property
    def short(self) -> int:
        """Items of that day's own inflow that nobody has time for."""
        return max(0, self.new + self.waking - self.capacity)


def spread(count: int, benches: Sequence[Bench[Key]]) -> list[Key]:
    """Whom each of so many items goes to, in order: always to whoever would be done with all of theirs first.

    "Done first" is open items, this one included, over daily capacity; ties go to whoever stands first. People without
    capacity get nothing; an empty list where nobody can take anything.
    """
    loads = {bench.key: bench.load for bench in benches if bench.capacity > 0}
    able = [bench for bench in benches if bench.capacity > 0]
    if not able:
        return []
    given = []
    for _ in range(count):
        next_one = min(able, key=lambda bench: (loads[bench.key] + 1) / bench.capacity)
        loads[next_one.key] += 1
        given.append(next_one.key)
    return given


def business_days_ahead(today: date, count: int = DAYS_AHEAD) -> tuple[date, ...]:
    """Today, if it is one, and the next business days: so many together."""
    first = today if is_business_day(today) else add_business_days(today, 1)
    return tuple(add_business_days(first, number) for number in range(count))


def expected(day: date, arrived: Mapping[date, int], known_since: date | None = None) -> tuple[int, str]:
    """How many new items a day usually brings: the mean of the same weekday in the weeks before, rounded up.

    arrived: items by the day they came, for the past. known_since: the practice's first day; weeks before it are not
    counted as empty. Weeks whose day was no business day are left out.
    """
    past = [day - timedelta(weeks=week) for week in range(1, WEEKS_LOOKED_BACK + 2)]
    usual = [one for one in past if is_business_day(one) and (known_since is None or one >= known_since)]
    usual = [one for one in usual if one < day][:WEEKS_LOOKED_BACK]
    if not usual:
        return 0, f"new: no {day:%A} on record yet, so none is expected"
    counts = [arrived.get(one, 0) for one in usual]
    mean = ceil(sum(counts) / len(counts))
    told = " + ".join(str(count) for count in counts)
    return mean, f"new: the last {len(counts)} {day:%A}s brought {told} = {sum(counts)}; / {len(counts)} = {mean}"


def outlook(
    days: Sequence[date],
    open_now: int,
    arrived: Mapping[date, int],
    waking: Mapping[date, int],
    due: Mapping[date, int],
    capacity: Mapping[date, int],
    known_since: date | None = None,
) -> tuple[DayAhead, ...]:
    """What each day brings, what can be done on it, and what stays open that evening.

    waking: snoozed items by the business day they come back. due: deadlines by day (they add no items; they say which).
    """
    told = []
    left = open_now
    for day in days:
        new, step = expected(day, arrived, known_since)
        woken, able = waking.get(day, 0), capacity.get(day, 0)
        before = left
        left = max(0, before + new + woken - able)
        steps = (
            step,
            f"waking: {woken} snoozed come back",
            f"open that evening: {before} + {new} + {woken} - {able} = {before + new + woken - able}"
            + (" (never below 0)" if before + new + woken < able else ""),
        )
        told.append(DayAhead(day, new, woken, due.get(day, 0), able, left, steps))
    return tuple(told)
