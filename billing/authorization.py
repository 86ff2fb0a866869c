"""Prior authorization: whether this visit needs one, which one it uses, and when the next must be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from billing import codes, measures
from billing.chart.common import is_evaluation
from billing.checks import Catalog, Problem
from billing.coding import final_code, terms_of
from billing.context import AuthorizationBalance, VisitContext
from billing.encounter import Encounter
from billing.findings import Finding, Step
from billing.vocabulary import AuthorizationNeed, Owner, Severity, UnitOfMeasure

SUBJECT = "authorization"
REOPEN_DAYS = 7  # before expiry the re-authorization opens (founding playbook; practice default)
DUE_DAYS = 5  # before expiry it must be sent (founding playbook; practice default)
FLAGS_AT = (3, 2)  # what is left when a flag goes up (founding playbook; practice default)

NOTHING = Decimal(0)

AUTHORIZATION: Catalog[[]] = Catalog()

NONE_ON_FILE = AUTHORIZATION.declare(
    "A1",
    "Authorization on file",
    "Where the plan wants prior authorization, the patient has one of this plan on file.",
    why="Visits without it are denied (CARC 197), and most plans refuse it afterwards.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)
NOT_ACTIVE = AUTHORIZATION.declare(
    "A2",
    "Authorization active on the day",
    "The date of service lies within the authorization, both ends included.",
    why="Outside its dates an authorization is void (CARC 302, RARC N351).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)
NOT_COVERING = AUTHORIZATION.declare(
    "A3",
    "Authorization covers discipline and codes",
    "The authorization names the visit's discipline and, where it lists codes, every billed one.",
    why="A valid authorization for something else is denied all the same (CARC 284).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)
EXHAUSTED = AUTHORIZATION.declare(
    "A4",
    "Enough left",
    "The authorization has at least as much left as the visit uses.",
    why="Beyond the quantity every visit is denied (CARC 198).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)
OTHER_NUMBER = AUTHORIZATION.declare(
    "A5",
    "Number on the chart",
    "The authorization number on the chart is the number of the authorization in use.",
    why="A wrong number on the claim is as good as none (RARC M62).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)


class Requirement(NamedTuple):
    """Whether the visit needs prior authorization, and why (not)."""

    needed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class AuthorizationChoice:
    """The authorization the visit uses (None: none needed, or none fits) and how much of it, in its unit of measure."""

    authorization_id: str | None
    quantity: Decimal
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]
    number: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationOutlook:
    """What an authorization will need, and when.

    flags: ``left_3`` and ``left_2`` as they are passed. open_now: a re-authorization should be begun and none is open.
    escalate: it is due and nobody has begun. ended: ``expired``, ``exhausted`` or None. next_look_on: when time alone
    changes this answer; None when it cannot any more.
    """

    flags: tuple[str, ...]
    reauthorization_opens_on: date
    due_on: date
    open_now: bool
    escalate: bool
    ended: str | None
    next_look_on: date | None
    steps: tuple[Step, ...]


def _visits_so_far(encounter: Encounter, context: VisitContext, evaluations_count: bool) -> int:
    """Treatment days of the episode up to and with this visit; evaluation days only where they count."""
    days = {day for day in context.treatment_days if day <= encounter.date_of_service} | {encounter.date_of_service}
    if not evaluations_count:
        days -= {
            visit.date_of_service
            for visit in context.prior_visits
            if visit.is_evaluation and visit.episode_id == encounter.compliance.episode.episode_id
        }
    return len(days)


def required(encounter: Encounter, context: VisitContext) -> Requirement:
    """Whether the plan wants prior authorization for this visit (plan terms on the date of service)."""
    terms = terms_of(encounter, context)
    need, evaluation = terms.authorization_need, is_evaluation(encounter, context)
    if need is AuthorizationNeed.NONE:
        return Requirement(False, "the plan wants no authorization")
    if need is AuthorizationNeed.BEFORE_EVALUATION:
        return Requirement(True, "the plan wants authorization from the evaluation on")
    if evaluation and (terms.evaluation_exempt or need is AuthorizationNeed.AFTER_EVALUATION):
        return Requirement(False, "the evaluation needs no authorization with this plan")
    if need is AuthorizationNeed.AFTER_EVALUATION:
        return Requirement(True, "the plan wants authorization after the evaluation")
    visit = _visits_so_far(encounter, context, evaluations_count=not terms.evaluation_exempt)
    free = terms.authorization_after_visits
    return Requirement(visit > free, f"visit {visit} of the episode; the first {free} need no authorization")


def _billed_codes(encounter: Encounter, context: VisitContext) -> set[str]:
    """The codes an authorization has to cover; evaluations are left out where the plan exempts them."""
    terms = terms_of(encounter, context)
    billed = {final_code(service.code, terms) for service in encounter.timing.services}
    if not terms.evaluation_exempt:
        return billed
    entries = {code: codes.find(code, encounter.date_of_service) for code in billed}
    return {code for code, entry in entries.items() if entry is None or not entry.is_evaluation}


def _covers(balance: AuthorizationBalance, encounter: Encounter, context: VisitContext) -> bool:
    if encounter.discipline not in balance.disciplines:
        return False
    return not balance.codes or _billed_codes(encounter, context) <= set(balance.codes)


def _uses(balance: AuthorizationBalance, units: int) -> Decimal:
    """How much of it the visit uses: one visit, or the billed units."""
    return Decimal(1 if balance.unit_of_measure is UnitOfMeasure.VISITS else units)


def _narrow(
    encounter: Encounter, context: VisitContext, units: int
) -> tuple[list[AuthorizationBalance], Finding | None]:
    """The authorizations that fit, or the finding of the first demand that none of them meets."""
    day = encounter.date_of_service
    fitting = [balance for balance in context.authorizations if balance.plan_id == context.plan_id]
    if not fitting:
        return [], NONE_ON_FILE.finding(_none_on_file(context))
    active = [balance for balance in fitting if balance.effective_from <= day <= balance.effective_to]
    if not active:
        return [], NOT_ACTIVE.finding(_not_active(fitting, day))
    covering = [balance for balance in active if _covers(balance, encounter, context)]
    if not covering:
        return [], NOT_COVERING.finding(_not_covering(active, encounter, context))
    enough = [balance for balance in covering if balance.left >= _uses(balance, units)]
    if not enough:
        return [], EXHAUSTED.finding(_exhausted(covering, units))
    return enough, None


def _none_on_file(context: VisitContext) -> Problem:
    return Problem(
        message="The plan wants prior authorization and none is on file.",
        clears_when="an authorization of this plan is recorded",
        evidence={"plan": context.plan_id},
    )


def _not_active(balances: Sequence[AuthorizationBalance], day: date) -> Problem:
    spans = ", ".join(f"{b.number} {b.effective_from} to {b.effective_to}" for b in balances)
    return Problem(
        message=f"No authorization was active on {day}.",
        clears_when="an authorization that covers the day is recorded, or the payer extends one",
        evidence={"on file": spans, "date of service": day.isoformat()},
    )


def _not_covering(balances: Sequence[AuthorizationBalance], encounter: Encounter, context: VisitContext) -> Problem:
    granted = "; ".join(f"{b.number}: {' '.join(b.disciplines)} {' '.join(b.codes) or 'every code'}" for b in balances)
    return Problem(
        message="The active authorization does not cover this discipline or these codes.",
        clears_when="the payer amends the authorization, or another is recorded",
        evidence={
            "granted": granted,
            "visit": f"{encounter.discipline.value} {' '.join(sorted(_billed_codes(encounter, context)))}",
        },
    )


def _exhausted(balances: Sequence[AuthorizationBalance], units: int) -> Problem:
    left = ", ".join(f"{b.number}: {measures.words(b.left, b.unit_of_measure)} left" for b in balances)
    needed = ", ".join(f"{measures.words(_uses(b, units), b.unit_of_measure)}" for b in balances)
    return Problem(
        message="The authorization has too little left for this visit.",
        clears_when="the payer grants more, or another authorization is recorded",
        evidence={"left": left, "needed": needed},
    )


def _by_number(encounter: Encounter, fitting: Sequence[AuthorizationBalance]) -> AuthorizationBalance:
    """The one the chart names, else the one that ends first."""
    stated = encounter.administrative.authorization_number.strip()
    named = [balance for balance in fitting if balance.number == stated]
    return min(named or fitting, key=lambda balance: (balance.effective_to, balance.authorization_id))


def _number_differs(encounter: Encounter, chosen: AuthorizationBalance) -> tuple[Finding, ...]:
    stated = encounter.administrative.authorization_number.strip()
    if not stated or stated == chosen.number:
        return ()
    problem = Problem(
        message=f"The chart names authorization {stated}, the one that fits is {chosen.number}.",
        clears_when="the number on the chart is corrected, or the authorization it names is recorded",
        evidence={"chart": stated, "on file": chosen.number},
    )
    return (OTHER_NUMBER.finding(problem),)


def choose(encounter: Encounter, context: VisitContext, units: int) -> AuthorizationChoice:
    """The authorization this visit uses. ``units``: units of the claim, for authorizations that count units."""
    requirement = required(encounter, context)
    first = Step(SUBJECT, requirement.reason)
    if not requirement.needed:
        return AuthorizationChoice(None, NOTHING, (), (first,))
    fitting, missing = _narrow(encounter, context, units)
    if missing is not None:
        return AuthorizationChoice(None, NOTHING, (missing,), (first, Step(SUBJECT, missing.message)))
    chosen = _by_number(encounter, fitting)
    quantity, measure = _uses(chosen, units), chosen.unit_of_measure
    left, used = measures.words(chosen.left, measure), measures.number(quantity, measure)
    text = f"{chosen.number}: {left} left, {used} used, until {chosen.effective_to}"
    return AuthorizationChoice(
        authorization_id=chosen.authorization_id,
        quantity=quantity,
        findings=_number_differs(encounter, chosen),
        steps=(first, Step(SUBJECT, text)),
        number=chosen.number,
    )


def outlook(
    left: Decimal, effective_to: date, today: date, lead_days: int, open_reauthorization: bool
) -> AuthorizationOutlook:
    """What an authorization will need next. ``left`` in its unit of measure; ``lead_days``: the payer's time to answer.

    Re-authorization opens 7 days before expiry and is due 5 days before; a payer that takes longer moves both forward.
    """
    ahead = max(REOPEN_DAYS, lead_days)
    opens_on = effective_to - timedelta(days=ahead)
    due_on = effective_to - timedelta(days=ahead - (REOPEN_DAYS - DUE_DAYS))
    ended = "expired" if today > effective_to else "exhausted" if left <= 0 else None
    flags = tuple(f"left_{count}" for count in FLAGS_AT if ended is None and left <= count)
    wanted = ended is None and (today >= opens_on or bool(flags)) and not open_reauthorization
    return AuthorizationOutlook(
        flags=flags,
        reauthorization_opens_on=opens_on,
        due_on=due_on,
        open_now=wanted,
        escalate=wanted and (today >= due_on or left <= min(FLAGS_AT)),
        ended=ended,
        next_look_on=_next_look(today, opens_on, due_on, effective_to) if ended != "expired" else None,
        steps=(_outlook_step(left, effective_to, opens_on, due_on, ended),),
    )


def _next_look(today: date, opens_on: date, due_on: date, effective_to: date) -> date:
    return min(day for day in (opens_on, due_on, effective_to + timedelta(days=1)) if day > today)


def _outlook_step(left: Decimal, effective_to: date, opens_on: date, due_on: date, ended: str | None) -> Step:
    text = f"{left:f} left until {effective_to}; re-authorization opens {opens_on}, due {due_on}"
    return Step(SUBJECT, f"{text}; {ended}" if ended else text)
