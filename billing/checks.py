"""How a check is written: a small function that yields problems, registered with what a reader wants to know of it.

One catalog per gate; docs/rules.md is generated from the catalogs, so a check and its description cannot part.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, ParamSpec

from billing.findings import Finding
from billing.vocabulary import Owner, Severity

Facts = ParamSpec("Facts")
PRACTICE_DEFAULT = "practice default"


@dataclass(frozen=True, slots=True)
class Problem:
    """What one check found this time. Severity, owner and overridable are the check's own unless said here."""

    message: str
    clears_when: str
    evidence: dict[str, str] = field(default_factory=dict)
    severity: Severity | None = None
    owner: Owner | None = None
    overridable: bool | None = None
    look_again_on: date | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reader wants to know of a check. ``severity`` is its usual one."""

    id: str
    title: str
    what: str
    why: str
    severity: Severity
    owner: Owner
    source: str
    overridable: bool

    def finding(self, problem: Problem) -> Finding:
        """The problem in the shape every gate answers in."""
        overridable = self.overridable if problem.overridable is None else problem.overridable
        severity = problem.severity or self.severity
        return Finding(
            code=self.id,
            severity=severity,
            owner=problem.owner or self.owner,
            message=problem.message,
            clears_when=problem.clears_when,
            evidence=problem.evidence,
            citation=self.source,
            overridable=overridable and severity is Severity.HOLD,
            look_again_on=problem.look_again_on,
        )


def _in_order(rule: Rule) -> tuple[int, str]:
    """D2 before D10."""
    return len(rule.id), rule.id


class Catalog(Generic[Facts]):
    """The checks of one gate, in the order of their ids whichever module declares them."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._checks: list[tuple[Rule, Callable[Facts, Iterable[Problem]]]] = []

    def declare(
        self,
        rule_id: str,
        title: str,
        what: str,
        *,
        why: str,
        severity: Severity,
        owner: Owner,
        source: str = PRACTICE_DEFAULT,
        overridable: bool = False,
    ) -> Rule:
        """A rule whose problems arise elsewhere (while coding, say), so that it is listed all the same."""
        rule = Rule(rule_id, title, what, why, severity, owner, source, overridable)
        self.rules.append(rule)
        self.rules.sort(key=_in_order)
        return rule

    def check(
        self,
        rule_id: str,
        title: str,
        *,
        why: str,
        severity: Severity,
        owner: Owner,
        source: str = PRACTICE_DEFAULT,
        overridable: bool = False,
    ) -> Callable[[Callable[Facts, Iterable[Problem]]], Callable[Facts, Iterable[Problem]]]:
        """Register a function as a check; its docstring says what it demands."""

        def register(function: Callable[Facts, Iterable[Problem]]) -> Callable[Facts, Iterable[Problem]]:
            what = " ".join((function.__doc__ or "").split())
            rule = self.declare(
                rule_id, title, what, why=why, severity=severity, owner=owner, source=source, overridable=overridable
            )
            self._checks.append((rule, function))
            self._checks.sort(key=lambda registered: _in_order(registered[0]))
            return function

        return register

    def findings(self, *facts: Facts.args, **named: Facts.kwargs) -> Iterator[Finding]:
        """Ask every check, in order."""
        for rule, function in self._checks:
            for problem in function(*facts, **named):
                yield rule.finding(problem)
