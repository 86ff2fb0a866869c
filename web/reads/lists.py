"""Lists outside the queues: visits, files, batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from billing.vocabulary import Discipline, Stage
from models.tables.claims import BatchRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow
from models.tables.remittances import InboundCopyRow, InboundFileRow, RemittanceClaimRow, RemittanceRow
from web import formats
from web.formats import Chip
from web.reads.claims import claim_chip
from web.reads.paging import Page, cut, decode, encode
from web.reads.transmissions import Receipt, posting_chip, proof, receipts
from web.viewer import Viewer

PAGE_SIZE = 50
SEARCH_LENGTH_MAX = 60
CLAIMS_SHOWN_MAX = 500
KINDS = {
    "835": "Remittance (835)",
    "999": "Acknowledgement (999)",
    "TA1": "Interchange answer (TA1)",
    "277CA": "Claim acknowledgement (277CA)",
    "271": "Eligibility (271)",
}


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """Which visits."""

    stage: str = ""
    discipline: str = ""
    payer: str = ""
    text: str = ""

    @classmethod
    def read(cls, values: dict[str, str]) -> "VisitFilter":
        """From an address or a form; what makes no sense is left out."""
        return cls(
            stage=values["stage"] if values.get("stage") in set(Stage) else "",
            discipline=values["discipline"] if values.get("discipline") in set(Discipline) else "",
            payer=values.get("payer", "")[:80],
            text=values.get("text", "").strip()[:SEARCH_LENGTH_MAX],
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit in the list."""

    href: str
    external_id: str
    patient: str
    patient_id: str
    service_day: str
    discipline: str
    payer: str
    stage: Chip
    held_by: str
    touched: bool


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


def visits(session: Session, viewer: Viewer, wanted: VisitFilter, cursor: str) -> Page[Visit]:
    """A page of visits, newest date of service first."""
    query: Select[*tuple[Any, ...]] = (
        select(
            EncounterRow.id,
            EncounterRow.external_id,
            EncounterRow.date_of_service,
            EncounterRow.discipline,
            EncounterRow.stage,
            EncounterRow.held_by,
            EncounterRow.closed_as,
            EncounterRow.touched,
            PatientRow.first_name,
            PatientRow.last_name,
            PatientRow.external_id.label("patient_id"),
            PayerRow.name.label("payer"),
        )
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .join(PlanRow, PlanRow.id == EncounterRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
    )
    query = _narrow(query, viewer, wanted)
    after = decode(cursor, date.fromisoformat, UUID)
    if after is not None:
        query = query.where(tuple_(EncounterRow.date_of_service, EncounterRow.id) < after)
    found = session.execute(
        query.order_by(EncounterRow.date_of_service.desc(), EncounterRow.id.desc()).limit(PAGE_SIZE + 1)
    ).all()
    shown, more = cut(found, PAGE_SIZE)
    last = encode(shown[-1].date_of_service, shown[-1].id) if more else ""
    return Page(tuple(_visit(row) for row in shown), last)


def _narrow(query: Select[*tuple[Any, ...]], viewer: Viewer, wanted: VisitFilter) -> Select[*tuple[Any, ...]]:
    if viewer.own_visits_only:
        query = query.where(EncounterRow.clinician_id == viewer.clinician_id)
    if wanted.stage:
        query = query.where(EncounterRow.stage == wanted.stage)
    if wanted.discipline:
        query = query.where(EncounterRow.discipline == wanted.discipline)
    if wanted.payer:
        query = query.where(PayerRow.external_id == wanted.payer)
    if wanted.text:
        columns = (EncounterRow.external_id, PatientRow.external_id, PatientRow.last_name, PatientRow.first_name)
        by_claim = select(ClaimVersionRow.encounter_id).where(ClaimVersionRow.patient_control_number == wanted.text)
        query = query.where(
            or_(*(column.icontains(wanted.text, autoescape=True) for column in columns), EncounterRow.id.in_(by_claim))
        )
    return query


def stage_counts(session: Session, viewer: Viewer) -> dict[str, int]:
    """How many visits stand where."""
    query = select(EncounterRow.stage, func.count()).group_by(EncounterRow.stage)
    if viewer.own_visits_only:
        query = query.where(EncounterRow.clinician_id == viewer.clinician_id)
    return dict(session.execute(query).all())


def _visit(row: Any) -> Visit:
    return Visit(
        href=f"/encounters/{row.id}",
        external_id=row.external_id,
        patient=formats.person(row.first_name, row.last_name),
        patient_id=row.patient_id,
        service_day=formats.day(row.date_of_service),
        discipline=row.discipline,
        payer=row.payer,
        stage=stage_chip(row.stage, row.held_by, row.closed_as),
        held_by=row.held_by or "",
        touched=row.touched,
    )


def stage_chip(stage: str, held_by: str | None, closed_as: str | None) -> Chip:
    """Where a visit stands, said with a sign."""
    if stage == Stage.CLOSED:
        return Chip("good", "✓", formats.words(closed_as) if closed_as else "Closed")
    if stage == Stage.DENIAL:
        return Chip("bad", "!", "Denial")
    return (
        Chip("warn", "◆", f"Held: {formats.words(stage).lower()}")
        if held_by
        else Chip("info", "◑", formats.words(stage))
    )


def files(session: Session, viewer: Viewer, kind: str, cursor: str) -> Page[File]:
    """A page of inbound files, newest first."""
    query = _file_query()
    if kind:
        query = query.where(InboundFileRow.kind == kind)
    after = decode(cursor, datetime.fromisoformat, UUID)
    if after is not None:
        query = query.where(tuple_(InboundFileRow.created_at, InboundFileRow.id) < after)
    found = session.execute(
        query.order_by(InboundFileRow.created_at.desc(), InboundFileRow.id.desc()).limit(PAGE_SIZE + 1)
    ).all()
    shown, more = cut(found, PAGE_SIZE)
    last = encode(shown[-1].created_at.isoformat(), shown[-1].id) if more else ""
    return Page(tuple(_file(row, viewer) for row in shown), last)


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


def batches(session: Session, viewer: Viewer, cursor: str) -> Page[Batch]:
    """A page of batches, newest first."""
    query = _batch_query()
    after = decode(cursor, datetime.fromisoformat, UUID)
    if after is not None:
        query = query.where(tuple_(BatchRow.created_at, BatchRow.id) < after)
    found = session.execute(query.order_by(BatchRow.created_at.desc(), BatchRow.id.desc()).limit(PAGE_SIZE + 1)).all()
    shown, more = cut(found, PAGE_SIZE)
    last = encode(shown[-1].created_at.isoformat(), shown[-1].id) if more else ""
    return Page(tuple(_batch(row, viewer) for row in shown), last)


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
