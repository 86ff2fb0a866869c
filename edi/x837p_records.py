"""The records of a professional claim: what the 837P (005010X222A1) says, in the trade's words.

All amounts are dollars (`Decimal`), dates are dates of service in the practice's zone, codes are as on the wire.
A blank text means "not sent". The writer upper-cases and cleans; a record read back equals the cleaned record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from edi.findings import Problem
from edi.values import Adjustment


@dataclass(frozen=True, slots=True)
class Address:
    """N3 and N4. `zip_code` is digits only, nine for billing providers."""

    street: str
    city: str
    state: str
    zip_code: str
    street2: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A patient or subscriber. `sex` is F, M or U."""

    last_name: str
    first_name: str = ""
    middle_name: str = ""
    suffix: str = ""
    birth_date: date | None = None
    sex: str = ""
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation with an identifier: a payer (PI or XV). `secondary_ids` are (REF qualifier, value)."""

    name: str
    identifier: str = ""
    identifier_qualifier: str = "PI"
    address: Address | None = None
    secondary_ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A billing, rendering, referring or supervising provider, or a service facility.

    `name` is the organisation's name or the person's last name; `taxonomy` is the NUCC code; `tax_id` goes out for the
    billing provider only (`tax_id_qualifier` EI, or SY for a social security number).
    """

    npi: str
    name: str
    first_name: str = ""
    middle_name: str = ""
    suffix: str = ""
    is_person: bool = False
    taxonomy: str = ""
    address: Address | None = None
    tax_id: str = ""
    tax_id_qualifier: str = "EI"
    secondary_ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who holds the coverage. `payer_responsibility` is P, S or T (SBR01); `medicare_secondary_reason` is SBR05."""

    person: Person
    member_id: str
    payer_responsibility: str = "P"
    claim_filing_indicator: str = "CI"
    group_number: str = ""
    group_name: str = ""
    medicare_secondary_reason: str = ""
    is_organization: bool = False


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """The patient when he is not the subscriber. `relationship` is PAT01: 01 spouse, 19 child, G8 other ..."""

    person: Person
    relationship: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """Paperwork that goes beside the claim (PWK), found again by `control_number`.

    `report_type` is PWK01 (OZ support data, 03 report justifying treatment, M1 medical record attachment ...);
    `transmission` is PWK02: BM mail, EL electronically, EM e-mail, FX fax, FT file transfer, AA available on request
    (then there is no control number).
    """

    report_type: str
    transmission: str
    control_number: str = ""


@dataclass(frozen=True, slots=True)
class LineAdjudication:
    """What another payer decided on one of our lines (2430). `line_number` counts our lines from 1."""

    line_number: int
    paid: Decimal
    procedure_code: str
    modifiers: tuple[str, ...] = ()
    units: Decimal = Decimal(1)
    adjustments: tuple[Adjustment, ...] = ()
    adjudication_date: date | None = None
    remaining_patient_liability: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OtherPayer:
    """Another payer of the same claim (2320, 2330): who it is, what it paid, and why not more (remarks: MOA).

    `adjustments` are claim-level; give either those or line adjudications, never the same dollar twice.
    """

    payer: Party
    subscriber: Person
    member_id: str
    payer_responsibility: str = "P"
    relationship: str = "18"
    claim_filing_indicator: str = "CI"
    group_number: str = ""
    group_name: str = ""
    medicare_secondary_reason: str = ""
    paid_amount: Decimal | None = None
    remaining_patient_liability: Decimal | None = None
    adjustments: tuple[Adjustment, ...] = ()
    adjudication_date: date | None = None
    payer_claim_control_number: str = ""
    benefits_assigned: str = "Y"
    release_of_information: str = "Y"
    remark_codes: tuple[str, ...] = ()
    lines: tuple[LineAdjudication, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One SV1. `units` are whole units (UN); place, providers and numbers only where they differ from the claim's.

    `epsdt`: the service came of a screening of a child (SV111, Medicaid). `ordering` is for tests and equipment, not
    for therapy under a plan of care.
    """

    procedure_code: str
    charge: Decimal
    units: Decimal
    service_date: date
    modifiers: tuple[str, ...] = ()
    description: str = ""
    diagnosis_pointers: tuple[int, ...] = (1,)
    place_of_service: str = ""
    line_control_number: str = ""
    prior_authorization_number: str = ""
    note: str = ""
    service_date_end: date | None = None
    rendering: Provider | None = None
    service_facility: Provider | None = None
    supervising: Provider | None = None
    ordering: Provider | None = None
    referring: Provider | None = None
    referral_number: str = ""
    epsdt: bool = False
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim837:
    """One CLM with its lines and everybody on it. `patient` is None when the patient is the subscriber.

    `original_claim_number` is the payer's number (REF*F8) for frequency 7 and 8; `accident_type` is AA, EM or OA
    (auto, employment, other); `special_program` is CLM12 (02 handicapped children, 03 federal funding, 05 disability,
    09 second opinion); `epsdt_conditions` are CRC*ZZ codes (AV, NU, S2, ST); `service_authorization_exception` is
    REF*4N, 1 to 7; dates of disability and work are for workers' compensation; `unread` holds raw segments of a claim
    read that have no field here.
    """

    patient_control_number: str
    charge: Decimal
    place_of_service: str
    billing: Provider
    subscriber: Subscriber
    payer: Party
    diagnoses: tuple[str, ...]
    lines: tuple[ServiceLine, ...]
    patient: PatientRecord | None = None
    frequency_code: str = "1"
    rendering: Provider | None = None
    referring: Provider | None = None
    primary_care: Provider | None = None
    supervising: Provider | None = None
    service_facility: Provider | None = None
    pay_to: Address | None = None
    prior_authorization_number: str = ""
    referral_number: str = ""
    original_claim_number: str = ""
    clearinghouse_trace_number: str = ""
    medical_record_number: str = ""
    property_casualty_claim_number: str = ""
    onset_date: date | None = None
    initial_treatment_date: date | None = None
    last_seen_date: date | None = None
    acute_manifestation_date: date | None = None
    accident_date: date | None = None
    disability_from: date | None = None
    disability_to: date | None = None
    last_worked_date: date | None = None
    return_to_work_date: date | None = None
    accident_type: str = ""
    accident_state: str = ""
    delay_reason: str = ""
    special_program: str = ""
    service_authorization_exception: str = ""
    epsdt_conditions: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    note: str = ""
    patient_paid: Decimal | None = None
    provider_signature: str = "Y"
    assignment: str = "A"
    benefits_assigned: str = "Y"
    release_of_information: str = "Y"
    other_payers: tuple[OtherPayer, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch837:
    """One file to one clearinghouse: one ISA, one GS, one ST per claim (claim n has ST02 = n, from 0001).

    `usage_indicator` is T (test) or P (production); `created` is written as it reads, to the second.
    """

    sender_id: str
    receiver_id: str
    receiver_name: str
    submitter_name: str
    contact_name: str
    contact_phone: str
    usage_indicator: str
    interchange_control_number: int
    group_control_number: int
    created: datetime
    claims: tuple[Claim837, ...] = ()
    contact_email: str = ""
    sender_qualifier: str = "ZZ"
    receiver_qualifier: str = "ZZ"
    application_sender: str = ""
    application_receiver: str = ""
    problems: tuple[Problem, ...] = ()
