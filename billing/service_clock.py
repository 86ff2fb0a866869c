"""Service clocks: how long an item has been ours to work, in business time, without what we waited for others.

Computed from the item's opening and the intervals in which its clock stood, so a changed calendar applies to all of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from billing.deadlines import SATURDAY, federal_holidays, is_business_day
from billing.practice import DeskSettings

# Business hours within which an item of a queue should have been worked (practice defaults: charges and postings in a
# day, denials routed in two; DeskSettings.service_hours overrides)
SERVICE_HOURS: dict[str, int] = {
    "documentation": 10,
    "authorization": 10,
    "scrub": 10,
    "rejections": 10,
    "follow_up": 30,
    "posting": 10,
    "denials": 20,
    "patient_balance": 50,
}
SERVICE_HOURS_OTHERWISE = 20
DAYS_COUNTED_MAX = 400  # an item older than that is overdue on any calendar


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the practice works: hours of a business day in its zone; its own closed days besides federal holidays."""

    zone: ZoneInfo
    opens_at: time
    closes_at: time
    closed_on: frozenset[date] = frozenset()

    @property
    def day_length(self) -> timedelta:
        """Hours of a whole business day."""
        return timedelta(hours=self.closes_at.hour - self.opens_at.hour)

    def works_on(self, day: date) -> bool:
        """Whether the practice works that day."""
        return is_business_day(day) and day not in self.closed_on


@dataclass(frozen=True, slots=True)
class Pause:
    """An interval in which the clock stood, and for whom. ended_at: None while it stands."""

    waiting_on: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Clock:
    """What a service clock shows. left: negative when the time is over. waiting_on: why it stands, or empty."""

    target: timedelta
    used: timedelta
    waiting_on: str

    @property
    def left(self) -> timedelta:
        """Business time that remains."""
        return self.target - self.used


def calendar_of(settings: DeskSettings, zone: ZoneInfo) -> Calendar:
    """The practice's calendar from its settings."""
    return _calendar(zone, settings.opens_at_hour, settings.closes_at_hour, settings.closed_on)


@lru_cache(maxsize=100)
def _calendar(zone: ZoneInfo, opens_at_hour: int, closes_at_hour: int, closed_on: tuple[date, ...]) -> Calendar:
    return Calendar(zone, time(opens_at_hour), time(closes_at_hour), frozenset(closed_on))


def service_hours(queue: str, settings: DeskSettings) -> int:
    """Business hours an item of that queue should take at most."""
    return settings.service_hours.get(queue, SERVICE_HOURS.get(queue, SERVICE_HOURS_OTHERWISE))


def read(
    queue: str, opened_at: datetime, now: datetime, pauses: Sequence[Pause], settings: DeskSettings, zone: ZoneInfo
) -> Clock:
    """The clock of an item as of now. Pauses may overlap: time is never taken off twice."""
    calendar = calendar_of(settings, zone)
    used = timedelta(0)
    for start, end in running(opened_at, now, pauses):
        used += business_time(start, end, calendar)
    waiting_on = next((pause.waiting_on for pause in pauses if pause.ended_at is None), "")
    return Clock(timedelta(hours=service_hours(queue, settings)), used, waiting_on)


def running(start: datetime, end: datetime, pauses: Sequence[Pause]) -> list[tuple[datetime, datetime]]:
    """The parts of [start, end) outside all pauses."""
    parts: list[tuple[datetime, datetime]] = []
    for pause in sorted(pauses, key=lambda pause: pause.started_at):
        if pause.started_at > start:
            parts.append((start, min(pause.started_at, end)))
        start = max(start, pause.ended_at or end)
    parts.append((start, end))
    return [(begin, stop) for begin, stop in parts if begin < stop]


def business_time(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """How much of [start, end) lies within the practice's working hours; at most DAYS_COUNTED_MAX days are counted."""
    first = start.astimezone(calendar.zone).date()
    last = min(end.astimezone(calendar.zone).date(), first + timedelta(days=DAYS_COUNTED_MAX))
    total = _within(first, start, end, calendar)
    if last != first:
        total += _within(last, start, end, calendar)
    return total + calendar.day_length * _days_between(first, last, calendar)


def _within(day: date, start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """How much of [start, end) lies within the working hours of one day."""
    hours = _hours(day, calendar)
    return max(min(end, hours[1]) - max(start, hours[0]), timedelta(0)) if hours else timedelta(0)


@lru_cache(maxsize=2_000)
def _hours(day: date, calendar: Calendar) -> tuple[datetime, datetime] | None:
    """When the practice opens and closes that day, in UTC; None where it does not work. Each row of a list asks."""
    if not calendar.works_on(day):
        return None
    opens, closes = (datetime.combine(day, at, calendar.zone) for at in (calendar.opens_at, calendar.closes_at))
    return opens.astimezone(UTC), closes.astimezone(UTC)


def _days_between(first: date, last: date, calendar: Calendar) -> int:
    """Working days after the first and before the last day; a queue shows many old items, so not one by one."""
    length = (last - first).days - 1
    if length <= 0:
        return 0
    weeks, rest = divmod(length, 7)
    begun = first + timedelta(days=1 + 7 * weeks)
    weekdays = 5 * weeks + sum((begun + timedelta(days=extra)).weekday() < SATURDAY for extra in range(rest))
    days_off = _days_off(calendar, first.year, last.year)
    return weekdays - (bisect_left(days_off, last) - bisect_right(days_off, first))


@lru_cache(maxsize=100)
def _days_off(calendar: Calendar, first_year: int, last_year: int) -> tuple[date, ...]:
    """Weekdays of these years on which the practice does not work, in order."""
    # a New Year's Day on Saturday is kept in the year before
    federal = (federal_holidays(year) for year in range(first_year, last_year + 2))
    return tuple(sorted(day for day in calendar.closed_on.union(*federal) if day.weekday() < SATURDAY))
