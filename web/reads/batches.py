"""Files that were sent: the list, and one batch with its claims and answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.tables.claims import BatchRow, ClaimRow, ClaimVersionRow
from models.tables.practice import PayerRow, PlanRow
from web import formats
from web.formats import Chip
from web.reads.claims import claim_chip
from web.reads.paging import Order, Page, fetch
from web.reads.search import day_of, every_word, holds, number_of, on_day
from web.reads.transmissions import Receipt, proof, receipts
from web.viewer import Viewer

PAGE_SIZE = 50

CLAIMS_SHOWN_MAX = 500
ORDER = Order(BatchRow.created_at, BatchRow.id, datetime.fromisoformat, newest_first=True)


@dataclass(frozen=True, slots=True)
class Batch:
    """One 837P file."""

    href: str
    file_name: str
    connection: str
    control_number: int
    claims: int
    total: str
    state: Chip
    proof: Chip
    attempts: int
    intended_at: str
    sent_at: str
    acknowledged_at: str
    sha256: str


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """One claim of a batch."""

    encounter_href: str
    control_number: str
    version: str
    total: str
    state: Chip


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """A batch with its claims and answers."""

    batch: Batch
    size: str
    receipts: tuple[Receipt, ...]
    claims: tuple[BatchClaim, ...]


def batches(session: Session, viewer: Viewer, cursor: str, typed: str = "") -> Page[Batch]:
    """A page of batches, newest first. typed: a control number of the file or of a claim, a payer, a day."""
    query = _batch_query()
    if typed:
        query = query.where(every_word(typed, lambda word: _fits(word, viewer)))
    shown, more = fetch(session, query, ORDER, cursor, PAGE_SIZE)
    return Page(tuple(_batch(row, viewer) for row in shown), more)


def _fits(word: str, viewer: Viewer) -> list[ColumnElement[bool]]:
    paid_by = (
        select(ClaimVersionRow.batch_id)
        .join(ClaimRow, ClaimRow.id == ClaimVersionRow.claim_id)
        .join(PlanRow, PlanRow.id == ClaimRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .where(*holds(word, PayerRow.name))
    )
    of_claim = select(ClaimVersionRow.batch_id).where(ClaimVersionRow.patient_control_number.in_({word, word.upper()}))
    number = number_of(word)  # the name of every batch ends with 837
    file = holds(word, BatchRow.file_name) if number is None else [BatchRow.interchange_control_number == number]
    fits = [*file, BatchRow.id.in_(paid_by), BatchRow.id.in_(of_claim)]
    if day := day_of(word, viewer.today):
        fits += [on_day(BatchRow.created_at, day, viewer.zone), on_day(BatchRow.sent_at, day, viewer.zone)]
    return fits


def _batch_query() -> Select[*tuple[Any, ...]]:
    """Everything but the bytes."""
    return select(
        BatchRow.id,
        BatchRow.created_at,
        BatchRow.connection,
        BatchRow.interchange_control_number,
        BatchRow.file_name,
        func.octet_length(BatchRow.content).label("size_bytes"),
        BatchRow.sha256,
        BatchRow.claim_count,
        BatchRow.total_charge,
        BatchRow.status,
        BatchRow.attempts,
        BatchRow.sent_at,
        BatchRow.acknowledged_at,
    )


def _batch(row: Any, viewer: Viewer) -> Batch:
    tones = {"acknowledged": ("good", "✓"), "rejected": ("bad", "!")}
    tone, sign = tones.get(row.status, ("info", "◑"))
    return Batch(
        href=f"/batches/{row.id}",
        file_name=row.file_name,
        connection=row.connection,
        control_number=row.interchange_control_number,
        claims=row.claim_count,
        total=formats.money(row.total_charge),
        state=Chip(tone, sign, formats.words(row.status)),
        proof=proof(row.status, row.attempts),
        attempts=row.attempts,
        intended_at=formats.instant(row.created_at, viewer.zone),
        sent_at=formats.instant(row.sent_at, viewer.zone),
        acknowledged_at=formats.instant(row.acknowledged_at, viewer.zone),
        sha256=row.sha256,
    )


def batch_detail(session: Session, viewer: Viewer, batch_id: UUID) -> BatchDetail | None:
    """One batch with its claims and answers."""
    row = session.execute(_batch_query().where(BatchRow.id == batch_id)).one_or_none()
    if row is None:
        return None
    claims = session.scalars(
        select(ClaimVersionRow)
        .where(ClaimVersionRow.batch_id == batch_id)
        .order_by(ClaimVersionRow.patient_control_number)
        .limit(CLAIMS_SHOWN_MAX)
    )
    return BatchDetail(
        batch=_batch(row, viewer),
        size=formats.size(row.size_bytes),
        receipts=receipts(session, viewer, batch_id, None),
        claims=tuple(
            BatchClaim(
                encounter_href=f"/encounters/{claim.encounter_id}",
                control_number=claim.patient_control_number,
                version=f"{claim.version} (frequency {claim.frequency_code})",
                total=formats.money(claim.total_charge),
                state=claim_chip(claim.status),
            )
            for claim in claims
        ),
    )
