"""A rule as a form that works without a script: rows of text in, a rule or sentences about what is wrong out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pydantic import ValidationError

from billing.practice_rules import ACTIONS_MAX, TESTS_MAX, PracticeRule, RuleTest
from web.security import Form

BLANK_ROWS = 1
RULE_ID_MAX = 40


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action as typed; which fields count depends on its kind."""

    kind: str = ""
    modifier: str = ""
    codes: str = ""
    units: str = ""
    at_most: str = ""
    place_of_service: str = ""
    queue: str = "scrub"
    owner: str = ""
    message: str = ""
    clears_when: str = ""
    overridable: str = "yes"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One test case as typed. facts: a field and its value a line; visit and terms: JSON."""

    name: str = ""
    payer_id: str = ""
    plan_id: str = ""
    facts: str = ""
    visit: str = ""
    terms: str = ""
    matched: str = "yes"
    lines: str = ""
    place_of_service: str = ""
    held_in: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The whole form as typed."""

    rule_id: str = ""
    name: str = ""
    why: str = ""
    payer_ids: tuple[str, ...] = ()
    plan_ids: tuple[str, ...] = ()
    disciplines: tuple[str, ...] = ()
    effective_from: str = ""
    effective_to: str = ""
    priority: str = "100"
    when: str = ""
    actions: tuple[ActionRow, ...] = field(default=())
    tests: tuple[CaseRow, ...] = field(default=())

    def with_blank_rows(self, more: int = BLANK_ROWS) -> "RuleForm":
        """The form with empty rows to fill."""
        actions = (*self.actions, *[ActionRow()] * more)[:ACTIONS_MAX]
        return replace(self, actions=actions, tests=(*self.tests, *[CaseRow()] * more)[:TESTS_MAX])


class Wrong(ValueError):  # noqa: N818 - sentences for a person
    """What is wrong with a form, one sentence each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = tuple(sentences)


# --- from the browser -----------------------------------------------------------------------------------------------


def read(form: Form) -> RuleForm:
    """What was typed; rows left empty fall away."""
    return RuleForm(
        **{name: form.text(name) for name in ("rule_id", "name", "why", "effective_from", "effective_to", "when")},
        priority=form.text("priority", "100"),
        payer_ids=_chosen(form, "payer_ids"),
        plan_ids=_chosen(form, "plan_ids"),
        disciplines=_chosen(form, "disciplines"),
        actions=tuple(
            row
            for number in range(ACTIONS_MAX)
            if (row := ActionRow(**_row(form, f"action-{number}-", ActionRow, ("at_most", "overridable")))).kind
        ),
        tests=tuple(
            case for number in range(TESTS_MAX) if (case := CaseRow(**_row(form, f"test-{number}-", CaseRow, ()))).name
        ),
    )


def _chosen(form: Form, name: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in form.all(name) if value.strip())


def _row(form: Form, prefix: str, kind: type[ActionRow] | type[CaseRow], boxes: tuple[str, ...]) -> dict[str, str]:
    """A row's fields; a box that was not ticked is not sent at all."""
    return {one.name: form.text(prefix + one.name, "" if one.name in boxes else _default(one)) for one in fields(kind)}


def _default(one: Any) -> str:
    return str(one.default)


# --- to a rule ------------------------------------------------------------------------------------------------------


def to_rule(form: RuleForm) -> PracticeRule:
    """The rule, or ``Wrong`` with what to correct."""
    wrong: list[str] = []
    given: dict[str, Any] = {
        "rule_id": form.rule_id or slug(form.name),
        "name": form.name,
        "why": form.why,
        "scope": {"payer_ids": form.payer_ids, "plan_ids": form.plan_ids, "disciplines": form.disciplines},
        "effective_from": form.effective_from,
        "effective_to": form.effective_to or None,
        "priority": form.priority or "100",
        "when": form.when,
        "actions": [_action(row) for row in form.actions],
        "tests": [_test(row, wrong) for row in form.tests],
    }
    if wrong:
        raise Wrong(wrong)
    try:
        return PracticeRule.model_validate(given)
    except ValidationError as error:
        raise Wrong([_sentence(item) for item in error.errors(include_url=False, include_input=False)]) from error


def slug(name: str) -> str:
    """``GP for Aetna!`` -> ``gp-for-aetna``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:RULE_ID_MAX].strip("-")


ACTION_FIELDS = {
    "add_modifier": ("modifier", "codes"),
    "remove_modifier": ("modifier", "codes"),
    "set_units": ("codes", "units", "at_most"),
    "set_place_of_service": ("place_of_service",),
    "hold": ("queue", "message", "owner", "clears_when", "overridable"),
    "warn": ("queue", "message", "owner"),
    "route": ("queue", "owner"),
}


def _action(row: ActionRow) -> dict[str, Any]:
    given: dict[str, Any] = {"kind": row.kind}
    for name in ACTION_FIELDS.get(row.kind, ()):
        value = getattr(row, name)
        if name == "codes":
            given[name] = [code for code in re.split(r"[\s,]+", value) if code]
        elif name in ("at_most", "overridable"):
            given[name] = bool(value)
        elif value:
            given[name] = value
    return given


def _test(row: CaseRow, wrong: list[str]) -> dict[str, Any]:
    expect: dict[str, Any] = {
        "matched": row.matched != "no",
        "lines": [" ".join(line.split()) for line in row.lines.splitlines() if line.strip()],
        "place_of_service": row.place_of_service or None,
        "held_in": row.held_in or None,
        "message": row.message,
    }
    return {
        "name": row.name,
        "payer_id": row.payer_id or None,
        "plan_id": row.plan_id or None,
        "facts": _facts(row, wrong),
        "visit": _json(row.visit, f"Test {row.name}, visit", wrong),
        "terms": _json(row.terms, f"Test {row.name}, plan terms", wrong),
        "expect": expect,
    }


def _facts(row: CaseRow, wrong: list[str]) -> dict[str, Any]:
    """``note.goals = 0``, one a line; what is no number, yes, no or list is a text."""
    facts: dict[str, Any] = {}
    for line in row.facts.splitlines():
        path, equals, value = line.partition("=")
        if not equals and line.strip():
            wrong.append(f"Test {row.name}, facts: write {line.strip()} as field = value.")
        elif equals:
            facts[path.strip()] = _value(value.strip())
    return facts


def _value(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json(text: str, where: str, wrong: list[str]) -> dict[str, Any]:
    if not text:
        return {}
    try:
        given = json.loads(text)
    except ValueError as error:
        place = f" (line {error.lineno}, character {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        wrong.append(f"{where}: this is not JSON{place}.")
        return {}
    if not isinstance(given, dict):
        wrong.append(f"{where}: this has to be a JSON object, in braces.")
        return {}
    return given


_PARTS = {
    "rule_id": "Short name",
    "name": "Name",
    "why": "Why",
    "effective_from": "First day",
    "effective_to": "Last day",
    "priority": "Priority",
    "when": "Condition",
    "actions": "Actions",
    "tests": "Test cases",
}
_SAID = {
    "missing": "is missing",
    "string_too_short": "is missing or too short",
    "date_from_datetime_parsing": "is not a date",
    "date_parsing": "is not a date",
    "int_parsing": "is not a whole number",
    "too_short": "is missing",
    "union_tag_invalid": "is not known",
}


def _sentence(item: Mapping[str, Any]) -> str:
    """Pydantic's complaint as a person would say it."""
    path = [str(part) for part in item["loc"]]
    where = _PARTS.get(path[0], path[0]) if path else "The rule"
    if len(path) > 1 and path[1].isdigit():
        detail = ", ".join(part.replace("_", " ") for part in path[2:] if part != path[0] and part not in ACTION_FIELDS)
        where = f"{where[:-1]} {int(path[1]) + 1}" + (f", {detail}" if detail else "")
    if path == ["rule_id"]:
        return "Short name: use small letters, digits and hyphens, 2 to 40."
    return f"{where}: {_SAID.get(item['type'], item['msg'].removeprefix('Value error, '))}."


# --- from a rule ----------------------------------------------------------------------------------------------------


def of_rule(rule: PracticeRule) -> RuleForm:
    """The form filled from a rule."""
    return RuleForm(
        rule_id=rule.rule_id,
        name=rule.name,
        why=rule.why,
        payer_ids=rule.scope.payer_ids,
        plan_ids=rule.scope.plan_ids,
        disciplines=tuple(discipline.value for discipline in rule.scope.disciplines),
        effective_from=rule.effective_from.isoformat(),
        effective_to=rule.effective_to.isoformat() if rule.effective_to else "",
        priority=str(rule.priority),
        when=rule.when,
        actions=tuple(_action_row(action.model_dump(mode="json")) for action in rule.actions),
        tests=tuple(_test_row(test) for test in rule.tests),
    )


def _action_row(given: Mapping[str, Any]) -> ActionRow:
    typed = {name: _typed(value) for name, value in given.items()}
    return replace(ActionRow(overridable=""), **typed)


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)


def _test_row(test: RuleTest) -> CaseRow:
    expect = test.expect
    return CaseRow(
        name=test.name,
        payer_id=test.payer_id or "",
        plan_id=test.plan_id or "",
        facts="\n".join(f"{path} = {json.dumps(value)}" for path, value in test.facts.items()),
        visit=json.dumps(test.visit, indent=1, default=str) if test.visit else "",
        terms=json.dumps(test.terms, default=str) if test.terms else "",
        matched="yes" if expect.matched else "no",
        lines="\n".join(expect.lines),
        place_of_service=expect.place_of_service or "",
        held_in=expect.held_in.value if expect.held_in else "",
        message=expect.message,
    )
