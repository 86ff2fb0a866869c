"""``firstpass units``: one visit, and a file of them."""

import json
from typing import Any

import pytest

from billing.cli_units import LINE_CHARACTERS_MAX, USAGE_ERROR, batch, parse_service, units_command
from billing.units import ServiceMinutes

CMS: dict[str, Any] = {"method": "cms_total_time", "discipline": "PT", "on": "2026-03-02"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("97110=33", ServiceMinutes("97110", 33)),
        ("97112=13+23a", ServiceMinutes("97112", 13, 23)),
        ("g0283=15a", ServiceMinutes("G0283", 0, 15)),
        ("97110=10+5", ServiceMinutes("97110", 15)),
    ],
)
def test_services_as_people_type_them(text: str, expected: ServiceMinutes) -> None:
    assert parse_service(text) == expected


@pytest.mark.parametrize(
    "text", ["97110", "97110=", "97110=x", "97110=-5", "9711=15", "97110=1.5", "97110=99999", "=15"]
)
def test_what_is_no_service(text: str) -> None:
    with pytest.raises(ValueError, match=r"97110|minutes|CODE"):
        parse_service(text)


def test_a_readable_table() -> None:
    answer = units_command(["97110=33", "97140=7", "97112=13+23a"], **CMS)
    assert answer.exit_code == 0
    assert "5 units, 76 timed minutes" in answer.text
    assert "97112       1  GP CQ" in answer.text
    assert "PT timed total 76 min -> 5 (68-82 min)" in answer.text


def test_the_same_as_data() -> None:
    answer = units_command(["97112=20", "97110=20"], **CMS, as_json=True)
    data = json.loads(answer.text)
    assert data["lines"] == [
        {"code": "97112", "units": 2, "modifiers": ["GP"]},
        {"code": "97110", "units": 1, "modifiers": ["GP"]},
    ]
    assert data["ties"] == [["97110", "97112"]]
    assert (data["timed_minutes"], data["total_units"]) == (40, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"method": "ama"}, {"discipline": "DC"}, {"on": "2.3.2026"}],
)
def test_bad_input_is_said_and_is_2(wrong: dict[str, Any]) -> None:
    answer = units_command(["97110=33"], **{**CMS, **wrong})
    assert answer.exit_code == USAGE_ERROR
    assert next(iter(wrong.values())) in answer.text


@pytest.mark.parametrize("services", [[], ["99999=15"], ["92507=1500"], ["97110=15"] * 51])
def test_what_cannot_be_counted(services: list[str]) -> None:
    assert units_command(services, **CMS).exit_code == USAGE_ERROR
    assert json.loads(units_command(services, **CMS, as_json=True).text)["error"]


def request(identity: Any = "r1", **overrides: Any) -> str:
    base = {
        "id": identity,
        **CMS,
        "services": [
            {"code": "97110", "therapist_minutes": 13, "assistant_minutes": 23},
            {"code": "97140", "therapist_minutes": 30},
        ],
    }
    return json.dumps({**base, **overrides})


def test_a_file_of_requests_is_answered_in_order() -> None:
    lines = [request("a"), request("b", method="per_code_midpoint", discipline="OT"), "", request("c")]
    answers = [json.loads(line) for line in batch(lines)]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert answers[0]["lines"] == [
        {"code": "97110", "units": 1, "modifiers": ["GP"]},
        {"code": "97110", "units": 1, "modifiers": ["GP", "CQ"]},
        {"code": "97140", "units": 2, "modifiers": ["GP"]},
    ]
    assert answers[1]["lines"][1]["modifiers"] == ["GO", "CO"]
    assert set(answers[0]) == {"id", "timed_minutes", "total_units", "lines", "ties", "steps"}


BAD = [
    ("{", None),
    ("[1]", None),
    ("null", None),
    (request(services="97110"), "r1"),
    (request(services=[]), "r1"),
    (request(services=[7]), "r1"),
    (request(services=[{"code": 97110}]), "r1"),
    (request(services=[{"code": "97110", "therapist_minutes": "15"}]), "r1"),
    (request(services=[{"code": "97110", "therapist_minutes": -1}]), "r1"),
    (request(services=[{"code": "97110", "therapist_minutes": True}]), "r1"),
    (request(services=[{"code": "97110", "therapist_minutes": 1441}]), "r1"),
    (request(services=[{"code": "XXXXX", "therapist_minutes": 15}]), "r1"),
    (request(method=None), "r1"),
    (request(on=None), "r1"),
    (request(7, discipline="pt1"), 7),
    ("[" * 50_000, None),
    (" " * LINE_CHARACTERS_MAX + "{}", None),
]


@pytest.mark.parametrize(("line", "identity"), BAD, ids=range(len(BAD)))
def test_a_bad_line_answers_its_error_and_the_rest_goes_on(line: str, identity: Any) -> None:
    wrong, right = (json.loads(answer) for answer in batch([line, request("next")]))
    assert wrong["id"] == identity
    assert wrong["error"]
    assert set(wrong) == {"id", "error"}
    assert right["id"] == "next"
    assert right["total_units"] == 4


@pytest.mark.parametrize(
    ("service", "why"),
    [
        ('{"code": "97110", "therapist_minute": 33}', "97110: therapist_minute is none of code, therapist_minutes"),
        ('{"code": "97150", "therapist_minutes": 30, "mode": "group"}', "97150: mode is none of"),
        ('{"code": "97110", "therapist_minutes": NaN}', "NaN is not JSON"),
    ],
)
def test_what_would_be_counted_as_nothing_is_refused(service: str, why: str) -> None:
    asked = f'{{"id": 1, "method": "cms_total_time", "discipline": "PT", "on": "2026-03-02", "services": [{service}]}}'
    [answer] = batch([asked])
    assert why in json.loads(answer)["error"]
