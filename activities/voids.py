"""Taking back claims of a visit that was cancelled after it was billed: frequency 8 with the payer's number, sent once.

The payer answers with a reversal (CLP02 22), which posts like any other; then the visit closes as cancelled. Where a
plan takes no voids (Medicare Part B), or never answers one, a person has it taken back by hand and says so.
"""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities import claims, secondary
from billing.vocabulary import Stage
from models.store import ledger
from models.store.book import Book
from models.store.life import record
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from models.tables.practice import PracticeRow

UNANSWERED = "void_unanswered"
RANKS = (1, 2, 3)
TAKEN_BACK, TRANSFER = "taken_back", "transfer_to_patient"


def standing(session: Session, row: EncounterRow) -> Iterator[tuple[ClaimRow, ClaimVersionRow]]:
    """The visit's claims that have left the building and stand with a payer, the first plan's first."""
    for rank in RANKS:
        version = claims.current(session, row, rank)
        if version is not None and _stands(version):
            yield session.get_one(ClaimRow, version.claim_id), version


def _stands(version: ClaimVersionRow) -> bool:
    """Whether a payer has this filing, or what it was to take back."""
    if version.frequency_code == claims.VOID:
        return version.status not in claims.NOT_STANDING
    return version.batch_id is not None and version.status not in ("rejected", "refiling", *claims.NOT_STANDING)


def obstacles(session: Session, row: EncounterRow, book: Book) -> list[str]:
    """Why the claims cannot be voided by us now, each in a sentence; empty when they can."""
    found = []
    for owner, version in standing(session, row):
        page = book.plans[owner.plan_id]
        terms = page.terms_on(row.date_of_service)
        if terms is None or not terms.accepts_replacement:
            found.append(f"{page.payer_name} takes no void (frequency 8)")
        elif not owner.payer_claim_control_number:
            found.append(f"{page.payer_name} has not numbered claim {version.patient_control_number} yet")
    for rank in RANKS[1:]:
        later = claims.current(session, row, rank)
        if later is not None and later.batch_id is None and later.status in claims.ANSWERED:
            found.append(f"the {secondary.ORDINALS[rank]} plan, which got the claim by crossover, has paid on it")
    return found


def ask_for(session: Session, row: EncounterRow) -> int:
    """Mark the standing claims for voiding; the next look files the voids. Returns how many will be sent.

    A denied claim on which nothing was paid needs no void: there is nothing to take back.
    """
    marked = 0
    for owner, version in standing(session, row):
        paid = ledger.balance(session, row.id, ledger.CASH, payer_rank=owner.rank, kinds=("remittance",))
        needed = version.status != "denied" or paid != 0
        version.status = claims.VOIDING if needed else claims.VOIDED
        marked += needed
    return marked


def file(
    session: Session, row: EncounterRow, practice: PracticeRow, book: Book, *, window_seconds: float, now: datetime
) -> None:
    """Make the voids that were asked for ready to go: the claim as the payer has it, under a number of its own."""
    for rank in RANKS:
        before = claims.current(session, row, rank)
        if before is None or before.status != claims.VOIDING:
            continue
        owner = session.get_one(ClaimRow, before.claim_id)
        wanted = claims.Wanted(
            page=book.plans[owner.plan_id],
            plan_id=owner.plan_id,
            rank=rank,
            encounter_version=row.version,
            facts=before.facts,
            coded=before.coded,
            total_charge=before.total_charge,
            prior_authorization_number=before.prior_authorization_number,
            prior_decisions=before.prior_decisions,
        )
        version = claims.put_version(session, row, wanted, before)
        row.stage, row.updated_at = Stage.SUBMISSION.value, now
        number = version.patient_control_number
        summary = f"Void {number} ready: takes back the payer's claim {version.original_reference}"
        detail = {"frequency_code": version.frequency_code, "version": version.version}
        record(session, practice.id, "claim.ready", summary, encounter_id=row.id, at=now, detail=detail)
        claims.tell_batch(session, version, window_seconds)


def take_back_by_hand(session: Session, row: EncounterRow, key: str, today: date, memo: str) -> Decimal:
    """What the payers' answers moved is moved back: the money was returned, or is to be. Returns what was paid."""
    returned = ledger.ZERO
    for rank in RANKS:
        moved = session.execute(
            select(LedgerEntryRow.account, func.sum(LedgerEntryRow.amount))
            .join(LedgerTransactionRow, LedgerTransactionRow.id == LedgerEntryRow.transaction_id)
            .where(
                LedgerTransactionRow.encounter_id == row.id,
                LedgerTransactionRow.payer_rank == rank,
                LedgerTransactionRow.kind.in_(("remittance", TAKEN_BACK)),
            )
            .group_by(LedgerEntryRow.account)
        )
        legs = [(account, -amount) for account, amount in moved]
        returned -= sum((amount for account, amount in legs if account == ledger.CASH), ledger.ZERO)
        ledger.post(
            session,
            row.practice_id,
            f"{key}/{rank}",
            TAKEN_BACK,
            today,
            legs,
            encounter_id=row.id,
            memo=memo,
            payer_rank=rank,
        )
    for rank in RANKS:
        version = claims.current(session, row, rank)
        if version is not None and version.status not in claims.NOT_STANDING:
            version.status = claims.VOIDED
    return returned


def done(session: Session, row: EncounterRow) -> bool:
    """Whether no payer has a claim of the visit any more."""
    return not any(True for _ in standing(session, row))


def give_back_shares(session: Session, row: EncounterRow, today: date) -> None:
    """What was moved to the patient or to a later plan is nobody's once the visit is cancelled."""
    for rank in RANKS:
        version = claims.current(session, row, rank)
        if version is None:
            continue
        moved = ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE, payer_rank=rank, kinds=(TRANSFER,))
        legs = [(ledger.PAYER_RECEIVABLE, moved), (ledger.PATIENT_RECEIVABLE, -moved)]
        key, memo = f"cancelled/{version.id}", "Visit cancelled"
        ledger.post(
            session, row.practice_id, key, TRANSFER, today, legs, encounter_id=row.id, memo=memo, payer_rank=rank
        )
        if rank == 1:
            continue
        secondary.bring_share(session, row, rank, ledger.ZERO, f"cancelled/{version.id}", today)
        if version.status not in claims.NOT_STANDING:
            version.status = secondary.WITHDRAWN
