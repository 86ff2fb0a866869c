"""Files that came: the list, and what was read in one, payment by payment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from models.tables.claims import AcknowledgementRow, BatchRow, ClaimVersionRow
from models.tables.remittances import InboundCopyRow, InboundFileRow, RemittanceClaimRow, RemittanceRow
from web import formats
from web.formats import Chip
from web.reads.paging import Order, Page, fetch
from web.reads.search import day_of, every_word, holds, number_of, on_day
from web.reads.transmissions import posting_chip
from web.viewer import Viewer

PAGE_SIZE = 50

CLAIMS_SHOWN_MAX = 500
ORDER = Order(InboundFileRow.created_at, InboundFileRow.id, datetime.fromisoformat, newest_first=True)

KINDS = {
    "835": "Remittance (835)",
    "999": "Acknowledgement (999)",
    "TA1": "Interchange answer (TA1)",
    "277CA": "Claim acknowledgement (277CA)",
    "271": "Eligibility (271)",
}


@dataclass(frozen=True, slots=True)
class File:
    """An inbound file in the list."""

    href: str
    name: str
    kind: str
    received: str
    size: str
    state: Chip
    problems: int
    summary: str


@dataclass(frozen=True, slots=True)
class RemittedClaim:
    """One claim of a remittance."""

    control_number: str
    payer_control_number: str
    encounter_href: str
    status: str
    charge: str
    paid: str
    patient: str
    state: Chip
    matched_by: str


@dataclass(frozen=True, slots=True)
class Remittance:
    """One payment of a file."""

    payer: str
    trace_number: str
    method: str
    amount: str
    paid_on: str
    claim_count: int
    done_count: int
    waiting_count: int
    state: Chip
    balanced: bool
    problems: tuple[str, ...]
    provider_adjustments: tuple[str, ...]
    claims: tuple[RemittedClaim, ...]


@dataclass(frozen=True, slots=True)
class Posting:
    """How far the posting of a payment has come."""

    trace_number: str
    done: int
    claims: int


@dataclass(frozen=True, slots=True)
class FileDetail:
    """What was read in a file, and what was wrong with it."""

    file: File
    connection: str
    sha256: str
    contents: tuple[str, ...]
    problems: tuple[str, ...]
    copies: tuple[str, ...]
    remittances: tuple[Remittance, ...]
    posting: tuple[Posting, ...]


def files(session: Session, viewer: Viewer, kind: str, cursor: str, typed: str = "") -> Page[File]:
    """A page of inbound files, newest first.

    typed: words of the file's name, a payer's name or a trace number in it; a claim's control number, ours or the
    payer's; the control number of a batch that it answers; the day it came or a payment of it was made.
    """
    query = _file_query()
    if kind:
        query = query.where(InboundFileRow.kind == kind)
    if typed:
        query = query.where(every_word(typed, lambda word: _fits(word, viewer)))
    shown, more = fetch(session, query, ORDER, cursor, PAGE_SIZE)
    return Page(tuple(_file(row, viewer) for row in shown), more)


def _fits(word: str, viewer: Viewer) -> list[ColumnElement[bool]]:
    day, number, told = day_of(word, viewer.today), number_of(word), {word, word.upper()}
    payments = holds(word, RemittanceRow.trace_number, RemittanceRow.payer_name)
    if day:
        payments.append(RemittanceRow.payment_date == day)
    paid = select(RemittanceRow.inbound_file_id).where(or_(*payments))
    claims = (RemittanceClaimRow.patient_control_number, RemittanceClaimRow.payer_claim_control_number)
    decided = (
        select(RemittanceRow.inbound_file_id)
        .join(RemittanceClaimRow, RemittanceClaimRow.remittance_id == RemittanceRow.id)
        .where(or_(*(column.in_(told) for column in claims)))
    )
    answers: list[ColumnElement[bool]] = [ClaimVersionRow.patient_control_number.in_(told)]
    if number is not None:
        answers.append(BatchRow.interchange_control_number == number)
    answered = (
        select(AcknowledgementRow.inbound_file_id)
        .outerjoin(ClaimVersionRow, ClaimVersionRow.id == AcknowledgementRow.claim_version_id)
        .outerjoin(BatchRow, BatchRow.id == AcknowledgementRow.batch_id)
        .where(or_(*answers))
    )
    named = holds(word, InboundFileRow.file_name)
    came = [on_day(InboundFileRow.created_at, day, viewer.zone)] if day else []
    return [*named, *came, *(InboundFileRow.id.in_(files) for files in (paid, decided, answered))]


def _file_query() -> Select[*tuple[Any, ...]]:
    """Everything but the bytes."""
    paid = select(func.sum(RemittanceRow.payment_amount)).where(RemittanceRow.inbound_file_id == InboundFileRow.id)
    return select(
        InboundFileRow.id,
        InboundFileRow.created_at,
        InboundFileRow.connection,
        InboundFileRow.file_name,
        InboundFileRow.size_bytes,
        InboundFileRow.sha256,
        InboundFileRow.kind,
        InboundFileRow.status,
        InboundFileRow.problems,
        InboundFileRow.contents,
        paid.scalar_subquery().label("paid"),
    )


def _file(row: Any, viewer: Viewer) -> File:
    return File(
        href=f"/files/{row.id}",
        name=row.file_name,
        kind=KINDS.get(row.kind, row.kind or "Unknown"),
        received=formats.instant(row.created_at, viewer.zone),
        size=formats.size(row.size_bytes),
        state=posting_chip(row.status),
        problems=len(row.problems),
        summary=f"{formats.money(row.paid)} paid" if row.paid is not None else "",
    )


def file_detail(session: Session, viewer: Viewer, file_id: UUID) -> FileDetail | None:
    """One file, payment by payment."""
    row = session.execute(_file_query().where(InboundFileRow.id == file_id)).one_or_none()
    if row is None:
        return None
    copies = session.execute(
        select(InboundCopyRow.file_name, InboundCopyRow.created_at).where(InboundCopyRow.inbound_file_id == file_id)
    )
    payments = session.scalars(
        select(RemittanceRow).where(RemittanceRow.inbound_file_id == file_id).order_by(RemittanceRow.ordinal)
    ).all()
    claims = session.execute(
        select(RemittanceClaimRow)
        .where(RemittanceClaimRow.remittance_id.in_([payment.id for payment in payments]))
        .order_by(RemittanceClaimRow.ordinal)
        .limit(CLAIMS_SHOWN_MAX)
    ).scalars()
    by_payment: dict[UUID, list[RemittanceClaimRow]] = {}
    for claim in claims:
        by_payment.setdefault(claim.remittance_id, []).append(claim)
    counted = session.execute(
        select(RemittanceClaimRow.remittance_id, RemittanceClaimRow.status, func.count())
        .where(RemittanceClaimRow.remittance_id.in_([payment.id for payment in payments]))
        .group_by(RemittanceClaimRow.remittance_id, RemittanceClaimRow.status)
    )
    counts = {(remittance_id, status): count for remittance_id, status, count in counted}
    return FileDetail(
        file=_file(row, viewer),
        connection=row.connection,
        sha256=row.sha256,
        contents=tuple(_part(part) for part in row.contents),
        problems=tuple(_problem(problem) for problem in row.problems),
        copies=tuple(f"{name}, {formats.instant(at, viewer.zone)}" for name, at in copies),
        remittances=tuple(_remittance(payment, by_payment.get(payment.id, []), counts) for payment in payments),
        posting=file_progress(session, file_id) or (),
    )


def file_progress(session: Session, file_id: UUID) -> tuple[Posting, ...] | None:
    """The payments of a file that are being posted just now; None where there is no such file."""
    if session.scalar(select(InboundFileRow.id).where(InboundFileRow.id == file_id)) is None:
        return None
    found = session.execute(
        select(RemittanceRow.trace_number, func.count(RemittanceClaimRow.id), RemittanceRow.claim_count)
        .outerjoin(
            RemittanceClaimRow,
            (RemittanceClaimRow.remittance_id == RemittanceRow.id) & (RemittanceClaimRow.status != "held"),
        )
        .where(RemittanceRow.inbound_file_id == file_id, RemittanceRow.status == "posting")
        .group_by(RemittanceRow.id)
        .order_by(RemittanceRow.ordinal)
    )
    return tuple(Posting(trace_number, done, claims) for trace_number, done, claims in found)


def _part(part: dict[str, Any]) -> str:
    """What became of the transactions of one kind."""
    name = KINDS.get(part["kind"], part["kind"])
    outcome = {"": "not read yet", "kept": "kept, not worked with"}.get(part["outcome"], part["outcome"])
    return f"{part['count']:,} × {name}: {outcome}"


def _problem(problem: Any) -> str:
    """A problem in words, however it was kept."""
    if isinstance(problem, dict):
        where = problem.get("where") or problem.get("segment") or problem.get("position")
        said = str(problem.get("message") or problem.get("text") or _labelled(problem))
        return f"{said} ({where})" if where else said
    return str(problem)


def _labelled(entry: dict[str, Any]) -> str:
    return ", ".join(
        f"{formats.words(str(key)).lower()} {value}" for key, value in entry.items() if value not in (None, "")
    )


def _remittance(
    payment: RemittanceRow, claims: Sequence[RemittanceClaimRow], counts: Mapping[tuple[UUID, str], int]
) -> Remittance:
    return Remittance(
        payer=payment.payer_name,
        trace_number=payment.trace_number,
        method=payment.payment_method,
        amount=formats.money(payment.payment_amount),
        paid_on=formats.day(payment.payment_date),
        claim_count=payment.claim_count,
        done_count=counts.get((payment.id, "posted"), 0),
        waiting_count=counts.get((payment.id, "unmatched"), 0),
        state=posting_chip(payment.status),
        balanced=payment.balanced,
        problems=tuple(_problem(problem) for problem in payment.problems),
        provider_adjustments=tuple(_problem(entry) for entry in payment.provider_adjustments),
        claims=tuple(
            RemittedClaim(
                control_number=claim.patient_control_number,
                payer_control_number=claim.payer_claim_control_number,
                encounter_href=f"/encounters/{claim.encounter_id}" if claim.encounter_id else "",
                status=formats.claim_status(claim.status_code),
                charge=formats.money(claim.charge),
                paid=formats.money(claim.paid),
                patient=formats.money(claim.patient_responsibility),
                state=posting_chip(claim.status),
                matched_by=formats.words(claim.matched_by) if claim.matched_by else "",
            )
            for claim in claims
        ),
    )
