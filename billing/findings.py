"""One shape for every answer of a gate, an edit or a rule, so that one screen and one test style serve all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from billing.vocabulary import Owner, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    code: stable id of the check (``D8``, ``S01``, ``A2`` ...), documented in docs/rules.md.
    evidence: the facts it rests on, as short label -> value pairs a biller can compare with the chart.
    clears_when: what has to become true for the next re-check to pass, in words.
    citation: the source of the rule with its year, or "practice default".
    look_again_on: a date on which the answer changes by itself (a deadline), if there is one.
    version: of the practice's own rule that found it; 0 for a built-in check.
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
    version: int = 0

    @property
    def key(self) -> str:
        """What an override passes over: a built-in check, or this version of a practice's own rule."""
        return f"{self.code}@{self.version}" if self.version else self.code

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
    return tuple(f for f in findings if f.stops and not (f.overridable and f.key in overridden))


def finding_of(stored: Mapping[str, Any]) -> Finding:
    """A stored finding (billing.trace.finding_to_dict) as it was; what an older version did not store stays usual."""
    look_again_on = stored.get("look_again_on")
    return Finding(
        code=str(stored.get("code", "")),
        severity=Severity(stored.get("severity", Severity.HOLD)),
        owner=Owner(stored.get("owner", Owner.BILLER)),
        message=str(stored.get("message", "")),
        clears_when=str(stored.get("clears_when", "")),
        evidence={str(label): str(value) for label, value in (stored.get("evidence") or {}).items()},
        citation=str(stored.get("citation", "practice default")),
        overridable=bool(stored.get("overridable", False)),
        look_again_on=date.fromisoformat(look_again_on) if look_again_on else None,
        version=int(stored.get("version", 0)),
    )


def in_sentences(messages: Iterable[str]) -> str:
    """Several messages as sentences, each said once; a single one as a heading, without its period."""
    said = list(dict.fromkeys(message.rstrip(".") for message in messages))
    return " ".join(f"{_begun(one)}." for one in said) if len(said) > 1 else "".join(said)


def _begun(sentence: str) -> str:
    """With a capital, unless it begins with a name such as that of a file."""
    first, space, rest = sentence.partition(" ")
    return f"{first[:1].upper()}{first[1:]}{space}{rest}" if first.isalpha() else sentence
