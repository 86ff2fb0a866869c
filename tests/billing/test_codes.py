"""The code set: complete, dated, consistent."""

from collections.abc import Iterator
from datetime import date

import pytest

from billing import codes, tables, units
from billing.codes import CodeKind, every, find, known
from billing.vocabulary import Discipline, UnitMethod

ON = date(2026, 3, 2)


def test_the_set_is_whole() -> None:
    assert len(every()) == 118
    assert len({(entry.code, entry.effective_from) for entry in every()}) == 118
    for entry in every():
        assert entry.effective_from <= entry.effective_to
        assert entry.paraphrase
        assert entry.minutes_per_unit is None or entry.minutes_per_unit > 0


@pytest.mark.parametrize(
    ("code", "kind", "minutes", "mue", "mai"),
    [
        ("97110", CodeKind.PROCEDURE, 15, 6, 3),
        ("97112", CodeKind.PROCEDURE, 15, 4, 3),
        ("97116", CodeKind.PROCEDURE, 15, 4, 3),
        ("97140", CodeKind.PROCEDURE, 15, 6, 3),
        ("97530", CodeKind.PROCEDURE, 15, 6, 3),
        ("97535", CodeKind.PROCEDURE, 15, 8, 3),
        ("97035", CodeKind.ATTENDED_MODALITY, 15, 2, 3),
        ("97032", CodeKind.ATTENDED_MODALITY, 15, 4, 3),
        ("97150", CodeKind.GROUP, None, 1, 3),
        ("97750", CodeKind.TEST, 15, 8, 3),
        ("97129", CodeKind.PROCEDURE, 15, 1, 2),
        ("97130", CodeKind.ADD_ON, 15, 7, 3),
        ("92507", CodeKind.PROCEDURE, None, 1, 3),
        ("97161", CodeKind.EVALUATION, None, 1, 2),
        ("97164", CodeKind.RE_EVALUATION, None, 1, 2),
        ("G0283", CodeKind.SUPERVISED_MODALITY, None, 1, 3),
        ("97550", CodeKind.PROCEDURE, 30, 1, 2),
        ("96105", CodeKind.TEST, 60, 3, 3),
        ("97545", CodeKind.PROCEDURE, 120, 1, 2),
        ("98975", CodeKind.REMOTE_MONITORING, None, 1, 2),
    ],
)
def test_rows(code: str, kind: CodeKind, minutes: int | None, mue: int, mai: int) -> None:
    entry = find(code, ON)
    assert entry is not None
    assert (entry.kind, entry.minutes_per_unit, entry.mue, entry.mai) == (kind, minutes, mue, mai)


ADD_ONS = {
    "97130": "97129", "97551": "97550", "98981": "98980", "92608": "92607", "92618": "92605", "97546": "97545",
    "96113": "96112", "97598": "97597", "90913": "90912", "92627": "92626", "0791T": "97116", "G0542": "G0541",
}  # fmt: skip


def test_add_ons_know_their_primary() -> None:
    assert {entry.code: entry.primary_code for entry in every() if entry.primary_code} == ADD_ONS
    for add_on, primary in ADD_ONS.items():
        entry = find(primary, ON)
        assert entry is not None
        assert entry.add_on_code in (add_on, None)


@pytest.mark.parametrize(
    ("code", "on", "there"),
    [
        ("92507", date(2026, 12, 31), True),
        ("92507", date(2027, 1, 1), False),
        ("G0541", date(2024, 12, 31), False),
        ("G0541", date(2025, 1, 1), True),
        ("98985", date(2025, 12, 31), False),
        ("98985", date(2026, 1, 1), True),
        ("97161", date(2016, 12, 31), False),
        ("99999", ON, False),
    ],
)
def test_codes_have_their_time(code: str, on: date, there: bool) -> None:
    assert (find(code, on) is not None) is there
    assert known(code) is (code != "99999")


# Made-up numbers in the shape the CPT panel approved for 2027-01-01: a first 30 minutes and an add-on of 15 (the real
# ones are not published yet).
SUCCESSORS = (
    {"code": "9250X", "kind": "procedure", "minutes_per_unit": "30", "paraphrase": "language treatment, first 30 min"},
    {"code": "9250Y", "kind": "add_on", "minutes_per_unit": "15", "primary_code": "9250X", "paraphrase": "its next 15"},
)


@pytest.fixture
def table_of_2027(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shipped = list(tables.rows("therapy_codes.csv"))
    empty = dict.fromkeys(shipped[0], "") | {"effective_from": "2027-01-01", "disciplines": "SLP", "therapy": "always"}
    monkeypatch.setattr(codes, "_PERIODS", codes.read([*shipped, *({**empty, **row} for row in SUCCESSORS)]))
    units._shape.cache_clear()
    yield
    units._shape.cache_clear()


@pytest.mark.usefixtures("table_of_2027")
@pytest.mark.parametrize(
    ("code", "minutes", "on", "expected"),
    [
        ("92507", 45, date(2026, 12, 31), {"92507": 1}),  # untimed while it lasts
        ("9250X", 15, date(2027, 1, 4), {"9250X": 0}),
        ("9250X", 16, date(2027, 1, 4), {"9250X": 1}),
        ("9250X", 37, date(2027, 1, 4), {"9250X": 1}),
        ("9250X", 38, date(2027, 1, 4), {"9250X": 1, "9250Y": 1}),
        ("9250X", 55, date(2027, 1, 4), {"9250X": 1, "9250Y": 2}),
        ("9250X", 55, date(2026, 12, 31), {"9250X": 1}),  # unknown that day: one unit is all that can be said
    ],
)
def test_the_speech_codes_of_2027_are_rows_of_the_table(
    code: str, minutes: int, on: date, expected: dict[str, int]
) -> None:
    given = [units.ServiceMinutes(code, minutes)]
    result = units.count_units(UnitMethod.PER_CODE_MIDPOINT, given, on, Discipline.SLP)
    assert {line.code: line.units for line in result.lines} == expected


def test_attributes_others_rely_on() -> None:
    exercise, stimulation, cognition = find("97110", ON), find("97014", ON), find("97129", ON)
    assert exercise is not None
    assert stimulation is not None
    assert cognition is not None
    assert exercise.disciplines == {Discipline.PT, Discipline.OT}
    assert exercise.always_therapy
    assert exercise.mppr
    assert exercise.telehealth(ON)
    assert not exercise.telehealth(date(2020, 1, 1))
    assert stimulation.pfs_status == "I"
    assert not stimulation.timed
    assert cognition.sometimes_therapy
    assert codes.continues(find("97130", ON) or cognition)
