"""When a payer allows less than the contract says: a person compares, asks the payer, or accepts it as it is."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.tickets import dollars, ticket
from billing.findings import Finding
from billing.payment import shortfall
from billing.vocabulary import Owner, Queue, Severity
from models.store import ledger
from models.store.book import book_of
from models.store.desk import Ticket
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow
from models.tables.remittances import DenialRow

KIND = "underpayment"
ACCEPTED = "underpayment.accepted"
FIRST = 1  # a later plan pays what is left, whatever its own contract would allow


class Shortfall(NamedTuple):
    """What contract and answer come to, plan and patient together, in dollars."""

    expected: Decimal
    answered: Decimal
    short: Decimal


def of_claim(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> Shortfall | None:
    """What the first plan's answer falls short by, unless somebody accepted it.

    A refusal is judged as a denial, so a claim that had one is left alone.
    """
    if session.get_one(ClaimRow, claim.claim_id).rank != FIRST:
        return None
    book = book_of(session, session.get_one(PracticeRow, row.practice_id))
    terms = book.plans[row.plan_id].terms_on(row.date_of_service)
    expected = _expected(claim)
    if terms is None or expected is None or row.disposition is not None:
        return None
    answered = _answered(session, row)
    short = shortfall(terms, (line["code"] for line in claim.coded["lines"]), expected, answered)
    if short is None or _refused(session, claim) or _accepted(session, row, short):
        return None
    return Shortfall(expected, answered, short)


def _expected(claim: ClaimVersionRow) -> Decimal | None:
    """What plan and patient should pay; None for a claim made before the patient's part was kept."""
    patient = claim.coded.get("expected_patient")
    return claim.expected_payment + Decimal(patient) if claim.expected_payment is not None and patient else None


def _answered(session: Session, row: EncounterRow) -> Decimal:
    """What the first plan's remittances brought in and left to the patient; one taken back counts for nothing."""
    accounts = (ledger.CASH, ledger.PATIENT_RECEIVABLE)
    return ledger.balance(session, row.id, accounts, payer_rank=FIRST, kinds=("remittance",))


def _refused(session: Session, claim: ClaimVersionRow) -> bool:
    return session.scalar(select(DenialRow.id).where(DenialRow.claim_version_id == claim.id).limit(1)) is not None


def _accepted(session: Session, row: EncounterRow, short: Decimal) -> bool:
    query = select(EventRow.id).where(
        EventRow.encounter_id == row.id, EventRow.kind == ACCEPTED, EventRow.detail["short"].astext == str(short)
    )
    return session.scalar(query.limit(1)) is not None


def underpayment_ticket(row: EncounterRow, claim: ClaimVersionRow, found: Shortfall, due_at: datetime) -> Ticket:
    """What the contract says, what the payer said, and the difference."""
    message = (
        f"The payer allowed {dollars(found.answered)} where the contract allows {dollars(found.expected)}: "
        f"{dollars(found.short)} short"
    )
    finding = Finding(
        code="UNDERPAID",
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when="the payer pays the rest, or somebody accepts the payment as it is",
        evidence={
            "our claim": claim.patient_control_number,
            "charged": dollars(claim.total_charge),
            "contract allows": dollars(found.expected),
            "payer allowed": dollars(found.answered),
        },
        citation="the plan's allowed_amounts and underpayment_tolerance",
    )
    return ticket(row, Queue.FOLLOW_UP, KIND, [finding], found.short, due_at)
