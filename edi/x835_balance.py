"""Whether an 835 adds up, level by level, and if not: which claim, which line, by how much."""

from __future__ import annotations

from decimal import Decimal

from edi.findings import WARN, Problem
from edi.values import ZERO
from edi.x835_records import Remittance, RemittanceClaim, RemittanceLine


def balance(remittance: Remittance) -> list[Problem]:
    """Every level of the 835's arithmetic that does not hold (005010X221A1 section 1.10.2); empty when it all adds up.

    Errors: service, claim, sum of lines, transaction. Warning only: the patient's share.
    """
    problems: list[Problem] = []
    for claim in remittance.claims:
        problems += balance_claim(claim)
    return problems + balance_transaction(remittance)


def balance_claim(claim: RemittanceClaim) -> list[Problem]:
    """The service and claim levels of one claim: charge less adjustments is the payment."""
    problems: list[Problem] = []
    line_charges = line_adjusted = share = ZERO
    for line in claim.lines:
        adjusted = ZERO
        for adjustment in line.adjustments:
            adjusted += adjustment.amount
            if adjustment.group_code == "PR":
                share += adjustment.amount
        if line.charge - adjusted != line.paid:
            problems.append(_line_problem(claim, line, adjusted))
        line_charges += line.charge
        line_adjusted += adjusted
    claim_adjusted = ZERO
    for adjustment in claim.adjustments:
        claim_adjusted += adjustment.amount
        if adjustment.group_code == "PR":
            share += adjustment.amount
    if claim.lines and line_charges != claim.charge:
        problems.append(_lines_problem(claim, line_charges))
    if claim.charge - claim_adjusted - line_adjusted != claim.paid:
        problems.append(_claim_problem(claim, claim_adjusted + line_adjusted))
    if share != claim.patient_responsibility and not (claim.is_reversal and not claim.patient_responsibility):
        problems.append(_share_problem(claim, share))
    return problems


def _line_problem(claim: RemittanceClaim, line: RemittanceLine, adjusted: Decimal) -> Problem:
    off = line.charge - adjusted - line.paid
    service = " ".join((line.procedure_code, *line.modifiers))
    message = (
        f"Claim {claim.patient_control_number}, line {service}: charge {line.charge} less adjustments {adjusted} is "
        f"{line.charge - adjusted}, but the line says {line.paid} was paid: off by {off}."
    )
    return Problem("SERVICE_BALANCE", message, line.segment_number, "SVC", claim.patient_control_number, off)


def _lines_problem(claim: RemittanceClaim, line_charges: Decimal) -> Problem:
    off = claim.charge - line_charges
    message = (
        f"Claim {claim.patient_control_number}: the lines charge {line_charges} together, but the claim says "
        f"{claim.charge}: off by {off}."
    )
    return Problem("LINES_TOTAL", message, claim.segment_number, "CLP", claim.patient_control_number, off)


def _claim_problem(claim: RemittanceClaim, adjusted: Decimal) -> Problem:
    off = claim.charge - adjusted - claim.paid
    message = (
        f"Claim {claim.patient_control_number}: charge {claim.charge} less all adjustments {adjusted} is "
        f"{claim.charge - adjusted}, but the claim says {claim.paid} was paid: off by {off}."
    )
    return Problem("CLAIM_BALANCE", message, claim.segment_number, "CLP", claim.patient_control_number, off)


def _share_problem(claim: RemittanceClaim, share: Decimal) -> Problem:
    off = claim.patient_responsibility - share
    message = (
        f"Claim {claim.patient_control_number}: the patient's share is {claim.patient_responsibility}, but the PR "
        f"adjustments add up to {share}: off by {off}."
    )
    number, pcn = claim.segment_number, claim.patient_control_number
    return Problem("PATIENT_RESPONSIBILITY", message, number, "CLP", pcn, off, WARN)


def balance_transaction(remittance: Remittance) -> list[Problem]:
    """The transaction level: the payment is the sum of the claims less the provider adjustments, and never below zero.

    What a payer could not take back it carries forward as a provider adjustment, PLB FB (005010X221A1).
    """
    paid = sum((claim.paid for claim in remittance.claims), ZERO) if remittance.claims else remittance.claims_paid
    withheld = sum((adjustment.amount for adjustment in remittance.provider_adjustments), ZERO)
    payment = remittance.payment_amount
    off = payment - (paid - withheld)
    if not off or (remittance.credit_debit == "D" and payment == withheld - paid):
        return [_negative_problem(remittance)] if payment < 0 else []
    message = (
        f"Payment {remittance.trace_number or '(no trace number)'}: claims pay {paid}, provider adjustments take "
        f"{withheld}, which is {paid - withheld}, but the payment is {payment}: off by {off}."
    )
    return [Problem("TRANSACTION_BALANCE", message, remittance.segment_number, "BPR", "", off)]


def _negative_problem(remittance: Remittance) -> Problem:
    message = (
        f"Payment {remittance.trace_number or '(no trace number)'} is {remittance.payment_amount}: a payment is never "
        "below zero; what could not be taken back is carried forward (PLB FB)."
    )
    number, amount = remittance.segment_number, remittance.payment_amount
    return Problem("NEGATIVE_PAYMENT", message, number, "BPR", "", amount)
