"""From a visit as billed to the 837P: the mapping, and the envelope around it (docs/crosswalk.md).

Visit and codes come as plain data, as they are kept with a claim (billing.encounter.Encounter and the coded claim as
JSON), and the practice as the little of it a claim needs: the same mapping serves the database and the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from billing.practice import Clinician
from billing.vocabulary import ClinicianRole
from edi import x837p_records as x
from edi.values import Adjustment
from edi.x835 import RemittanceClaim

PATIENT_IS = {"spouse": "01", "child": "19", "other": "G8"}  # PAT01
RESPONSIBILITY = {1: "P", 2: "S", 3: "T"}  # SBR01
ACCIDENTS = {"auto": "AA", "employment": "EM", "other": "OA"}  # CLM11-1
PATIENT_GROUP = "PR"  # CAS01: the patient's responsibility
AT_HOME = ("10", "12")  # no service facility for the patient's home


class PayerPage(Protocol):
    """What a claim says of a payer."""

    @property
    def payer_id(self) -> str: ...
    @property
    def payer_name(self) -> str: ...
    @property
    def claim_filing_indicator(self) -> str: ...


class PracticePages(Protocol):
    """What a claim says of a practice's people, places and payers, found by the practice's own ids."""

    @property
    def clinicians(self) -> Mapping[str, Clinician]: ...
    @property
    def locations(self) -> Mapping[str, Mapping[str, Any]]: ...
    def plan_named(self, external_id: str) -> PayerPage: ...


@dataclass(frozen=True, slots=True)
class Sender:
    """The practice as billing provider and submitter. `profile` holds npi, tax_id, taxonomy, address, phone and ids."""

    name: str
    profile: Mapping[str, Any]
    pages: PracticePages


@dataclass(frozen=True, slots=True)
class Filing:
    """One filing of one visit's claim: the visit, its codes, and what the filing itself adds.

    rank: which of the patient's plans it goes to. prior_decisions: what the plans before it decided, one mapping per
    plan as `prior_decision` makes them.
    """

    patient_control_number: str
    charge: Decimal
    facts: Mapping[str, Any]
    coded: Mapping[str, Any]
    frequency_code: str = "1"
    prior_authorization_number: str = ""
    original_reference: str = ""
    rank: int = 1
    prior_decisions: Sequence[Mapping[str, Any]] = ()


def line_control_number(patient_control_number: str, line_number: int) -> str:
    """REF*6R: unique, and found again without a table."""
    return f"{patient_control_number}L{line_number}"


# --- the claim ------------------------------------------------------------------------------------------------------


def claim_record(sender: Sender, filing: Filing) -> x.Claim837:
    """The claim as it goes out, from the visit as it was billed."""
    facts, coded, pages = filing.facts, filing.coded, sender.pages
    administrative, compliance = facts["administrative"], facts["compliance"]
    coverage = next(one for one in administrative["coverages"] if one["rank"] == filing.rank)
    payer = pages.plan_named(coverage["plan_id"])
    accident = administrative.get("accident") or {}
    return x.Claim837(
        patient_control_number=filing.patient_control_number,
        charge=filing.charge,
        place_of_service=coded["place_of_service"],
        billing=_billing(sender),
        subscriber=_subscriber(facts["patient"], coverage, payer),
        payer=x.Party(name=payer.payer_name, identifier=payer.payer_id),
        diagnoses=tuple(code.replace(".", "") for code in coded["diagnoses"]),
        lines=tuple(_line(filing, line, coded["place_of_service"]) for line in coded["lines"]),
        patient=_dependent(facts["patient"], coverage),
        frequency_code=filing.frequency_code,
        rendering=_clinician(pages.clinicians.get(compliance["rendering_clinician_id"])),
        referring=_referring(administrative.get("referral")),
        supervising=_supervising(pages.clinicians.get(compliance.get("supervising_clinician_id") or "")),
        service_facility=_facility(sender, administrative, coded["place_of_service"]),
        prior_authorization_number=filing.prior_authorization_number,
        original_claim_number=filing.original_reference,
        onset_date=_day(facts["clinical"].get("onset_date")),
        initial_treatment_date=_day(compliance["episode"]["started_on"]),
        patient_paid=Decimal(administrative["patient_paid"]) or None,
        referral_number=administrative.get("referral_number", ""),
        accident_type=ACCIDENTS.get(accident.get("kind", ""), ""),
        accident_date=_day(accident.get("happened_on")),
        accident_state=accident.get("state", ""),
        property_casualty_claim_number=accident.get("claim_number", ""),
        attachments=tuple(x.Attachment(**one) for one in administrative.get("attachments", ())),
        note=administrative.get("claim_note", ""),
        delay_reason=administrative.get("delay_reason", ""),
        other_payers=tuple(_other_payers(sender, filing)),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _address(facts: Mapping[str, Any], *, nine_digits: bool = False) -> x.Address:
    """A billing provider's ZIP has nine digits; 9998 stands for an unknown add-on (005010X222A1 2010AA N403)."""
    zip_code = facts["postal_code"]
    if nine_digits and len(zip_code) == len("12345"):
        zip_code += "9998"
    return x.Address(
        street=facts["line1"],
        street2=facts.get("line2", ""),
        city=facts["city"],
        state=facts["state"],
        zip_code=zip_code,
    )


def _billing(sender: Sender) -> x.Provider:
    profile = sender.profile
    return x.Provider(
        npi=profile["npi"],
        name=sender.name,
        taxonomy=profile["taxonomy"],
        address=_address(profile["address"], nine_digits=True),
        tax_id=profile["tax_id"],
    )


def _person(facts: Mapping[str, Any]) -> x.Person:
    return x.Person(
        last_name=facts["last_name"],
        first_name=facts["first_name"],
        middle_name=facts.get("middle_name", ""),
        birth_date=date.fromisoformat(facts["birth_date"]),
        sex=facts["sex"],
        address=_address(facts["address"]),
    )


def _subscriber(patient: Mapping[str, Any], coverage: Mapping[str, Any], payer: PayerPage) -> x.Subscriber:
    """The holder of the policy; address, birth date and sex only when it is the patient (2010BA N3, N4, DMG)."""
    if coverage["relationship"] == "self":
        person = _person(patient)
    else:
        person = replace(_person(coverage["subscriber"]), birth_date=None, sex="", address=None)
    return x.Subscriber(
        person=person,
        member_id=coverage["member_id"],
        payer_responsibility=RESPONSIBILITY[coverage["rank"]],
        claim_filing_indicator=payer.claim_filing_indicator,
        group_number=coverage.get("group_number", ""),
        medicare_secondary_reason=coverage.get("medicare_secondary_reason", ""),
    )


def _dependent(patient: Mapping[str, Any], coverage: Mapping[str, Any]) -> x.PatientRecord | None:
    if coverage["relationship"] == "self":
        return None
    return x.PatientRecord(person=_person(patient), relationship=PATIENT_IS[coverage["relationship"]])


# --- the patient's other plans --------------------------------------------------------------------------------------


def prior_decision(
    rank: int, paid_on: date | None, said: RemittanceClaim, line_numbers: Sequence[int]
) -> dict[str, Any]:
    """What a plan decided on our claim, as JSON to keep with the next plan's filing.

    line_numbers: for each of the remittance's lines, which of our lines it is about.
    """
    return {
        "rank": rank,
        "payer_claim_control_number": said.payer_claim_control_number,
        "adjudicated_on": paid_on.isoformat() if paid_on else None,
        "paid": str(said.paid),
        "adjustments": _told(said.adjustments),
        "remark_codes": list(said.remark_codes),
        "lines": [
            {
                "line_number": number,
                "code": line.procedure_code,
                "modifiers": list(line.modifiers),
                "units": str(line.units),
                "paid": str(line.paid),
                "adjustments": _told(line.adjustments),
            }
            for number, line in zip(line_numbers, said.lines, strict=True)
        ],
    }


def _told(adjustments: Sequence[Adjustment]) -> list[list[str | None]]:
    return [
        [a.group_code, a.reason_code, str(a.amount), None if a.quantity is None else str(a.quantity)]
        for a in adjustments
    ]


def _adjustments(told: Sequence[Sequence[str | None]]) -> tuple[Adjustment, ...]:
    return tuple(
        Adjustment(group or "", reason or "", Decimal(amount or 0), None if quantity is None else Decimal(quantity))
        for group, reason, amount, quantity in told
    )


def _other_payers(sender: Sender, filing: Filing) -> Iterator[x.OtherPayer]:
    """Every other plan of the patient (2320): those before with what they decided, those behind by name only."""
    decided = {decision["rank"]: decision for decision in filing.prior_decisions}
    for coverage in sorted(filing.facts["administrative"]["coverages"], key=lambda one: int(one["rank"])):
        if coverage["rank"] != filing.rank:
            yield _other_payer(sender, filing, coverage, decided.get(coverage["rank"]))


def _other_payer(
    sender: Sender, filing: Filing, coverage: Mapping[str, Any], decision: Mapping[str, Any] | None
) -> x.OtherPayer:
    payer = sender.pages.plan_named(coverage["plan_id"])
    patient = filing.facts["patient"]
    person = _person(coverage["subscriber"] if coverage["relationship"] != "self" else patient)
    other = x.OtherPayer(
        payer=x.Party(name=payer.payer_name, identifier=payer.payer_id),
        subscriber=replace(person, birth_date=None, sex=""),  # 2330A has no DMG
        member_id=coverage["member_id"],
        payer_responsibility=RESPONSIBILITY[coverage["rank"]],
        relationship=PATIENT_IS.get(coverage["relationship"], "18"),
        claim_filing_indicator=payer.claim_filing_indicator,
        group_number=coverage.get("group_number", ""),
        medicare_secondary_reason=coverage.get("medicare_secondary_reason", ""),
    )
    return other if decision is None else _with_decision(other, decision)


def _with_decision(other: x.OtherPayer, decision: Mapping[str, Any]) -> x.OtherPayer:
    """The remaining liability (AMT*EAF) stands with the lines where the plan decided line by line, else with the claim;
    so does the day of the decision (005010X222A1 2320, 2330B, 2430)."""
    decided_on = _day(decision["adjudicated_on"])
    adjustments = _adjustments(decision["adjustments"])
    lines = tuple(_line_decision(line, decided_on) for line in decision["lines"])
    return replace(
        other,
        paid_amount=Decimal(decision["paid"]),
        adjustments=adjustments,
        remaining_patient_liability=None if lines else _patients(adjustments),
        adjudication_date=None if lines else decided_on,
        payer_claim_control_number=decision["payer_claim_control_number"],
        remark_codes=tuple(decision["remark_codes"]),
        lines=lines,
    )


def _line_decision(line: Mapping[str, Any], decided_on: date | None) -> x.LineAdjudication:
    adjustments = _adjustments(line["adjustments"])
    return x.LineAdjudication(
        line_number=line["line_number"],
        paid=Decimal(line["paid"]),
        procedure_code=line["code"],
        modifiers=tuple(line["modifiers"]),
        units=Decimal(line["units"]),
        adjustments=adjustments,
        adjudication_date=decided_on,
        remaining_patient_liability=_patients(adjustments),
    )


def _patients(adjustments: Sequence[Adjustment]) -> Decimal:
    return sum((a.amount for a in adjustments if a.group_code == PATIENT_GROUP), Decimal("0.00"))


# --- providers and lines --------------------------------------------------------------------------------------------


def _clinician(clinician: Clinician | None) -> x.Provider | None:
    if clinician is None or clinician.npi is None:
        return None
    return x.Provider(
        npi=clinician.npi,
        name=clinician.last_name,
        first_name=clinician.first_name,
        is_person=True,
        taxonomy=clinician.taxonomy or "",
    )


def _supervising(clinician: Clinician | None) -> x.Provider | None:
    """Sent only when a therapist supervised (2310D)."""
    return _clinician(clinician) if clinician and clinician.role is ClinicianRole.THERAPIST else None


def _referring(referral: Mapping[str, Any] | None) -> x.Provider | None:
    """Who referred (2310A DN). Medicare wants the certifier of the plan of care here, who is the referrer as a rule."""
    if referral is None:
        return None
    return x.Provider(
        npi=referral["npi"], name=referral["last_name"], first_name=referral["first_name"], is_person=True
    )


def _facility(sender: Sender, administrative: Mapping[str, Any], place_of_service: str) -> x.Provider | None:
    """Where it was done, when that is not the billing address (2310C)."""
    location = sender.pages.locations.get(administrative["location_id"])
    if place_of_service in AT_HOME or location is None or location["address"] == sender.profile["address"]:
        return None
    return x.Provider(
        npi=location.get("npi") or "",
        name=location["name"],
        address=_address(location["address"], nine_digits=True),
    )


def _line(filing: Filing, line: Mapping[str, Any], place_of_service: str) -> x.ServiceLine:
    return x.ServiceLine(
        procedure_code=line["code"],
        charge=Decimal(line["charge"]),
        units=Decimal(line["units"]),
        service_date=date.fromisoformat(line["service_date"]),
        modifiers=tuple(line["modifiers"]),
        description=line["description"],
        diagnosis_pointers=tuple(line["diagnosis_pointers"]),
        place_of_service=line["place_of_service"] if line["place_of_service"] != place_of_service else "",
        line_control_number=line_control_number(filing.patient_control_number, line["line_number"]),
    )


# --- the file -------------------------------------------------------------------------------------------------------


def envelope(sender: Sender, control_number: int, usage_indicator: str, created: datetime) -> x.Batch837:
    """The file around the claims, still without any. `created` is the practice's local time."""
    profile = sender.profile
    return x.Batch837(
        sender_id=profile["submitter_id"],
        receiver_id=profile["receiver_id"],
        receiver_name=profile["receiver_name"],
        submitter_name=sender.name,
        contact_name="BILLING OFFICE",
        contact_phone=profile["phone"],
        usage_indicator=usage_indicator,
        interchange_control_number=control_number,
        group_control_number=control_number,
        created=created.replace(microsecond=0, tzinfo=None),
    )
