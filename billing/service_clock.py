"""Service clocks: how long an item has been ours to work, in business time, without what we waited for others.

Computed from the item's opening and the intervals in which its clock stood, so a changed calendar applies to all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.deadlines import is_business_day
from billing.practice import DeskSettings

# Business hours within which an item of a queue should have been worked (practice defaults, market.md 2.9 and 6:
# charges and postings in a day, denials routed in two; DeskSettings.service_hours overrides)
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
    return Calendar(zone, time(settings.opens_at_hour), time(settings.closes_at_hour), frozenset(settings.closed_on))


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
    day = start.astimezone(calendar.zone).date()
    last = min(end.astimezone(calendar.zone).date(), day + timedelta(days=DAYS_COUNTED_MAX))
    total = timedelta(0)
    while day <= last:
        if calendar.works_on(day):
            opens = datetime.combine(day, calendar.opens_at, calendar.zone)
            closes = datetime.combine(day, calendar.closes_at, calendar.zone)
            total += max(min(end, closes) - max(start, opens), timedelta(0))
        day += timedelta(days=1)
    return total
