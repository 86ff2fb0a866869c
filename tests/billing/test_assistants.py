"""CQ and CO: examples C1 to C16, the untimed ones, and what must hold for any minutes."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import assistants
from billing.assistants import more_than_a_tenth, split_lines, split_timed, split_whole
from billing.units import ServiceMinutes, count_units
from billing.vocabulary import Discipline, UnitMethod

ON = date(2026, 3, 2)

# minutes by therapist/assistant | units | lines (* with the assistant's modifier)
EXAMPLES = """
C1  | 97110 13/23 97140 30/0 | 4 | 97110x1 97110*x1 97140x2
C2  | 97110 12/14 97140 20/0 | 3 | 97110x1 97110*x1 97140x1
C3  | 97110 23/22 | 3 | 97110x2 97110*x1
C4  | 97110 22/23 | 3 | 97110x1 97110*x2
C5  | 97110 5/10 | 1 | 97110*x1
C6  | 97110 8/14 | 1 | 97110x1
C7  | 97110 14/1 | 1 | 97110x1
C8  | 97110 7/1 | 1 | 97110*x1
C9  | 97110 7/8 | 1 | 97110*x1
C10 | 97110 20/20 | 3 | 97110x1 97110*x2
C11 | 97110 15/0 97112 0/15 | 2 | 97110x1 97112*x1
C12 | 97530 10/19 | 2 | 97530x1 97530*x1
C13 | 97110 9/14 | 2 | 97110x1 97110*x1
C14 | 97110 0/30 97140 15/0 | 3 | 97110*x2 97140x1
C15 | 97110 30/8 97140 0/7 | 3 | 97110x2 97110*x1
C16 | 97535 8/0 97530 0/9 | 1 | 97530*x1
"""
ROWS = [tuple(cell.strip() for cell in row.split("|")) for row in EXAMPLES.strip().splitlines()]


def cut(services: list[ServiceMinutes]) -> set[tuple[str, bool, int]]:
    result = count_units(UnitMethod.CMS_TOTAL_TIME, services, ON, Discipline.PT)
    lines, _ = split_lines(services, result.lines, ON, Discipline.PT)
    return {(line.code, line.assisted, line.units) for line in lines if line.units}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_examples(row: tuple[str, ...]) -> None:
    _, minutes, units, expected = row
    services = [ServiceMinutes(c, int(t), int(a)) for c, t, a in re.findall(r"(\w{5}) (\d+)/(\d+)", minutes)]
    lines = cut(services)
    assert lines == {(c, bool(star), int(n)) for c, star, n in re.findall(r"(\w{5})(\*?)x(\d+)", expected)}
    assert sum(count for _, _, count in lines) == int(units)


def test_the_modifier_is_the_disciplines() -> None:
    assert assistants.MODIFIERS == {Discipline.PT: "CQ", Discipline.OT: "CO"}


@pytest.mark.parametrize(("assistant", "assisted"), [(0, False), (4, False), (5, True), (40, True)])
def test_untimed_is_judged_as_a_whole(assistant: int, assisted: bool) -> None:
    assert cut([ServiceMinutes("97150", 40 - assistant, assistant)]) == {("97150", assisted, 1)}
    assert more_than_a_tenth(40 - assistant, assistant) is assisted


def test_add_on_units_follow_the_minutes_of_the_whole() -> None:
    services = [ServiceMinutes("97129", 15, 15)]
    assert cut(services) == {("97129", False, 1), ("97130", True, 1)}


def test_unequal_periods_are_judged_as_a_whole() -> None:
    assert cut([ServiceMinutes("97550", 30, 10)]) == {("97550", True, 1), ("97551", True, 1)}


@pytest.mark.parametrize(
    ("therapist", "assistant", "over"),
    [(179, 21, True), (180, 20, False), (895, 100, True), (900, 100, False), (9, 1, False), (8, 1, True)],
)
def test_more_than_a_tenth_is_more_than_a_tenth(therapist: int, assistant: int, over: bool) -> None:
    assert more_than_a_tenth(therapist, assistant) is over


def test_a_left_unit_looks_at_the_minutes_left_only() -> None:
    """7 and 15 minutes of a code that got two units: the assistant's quarter is one, and of the other gave nothing."""
    assert split_timed(2, 7, 15) == (1, 1)
    assert cut([ServiceMinutes("97110", 7, 15), ServiceMinutes("97140", 1)]) == {
        ("97110", False, 1),
        ("97110", True, 1),
    }


def test_never_more_units_than_there_are_to_share() -> None:
    assert split_timed(2, 15, 30) == (1, 1)
    assert split_timed(1, 30, 15) == (1, 0)


def test_a_line_is_cut_only_where_both_have_a_part() -> None:
    services = [ServiceMinutes("97110", 25, 3), ServiceMinutes("97140", 0, 15)]
    counted = count_units(UnitMethod.CMS_TOTAL_TIME, services, ON, Discipline.PT)
    lines, _ = split_lines(services, counted.lines, ON, Discipline.PT)
    assert lines == ((0, "97110", 2, False), (1, "97140", 1, True))


def test_boundary_would_notice_a_wrong_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistants, "DE_MINIMIS_PERCENT", 9)
    assert more_than_a_tenth(36, 4)


@given(st.integers(0, 120), st.integers(0, 120))
def test_no_unit_is_lost_or_made(therapist: int, assistant: int) -> None:
    units = (therapist + assistant + 7) // 15
    without, assisted = split_timed(units, therapist, assistant)
    assert without + assisted == units
    assert min(without, assisted) >= 0
    assert assistant or not assisted
    assert therapist or not without or not assistant
    assert sum(split_whole(units, therapist, assistant)) == units


@pytest.mark.parametrize(
    ("services", "why"),
    [
        (
            [ServiceMinutes("97110", 13, 23)],
            "for the last unit therapist 13, assistant 8 min: the therapist alone gave 8",
        ),
        ([ServiceMinutes("97110", 7, 1)], "the assistant's 1 of 8 min are more than a tenth"),
        ([ServiceMinutes("97110", 12, 14)], "the 2 units left are shared, the last one the assistant's"),
        ([ServiceMinutes("97150", 36, 4)], "the assistant's 4 of 40 min are not more than a tenth"),
    ],
)
def test_the_step_says_which_rule_gave_a_unit_to_whom(services: list[ServiceMinutes], why: str) -> None:
    counted = count_units(UnitMethod.CMS_TOTAL_TIME, services, ON, Discipline.PT)
    _, (step,) = split_lines(services, counted.lines, ON, Discipline.PT)
    assert why in step.text


def test_speech_language_pathology_has_no_assistants_modifier_and_its_lines_stay_whole() -> None:
    services = [ServiceMinutes("97535", 13, 23)]
    counted = count_units(UnitMethod.CMS_TOTAL_TIME, services, ON, Discipline.SLP)
    lines, steps = split_lines(services, counted.lines, ON, Discipline.SLP)
    assert [(line.code, line.units, line.assisted) for line in lines] == [("97535", 2, False)]
    assert steps == ()
