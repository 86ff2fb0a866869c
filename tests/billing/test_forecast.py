"""The burn-down of an authorization: when it runs out, what ends it, when the next is asked for, what is at risk."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.forecast import BurnDown, Draw, Grant, Habits, burn_down, usual_frequency
from billing.vocabulary import UnitOfMeasure

FROM, TO = date(2026, 3, 1), date(2026, 5, 29)
TODAY = date(2026, 4, 1)
VISITS = UnitOfMeasure.VISITS


def days(*offsets: int) -> list[Draw]:
    return [Draw(TODAY + timedelta(days=offset)) for offset in offsets]


def forecast(
    quantity: int, used: list[Draw], booked: list[Draw], *, today: date = TODAY, lead: int = 7, per_week: str = "0"
) -> BurnDown:
    habits = Habits(lead, Decimal(per_week), expected_payment=Decimal("107.50"))
    return burn_down(Grant(Decimal(quantity), VISITS, FROM, TO), used, booked, today, habits)


@pytest.mark.parametrize(
    ("quantity", "booked", "per_week", "run_out", "visit", "estimated", "opens"),
    [
        (10, (2, 5), "0", None, None, False, TO - timedelta(days=7)),  # nothing more is booked: it ends first
        (6, (2, 5, 9), "0", TODAY + timedelta(days=9), 6, False, TODAY + timedelta(days=2)),
        (5, (9, 2, 5), "0", TODAY + timedelta(days=5), 5, False, TODAY - timedelta(days=2)),  # days, not order, count
        (9, (), "2", TODAY + timedelta(days=21), 9, True, TODAY + timedelta(days=14)),
        (8, (2, 5), "1", TODAY + timedelta(days=26), 8, True, TODAY + timedelta(days=19)),  # booked first, then habit
        (60, (), "2", None, None, False, TO - timedelta(days=7)),
        (3, (2,), "2", TODAY - timedelta(days=2), 3, False, TODAY - timedelta(days=9)),  # used up already
    ],
)
def test_the_day_it_runs_out_and_the_day_the_next_is_asked_for(
    quantity: int,
    booked: tuple[int, ...],
    per_week: str,
    run_out: date | None,
    visit: int,
    estimated: bool,
    opens: date,
) -> None:
    down = forecast(quantity, days(-20, -10, -2), days(*booked), per_week=per_week)
    assert (down.runs_out_on, down.runs_out_at_visit, down.estimated) == (run_out, visit, estimated)
    assert down.comes_first == ("expiry" if run_out is None else "run_out")
    assert down.reauthorization_opens_on == opens
    assert down.due_on == opens + timedelta(days=2)


def test_a_slow_payer_moves_the_opening_ahead_at_both_ends() -> None:
    assert forecast(10, [], [], lead=14).reauthorization_opens_on == TO - timedelta(days=14)
    assert forecast(1, [], days(20), lead=14).reauthorization_opens_on == TODAY + timedelta(days=6)
    assert forecast(10, [], [], lead=3).reauthorization_opens_on == TO - timedelta(days=7)


def test_booked_visits_beyond_quantity_or_expiry_are_money_at_risk() -> None:
    after_the_end = (TO - TODAY).days + 3
    down = forecast(2, [], days(1, 3, 5, after_the_end))
    assert [draw.day for draw in down.beyond] == [draw.day for draw in days(5, after_the_end)]
    assert down.first_uncovered_on == TODAY + timedelta(days=5)
    assert down.dollars_at_risk == Decimal("215.00")
    assert [down.left, down.reserved, down.left_after_booked] == [2, 2, 0]
    known = burn_down(Grant(Decimal(9), VISITS, FROM, TO), [], days(1), TODAY, Habits(lead_days=7), days(4))
    assert (known.beyond, known.reserved) == (tuple(days(4)), Decimal(1)), "nobody asks again whether it fits"
    late = forecast(9, [], days(1, after_the_end))
    assert late.beyond == (Draw(TODAY + timedelta(days=after_the_end)),)
    assert (late.comes_first, late.runs_out_on) == ("expiry", None)


def test_units_that_do_not_suffice_for_a_whole_visit_end_it() -> None:
    grant = Grant(Decimal(12), UnitOfMeasure.UNITS, FROM, TO, used_before=Decimal(2))
    used = [Draw(TODAY - timedelta(days=3), Decimal(4))]
    booked = [Draw(TODAY + timedelta(days=1), Decimal(4)), Draw(TODAY + timedelta(days=2), Decimal(4))]
    down = burn_down(grant, used, booked, TODAY, Habits(lead_days=7))
    assert [down.left, down.reserved, down.left_after_booked] == [6, 4, 2]
    assert (down.runs_out_on, down.runs_out_at_visit) == (TODAY + timedelta(days=1), 2)
    assert down.first_uncovered_on == TODAY + timedelta(days=2)


def test_what_was_used_elsewhere_counts_among_the_visits() -> None:
    down = burn_down(
        Grant(Decimal(10), VISITS, FROM, TO, used_before=Decimal(8)), days(-1), days(4), TODAY, Habits(lead_days=7)
    )
    assert down.left == 1
    assert down.runs_out_at_visit == 10


def test_a_booked_day_that_passed_unsigned_is_still_to_come_in_the_ledger() -> None:
    down = forecast(3, days(-9, -1), days(-5))
    assert [(TODAY - point.day).days for point in down.points[1:]] == [9, 1, 1]
    assert [point.left for point in down.points[1:]] == [2, 1, 0]
    assert down.runs_out_on == TODAY - timedelta(days=1)


def test_dollars_are_said_as_dollars() -> None:
    grant = Grant(Decimal("1500.00"), UnitOfMeasure.DOLLARS, FROM, TO)
    down = burn_down(grant, [Draw(TODAY, Decimal("107.50"))], [], TODAY, Habits(lead_days=7))
    assert down.steps[0].text == "$1,500.00 granted, $107.50 used -> $1,392.50 left"


def test_the_words_say_what_is_booked_what_is_estimated_and_what_is_at_risk() -> None:
    told = " | ".join(step.text for step in forecast(6, days(-9, -2), days(2), per_week="1.5").steps)
    assert "6 visits granted, 2 used -> 4 left" in told
    assert "1 reserved by booked visits -> 3 left after them" in told
    assert "1.5 visits a week as in the last 28 days (an estimate)" in told
    assert "with visit 6, by estimate; ends 2026-05-29" in told
    beyond = " | ".join(step.text for step in forecast(1, [], days(2, 4)).steps)
    assert "1 booked visit is beyond it, the first on 2026-04-05: $107.50 at risk" in beyond
    assert "estimate" not in beyond


@pytest.mark.parametrize(
    ("offsets", "per_week"),
    [
        ((), "0"),
        ((-40,), "0"),  # too long ago to be a habit
        ((-1,), "1.0"),  # a single visit is no more than one a week
        ((-14, -12, -7, -5, 0), "2.3"),
        ((-3, -3, -3), "1.0"),  # days count, not visits
        ((2, 4), "0"),  # the future is no history
    ],
)
def test_the_usual_frequency_is_taken_from_the_last_four_weeks(offsets: tuple[int, ...], per_week: str) -> None:
    assert usual_frequency([draw.day for draw in days(*offsets)], TODAY) == Decimal(per_week)


amounts = st.integers(1, 4).map(Decimal)
past = st.lists(st.builds(Draw, st.dates(FROM, TODAY), amounts), max_size=8)
future = st.lists(st.builds(Draw, st.dates(TODAY - timedelta(days=9), TO + timedelta(days=20)), amounts), max_size=12)
grants = st.builds(
    Grant,
    st.integers(0, 30).map(Decimal),
    st.sampled_from(UnitOfMeasure),
    st.just(FROM),
    st.just(TO),
    st.integers(0, 3).map(Decimal),
)
habits = st.builds(Habits, st.integers(0, 21), st.none() | st.decimals("0", "5", places=1), st.just(Decimal("90.00")))


@given(grants, past, future, habits)
def test_every_course_holds_together(grant: Grant, used: list[Draw], booked: list[Draw], habit: Habits) -> None:
    down = burn_down(grant, used, booked, TODAY, habit)
    assert down.left == grant.quantity - grant.used_before - sum(draw.quantity for draw in used)
    planned = [point for point in down.points if point.kind in ("booked", "estimated")]
    assert all(point.left >= 0 and point.day <= TO for point in planned)
    assert all(later.left < earlier.left and later.day >= earlier.day for earlier, later in pairwise(down.points))
    fitting = sum(1 for point in planned if point.kind == "booked")
    assert fitting + len(down.beyond) == len(booked), "every booked visit is either covered or beyond"
    assert down.dollars_at_risk == 90 * len(down.beyond)
    assert down.reauthorization_opens_on <= TO - timedelta(days=7)
    if down.runs_out_on is not None:
        assert down.runs_out_on <= max([TO, *(draw.day for draw in used)])
        assert down.reauthorization_opens_on <= down.runs_out_on - timedelta(days=habit.lead_days)
    assert down.steps


@given(grants, past, future, habits, st.dates(TODAY, TO))
def test_one_more_booking_never_makes_it_last_longer(
    grant: Grant, used: list[Draw], booked: list[Draw], habit: Habits, day: date
) -> None:
    fewer = burn_down(grant, used, booked, TODAY, habit)
    more = burn_down(grant, used, [*booked, Draw(day)], TODAY, habit)
    assert len(more.beyond) >= len(fewer.beyond)
    assert more.left == fewer.left, "a booking is no use"
    assert more.left_after_booked <= fewer.left_after_booked or more.beyond


@given(past, future, st.integers(0, 20), st.integers(1, 5))
def test_a_larger_grant_never_covers_less(used: list[Draw], booked: list[Draw], quantity: int, extra: int) -> None:
    habit = Habits(lead_days=7, visits_per_week=Decimal(0))
    small = burn_down(Grant(Decimal(quantity), VISITS, FROM, TO), used, booked, TODAY, habit)
    large = burn_down(Grant(Decimal(quantity + extra), VISITS, FROM, TO), used, booked, TODAY, habit)
    assert len(large.beyond) <= len(small.beyond)
    assert large.runs_out_on is None or (small.runs_out_on is not None and small.runs_out_on <= large.runs_out_on)
