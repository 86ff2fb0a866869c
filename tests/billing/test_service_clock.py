"""Service clocks count business time, and stand only while somebody else is waited for."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.practice import DeskSettings
from billing.service_clock import Pause, business_time, calendar_of, read

ZONE = ZoneInfo("America/Chicago")
SETTINGS = DeskSettings()
CALENDAR = calendar_of(SETTINGS, ZONE)
YEAR_START = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 364 * 24 * 60).map(lambda minutes: YEAR_START + timedelta(minutes=minutes))


def at(text: str) -> datetime:
    """An instant as the practice's clock shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def test_nights_weekends_and_holidays_do_not_count() -> None:
    friday_evening, monday_morning = at("2026-11-20 17:00"), at("2026-11-23 09:00")
    assert business_time(friday_evening, monday_morning, CALENDAR) == timedelta(hours=2)
    # Thanksgiving is 2026-11-26
    assert business_time(at("2026-11-25 18:00"), at("2026-11-27 08:00"), CALENDAR) == timedelta(0)


def test_the_practices_own_closed_days_do_not_count() -> None:
    own = calendar_of(DeskSettings(closed_on=(date(2026, 11, 24),)), ZONE)
    assert business_time(at("2026-11-24 08:00"), at("2026-11-24 18:00"), own) == timedelta(0)


def test_a_day_with_a_clock_change_is_as_long_as_any_other() -> None:
    # clocks went back on 2026-11-01, a Sunday; Monday is whole
    assert business_time(at("2026-10-30 18:00"), at("2026-11-02 18:00"), CALENDAR) == timedelta(hours=10)


def test_the_clock_stands_while_somebody_else_is_waited_for_and_says_for_whom() -> None:
    opened, now = at("2026-11-23 08:00"), at("2026-11-23 16:00")
    waited = Pause("payer", at("2026-11-23 09:00"), at("2026-11-23 11:00"))
    waiting = Pause("clinician", at("2026-11-23 14:00"), None)
    clock = read("scrub", opened, now, [waited, waiting], SETTINGS, ZONE)
    assert clock.used == timedelta(hours=4)
    assert clock.left == timedelta(hours=6)
    assert clock.waiting_on == "clinician"
    later = read("scrub", opened, now + timedelta(hours=2), [waited, waiting], SETTINGS, ZONE)
    assert later.left == clock.left


@given(instants, st.timedeltas(timedelta(0), timedelta(days=60)), st.lists(st.tuples(instants, instants), max_size=5))
def test_pauses_only_ever_give_time_and_never_twice(
    start: datetime, length: timedelta, spans: list[tuple[datetime, datetime]]
) -> None:
    pauses = [Pause("payer", min(span), max(span)) for span in spans]
    end = start + length
    bare = read("scrub", start, end, [], SETTINGS, ZONE)
    paused = read("scrub", start, end, pauses, SETTINGS, ZONE)
    doubled = read("scrub", start, end, pauses * 2, SETTINGS, ZONE)
    assert timedelta(0) <= paused.used <= bare.used
    assert doubled == paused


@given(instants, st.timedeltas(timedelta(0), timedelta(days=30)), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_business_time_of_two_parts_is_that_of_the_whole(first: datetime, one: timedelta, two: timedelta) -> None:
    middle, end = first + one, first + one + two
    whole = business_time(first, end, CALENDAR)
    assert business_time(first, middle, CALENDAR) + business_time(middle, end, CALENDAR) == whole


@given(instants, st.integers(0, 380))
def test_a_long_time_counts_the_same_day_by_day(start: datetime, days: int) -> None:
    pieces = [(start + timedelta(days=day), start + timedelta(days=day + 1)) for day in range(days)]
    counted = sum((business_time(*piece, CALENDAR) for piece in pieces), timedelta(0))
    assert business_time(start, start + timedelta(days=days), CALENDAR) == counted
