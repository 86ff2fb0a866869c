"""One visit from booking to zero balance, in parts that the pane and the full page share."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from billing.vocabulary import Stage
from models.store.ledger import PATIENT_RECEIVABLE, PAYER_RECEIVABLE
from models.tables.claims import AcknowledgementRow, BatchRow, ClaimLineRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from models.tables.life import EventRow
from models.tables.patients import PatientRow
from models.tables.practice import ClinicianRow, PayerRow, PlanRow
from models.tables.remittances import (
    AdjustmentRow,
    AppealRow,
    DenialRow,
    InboundFileRow,
    RemittanceClaimRow,
    RemittanceRow,
)
from web import formats
from web.formats import Chip
from web.viewer import Viewer

EVENTS_MAX = 500
LONG_WAIT_MINUTES = 60
WALK = (
    (Stage.INTAKE, "Visit"),
    (Stage.DOCUMENTATION, "Documentation"),
    (Stage.AUTHORIZATION, "Authorization"),
    (Stage.SCRUB, "Scrub"),
    (Stage.SUBMISSION, "Submission"),
    (Stage.ACKNOWLEDGEMENT, "Acknowledgement"),
    (Stage.REMITTANCE, "Remittance"),
    (Stage.PATIENT_BALANCE, "Patient balance"),
    (Stage.CLOSED, "Closed"),
)
SENT_ONCE = (
    "The file and its hash were written down first; then it was put there under a temporary name and renamed once."
)
SENT_STATES = frozenset({"sent", "acknowledged", "rejected"})


@dataclass(frozen=True, slots=True)
class StageStep:
    """One stop of the strip. state: done | current | later."""

    label: str
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class Header:
    """Which visit, whose, for whom, where it stands."""

    id: str
    external_id: str
    version: int
    patient: str
    patient_id: str
    birth_date: str
    service_day: str
    discipline: str
    clinician: str
    payer: str
    plan: str
    stage: str
    held_by: str
    disposition: str
    closed_as: str
    touched: bool
    strip: tuple[StageStep, ...]


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A line of the claim, or a service as documented when there is no claim yet."""

    number: int
    code: str
    modifiers: str
    units: str
    minutes: str
    charge: str
    expected: str


@dataclass(frozen=True, slots=True)
class ClaimVersion:
    """One filing of the claim. told: what it says that the plans before decided."""

    label: str
    status: Chip
    control_number: str
    payer_control_number: str
    total: str
    expected: str
    prior_authorization_number: str
    original_reference: str
    sent_at: str
    told: tuple[str, ...]
    current: bool
    lines: tuple[ServiceLine, ...]


@dataclass(frozen=True, slots=True)
class ClaimPart:
    """What is asked of the payer."""

    place_of_service: str
    diagnoses: str
    versions: tuple[ClaimVersion, ...]
    coded: tuple[ServiceLine, ...]
    documented: tuple[ServiceLine, ...]
    documented_total: str


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One line of reasoning."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation, as stored."""

    at: str
    gate: str
    rulebook: str
    hash: str
    expected: str
    steps: tuple[TraceStep, ...]


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One ledger transaction with what it leaves owed."""

    day: str
    what: str
    memo: str
    payer_change: str
    patient_change: str
    payer_owes: str
    patient_owes: str
    legs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Why a payer paid less, as it said so."""

    code: str
    amount: str
    line: str
    remarks: str


@dataclass(frozen=True, slots=True)
class MoneyPart:
    """The ledger of the visit."""

    lines: tuple[MoneyLine, ...]
    payer_owes: str
    patient_owes: str
    adjustments: tuple[Adjusted, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the life story. waited: how long nothing happened before it, when that was long."""

    at: str
    kind: str
    actor: str
    summary: str
    detail: tuple[tuple[str, str], ...]
    waited: str


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


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal to pay."""

    reason: str
    category: str
    amount: str
    explanation: str
    remarks: str
    state: str
    patient_may_be_billed: bool
    deadline: str
    letters: tuple[tuple[str, str, str], ...]


def header(session: Session, viewer: Viewer, encounter_id: UUID) -> Header | None:
    """The visit's head; nothing when it is not this viewer's to see."""
    query = (
        select(EncounterRow, PatientRow, ClinicianRow.first_name, ClinicianRow.last_name, PayerRow.name, PlanRow.name)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .join(ClinicianRow, ClinicianRow.id == EncounterRow.clinician_id)
        .join(PlanRow, PlanRow.id == EncounterRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .where(EncounterRow.id == encounter_id)
    )
    if viewer.own_visits_only:
        query = query.where(EncounterRow.clinician_id == viewer.clinician_id)
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    visit, patient, first_name, last_name, payer, plan = found
    return Header(
        id=str(visit.id),
        external_id=visit.external_id,
        version=visit.version,
        patient=formats.person(patient.first_name, patient.last_name),
        patient_id=patient.external_id,
        birth_date=formats.day(patient.birth_date),
        service_day=formats.day(visit.date_of_service),
        discipline=visit.discipline,
        clinician=formats.person(first_name, last_name),
        payer=payer,
        plan=plan,
        stage=formats.words(visit.stage),
        held_by=visit.held_by or "",
        disposition=formats.words(visit.disposition) if visit.disposition else "",
        closed_as=formats.words(visit.closed_as) if visit.closed_as else "",
        touched=visit.touched,
        strip=strip(visit.stage, visit.held_by),
    )


def strip(stage: str, held_by: str | None) -> tuple[StageStep, ...]:
    """The walk with the place where the visit stands now. A denial stands where the remittance does."""
    denied = stage == Stage.DENIAL
    order = [step for step, _ in WALK]
    here = order.index(Stage.REMITTANCE if denied else Stage(stage)) if denied or stage in order else 0
    closed = stage == Stage.CLOSED
    steps = []
    for place, (step, label) in enumerate(WALK):
        named = "Denial" if denied and step is Stage.REMITTANCE else label
        state = "done" if place < here or (closed and place == here) else "current" if place == here else "later"
        said = {"done": "done", "current": "held here" if held_by else "now here", "later": "not yet"}[state]
        steps.append(StageStep(named, state, said))
    return tuple(steps)


def claim_part(session: Session, encounter_id: UUID) -> ClaimPart:
    """Every filing with its lines, newest first; the documented services while there is none."""
    facts: dict[str, Any] = session.scalars(select(EncounterRow.facts).where(EncounterRow.id == encounter_id)).one()
    found = session.execute(
        select(ClaimVersionRow, ClaimRow, PayerRow.name)
        .join(ClaimRow, ClaimRow.id == ClaimVersionRow.claim_id)
        .join(PlanRow, PlanRow.id == ClaimRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .where(ClaimVersionRow.encounter_id == encounter_id)
        .order_by(ClaimRow.rank, ClaimVersionRow.version.desc())
    )
    versions = [(version, claim, payer) for version, claim, payer in found]
    lines = session.scalars(
        select(ClaimLineRow)
        .where(ClaimLineRow.claim_version_id.in_([version.id for version, _, _ in versions]))
        .order_by(ClaimLineRow.line_number)
    ).all()
    documented = tuple(_documented(number, service) for number, service in enumerate(_services(facts), start=1))
    return ClaimPart(
        place_of_service=str(facts.get("administrative", {}).get("place_of_service", formats.NOTHING)),
        diagnoses=", ".join(_diagnoses(facts)) or formats.NOTHING,
        versions=tuple(_version(version, claim, payer, lines) for version, claim, payer in versions),
        coded=() if versions else _coded(session, encounter_id),
        documented=documented,
        documented_total=formats.plural(len(documented), "service"),
    )


def _coded(session: Session, encounter_id: UUID) -> tuple[ServiceLine, ...]:
    """The claim as the newest evaluation coded it, while it is held."""
    trace = session.scalar(
        select(EvaluationRow.trace)
        .where(EvaluationRow.encounter_id == encounter_id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(1)
    )
    lines = (trace or {}).get("claim", {}).get("lines", [])
    return tuple(
        ServiceLine(
            number=line["line_number"],
            code=line["code"],
            modifiers=" ".join(line["modifiers"]),
            units=str(line["units"]),
            minutes="",
            charge=formats.money(Decimal(line["charge"])),
            expected=formats.money(Decimal(line["expected_allowed"])),
        )
        for line in lines
    )


def _services(facts: dict[str, Any]) -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = facts.get("timing", {}).get("services", [])
    return services


def _diagnoses(facts: dict[str, Any]) -> list[str]:
    ranked = sorted(facts.get("clinical", {}).get("diagnoses", []), key=lambda diagnosis: diagnosis["rank"])
    return [str(diagnosis["code"]) for diagnosis in ranked]


def _documented(number: int, service: dict[str, Any]) -> ServiceLine:
    minutes = sum(int(person["minutes"]) for person in service.get("minutes", []))
    return ServiceLine(
        number=number,
        code=str(service.get("code", "")),
        modifiers=" ".join(service.get("modifiers", [])),
        units=str(service.get("units") or ""),
        minutes=f"{minutes} min",
        charge="",
        expected="",
    )


FREQUENCIES = {"1": "original", "7": "replacement", "8": "void"}
ORDINALS = {1: "first plan", 2: "second plan", 3: "third plan"}


def filing_label(version: int, frequency_code: str, rank: int, payer: str) -> str:
    """Which filing it is, and with whom: "Version 1, original, to Prairie Lantern Mutual (second plan)"."""
    kind = FREQUENCIES.get(frequency_code, frequency_code)
    return f"Version {version}, {kind}, to {payer} ({ORDINALS.get(rank, rank)})"


def _version(version: ClaimVersionRow, claim: ClaimRow, payer: str, lines: Any) -> ClaimVersion:
    return ClaimVersion(
        label=filing_label(version.version, version.frequency_code, claim.rank, payer),
        status=claim_chip(version.status),
        control_number=version.patient_control_number,
        payer_control_number=claim.payer_claim_control_number or formats.NOTHING,
        total=formats.money(version.total_charge),
        expected=formats.money(version.expected_payment),
        prior_authorization_number=version.prior_authorization_number or formats.NOTHING,
        original_reference=version.original_reference or "",
        sent_at=version.sent_at.strftime("%m/%d/%Y") if version.sent_at else formats.NOTHING,
        told=tuple(_told(decision) for decision in version.prior_decisions if "paid" in decision),
        current=version.version == claim.current_version,
        lines=tuple(_line(line) for line in lines if line.claim_version_id == version.id),
    )


def _told(decision: dict[str, Any]) -> str:
    adjustments = [*decision["adjustments"], *(one for line in decision["lines"] for one in line["adjustments"])]
    patients = sum((Decimal(amount) for group, _, amount, _ in adjustments if group == "PR"), Decimal(0))
    return (
        f"the {ORDINALS[decision['rank']]} paid {formats.money(Decimal(decision['paid']))} and left "
        f"{formats.money(patients)} to the patient (its number {decision['payer_claim_control_number']})"
    )


def claim_chip(status: str) -> Chip:
    """A claim version's state, said with a sign."""
    tones = {
        "paid": ("good", "✓"),
        "accepted": ("good", "✓"),
        "denied": ("bad", "!"),
        "rejected": ("bad", "!"),
        "superseded": ("calm", "○"),
        "withdrawn": ("calm", "○"),
        "voided": ("calm", "○"),
    }
    tone, sign = tones.get(status, ("info", "◑"))
    return Chip(tone, sign, formats.words(status))


def _line(line: ClaimLineRow) -> ServiceLine:
    return ServiceLine(
        number=line.line_number,
        code=line.code,
        modifiers=" ".join(line.modifiers),
        units=str(line.units),
        minutes="",
        charge=formats.money(line.charge),
        expected=formats.money(line.expected_allowed),
    )


def why_part(session: Session, viewer: Viewer, encounter_id: UUID) -> tuple[Evaluation, ...]:
    """The stored traces, newest first, as sentences."""
    found = session.scalars(
        select(EvaluationRow)
        .where(EvaluationRow.encounter_id == encounter_id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(20)
    )
    return tuple(
        Evaluation(
            at=formats.instant(row.created_at, viewer.zone),
            gate=formats.words(row.gate) if row.gate else "Nothing holds it",
            rulebook=row.rulebook_version,
            hash=row.sha256[:12],
            expected=formats.money(row.expected_payment),
            steps=tuple(_steps(row.trace)),
        )
        for row in found
    )


def _steps(trace: dict[str, Any]) -> list[TraceStep]:
    """What was found, gate by gate, then the arithmetic (billing.trace.to_dict)."""
    authorization = trace.get("authorization", {}).get("findings", [])
    gates = (
        ("Documentation", trace.get("documentation", [])),
        ("Authorization", authorization),
        ("Scrub", trace.get("scrub", [])),
    )
    told: list[TraceStep] = []
    for name, findings in gates:
        told.extend(
            TraceStep(name, f"{finding['code']}, {finding['severity']}: {finding['message']}") for finding in findings
        )
        if not findings:
            told.append(TraceStep(name, "nothing found"))
    told.extend(
        TraceStep(str(step["subject"]), str(step["text"]))
        for step in trace.get("steps", [])
        if not str(step["subject"]).startswith("rule ")  # each rule is told whole, below
    )
    told.extend(_rule_step(entry) for entry in trace.get("practice_rules", []))
    if trace.get("look_again_on"):
        told.append(TraceStep("Next look", f"on {trace['look_again_on']}, when a date alone may change the answer"))
    return told


def _rule_step(entry: dict[str, Any]) -> TraceStep:
    """One of the practice's own rules: in which version, on which facts, what came of it."""
    came = entry["error"] and f"could not be evaluated ({entry['error']})"
    came = came or "; ".join((*entry["changes"], *entry["lost"])) or ("matched" if entry["matched"] else "no match")
    facts = ", ".join(f"{path} = {value or 'empty'}" for path, value in entry["facts"].items())
    return TraceStep(f"Rule {entry['rule']}", f"version {entry['version']}: {came}" + (f" [{facts}]" if facts else ""))


def money_part(session: Session, encounter_id: UUID) -> MoneyPart:
    """The ledger with what payer and patient owe after each line."""
    found = session.execute(
        select(LedgerTransactionRow, LedgerEntryRow)
        .join(LedgerEntryRow, LedgerEntryRow.transaction_id == LedgerTransactionRow.id)
        .where(LedgerEntryRow.encounter_id == encounter_id)
        .order_by(
            LedgerTransactionRow.occurred_on,
            LedgerTransactionRow.created_at,
            LedgerTransactionRow.id,
            LedgerEntryRow.amount.desc(),
        )
    )
    payer = patient = Decimal("0.00")
    lines: list[MoneyLine] = []
    for transaction, entries in groupby(found, key=lambda pair: pair[0]):
        legs = [entry for _, entry in entries]
        payer_change = _sum(legs, PAYER_RECEIVABLE)
        patient_change = _sum(legs, PATIENT_RECEIVABLE)
        payer, patient = payer + payer_change, patient + patient_change
        lines.append(
            MoneyLine(
                day=formats.day(transaction.occurred_on),
                what=formats.words(transaction.kind)
                + ("" if transaction.payer_rank == 1 else _of(transaction.payer_rank)),
                memo=transaction.memo,
                payer_change=formats.money(payer_change) if payer_change else "",
                patient_change=formats.money(patient_change) if patient_change else "",
                payer_owes=formats.money(payer),
                patient_owes=formats.money(patient),
                legs=tuple((formats.words(leg.account), formats.money(leg.amount)) for leg in legs),
            )
        )
    return MoneyPart(tuple(lines), formats.money(payer), formats.money(patient), _adjustments(session, encounter_id))


def _of(rank: int) -> str:
    return f" ({ORDINALS.get(rank, rank)})"


def _sum(legs: list[LedgerEntryRow], account: str) -> Decimal:
    return sum((leg.amount for leg in legs if leg.account == account), Decimal("0.00"))


def _adjustments(session: Session, encounter_id: UUID) -> tuple[Adjusted, ...]:
    found = session.scalars(
        select(AdjustmentRow)
        .join(RemittanceClaimRow, RemittanceClaimRow.id == AdjustmentRow.remittance_claim_id)
        .where(RemittanceClaimRow.encounter_id == encounter_id)
        .order_by(AdjustmentRow.created_at, AdjustmentRow.line_control_number)
        .limit(200)
    )
    return tuple(
        Adjusted(
            code=f"{row.claim_adjustment_group_code}-{row.claim_adjustment_reason_code}",
            amount=formats.money(row.amount),
            line=row.procedure_code or "whole claim",
            remarks=", ".join(row.remark_codes),
        )
        for row in found
    )


def timeline(
    session: Session,
    viewer: Viewer,
    *,
    encounter_id: UUID | None = None,
    authorization_id: UUID | None = None,
    authorization_case_id: UUID | None = None,
) -> tuple[Event, ...]:
    """The life story of the one that is named, oldest first, with the long waits named."""
    about = (
        EventRow.encounter_id == encounter_id
        if encounter_id
        else EventRow.authorization_id == authorization_id
        if authorization_id
        else EventRow.authorization_case_id == authorization_case_id
    )
    found = session.scalars(select(EventRow).where(about).order_by(EventRow.id).limit(EVENTS_MAX))
    told: list[Event] = []
    before: datetime | None = None
    for row in found:
        waited = before is not None and (row.at - before).total_seconds() > LONG_WAIT_MINUTES * 60
        told.append(
            Event(
                at=formats.instant(row.at, viewer.zone),
                kind=row.kind,
                actor=row.actor,
                summary=row.summary,
                detail=tuple((formats.words(key), _plain(value)) for key, value in row.detail.items()),
                waited=formats.age(before, row.at) if waited else "",
            )
        )
        before = row.at
    return tuple(told)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(entry) for entry in value)
    if isinstance(value, dict):
        return "; ".join(f"{formats.words(str(key))}: {_plain(entry)}" for key, entry in value.items())
    return formats.NOTHING if value is None else str(value)


def files_part(session: Session, viewer: Viewer, encounter_id: UUID) -> FilesPart:
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
            code=row.code,
            message=row.message,
            at=formats.instant(row.created_at, viewer.zone),
            file_href=f"/files/{row.inbound_file_id}" if row.inbound_file_id else "",
        )
        for row in session.scalars(query)
    )


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


def denials(session: Session, encounter_id: UUID) -> tuple[Denial, ...]:
    """Refusals and what was answered."""
    found = session.scalars(
        select(DenialRow).where(DenialRow.encounter_id == encounter_id).order_by(DenialRow.created_at.desc())
    ).all()
    letters = session.scalars(
        select(AppealRow).where(AppealRow.denial_id.in_([row.id for row in found])).order_by(AppealRow.level)
    ).all()
    return tuple(_denial(row, [letter for letter in letters if letter.denial_id == row.id]) for row in found)


def _denial(row: DenialRow, letters: list[AppealRow]) -> Denial:
    return Denial(
        reason=row.reason,
        category=formats.words(row.category),
        amount=formats.money(row.amount),
        explanation=row.explanation,
        remarks=", ".join(row.remark_codes) or formats.NOTHING,
        state=formats.words(row.state),
        patient_may_be_billed=row.patient_may_be_billed,
        deadline=formats.day(row.appeal_deadline),
        letters=tuple((f"Level {appeal.level}", formats.words(appeal.state), appeal.letter) for appeal in letters),
    )
