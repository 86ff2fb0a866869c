"""Trying a rule: its own test cases, each a clean visit told by how it differs.

The visit: treatment of 97110 for 30 and 97140 for 15 minutes by a therapist of the rule's discipline, everything signed
and on file, on a day within the rule's dates, with the first payer and plan of its scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from billing import coding
from billing.context import VisitContext
from billing.encounter import Encounter
from billing.practice import Clinician, Fee, PlanTerms
from billing.practice_rules import CompiledRule, PracticeRule, RuleTest, Scope, compile_rule
from billing.rule_apply import RulesOutcome, apply, code_of
from billing.rule_fields import KINDS, LIST_MARK, Kind, fits
from billing.rule_set import RuleSet
from billing.rule_view import line_text, view
from billing.vocabulary import ClinicianRole, Discipline, Queue

USUAL_DAY = date(2026, 3, 2)
LONG_AGO = date(2000, 1, 1)
FEES = {
    "97110": "60.00", "97112": "65.00", "97116": "58.00", "97140": "58.00", "97150": "40.00", "97530": "70.00",
    "97535": "66.00", "97035": "30.00", "97161": "180.00", "97162": "180.00", "97163": "180.00", "97164": "120.00",
    "97165": "185.00", "97166": "185.00", "97167": "185.00", "97168": "120.00", "97014": "25.00", "G0283": "25.00",
    "97032": "30.00", "97113": "62.00", "97124": "52.00", "97129": "60.00", "97130": "55.00", "97750": "62.00",
    "97760": "70.00", "97763": "80.00", "92507": "150.00", "92508": "60.00", "92521": "190.00", "92522": "160.00",
    "92523": "320.00", "92526": "150.00", "97010": "15.00", "97012": "30.00", "97016": "25.00", "97018": "20.00",
}  # fmt: skip
NUMBER = "1003000126"  # passes the check digit; nobody's we know of
PEOPLE = (
    ("pt-1", ClinicianRole.THERAPIST, Discipline.PT),
    ("pta-1", ClinicianRole.ASSISTANT, Discipline.PT),
    ("spt-1", ClinicianRole.STUDENT, Discipline.PT),
    ("ot-1", ClinicianRole.THERAPIST, Discipline.OT),
    ("ota-1", ClinicianRole.ASSISTANT, Discipline.OT),
    ("slp-1", ClinicianRole.THERAPIST, Discipline.SLP),
)
THERAPISTS = {Discipline.PT: "pt-1", Discipline.OT: "ot-1", Discipline.SLP: "slp-1"}


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How one test case came out. wrong: what differs from what it expects, in words; empty when it passes."""

    name: str
    matched: bool
    lines: tuple[str, ...]
    said: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.wrong


def run_tests(rule: PracticeRule) -> tuple[TrialResult, ...]:
    """Every test case of the rule, the rule alone at work. A condition that cannot run fails them all."""
    compiled = compile_rule(rule)
    if not isinstance(compiled, CompiledRule):
        return tuple(_unable(test, compiled[0].message) for test in rule.tests)
    return tuple(_run(compiled, test) for test in rule.tests)


def _unable(test: RuleTest, why: str) -> TrialResult:
    return TrialResult(test.name, False, (), (), (why,))


def _run(compiled: CompiledRule, test: RuleTest) -> TrialResult:
    if wrong := _bad_facts(test.facts):
        return _unable(test, wrong)
    try:
        encounter, context = sample(compiled.rule, test)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return _unable(test, f"the test's visit is not one: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    outcome = apply(
        RuleSet([_with_facts(compiled, test.facts, encounter, context)]),
        encounter,
        context,
        coding.code_claim(encounter, context),
    )
    lines = tuple(line_text(line.code, line.modifiers, line.units) for line in outcome.claim.lines)
    entry = outcome.trace[0] if outcome.trace else None
    said = (*(entry.changes if entry else ()), *((entry.error,) if entry and entry.error else ()))
    matched = entry is not None and entry.matched
    return TrialResult(test.name, matched, lines, said, tuple(_differences(compiled.rule, test, outcome, lines)))


def _bad_facts(facts: Mapping[str, Any]) -> str:
    for path, value in facts.items():
        if path not in KINDS or LIST_MARK in path:
            return f"the test names {path}, which is no field (lines and services are set through its visit)"
        if not fits(KINDS[path], _as_number(path, value)):
            return f"the test gives {path} a value that is no {KINDS[path].value}"
    return ""


def _as_number(path: str, value: Any) -> Any:
    whole = KINDS[path] is Kind.NUMBER and isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole else value


def _with_facts(
    compiled: CompiledRule, facts: Mapping[str, Any], encounter: Encounter, context: VisitContext
) -> CompiledRule:
    """The rule asked about the view with some facts replaced."""
    if not facts or compiled.program is None:
        return compiled
    program = compiled.program
    seen = view(encounter, context, coding.code_claim(encounter, context))
    for path, value in facts.items():
        root, _, name = path.partition(".")
        seen[root] = {**seen[root], name: _as_number(path, value)}
    return CompiledRule(compiled.rule, lambda _: program(seen), compiled.facts, compiled.needs)


def _differences(rule: PracticeRule, test: RuleTest, outcome: RulesOutcome, lines: tuple[str, ...]) -> list[str]:
    expect, entry = test.expect, outcome.trace[0] if outcome.trace else None
    wrong = []
    if entry is not None and entry.error:
        wrong.append(f"it could not be evaluated: {entry.error}")
    if (entry is not None and entry.matched) != expect.matched:
        wrong.append("it matches" if not expect.matched else "it does not match" if entry else "it is out of scope")
    wrong += [f"no line {line} among {', '.join(lines) or 'none'}" for line in expect.lines if line not in lines]
    if expect.place_of_service is not None and outcome.claim.place_of_service != expect.place_of_service:
        wrong.append(f"the place of service is {outcome.claim.place_of_service}")
    if expect.held_in is not None and not _holds(rule, outcome, expect.held_in):
        wrong.append(f"nothing holds it in {expect.held_in.value}")
    messages = [finding.message for found in outcome.findings.values() for finding in found]
    if expect.message and not any(expect.message in message for message in messages):
        wrong.append(f"nothing says {expect.message!r}")
    return wrong


def _holds(rule: PracticeRule, outcome: RulesOutcome, queue: Queue) -> bool:
    return any(finding.stops and finding.code == code_of(rule.rule_id) for finding in outcome.findings[queue])


# --- the visit --------------------------------------------------------------------------------------------------


def sample(rule: PracticeRule, test: RuleTest) -> tuple[Encounter, VisitContext]:
    """The clean visit with the test's differences, and the facts around it. Raises pydantic.ValidationError."""
    scope = rule.scope
    encounter = Encounter.model_validate(merged(_visit(scope, _day(rule), test), test.visit))
    on = encounter.date_of_service
    return encounter, VisitContext(
        today=on + timedelta(days=1),
        practice_npi="1234567893",
        payer_id=test.payer_id or _first(scope.payer_ids, "payer-1"),
        plan_id=test.plan_id or _first(scope.plan_ids, "plan-1"),
        coverage=encounter.administrative.primary,
        terms=PlanTerms.model_validate({"effective_from": LONG_AGO, **test.terms}),
        clinicians=_clinicians(),
        fees=tuple(Fee(code=code, amount=Decimal(amount), effective_from=LONG_AGO) for code, amount in FEES.items()),
        location_ids=frozenset({"main"}),
        treatment_days=(on - timedelta(days=14), on - timedelta(days=7), on),
    )


def _first(given: tuple[str, ...], otherwise: str) -> str:
    return given[0] if given else otherwise


def _day(rule: PracticeRule) -> date:
    return USUAL_DAY if rule.applies_on(USUAL_DAY) else rule.effective_from


def _clinicians() -> dict[str, Clinician]:
    return {
        name: Clinician(
            clinician_id=name, first_name="Test", last_name=name, role=role, discipline=discipline, npi=NUMBER
        )
        for name, role, discipline in PEOPLE
    }


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides reach into mappings; any other value replaces."""
    made = dict(base)
    for name, value in overrides.items():
        both = isinstance(value, Mapping) and isinstance(made.get(name), Mapping)
        made[name] = merged(made[name], value) if both else value
    return made


def _visit(scope: Scope, on: date, test: RuleTest) -> dict[str, Any]:
    discipline = Discipline(test.visit.get("discipline", scope.disciplines[0] if scope.disciplines else "PT"))
    therapist, started = THERAPISTS[discipline], on - timedelta(days=14)
    address = {"line1": "1 Main St", "city": "Austin", "state": "TX", "postal_code": "78701"}
    timed = [("92507", 45)] if discipline is Discipline.SLP else [("97110", 30), ("97140", 15)]
    return {
        "encounter_id": "test-visit",
        "version": 1,
        "date_of_service": on,
        "discipline": discipline,
        "patient": {
            "patient_id": "test-patient",
            "first_name": "Test",
            "last_name": "Patient",
            "birth_date": date(1960, 5, 17),
            "sex": "F",
            "address": address,
        },
        "clinical": {
            "visit_kind": "treatment",
            "diagnoses": [{"code": "M25.561", "rank": 1}, {"code": "M62.81", "rank": 2}],
            "goals": [{"description": "Climb 12 stairs without rail in 6 weeks"}],
            "objective_measures": [{"name": "Knee flexion", "value": "95", "unit": "degrees"}],
        },
        "timing": {
            "services": [
                {"code": code, "minutes": [{"clinician_id": therapist, "minutes": minutes}], "diagnosis_pointers": [1]}
                for code, minutes in timed
            ]
        },
        "administrative": {
            "location_id": "main",
            "place_of_service": "11",
            "coverages": [{"plan_id": _first(scope.plan_ids, "plan-1"), "rank": 1, "member_id": "W123456789"}],
            "referral": {"npi": "1679576722", "first_name": "Rhea", "last_name": "Ferrer", "ordered_on": started},
        },
        "compliance": {
            "rendering_clinician_id": therapist,
            "signatures": [
                {"clinician_id": therapist, "signed_at": datetime.combine(on, time(18), tzinfo=UTC).isoformat()}
            ],
            "episode": {"episode_id": "test-episode", "started_on": started},
            "plan_of_care": {
                "plan_of_care_id": "test-plan-of-care",
                "established_on": started,
                "certified_on": started + timedelta(days=4),
                "certifier_npi": "1679576722",
            },
        },
    }
