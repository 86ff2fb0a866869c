"""When the patient has a second plan: what the primary left is the second plan's to answer before it is the patient's.

Firstpass files with the first plan only. A claim the primary passed on (crossover) is waited for; otherwise a person
bills the second plan, told what it needs, and says when the patient owes the rest after all.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from activities.tickets import dollars, ticket
from billing.findings import Finding
from billing.vocabulary import Owner, Queue, Severity
from edi.x835 import REVERSAL, RemittanceClaim
from models.store.book import Book
from models.store.desk import Ticket
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.remittances import AdjustmentRow, RemittanceClaimRow

KIND = "secondary_coverage"
PATIENT_OWES = "secondary.patient_owes"
CROSSOVER_WAIT = timedelta(days=30)  # a forwarded claim is answered within 30 days as a rule (domain.md 8.2)
SECONDARY = ("2", "3", "20", "21")  # CLP02: processed as secondary or tertiary, forwarded or not


class Share(NamedTuple):
    """What the primary left to the patient, who has a second plan that has not answered."""

    answer: RemittanceClaimRow
    coverage: Mapping[str, Any]
    adjustments: tuple[str, ...]

    @property
    def crossover(self) -> bool:
        """Whether the primary passed the claim on."""
        return bool(self.answer.content.get("crossover"))

    @property
    def waits_until(self) -> datetime | None:
        """Before that day nobody need look."""
        return self.answer.created_at + CROSSOVER_WAIT if self.crossover else None


def primary_answer(session: Session, claim: ClaimVersionRow) -> RemittanceClaimRow | None:
    """The first plan's last word on a claim, if it left the patient a share."""
    last = session.scalars(
        select(RemittanceClaimRow)
        .where(
            RemittanceClaimRow.claim_version_id == claim.id,
            RemittanceClaimRow.status == "posted",
            RemittanceClaimRow.status_code.not_in(SECONDARY),
            RemittanceClaimRow.payer_claim_control_number.not_in(_second_plans_numbers(claim)),
        )
        .order_by(RemittanceClaimRow.created_at.desc(), RemittanceClaimRow.ordinal.desc())
        .limit(1)
    ).one_or_none()
    return last if last is not None and last.status_code != REVERSAL and last.patient_responsibility > 0 else None


def _second_plans_numbers(claim: ClaimVersionRow) -> Select[str]:
    return select(RemittanceClaimRow.payer_claim_control_number).where(
        RemittanceClaimRow.claim_version_id == claim.id,
        RemittanceClaimRow.status == "posted",
        RemittanceClaimRow.status_code.in_(SECONDARY),
        RemittanceClaimRow.payer_claim_control_number != "",
    )


def answers_for_second_plan(session: Session, claim: ClaimVersionRow, said: RemittanceClaim) -> bool:
    """Whether a payer speaks as the second plan: after the first one's word, or to take its own back."""
    if said.status_code in SECONDARY:
        return primary_answer(session, claim) is not None
    if not said.is_reversal:
        return False
    numbers = _second_plans_numbers(claim).where(
        RemittanceClaimRow.payer_claim_control_number == said.payer_claim_control_number
    )
    return session.scalar(numbers.limit(1)) is not None


def share(session: Session, row: EncounterRow, claim: ClaimVersionRow | None) -> Share | None:
    """What a second plan has still to answer for; None where there is none, it answered, or a person decided."""
    if claim is None or row.disposition is not None:
        return None
    coverages = claim.facts["administrative"]["coverages"]
    second = next((coverage for coverage in coverages if coverage["rank"] == 2), None)
    answer = primary_answer(session, claim) if second is not None else None
    if second is None or answer is None or _answered(session, claim) or _decided(session, row, answer):
        return None
    left = session.execute(
        select(AdjustmentRow.claim_adjustment_reason_code, func.sum(AdjustmentRow.amount))
        .where(AdjustmentRow.remittance_claim_id == answer.id, AdjustmentRow.claim_adjustment_group_code == "PR")
        .group_by(AdjustmentRow.claim_adjustment_reason_code)
        .order_by(AdjustmentRow.claim_adjustment_reason_code)
    )
    return Share(answer, second, tuple(f"PR-{reason} {dollars(amount)}" for reason, amount in left))


def _answered(session: Session, claim: ClaimVersionRow) -> bool:
    query = select(RemittanceClaimRow.id).where(
        RemittanceClaimRow.claim_version_id == claim.id,
        RemittanceClaimRow.status == "posted",
        RemittanceClaimRow.status_code.in_(SECONDARY),
    )
    return session.scalar(query.limit(1)) is not None


def _decided(session: Session, row: EncounterRow, answer: RemittanceClaimRow) -> bool:
    query = select(EventRow.id).where(
        EventRow.encounter_id == row.id,
        EventRow.kind == PATIENT_OWES,
        EventRow.detail["remittance_claim"].astext == str(answer.id),
    )
    return session.scalar(query.limit(1)) is not None


def secondary_ticket(row: EncounterRow, left: Share, book: Book, due_at: datetime) -> Ticket:
    """What the second plan should be billed, and with which of the primary's figures."""
    answer, second = left.answer, left.coverage
    plan = book.plan_ids.get(second["plan_id"])
    payer = book.plans[plan].payer_name if plan else second["plan_id"]
    amount = dollars(answer.patient_responsibility)
    message = (
        f"The first plan passed the claim on to {payer}, which has not answered on the {amount} it left"
        if left.crossover
        else f"The first plan left {amount}; the patient's second plan, {payer}, should be billed for it"
    )
    evidence = {
        "second plan": f"{payer}, member {second['member_id']}",
        "first plan's number": answer.payer_claim_control_number,
        "charged": dollars(answer.charge),
        "first plan paid": dollars(answer.paid),
        "left to the patient": ", ".join(left.adjustments) or amount,
    }
    finding = Finding(
        code="COB",
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when="the second plan's remittance comes in, or a biller says that the patient owes it",
        evidence=evidence,
        citation="X12 005010X222A1 loops 2320, 2330, 2430",
    )
    return ticket(row, Queue.FOLLOW_UP, KIND, [finding], answer.patient_responsibility, due_at)
