"""What is asked of the payers for a visit: every filing with its lines, and what is documented before there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, bindparam, func, select
from sqlalchemy.orm import Session

from models.tables.claims import ClaimLineRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.practice import PayerRow, PlanRow
from web import formats
from web.formats import Chip
from web.reads.together import Together

FREQUENCIES = {"1": "original", "7": "replacement", "8": "void"}
ORDINALS = {1: "first plan", 2: "second plan", 3: "third plan"}
VISIT = bindparam("encounter", type_=Uuid())
OF_VISIT = {
    "visit": select(EncounterRow.facts).where(EncounterRow.id == VISIT),
    "versions": select(
        ClaimVersionRow.id,
        ClaimVersionRow.version,
        ClaimVersionRow.frequency_code,
        ClaimVersionRow.patient_control_number,
        ClaimVersionRow.status,
        ClaimVersionRow.total_charge,
        ClaimVersionRow.expected_payment,
        ClaimVersionRow.prior_authorization_number,
        ClaimVersionRow.original_reference,
        ClaimVersionRow.sent_at,
        ClaimVersionRow.prior_decisions,
        ClaimRow.rank,
        ClaimRow.current_version,
        ClaimRow.payer_claim_control_number,
        PayerRow.name.label("payer"),
    )
    .join(ClaimRow, ClaimRow.id == ClaimVersionRow.claim_id)
    .join(PlanRow, PlanRow.id == ClaimRow.plan_id)
    .join(PayerRow, PayerRow.id == PlanRow.payer_id)
    .where(ClaimVersionRow.encounter_id == VISIT)
    .order_by(ClaimRow.rank, ClaimVersionRow.version.desc()),
    "lines": select(
        ClaimLineRow.claim_version_id,
        ClaimLineRow.line_number,
        ClaimLineRow.code,
        func.array_to_string(ClaimLineRow.modifiers, " ").label("modifiers"),
        ClaimLineRow.units,
        ClaimLineRow.charge,
        ClaimLineRow.expected_allowed,
    )
    .join(ClaimVersionRow, ClaimVersionRow.id == ClaimLineRow.claim_version_id)
    .where(ClaimVersionRow.encounter_id == VISIT)
    .order_by(ClaimLineRow.line_number),
    # the claim as the newest evaluation coded it, while it is held
    "coded": select(EvaluationRow.trace["claim"]["lines"].label("lines"))
    .where(EvaluationRow.encounter_id == VISIT)
    .order_by(EvaluationRow.created_at.desc())
    .limit(1),
}
_OF_VISIT = Together(**OF_VISIT)


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


def of_visit(session: Session, encounter_id: UUID) -> ClaimPart:
    """Every filing with its lines, newest first; the documented services while there is none."""
    return of_found(_OF_VISIT.read(session, {"encounter": encounter_id}))


def of_found(found: Row[Any]) -> ClaimPart:
    """The same, as ``OF_VISIT`` found it."""
    [facts] = (visit.facts for visit in found.visit)
    documented = tuple(_documented(number, service) for number, service in enumerate(_services(facts), start=1))
    return ClaimPart(
        place_of_service=str(facts.get("administrative", {}).get("place_of_service", formats.NOTHING)),
        diagnoses=", ".join(_diagnoses(facts)) or formats.NOTHING,
        versions=tuple(_version(version, found.lines) for version in found.versions),
        coded=() if found.versions else tuple(_coded(line) for newest in found.coded for line in newest.lines or ()),
        documented=documented,
        documented_total=formats.plural(len(documented), "service"),
    )


def _coded(line: dict[str, Any]) -> ServiceLine:
    return ServiceLine(
        number=line["line_number"],
        code=line["code"],
        modifiers=" ".join(line["modifiers"]),
        units=str(line["units"]),
        minutes="",
        charge=formats.money(Decimal(line["charge"])),
        expected=formats.money(Decimal(line["expected_allowed"])),
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


def filing_label(version: int, frequency_code: str, rank: int, payer: str) -> str:
    """Which filing it is, and with whom: "Version 1, original, to Prairie Lantern Mutual (second plan)"."""
    kind = FREQUENCIES.get(frequency_code, frequency_code)
    return f"Version {version}, {kind}, to {payer} ({ORDINALS.get(rank, rank)})"


def _version(version: Row[Any], lines: Sequence[Row[Any]]) -> ClaimVersion:
    return ClaimVersion(
        label=filing_label(version.version, version.frequency_code, version.rank, version.payer),
        status=claim_chip(version.status),
        control_number=version.patient_control_number,
        payer_control_number=version.payer_claim_control_number or formats.NOTHING,
        total=formats.money(version.total_charge),
        expected=formats.money(version.expected_payment),
        prior_authorization_number=version.prior_authorization_number or formats.NOTHING,
        original_reference=version.original_reference or "",
        sent_at=version.sent_at.strftime("%m/%d/%Y") if version.sent_at else formats.NOTHING,
        told=tuple(_told(decision) for decision in version.prior_decisions if "paid" in decision),
        current=version.version == version.current_version,
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


def _line(line: Row[Any]) -> ServiceLine:
    return ServiceLine(
        number=line.line_number,
        code=line.code,
        modifiers=line.modifiers,
        units=str(line.units),
        minutes="",
        charge=formats.money(line.charge),
        expected=formats.money(line.expected_allowed),
    )
