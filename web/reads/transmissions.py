"""Every file sent and received for a visit: the proof that each filing left once, and what was answered."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from models.tables.claims import AcknowledgementRow, BatchRow, ClaimRow, ClaimVersionRow
from models.tables.practice import PayerRow, PlanRow
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow
from web import formats
from web.formats import Chip
from web.reads.claims import filing_label
from web.viewer import Viewer

SENT_ONCE = (
    "The file and its hash were written down first; then it was put there under a temporary name and renamed once."
)
SENT_STATES = frozenset({"sent", "acknowledged", "rejected"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a partner answered."""

    kind: str
    verdict: Chip
    code: str
    message: str
    at: str
    file_href: str


@dataclass(frozen=True, slots=True)
class Sending:
    """Proof that a filing left once; one that is in no file has no name, hash nor times."""

    label: str
    file_name: str
    href: str
    sha256: str
    attempts: int
    intended_at: str
    sent_at: str
    proof: Chip
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a remittance said about the claim."""

    file_href: str
    trace_number: str
    payer: str
    number: str
    status: str
    charge: str
    paid: str
    patient_responsibility: str
    posted: Chip


@dataclass(frozen=True, slots=True)
class FilesPart:
    """Everything sent and received for the visit."""

    sendings: tuple[Sending, ...]
    answers: tuple[Answer, ...]


def of_visit(session: Session, viewer: Viewer, encounter_id: UUID) -> FilesPart:
    """Batches, acknowledgements and remittances of the visit."""
    found = session.execute(
        select(ClaimVersionRow, ClaimRow.rank, PayerRow.name, BatchRow)
        .options(defer(BatchRow.content))
        .join(ClaimRow, ClaimRow.id == ClaimVersionRow.claim_id)
        .join(PlanRow, PlanRow.id == ClaimRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .outerjoin(BatchRow, BatchRow.id == ClaimVersionRow.batch_id)
        .where(ClaimVersionRow.encounter_id == encounter_id)
        .order_by(ClaimRow.rank, ClaimVersionRow.version.desc())
    )
    sendings = tuple(_sending(session, viewer, version, rank, payer, batch) for version, rank, payer, batch in found)
    return FilesPart(sendings, _answers(session, encounter_id))


def _sending(
    session: Session, viewer: Viewer, version: ClaimVersionRow, rank: int, payer: str, batch: BatchRow | None
) -> Sending:
    label = filing_label(version.version, version.frequency_code, rank, payer)
    answers = receipts(session, viewer, version.batch_id, version.id)
    if batch is None:
        return Sending(label, "", "", "", 0, "", "", _not_sent(version.status), answers)
    return Sending(
        label=label,
        file_name=batch.file_name,
        href=f"/batches/{batch.id}",
        sha256=batch.sha256,
        attempts=batch.attempts,
        intended_at=formats.instant(batch.created_at, viewer.zone),
        sent_at=formats.instant(batch.sent_at, viewer.zone),
        proof=proof(batch.status, batch.attempts),
        receipts=answers,
    )


def _not_sent(status: str) -> Chip:
    """A filing that is in no file."""
    said = {
        "ready": Chip("info", "◑", "Waits for the next file"),
        "forwarded": Chip("calm", "○", "Passed on by the plan before; nothing of ours leaves"),
        "rejected": Chip("bad", "!", "Kept back by our own check"),
    }
    return said.get(status, Chip("calm", "○", "Never left"))


def proof(status: str, attempts: int) -> Chip:
    """Whether the bytes left, and how often."""
    if status not in SENT_STATES:
        return Chip("info", "◑", "Not confirmed yet" if attempts else "Intended, not sent yet")
    return Chip("good", "✓", "Sent once", SENT_ONCE)


def receipts(
    session: Session, viewer: Viewer, batch_id: UUID | None, claim_version_id: UUID | None
) -> tuple[Receipt, ...]:
    """Answers to the batch and, when a claim is named, to that claim."""
    query = select(AcknowledgementRow).order_by(AcknowledgementRow.created_at).limit(200)
    whole = (AcknowledgementRow.batch_id == batch_id) & AcknowledgementRow.claim_version_id.is_(None)
    query = query.where(
        whole | (AcknowledgementRow.claim_version_id == claim_version_id) if claim_version_id else whole
    )
    return tuple(
        Receipt(
            kind=row.kind,
            verdict=Chip("good", "✓", "Accepted") if row.accepted else Chip("bad", "!", "Rejected"),
            code="" if row.code in row.message else row.code,
            message=_said(row.kind, row.code, row.message),
            at=formats.instant(row.created_at, viewer.zone),
            file_href=f"/files/{row.inbound_file_id}" if row.inbound_file_id else "",
        )
        for row in session.scalars(query)
    )


FILE_ANSWERS = {
    "A": "The whole file was accepted.",
    "E": "The file was accepted; errors were noted.",
    "P": "Part of the file was accepted.",
    "R": "The file was rejected.",
}  # AK9-01 of a 999


def _said(kind: str, code: str, message: str) -> str:
    """The answer in words, where it is nothing but its code."""
    return FILE_ANSWERS.get(code, message) if message == f"{kind} {code}" else message


def _answers(session: Session, encounter_id: UUID) -> tuple[Answer, ...]:
    found = session.execute(
        select(RemittanceClaimRow, RemittanceRow.trace_number, RemittanceRow.payer_name, InboundFileRow.id)
        .join(RemittanceRow, RemittanceRow.id == RemittanceClaimRow.remittance_id)
        .join(InboundFileRow, InboundFileRow.id == RemittanceRow.inbound_file_id)
        .where(RemittanceClaimRow.encounter_id == encounter_id)
        .order_by(RemittanceClaimRow.created_at)
    )
    return tuple(
        Answer(
            file_href=f"/files/{file_id}",
            trace_number=trace,
            payer=payer,
            number=row.patient_control_number,
            status=formats.claim_status(row.status_code),
            charge=formats.money(row.charge),
            paid=formats.money(row.paid),
            patient_responsibility=formats.money(row.patient_responsibility),
            posted=posting_chip(row.status),
        )
        for row, trace, payer, file_id in found
    )


def posting_chip(status: str) -> Chip:
    """What became of a remittance or of one claim in it."""
    tones = {"posted": ("good", "✓"), "read": ("good", "✓"), "unmatched": ("warn", "?"), "held": ("bad", "!")}
    tone, sign = tones.get(status, ("bad", "!") if status == "unreadable" else ("calm", "○"))
    return Chip(tone, sign, formats.words(status))
