"""A practice as a file: who works there, which plans pay, on which terms. Loaded by ``firstpass import PRACTICE.json``.

Plan terms decide everything that differs between payers; nothing is inferred from "government" or "commercial". Terms,
fees and authorizations are effective-dated, and a rule is always evaluated with the terms of the date of service.
"""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from billing.encounter import NPI, Address, Code, Dollars, Identifier, Modifier, Name, Record, Version
from billing.vocabulary import (
    AuthorizationKind,
    AuthorizationNeed,
    Care,
    ClinicianRole,
    Discipline,
    FilingStart,
    FinancialNotice,
    LimitMeasure,
    LimitPeriod,
    Role,
    SameDayCounting,
    UnitMethod,
    UnitOfMeasure,
)

FREQUENCY_DAYS_MAX = 731  # two years back is the farthest a frequency limit looks
AUTHORIZATION_YEAR_MAX = 2199  # dates are counted on from here
COUNTED_MAX = 10_000  # visits or units of one authorization
SCHEMA = "firstpass/practice/1"
Taxonomy = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{10}$")]


class Location(Record):
    """A place where the practice treats."""

    location_id: Identifier
    name: Name
    address: Address
    npi: NPI | None = None


class Clinician(Record):
    """A person who treats."""

    clinician_id: Identifier
    first_name: Name
    last_name: Name
    credentials: Annotated[str, StringConstraints(max_length=20)] = ""
    role: ClinicianRole
    discipline: Discipline
    npi: NPI | None = None
    taxonomy: Taxonomy | None = None
    license_number: Annotated[str, StringConstraints(max_length=30)] = ""

    @model_validator(mode="after")
    def _therapist_has_npi(self) -> "Clinician":
        if self.role is ClinicianRole.THERAPIST and self.npi is None:
            raise ValueError("a therapist needs an npi: claims go out in the therapist's name")
        return self


class BenefitLimit(Record):
    """How much of a benefit a plan pays for in a period, whoever treats.

    hard: a contract exclusion, beyond which the plan denies (CARC 119, 35, 149, 273, as a rule PR). Soft: beyond it the
    plan wants necessity shown, or prior authorization. combined: the disciplines share the quantity; otherwise each has
    it. networks_pooled: care in and out of network counts together, so what was used elsewhere includes both.
    """

    limit_id: Identifier
    measure: LimitMeasure = LimitMeasure.VISITS
    quantity: Decimal = Field(gt=0, le=1_000_000, description="Visits, or allowed dollars.")
    period: LimitPeriod = LimitPeriod.CALENDAR_YEAR
    plan_year_month: int = Field(default=1, ge=1, le=12, description="The plan year's first month.")
    plan_year_day: int = Field(default=1, ge=1, le=28, description="The plan year's first day of that month.")
    disciplines: tuple[Discipline, ...] = Field(min_length=1, max_length=3)
    combined: bool = True
    care: Care = Field(default=Care.ANY, description="Only habilitative (96) or rehabilitative care counts, or any.")
    networks_pooled: bool = True
    evaluations_count: bool = True
    day_counts_once: bool = Field(default=False, description="Several disciplines on one day are one visit.")
    hard: bool = True
    warn_left: Decimal | None = Field(default=None, ge=0, description="Warn from so much left on; unset: 3, or 10 %.")
    source: str = Field(default="practice default", description="Where the limit was read, and when.")

    @model_validator(mode="after")
    def _visits_are_whole(self) -> "BenefitLimit":
        if self.measure is LimitMeasure.VISITS and self.quantity != self.quantity.to_integral_value():
            raise ValueError(f"limit {self.limit_id}: visits are counted whole; give {int(self.quantity)} or one more")
        return self


class FrequencyLimit(Record):
    """At most so many visits, or units, with any of these codes within a period; the template of a payer's rule.

    days: any so many days in a row, this visit the last of them; unset: the calendar month or year. Source of each: the
    payer's manual.
    """

    codes: tuple[Code, ...] = Field(min_length=1, max_length=50)
    at_most: int = Field(ge=1, le=1_000)
    counts: Annotated[str, StringConstraints(pattern=r"^(visits|units)$")] = "visits"
    days: int | None = Field(default=None, ge=1, le=FREQUENCY_DAYS_MAX)
    calendar: Annotated[str, StringConstraints(pattern=r"^(month|year)$")] = "year"
    source: Annotated[str, StringConstraints(max_length=200)] = "practice default"

    def first_day(self, on: date) -> date:
        """Where the period that ends with a date of service begins."""
        if self.days is not None:
            return on - timedelta(days=self.days - 1)
        return on.replace(day=1) if self.calendar == "month" else date(on.year, 1, 1)


class AgeLimit(Record):
    """Ages, in full years, for which a plan pays these codes."""

    codes: tuple[Code, ...] = Field(min_length=1, max_length=50)
    from_age: int = Field(default=0, ge=0, le=130)
    to_age: int = Field(default=130, ge=0, le=130, description="Last age included: 20 for under 21.")
    source: Annotated[str, StringConstraints(max_length=200)] = "practice default"


class PlanTerms(Record):
    """What a plan wants, for dates of service in [effective_from, effective_to]. Defaults are the practice's own."""

    effective_from: date
    effective_to: date | None = None
    source: str = Field(default="practice default", description="Where the terms were read, and when.")
    # units and modifiers
    unit_method: UnitMethod = UnitMethod.PER_CODE_MIDPOINT
    discipline_modifier_required: bool = True
    assistant_modifier_required: bool = False
    kx_threshold_applies: bool = False
    modifier_order: tuple[str, ...] = ("discipline", "assistant", "kx", "distinct", "telehealth", "other")
    telehealth_modifier_required: bool = True
    telehealth_allowed: bool = True
    ncci_applies: bool = True
    excluded_codes: tuple[Code, ...] = ()
    substituted_codes: dict[str, str] = Field(default_factory=dict, description="e.g. 97014 -> G0283 for Medicare.")
    required_modifiers: dict[str, Modifier] = Field(
        default_factory=dict, description="code -> modifier the plan wants."
    )
    timed_units_per_day_max: int | None = None
    modalities_per_day_max: int | None = Field(default=None, ge=0, description="Modality codes paid in one session.")
    frequency_limits: tuple[FrequencyLimit, ...] = Field(default=(), max_length=50)
    age_limits: tuple[AgeLimit, ...] = Field(default=(), max_length=50)
    habilitative_modifier_required: bool = Field(
        default=False, description="Every line says 96 or 97, where the plan counts them apart."
    )
    distinct_modifier: Modifier = Field(default="59", description="59, or the X modifier the plan prefers.")
    kx_per_line: bool = Field(default=False, description="KX from the crossing line on; otherwise on the whole day.")
    bundled_pairs: tuple[tuple[Code, Code], ...] = Field(default=(), description="Pairs the plan's own editor bundles.")
    # documentation
    plan_of_care_required: bool = True
    certification_required: bool = False
    certification_days: int = 30
    certification_order_exception: bool = False
    recertification_days: int = 90
    progress_report_every_days: int | None = Field(default=None, description="Treatment days per progress report.")
    referral_required: bool = False
    start_stop_times_required: bool = False
    treatment_minutes_required: bool = Field(default=False, description="Total timed and total treatment minutes.")
    co_signature_required: bool = True
    note_signed_within_days: int = 30
    telehealth_consent_required: bool = Field(default=False, description="The note of a virtual visit states consent.")
    intervention_text_required: bool = Field(default=False, description="The note says what was done under each code.")
    eligibility_check_days: int | None = Field(
        default=None, ge=0, description="Eligibility is asked at most so many days before the visit."
    )
    # authorization
    authorization_need: AuthorizationNeed = AuthorizationNeed.NONE
    authorization_after_visits: int = 0
    evaluation_exempt: bool = True
    authorization_lead_days: int = Field(default=7, description="The payer's usual time to answer.")
    same_day_counting: SameDayCounting = Field(
        default=SameDayCounting.PER_DISCIPLINE,
        description="How many visits one date of service uses: per_discipline, once (PT and OT together), per_visit.",
    )
    combined_disciplines: tuple[Discipline, ...] = Field(
        default=(), description="Disciplines that share one authorization, as PT and OT often do."
    )
    cms_0057_applies: bool = Field(
        default=False,
        description="Medicare Advantage, Medicaid, CHIP: answers in 7 calendar days, urgent in 72 hours, from 2026 on.",
    )
    authorization_answer_business_days: int = Field(
        default=10, ge=1, description="The payer's own clock, where CMS-0057-F does not apply (practice default)."
    )
    authorization_urgent_hours: int = Field(default=72, ge=1, description="The payer's clock for urgent requests.")
    # benefit limits
    benefit_limits: tuple[BenefitLimit, ...] = Field(default=(), max_length=20)
    patient_may_be_billed_beyond_limit: bool = Field(
        default=True, description="The contract lets patients pay for visits beyond authorization or limit."
    )
    financial_notice: FinancialNotice = Field(
        default=FinancialNotice.WAIVER, description="What the patient signs before: none, waiver, or Medicare's abn."
    )
    financial_notice_in_advance: bool = Field(default=True, description="Signed on the day of the visit at the latest.")
    # claims
    timely_filing_days: int = 180
    timely_filing_months: int | None = Field(default=None, description="Calendar months instead of days (Medicare 12).")
    corrected_claim_days: int = 180
    appeal_days: int = 180
    accepts_replacement: bool = Field(default=True, description="Takes frequency 7 with the payer's control number.")
    follow_up_after_days: int = Field(default=21, description="Silence after acceptance before a person looks.")
    # when this plan pays after another (X12 005010X222A1 loops 2320, 2330, 2430)
    crossover: bool = Field(
        default=False,
        description="Gets its claims from the plan that pays before it: waited for, not filed by us. "
        "Without it, the first plan's remittance tells (CLP02 19-21, MA18, MA07, N89).",
    )
    crossover_wait_days: int = Field(
        default=30, ge=1, description="How long the answer to a claim passed on is waited for (practice default)."
    )
    secondary_filing_counts_from: FilingStart = Field(
        default=FilingStart.REMITTANCE,
        description="What the filing limit counts from when this plan pays after another: the remittance of the plan "
        "before it (practice default), or the service (Medicare, 42 CFR 424.44).",
    )
    secondary_accepts_electronic: bool = Field(
        default=True, description="Takes an 837P with the first plan's decision; otherwise a person bills it."
    )
    # money
    allowed_percent_of_fee: Decimal = Field(default=Decimal("62"), ge=0, le=100)
    allowed_amounts: dict[str, Dollars] = Field(default_factory=dict, description="code -> allowed per unit, dollars.")
    mppr_percent: Decimal = Field(
        default=Decimal("0"), description="Cut of practice expense on 2nd+ units (Medicare 50)."
    )
    assistant_percent: Decimal = Field(default=Decimal("100"), description="Share of the plan's part paid for CQ/CO.")
    coinsurance_percent: Decimal = Field(default=Decimal("20"))
    copay: Dollars = Decimal("0.00")
    sequestration_percent: Decimal = Field(default=Decimal("0"))
    underpayment_tolerance: Dollars | None = Field(
        default=Decimal("5.00"),
        description=(
            "How much less than allowed_amounts say a claim may be answered with before a person looks (practice "
            "default); compared only where every code billed is among them. null: never."
        ),
    )

    @model_validator(mode="after")
    def _limits_have_names_of_their_own(self) -> "PlanTerms":
        names = [limit.limit_id for limit in self.benefit_limits]
        if len(set(names)) != len(names):
            raise ValueError("two benefit_limits have the same limit_id")
        return self


class Plan(Record):
    """One product of a payer."""

    plan_id: Identifier
    name: Name
    terms: tuple[PlanTerms, ...] = Field(min_length=1, max_length=40)

    @model_validator(mode="after")
    def _terms_do_not_overlap(self) -> "Plan":
        ordered = sorted(self.terms, key=lambda terms: terms.effective_from)
        for earlier, later in pairwise(ordered):
            if earlier.effective_to is None or earlier.effective_to >= later.effective_from:
                raise ValueError(f"terms from {later.effective_from} overlap those from {earlier.effective_from}")
        return self


class Payer(Record):
    """Who receives claims and pays them."""

    payer_id: Annotated[str, StringConstraints(min_length=2, max_length=30)] = Field(
        description="Clearinghouse id, NM109."
    )
    name: Name
    claim_filing_indicator: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{2}$")] = Field(
        description="X12 SBR09."
    )
    connection: Identifier = Field(default="clearinghouse", description="Through which connection claims are sent.")
    plans: tuple[Plan, ...] = Field(min_length=1, max_length=100)


class Fee(Record):
    """What the practice charges for one unit of a code."""

    code: Code
    amount: Dollars
    effective_from: date
    effective_to: date | None = None


class User(Record):
    """Somebody who logs in. The password is hashed at load and never kept."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    name: Name
    role: Role
    password: Annotated[str, StringConstraints(min_length=8, max_length=200)] | None = None
    clinician_id: Identifier | None = None


Quantity = Annotated[Decimal, Field(ge=0, le=100_000, max_digits=8, decimal_places=2)]


class AuthorizationRecord(Record):
    """What a payer has granted."""

    authorization_id: Identifier
    version: Version = Field(default=1, description="Rises with every change; an older or equal one is known.")
    number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50)] = Field(
        default="", description="Empty while the payer has approved and its number is still to come."
    )
    kind: AuthorizationKind = AuthorizationKind.PRIOR_AUTHORIZATION
    patient: Identifier = Field(description="The sender's patient_id.")
    plan_id: Identifier
    disciplines: tuple[Discipline, ...] = Field(min_length=1, max_length=3)
    unit_of_measure: UnitOfMeasure = UnitOfMeasure.VISITS
    quantity: Quantity = Field(default=Decimal(0), description="In the unit of measure; dollars have cents.")
    code_quantities: dict[Code, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, description="code -> units, for units_per_code; their sum is the quantity."
    )
    used_before_firstpass: Quantity = Decimal(0)
    codes: tuple[Code, ...] = Field(default=(), description="Empty: every code.")
    clinician_npis: tuple[NPI, ...] = Field(default=(), description="Empty: every clinician.")
    diagnoses: tuple[Annotated[str, StringConstraints(to_upper=True, min_length=3, max_length=8)], ...] = Field(
        default=(), description="ICD-10-CM codes or categories; empty: every diagnosis."
    )
    effective_from: date
    effective_to: date
    status: Literal["active", "voided"] = "active"

    @model_validator(mode="after")
    def _dates_in_order(self) -> "AuthorizationRecord":
        if self.effective_to.year > AUTHORIZATION_YEAR_MAX:
            raise ValueError(f"effective_to is after {AUTHORIZATION_YEAR_MAX}; give the last day the payer named")
        if self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self

    @model_validator(mode="after")
    def _counts_something(self) -> "AuthorizationRecord":
        per_code = self.unit_of_measure is UnitOfMeasure.UNITS_PER_CODE
        if per_code != bool(self.code_quantities):
            raise ValueError("code_quantities are given with units_per_code, and only then")
        if not per_code and self.quantity <= 0:
            raise ValueError("quantity must be above zero")
        whole = self.unit_of_measure is not UnitOfMeasure.DOLLARS
        if whole and any(amount != int(amount) for amount in (self.quantity, self.used_before_firstpass)):
            raise ValueError("visits and units are whole numbers; only dollars have cents")
        if whole and self.total > COUNTED_MAX:
            raise ValueError(f"more than {COUNTED_MAX:,} visits or units are hardly what the payer granted")
        return self

    @property
    def total(self) -> Decimal:
        """The quantity as it is kept: of units_per_code the sum."""
        per_code = sum(self.code_quantities.values())
        return Decimal(per_code) if self.code_quantities else self.quantity

    @property
    def all_codes(self) -> tuple[str, ...]:
        """The codes it is good for; those of units_per_code are named by their quantities."""
        return tuple(sorted({*self.codes, *self.code_quantities}))


class DeskSettings(Record):
    """How a practice runs its desk. All are practice defaults."""

    acknowledgement_days: int = Field(default=2, ge=1, description="Business days to wait for a 999 or 277CA.")
    statement_days: int = Field(default=30, ge=1, description="Days a statement may stay unpaid before a person looks.")
    patient_call_threshold: Dollars = Field(
        default=Decimal("150.00"), description="A patient balance from here on goes to a person at once."
    )
    write_off_limit: Dollars = Field(default=Decimal("50.00"), description="A biller may write off up to this alone.")
    patient_notices: bool = Field(default=True, description="Tell patients by letter when few visits are left.")
    print_notices: bool = Field(default=False, description="Without e-mail, ask the front desk to print the letter.")
    denial_routing_hours: int = Field(default=48, ge=1)
    clinician_answer_days: int = Field(
        default=2, ge=1, le=30, description="Business days an item asked of a clinician sleeps without an answer."
    )
    ownership_release_days: int = Field(
        default=3, ge=1, le=60, description="Business days after which an item nobody touched is everybody's again."
    )
    capacity_per_day: int = Field(
        default=40, ge=1, le=1_000, description="Items a person closes on a working day, where nothing else is known."
    )
    hold_due_hours: int = Field(
        default=24, ge=1, description="A documentation, authorization or scrub hold is due then."
    )
    # order of a queue (billing.priority)
    rank_hours_per_100_dollars: Decimal = Field(
        default=Decimal(6), ge=0, le=100, description="How much earlier $100 likely to be paid put an item."
    )
    rank_hours_max: int = Field(default=72, ge=0, le=1_000, description="Dollars move an item by no more than this.")
    rank_hours_escalated: int = Field(default=48, ge=0, le=1_000)
    rank_days_without_deadline: int = Field(default=14, ge=0, le=365)
    chance_paid: dict[str, Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="kind or queue -> percent of the dollars at stake that usually come in."
    )
    # clocks of the desk (billing.service_clock), and how long a lease lasts without a sign of life
    opens_at_hour: int = Field(default=8, ge=0, le=23)
    closes_at_hour: int = Field(default=18, ge=1, le=23)
    closed_on: tuple[date, ...] = Field(default=(), description="Days off besides federal holidays.")
    service_hours: dict[str, Annotated[int, Field(ge=1, le=1_000)]] = Field(
        default_factory=dict, description="queue -> business hours within which an item should have been worked."
    )
    lease_minutes: int = Field(default=10, ge=2, le=120)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "DeskSettings":
        if self.opens_at_hour >= self.closes_at_hour:
            raise ValueError("closes_at_hour must be later than opens_at_hour")
        return self


class Practice(Record):
    """The practice file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["firstpass/practice/1"] = Field(alias="schema")
    practice_id: Identifier
    name: Name
    npi: NPI
    tax_id: Annotated[str, StringConstraints(pattern=r"^\d{9}$")]
    taxonomy: Taxonomy
    address: Address
    phone: Annotated[str, StringConstraints(pattern=r"^\d{10}$")]
    time_zone: str = "America/Chicago"
    submitter_id: Identifier
    receiver_id: Identifier
    receiver_name: Name = "CLEARINGHOUSE"
    locations: tuple[Location, ...] = Field(min_length=1)
    clinicians: tuple[Clinician, ...] = Field(min_length=1)
    payers: tuple[Payer, ...] = Field(min_length=1)
    fees: tuple[Fee, ...] = Field(min_length=1)
    users: tuple[User, ...] = ()
    authorizations: tuple[AuthorizationRecord, ...] = ()
    desk: DeskSettings = DeskSettings()

    @model_validator(mode="after")
    def _names_point_somewhere(self) -> "Practice":
        plans = [plan.plan_id for payer in self.payers for plan in payer.plans]
        if len(set(plans)) != len(plans):
            raise ValueError("two plans have the same plan_id")
        for authorization in self.authorizations:
            if authorization.plan_id not in plans:
                raise ValueError(f"authorization {authorization.authorization_id}: no plan {authorization.plan_id}")
        return self
