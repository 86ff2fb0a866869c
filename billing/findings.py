"""One shape for every answer of a gate, an edit or a rule, so that one screen and one test style serve all."""

from dataclasses import dataclass, field
from datetime import date

from billing.vocabulary import Owner, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    code: stable id of the check (``D8``, ``S01``, ``A2`` ...), documented in docs/rules.md.
    evidence: the facts it rests on, as short label -> value pairs a biller can compare with the chart.
    clears_when: what has to become true for the next re-check to pass, in words.
    citation: the source of the rule with its year, or "practice default".
    look_again_on: a date on which the answer changes by itself (a deadline), if there is one.
    """

    code: str
    severity: Severity
    owner: Owner
    message: str
    clears_when: str
    evidence: dict[str, str] = field(default_factory=dict)
    citation: str = "practice default"
    overridable: bool = False
    look_again_on: date | None = None

    @property
    def stops(self) -> bool:
        """Whether the claim waits for this finding."""
        return self.severity in (Severity.HOLD, Severity.BLOCK)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of arithmetic or reasoning in words, e.g. ``total 40 min -> 3 units (38-52)``."""

    subject: str
    text: str


def stopping(findings: tuple[Finding, ...], overridden: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """The findings that hold the claim, less those a person has overridden where the check allows it."""
    return tuple(f for f in findings if f.stops and not (f.overridable and f.code in overridden))
