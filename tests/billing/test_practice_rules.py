"""A practice's own rules: what may be written, what they do to a visit, and that one bad rule harms no other."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import rule_fields, trace
from billing.coding import code_claim
from billing.practice_rules import CompiledRule, PracticeRule, RulesFile, compile_rule, made_ready
from billing.rule_apply import RulesOutcome, apply
from billing.rule_fields import KINDS, LIST_MARK, LISTS, fits
from billing.rule_set import RuleSet
from billing.rule_trials import run_tests
from billing.rule_view import view
from billing.trace import Evaluation, evaluate, to_dict
from billing.vocabulary import Owner, Queue, Severity, Stage
from tests.billing.builders import context, encounter, medicare, service, services

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "rules.json"
SHIPPED = RulesFile.model_validate_json(EXAMPLES.read_text()).rules
KX = {"kind": "add_modifier", "modifier": "KX"}
HOLD = {"kind": "hold", "message": "Look at this one."}


def rule(when: str = "true", *actions: dict[str, Any], **overrides: Any) -> PracticeRule:
    """A rule in force, on every visit."""
    given = {"rule_id": "one", "name": "A rule", "why": "a test", "effective_from": "2026-01-01", "when": when}
    return PracticeRule.model_validate({**given, "actions": list(actions) or [HOLD], **overrides})


def problem(when: str) -> str:
    """What is wrong with a condition."""
    compiled = compile_rule(rule(when))
    assert not isinstance(compiled, CompiledRule), "the condition was taken"
    return compiled[0].message


def applied(*rules: PracticeRule, visit: dict[str, Any] | None = None, **facts: Any) -> RulesOutcome:
    """Rules at work on the clean visit: 97110 GP x2, 97140 GP x1."""
    one, around = encounter(**(visit or {})), context(**facts)
    return apply(RuleSet(made_ready(given) for given in rules), one, around, code_claim(one, around))


def lines(outcome: RulesOutcome) -> list[str]:
    return [f"{' '.join((line.code, *line.modifiers))} x{line.units}" for line in outcome.claim.lines]


def evaluated(*rules: PracticeRule, visit: dict[str, Any] | None = None, **facts: Any) -> Evaluation:
    given = RuleSet(made_ready(one) for one in rules)
    return evaluate(encounter(**(visit or {})), context(practice_rules=given, **facts))


# --- what may be written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("claim.units >", "Line 1, character 14: it ends too early"),
        ("true &&\n+* 2", "Line 2, character 1"),
        ("claim.unit > 3", "no field claim.unit. Did you mean claim.units?"),
        ("lines.exists(l, l.cod == '97110')", "no field lines[].cod. Did you mean lines[].code?"),
        ("patiant.age > 3", "nothing called patiant. Did you mean patient?"),
        ("sum(1) > 1", "no function sum"),
        ("timestamp('2026-01-01T00:00:00Z') > 1", "no function timestamp"),
        ("claim.units", "must answer yes or no (true or false); it gives a whole number"),
        ("claim.units > '3'", "kinds that do not go together"),
        ("note['goals'] == 0", "Name a field of note"),
        ("lines.exists(l, l['code'] == 'x')", "by a dot"),
        ("lines.all(a, lines.all(b, lines.all(c, true)))", "loops too much"),
        ("// '''\nlines.all(a, lines.all(b, lines.all(c, true))) // '''", "loops too much"),
        ("r'\\' == '' || lines.all(a, lines.all(b, lines.all(c, true))) || r'\\' == ''", "loops too much"),
        ("lines.all(a, (lines + lines).all(b, true))", "cannot also use +"),
    ],
)
def test_a_condition_that_cannot_run_says_where_and_why(when: str, said: str) -> None:
    assert said in problem(when)


@pytest.mark.parametrize(
    "when",
    [
        "lines.exists(line, line.code == '97110' && 'GP' in line.modifiers)",
        "lines.exists(x, x.number > 1) || services.exists(x, x.mode == 'group')",
        "lines.filter(l, l.units > 1).size() > 0 && plan.payer in ['a', 'b']",
        "note.primary_diagnosis.startsWith('M25') // the 'knee'",
        "lines[0].code == '97110' && has(note.goals)",
        "claim.charge > 100 && money.accrued < 2480.0",
    ],
)
def test_conditions_of_the_trade_run(when: str) -> None:
    assert isinstance(compile_rule(rule(when)), CompiledRule)
    assert not applied(rule(when)).trace[0].error


def test_limits_of_a_rule() -> None:
    wrong: list[dict[str, Any]] = [
        {"when": "x" * 2_001},
        {"actions": []},
        {"actions": [KX] * 11},
        {"effective_to": "2025-01-01"},
    ]
    for broken in wrong:
        with pytest.raises(ValueError, match="validation error"):
            PracticeRule.model_validate({**rule().model_dump(), **broken})


def test_every_field_of_the_view_is_documented_and_of_its_kind() -> None:
    visit, around = encounter(), context(terms=medicare())
    seen = view(visit, around, code_claim(visit, around))
    told = {
        f"{root}{LIST_MARK if root in LISTS else '.'}{name}": value
        for root, part in seen.items()
        for name, value in (part[0] if root in LISTS else part).items()
    }
    assert told.keys() == KINDS.keys()
    assert [path for path, value in told.items() if not fits(KINDS[path], value)] == []


def test_the_page_of_fields_is_up_to_date() -> None:
    assert rule_fields.PAGE.read_text(encoding="utf-8") == rule_fields.page()


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda one: one.rule_id)
def test_the_worked_examples_pass_their_own_tests(shipped: PracticeRule) -> None:
    assert isinstance(compile_rule(shipped), CompiledRule)
    assert shipped.tests
    assert [(result.name, result.wrong) for result in run_tests(shipped) if not result.passed] == []


def test_ten_examples_ship() -> None:
    assert len(SHIPPED) == 10


# --- what they do -------------------------------------------------------------------------------------------------


def test_units_follow_to_charge_and_expected_payment() -> None:
    outcome = applied(rule("true", {"kind": "set_units", "codes": ["97110"], "units": 1}))
    assert lines(outcome) == ["97110 GP x1", "97140 GP x1"]
    assert outcome.claim.total_charge == Decimal("118.00")
    assert outcome.claim.expected_payment == sum(line.expected_payment for line in outcome.claim.lines)
    assert outcome.trace[0].changes == ("units of 97110 2 -> 1",)


def test_units_over_an_assistants_split_are_taken_from_the_last_line() -> None:
    split = {
        "timing": {
            "services": [
                {
                    **service("97110"),
                    "minutes": [{"clinician_id": "pt-1", "minutes": 30}, {"clinician_id": "pta-1", "minutes": 15}],
                }
            ]
        }
    }
    units = {"kind": "set_units", "codes": ["97110"]}
    before = applied(rule("false"), visit=split, terms=medicare())
    assert [line.units for line in before.claim.lines] == [2, 1]
    for wanted, left in ((2, [2]), (1, [1]), (5, [2, 3])):
        outcome = applied(rule("true", {**units, "units": wanted}), visit=split, terms=medicare())
        assert [line.units for line in outcome.claim.lines] == left
        assert [line.line_number for line in outcome.claim.lines] == list(range(1, len(left) + 1))


def test_more_units_than_the_minutes_come_to_are_warned_of() -> None:
    outcome = applied(rule("true", {"kind": "set_units", "codes": ["97110"], "units": 3}))
    [warning] = outcome.findings[Queue.SCRUB]
    assert (warning.severity, warning.message) == (
        Severity.WARN,
        "The rule bills 3 units of 97110; the minutes come to 2.",
    )
    capped = rule("true", {"kind": "set_units", "codes": ["97110"], "units": 3, "at_most": True})
    assert not applied(capped).trace[0].changes


def test_modifiers_stand_in_the_plans_order_on_the_codes_named() -> None:
    outcome = applied(rule("true", {**KX, "codes": ["97140"]}, {"kind": "remove_modifier", "modifier": "GP"}))
    assert lines(outcome) == ["97110 x2", "97140 KX x1"]


def test_place_of_service_on_claim_and_lines() -> None:
    outcome = applied(rule("true", {"kind": "set_place_of_service", "place_of_service": "12"}))
    assert {outcome.claim.place_of_service, *(line.place_of_service for line in outcome.claim.lines)} == {"12"}


@pytest.mark.parametrize(
    ("queue", "gate"),
    [("documentation", Stage.DOCUMENTATION), ("authorization", Stage.AUTHORIZATION), ("scrub", Stage.SCRUB)],
)
def test_a_hold_waits_in_its_queue_and_yields_to_a_reason(queue: str, gate: Stage) -> None:
    held = rule("visit.discipline == 'PT'", {**HOLD, "queue": queue, "owner": "clinician"}, version=3)
    evaluation = evaluated(held)
    assert evaluation.gate is gate
    [finding] = [one for one in evaluation.findings if one.code == "R:one"]
    assert (finding.message, finding.owner) == ("Look at this one.", Owner.CLINICIAN)
    assert finding.evidence == {"visit.discipline": "PT"}
    assert finding.citation == "practice rule one, version 3: a test"
    assert evaluated(held, overridden=frozenset({"R:one@3"})).gate is None
    assert evaluated(held, overridden=frozenset({"R:one@2"})).gate is gate, "what was overridden was another version"
    strict = rule("true", {**HOLD, "queue": queue, "overridable": False})
    assert evaluated(strict, overridden=frozenset({"R:one@1"})).gate is gate


def test_a_warning_stops_nothing() -> None:
    evaluation = evaluated(rule("true", {"kind": "warn", "message": "Mind the gap."}))
    assert evaluation.gate is None
    assert [one.message for one in evaluation.scrub if one.code == "R:one"] == ["Mind the gap."]


def test_a_route_moves_what_holds_but_never_a_missing_authorization() -> None:
    route = rule("true", {"kind": "route", "queue": "scrub", "owner": "supervisor"})
    unsigned: dict[str, Any] = {"compliance": {"signatures": []}}
    assert evaluated(visit=unsigned).gate is Stage.DOCUMENTATION
    moved = evaluated(route, visit=unsigned)
    assert moved.gate is Stage.SCRUB
    assert {finding.owner for finding in moved.scrub if finding.stops} == {Owner.SUPERVISOR}
    assert evaluated(route).gate is None
    unauthorized = medicare(authorization_need="before_evaluation", evaluation_exempt=False)
    assert evaluated(route, terms=unauthorized).gate is Stage.AUTHORIZATION


def test_built_in_checks_see_what_the_rules_made() -> None:
    both = rule("true", {**KX}, {"kind": "add_modifier", "modifier": "GA"})
    assert "S03" in {finding.code for finding in evaluated(both, terms=medicare()).scrub if finding.stops}


def test_fewer_units_by_rule_are_no_quarrel_with_the_chart() -> None:
    charted = {"timing": services(service("97110", 30, units=2))}
    cut = rule("true", {"kind": "set_units", "codes": ["97110"], "units": 1})
    assert "S04" not in {finding.code for finding in evaluated(cut, visit=charted).scrub}


# --- order and conflict -------------------------------------------------------------------------------------------


def test_a_later_rule_sees_what_an_earlier_one_changed() -> None:
    adds = rule("true", KX, rule_id="adds", priority=200)
    asks = rule("lines.all(l, 'KX' in l.modifiers)", HOLD, rule_id="asks", priority=100)
    assert [entry.matched for entry in applied(asks, adds).trace] == [True, True]
    first = rule("lines.all(l, 'KX' in l.modifiers)", HOLD, rule_id="asks", priority=300)
    assert [entry.matched for entry in applied(first, adds).trace] == [False, True]


def test_of_two_that_set_the_same_the_higher_priority_wins_and_the_loser_is_named() -> None:
    def units(rule_id: str, count: int, priority: int) -> PracticeRule:
        action = {"kind": "set_units", "codes": ["97110"], "units": count}
        return rule("true", action, KX, rule_id=rule_id, priority=priority)

    outcome = applied(units("low", 4, 10), units("high", 1, 20))
    assert lines(outcome)[0] == "97110 GP KX x1"
    assert [entry.rule_id for entry in outcome.trace] == ["high", "low"]
    assert outcome.trace[1].lost == ("units of 97110 1 -> 4: rule high came first",)
    tied = applied(units("bb", 4, 10), units("aa", 1, 10))
    assert [entry.rule_id for entry in tied.trace] == ["aa", "bb"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (KX, {"kind": "remove_modifier", "modifier": "KX"}),
        (
            {"kind": "set_place_of_service", "place_of_service": "12"},
            {"kind": "set_place_of_service", "place_of_service": "13"},
        ),
        ({"kind": "route", "queue": "scrub"}, {"kind": "route", "queue": "documentation"}),
    ],
)
def test_conflicts_of_every_kind_are_settled_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    outcome = applied(rule("true", one, rule_id="aa", priority=9), rule("true", other, rule_id="bb", priority=1))
    assert outcome.trace[0].changes
    assert not outcome.trace[0].lost
    assert outcome.trace[1].lost
    assert not outcome.trace[1].changes


# --- scope, failure, trace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outside",
    [
        {"scope": {"payer_ids": ["other"]}},
        {"scope": {"plan_ids": ["other"]}},
        {"scope": {"disciplines": ["OT"]}},
        {"effective_from": "2026-03-03"},
        {"effective_to": "2026-03-01"},
    ],
)
def test_out_of_scope_or_dates_a_rule_does_not_run(outside: dict[str, Any]) -> None:
    assert applied(rule("true", **outside)).trace == ()
    assert applied(rule("true", scope={"payer_ids": ["payer-1"], "plan_ids": ["plan-1"], "disciplines": ["PT"]})).trace


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("lines[7].units > 1", "it asks for an entry the list does not have"),
        ("claim.units / history.same_day > 1", "it divides by zero"),
        ("int(note.primary_diagnosis) > 1", "rule could not be evaluated"),
    ],
)
def test_a_rule_that_fails_holds_this_claim_and_harms_no_other(when: str, why: str) -> None:
    bad, good = rule(when, KX, rule_id="bad", priority=900), rule("true", KX, rule_id="good")
    evaluation = evaluated(bad, good)
    [finding] = [one for one in evaluation.scrub if one.code == "R:bad"]
    assert finding.message.startswith("rule could not be evaluated: A rule")
    assert why in finding.message
    assert (finding.severity, finding.owner, evaluation.gate) == (Severity.HOLD, Owner.SUPERVISOR, Stage.SCRUB)
    assert all("KX" in line.modifiers for line in evaluation.claim.lines)
    assert evaluated(bad, good, overridden=frozenset({"R:bad@1"})).gate is None


def test_a_kept_rule_that_cannot_be_compiled_any_more_holds_too() -> None:
    broken = made_ready(rule("claim.unit > 1"))
    assert broken.program is None
    outcome = evaluated(rule("claim.unit > 1"))
    assert "There is no field claim.unit" in next(one.message for one in outcome.scrub if one.code == "R:one")


def test_the_trace_says_which_ran_on_which_facts_in_which_version_and_what_changed() -> None:
    kept = rule("lines.exists(l, l.units > 1) && patient.age > 60", KX, version=4)
    told = to_dict(evaluated(kept, rule("false", rule_id="two")))["practice_rules"]
    assert told[0] == {
        "rule": "one",
        "version": 4,
        "name": "A rule",
        "matched": True,
        "facts": {"lines": "97110 GP x2; 97140 GP x1", "patient.age": "65"},
        "changes": ["KX on line 1 (97110)", "KX on line 2 (97140)"],
        "lost": [],
        "error": "",
    }
    assert (told[1]["rule"], told[1]["matched"]) == ("two", False)


def test_without_rules_nothing_is_different() -> None:
    visit, around = encounter(), context(terms=medicare())
    assert trace.evaluate(visit, around) == replace(evaluate(visit, around), practice_rules=())


# --- their own tests ----------------------------------------------------------------------------------------------


def test_a_failing_test_case_says_what_differs() -> None:
    case = {
        "name": "hopes too much",
        "expect": {"lines": ["97110 GP KX x9"], "held_in": "scrub", "place_of_service": "12", "message": "never"},
    }
    [result] = run_tests(rule("false", tests=[case]))
    assert not result.passed
    assert result.wrong == (
        "it does not match",
        "no line 97110 GP KX x9 among 97110 GP x2, 97140 GP x1",
        "the place of service is 11",
        "nothing holds it in scrub",
        "nothing says 'never'",
    )


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"facts": {"note.goal": 1}}, "which is no field"),
        ({"facts": {"note.goals": "many"}}, "a value that is no whole number"),
        ({"visit": {"date_of_service": "soon"}}, "the test's visit is not one: date_of_service"),
        ({"terms": {"unit_methods": "x"}}, "the test's visit is not one"),
        ({"payer_id": "elsewhere"}, "it is out of scope"),
    ],
)
def test_a_test_case_that_makes_no_sense_fails_in_words(case: dict[str, Any], said: str) -> None:
    scoped = rule("true", scope={"payer_ids": ["payer-1"]}, tests=[{"name": "odd", **case}])
    assert said in run_tests(scoped)[0].wrong[0]
