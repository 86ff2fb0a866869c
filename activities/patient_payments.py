"""Taking in payments of patients, as the payment system tells of them. Each is one transaction, once by its id."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from activities import receiving
from activities.intake import find
from activities.nudges import reopen
from activities.receiving import Arrival, FieldError, Kind, RefusedError
from billing.encounter import Dollars, Identifier, Record
from models.store import ledger
from models.store.life import record
from models.tables.encounters import EncounterRow


class PatientPayment(Record):
    """Money a patient paid after the visit, as the desk's payment system tells it."""

    payment_id: Identifier = Field(description="The sender's own id of the payment; the same id is the same payment.")
    encounter_id: Identifier
    amount: Dollars = Field(gt=0)
    received_on: date


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """What became of one payment. status: posted | unchanged | refused."""

    payment_id: str
    status: str
    errors: tuple[FieldError, ...] = ()


def receive_payments(engine: Engine, practice_id: UUID, source: str, payloads: Iterable[Any]) -> list[PaymentResult]:
    """Post patient payments, each once by its id; a bad one is refused and the others are kept."""
    return PAYMENTS.receive(engine, practice_id, source, payloads)


def _refused(named: str, _version: int | None, errors: tuple[FieldError, ...]) -> PaymentResult:
    return PaymentResult(named, receiving.REFUSED, errors)


def _keep(arrival: Arrival[PatientPayment]) -> PaymentResult:
    payment, source = arrival.sent, arrival.source
    row = find(arrival.session, arrival.practice_id, payment.encounter_id)
    if row is None:
        message = "no such visit was received; send the visit first, or correct the id"
        raise RefusedError(FieldError("encounter_id", message))
    key = f"payment/{source}/{payment.payment_id}"
    posted = post_patient_payment(arrival.session, row, key, payment.amount, payment.received_on, source)
    return PaymentResult(payment.payment_id, "posted" if posted else "unchanged")


def post_patient_payment(
    session: Session, row: EncounterRow, key: str, amount: Decimal, received_on: date, actor: str
) -> bool:
    """Cash in, patient's debt down; the encounter is told to look again. Returns whether it was posted now."""
    legs = [(ledger.CASH, amount), (ledger.PATIENT_RECEIVABLE, -amount)]
    posted = ledger.post(
        session, row.practice_id, key, "patient_payment", received_on, legs, encounter_id=row.id, memo="Patient payment"
    )
    if posted:
        summary = f"Patient paid ${amount}"
        record(session, row.practice_id, "patient.paid", summary, encounter_id=row.id, actor=actor)
        reopen(session, row, keep_disposition=True)  # a closed visit now has a credit somebody must return
    return posted


PAYMENTS = Kind(PatientPayment, "payment_id", _keep, _refused)
