"""From a claim version and its practice to the record the 837P is written from (docs/crosswalk.md)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from activities.claims import line_control_number
from billing.practice import Clinician
from billing.vocabulary import ClinicianRole
from edi import x837p_records as x
from models.store.book import Book, PlanPage
from models.tables.claims import ClaimVersionRow
from models.tables.practice import PracticeRow

PATIENT_IS = {"spouse": "01", "child": "19", "other": "G8"}  # PAT01
RESPONSIBILITY = {1: "P", 2: "S", 3: "T"}  # SBR01
AT_HOME = ("10", "12")  # no service facility for the patient's home


def claim_record(practice: PracticeRow, book: Book, version: ClaimVersionRow) -> x.Claim837:
    """The claim as it goes out, from the visit as it was billed."""
    facts, coded = version.facts, version.coded
    administrative, compliance = facts["administrative"], facts["compliance"]
    coverage = min(administrative["coverages"], key=lambda one: one["rank"])
    payer = book.plan_named(coverage["plan_id"])
    return x.Claim837(
        patient_control_number=version.patient_control_number,
        charge=version.total_charge,
        place_of_service=coded["place_of_service"],
        billing=_billing(practice),
        subscriber=_subscriber(facts["patient"], coverage, payer),
        payer=x.Party(name=payer.payer_name, identifier=payer.payer_id),
        diagnoses=tuple(code.replace(".", "") for code in coded["diagnoses"]),
        lines=tuple(_line(version, line, coded["place_of_service"]) for line in coded["lines"]),
        patient=_dependent(facts["patient"], coverage),
        frequency_code=version.frequency_code,
        rendering=_clinician(book.clinicians.get(compliance["rendering_clinician_id"])),
        referring=_referring(administrative.get("referral")),
        supervising=_supervising(book.clinicians.get(compliance.get("supervising_clinician_id") or "")),
        service_facility=_facility(book, practice, administrative, coded["place_of_service"]),
        prior_authorization_number=version.prior_authorization_number or "",
        original_claim_number=version.original_reference or "",
        onset_date=_day(facts["clinical"].get("onset_date")),
        initial_treatment_date=_day(compliance["episode"]["started_on"]),
        patient_paid=Decimal(administrative["patient_paid"]) or None,
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


def _billing(practice: PracticeRow) -> x.Provider:
    profile = practice.profile
    return x.Provider(
        npi=profile["npi"],
        name=practice.name,
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


def _subscriber(patient: Mapping[str, Any], coverage: Mapping[str, Any], payer: PlanPage) -> x.Subscriber:
    return x.Subscriber(
        person=_person(coverage["subscriber"] if coverage["relationship"] != "self" else patient),
        member_id=coverage["member_id"],
        payer_responsibility=RESPONSIBILITY[coverage["rank"]],
        claim_filing_indicator=payer.claim_filing_indicator,
        group_number=coverage.get("group_number", ""),
    )


def _dependent(patient: Mapping[str, Any], coverage: Mapping[str, Any]) -> x.PatientRecord | None:
    if coverage["relationship"] == "self":
        return None
    return x.PatientRecord(person=_person(patient), relationship=PATIENT_IS[coverage["relationship"]])


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


def _facility(
    book: Book, practice: PracticeRow, administrative: Mapping[str, Any], place_of_service: str
) -> x.Provider | None:
    """Where it was done, when that is not the billing address (2310C)."""
    location = book.locations.get(administrative["location_id"])
    if place_of_service in AT_HOME or location is None or location["address"] == practice.profile["address"]:
        return None
    return x.Provider(
        npi=location.get("npi") or "",
        name=location["name"],
        address=_address(location["address"], nine_digits=True),
    )


def _line(version: ClaimVersionRow, line: Mapping[str, Any], place_of_service: str) -> x.ServiceLine:
    return x.ServiceLine(
        procedure_code=line["code"],
        charge=Decimal(line["charge"]),
        units=Decimal(line["units"]),
        service_date=date.fromisoformat(line["service_date"]),
        modifiers=tuple(line["modifiers"]),
        description=line["description"],
        diagnosis_pointers=tuple(line["diagnosis_pointers"]),
        place_of_service=line["place_of_service"] if line["place_of_service"] != place_of_service else "",
        line_control_number=line_control_number(version.patient_control_number, line["line_number"]),
    )
