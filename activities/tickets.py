"""What a person is asked to do about an encounter, in words: builders of work items. They write nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from activities.clock import morning_of, practice_day
from billing.causes import cause_of
from billing.denials import explain_carc, explain_group, explain_rarc
from billing.desk import APPEAL_TO_SEND
from billing.findings import Finding, in_sentences
from billing.practice import DeskSettings
from billing.trace import finding_to_dict
from billing.vocabulary import Owner, Queue, Severity, Stage
from models.ids import encounter_workflow_id
from models.store.desk import Ticket
from models.tables.claims import AcknowledgementRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import AppealRow, DenialRow

QUEUE_OF_GATE = {
    Stage.DOCUMENTATION: Queue.DOCUMENTATION,
    Stage.AUTHORIZATION: Queue.AUTHORIZATION,
    Stage.SCRUB: Queue.SCRUB,
}
CHART_CHANGED = "chart_changed_after_billing"
CANCELLED_AFTER_BILLING = "cancelled_after_billing"
DECISION_WORDS = {
    "correct": "correct and file again",
    "appeal": "appeal",
    "write_off": "write off",
    "bill_patient": "bill the patient",
}
SEVERITY_ORDER = (Severity.BLOCK, Severity.HOLD, Severity.WARN, Severity.REPAIR)


def subject_of(encounter_id: UUID) -> str:
    """The name of an encounter's work item."""
    return f"encounter/{encounter_id}"


def in_one_line(clauses: Iterable[str]) -> str:
    """Several clauses as one sentence, each said once."""
    return "; ".join(dict.fromkeys(clause.rstrip(".") for clause in clauses))


def dollars(amount: Decimal) -> str:
    """An amount as people write it, the sign before the dollar."""
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def gravest(findings: Sequence[Finding]) -> Finding:
    """The finding that names the hold."""
    return min(findings, key=lambda finding: SEVERITY_ORDER.index(finding.severity))


def ticket(
    row: EncounterRow,
    queue: Queue,
    kind: str,
    findings: Sequence[Finding],
    amount: Decimal,
    due_at: datetime,
    *,
    denial_id: UUID | None = None,
) -> Ticket:
    """An encounter's work item saying what was found."""
    cause = cause_of(queue, findings, str(row.clinician_id), str(row.plan_id))
    return Ticket(
        subject=subject_of(row.id),
        queue=queue.value,
        kind=kind,
        workflow_id=encounter_workflow_id(row.id, row.life),
        encounter_id=row.id,
        clinician_id=row.clinician_id,
        denial_id=denial_id,
        reason=in_sentences(finding.message for finding in findings),
        clears_when=in_one_line(finding.clears_when for finding in findings),
        whose_move=gravest(findings).owner.value,
        findings=[finding_to_dict(finding) for finding in findings],
        amount=amount,
        due_at=due_at,
        cause=cause.key if cause else None,
    )


def gate_hold(
    row: EncounterRow, gate: Stage, findings: Sequence[Finding], charge: Decimal, desk: DeskSettings, now: datetime
) -> Ticket:
    """A visit that does not pass a gate."""
    due_at = now + timedelta(hours=desk.hold_due_hours)
    return ticket(row, QUEUE_OF_GATE[gate], f"{gate.value}_hold", findings, charge, due_at)


def chart_changed(
    row: EncounterRow, claim: ClaimVersionRow, differences: Sequence[str], desk: DeskSettings, now: datetime
) -> Ticket:
    """The chart changed after the claim left the building."""
    finding = Finding(
        code="D15",
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=f"The chart changed after the claim went out: {'; '.join(differences)}",
        clears_when="a biller corrects the claim, or keeps it as sent with a reason",
        evidence={"claim filed from version": str(claim.encounter_version), "chart is now at": str(row.version)},
    )
    due_at = now + timedelta(hours=desk.hold_due_hours)
    return ticket(row, Queue.SCRUB, CHART_CHANGED, [finding], claim.total_charge, due_at)


def cancelled_after_billing(
    row: EncounterRow, claim: ClaimVersionRow, obstacles: Sequence[str], desk: DeskSettings, now: datetime
) -> Ticket:
    """The chart cancelled the visit after its claim left. obstacles: why no void can be sent, each in a sentence."""
    message = "The visit was cancelled after the claim went out"
    if obstacles:
        message += f"; no void can be sent now: {in_one_line(obstacles)}"
    finding = Finding(
        code="D15",
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when="the claim is voided, the payer took it back by hand, or a biller keeps it with a reason",
        evidence={"claim": claim.patient_control_number, "it stands as": claim.status},
        citation="X12 005010X222A1 CLM05-3 = 8 with REF*F8",
    )
    due_at = now + timedelta(hours=desk.hold_due_hours)
    return ticket(row, Queue.SCRUB, CANCELLED_AFTER_BILLING, [finding], claim.total_charge, due_at)


def rejection(
    row: EncounterRow, claim: ClaimVersionRow, refusals: Sequence[AcknowledgementRow], desk: DeskSettings, now: datetime
) -> Ticket:
    """A claim refused on receipt: never adjudicated, so it is mended and filed again."""
    findings = [
        Finding(
            code=refusal.kind,
            severity=Severity.HOLD,
            owner=Owner.BILLER,
            message=refusal.message,
            clears_when="what was refused is corrected and the claim is filed again",
            evidence={"answer": f"{refusal.kind} {refusal.code}", "claim": claim.patient_control_number},
            citation="X12 005010X231A1 / X214: a rejected claim was never adjudicated",
        )
        for refusal in refusals
    ]
    due_at = now + timedelta(hours=desk.hold_due_hours)
    return ticket(
        row, Queue.REJECTIONS, "rejected_claim", findings or [_unexplained(claim)], claim.total_charge, due_at
    )


def _unexplained(claim: ClaimVersionRow) -> Finding:
    return Finding(
        code="REJECTED",
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message="The claim was refused on receipt, without a reason we could read",
        clears_when="the clearinghouse has said why, and the claim is filed again",
        evidence={"claim": claim.patient_control_number},
    )


def silence(row: EncounterRow, claim: ClaimVersionRow, kind: str, message: str, due_at: datetime) -> Ticket:
    """Nobody answers."""
    finding = Finding(
        code=kind,
        severity=Severity.HOLD,
        owner=Owner.PAYER,
        message=message,
        clears_when="an answer comes in, or a biller files the claim again or decides to wait",
        evidence={
            "claim": claim.patient_control_number,
            "sent": f"{claim.sent_at:%Y-%m-%d %H:%M} UTC" if claim.sent_at else "not yet",
        },
    )
    return ticket(row, Queue.FOLLOW_UP, kind, [finding], claim.total_charge, due_at)


def denial(
    row: EncounterRow,
    refused: DenialRow,
    desk: DeskSettings,
    practice: PracticeRow,
    now: datetime,
    proofs: Sequence[str] = (),
) -> Ticket:
    """A payer refused to pay. proofs: sentences on what is on file against it."""
    group, _, carc = refused.reason.partition("-")
    evidence = {
        "category": refused.category.replace("_", " "),
        "amount": dollars(refused.amount),
        "who bears it": explain_group(group),
    }
    evidence |= {code: explain_rarc(code) for code in refused.remark_codes}
    if proofs:
        evidence["proof on file"] = "; ".join(proofs)
    if refused.appeal_deadline:
        evidence["appeal until"] = refused.appeal_deadline.isoformat()
    choices = [DECISION_WORDS[key] for key in refused.decisions]
    told = " or ".join(filter(None, (", ".join(choices[:-1]), *choices[-1:])))
    finding = Finding(
        code=refused.reason,
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=f"Denied {refused.reason}: {explain_carc(carc)}",
        clears_when=f"a biller decides: {told}" if told else "a biller decides",
        evidence=evidence,
    )
    due_at = _routed_by(now, refused.appeal_deadline, desk, practice)
    return ticket(row, Queue.DENIALS, "denial", [finding], refused.amount, due_at, denial_id=refused.id)


def _routed_by(since: datetime, deadline: date | None, desk: DeskSettings, practice: PracticeRow) -> datetime:
    """When a person should have acted on a denial, never later than the morning of the appeal's deadline."""
    soon = since + timedelta(hours=desk.denial_routing_hours)
    return soon if deadline is None else min(soon, morning_of(deadline, practice.time_zone))


def appeal_to_send(
    row: EncounterRow, letter: AppealRow, refused: DenialRow, desk: DeskSettings, practice: PracticeRow, now: datetime
) -> Ticket:
    """An appeal's letter is drafted and has not left. Due as the denial was; from then on it is escalated."""
    deadline, zone = letter.deadline, practice.time_zone
    drafted_at = refused.decided_at or letter.created_at
    due_at = _routed_by(drafted_at, None if letter.late_because else deadline, desk, practice)
    message = "The appeal letter waits to be sent"
    evidence = {
        "denied": refused.reason,
        "amount": dollars(refused.amount),
        "drafted on": practice_day(drafted_at, zone).isoformat(),
        "the letter": "under Denial, to print or to copy",
    }
    if letter.late_because:
        message = "The appeal letter, late for good cause, waits to be sent"
        evidence |= {"deadline": f"{deadline}, passed", "good cause": letter.late_because}
    elif deadline is not None:
        evidence["must reach the payer by"] = deadline.isoformat()
        if practice_day(now, zone) > deadline:
            message = f"The appeal letter was not sent by its deadline, {deadline}"
            evidence["if it still goes"] = (
                "only a letter drafted now says why it is late: drop this one, then appeal again with good cause"
            )
    finding = Finding(
        code=APPEAL_TO_SEND,
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when="a biller notes when and how the letter was sent (and, if late, why), or drops the appeal",
        evidence=evidence,
    )
    asked = ticket(row, Queue.DENIALS, APPEAL_TO_SEND, [finding], refused.amount, due_at, denial_id=refused.id)
    return replace(asked, escalated=now >= due_at)


def balance(row: EncounterRow, owed: Decimal, message: str, kind: str, due_at: datetime) -> Ticket:
    """What the patient owes, or is owed."""
    finding = Finding(
        code=kind,
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when="the balance is zero: paid, written off, or returned",
        evidence={"balance": dollars(owed)},
    )
    return ticket(row, Queue.PATIENT_BALANCE, kind, [finding], abs(owed), due_at)
