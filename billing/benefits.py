"""Benefit limits: what a plan pays for in a period, what is used of it here and elsewhere, and what this visit adds.

Nothing is counted up: what is used is summed anew from the patient's visits whenever a visit is judged. What other
clinics used is known only as somebody told it, with the day of the report. Medicare's therapy threshold (KX) and its
medical review are limits like any other, in allowed dollars, PT with SLP together and OT apart (42 USC 1395l(g)).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from billing import annual
from billing.authorization import AuthorizationChoice
from billing.chart.common import is_evaluation
from billing.checks import Catalog, Problem
from billing.coding import CodedClaim, terms_of
from billing.context import LimitReport, LimitUse, VisitContext
from billing.encounter import Encounter
from billing.findings import Finding, Step
from billing.practice import BenefitLimit, PlanTerms
from billing.vocabulary import Care, Discipline, LimitMeasure, LimitPeriod, LimitSource, Owner, Severity

SUBJECT = "benefit limit"
HABILITATIVE_MODIFIER = "96"
ZERO = Decimal("0.00")
WARN_VISITS_LEFT = Decimal(3)  # founding playbook: flag at 3 and 2 left (practice default)
WARN_DOLLARS_LEFT = Decimal("0.10")  # of the quantity (practice default)

THRESHOLD, REVIEW = "therapy-threshold", "medical-review"
BUCKETS: dict[str, tuple[Discipline, ...]] = {
    "pt-slp": (Discipline.PT, Discipline.SLP),
    "ot": (Discipline.OT,),
}
REVIEW_SOURCE = "BBA 2018, s. 50202: $3,000 through 2027, then indexed"

BENEFITS: Catalog[[]] = Catalog()

BEYOND_HARD = BENEFITS.declare(
    "B1",
    "Within the plan's limit",
    "The visit does not pass a benefit limit the contract excludes payment beyond.",
    why="Beyond it the plan denies (CARC 119, 35, 149, 273); the patient must know before, not from a bill.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
)
BEYOND_SOFT = BENEFITS.declare(
    "B2",
    "Necessity shown beyond a soft limit",
    "A visit beyond a soft limit has prior authorization, or a person says why it is necessary.",
    why="The plan pays beyond it only where it was asked, or where the record shows the need.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)
NEAR = BENEFITS.declare(
    "B3",
    "Limit in sight",
    "Little is left of a benefit limit after this visit.",
    why="The patient can still choose which visits to have, and an extension can still be asked for.",
    severity=Severity.WARN,
    owner=Owner.FRONT_DESK,
)
UNDER_REVIEW = BENEFITS.declare(
    "B4",
    "Medical review threshold",
    "The year's allowed amounts stay below the threshold of Medicare's targeted medical review.",
    why="Above it Medicare may ask for the records of any claim; they should be ready.",
    severity=Severity.WARN,
    owner=Owner.BILLER,
    source=REVIEW_SOURCE,
)


HOLDING = (BEYOND_HARD.id, BEYOND_SOFT.id)


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit as a visit meets it, in its measure (visits or allowed dollars).

    used_elsewhere, as_of: None where nobody told. this_visit: what the visit adds. left: before this visit.
    """

    limit: BenefitLimit
    disciplines: tuple[Discipline, ...]
    period_start: date
    period_end: date
    used_here: Decimal
    used_elsewhere: Decimal | None
    as_of: date | None
    this_visit: Decimal
    steps: tuple[Step, ...]

    @property
    def used(self) -> Decimal:
        """Here and elsewhere, this visit not counted."""
        return self.used_here + (self.used_elsewhere or 0)

    @property
    def left(self) -> Decimal:
        """Never below zero."""
        return max(self.limit.quantity - self.used, Decimal(0))

    @property
    def left_after(self) -> Decimal:
        """With this visit."""
        return max(self.limit.quantity - self.used - self.this_visit, Decimal(0))

    @property
    def exceeded(self) -> bool:
        """Whether this visit passes the limit; a visit that adds nothing passes none."""
        return self.this_visit > 0 and self.used + self.this_visit > self.limit.quantity

    @property
    def near(self) -> bool:
        """Whether little is left after this visit."""
        return self.this_visit > 0 and not self.exceeded and self.left_after <= warn_left(self.limit)


@dataclass(frozen=True, slots=True)
class LimitAnswer:
    """What the limits say of a visit."""

    standings: tuple[Standing, ...]
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]


def warn_left(limit: BenefitLimit) -> Decimal:
    """From how much left on people are warned."""
    if limit.warn_left is not None:
        return limit.warn_left
    return WARN_VISITS_LEFT if limit.measure is LimitMeasure.VISITS else limit.quantity * WARN_DOLLARS_LEFT


def amount(limit: BenefitLimit, value: Decimal) -> str:
    """``7 visits``, ``$1,250.00``."""
    return f"${value:,.2f}" if limit.measure is LimitMeasure.DOLLARS else f"{int(value)}"


def period_of(limit: BenefitLimit, on: date) -> tuple[date, date]:
    """First and last day of the period a date of service falls into."""
    month, day = 1, 1
    if limit.period is LimitPeriod.PLAN_YEAR:
        month, day = limit.plan_year_month, limit.plan_year_day
    first = date(on.year, month, day)
    if first > on:
        first = date(on.year - 1, month, day)
    return first, date(first.year + 1, month, day) - timedelta(days=1)


@cache
def threshold_limits(year: int) -> tuple[BenefitLimit, ...]:
    """Medicare's therapy threshold and medical review of a year as limits; soft, because KX attests the need."""
    threshold, _ = annual.kx_threshold(year)
    figures = ((THRESHOLD, threshold, annual.KX_SOURCE), (REVIEW, annual.REVIEW_THRESHOLD, REVIEW_SOURCE))
    return tuple(
        BenefitLimit(
            limit_id=f"{name}-{bucket}",
            measure=LimitMeasure.DOLLARS,
            quantity=quantity,
            disciplines=disciplines,
            hard=False,
            source=source,
        )
        for name, quantity, source in figures
        for bucket, disciplines in BUCKETS.items()
    )


def title(limit: BenefitLimit) -> str:
    """How people call a limit."""
    for name, said in ((THRESHOLD, "Medicare therapy threshold (KX)"), (REVIEW, "Medicare medical review")):
        if limit.limit_id.startswith(name):
            return said
    return limit.limit_id.replace("-", " ").replace("_", " ").capitalize()


def is_built_in(limit: BenefitLimit) -> bool:
    """Whether it is Medicare's, and not of the plan's contract."""
    return limit.limit_id.startswith((THRESHOLD, REVIEW))


def limits_on(terms: PlanTerms, on: date) -> tuple[BenefitLimit, ...]:
    """All limits of a plan on a date of service."""
    return terms.benefit_limits + (threshold_limits(on.year) if terms.kx_threshold_applies else ())


def counted_from(terms: PlanTerms | None, on: date) -> date:
    """The first day whose visits bear on a limit; 1 January where there is none."""
    starts = [period_of(limit, on)[0] for limit in (limits_on(terms, on) if terms else ())]
    return min([date(on.year, 1, 1), *starts])


def care_of(encounter: Encounter) -> Care:
    """Habilitative where the chart or a modifier (96) says so; care is rehabilitative otherwise (practice default)."""
    stated = {modifier for service in encounter.timing.services for modifier in service.modifiers}
    habilitative = encounter.clinical.habilitative or HABILITATIVE_MODIFIER in stated
    return Care.HABILITATIVE if habilitative else Care.REHABILITATIVE


def pool(limit: BenefitLimit, discipline: Discipline) -> tuple[Discipline, ...]:
    """The disciplines that share the quantity with this one."""
    return limit.disciplines if limit.combined else (discipline,)


def counts(limit: BenefitLimit, sharing: Sequence[Discipline], use: LimitUse) -> bool:
    """Whether a use falls under the limit at all."""
    cared = limit.care in (Care.ANY, use.care)
    return use.discipline in sharing and cared and (limit.evaluations_count or not use.is_evaluation)


def _visits(limit: BenefitLimit, uses: Iterable[LimitUse]) -> set[tuple[date, str]]:
    """One visit is a day and a discipline, or a day alone where the plan counts so."""
    return {(use.date_of_service, "" if limit.day_counts_once else use.discipline.value) for use in uses}


def summed(limit: BenefitLimit, uses: Sequence[LimitUse]) -> Decimal:
    """What the uses come to in the limit's measure."""
    if limit.measure is LimitMeasure.VISITS:
        return Decimal(len(_visits(limit, uses)))
    return sum((use.dollars for use in uses), ZERO)


def report_of(
    limit: BenefitLimit, discipline: Discipline, period_start: date, reports: Iterable[LimitReport]
) -> LimitReport | None:
    """The latest word on what others used in the period; the medical review counts what the threshold counts."""
    named = limit.limit_id.replace(REVIEW, THRESHOLD)
    wanted = None if limit.combined else discipline
    fitting = [
        report
        for report in reports
        if (report.limit_id, report.discipline, report.period_start) == (named, wanted, period_start)
    ]
    return fitting[-1] if fitting else None


def standing(
    limit: BenefitLimit, visit: LimitUse, uses: Sequence[LimitUse], reports: Sequence[LimitReport]
) -> Standing | None:
    """How a limit stands for a visit; None where the visit does not fall under it."""
    sharing = pool(limit, visit.discipline)
    if visit.discipline not in limit.disciplines or not counts(limit, sharing, visit):
        return None
    first, last = period_of(limit, visit.date_of_service)
    counted = [use for use in uses if first <= use.date_of_service <= last and counts(limit, sharing, use)]
    report = report_of(limit, visit.discipline, first, reports)
    here = summed(limit, counted)
    made = Standing(
        limit=limit,
        disciplines=sharing,
        period_start=first,
        period_end=last,
        used_here=here,
        used_elsewhere=report.used_elsewhere if report else None,
        as_of=report.as_of if report else None,
        this_visit=summed(limit, [*counted, visit]) - here,
        steps=(),
    )
    return _with_steps(made, report)


def _with_steps(made: Standing, report: LimitReport | None) -> Standing:
    limit, unit = made.limit, "" if made.limit.measure is LimitMeasure.DOLLARS else " visits"
    elsewhere = (
        f"{amount(limit, report.used_elsewhere)} elsewhere ({report.source.value}, as of {report.as_of})"
        if report
        else "elsewhere unknown"
    )
    text = (
        f"{limit.limit_id}: {'+'.join(made.disciplines)} {made.period_start} to {made.period_end}: "
        f"{amount(limit, made.used_here)} here + {elsewhere} = {amount(limit, made.used)} "
        f"of {amount(limit, limit.quantity)}{unit}; this visit {amount(limit, made.this_visit)} "
        f"-> {_outcome(made)}"
    )
    told = (Step(SUBJECT, f"{report.told_by}"),) if report and report.source is LimitSource.ELIGIBILITY else ()
    return replace(made, steps=(Step(SUBJECT, text), *told))


def _outcome(made: Standing) -> str:
    return "beyond the limit" if made.exceeded else f"{amount(made.limit, made.left_after)} left"


def visit_use(encounter: Encounter, context: VisitContext, dollars: Decimal) -> LimitUse:
    """The visit itself as a use. dollars: what the plan should allow for it."""
    return LimitUse(
        encounter_id=encounter.encounter_id,
        date_of_service=encounter.date_of_service,
        discipline=encounter.discipline,
        dollars=dollars,
        care=care_of(encounter),
        is_evaluation=is_evaluation(encounter, context),
    )


def standings(encounter: Encounter, context: VisitContext, dollars: Decimal) -> tuple[Standing, ...]:
    """Every limit of the plan the visit falls under."""
    limits = limits_on(terms_of(encounter, context), encounter.date_of_service)
    visit = visit_use(encounter, context, dollars) if limits else None
    if visit is None:
        return ()
    found = (standing(limit, visit, context.limit_uses, context.limit_reports) for limit in limits)
    return tuple(one for one in found if one is not None)


def accrued(discipline: Discipline, on: date, uses: Sequence[LimitUse], reports: Sequence[LimitReport]) -> Decimal:
    """Allowed dollars of the calendar year in a discipline's Medicare bucket, here and elsewhere; KX rests on it."""
    nothing = LimitUse("", on, discipline, ZERO)
    threshold = next(limit for limit in threshold_limits(on.year) if discipline in limit.disciplines)
    stands = standing(threshold, nothing, uses, reports)
    return stands.used if stands else ZERO


def check(encounter: Encounter, context: VisitContext, claim: CodedClaim, choice: AuthorizationChoice) -> LimitAnswer:
    """The limits the visit falls under, and what they ask of whom."""
    dollars = sum((line.expected_allowed for line in claim.lines), ZERO)
    found = standings(encounter, context, dollars)
    findings = [finding for one in found if (finding := _finding(one, choice)) is not None]
    return LimitAnswer(found, tuple(findings), tuple(step for one in found for step in one.steps))


def yields_to_an_authorization(answer: LimitAnswer) -> bool:
    """Whether the visit is beyond a soft limit only, so that an authorization on file carries it."""
    return {finding.code for finding in answer.findings if finding.stops} == {BEYOND_SOFT.id}


def _finding(stands: Standing, choice: AuthorizationChoice) -> Finding | None:
    if is_built_in(stands.limit):
        # the machine puts KX on what lies above the threshold; only the review is for people to know
        over_review = stands.limit.limit_id.startswith(REVIEW) and stands.exceeded
        return UNDER_REVIEW.finding(_under_review(stands)) if over_review else None
    if stands.exceeded and stands.limit.hard:
        return BEYOND_HARD.finding(_beyond(stands, "what was used elsewhere is corrected, or the fork is decided"))
    if stands.exceeded and choice.authorization_id is None:
        clears = "the plan's authorization for more is recorded, or a person says why the visit is necessary"
        return BEYOND_SOFT.finding(_beyond(stands, clears))
    return NEAR.finding(_near(stands)) if stands.near else None


def _evidence(stands: Standing) -> dict[str, str]:
    limit = stands.limit
    told = f"{amount(limit, stands.used_elsewhere)} as of {stands.as_of}" if stands.used_elsewhere is not None else ""
    return {
        "limit": f"{amount(limit, limit.quantity)} {limit.measure.value} of {'+'.join(stands.disciplines)}",
        "period": f"{stands.period_start} to {stands.period_end}",
        "used here": amount(limit, stands.used_here),
        "used elsewhere": told or "nobody has told",
        "this visit": amount(limit, stands.this_visit),
        "source of the limit": limit.source,
    }


def _beyond(stands: Standing, clears_when: str) -> Problem:
    limit = stands.limit
    kind = "limit" if limit.hard else "soft limit"
    return Problem(
        message=f"This visit is beyond the plan's {kind} of {amount(limit, limit.quantity)} {limit.measure.value}"
        f" for {'+'.join(stands.disciplines)} until {stands.period_end}.",
        clears_when=clears_when,
        evidence=_evidence(stands),
    )


def _near(stands: Standing) -> Problem:
    limit = stands.limit
    return Problem(
        message=f"After this visit {amount(limit, stands.left_after)} of {amount(limit, limit.quantity)} "
        f"{limit.measure.value} are left of the plan's limit until {stands.period_end}.",
        clears_when="nothing to do for the claim: tell the patient what is left",
        evidence=_evidence(stands),
    )


def _under_review(stands: Standing) -> Problem:
    return Problem(
        message=f"With this visit {amount(stands.limit, stands.used + stands.this_visit)} are allowed this year, above "
        f"the medical review threshold of {amount(stands.limit, stands.limit.quantity)}.",
        clears_when="nothing to do for the claim: have the records ready",
        evidence=_evidence(stands),
    )
