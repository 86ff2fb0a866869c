"""The double-entry ledger: post once by business key, correct by counter-entry, read balances by summing."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.ids import new_id
from models.store.bulk import insert_all
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


class Posting(NamedTuple):
    """A transaction to be posted once under its business key. Legs of no money are left out."""

    business_key: str
    kind: str
    occurred_on: date
    legs: Legs
    encounter_id: UUID | None = None
    memo: str = ""
    payer_rank: int = 1  # which of the patient's plans it is about; 1 also for what is about none


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
    payer_rank: int = 1,
) -> bool:
    """Post a balanced transaction unless its key was posted before. Returns whether it was posted now.

    Raises ValueError when the legs do not sum to zero; the database would refuse them as well.
    """
    posting = Posting(business_key, kind, occurred_on, legs, encounter_id, memo, payer_rank)
    return bool(post_all(session, practice_id, [posting]))


def post_all(session: Session, practice_id: UUID, postings: Sequence[Posting]) -> int:
    """Post many transactions in two statements. Returns how many were not posted before.

    Raises ValueError when the legs of one do not sum to zero.
    """
    legs_of = {posting.business_key: _legs(posting) for posting in postings}
    rows = [
        {
            "id": new_id(),
            "practice_id": practice_id,
            "business_key": posting.business_key,
            "kind": posting.kind,
            "occurred_on": posting.occurred_on,
            "encounter_id": posting.encounter_id,
            "memo": posting.memo,
            "payer_rank": posting.payer_rank,
        }
        for posting in postings
        if legs_of[posting.business_key]
    ]
    once = "ON CONFLICT (practice_id, business_key) DO NOTHING"
    posted = insert_all(session, LedgerTransactionRow, rows, on_conflict=once, returning="id")
    entries = [
        {
            "id": new_id(),
            "practice_id": practice_id,
            "transaction_id": row["id"],
            "encounter_id": row["encounter_id"],
            "account": account,
            "amount": amount,
        }
        for row in rows
        if row["id"] in posted
        for account, amount in legs_of[str(row["business_key"])]
    ]
    insert_all(session, LedgerEntryRow, entries)
    return len(posted)


def _legs(posting: Posting) -> Legs:
    legs = [(account, amount) for account, amount in posting.legs if amount != 0]
    if sum((amount for _, amount in legs), ZERO) != 0:
        raise ValueError(f"{posting.kind}: debits and credits differ by {sum(amount for _, amount in legs)}")
    return legs


def balance(
    session: Session,
    encounter_id: UUID,
    account: str | tuple[str, ...],
    *,
    payer_rank: int | None = None,
    kinds: Sequence[str] = (),
) -> Decimal:
    """What an account, or several, hold of an encounter, in dollars; a receivable above zero is still owed.

    payer_rank: only what is about that plan. kinds: only transactions of these kinds.
    """
    session.flush()
    accounts = (account,) if isinstance(account, str) else account
    query = select(func.sum(LedgerEntryRow.amount)).where(
        LedgerEntryRow.encounter_id == encounter_id, LedgerEntryRow.account.in_(accounts)
    )
    if payer_rank is not None or kinds:
        query = query.join(LedgerTransactionRow, LedgerTransactionRow.id == LedgerEntryRow.transaction_id)
    if payer_rank is not None:
        query = query.where(LedgerTransactionRow.payer_rank == payer_rank)
    if kinds:
        query = query.where(LedgerTransactionRow.kind.in_(kinds))
    return session.scalar(query) or ZERO


def legs_of(session: Session, practice_id: UUID, business_key: str) -> Legs:
    """What a transaction moved, by its key; nothing when it was never posted."""
    session.flush()
    found = session.execute(
        select(LedgerEntryRow.account, LedgerEntryRow.amount)
        .join(LedgerTransactionRow, LedgerTransactionRow.id == LedgerEntryRow.transaction_id)
        .where(LedgerTransactionRow.practice_id == practice_id, LedgerTransactionRow.business_key == business_key)
    )
    return [(account, amount) for account, amount in found]
