"""The whole answer for a visit: all gates in order, every finding kept, the first that stops named."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from billing import authorization, benefits, coding, deadlines, documentation, rule_apply, scrub
from billing.authorization import AuthorizationChoice, Billed
from billing.coding import CodedClaim, CodedLine
from billing.context import VisitContext
from billing.encounter import Encounter
from billing.findings import Finding, Step, stopping
from billing.rule_apply import RuleTrace
from billing.vocabulary import Queue, Stage

RULEBOOK_VERSION = "2026.3"  # rises with every change of a rule or a table; stored with each evaluation


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules say of a visit today.

    gate: the first stage with findings that stop it, overrides considered; None when the claim may go out.
    scrub: findings about the claim, those of coding included.
    practice_rules: what each of the practice's own rules in scope did; their findings stand in their queues.
    look_again_on: the next day on which time alone may change the answer.
    """

    gate: Stage | None
    documentation: tuple[Finding, ...]
    authorization: AuthorizationChoice
    claim: CodedClaim
    scrub: tuple[Finding, ...]
    steps: tuple[Step, ...]
    look_again_on: date | None
    rulebook_version: str = RULEBOOK_VERSION
    practice_rules: tuple[RuleTrace, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, in the order of the gates."""
        return (*self.documentation, *self.authorization.findings, *self.scrub)


def _gate(gates: Iterable[tuple[Stage, tuple[Finding, ...]]], overridden: frozenset[str]) -> Stage | None:
    return next((stage for stage, findings in gates if stopping(findings, overridden)), None)


def _look_again(encounter: Encounter, context: VisitContext, findings: Iterable[Finding]) -> date | None:
    """The earliest day to come on which a deadline changes the answer, the filing guard among them."""
    terms = coding.terms_of(encounter, context)
    limit = deadlines.claim_limit(encounter.date_of_service, terms, corrects=context.corrects)
    guard = deadlines.filing_guard_opens_on(limit)
    days = {finding.look_again_on for finding in findings if finding.look_again_on is not None} | {guard}
    return min((day for day in days if day > context.today), default=None)


def evaluate(encounter: Encounter, context: VisitContext) -> Evaluation:
    """Ask documentation, authorization, and coding with scrub, in that order; keep what all of them found.

    The practice's own rules change the claim between coding and authorization, so that every check sees their work.
    """
    own = rule_apply.apply(context.practice_rules, encounter, context, coding.code_claim(encounter, context))
    claim = own.claim
    billed = [Billed(line.code, line.units, line.expected_allowed) for line in claim.lines]
    choice = authorization.choose(encounter, context, billed)
    limits = benefits.check(encounter, context, claim, choice)
    if choice.authorization_id is None and benefits.yields_to_an_authorization(limits):
        choice = authorization.extended(encounter, context, billed, choice)
        limits = benefits.check(encounter, context, claim, choice)
    found = {
        Queue.DOCUMENTATION: (*documentation.check(encounter, context), *own.findings[Queue.DOCUMENTATION]),
        Queue.AUTHORIZATION: (*choice.findings, *limits.findings, *own.findings[Queue.AUTHORIZATION]),
        Queue.SCRUB: (*claim.findings, *scrub.check(encounter, context, claim), *own.findings[Queue.SCRUB]),
    }
    found = rule_apply.routed(found, own.route)
    charted, scrubbed = found[Queue.DOCUMENTATION], found[Queue.SCRUB]
    choice = replace(choice, findings=found[Queue.AUTHORIZATION])
    gates = (
        (Stage.DOCUMENTATION, charted),
        (Stage.AUTHORIZATION, choice.findings),
        (Stage.SCRUB, scrubbed),
    )
    return Evaluation(
        gate=_gate(gates, context.overridden),
        documentation=charted,
        authorization=choice,
        claim=claim,
        scrub=scrubbed,
        steps=(*choice.steps, *limits.steps, *claim.steps, *own.steps),
        look_again_on=_look_again(encounter, context, (*charted, *choice.findings, *scrubbed)),
        practice_rules=own.trace,
    )


def _dollars(amount: Decimal) -> str:
    return f"{amount:.2f}"


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {
        "code": finding.code,
        "version": finding.version,
        "severity": finding.severity.value,
        "owner": finding.owner.value,
        "message": finding.message,
        "clears_when": finding.clears_when,
        "evidence": dict(finding.evidence),
        "citation": finding.citation,
        "overridable": finding.overridable,
        "look_again_on": finding.look_again_on.isoformat() if finding.look_again_on else None,
    }


def steps_to_list(steps: Iterable[Step]) -> list[dict[str, str]]:
    """Steps as plain data."""
    return [{"subject": step.subject, "text": step.text} for step in steps]


def _line_to_dict(line: CodedLine) -> dict[str, Any]:
    return {
        "line_number": line.line_number,
        "code": line.code,
        "modifiers": list(line.modifiers),
        "units": line.units,
        "charge": _dollars(line.charge),
        "diagnosis_pointers": list(line.diagnosis_pointers),
        "place_of_service": line.place_of_service,
        "description": line.description,
        "service_date": line.service_date.isoformat(),
        "expected_allowed": _dollars(line.expected_allowed),
        "expected_payment": _dollars(line.expected_payment),
    }


def claim_to_dict(claim: CodedClaim) -> dict[str, Any]:
    """A coded claim as plain data; dollars as text with two places."""
    return {
        "lines": [_line_to_dict(line) for line in claim.lines],
        "total_charge": _dollars(claim.total_charge),
        "expected_payment": _dollars(claim.expected_payment),
        "expected_patient": _dollars(claim.expected_patient),
        "place_of_service": claim.place_of_service,
        "diagnoses": list(claim.diagnoses),
        "timed_minutes": claim.unit_result.timed_minutes,
        "total_units": claim.unit_result.total_units,
        "ties": [list(tied) for tied in claim.unit_result.ties],
    }


def _rule_to_dict(entry: RuleTrace) -> dict[str, Any]:
    """One rule that ran: version, facts, what it changed, what it lost to a rule before it, why it failed."""
    return {
        "rule": entry.rule_id,
        "version": entry.version,
        "name": entry.name,
        "matched": entry.matched,
        "facts": entry.facts,
        "changes": list(entry.changes),
        "lost": list(entry.lost),
        "error": entry.error,
    }


def to_dict(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as data JSON can hold, with the steps in words."""
    choice = evaluation.authorization
    return {
        "rulebook_version": evaluation.rulebook_version,
        "gate": evaluation.gate.value if evaluation.gate else None,
        "look_again_on": evaluation.look_again_on.isoformat() if evaluation.look_again_on else None,
        "documentation": [finding_to_dict(finding) for finding in evaluation.documentation],
        "authorization": {
            "authorization_id": choice.authorization_id,
            "number": choice.number,
            "quantity": f"{choice.quantity:f}",
            "findings": [finding_to_dict(finding) for finding in choice.findings],
        },
        "claim": claim_to_dict(evaluation.claim),
        "scrub": [finding_to_dict(finding) for finding in evaluation.scrub],
        "steps": steps_to_list(evaluation.steps),
        "practice_rules": [_rule_to_dict(entry) for entry in evaluation.practice_rules],
    }
