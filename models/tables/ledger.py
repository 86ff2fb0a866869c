"""Double entry, append-only: every transaction's entries sum to zero (a deferred trigger refuses any other)."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class LedgerTransactionRow(OfPractice, Base):
    """Something that moved money, named by a business key so that it is posted once.

    payer_rank: which of the patient's plans it is about (1 pays first); with the visit's claim of that rank it tells
    which payer a receivable is owed by.
    """

    __tablename__ = "ledger_transactions"
    __table_args__ = (UniqueConstraint("practice_id", "business_key"),)
    business_key: Mapped[str]
    kind: Mapped[str]
    occurred_on: Mapped[date]
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"), index=True)
    memo: Mapped[str]
    payer_rank: Mapped[int] = mapped_column(default=1)


class LedgerEntryRow(OfPractice, Base):
    """One leg: positive is debit, negative is credit."""

    __tablename__ = "ledger_entries"
    __table_args__ = (Index("ix_ledger_entries_encounter_account", "encounter_id", "account"),)
    transaction_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_transactions.id"), index=True)
    encounter_id: Mapped[UUID | None]
    account: Mapped[str]
    amount: Mapped[Decimal]
