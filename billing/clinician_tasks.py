"""What a clinician is asked to do about a held visit: one thing, in the imperative; a page of them is a to-do list.

The words follow the documentation checks (docs/rules.md); a check without words of its own asks for what clears it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.findings import Finding
from billing.vocabulary import Owner, Severity

GRAVITY = (Severity.BLOCK, Severity.HOLD, Severity.WARN, Severity.REPAIR)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do. key: tasks of one kind share it; kind: their common heading; sentence: this one's."""

    key: str
    kind: str
    sentence: str


# check -> (heading, sentence with {day})
_WORDS: dict[str, tuple[str, str]] = {
    "D1": ("Sign the note", "Sign the note of {day}"),
    "D2": ("Give the diagnosis", "Give the primary diagnosis of {day}"),
    "D3": ("Put the minutes right", "Put the minutes of {day} right"),
    "D4": ("Enter start and stop times", "Enter the start and stop times of {day}"),
    "D5": ("Say who treated", "Say who treated on {day}, and who supervised"),
    "D7": ("Write the plan of care", "Write the plan of care in force on {day}"),
    "D8": ("Get the plan of care signed", "Get the plan of care of {day} signed by the referrer"),
    "D9": ("Renew the plan of care", "Renew the plan of care: {day} lies outside it"),
    "D10": ("Write the progress report", "Write the progress report due by {day}"),
    "D12": ("Add measures and goals", "Add a measure and a goal to the evaluation of {day}"),
    "D13": ("Say why you re-evaluated", "Say why a second evaluation was made on {day}"),
    "D14": ("Chart group or one-on-one", "Chart {day} as group or one-on-one, as it was"),
    "D16": ("Co-sign the note", "Co-sign the note of {day}"),
}
OTHER = "Look at the chart"


def task(findings: Sequence[Finding], day_of_service: date | None) -> Task:
    """The clinician's one thing to do: the gravest finding that is the clinician's move, else the gravest of all."""
    own = [finding for finding in findings if finding.owner is Owner.CLINICIAN] or list(findings)
    if not own:
        return Task("other", OTHER, f"Look at the chart of {in_words(day_of_service)}")
    gravest = min(own, key=lambda finding: GRAVITY.index(finding.severity))
    if gravest.code in _WORDS:
        kind, sentence = _WORDS[gravest.code]
        return Task(gravest.code, kind, sentence.format(day=in_words(day_of_service)))
    return Task(gravest.code, OTHER, f"{in_words(day_of_service)}: see that {gravest.clears_when.rstrip('.')}")


def in_words(day: date | None) -> str:
    """``March 2``, as one says it to a colleague; the year stands beside it on the page."""
    return f"{day:%B} {day.day}" if day else "this visit"
