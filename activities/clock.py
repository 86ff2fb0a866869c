"""Dates as the practice sees them. ``now`` always comes from the workflow, so that moved time moves everything."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

OPENING_HOUR = 8


def practice_day(now: datetime, time_zone: str) -> date:
    """The calendar day in the practice's time zone."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def morning_of(day: date, time_zone: str) -> datetime:
    """Eight in the morning of a day at the practice, as an aware UTC instant."""
    return datetime.combine(day, time(OPENING_HOUR), ZoneInfo(time_zone)).astimezone(UTC)
