"""Work is spread by who is done first, and the days ahead add up as they are told."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from billing.workload import Bench, business_days_ahead, expected, outlook, spread

MONDAY = date(2026, 3, 2)
BENCHES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=6)


def test_work_goes_to_whoever_is_done_first() -> None:
    benches = [Bench("ana", load=10, capacity=20), Bench("ben", load=0, capacity=10), Bench("away", 0, 0)]
    assert Counter(spread(9, benches)) == {"ana": 3, "ben": 6}  # 13/20 and 6/10
    assert spread(3, [Bench("away", 0, 0)]) == []


@given(BENCHES, st.integers(0, 80))
def test_nobody_is_given_an_item_while_somebody_else_would_be_done_with_it_sooner(
    people: list[tuple[int, int]], count: int
) -> None:
    benches = [Bench(number, load, capacity) for number, (load, capacity) in enumerate(people)]
    able = [bench for bench in benches if bench.capacity]
    given_to = Counter(spread(count, benches))
    assert sum(given_to.values()) == (count if able else 0)
    for bench in able:
        last = (bench.load + given_to[bench.key]) / bench.capacity
        for other in able:
            next_of_other = (other.load + given_to[other.key] + 1) / other.capacity
            assert not given_to[bench.key] or last <= next_of_other + 1e-9


def test_a_day_usually_brings_what_its_weekday_brought_and_says_so() -> None:
    arrived = {date(2026, 2, 23): 12, date(2026, 2, 9): 9, date(2026, 2, 2): 15}
    count, step = expected(MONDAY, arrived)
    # 16 February 2026 was Presidents' Day, no business day: the Monday of the week before the others counts instead
    assert (count, step) == (9, "new: the last 4 Mondays brought 12 + 9 + 15 + 0 = 36; / 4 = 9")


def test_a_new_practice_expects_nothing_it_never_saw() -> None:
    count, step = expected(MONDAY, {}, known_since=MONDAY)
    assert (count, step) == (0, "new: no Monday on record yet, so none is expected")


def test_what_stays_open_carries_over_the_weekend() -> None:
    days = business_days_ahead(date(2026, 3, 6), 2)
    assert days == (date(2026, 3, 6), date(2026, 3, 9))
    told = outlook(days, 30, {}, {days[1]: 5}, {days[0]: 2}, {days[0]: 20, days[1]: 4})
    assert [(day.left, day.due) for day in told] == [(10, 2), (11, 0)]
    assert told[1].steps[-1] == "open that evening: 10 + 0 + 5 - 4 = 11"
    assert told[1].short == 1


@given(st.integers(0, 500), st.lists(st.integers(0, 80), min_size=5, max_size=5))
def test_nothing_is_lost_or_owed_below_zero(open_now: int, capacity: list[int]) -> None:
    days = business_days_ahead(MONDAY)
    told = outlook(days, open_now, {}, {}, {}, dict(zip(days, capacity, strict=True)))
    assert told[-1].left == max(0, open_now - sum(capacity))
