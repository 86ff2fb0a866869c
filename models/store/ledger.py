"""The double-entry ledger: post once by business key, correct by counter-entry, read balances by summing."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.ids import new_id
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow

PAYER_RECEIVABLE = "payer_receivable"
PATIENT_RECEIVABLE = "patient_receivable"
REVENUE = "revenue"
CASH = "cash"
CONTRACTUAL_ADJUSTMENT = "contractual_adjustment"
WRITE_OFF = "write_off"
PROVIDER_ADJUSTMENT = "provider_adjustment"

ZERO = Decimal("0.00")
Legs = Sequence[tuple[str, Decimal]]  # (account, amount): positive is debit, negative is credit


def post(
    session: Session,
    practice_id: UUID,
    business_key: str,
    kind: str,
    occurred_on: date,
    legs: Legs,
    *,
    encounter_id: UUID | None = None,
    memo: str = "",
) -> bool:
    """Post a balanced transaction unless its key was posted before. Returns whether it was posted now.

    Raises ValueError when the legs do not sum to zero; the database would refuse them as well.
    """
    legs = [(account, amount) for account, amount in legs if amount != 0]
    if sum((amount for _, amount in legs), ZERO) != 0:
        raise ValueError(f"{kind}: debits and credits differ by {sum(amount for _, amount in legs)}")
    if not legs:
        return False
    transaction_id = session.scalar(
        insert(LedgerTransactionRow)
        .values(
            id=new_id(),
            practice_id=practice_id,
            business_key=business_key,
            kind=kind,
            occurred_on=occurred_on,
            encounter_id=encounter_id,
            memo=memo,
        )
        .on_conflict_do_nothing(index_elements=["practice_id", "business_key"])
        .returning(LedgerTransactionRow.id)
    )
    if transaction_id is None:
        return False
    session.add_all(
        LedgerEntryRow(
            practice_id=practice_id,
            transaction_id=transaction_id,
            encounter_id=encounter_id,
            account=account,
            amount=amount,
        )
        for account, amount in legs
    )
    return True


def balance(session: Session, encounter_id: UUID, account: str) -> Decimal:
    """What an account holds of an encounter, in dollars; a receivable above zero is still owed."""
    session.flush()
    total = session.scalar(
        select(func.sum(LedgerEntryRow.amount)).where(
            LedgerEntryRow.encounter_id == encounter_id, LedgerEntryRow.account == account
        )
    )
    return total or ZERO
