"""A practice's own rule: its record, and its condition made ready. Applied by billing.rule_apply.

A condition is checked before it may run: syntax, known fields, known functions, a yes or no as its answer, and no more
loops than an evaluation of a few microseconds can bear.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Literal

import cel
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from billing.encounter import Code, Identifier, Modifier, Record
from billing.rule_fields import KINDS, LIST_MARK, LISTS, ROOTS, Kind, blank_view
from billing.vocabulary import Discipline, Owner, Queue

SCHEMA = "firstpass/rules/1"
RULES_MAX = 200
CONDITION_LENGTH_MAX = 2_000
LOOPS_MAX = 6
LOOP_DEPTH_MAX = 2
ACTIONS_MAX = 10
TESTS_MAX = 20
PROGRAMS_KEPT = 4_096

HOLDING_QUEUES = (Queue.DOCUMENTATION, Queue.AUTHORIZATION, Queue.SCRUB)
HoldingQueue = Literal[Queue.DOCUMENTATION, Queue.AUTHORIZATION, Queue.SCRUB]
RuleId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")]
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300)]
Place = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\d{2}$")]
Codes = Annotated[tuple[Code, ...], Field(default=(), max_length=50)]


class AddModifier(Record):
    """Put a modifier on the lines of these codes; without codes on every line."""

    kind: Literal["add_modifier"] = "add_modifier"
    modifier: Modifier
    codes: Codes


class RemoveModifier(Record):
    """Take a modifier off the lines of these codes; without codes off every line."""

    kind: Literal["remove_modifier"] = "remove_modifier"
    modifier: Modifier
    codes: Codes


class SetUnits(Record):
    """Units of each of these codes over all its lines; ``at_most``: only downwards."""

    kind: Literal["set_units"] = "set_units"
    codes: Annotated[tuple[Code, ...], Field(min_length=1, max_length=50)]
    units: int = Field(ge=1, le=99)
    at_most: bool = False


class SetPlaceOfService(Record):
    """Where the service is said to have been given."""

    kind: Literal["set_place_of_service"] = "set_place_of_service"
    place_of_service: Place


class Hold(Record):
    """Have the visit wait in a queue until the rule no longer applies, or a person overrides it."""

    kind: Literal["hold"] = "hold"
    queue: HoldingQueue = Queue.SCRUB
    message: Message
    owner: Owner = Owner.BILLER
    clears_when: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""
    overridable: bool = True


class Warn(Record):
    """Say something beside the visit; it stops nothing."""

    kind: Literal["warn"] = "warn"
    queue: HoldingQueue = Queue.SCRUB
    message: Message
    owner: Owner = Owner.BILLER


class Route(Record):
    """If anything holds the visit, have it wait in this queue, as this owner's move."""

    kind: Literal["route"] = "route"
    queue: HoldingQueue
    owner: Owner | None = None


Action = Annotated[
    AddModifier | RemoveModifier | SetUnits | SetPlaceOfService | Hold | Warn | Route, Field(discriminator="kind")
]
ACTION_LABELS = {
    "add_modifier": "Add a modifier",
    "remove_modifier": "Remove a modifier",
    "set_units": "Set units",
    "set_place_of_service": "Set place of service",
    "hold": "Hold",
    "warn": "Warn",
    "route": "Route",
}


class Scope(Record):
    """Where a rule applies; an empty list means everywhere."""

    payer_ids: tuple[Identifier, ...] = Field(default=(), max_length=100)
    plan_ids: tuple[Identifier, ...] = Field(default=(), max_length=100)
    disciplines: tuple[Discipline, ...] = Field(default=(), max_length=3)

    def covers(self, payer_id: str, plan_id: str, discipline: Discipline) -> bool:
        """Whether a visit of that payer, plan and discipline is in it."""
        return (
            (not self.payer_ids or payer_id in self.payer_ids)
            and (not self.plan_ids or plan_id in self.plan_ids)
            and (not self.disciplines or discipline in self.disciplines)
        )


class Expect(Record):
    """What a test case expects of the rule alone."""

    matched: bool = True
    lines: tuple[Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)], ...] = Field(
        default=(), max_length=50, description="Claim lines that must stand: code, modifiers, units: 97110 GP KX x2."
    )
    place_of_service: Place | None = None
    held_in: HoldingQueue | None = None
    message: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""


class RuleTest(Record):
    """A visit, told by how it differs from a clean one, and what the rule should do with it."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=120)]
    visit: dict[str, Any] = Field(default_factory=dict, description="Fields of the visit as sent through the API.")
    terms: dict[str, Any] = Field(default_factory=dict, description="Plan terms.")
    facts: dict[str, Any] = Field(default_factory=dict, description="Fields of the view, for the condition only.")
    payer_id: Identifier | None = None
    plan_id: Identifier | None = None
    expect: Expect = Expect()


class PracticeRule(Record):
    """One rule in one version. ``when`` is a CEL condition over the view (billing.rule_fields)."""

    rule_id: RuleId
    version: int = Field(default=1, ge=1)
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=80)]
    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
    scope: Scope = Scope()
    effective_from: date
    effective_to: date | None = None
    priority: int = Field(default=100, ge=0, le=1_000, description="Higher first; then by rule id.")
    when: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=CONDITION_LENGTH_MAX)]
    actions: tuple[Action, ...] = Field(min_length=1, max_length=ACTIONS_MAX)
    tests: tuple[RuleTest, ...] = Field(default=(), max_length=TESTS_MAX)

    @model_validator(mode="after")
    def _dates_in_order(self) -> "PracticeRule":
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("the last day is before the first day")
        return self

    def applies_on(self, day: date) -> bool:
        """Whether a date of service is within its dates."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


class RulesFile(Record):
    """Rules as a file, for ``firstpass import``: each becomes a draft."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["firstpass/rules/1"] = Field(alias="schema")
    about: str = ""
    rules: tuple[PracticeRule, ...] = Field(min_length=1, max_length=RULES_MAX)


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """Why a rule cannot run, for the person who wrote it. field: the part of the rule it is about."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to run. program is None where the stored rule cannot run, and problem says why.

    facts: the fields its condition names; needs: what it has to be shown, as (part of the view, name).
    """

    rule: PracticeRule
    program: Callable[[Any], Any] | None
    facts: tuple[str, ...] = ()
    needs: frozenset[tuple[str, str]] = frozenset()
    problem: str = ""
    roots: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roots", frozenset(root for root, _ in self.needs))


# --- checking a condition -----------------------------------------------------------------------------------------

LOOPS = ("all", "exists", "exists_one", "map", "filter")
FUNCTIONS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "has", "int", "double", "string", "min", "max", *LOOPS}
)
# a comment, a raw string, a string: whichever begins first, as the reader of CEL sees it
_QUOTED = re.compile(
    r"//[^\n]*"
    r"|[bB]?[rR](?:\"\"\"[\s\S]*?\"\"\"|\'\'\'[\s\S]*?\'\'\'|\"[^\"\n]*\"|\'[^\'\n]*\')"
    r"|\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|\'\'\'(?:\\[\s\S]|[^\\])*?\'\'\'"
    r"|\"(?:\\.|[^\"\\\n])*\"|\'(?:\\.|[^\'\\\n])*\'"
)
_LOOP = re.compile(r"(\w+)?\s*\.\s*(?:exists_one|exists|all|map|filter)\s*\(\s*(\w+)?")
_PATH = re.compile(r"(?<![\w.\]])([A-Za-z_]\w*)\s*(\[[^\]]*\])?\s*\.\s*([A-Za-z_]\w*)\s*(\()?")
_AFTER_DOT = re.compile(r"\.\s*([A-Za-z_]\w*)")
_WHOLE = re.compile(r"(?<![\w.])(" + "|".join(root for root in ROOTS if root not in LISTS) + r")\b(?!\s*\.)")
_BY_TEXT = re.compile(r"(?<=[\w)\]])(?<!\bin)\s*\[\s*\"\"")
_NAME = re.compile(r"^[A-Za-z_]\w*$")
_WHERE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition that can be run, with what its check needs to know."""

    execute: Callable[[Any], Any]
    facts: tuple[str, ...]
    needs: frozenset[tuple[str, str]]
    problems: tuple[str, ...]


def compile_rule(rule: PracticeRule) -> CompiledRule | tuple[RuleProblem, ...]:
    """The rule ready to run, or what is wrong with its condition in words."""
    condition = _condition(rule.when)
    if isinstance(condition, str):
        return (RuleProblem("when", condition),)
    if condition.problems:
        return tuple(RuleProblem("when", problem) for problem in condition.problems)
    return CompiledRule(rule, condition.execute, condition.facts, condition.needs)


def made_ready(rule: PracticeRule) -> CompiledRule:
    """The same for a rule already kept: one that cannot run still stands, so that it holds claims instead of none."""
    compiled = compile_rule(rule)
    if isinstance(compiled, CompiledRule):
        return compiled
    return CompiledRule(rule, None, problem="; ".join(problem.message for problem in compiled))


@lru_cache(maxsize=PROGRAMS_KEPT)
def _condition(when: str) -> _Condition | str:
    """The condition made ready, or its syntax error in words."""
    bare = _QUOTED.sub(lambda found: " " if found.group().startswith("//") else '""', when)
    if stalled := _too_many_loops(bare):
        return stalled
    try:
        program = cel.compile(when)
    except ValueError as error:
        return _syntax_error(when, str(error))
    bound: dict[str, set[str]] = {}
    for found in _LOOP.finditer(bare):
        bound.setdefault(found.group(2) or "", set()).add(found.group(1) or "")
    paths = _paths(bare, bound)
    names = chain(_whole_parts(bare), _unknown_names(program, bound), _unknown_fields(paths))
    problems = tuple(chain(names, _unknown_functions(program)))
    problems = problems or tuple(_wrong_kind(program))
    roots = frozenset(name for name in program.variables() if name in ROOTS)
    facts = tuple(dict.fromkeys(path.split(LIST_MARK)[0] if LIST_MARK in path else path for path in paths))
    whole = tuple(root for root in sorted(roots & LISTS) if root not in facts)
    return _Condition(program.execute, facts + whole, _needs(bare, roots), problems)


def _needs(bare: str, roots: frozenset[str]) -> frozenset[tuple[str, str]]:
    """Every name that follows a dot, of every part named: handing CEL the whole view would cost more than asking it."""
    after_dots = set(_AFTER_DOT.findall(bare))
    named = (path.replace(LIST_MARK, ".").partition(".") for path in KINDS)
    fields = {(root, name) for root, _, name in named if root in roots and name in after_dots}
    return frozenset(fields | {(root, "") for root in roots})


def _whole_parts(bare: str) -> Iterator[str]:
    """Only named fields are handed over, so a part of the view cannot be asked as a whole, nor by a text."""
    for found in _WHOLE.finditer(bare):
        yield f"Name a field of {found.group(1)}, as in {found.group(1)}.{_first_field(found.group(1))}."
    if _BY_TEXT.search(bare):
        yield "Name a field by a dot, not by a text in brackets: line.code."


def _first_field(root: str) -> str:
    return next(path for path in KINDS if path.startswith(f"{root}.")).partition(".")[2]


def _too_many_loops(bare: str) -> str:
    """A condition cannot be stopped once it runs, so what it may cost is bounded before."""
    starts = {found.end(): found for found in _LOOP.finditer(bare)}
    depth, deepest, open_loops, level = 0, 0, [], 0
    for place, letter in enumerate(bare):
        if place in starts:
            open_loops.append(level)
            depth += 1
            deepest = max(deepest, depth)
        if letter in "([{":
            level += 1
        elif letter in ")]}":
            level -= 1
            while open_loops and level < open_loops[-1]:
                open_loops.pop()
                depth -= 1
    if len(starts) > LOOPS_MAX or deepest > LOOP_DEPTH_MAX:
        return f"The condition loops too much: at most {LOOPS_MAX} loops, and at most one inside another."
    if deepest == LOOP_DEPTH_MAX and "+" in bare:
        return "A condition with a loop inside a loop cannot also use +; write it as two rules."
    return ""


def _syntax_error(when: str, said: str) -> str:
    """Where the condition stops making sense, with a mark under the place."""
    found = _WHERE.search(said)
    if found is None:
        return "The condition cannot be read."
    row, column, what = int(found.group(1)), int(found.group(2)), found.group(3).split(" expecting")[0]
    what = "it ends too early" if "<EOF>" in what and "mismatched" in what else what.replace("<EOF>", "the end")
    lines = when.splitlines() or [""]
    line = lines[min(row, len(lines)) - 1]
    start = max(0, column - 40)
    mark = " " * (column - 1 - start) + "^"
    return f"Line {row}, character {column}: {what}.\n{line[start : start + 80]}\n{mark}"


def _paths(bare: str, bound: dict[str, set[str]]) -> list[str]:
    """Fields the condition names; those of a loop's variable as fields of the list."""
    found = []
    for match in _PATH.finditer(bare):
        root, indexed, name, called = match.groups()
        if called:
            continue
        if root in bound:
            lists = sorted(bound[root] & LISTS)
            fields = [f"{over}{LIST_MARK}{name}" for over in lists]
            found += [next((field for field in fields if field in KINDS), fields[0])] if fields else []
        elif root in ROOTS:
            found.append(f"{root}{LIST_MARK if indexed and root in LISTS else '.'}{name}")
    return list(dict.fromkeys(found))


def _like(name: str, known: Iterator[str] | tuple[str, ...]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _unknown_names(program: cel.Program, bound: dict[str, set[str]]) -> Iterator[str]:
    for name in program.variables():
        if name not in ROOTS and name not in bound:
            yield f"There is nothing called {name}.{_like(name, ROOTS)}"


def _unknown_fields(paths: list[str]) -> Iterator[str]:
    for path in paths:
        if path not in KINDS:
            yield f"There is no field {path}.{_like(path, tuple(KINDS))}"


def _unknown_functions(program: cel.Program) -> Iterator[str]:
    for name in program.functions():
        if _NAME.match(name) and name not in FUNCTIONS and not name.startswith("_"):
            yield f"There is no function {name}.{_like(name, tuple(sorted(FUNCTIONS)))}"


def _wrong_kind(program: cel.Program) -> Iterator[str]:
    """What shows on empty fields already: kinds that cannot be compared, an answer that is no yes or no."""
    try:
        answer = program.execute(blank_view())
    except TypeError:
        yield "It compares or combines kinds that do not go together, a text with a number for example."
    except Exception:
        return  # it depends on the visit's values: its test cases and the try-out will tell
    else:
        if not isinstance(answer, bool):
            yield f"The condition must answer yes or no (true or false); it gives {_kind_of(answer)}."


def _kind_of(answer: object) -> str:
    kinds = {str: Kind.TEXT.value, int: Kind.WHOLE.value, float: Kind.NUMBER.value, list: "list"}
    return f"a {kinds.get(type(answer), 'value')}"
