"""Clocks: business days, filing limits, hours."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import deadlines
from billing.deadlines import add_business_days, add_months, federal_holidays, filing_limit, is_business_day
from tests.billing.builders import terms


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19), date(2026, 7, 3),
        date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25),
    ],
)  # fmt: skip
def test_federal_holidays_of_2026_as_observed(day: date) -> None:
    assert day in federal_holidays(2026)
    assert not is_business_day(day)
    assert len(federal_holidays(2026)) == 11


def test_a_sunday_holiday_is_kept_on_monday() -> None:
    assert date(2027, 7, 5) in federal_holidays(2027)
    assert date(2027, 7, 4) not in federal_holidays(2027)


def test_juneteenth_since_2021_and_new_year_kept_the_year_before() -> None:
    assert date(2020, 6, 19) not in federal_holidays(2020)
    assert date(2021, 6, 18) in federal_holidays(2021)
    assert not is_business_day(date(2021, 12, 31))  # New Year's Day 2022 is a Saturday


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 3, 2), 0, date(2026, 3, 2)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),
        (date(2026, 7, 2), 1, date(2026, 7, 6)),
        (date(2026, 3, 2), 10, date(2026, 3, 16)),
        (date(2026, 3, 7), 1, date(2026, 3, 9)),
        (date(2026, 3, 9), -1, date(2026, 3, 6)),
    ],
)
def test_business_days(day: date, count: int, expected: date) -> None:
    assert add_business_days(day, count) == expected


@given(st.dates(date(2018, 1, 1), date(2040, 1, 1)), st.integers(1, 60))
def test_business_days_end_on_business_days(day: date, count: int) -> None:
    later = add_business_days(day, count)
    assert is_business_day(later)
    assert sum(is_business_day(day + timedelta(n)) for n in range(1, (later - day).days + 1)) == count


def test_filing_limit_in_days_or_calendar_months() -> None:
    visit = date(2024, 2, 29)
    assert filing_limit(visit, terms(timely_filing_days=90)) == date(2024, 5, 29)
    assert filing_limit(visit, terms(timely_filing_months=12)) == date(2025, 2, 28)
    assert filing_limit(date(2026, 3, 2), terms(timely_filing_months=12)) == date(2027, 3, 2)
    assert deadlines.filing_guard_opens_on(date(2026, 5, 31)) == date(2026, 5, 1)
    assert deadlines.corrected_claim_limit(date(2026, 3, 2), terms(corrected_claim_days=30)) == date(2026, 4, 1)


def test_a_later_plans_limit_counts_from_the_remittance_before_it_or_from_the_service() -> None:
    visit, decided = date(2026, 3, 2), date(2026, 5, 20)
    assert deadlines.later_filing_limit(visit, decided, terms(timely_filing_days=90)) == date(2026, 8, 18)
    from_service = {"secondary_filing_counts_from": "service"}
    assert deadlines.later_filing_limit(visit, decided, terms(timely_filing_days=90, **from_service)) == date(
        2026, 5, 31
    )
    assert deadlines.later_filing_limit(visit, decided, terms(timely_filing_months=12, **from_service)) == date(
        2027, 3, 2
    )


def test_months_end_with_the_month() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2026, 12, 15), 1) == date(2027, 1, 15)


def test_hours_within_which_a_case_moves() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert deadlines.submit_by(noon) == datetime(2026, 3, 3, 12, tzinfo=UTC)
    assert deadlines.route_by(noon) == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert deadlines.post_by(noon) == datetime(2026, 3, 3, 12, tzinfo=UTC)
