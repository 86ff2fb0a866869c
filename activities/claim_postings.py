"""Posting what a payer decided on a claim: the ledger line by line, the claim's state, a denial where it refused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.appeals import appeal_deadline
from activities.claims import VOID, VOIDED, owed_by
from activities.clock import practice_day
from activities.later_answers import addressed, post_answer
from activities.nudges import reopen_all
from billing.denials import assess, reason_of
from edi.values import Adjustment
from edi.x835 import RemittanceClaim, RemittanceLine
from models.ids import new_id
from models.store import ledger
from models.store.book import book_of
from models.store.bulk import insert_all
from models.store.life import Line, record_all
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import AdjustmentRow, DenialRow, RemittanceClaimRow, RemittanceRow

PATIENT_GROUP = "PR"


class Answered(NamedTuple):
    """A claim of a remittance, as kept and as read, and the filing of ours it answers."""

    row: RemittanceClaimRow
    claim: RemittanceClaim
    version: ClaimVersionRow


@dataclass(slots=True)
class _Entries:
    """What posting a number of claims writes, gathered so that it goes out in a handful of statements."""

    postings: list[ledger.Posting] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    encounters: dict[UUID, EncounterRow] = field(default_factory=dict)


def post_claims(session: Session, remittance: RemittanceRow, answered: Sequence[Answered], now: datetime) -> None:
    """Post claims to the ledger line by line, note what was denied, and have their encounters look.

    now: when the payer's answer was received; the time for an appeal runs from the practice's day of it.
    """
    entries = _Entries()
    for one in answered:
        _post_claim(session, remittance, one, entries, now)
    _write(session, remittance.practice_id, entries)
    reopen_all(session, remittance.practice_id, entries.encounters.values())


def _write(session: Session, practice_id: UUID, entries: _Entries) -> None:
    """Write what was gathered so far."""
    ledger.post_all(session, practice_id, entries.postings)
    insert_all(session, AdjustmentRow, entries.adjustments)
    record_all(session, practice_id, entries.lines)
    entries.postings, entries.adjustments, entries.lines = [], [], []


def _post_claim(
    session: Session, remittance: RemittanceRow, answered: Answered, entries: _Entries, now: datetime
) -> None:
    row, claim, version = answered
    encounter = session.get_one(EncounterRow, version.encounter_id)
    plan = addressed(session, encounter, version, claim)
    version = plan or version
    row.claim_version_id, row.encounter_id, row.status = version.id, encounter.id, "posted"
    practice = session.get_one(PracticeRow, remittance.practice_id)
    today = practice_day(now, practice.time_zone)
    occurred_on = remittance.payment_date or today
    first = plan is not None and session.get_one(ClaimRow, version.claim_id).rank == 1
    if not first:
        _write(session, remittance.practice_id, entries)  # a later plan's part is counted from what is posted
        post_answer(session, remittance, row, claim, plan, encounter, occurred_on)
    for place, line in enumerate(_lines(claim), start=1):
        if first:
            entries.postings.append(_posting(remittance, row, line, place, occurred_on))
        entries.adjustments += _adjustments(row, line)
    if plan is not None:
        entries.lines.append(_settle(session, Answered(row, claim, version), encounter, now, today))
    entries.encounters[encounter.id] = encounter


def _posting(
    remittance: RemittanceRow, row: RemittanceClaimRow, line: RemittanceLine, place: int, occurred_on: date
) -> ledger.Posting:
    key = f"835/{remittance.business_key}/{row.ordinal}/{place}"
    memo = f"{remittance.payer_name} {remittance.trace_number} {line.procedure_code}".strip()
    legs = line_legs(line.paid, line.adjustments)
    return ledger.Posting(key, "remittance", occurred_on, legs, row.encounter_id, memo)


def _lines(claim: RemittanceClaim) -> Iterator[RemittanceLine]:
    """The claim's lines, and what was said of the claim as a whole as one more."""
    yield from claim.lines
    of_lines = sum((line.paid for line in claim.lines), ledger.ZERO)
    if claim.adjustments or claim.paid != of_lines:
        yield RemittanceLine(
            procedure_code="",
            modifiers=(),
            charge=claim.charge,
            paid=claim.paid - of_lines,
            units=Decimal(0),
            adjustments=claim.adjustments,
            remark_codes=claim.remark_codes,
        )


def line_legs(paid: Decimal, adjustments: Sequence[Adjustment]) -> list[tuple[str, Decimal]]:
    """Cash in; the patient's share to the patient; what merely posts (CO-45 and its like) to contractual adjustments.

    A denied amount stays on the payer's account until a person decides: CO on a denial is not written off by itself.
    """
    patient = sum((a.amount for a in adjustments if a.group_code == PATIENT_GROUP and _posts(a)), ledger.ZERO)
    contract = sum((a.amount for a in adjustments if a.group_code != PATIENT_GROUP and _posts(a)), ledger.ZERO)
    return [
        (ledger.CASH, paid),
        (ledger.PATIENT_RECEIVABLE, patient),
        (ledger.CONTRACTUAL_ADJUSTMENT, contract),
        (ledger.PAYER_RECEIVABLE, -(paid + patient + contract)),
    ]


def _posts(adjustment: Adjustment) -> bool:
    return reason_of(adjustment.reason_code).posts


def _adjustments(row: RemittanceClaimRow, line: RemittanceLine) -> Iterator[dict[str, Any]]:
    """Rows of AdjustmentRow."""
    for adjustment in line.adjustments:
        yield {
            "id": new_id(),
            "practice_id": row.practice_id,
            "remittance_claim_id": row.id,
            "line_control_number": line.line_control_number or None,
            "procedure_code": line.procedure_code or None,
            "claim_adjustment_group_code": adjustment.group_code,
            "claim_adjustment_reason_code": adjustment.reason_code,
            "amount": adjustment.amount,
            "quantity": adjustment.quantity,
            "remark_codes": line.remark_codes,
        }


def _settle(session: Session, answered: Answered, encounter: EncounterRow, now: datetime, today: date) -> Line:
    """What the answer makes of our claim: paid, denied, or taken back. Returns the line it adds to the visit's life."""
    _, claim, version = answered
    owner = session.get_one(ClaimRow, version.claim_id)
    if claim.payer_claim_control_number:
        owner.payer_claim_control_number = claim.payer_claim_control_number
    current = owner.current_version == version.version
    if claim.is_reversal:
        _overturn_denials(session, version)
        if not _answers_a_void(session, owner):
            version.status = "accepted" if current else version.status
        summary = f"The payer took back its decision on claim {version.patient_control_number} (${claim.paid:,.2f})"
        return Line(encounter.id, "claim.reversed", summary, {})
    denied = _note_denial(session, answered, encounter, today, current=current)
    if current:
        version.status, version.answered_at = "denied" if denied else "paid", now
    words = f"denied: {denied}" if denied else f"paid ${claim.paid:,.2f}"
    expected = f", expected ${version.expected_payment:,.2f}" if version.expected_payment is not None else ""
    share = f"patient's share ${claim.patient_responsibility:,.2f}"
    summary = f"Claim {version.patient_control_number} {words}{expected}; {share}"
    kind = "claim.denied" if denied else "claim.paid"
    return Line(encounter.id, kind, summary, {"paid": str(claim.paid), "expected": str(version.expected_payment)})


def _answers_a_void(session: Session, owner: ClaimRow) -> bool:
    """Whether a reversal is what a void of ours asked for, under whichever number; the claim is voided then."""
    newest = session.scalars(
        select(ClaimVersionRow).where(
            ClaimVersionRow.claim_id == owner.id, ClaimVersionRow.version == owner.current_version
        )
    ).one()
    if newest.frequency_code != VOID:
        return False
    newest.status = VOIDED
    return True


def _overturn_denials(session: Session, version: ClaimVersionRow) -> None:
    session.flush()  # the denial may stand in this very remittance
    denials = session.scalars(
        select(DenialRow).where(DenialRow.claim_version_id == version.id, DenialRow.state.in_(("open", "appealed")))
    )
    for denial in denials:
        denial.state = "overturned"


def _note_denial(
    session: Session, answered: Answered, encounter: EncounterRow, today: date, *, current: bool
) -> str | None:
    """Categorise a refusal at receipt. Returns its reason, e.g. CO-197, or None when nothing was refused."""
    row, claim, version = answered
    said = [(a.group_code, a.reason_code, a.amount) for a in claim.all_adjustments]
    of_lines = (code for line in claim.lines for code in line.remark_codes)
    remarks = list(dict.fromkeys((*claim.remark_codes, *of_lines)))
    book = book_of(session, session.get_one(PracticeRow, encounter.practice_id))
    owner = session.get_one(ClaimRow, version.claim_id)
    terms = book.plans[owner.plan_id].terms_on(encounter.date_of_service)
    judged = assess(said, remarks, terms.accepts_replacement if terms else True)
    if not judged.is_denial:
        return None
    group = next(group for group, code, _ in said if code == judged.root_code)
    reason = f"{group}-{judged.root_code}"
    if current:
        session.add(
            DenialRow(
                practice_id=row.practice_id,
                encounter_id=encounter.id,
                claim_version_id=version.id,
                remittance_claim_id=row.id,
                category=judged.category.value,
                reason=reason,
                remark_codes=remarks,
                amount=_refused(session, claim, version, encounter, owner.rank),
                explanation=judged.explanation,
                decisions=list(judged.decisions),
                patient_may_be_billed=judged.patient_may_be_billed,
                appeal_deadline=appeal_deadline(today, terms),
                state="open",
            )
        )
    return reason


def _refused(
    session: Session, claim: RemittanceClaim, version: ClaimVersionRow, encounter: EncounterRow, rank: int
) -> Decimal:
    """What was refused; of a later plan's answer only what was its part."""
    refused = sum((a.amount for a in claim.all_adjustments if not _posts(a)), ledger.ZERO)
    return refused if rank == 1 else min(refused, owed_by(session, encounter, version))
