"""Applying a practice's own rules to one visit, in order, with a trace of each.

Higher priority first, then rule id. A later rule sees what an earlier one changed. What one rule set, a later one does
not set otherwise: the first keeps it and the trace names the other. A rule that cannot be evaluated holds the claim for
a supervisor and harms no other rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import cel

from billing import modifiers
from billing.coding import CodedClaim, CodedLine, recounted, terms_of
from billing.context import VisitContext
from billing.encounter import Encounter
from billing.findings import Finding, Step
from billing.practice import PlanTerms
from billing.practice_rules import (
    AddModifier,
    CompiledRule,
    Hold,
    PracticeRule,
    RemoveModifier,
    Route,
    SetPlaceOfService,
    SetUnits,
    Warn,
)
from billing.rule_set import RuleSet
from billing.rule_view import CHANGING, part, told
from billing.vocabulary import Owner, Queue, Severity

CODE_PREFIX = "R:"
REASON_LENGTH_MAX = 200
GATES = (Queue.DOCUMENTATION, Queue.AUTHORIZATION, Queue.SCRUB)


class RuleTrace(NamedTuple):
    """What one rule did. facts: the fields its condition names, as they were when it ran.

    lost: what it would have set, had no rule before it set it otherwise. error: why it could not be evaluated.
    """

    rule_id: str
    version: int
    name: str
    matched: bool
    facts: dict[str, str]
    changes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class RulesOutcome:
    """The claim after all rules, what they found by queue, and what each did."""

    claim: CodedClaim
    findings: dict[Queue, tuple[Finding, ...]]
    steps: tuple[Step, ...]
    trace: tuple[RuleTrace, ...]
    route: Route | None = None


def code_of(rule_id: str) -> str:
    """The finding code of a rule."""
    return f"{CODE_PREFIX}{rule_id}"


class _Texts(dict[str, str]):
    """Facts as the trace keeps them, each put in words when it is first asked for."""

    def __init__(self, seen: dict[str, Any]) -> None:
        super().__init__()
        self.seen = seen

    def __missing__(self, path: str) -> str:
        text = self[path] = told(path, self.seen)
        return text


@dataclass(slots=True)
class _Run:
    """The visit while its rules run.

    needs: the names some rule uses, by part of the view. seen: those parts; shown: of them the names used, as CEL has
    them; stale: parts an action changed that no rule has asked for since. ours: what was set by which rule, by the
    thing set.
    """

    encounter: Encounter
    context: VisitContext
    claim: CodedClaim
    needs: dict[str, frozenset[str]]
    seen: dict[str, Any] = field(default_factory=dict)
    shown: cel.Context = field(default_factory=cel.Context)
    texts: _Texts = field(init=False)
    stale: frozenset[str] = frozenset()
    ours: dict[tuple[str, ...], tuple[object, str]] = field(default_factory=dict)
    found: list[tuple[Queue, Finding]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    route: Route | None = None
    changes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.texts = _Texts(self.seen)
        self._tell(self.needs)

    def _tell(self, roots: Iterable[str]) -> None:
        """Parts of the view as they are now."""
        for root in roots:
            self.seen[root] = whole = part(root, self.encounter, self.context, self.claim)
            named = self.needs[root]
            few = [_few(entry, named) for entry in whole] if isinstance(whole, list) else _few(whole, named)
            self.shown.add_variable(root, few)

    def put(self, claim: CodedClaim) -> None:
        """The claim as changed. What rules see of it is told anew when the next one asks."""
        self.claim = claim
        self.stale = CHANGING & self.needs.keys()

    def refresh(self) -> None:
        """Tell anew what changed."""
        for path in [path for path in self.texts if path.partition(".")[0] in self.stale]:
            del self.texts[path]
        self._tell(self.stale)
        self.stale = frozenset()

    def kept_from(self, thing: tuple[str, ...], value: object, rule_id: str) -> str:
        """The rule that set a thing otherwise before; empty when this rule may set it."""
        before, owner = self.ours.setdefault(thing, (value, rule_id))
        return "" if before == value else owner

    def may_set(self, thing: tuple[str, ...], value: object, words: str, rule_id: str) -> bool:
        """Whether a rule may set a thing; if another has set it otherwise, what was lost is kept."""
        owner = self.kept_from(thing, value, rule_id)
        if owner:
            self.lost.append(f"{words}: rule {owner} came first")
        return not owner


def _few(part_of_view: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in part_of_view.items() if name in named}


def apply(rules: RuleSet, encounter: Encounter, context: VisitContext, claim: CodedClaim) -> RulesOutcome:
    """Run the rules in scope; the claim as they leave it, their findings and their trace."""
    chosen = rules.selected(context.payer_id, context.plan_id, encounter.discipline, encounter.date_of_service)
    if not chosen.rules:
        return RulesOutcome(claim, dict.fromkeys(GATES, ()), (), ())
    run = _Run(encounter, context, claim, chosen.needs)
    trace = tuple([_one(compiled, run) for compiled in chosen.rules])
    found = {queue: tuple(one for where, one in run.found if where is queue) for queue in GATES}
    return RulesOutcome(run.claim, found, tuple(run.steps), trace, run.route)


def _one(compiled: CompiledRule, run: _Run) -> RuleTrace:
    rule, texts = compiled.rule, run.texts
    if run.stale and not run.stale.isdisjoint(compiled.roots):
        run.refresh()
    facts = {path: texts[path] for path in compiled.facts}
    matched, error = _asked(compiled, run)
    if not matched and not error:
        return RuleTrace(rule.rule_id, rule.version, rule.name, False, facts)
    run.changes, run.lost = [], []
    if error:
        run.found.append((Queue.SCRUB, _failed(rule, facts, error)))
    else:
        _act(rule, facts, run)
        run.steps += [Step(f"rule {rule.rule_id}", text) for text in (*run.changes, *run.lost)]
    return RuleTrace(rule.rule_id, rule.version, rule.name, matched, facts, tuple(run.changes), tuple(run.lost), error)


def _asked(compiled: CompiledRule, run: _Run) -> tuple[bool, str]:
    """Whether the condition is true, or why it cannot be said."""
    if compiled.program is None:
        return False, compiled.problem
    try:
        answer = compiled.program(run.shown)
    except Exception as problem:
        # whatever a condition does, it is this rule's fault alone; the text quotes fields and kinds, no patient
        return False, _in_words(problem)
    return (answer, "") if isinstance(answer, bool) else (False, "the condition answered neither yes nor no")


def _in_words(problem: Exception) -> str:
    known = {
        KeyError: f"there is no field {problem}",
        IndexError: "it asks for an entry the list does not have",
        ZeroDivisionError: "it divides by zero",
        OverflowError: "a number became too large",
        TypeError: "it compares or combines kinds that do not go together",
    }
    return known.get(type(problem)) or str(problem)[:REASON_LENGTH_MAX]


def _citation(rule: PracticeRule) -> str:
    return f"practice rule {rule.rule_id}, version {rule.version}: {rule.why}"


def _failed(rule: PracticeRule, facts: dict[str, str], error: str) -> Finding:
    return Finding(
        code=code_of(rule.rule_id),
        version=rule.version,
        severity=Severity.HOLD,
        owner=Owner.SUPERVISOR,
        message=f"rule could not be evaluated: {rule.name} ({error})",
        clears_when="the rule is corrected or retired",
        evidence=facts,
        citation=_citation(rule),
        overridable=True,
    )


def _act(rule: PracticeRule, facts: dict[str, str], run: _Run) -> None:
    for action in rule.actions:
        if isinstance(action, AddModifier | RemoveModifier):
            _mark(action, rule, run)
        elif isinstance(action, SetUnits):
            _set_units(action, rule, facts, run)
        elif isinstance(action, SetPlaceOfService):
            _set_place(action, rule, run)
        elif isinstance(action, Route):
            _set_route(action, rule, run)
        else:
            run.found.append((action.queue, _said(action, rule, facts)))
            verb = "holds" if isinstance(action, Hold) else "warns"
            run.changes.append(f"{verb} in {action.queue}: {action.message}")


def _said(action: Hold | Warn, rule: PracticeRule, facts: dict[str, str]) -> Finding:
    holds = isinstance(action, Hold)
    otherwise = "the facts change so that the rule no longer applies, or the rule is retired"
    return Finding(
        code=code_of(rule.rule_id),
        version=rule.version,
        severity=Severity.HOLD if holds else Severity.WARN,
        owner=action.owner,
        message=action.message,
        clears_when=(action.clears_when or otherwise) if isinstance(action, Hold) else "nothing to do",
        evidence=facts,
        citation=_citation(rule),
        overridable=isinstance(action, Hold) and action.overridable,
    )


def _mark(action: AddModifier | RemoveModifier, rule: PracticeRule, run: _Run) -> None:
    adds, mark = isinstance(action, AddModifier), action.modifier
    terms = terms_of(run.encounter, run.context)
    lines = []
    for line in run.claim.lines:
        meant = not action.codes or line.code in action.codes
        lines.append(_mark_line(line, mark, adds, terms, rule.rule_id, run) if meant else line)
    _put_lines(lines, run)


def _mark_line(line: CodedLine, mark: str, adds: bool, terms: PlanTerms, rule_id: str, run: _Run) -> CodedLine:
    owner = run.kept_from(("modifier", str(line.service), line.code, mark), adds, rule_id)
    changed = line if owner else _marked(line, mark, adds, terms)
    if owner or changed is not line:
        words = f"{mark} {'on' if adds else 'off'} line {line.line_number} ({line.code})"
        run.lost += [f"{words}: rule {owner} came first"] if owner else []
        run.changes += [] if owner else [words]
    return changed


def _marked(line: CodedLine, mark: str, adds: bool, terms: PlanTerms) -> CodedLine:
    if (mark in line.modifiers) == adds:
        return line
    marks = {*line.modifiers, mark} if adds else set(line.modifiers) - {mark}
    return replace(line, modifiers=modifiers.ordered(marks, terms))


def _set_units(action: SetUnits, rule: PracticeRule, facts: dict[str, str], run: _Run) -> None:
    for code in dict.fromkeys(action.codes):
        has = sum(line.units for line in run.claim.lines if line.code == code)
        wanted = min(has, action.units) if action.at_most else action.units
        words = f"units of {code} {has} -> {wanted}"
        if not has or (action.at_most and wanted == has):
            continue
        if not run.may_set(("units", code), wanted, words, rule.rule_id) or wanted == has:
            continue
        run.changes.append(words)
        earned = sum(line.units for line in run.claim.unit_result.lines if line.code == code)
        if wanted > earned:
            run.found.append((Queue.SCRUB, _unearned(rule, facts, code, wanted, earned)))
        _put_lines(_with_units(run.claim.lines, code, wanted), run)


def _with_units(lines: Sequence[CodedLine], code: str, wanted: int) -> list[CodedLine]:
    """A code's units over all its lines, in their order; the last takes what is left, and goes if nothing is."""
    last = {line.line_number for line in lines if line.code == code}
    kept, left = [], wanted
    for line in lines:
        units = line.units
        if line.code == code:
            last.discard(line.line_number)
            units = min(line.units, left) if last else left
            units = max(units, 0)
            left -= units
        if units:
            kept.append(replace(line, units=units))
    return kept


def _unearned(rule: PracticeRule, facts: dict[str, str], code: str, wanted: int, earned: int) -> Finding:
    return Finding(
        code=code_of(rule.rule_id),
        version=rule.version,
        severity=Severity.WARN,
        owner=Owner.BILLER,
        message=f"The rule bills {wanted} units of {code}; the minutes come to {earned}.",
        clears_when="nothing to do if the payer's own policy counts so",
        evidence={**facts, "code": code, "minutes come to": str(earned)},
        citation=_citation(rule),
    )


def _set_place(action: SetPlaceOfService, rule: PracticeRule, run: _Run) -> None:
    place, before = action.place_of_service, run.claim.place_of_service
    words = f"place of service {before} -> {place}"
    if not run.may_set(("place_of_service",), place, words, rule.rule_id) or place == before:
        return
    run.changes.append(words)
    lines = tuple(replace(line, place_of_service=place) for line in run.claim.lines)
    run.put(replace(run.claim, place_of_service=place, lines=lines))


def _set_route(action: Route, rule: PracticeRule, run: _Run) -> None:
    to = f"{action.queue}" + (f", move of the {action.owner.replace('_', ' ')}" if action.owner else "")
    if run.may_set(("route",), action, f"route to {to}", rule.rule_id) and run.route is None:
        run.route = action
        run.changes.append(f"routes what is held to {to}")


def _put_lines(lines: Sequence[CodedLine], run: _Run) -> None:
    """Lines as changed, with charge and expected payment counted anew where that may differ."""
    before = run.claim.lines
    if tuple(lines) == before:
        return
    if [_worth(line) for line in lines] == [_worth(line) for line in before]:
        run.put(replace(run.claim, lines=tuple(lines)))
    else:
        run.put(recounted(run.claim, tuple(lines), run.encounter, run.context))


def _worth(line: CodedLine) -> tuple[str, int, bool]:
    """What a line's money rests on."""
    return line.code, line.units, modifiers.ASSISTANT.isdisjoint(line.modifiers)


def routed(gates: dict[Queue, tuple[Finding, ...]], route: Route | None) -> dict[Queue, tuple[Finding, ...]]:
    """What holds a visit moved to where a rule routes it. Authorization stays where it can be recorded."""
    if route is None:
        return gates
    kept: dict[Queue, list[Finding]] = {queue: [] for queue in gates}
    for queue, findings in gates.items():
        for finding in findings:
            moves = finding.stops and queue is not Queue.AUTHORIZATION
            moved = replace(finding, owner=route.owner) if moves and route.owner else finding
            kept[route.queue if moves else queue].append(moved)
    return {queue: tuple(findings) for queue, findings in kept.items()}
