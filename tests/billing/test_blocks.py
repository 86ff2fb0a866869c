"""One person's minutes on the clock: what fits into it, whoever the patients are."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from billing.blocks import Block, blocks, clock, crowded
from tests.billing.builders import VISIT, encounter, service, services

NINE = 9 * 60


def block(start: int, stop: int, minutes: int | None = None, visit: str = "other", by: str = "pt-1") -> Block:
    return Block(visit, by, start, stop, stop - start if minutes is None else minutes)


def test_the_shortest_stretch_that_holds_too_much_is_named() -> None:
    own = block(NINE, NINE + 30, visit="own")
    (crowd,) = crowded([own], [block(NINE + 10, NINE + 40), block(NINE + 200, NINE + 260, 60)])
    assert (crowd.start, crowd.stop, crowd.minutes) == (NINE, NINE + 40, 60)
    assert crowd.encounter_ids == ("own", "other")


def test_a_crowd_without_this_visit_in_it_is_not_this_visits() -> None:
    others = [block(NINE, NINE + 30, visit="a"), block(NINE, NINE + 30, visit="b")]
    assert crowded([block(NINE + 30, NINE + 60, visit="own")], others) == ()


def test_a_chain_of_visits_may_be_crowded_as_a_whole() -> None:
    """Each pair fits, the three together do not."""
    own = block(NINE, NINE + 40, 30, visit="own")
    others = [block(NINE, NINE + 60, 20, visit="a"), block(NINE + 20, NINE + 60, 20, visit="b")]
    assert crowded([own], others[:1]) == ()
    assert crowded([own], others[1:]) == ()
    (crowd,) = crowded([own], others)
    assert (crowd.stop - crowd.start, crowd.minutes) == (60, 70)


def test_only_one_on_one_time_with_clock_times_counts() -> None:
    timed = {"start_time": "09:00", "stop_time": "09:30"}
    given_ = services(
        service("97110", 40, **timed),  # never more than its span: D4 says that
        service("G0283", 30, **timed),
        service("97150", 30, mode="group", **timed),
        service("97140", 15),
        service("97112", 0, **timed),
    )
    visit = encounter(timing=given_)
    assert blocks("visit-1", visit.timing.services, VISIT) == (Block("visit-1", "pt-1", NINE, NINE + 30, 30),)
    evaluation = encounter(timing=services(service("97161", 30, **timed)))
    assert len(blocks("visit-1", evaluation.timing.services, VISIT)) == 1
    assert blocks("visit-1", evaluation.timing.services, date(2010, 1, 1)) == ()


def test_clock() -> None:
    assert clock(NINE + 5) == "9:05"


day = st.lists(
    st.builds(
        lambda start, length, part: block(start, start + length, max(1, length * part // 4)),
        st.integers(0, 90),
        st.integers(1, 40),
        st.integers(1, 4),
    ),
    max_size=5,
)


def _fits(given_blocks: list[Block]) -> bool:
    """Whether minutes can be laid on the clock, one patient at a time: the earliest end first, minute by minute."""
    left = [[one.start, one.stop, one.minutes] for one in given_blocks]
    for minute in range(140):
        ready = sorted((one[1], index) for index, one in enumerate(left) if one[0] <= minute < one[1] and one[2])
        if ready:
            left[ready[0][1]][2] -= 1
    return all(one[2] == 0 for one in left)


@given(day)
def test_a_day_is_crowded_exactly_if_it_cannot_be_laid_on_the_clock(given_blocks: list[Block]) -> None:
    assert bool(crowded(given_blocks, [])) != _fits(given_blocks)
