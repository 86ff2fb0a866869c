"""One work item: why it is here, what clears it, whose move it is, what may be decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Uuid, bindparam, func, or_, select, true
from sqlalchemy.orm import Session

from billing.appeals import WAYS
from billing.benefits import BEYOND_SOFT
from billing.desk import APPEAL_TO_SEND, DecisionKind, decisions
from billing.vocabulary import Queue
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.desk import WorkItemNoteRow, WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.remittances import DenialRow, InboundFileRow, RemittanceClaimRow, RemittanceRow
from web import formats
from web.formats import Chip
from web.reads.shown import is_shown
from web.viewer import Viewer

SEVERITY_CHIPS = {
    "block": Chip("bad", "■", "Block", "A person must act; nobody can override this"),
    "hold": Chip("warn", "◆", "Hold", "A person must act"),
    "warn": Chip("info", "▲", "Warning", "Shown, stops nothing"),
    "repair": Chip("good", "✓", "Repaired", "Fixed by the machine, recorded"),
}
CHOICES_MAX = 40
NOTES_MAX = 50
OVERRIDE = "override"
FIELDS = {
    "number": ("Authorization number", "text", ""),
    "quantity": ("Granted (visits, units or dollars)", "number", "Left out for units per code."),
    "code_quantities": ("Units per code", "text", "Like 97110=24, 97140=12."),
    "codes": ("Only these codes", "text", "Apart by spaces; empty: every code."),
    "diagnoses": ("Only these diagnoses", "text", "Apart by spaces; empty: every one."),
    "clinician_npis": ("Only these clinicians (NPI)", "text", "Apart by spaces; empty: every one."),
    "answered_by": ("Who at the payer", "text", ""),
    "denial_reason": ("The payer's reason", "text", "Payers owe a specific reason for a denial."),
    "question": ("What the payer asks for", "text", ""),
    "requested_quantity": ("Asked for", "number", ""),
    "requested_from": ("Asked for from", "date", ""),
    "requested_to": ("Asked for to", "date", ""),
    "requested_codes": ("Codes asked for", "text", "Apart by spaces."),
    "document": ("Document sent along", "text", "Its name, like: plan of care of 03/02."),
    "document_reference": ("Where it is kept", "text", "Fax or portal reference."),
    "effective_from": ("Valid from", "date", ""),
    "effective_to": ("Valid to", "date", ""),
    "until": ("Come back on", "date", ""),
    "amount": ("Amount in dollars", "number", ""),
    "reference": ("Payer's reference", "text", "Who said so, when, and their call number."),
    "authorization_number": ("Authorization number to send", "text", ""),
    "member_id": ("Member id of the paying plan", "text", "As on the card."),
    "diagnosis_code": ("Primary diagnosis (ICD-10-CM)", "text", "Replaces the primary one on the claim."),
    "line_code": ("Procedure code the modifier is for", "text", ""),
    "modifier": ("Modifier to add", "text", ""),
    "place_of_service": ("Place of service", "text", "Two digits."),
    "sent_on": ("Sent on", "date", "The day it left: its deadline and the payer's time are counted by it."),
    "sent_reference": ("Confirmation or tracking number", "text", "Of the portal, the fax report or the mail."),
    "late_because": (
        "Good cause",
        "textarea",
        "Only after the deadline: why it is late. The payer may accept it for that (Medicare: 42 CFR 405.942(b)).",
    ),
    "arguments": ("What speaks for payment", "textarea", "The letter is drafted around it."),
}
MEASURES = (
    ("visits", "Visits"),
    ("units", "Units"),
    ("units_per_code", "Units per code"),
    ("dollars", "Dollars"),
)
CHOICES = {
    "outcome": ("The payer's answer", (("granted", "Granted, in whole or in part"), ("denied", "Denied"))),
    "sent_how": ("How it was sent", tuple((way, formats.sentence(said)) for way, said in WAYS.items())),
    "unit_of_measure": ("Counted in", MEASURES),
    "requested_unit_of_measure": ("Asked for in", MEASURES),
    "urgent": ("Urgent", (("no", "No"), ("yes", "Yes: the payer has hours, not days"))),
}
SNOOZE_DAYS = ((1, "Tomorrow"), (3, "In 3 days"), (7, "Next week"))


_WHOSE = select(WorkItemRow.queue, WorkItemRow.whose_move, WorkItemRow.clinician_id).where(
    WorkItemRow.id == bindparam("item", type_=Uuid())
)
# the notes of an item and of its visit
NOTES = (
    select(WorkItemNoteRow.created_at, UserRow.name, WorkItemNoteRow.body)
    .join(UserRow, UserRow.id == WorkItemNoteRow.user_id)
    .where(
        or_(
            WorkItemNoteRow.work_item_id == bindparam("item", type_=Uuid()),
            WorkItemNoteRow.encounter_id == bindparam("encounter", type_=Uuid()),  # none where there is no visit
        ),
        WorkItemNoteRow.withdrawn_at.is_(None),
    )
    .order_by(WorkItemNoteRow.created_at.desc())
    .limit(NOTES_MAX)
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as the pane shows it."""

    code: str
    severity: Chip
    message: str
    evidence: tuple[tuple[str, str], ...]
    clears_when: str
    whose_move: str
    citation: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote."""

    at: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class FieldInput:
    """A field a decision asks for."""

    key: str
    label: str
    type: str
    hint: str
    required: bool
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """A decision as a form."""

    key: str
    label: str
    effect: str
    needs_reason: bool
    fields: tuple[FieldInput, ...]
    command_id: str


@dataclass(frozen=True, slots=True)
class Remitted:
    """The remittance claim an item is about."""

    file_href: str
    file_name: str
    payer: str
    trace_number: str
    control_number: str
    payer_control_number: str
    charge: str
    paid: str
    patient_responsibility: str
    state: Chip


@dataclass(frozen=True, slots=True)
class SnoozeChoice:
    """A usual moment to sleep until."""

    day: str
    label: str


@dataclass(frozen=True, slots=True)
class Item:
    """Everything the pane shows of the item itself; the tabs come from its visit or authorization."""

    id: str
    queue: str
    kind: str
    workflow_id: str
    version: int
    encounter_id: UUID | None
    authorization_id: UUID | None
    authorization_case_id: UUID | None
    inbound_file_id: UUID | None
    reason: str
    clears_when: str
    whose_move: str
    amount: str
    rank: str
    due: Chip
    escalated: bool
    opened: str
    age: str
    owner_id: str
    owner: str
    mine: bool
    taken: str
    snoozed_until: str
    closed: str
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    remitted: Remitted | None
    snoozes: tuple[SnoozeChoice, ...]
    tomorrow: str


def visible_item(session: Session, viewer: Viewer, item_id: UUID) -> WorkItemRow | None:
    """The mapped row, if this viewer may see it."""
    row = session.get(WorkItemRow, item_id)
    return row if row is not None and is_shown(viewer, row) else None


def is_there(session: Session, viewer: Viewer, item_id: UUID) -> bool:
    """Whether there is such an item for this viewer."""
    row = session.execute(_WHOSE, {"item": item_id}).one_or_none()
    return row is not None and is_shown(viewer, row)


def item(session: Session, viewer: Viewer, row: WorkItemRow, owner: str, notes: Iterable[Any]) -> Item:
    """One item, ready to print. notes: as ``NOTES`` finds them."""
    asleep = row.snoozed_until is not None and row.snoozed_until > viewer.now
    closed = f"{formats.words(row.closed_by)}, {formats.instant(row.closed_at, viewer.zone)}" if row.closed_at else ""
    return Item(
        id=str(row.id),
        queue=row.queue,
        kind=row.kind,
        workflow_id=row.workflow_id,
        version=row.version,
        encounter_id=row.encounter_id,
        authorization_id=row.authorization_id,
        authorization_case_id=row.authorization_case_id,
        inbound_file_id=row.inbound_file_id,
        reason=formats.sentence(row.reason),
        clears_when=row.clears_when,
        whose_move=formats.words(row.whose_move),
        amount=formats.money(row.amount),
        rank="; ".join(row.rank_steps),
        due=formats.due_chip(row.due_at, viewer.now, viewer.zone),
        escalated=row.escalated,
        opened=formats.instant(row.opened_at, viewer.zone),
        age=formats.age(row.opened_at, viewer.now),
        owner_id=str(row.owner_id or ""),
        owner=owner,
        mine=row.owner_id == viewer.user_id,
        taken=formats.age(row.taken_at, viewer.now) if row.taken_at else "",
        snoozed_until=formats.instant(row.snoozed_until, viewer.zone) if asleep else "",
        closed=closed,
        findings=tuple(_finding(entry) for entry in row.findings),
        notes=tuple(Note(formats.instant(at, viewer.zone), author, body) for at, author, body in notes),
        remitted=_remitted(session, row),
        snoozes=tuple(_snooze(viewer, days, label) for days, label in SNOOZE_DAYS),
        tomorrow=(viewer.today + timedelta(days=1)).isoformat(),
    )


def _snooze(viewer: Viewer, days: int, label: str) -> SnoozeChoice:
    return SnoozeChoice((viewer.today + timedelta(days=days)).isoformat(), label)


def decision_forms(session: Session, viewer: Viewer, row: WorkItemRow) -> tuple[DecisionForm, ...]:
    """What this viewer may decide about an item, each with a fresh command id."""
    offered = [kind for kind in decisions(Queue(row.queue), row.kind) if viewer.role in kind.roles]
    if (denial_id := limiting_denial(row)) is not None:
        allowed = session.get_one(DenialRow, denial_id).decisions
        offered = [kind for kind in offered if kind.key in allowed]
    return tuple(form for kind in offered if (form := _form(session, row, kind)) is not None)


def limiting_denial(row: WorkItemRow) -> UUID | None:
    """The denial whose codes leave only some decisions open; none limits what becomes of an appeal's letter."""
    return row.denial_id if row.kind != APPEAL_TO_SEND else None


def _form(session: Session, row: WorkItemRow, kind: DecisionKind) -> DecisionForm | None:
    wanted = [_field(session, row, name, required=True) for name in kind.fields]
    wanted += [_field(session, row, name, required=False) for name in kind.optional]
    if any(field.type == "choice" and not field.options for field in wanted):
        return None  # no authorization is on file to choose from
    codes = _overridable(row) if kind.key == OVERRIDE else []
    if kind.key == OVERRIDE and not codes:
        return None
    if kind.key == "exceed_limit" and not any(entry["code"] == BEYOND_SOFT.id for entry in row.findings):
        return None
    return DecisionForm(
        key=kind.key,
        label=f"{kind.label} {formats.counted_once(codes)}" if codes else kind.label,
        effect=kind.effect,
        needs_reason=kind.needs_reason,
        fields=tuple(wanted),
        command_id=str(uuid4()),
    )


def _field(session: Session, row: WorkItemRow, name: str, *, required: bool) -> FieldInput:
    if name == "authorization_id":
        return FieldInput(name, "Authorization", "choice", "", required, _authorizations_on_file(session, row))
    if name == "claim_id":
        hint = "Our number of it. Suggested: claims whose charge is nearest to what the payer names."
        return FieldInput(name, "Our claim number", "suggested", hint, required, _claims(session, row))
    return field_input(name, required=required)


def field_input(name: str, *, required: bool) -> FieldInput:
    """A field that is the same for every item."""
    if name in CHOICES:
        label, options = CHOICES[name]
        return FieldInput(name, label, "choice", "", required, options)
    label, kind, hint = FIELDS.get(name, (formats.words(name), "text", ""))
    return FieldInput(name, label, kind, hint, required, ())


def _overridable(row: WorkItemRow) -> list[str]:
    return [str(entry["code"]) for entry in row.findings if entry.get("overridable")]


def _authorizations_on_file(session: Session, row: WorkItemRow) -> tuple[tuple[str, str], ...]:
    if row.authorization_case_id is not None:
        patient = select(AuthorizationCaseRow.patient_external_id).where(
            AuthorizationCaseRow.id == row.authorization_case_id
        )
    else:
        patient = (
            select(PatientRow.external_id)
            .join(EncounterRow, EncounterRow.patient_id == PatientRow.id)
            .where(EncounterRow.id == row.encounter_id)
        )
    found = session.execute(
        select(AuthorizationRow)
        .where(
            AuthorizationRow.patient_external_id == patient.scalar_subquery(),
            AuthorizationRow.number != "",
            AuthorizationRow.id != row.authorization_id if row.authorization_id else true(),
        )
        .order_by(AuthorizationRow.effective_to.desc())
        .limit(CHOICES_MAX)
    ).scalars()
    return tuple(
        (held.number, f"{held.number}, {formats.day(held.effective_from)} to {formats.day(held.effective_to)}")
        for held in found
    )


def _claims(session: Session, row: WorkItemRow) -> tuple[tuple[str, str], ...]:
    if row.remittance_claim_id is None:
        return ()
    charge = select(RemittanceClaimRow.charge).where(RemittanceClaimRow.id == row.remittance_claim_id).scalar_subquery()
    found = session.execute(
        select(
            ClaimVersionRow.patient_control_number,
            ClaimVersionRow.total_charge,
            EncounterRow.date_of_service,
            PatientRow.last_name,
        )
        .select_from(ClaimRow)
        .join(ClaimVersionRow, ClaimVersionRow.claim_id == ClaimRow.id)
        .join(EncounterRow, EncounterRow.id == ClaimRow.encounter_id)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(ClaimVersionRow.version == ClaimRow.current_version, ClaimVersionRow.sent_at.is_not(None))
        .order_by(func.abs(ClaimVersionRow.total_charge - charge), ClaimVersionRow.sent_at.desc())
        .limit(CHOICES_MAX)
    )
    return tuple(
        (number, f"{name}, {formats.day(served_on)}, {formats.money(total)}")
        for number, total, served_on, name in found
    )


def _finding(entry: dict[str, Any]) -> Finding:
    severity = str(entry.get("severity", "hold"))
    evidence = entry.get("evidence") or {}
    return Finding(
        code=formats.check_name(str(entry.get("code", ""))),
        severity=SEVERITY_CHIPS.get(severity, Chip("warn", "◆", formats.words(severity))),
        message=formats.sentence(str(entry.get("message", ""))),
        evidence=tuple((str(label), str(value).replace("-$", "−$")) for label, value in evidence.items()),
        clears_when=str(entry.get("clears_when", "")),
        whose_move=formats.words(str(entry.get("owner", ""))),
        citation=str(entry.get("citation", "")),
    )


def _remitted(session: Session, row: WorkItemRow) -> Remitted | None:
    if row.remittance_claim_id is None:
        return None
    found = session.execute(
        select(
            RemittanceClaimRow,
            RemittanceRow.payer_name,
            RemittanceRow.trace_number,
            InboundFileRow.id,
            InboundFileRow.file_name,
        )
        .join(RemittanceRow, RemittanceRow.id == RemittanceClaimRow.remittance_id)
        .join(InboundFileRow, InboundFileRow.id == RemittanceRow.inbound_file_id)
        .where(RemittanceClaimRow.id == row.remittance_claim_id)
    ).one_or_none()
    if found is None:
        return None
    claim, payer, trace, file_id, file_name = found
    tones = {"posted": ("good", "✓"), "unmatched": ("warn", "?"), "held": ("bad", "!")}
    tone, sign = tones.get(claim.status, ("calm", "○"))
    return Remitted(
        file_href=f"/files/{file_id}",
        file_name=file_name,
        payer=payer,
        trace_number=trace,
        control_number=claim.patient_control_number,
        payer_control_number=claim.payer_claim_control_number,
        charge=formats.money(claim.charge),
        paid=formats.money(claim.paid),
        patient_responsibility=formats.money(claim.patient_responsibility),
        state=Chip(tone, sign, formats.words(claim.status)),
    )
