"""Clocks of the trade as arithmetic: business days, filing limits, the hours within which a case must move."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import lru_cache

from billing.practice import PlanTerms
from billing.vocabulary import FilingStart

SUBMIT_WITHIN = timedelta(hours=24)  # claims leave within 24 h of service (practice default)
ROUTE_WITHIN = timedelta(hours=48)  # a denial reaches its owner within 48 h of receipt (practice default)
POST_WITHIN = timedelta(hours=24)  # a remittance is posted within 24 h of receipt (practice default)
FILING_GUARD_DAYS = 30  # days before a filing limit from which we warn (practice default)
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
JUNETEENTH_SINCE = 2021


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th such weekday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last(year: int, month: int, weekday: int) -> date:
    """The last such weekday of a month."""
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def _observed(day: date) -> date:
    """A holiday on Saturday is kept on Friday, one on Sunday on Monday (5 USC 6103; EO 11582)."""
    shift = {SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


@lru_cache(maxsize=200)
def federal_holidays(year: int) -> frozenset[date]:
    """Days on which the federal government is closed, as observed, for the holidays of that year (5 USC 6103)."""
    fixed = [date(year, 1, 1), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    if year >= JUNETEENTH_SINCE:
        fixed.append(date(year, 6, 19))
    moving = [
        _nth(year, 1, MONDAY, 3),
        _nth(year, 2, MONDAY, 3),
        _last(year, 5, MONDAY),
        _nth(year, 9, MONDAY, 1),
        _nth(year, 10, MONDAY, 2),
        _nth(year, 11, THURSDAY, 4),
    ]
    return frozenset([_observed(day) for day in fixed] + moving)


def is_business_day(day: date) -> bool:
    """Monday to Friday and no federal holiday (a New Year's Day on Saturday is kept in the year before)."""
    if day.weekday() >= SATURDAY:
        return False
    return day not in federal_holidays(day.year) and day not in federal_holidays(day.year + 1)


def add_business_days(day: date, count: int) -> date:
    """The day ``count`` business days later (or earlier, when negative); zero is the day itself."""
    step = timedelta(days=1 if count >= 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not is_business_day(day):
            day += step
    return day


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def filing_limit(date_of_service: date, terms: PlanTerms) -> date:
    """Last day on which the plan takes a first claim (plan term; Medicare 12 calendar months, 42 CFR 424.44)."""
    if terms.timely_filing_months is not None:
        return add_months(date_of_service, terms.timely_filing_months)
    return date_of_service + timedelta(days=terms.timely_filing_days)


def later_filing_limit(date_of_service: date, decided_on: date, terms: PlanTerms) -> date:
    """Last day on which the plan takes a claim as a later one. ``decided_on``: the remittance of the plan before it."""
    if terms.secondary_filing_counts_from is FilingStart.SERVICE:
        return filing_limit(date_of_service, terms)
    return filing_limit(decided_on, terms)


def corrected_claim_limit(date_of_service: date, terms: PlanTerms) -> date:
    """Last day on which the plan takes a corrected claim (plan term)."""
    return date_of_service + timedelta(days=terms.corrected_claim_days)


def claim_limit(date_of_service: date, terms: PlanTerms, *, corrects: bool) -> date:
    """Last day on which the plan takes the claim. corrects: it replaces one the payer has."""
    return (corrected_claim_limit if corrects else filing_limit)(date_of_service, terms)


def filing_guard_opens_on(limit: date) -> date:
    """From this day on a claim with that filing limit, and not yet sent, is in danger."""
    return limit - timedelta(days=FILING_GUARD_DAYS)


def submit_by(ready_at: datetime) -> datetime:
    """When a claim must have left, counted from the end of the service."""
    return ready_at + SUBMIT_WITHIN


def route_by(received_at: datetime) -> datetime:
    """When a denial must have reached its owner, counted from receipt."""
    return received_at + ROUTE_WITHIN


def post_by(received_at: datetime) -> datetime:
    """When a remittance must be posted, counted from receipt."""
    return received_at + POST_WITHIN
