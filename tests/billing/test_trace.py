"""The whole answer: gates in order, overrides, deadlines, plain data."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.trace import RULEBOOK_VERSION, Evaluation, evaluate, to_dict
from billing.vocabulary import Stage
from tests.billing.builders import context, encounter, medicare, service, services, terms

UNSIGNED: dict[str, Any] = {"signatures": []}
LATE = {"plan_of_care": {"certified_on": None}}
NEEDS_AUTHORIZATION = {"authorization_need": "before_evaluation"}


def answer(visit: dict[str, Any] | None = None, **facts: Any) -> Evaluation:
    return evaluate(encounter(**(visit or {})), context(**facts))


def test_a_clean_visit_has_no_gate() -> None:
    clean = answer()
    assert clean.gate is None
    assert clean.findings == ()
    assert clean.rulebook_version == RULEBOOK_VERSION
    assert clean.look_again_on == date(2026, 7, 30)  # the filing guard: 180 days after the visit, less 30


@pytest.mark.parametrize(
    ("visit", "facts", "gate"),
    [
        ({"compliance": UNSIGNED}, {}, Stage.DOCUMENTATION),
        ({}, {"terms": terms(**NEEDS_AUTHORIZATION)}, Stage.AUTHORIZATION),
        ({"timing": services(("97140", 15), ("97124", 15))}, {}, Stage.SCRUB),
        ({"compliance": UNSIGNED}, {"terms": terms(**NEEDS_AUTHORIZATION)}, Stage.DOCUMENTATION),
        ({}, {"fees": ()}, Stage.SCRUB),
        ({"cancelled": True}, {}, Stage.DOCUMENTATION),
    ],
)
def test_the_first_gate_that_stops_has_it(visit: dict[str, Any], facts: dict[str, Any], gate: Stage) -> None:
    assert answer(visit, **facts).gate is gate


def test_all_findings_are_kept_behind_the_gate() -> None:
    visit = {"compliance": UNSIGNED, "timing": services(("97140", 15), ("97124", 15))}
    held = answer(visit, terms=terms(**NEEDS_AUTHORIZATION))
    assert [finding.code for finding in held.findings] == ["D1", "A1", "S06"]


@pytest.mark.parametrize(
    ("visit", "facts", "codes", "gate"),
    [
        ({}, {"terms": terms(**NEEDS_AUTHORIZATION)}, {"A1"}, None),
        ({"compliance": LATE}, {"terms": medicare(), "today": date(2026, 5, 1)}, {"D8"}, None),
        ({"compliance": UNSIGNED}, {}, {"D1"}, Stage.DOCUMENTATION),  # a block does not yield
        ({"timing": services(service("97110", 30, units=3))}, {}, {"S04"}, None),
        ({"timing": services(("97140", 15), ("97124", 15))}, {}, {"S06"}, Stage.SCRUB),
    ],
)
def test_overrides(visit: dict[str, Any], facts: dict[str, Any], codes: set[str], gate: Stage | None) -> None:
    assert answer(visit, **facts).gate is not None
    overridden = answer(visit, **facts, overridden=frozenset(codes))
    assert overridden.gate is gate
    assert codes <= {finding.code for finding in overridden.findings}


def test_the_earliest_deadline_ahead_is_when_to_look_again() -> None:
    uncertified = answer({"compliance": LATE}, terms=medicare(), today=date(2026, 3, 3))
    assert uncertified.gate is None
    assert uncertified.look_again_on == date(2026, 3, 19)  # episode began 2026-02-16: day 30 is 2026-03-18
    assert answer({}, today=date(2027, 3, 3)).look_again_on is None


def test_plain_data_with_the_steps_in_words() -> None:
    visit = {"compliance": LATE, "timing": services(("97110", 33), ("97140", 7))}
    data = to_dict(answer(visit, terms=medicare(), today=date(2026, 3, 3)))
    assert json.loads(json.dumps(data)) == data
    assert data["gate"] is None
    assert data["claim"]["lines"][0]["charge"] == "120.00"
    assert {"subject": "units", "text": "PT timed total 40 min -> 3 (38-52 min)"} in data["steps"]
    assert data["documentation"][0]["look_again_on"] == "2026-03-19"


minutes = st.integers(0, 70)


@given(minutes, minutes, st.booleans(), st.sampled_from(["", "KX", "GA", "59"]))
def test_any_visit_has_one_answer(first: int, second: int, separate: bool, mark: str) -> None:
    stated = [mark] if mark else []
    visit = encounter(
        timing=services(
            service("97150", 30, mode="group"),
            service("97110", first, separate_block=separate, modifiers=stated),
            ("97530", second),
        )
    )
    facts = context(terms=medicare())
    once, twice = evaluate(visit, facts), evaluate(visit, facts)
    assert once == twice
    assert sum(line.charge for line in once.claim.lines) == once.claim.total_charge
    for line in once.claim.lines:
        assert line.units > 0
        assert len(set(line.modifiers)) == len(line.modifiers)
        assert not {"KX", "GA"} <= set(line.modifiers)
