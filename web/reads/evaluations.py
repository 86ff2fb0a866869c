"""Why a visit stands where it does: its stored evaluations as sentences."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.encounters import EvaluationRow
from web import formats
from web.viewer import Viewer


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One line of reasoning."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation, as stored."""

    at: str
    gate: str
    rulebook: str
    hash: str
    expected: str
    steps: tuple[TraceStep, ...]


def of_visit(session: Session, viewer: Viewer, encounter_id: UUID) -> tuple[Evaluation, ...]:
    """The stored traces, newest first, as sentences."""
    found = session.scalars(
        select(EvaluationRow)
        .where(EvaluationRow.encounter_id == encounter_id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(20)
    )
    return tuple(
        Evaluation(
            at=formats.instant(row.created_at, viewer.zone),
            gate=formats.words(row.gate) if row.gate else "Nothing holds it",
            rulebook=row.rulebook_version,
            hash=row.sha256[:12],
            expected=formats.money(row.expected_payment),
            steps=tuple(_steps(row.trace)),
        )
        for row in found
    )


def _steps(trace: dict[str, Any]) -> list[TraceStep]:
    """What was found, gate by gate, then the arithmetic (billing.trace.to_dict)."""
    authorization = trace.get("authorization", {}).get("findings", [])
    gates = (
        ("Documentation", trace.get("documentation", [])),
        ("Authorization", authorization),
        ("Scrub", trace.get("scrub", [])),
    )
    told: list[TraceStep] = []
    for name, findings in gates:
        told.extend(
            TraceStep(name, f"{finding['code']}, {finding['severity']}: {finding['message']}") for finding in findings
        )
        if not findings:
            told.append(TraceStep(name, "nothing found"))
    told.extend(
        TraceStep(str(step["subject"]), _readable(str(step["text"])))
        for step in trace.get("steps", [])
        if not str(step["subject"]).startswith("rule ")  # each rule is told whole, below
    )
    told.extend(_rule_step(entry) for entry in trace.get("practice_rules", []))
    if trace.get("look_again_on"):
        told.append(TraceStep("Next look", f"on {trace['look_again_on']}, when a date alone may change the answer"))
    return told


def _readable(text: str) -> str:
    """The arithmetic with the signs of print; the stored text keeps to what every terminal shows."""
    return text.replace(" -> ", " → ").replace(" x ", " × ")


def _rule_step(entry: dict[str, Any]) -> TraceStep:
    """One of the practice's own rules: in which version, on which facts, what came of it."""
    came = entry["error"] and f"could not be evaluated ({entry['error']})"
    came = came or "; ".join((*entry["changes"], *entry["lost"])) or ("matched" if entry["matched"] else "no match")
    facts = ", ".join(f"{path} = {value or 'empty'}" for path, value in entry["facts"].items())
    return TraceStep(f"Rule {entry['rule']}", f"version {entry['version']}: {came}" + (f" [{facts}]" if facts else ""))
