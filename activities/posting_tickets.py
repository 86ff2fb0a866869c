"""What a person is asked to do about a file or a remittance, in words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.causes import FILE, Cause
from billing.deadlines import post_by
from billing.findings import Finding, in_sentences
from billing.trace import finding_to_dict
from billing.vocabulary import Owner, Queue, Severity
from models.ids import file_workflow_id
from models.store.desk import Ticket
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow

SHOWN_PROBLEMS_MAX = 20


def _ticket(
    subject: str,
    kind: str,
    file: InboundFileRow,
    findings: Sequence[Finding],
    amount: Decimal,
    now: datetime,
    claim: RemittanceClaimRow | None = None,
) -> Ticket:
    return Ticket(
        subject=subject,
        queue=Queue.POSTING.value,
        kind=kind,
        workflow_id=file_workflow_id(file.id),
        inbound_file_id=file.id,
        remittance_claim_id=claim.id if claim else None,
        reason=in_sentences(finding.message for finding in findings),
        clears_when=findings[0].clears_when,
        whose_move=Owner.BILLER.value,
        findings=[finding_to_dict(finding) for finding in findings],
        amount=amount,
        due_at=post_by(now),
        cause=Cause(findings[0].code, FILE, str(file.id)).key,
    )


def _finding(code: str, message: str, clears_when: str, evidence: dict[str, str]) -> Finding:
    return Finding(
        code=code,
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when=clears_when,
        evidence=evidence,
    )


def file_subject(file: InboundFileRow) -> str:
    """What an item about a whole file is about."""
    return f"file/{file.id}"


def file_ticket(file: InboundFileRow, problems: Sequence[str], now: datetime) -> Ticket:
    """A file that could not be read, or that answers what we never asked."""
    clears = "somebody has asked the sender for a good file, or has seen that nothing is missing"
    findings = [
        _finding("FILE", f"{file.file_name}: {problem}", clears, {"kind": file.kind, "bytes": str(file.size_bytes)})
        for problem in problems[:SHOWN_PROBLEMS_MAX]
    ]
    return _ticket(file_subject(file), "file_problem", file, findings, Decimal("0.00"), now)


def remittance_subject(remittance: RemittanceRow) -> str:
    """What an item about a whole remittance is about."""
    return f"remittance/{remittance.id}"


def unbalanced_ticket(file: InboundFileRow, remittance: RemittanceRow, now: datetime) -> Ticket:
    """A remittance that does not add up: nothing of it is posted."""
    clears = "the payer sends it right, or somebody posts it as it is, with a reason"
    findings = [
        _finding("BALANCE", str(problem["message"]), clears, {"trace": remittance.trace_number})
        for problem in remittance.problems[:SHOWN_PROBLEMS_MAX]
    ]
    amount = remittance.payment_amount
    return _ticket(remittance_subject(remittance), "unbalanced_remittance", file, findings, amount, now)


def duplicate_ticket(file: InboundFileRow, remittance: RemittanceRow, now: datetime) -> Ticket:
    """A payment that came before: nothing of it is posted."""
    message = (
        f"Payment {remittance.trace_number} of ${remittance.payment_amount:,.2f} came before; nothing was posted again"
    )
    finding = _finding("DUPLICATE", message, "somebody has seen it", {"payer": remittance.payer_name})
    subject = remittance_subject(remittance)
    return _ticket(subject, "duplicate_remittance", file, [finding], remittance.payment_amount, now)


def copy_ticket(file: InboundFileRow, copy_id: UUID, name: str, now: datetime) -> Ticket:
    """The very same bytes came again: they were not even read."""
    message = f"{name} has the same bytes as {file.file_name}, which was read before; nothing was posted again"
    finding = _finding("DUPLICATE", message, "somebody has seen it", {"first came as": file.file_name})
    ticket = _ticket(f"copy/{copy_id}", "duplicate_remittance", file, [finding], Decimal("0.00"), now)
    return replace(ticket, workflow_id=file_workflow_id(copy_id))


def unmatched_ticket(file: InboundFileRow, claim: RemittanceClaimRow, now: datetime) -> Ticket:
    """A paid or denied claim we cannot find."""
    message = f"Claim number {claim.patient_control_number or '(none)'} of the remittance is not one of ours"
    evidence = {
        "charge": f"${claim.charge:,.2f}",
        "paid": f"${claim.paid:,.2f}",
        "payer's number": claim.payer_claim_control_number,
    }
    finding = _finding("UNMATCHED", message, "somebody names the claim it belongs to, or dismisses it", evidence)
    return _ticket(f"remittance-claim/{claim.id}", "unmatched_claim", file, [finding], claim.paid, now, claim)
