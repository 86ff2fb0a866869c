"""One visit as the chart tells it: the shape of intake, of the JSON Schema we publish, and of every rule's input.

Four domains a therapy biller needs: clinical, timing, administrative, compliance. Unknown fields are refused, because a
misspelt field would otherwise be a fact silently lost.
"""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from billing.vocabulary import Discipline, Modality, ServiceMode, VisitKind

UNSTORABLE = "a text holds a character that cannot be stored (NUL, as a rule); remove it and send again"
MINUTES_PER_DAY = 24 * 60
SERVICES_MAX = 50  # 837P: at most 50 service lines a claim (005010X222A1)
DIAGNOSES_MAX = 12  # 837P: at most 12 diagnoses a claim (005010X222A1)
POINTERS_MAX = 4
MODIFIERS_MAX = 4

Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9]{5}$")]
Modifier = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9]{2}$")]
NPI = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\d{10}$")]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s<>,;:\"()]+@[^@\s<>,;:\"()]+$", max_length=254)
]
Dollars = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=2)]
Version = Annotated[int, Field(ge=1, le=2_147_483_647)]  # as wide as the database keeps it
Minutes = Annotated[int, Field(ge=0, le=MINUTES_PER_DAY)]


class Record(BaseModel):
    """Frozen, and strict about unknown fields; no text in it holds a NUL, which no database keeps (Postgres' text)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*")
    @classmethod
    def _can_be_kept(cls, value: Any) -> Any:
        texts = (value,) if isinstance(value, str) else value if isinstance(value, (tuple, list, frozenset)) else ()
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise ValueError(UNSTORABLE)
        return value


class Address(Record):
    """A United States postal address."""

    line1: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=55)]
    line2: Annotated[str, StringConstraints(strip_whitespace=True, max_length=55)] = ""
    city: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=30)]
    state: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    postal_code: Annotated[str, StringConstraints(pattern=r"^\d{5}(\d{4})?$")]


class Patient(Record):
    """Who was treated."""

    patient_id: Identifier = Field(description="The sender's own id of the patient; the same person, the same id.")
    first_name: Name
    last_name: Name
    middle_name: Annotated[str, StringConstraints(max_length=25)] = ""
    birth_date: date
    sex: Annotated[str, StringConstraints(pattern=r"^[FMU]$")] = Field(description="F, M or U (X12 DMG03).")
    address: Address
    email: Email | None = Field(
        default=None, description="Only where the patient agreed to be written to by e-mail (45 CFR 164.522(b))."
    )
    contact_preference: Annotated[str, StringConstraints(pattern=r"^(email|paper)$")] = "email"


class Diagnosis(Record):
    """One ICD-10-CM code; rank 1 is primary."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=3, max_length=8)]
    rank: int = Field(ge=1, le=DIAGNOSES_MAX)


class Goal(Record):
    """A goal of the plan of care as of this visit."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    term: Annotated[str, StringConstraints(pattern=r"^(short|long)$")] = "long"
    measurable: bool = True


class ObjectiveMeasure(Record):
    """A measured finding: range of motion, strength, an outcome score."""

    name: Name
    value: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    unit: Annotated[str, StringConstraints(max_length=20)] = ""


class Clinical(Record):
    """What was found and done."""

    visit_kind: VisitKind
    diagnoses: tuple[Diagnosis, ...] = Field(default=(), max_length=DIAGNOSES_MAX)
    goals: tuple[Goal, ...] = Field(default=(), max_length=50)
    objective_measures: tuple[ObjectiveMeasure, ...] = Field(default=(), max_length=100)
    re_evaluation_reason: Annotated[str, StringConstraints(max_length=500)] = ""
    onset_date: date | None = None
    habilitative: bool | None = Field(
        default=None, description="True: to learn a skill never had (96). False: to win one back (97). Unset: not said."
    )

    @model_validator(mode="after")
    def _ranks_are_unique(self) -> "Clinical":
        ranks = [diagnosis.rank for diagnosis in self.diagnoses]
        if len(set(ranks)) != len(ranks):
            raise ValueError("two diagnoses have the same rank")
        return self


class PersonMinutes(Record):
    """Minutes of skilled one-on-one (or group) care given by one person."""

    clinician_id: Identifier
    minutes: Minutes
    together_with_therapist: bool = Field(
        default=False,
        description="Treated at the same time as the therapist: the therapist's minutes (CMS 2020), counted once, "
        "also where the therapist's own entry holds them too.",
    )


class Service(Record):
    """One code of the visit with the minutes of each person who gave it."""

    code: Code
    minutes: tuple[PersonMinutes, ...] = Field(min_length=1, max_length=10)
    mode: ServiceMode = ServiceMode.INDIVIDUAL
    diagnosis_pointers: tuple[int, ...] = Field(default=(), max_length=POINTERS_MAX)
    modifiers: tuple[Modifier, ...] = Field(
        default=(), max_length=MODIFIERS_MAX, description="Modifiers the clinician states; Firstpass derives the rest."
    )
    start_time: time | None = None
    stop_time: time | None = None
    separate_block: bool = Field(
        default=False, description="Given in its own 15-minute block, apart from the visit's other services."
    )
    description: Annotated[str, StringConstraints(max_length=80)] = Field(
        default="", description="Required for unlisted codes (SV101-7)."
    )
    intervention: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)] = Field(
        default="", description="What the note says was done under this code, in the clinician's words."
    )
    units: int | None = Field(
        default=None, ge=0, le=999, description="What the chart counted; we compare, we do not trust."
    )

    @property
    def total_minutes(self) -> int:
        """Minutes on the clock: everybody's added up, those given together with the therapist counted once."""
        alone = sum(person.minutes for person in self.minutes if not person.together_with_therapist)
        together = max((person.minutes for person in self.minutes if person.together_with_therapist), default=0)
        return max(alone, together)


class Timing(Record):
    """Who spent how long on what."""

    services: tuple[Service, ...] = Field(min_length=1, max_length=SERVICES_MAX)
    total_timed_minutes: Minutes | None = Field(
        default=None, description="As documented in the note (Medicare wants it)."
    )
    total_treatment_minutes: Minutes | None = Field(default=None, description="Timed and untimed, as documented.")


class Subscriber(Record):
    """The person who holds the policy, when it is not the patient."""

    first_name: Name
    last_name: Name
    birth_date: date
    sex: Annotated[str, StringConstraints(pattern=r"^[FMU]$")]
    address: Address


class OtherCare(Record):
    """A stay or home-health episode whose own payment covers therapy, so that nobody else may bill it."""

    kind: Annotated[str, StringConstraints(pattern=r"^(home_health|skilled_nursing|hospice)$")]
    started_on: date
    ended_on: date | None = Field(default=None, description="Last day; unset while it goes on.")


class Eligibility(Record):
    """What the payer answered about a coverage (271, portal, telephone), as of the day it was asked."""

    checked_on: date
    active: bool
    reference: Annotated[str, StringConstraints(max_length=80)] = Field(
        default="", description="The answer's own number, or who said so."
    )
    effective_from: date | None = None
    effective_to: date | None = None
    protected: bool = Field(
        default=False, description="Qualified Medicare beneficiary: the patient owes no deductible, coinsurance, copay."
    )
    deductible_remaining: Dollars | None = Field(
        default=None, description="Dollars of the year's deductible still to be met on that day."
    )
    other_care: tuple[OtherCare, ...] = Field(default=(), max_length=10)


class Coverage(Record):
    """One plan that may pay; rank 1 pays first."""

    plan_id: Identifier = Field(description="A plan of the practice file.")
    rank: int = Field(ge=1, le=3)
    member_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=40)]
    group_number: Annotated[str, StringConstraints(max_length=50)] = ""
    relationship: Annotated[str, StringConstraints(pattern=r"^(self|spouse|child|other)$")] = "self"
    subscriber: Subscriber | None = None
    eligibility: Eligibility | None = None
    medicare_secondary_reason: Annotated[str, StringConstraints(pattern=r"^(12|13|14|15|16|41|42|43|47)?$")] = Field(
        default="", description="Why Medicare does not pay first (X12 SBR05), for a Medicare plan of rank 2 or 3."
    )

    @model_validator(mode="after")
    def _dependent_names_subscriber(self) -> "Coverage":
        if self.relationship != "self" and self.subscriber is None:
            raise ValueError("subscriber is required when relationship is not self")
        return self


class Referral(Record):
    """The signed order or referral behind the plan of care."""

    npi: NPI
    first_name: Name
    last_name: Name
    ordered_on: date | None = None
    expires_on: date | None = None


class Telehealth(Record):
    """What the note says of a visit by video or telephone."""

    consent: bool = Field(description="The patient agreed to be treated this way, and the note says so.")
    patient_at_home: bool | None = Field(default=None, description="Home is place of service 10, elsewhere 02.")


class Accident(Record):
    """What workers' compensation and auto plans want to know (X12 CLM11, DTP*439, REF*Y4)."""

    kind: Annotated[str, StringConstraints(pattern=r"^(auto|employment|other)$")]
    happened_on: date
    state: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = Field(
        default="", description="Where it happened; needed for an auto accident."
    )
    claim_number: Annotated[str, StringConstraints(max_length=50)] = Field(
        default="", description="The adjuster's number of the case."
    )

    @model_validator(mode="after")
    def _auto_names_state(self) -> "Accident":
        if self.kind == "auto" and not self.state:
            raise ValueError("an auto accident needs the state where it happened")
        return self


class Attachment(Record):
    """Records that go to the payer beside the claim (X12 PWK)."""

    report_type: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{2}$")] = Field(
        default="OZ", description="X12 PWK01; OZ is support data, 03 a report justifying treatment."
    )
    transmission: Annotated[str, StringConstraints(pattern=r"^(AA|BM|EL|EM|FT|FX)$")] = Field(
        description="X12 PWK02: BM mail, EL electronic, EM e-mail, FT file, FX fax, AA on request."
    )
    control_number: Annotated[str, StringConstraints(max_length=50)] = Field(
        default="", description="By which the payer finds it; none when it is available on request."
    )

    @model_validator(mode="after")
    def _found_by_number(self) -> "Attachment":
        if (self.transmission == "AA") == bool(self.control_number):
            raise ValueError("control_number is required, except with transmission AA (available on request)")
        return self


class Administrative(Record):
    """Where, for whom, under which permission."""

    location_id: Identifier
    place_of_service: Annotated[str, StringConstraints(pattern=r"^\d{2}$")] = Field(
        description="CMS place-of-service code."
    )
    modality: Modality = Modality.IN_PERSON
    telehealth: Telehealth | None = None
    coverages: tuple[Coverage, ...] = Field(min_length=1, max_length=3)
    referral: Referral | None = None
    authorization_number: Annotated[str, StringConstraints(max_length=50)] = ""
    referral_number: Annotated[str, StringConstraints(max_length=50)] = Field(default="", description="X12 REF*9F.")
    accident: Accident | None = None
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=10)
    claim_note: Annotated[str, StringConstraints(max_length=80)] = Field(
        default="", description="Words for the payer, where one insists (X12 NTE*ADD)."
    )
    delay_reason: Annotated[str, StringConstraints(pattern=r"^([1-9]|1[015])?$")] = Field(
        default="", description="Why the claim is late (X12 CLM20), e.g. 3 authorization delays."
    )
    patient_paid: Dollars = Field(default=Decimal("0.00"), description="Paid at the desk, in dollars.")

    @model_validator(mode="after")
    def _one_coverage_per_rank(self) -> "Administrative":
        ranks = sorted(coverage.rank for coverage in self.coverages)
        if ranks != list(range(1, len(ranks) + 1)):
            raise ValueError("coverages must be ranked 1, 2, 3 without a gap")
        return self

    @property
    def primary(self) -> Coverage:
        """The coverage that pays first."""
        return min(self.coverages, key=lambda coverage: coverage.rank)


class Signature(Record):
    """Who signed the note, and when."""

    clinician_id: Identifier
    signed_at: AwareDatetime
    kind: Annotated[str, StringConstraints(pattern=r"^(author|co_signer)$")] = "author"


class PlanOfCare(Record):
    """The plan of care the visit stands on (Medicare Benefit Policy Manual ch. 15, 220.1)."""

    plan_of_care_id: Identifier
    established_on: date
    effective_to: date | None = Field(default=None, description="End of the stated duration.")
    certified_on: date | None = Field(default=None, description="Date of the physician's or NPP's signature.")
    sent_to_certifier_on: date | None = Field(default=None, description="Evidence for the 2025 order exception.")
    certifier_npi: NPI | None = None
    recertified_on: date | None = None


class Episode(Record):
    """Patient, discipline and condition under care, from first day to discharge."""

    episode_id: Identifier
    started_on: date = Field(description="First treatment day, evaluation included.")
    treatment_days_before_firstpass: int = Field(
        default=0, ge=0, le=500, description="Treatment days since the last progress report that we were never sent."
    )


class Compliance(Record):
    """Who treated in which role, under whose eyes, on which papers."""

    rendering_clinician_id: Identifier = Field(description="The therapist in whose name the claim goes out.")
    supervising_clinician_id: Identifier | None = None
    signatures: tuple[Signature, ...] = Field(default=(), max_length=10)
    episode: Episode
    plan_of_care: PlanOfCare | None = None
    progress_reports: tuple[date, ...] = Field(default=(), max_length=100)


class Encounter(Record):
    """One visit, in the version the sender now holds to be true."""

    encounter_id: Identifier = Field(description="The sender's own id of the visit.")
    version: Version = Field(
        description="Rises with every change of the visit; the same version again changes nothing."
    )
    date_of_service: date
    discipline: Discipline
    booking_id: Identifier | None = Field(default=None, description="The booking this visit was, where one was sent.")
    cancelled: bool = Field(default=False, description="The visit did not happen or must not be billed.")
    patient: Patient
    clinical: Clinical
    timing: Timing
    administrative: Administrative
    compliance: Compliance
    sent_at: datetime | None = Field(default=None, description="When the sender sent it; informative.")
