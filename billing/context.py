"""Everything a rule may know about a visit besides the visit itself. Gathered by activities, read by checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.blocks import Block
from billing.encounter import Coverage
from billing.mue import UnitTable
from billing.ncci import PairTable
from billing.practice import Clinician, Fee, PlanTerms
from billing.rule_set import NO_RULES, RuleSet
from billing.vocabulary import Care, Discipline, LimitSource, SameDayCounting, UnitOfMeasure


@dataclass(frozen=True, slots=True)
class AuthorizationBalance:
    """An authorization of the patient with what is left of it for the visit or booking at hand (its own not counted).

    number: empty while it is still to come. left, code_left: in the unit of measure. Empty codes, clinician_npis,
    diagnoses: every one. counted: days that count already (see billing.authorization_ledger). typical: what a visit
    used on average, None before the first.
    """

    authorization_id: str
    number: str
    plan_id: str
    disciplines: tuple[Discipline, ...]
    unit_of_measure: UnitOfMeasure
    codes: tuple[str, ...]
    effective_from: date
    effective_to: date
    left: Decimal
    code_left: Mapping[str, Decimal] = field(default_factory=dict)
    clinician_npis: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    same_day: SameDayCounting = SameDayCounting.PER_DISCIPLINE
    counted: frozenset[tuple[str, str]] = frozenset()
    typical: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NoneNeeded:
    """A payer's answer that no authorization is needed, for those disciplines and days (both included): proof."""

    plan_id: str
    disciplines: tuple[Discipline, ...]
    effective_from: date
    effective_to: date
    said_by: str
    said_on: date
    reference: str


@dataclass(frozen=True, slots=True)
class PriorVisit:
    """An earlier (or same-day) visit of the same patient that is billed or being billed.

    lines: (code, modifiers, units) of its claim, for duplicates and pairs across the day.
    """

    encounter_id: str
    date_of_service: date
    discipline: Discipline
    episode_id: str
    rendering_clinician_id: str
    lines: tuple[tuple[str, tuple[str, ...], int], ...] = ()
    is_evaluation: bool = False
    same_plan: bool = True


@dataclass(frozen=True, slots=True)
class LimitUse:
    """Another visit of the patient under the same plan that uses, or will use, its benefits. dollars: allowed."""

    encounter_id: str
    date_of_service: date
    discipline: Discipline
    dollars: Decimal
    care: Care = Care.REHABILITATIVE
    is_evaluation: bool = False


@dataclass(frozen=True, slots=True)
class LimitReport:
    """What others used of a benefit limit in the period that began on a day, as somebody told us on ``as_of``."""

    limit_id: str
    discipline: Discipline | None
    period_start: date
    used_elsewhere: Decimal
    as_of: date
    source: LimitSource
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class VisitContext:
    """Facts around a visit, as of ``today`` (a date in the practice's time zone; rules have no clock of their own).

    terms: of the primary plan on the date of service; None when the plan has none that day.
    treatment_days: dates of service of the episode and discipline up to and including this visit, ascending, distinct.
    therapy_accrued: allowed dollars this calendar year in this visit's Medicare bucket (PT with SLP, or OT), this
        visit not counted; other clinics' use is in it as far as it was told.
    limit_uses, limit_reports: what benefit limits are counted from (billing.benefits), the latest report of each.
    corrects: a claim filed now would replace one the payer has; the plan's limit for corrected claims counts.
    other_blocks: one-on-one time of this visit's clinicians in other visits of the day, whoever the patient is.
    pairs, unit_edits: code pairs and units a day the practice imported; None means those shipped with Firstpass.
    practice_rules: the practice's own published rules, of whatever scope and dates.
    """

    today: date
    practice_npi: str
    payer_id: str
    plan_id: str
    coverage: Coverage
    terms: PlanTerms | None
    clinicians: dict[str, Clinician]
    fees: tuple[Fee, ...]
    location_ids: frozenset[str]
    treatment_days: tuple[date, ...] = ()
    progress_reports: tuple[date, ...] = ()
    prior_visits: tuple[PriorVisit, ...] = ()
    authorizations: tuple[AuthorizationBalance, ...] = ()
    none_needed: tuple[NoneNeeded, ...] = ()
    therapy_accrued: Decimal = Decimal("0.00")
    limit_uses: tuple[LimitUse, ...] = ()
    limit_reports: tuple[LimitReport, ...] = ()
    other_blocks: tuple[Block, ...] = ()
    corrects: bool = False
    overridden: frozenset[str] = field(default_factory=frozenset)
    pairs: PairTable | None = None
    unit_edits: UnitTable | None = None
    practice_rules: RuleSet = NO_RULES
