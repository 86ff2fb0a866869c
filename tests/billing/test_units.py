"""Minutes to units: the tables of worked examples, and what must hold for any minutes."""

import re
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import units
from billing.units import STRATEGIES, ServiceMinutes, bucket, count_units, earned, total_time_units
from billing.vocabulary import Discipline, ServiceMode, UnitMethod

ON = date(2026, 3, 2)
CMS, MIDPOINT, FULL = UnitMethod.CMS_TOTAL_TIME, UnitMethod.PER_CODE_MIDPOINT, UnitMethod.PER_CODE_FULL

# minutes | pooled | CMS (tie) | per code, more than half | whole quarter hours
EXAMPLES = """
1  | 97112 24 + 97110 23 | 47 | 97112x2 97110x1 | 97112x2 97110x2 | 2
2  | 97112 20 + 97110 20 | 40 | 97112x2 97110x1 (tie) | 97112x1 97110x1 | 2
3  | 97110 33 + 97140 7 | 40 | 97110x2 97140x1 | 97110x2 | 2
4  | 97110 18 + 97140 13 + 97116 10 + 97035 8 | 49 | 97110x1 97140x1 97116x1 | 97110x1 97140x1 97116x1 97035x1 | 1
5  | 97112 7 + 97110 7 + 97140 7 | 21 | 97140x1 (tie) | - | 0
6  | 97110 54 | 54 | 97110x4 | 97110x4 | 3
7  | 97110 8 + 97140 8 | 16 | 97140x1 (tie) | 97110x1 97140x1 | 0
8  | 97110 10 + 97530 10 | 20 | 97530x1 (tie) | 97110x1 97530x1 | 0
9  | 97110 8 + 97112 8 + 97140 8 | 24 | 97112x1 97140x1 (tie) | 97110x1 97112x1 97140x1 | 0
10 | 97110 12 + 97140 12 + 97530 12 | 36 | 97140x1 97530x1 (tie) | 97110x1 97140x1 97530x1 | 0
11 | 97110 7 + 97140 7 | 14 | 97140x1 (tie) | - | 0
12 | 97110 5 + 97140 5 | 10 | 97140x1 (tie) | - | 0
13 | 97110 20 + 97140 8 | 28 | 97110x1 97140x1 | 97110x1 97140x1 | 1
14 | 97110 22 + 97140 8 + 97112 8 | 38 | 97110x1 97140x1 97112x1 | 97110x1 97140x1 97112x1 | 1
15 | 97110 23 + 97140 8 + 97035 8 | 39 | 97110x2 97140x1 (tie) | 97110x2 97140x1 97035x1 | 1
16 | 97110 38 + 97140 7 | 45 | 97110x3 | 97110x3 | 2
17 | 97110 16 + 97140 14 + 97530 8 | 38 | 97110x1 97140x1 97530x1 | 97110x1 97140x1 97530x1 | 1
18 | 97110 25 + 97140 12 | 37 | 97110x1 97140x1 | 97110x2 97140x1 | 1
19 | 97112 45 + 97035 7 | 52 | 97112x3 | 97112x3 | 3
20 | 97110 30 + 97140 6 + 97035 2 | 38 | 97110x2 97140x1 | 97110x2 | 2
21 | 97530 15 + 97110 15 + 97112 15 + 97140 7 | 52 | 97530x1 97110x1 97112x1 | 97530x1 97110x1 97112x1 | 3
22 | 97530 26 + 97535 13 + 97110 9 | 48 | 97530x2 97535x1 | 97530x2 97535x1 97110x1 | 1
23 | 97110 11 + 97112 11 + 97116 11 + 97140 11 + 97530 11 | 55 | 97112x1 97116x1 97140x1 97530x1 (tie) | 97110x1 97112x1 97116x1 97140x1 97530x1 | 0
24 | 97110 8 + 97112 8 + 97116 8 + 97140 8 + 97530 8 + 97535 8 | 48 | 97140x1 97530x1 97535x1 (tie) | 97110x1 97112x1 97116x1 97140x1 97530x1 97535x1 | 0
25 | 97110 37 + 97140 22 + 97112 8 | 67 | 97110x2 97140x1 97112x1 | 97110x2 97140x1 97112x1 | 3
26 | 97110 6 + 97112 6 + 97140 6 + 97530 6 + 97116 6 | 30 | 97140x1 97530x1 (tie) | - | 0
"""  # noqa: E501 - a table reads by its rows
ROWS = [tuple(cell.strip() for cell in row.split("|")) for row in EXAMPLES.strip().splitlines()]


def given_minutes(text: str) -> list[ServiceMinutes]:
    return [ServiceMinutes(code, int(minutes)) for code, minutes in re.findall(r"(\w{5}) (\d+)", text)]


def wanted(text: str) -> dict[str, int]:
    return {code: int(count) for code, count in re.findall(r"(\w{5})x(\d+)", text)}


def billed(method: UnitMethod, services: list[ServiceMinutes]) -> dict[str, int]:
    lines = count_units(method, services, ON, Discipline.PT).lines
    return {line.code: line.units for line in lines if line.units}


@pytest.mark.parametrize("row", ROWS, ids=[f"example {row[0]}" for row in ROWS])
def test_examples_of_the_manual_and_their_kin(row: tuple[str, ...]) -> None:
    _, minutes, pooled, cms, midpoint, full = row
    services = given_minutes(minutes)
    result = count_units(CMS, services, ON, Discipline.PT)
    assert result.timed_minutes == int(pooled)
    assert billed(CMS, services) == wanted(cms)
    assert bool(result.ties) == ("(tie)" in cms)
    assert billed(MIDPOINT, services) == wanted(midpoint)
    assert sum(billed(FULL, services).values()) == int(full)


BUCKETS = [(1, 7, 0), (8, 22, 1), (23, 37, 2), (38, 52, 3), (53, 67, 4), (68, 82, 5), (83, 97, 6), (98, 112, 7)]
BUCKETS.append((113, 127, 8))


@pytest.mark.parametrize(("first", "last", "expected"), BUCKETS)
def test_bucket_table_holds_at_every_minute(first: int, last: int, expected: int) -> None:
    for minutes in range(first, last + 1):
        one = [ServiceMinutes("97110", minutes)]
        assert total_time_units(minutes) == expected
        assert sum(billed(CMS, one).values()) == sum(billed(MIDPOINT, one).values()) == expected
    assert expected == 0 or bucket(expected) == f"{first}-{last}"


@pytest.mark.parametrize(
    ("minutes", "expected"), [(14, 0), (15, 1), (29, 1), (30, 2), (59, 3), (60, 4), (119, 7), (120, 8)]
)
def test_whole_periods_only(minutes: int, expected: int) -> None:
    assert sum(billed(FULL, [ServiceMinutes("97110", minutes)]).values()) == expected


@pytest.mark.parametrize("constant", ["CREDIT_FROM", "QUARTER_HOUR"])
def test_table_would_notice_a_wrong_constant(monkeypatch: pytest.MonkeyPatch, constant: str) -> None:
    monkeypatch.setattr(units, constant, getattr(units, constant) + 1)
    right = [total_time_units(m) == n for first, last, n in BUCKETS for m in range(first, last + 1)]
    assert not all(right)


LADDERS = [
    ("97550", 15, {}),
    ("97550", 16, {"97550": 1}),
    ("97550", 37, {"97550": 1}),
    ("97550", 38, {"97550": 1, "97551": 1}),
    ("97550", 40, {"97550": 1, "97551": 1}),
    ("97550", 52, {"97550": 1, "97551": 1}),
    ("97550", 53, {"97550": 1, "97551": 2}),
    ("97550", 55, {"97550": 1, "97551": 2}),
    ("G0541", 40, {"G0541": 1, "G0542": 1}),
    ("97129", 7, {}),
    ("97129", 22, {"97129": 1}),
    ("97129", 24, {"97129": 1, "97130": 1}),
    ("97129", 38, {"97129": 1, "97130": 2}),
    ("90912", 23, {"90912": 1, "90913": 1}),
    ("96105", 30, {}),
    ("96105", 31, {"96105": 1}),
    ("96105", 90, {"96105": 1}),
    ("96105", 91, {"96105": 2}),
    ("92607", 75, {"92607": 1}),
    ("92607", 76, {"92607": 1, "92608": 1}),
    ("98980", 19, {}),
    ("98980", 20, {"98980": 1}),
    ("98980", 39, {"98980": 1}),
    ("98980", 40, {"98980": 1, "98981": 1}),
    ("98979", 9, {}),
    ("98979", 10, {"98979": 1}),
    ("97545", 120, {"97545": 1}),
]


@pytest.mark.parametrize(("code", "minutes", "expected"), LADDERS)
@pytest.mark.parametrize("method", [CMS, MIDPOINT])
def test_periods_of_other_length_and_their_add_ons(
    method: UnitMethod, code: str, minutes: int, expected: dict[str, int]
) -> None:
    assert billed(method, [ServiceMinutes(code, minutes)]) == expected


def test_an_add_on_the_chart_wrote_keeps_its_own_place() -> None:
    services = [ServiceMinutes("97130", 9), ServiceMinutes("97129", 15)]
    lines = count_units(CMS, services, ON, Discipline.OT).lines
    assert {(line.service, line.code, line.units) for line in lines} == {(0, "97130", 1), (1, "97129", 1)}


def test_an_add_on_continues_the_primary_that_is_there_and_stands_alone_otherwise() -> None:
    together = [ServiceMinutes("97130", 7), ServiceMinutes("97129", 16)]  # 23 minutes of one ladder
    assert billed(MIDPOINT, together) == {"97129": 1, "97130": 1}
    assert billed(MIDPOINT, [ServiceMinutes("97130", 15)]) == {"97130": 1}


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([("97129", 15)], [(0, 1, "97129")]),  # no line for an add-on that nobody wrote or earned
        ([("97129", 24)], [(0, 1, "97129"), (0, 1, "97130")]),
        ([("97129", 15), ("97130", 4)], [(0, 1, "97129"), (1, 0, "97130")]),
        ([("97130", 4), ("97129", 15)], [(0, 0, "97130"), (1, 1, "97129")]),
        ([("97130", 3), ("97129", 4)], [(0, 0, "97130"), (1, 0, "97129")]),  # too little for either
        ([("97130", 4), ("97129", 15), ("97130", 5)], [(0, 1, "97130"), (1, 1, "97129")]),
    ],
)
def test_lines_stand_where_their_code_was_first_written(
    services: list[tuple[str, int]], expected: list[tuple[int, int, str]]
) -> None:
    given = [ServiceMinutes(code, minutes) for code, minutes in services]
    assert list(count_units(CMS, given, ON, Discipline.OT).lines) == expected


def test_untimed_is_one_and_stays_out_of_the_pool() -> None:
    services = [ServiceMinutes("97161", 35), ServiceMinutes("97110", 15), ServiceMinutes("97140", 10)]
    result = count_units(CMS, services, ON, Discipline.PT)
    assert (result.timed_minutes, result.timed_units, result.total_units) == (25, 2, 3)
    assert billed(CMS, [ServiceMinutes("G0283", 15), ServiceMinutes("97110", 22)]) == {"G0283": 1, "97110": 1}


@pytest.mark.parametrize("mode", [ServiceMode.GROUP, ServiceMode.CONCURRENT])
def test_shared_minutes_earn_no_timed_unit(mode: ServiceMode) -> None:
    result = count_units(CMS, [ServiceMinutes("97110", 30, 0, mode)], ON, Discipline.PT)
    assert (result.timed_minutes, result.total_units) == (0, 0)
    assert any("not one-on-one" in step.text for step in result.steps)


def test_shared_minutes_keep_their_line_without_units() -> None:
    """The chart's row stays visible; beside one-on-one minutes of the same code it is the same line."""
    shared = ServiceMinutes("97110", 30, 0, ServiceMode.GROUP)
    assert list(count_units(CMS, [shared], ON, Discipline.PT).lines) == [(0, 0, "97110")]
    both = count_units(CMS, [shared, ServiceMinutes("97110", 15)], ON, Discipline.PT)
    assert list(both.lines) == [(0, 1, "97110")]
    assert list(count_units(CMS, [shared, ServiceMinutes("97140", 15)], ON, Discipline.PT).lines) == [
        (0, 0, "97110"),
        (1, 1, "97140"),
    ]


def test_group_code_is_one_unit_beside_one_on_one_minutes() -> None:
    services = [ServiceMinutes("97150", 40, 0, ServiceMode.GROUP), ServiceMinutes("97110", 15)]
    assert billed(CMS, services) == {"97150": 1, "97110": 1}


def test_one_code_in_two_rows_is_one_code() -> None:
    assert billed(MIDPOINT, [ServiceMinutes("97110", 10), ServiceMinutes("97110", 13)]) == {"97110": 2}


def test_minutes_of_therapist_and_assistant_count_together() -> None:
    for method in (CMS, MIDPOINT):
        assert billed(method, [ServiceMinutes("97110", 10, 13)]) == {"97110": 2}
        assert billed(method, [ServiceMinutes("97110", 0, 8)]) == {"97110": 1}


def test_riding_add_on_does_not_pool_its_minutes_again() -> None:
    result = count_units(CMS, [ServiceMinutes("97116", 15), ServiceMinutes("0791T", 15)], ON, Discipline.PT)
    assert {line.code: line.units for line in result.lines} == {"97116": 1, "0791T": 1}


def test_a_tie_names_all_who_could_have_had_the_unit() -> None:
    result = count_units(CMS, given_minutes("97110 23 + 97140 8 + 97035 8"), ON, Discipline.PT)
    assert result.ties == (("97035", "97140"),)


@pytest.mark.parametrize(
    ("charted", "winner", "by"),
    [
        ({}, "97140", "code number"),
        ({"97112": 1}, "97112", "the chart"),
        ({"97140": 1}, "97140", "the chart"),
        ({"97112": 1, "97140": 1}, "97140", "code number"),  # more than there is: the chart settles nothing
    ],
)
def test_the_chart_settles_a_tie_and_the_step_says_who_did(charted: dict[str, int], winner: str, by: str) -> None:
    given = [ServiceMinutes(code, 8, charted_units=charted.get(code, 0)) for code in ("97112", "97140")]
    result = count_units(CMS, given, ON, Discipline.PT)
    assert {line.code for line in result.lines if line.units} == {winner}
    assert any(step.text.endswith(f"chosen by {by}") for step in result.steps)


def test_units_the_chart_counted_on_one_row_of_a_code_count_for_the_code() -> None:
    given = [ServiceMinutes("97112", 4, charted_units=1), ServiceMinutes("97112", 4), ServiceMinutes("97140", 8)]
    result = count_units(CMS, given, ON, Discipline.PT)
    assert {line.code for line in result.lines if line.units} == {"97112"}


def test_whole_quarters_leave_nothing_to_share_and_no_tie() -> None:
    result = count_units(CMS, given_minutes("97110 15 + 97140 15"), ON, Discipline.PT)
    assert result.ties == ()
    assert not any("largest remainder" in step.text for step in result.steps)


@pytest.mark.parametrize(
    ("code", "method", "rule"),
    [
        ("97110", MIDPOINT, "40 min alone -> 3 (38-52 min)"),
        ("97550", MIDPOINT, "40 min alone -> 2 (38-52 min)"),
        ("96105", MIDPOINT, "40 min alone -> 1 (31-90 min)"),
        ("97110", UnitMethod.PER_CODE_FULL, "40 min alone -> 2 (whole periods only: 30-44 min)"),
        ("98980", CMS, "40 min alone -> 2 (whole periods only: 40-59 min)"),
    ],
)
def test_the_step_of_a_code_alone_says_from_when_to_when_so_many_are_earned(
    code: str, method: UnitMethod, rule: str
) -> None:
    (step,) = count_units(method, [ServiceMinutes(code, 40)], ON, Discipline.PT).steps
    assert step.text == rule


def test_the_step_of_a_code_that_earns_nothing_says_what_would_have() -> None:
    (step,) = count_units(MIDPOINT, [ServiceMinutes("97550", 15)], ON, Discipline.PT).steps
    assert step.text == "15 min alone -> 0 (16 min earn the first)"


@pytest.mark.parametrize(("units", "minutes"), [(0, "under 8"), (1, "8-22"), (2, "23-37"), (8, "113-127")])
def test_minutes_of_a_count_as_the_manual_prints_them(units: int, minutes: str) -> None:
    assert bucket(units) == minutes


def test_steps_say_the_arithmetic() -> None:
    said = [step.text for step in count_units(CMS, given_minutes("97110 33 + 97140 7"), ON, Discipline.PT).steps]
    assert said[0] == "PT timed total 40 min -> 3 (38-52 min)"
    assert "33 min = 2 x 15 + 3" in said


TIMED = ("97110", "97112", "97116", "97140", "97530", "97535", "97035")
days = st.dictionaries(st.sampled_from(TIMED), st.integers(0, 90), min_size=1).map(
    lambda minutes: [ServiceMinutes(code, given) for code, given in minutes.items()]
)
methods = st.sampled_from(list(UnitMethod))


@given(methods, days)
def test_never_more_units_than_the_minutes_allow(method: UnitMethod, day: list[ServiceMinutes]) -> None:
    total = sum(service.therapist_minutes for service in day)
    lines = count_units(method, day, ON, Discipline.PT).lines
    if method is CMS:
        assert sum(line.units for line in lines) == total_time_units(total)
    for line, service in zip(sorted(lines), day, strict=True):
        assert line.units <= service.therapist_minutes // 15 + 1
        assert method is CMS or line.units == earned(service.therapist_minutes, 15, 15, method is FULL)


@given(methods, days, st.randoms())
def test_order_of_services_does_not_matter(method: UnitMethod, day: list[ServiceMinutes], random: Random) -> None:
    shuffled = list(day)
    random.shuffle(shuffled)
    assert billed(method, day) == billed(method, shuffled)
    first, second = (count_units(method, services, ON, Discipline.PT) for services in (day, shuffled))
    assert (first.ties, first.total_units) == (second.ties, second.total_units)


@given(methods, days, st.integers(0, 6), st.integers(0, 6))
def test_a_minute_moved_changes_the_total_by_one_at_most(
    method: UnitMethod, day: list[ServiceMinutes], source: int, target: int
) -> None:
    source, target = source % len(day), target % len(day)
    moved = list(day)
    if moved[source].therapist_minutes == 0:
        return
    moved[source] = moved[source]._replace(therapist_minutes=moved[source].therapist_minutes - 1)
    taken = sum(billed(method, moved).values())
    moved[target] = moved[target]._replace(therapist_minutes=moved[target].therapist_minutes + 1)
    before, after = sum(billed(method, day).values()), sum(billed(method, moved).values())
    assert abs(before - after) <= 1
    assert 0 <= before - taken <= 1


@given(methods, days)
def test_the_same_question_has_the_same_answer(method: UnitMethod, day: list[ServiceMinutes]) -> None:
    assert count_units(method, day, ON, Discipline.PT) == count_units(method, day, ON, Discipline.PT)


def test_every_method_of_the_vocabulary_has_a_strategy() -> None:
    assert set(STRATEGIES) == set(UnitMethod)
