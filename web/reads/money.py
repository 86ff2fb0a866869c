"""The ledger of a visit, line by line, with what payer and patient owe after each."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.denials import explain_carc
from models.store.ledger import PATIENT_RECEIVABLE, PAYER_RECEIVABLE
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from models.tables.remittances import AdjustmentRow, RemittanceClaimRow
from web import formats
from web.reads.claims import ORDINALS


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One ledger transaction with what it leaves owed."""

    day: str
    what: str
    memo: str
    payer_change: str
    patient_change: str
    payer_owes: str
    patient_owes: str
    legs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Why a payer paid less, as it said so."""

    code: str
    meaning: str
    amount: str
    line: str
    remarks: str


@dataclass(frozen=True, slots=True)
class MoneyPart:
    """The ledger of the visit."""

    lines: tuple[MoneyLine, ...]
    payer_owes: str
    patient_owes: str
    adjustments: tuple[Adjusted, ...]


def of_visit(session: Session, encounter_id: UUID) -> MoneyPart:
    """The ledger with what payer and patient owe after each line."""
    found = session.execute(
        select(LedgerTransactionRow, LedgerEntryRow)
        .join(LedgerEntryRow, LedgerEntryRow.transaction_id == LedgerTransactionRow.id)
        .where(LedgerEntryRow.encounter_id == encounter_id)
        .order_by(
            LedgerTransactionRow.occurred_on,
            LedgerTransactionRow.created_at,
            LedgerTransactionRow.id,
            LedgerEntryRow.amount.desc(),
        )
    )
    payer = patient = Decimal("0.00")
    lines: list[MoneyLine] = []
    for transaction, entries in groupby(found, key=lambda pair: pair[0]):
        legs = [entry for _, entry in entries]
        payer_change = _sum(legs, PAYER_RECEIVABLE)
        patient_change = _sum(legs, PATIENT_RECEIVABLE)
        payer, patient = payer + payer_change, patient + patient_change
        lines.append(
            MoneyLine(
                day=formats.day(transaction.occurred_on),
                what=formats.words(transaction.kind)
                + ("" if transaction.payer_rank == 1 else _of(transaction.payer_rank)),
                memo=transaction.memo,
                payer_change=formats.money(payer_change) if payer_change else "",
                patient_change=formats.money(patient_change) if patient_change else "",
                payer_owes=formats.money(payer),
                patient_owes=formats.money(patient),
                legs=tuple((formats.words(leg.account), formats.money(leg.amount)) for leg in legs),
            )
        )
    return MoneyPart(tuple(lines), formats.money(payer), formats.money(patient), _adjustments(session, encounter_id))


def _of(rank: int) -> str:
    return f" ({ORDINALS.get(rank, rank)})"


def _sum(legs: list[LedgerEntryRow], account: str) -> Decimal:
    return sum((leg.amount for leg in legs if leg.account == account), Decimal("0.00"))


def _adjustments(session: Session, encounter_id: UUID) -> tuple[Adjusted, ...]:
    found = session.scalars(
        select(AdjustmentRow)
        .join(RemittanceClaimRow, RemittanceClaimRow.id == AdjustmentRow.remittance_claim_id)
        .where(RemittanceClaimRow.encounter_id == encounter_id)
        .order_by(AdjustmentRow.created_at, AdjustmentRow.line_control_number)
        .limit(200)
    )
    return tuple(
        Adjusted(
            code=f"{row.claim_adjustment_group_code}-{row.claim_adjustment_reason_code}",
            amount=formats.money(row.amount),
            meaning=explain_carc(row.claim_adjustment_reason_code),
            line=row.procedure_code or "whole claim",
            remarks=", ".join(row.remark_codes),
        )
        for row in found
    )
