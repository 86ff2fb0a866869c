"""Prior authorization: whether this visit needs one, which one it uses, and when the next must be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from billing import codes, measures
from billing.authorization_ledger import NOTHING, day_key
from billing.chart.common import is_evaluation
from billing.checks import Catalog, Problem
from billing.coding import final_code, terms_of
from billing.context import AuthorizationBalance, NoneNeeded, VisitContext
from billing.encounter import Encounter
from billing.findings import Finding, Step
from billing.practice import PlanTerms
from billing.vocabulary import AuthorizationNeed, Discipline, Owner, Severity, UnitOfMeasure

SUBJECT = "authorization"
BOOKING_UNITS = Decimal(4)  # of a booking that does not say: an hour of timed care (practice default)

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
    "Authorization covers discipline, codes and diagnoses",
    "The authorization names the visit's discipline and, where it lists codes or diagnoses, the billed ones.",
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


OTHER_CLINICIAN = AUTHORIZATION.declare(
    "A6",
    "Authorized clinician",
    "Where the authorization names clinicians, the claim goes out in the name of one of them.",
    why="Granted to somebody else it does not carry this visit (CARC 296).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)
NUMBER_TO_COME = AUTHORIZATION.declare(
    "A7",
    "Authorization number known",
    "The payer has approved, and its number has arrived.",
    why="A claim without the number is denied as if there were no authorization (CARC 197).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="plan terms",
    overridable=True,
)


class Requirement(NamedTuple):
    """Whether the visit needs prior authorization, and why (not)."""

    needed: bool
    reason: str


class Billed(NamedTuple):
    """What a visit bills of one code: units, and the dollars the plan is expected to allow."""

    code: str
    units: int
    dollars: Decimal


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visit or a booking asks of an authorization.

    lines: None where a booking does not say what will be done. npi, diagnoses: empty where not known.
    """

    plan_id: str
    day: date
    discipline: Discipline
    lines: tuple[Billed, ...] | None
    npi: str = ""
    diagnoses: tuple[str, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The codes it has to cover."""
        return frozenset(line.code for line in self.lines or ())


@dataclass(frozen=True, slots=True)
class AuthorizationChoice:
    """The authorization the visit uses (None: none needed, or none fits) and how much of it, in its unit of measure.

    by_code: the quantity by the code it counts against; under "" what counts for the whole.
    """

    authorization_id: str | None
    quantity: Decimal
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]
    number: str = ""
    by_code: Mapping[str, Decimal] = field(default_factory=dict)


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


def need(terms: PlanTerms, evaluation: bool, visit_number: int) -> Requirement:
    """Whether a plan wants prior authorization for the n-th visit of an episode (plan terms on the date of service)."""
    wanted = terms.authorization_need
    if wanted is AuthorizationNeed.NONE:
        return Requirement(False, "the plan wants no authorization")
    if wanted is AuthorizationNeed.BEFORE_EVALUATION:
        return Requirement(True, "the plan wants authorization from the evaluation on")
    if evaluation and (terms.evaluation_exempt or wanted is AuthorizationNeed.AFTER_EVALUATION):
        return Requirement(False, "the evaluation needs no authorization with this plan")
    if wanted is AuthorizationNeed.AFTER_EVALUATION:
        return Requirement(True, "the plan wants authorization after the evaluation")
    free = terms.authorization_after_visits
    reason = f"visit {visit_number} of the episode; the first {free} need no authorization"
    return Requirement(visit_number > free, reason)


def waived(answers: Sequence[NoneNeeded], plan_id: str, discipline: Discipline, day: date) -> NoneNeeded | None:
    """The payer's word that none is needed, where it was given for this plan, discipline and day."""
    return next(
        (
            answer
            for answer in answers
            if answer.plan_id == plan_id
            and discipline in answer.disciplines
            and answer.effective_from <= day <= answer.effective_to
        ),
        None,
    )


def required(encounter: Encounter, context: VisitContext) -> Requirement:
    """Whether the plan wants prior authorization for this visit: its terms, unless the payer said otherwise."""
    terms = terms_of(encounter, context)
    visit = _visits_so_far(encounter, context, evaluations_count=not terms.evaluation_exempt)
    answer = need(terms, is_evaluation(encounter, context), visit)
    if not answer.needed:
        return answer
    word = waived(context.none_needed, context.plan_id, encounter.discipline, encounter.date_of_service)
    if word is None:
        return answer
    said = f"the payer said none is needed ({word.said_by}, {word.said_on}, reference {word.reference})"
    return Requirement(False, said)


def _exempt(code: str, on: date, terms: PlanTerms) -> bool:
    """Evaluations are not counted where the plan exempts them."""
    entry = codes.find(code, on)
    return terms.evaluation_exempt and entry is not None and entry.is_evaluation


def wanted_of(encounter: Encounter, context: VisitContext, billed: Sequence[Billed]) -> Wanted:
    """What a visit asks of an authorization. ``billed``: the lines of its claim; evaluation codes a plan exempts are
    left out, and a visit that cannot be coded yet asks for its charted codes."""
    terms, on = terms_of(encounter, context), encounter.date_of_service
    lines = billed or [Billed(final_code(s.code, terms), 0, NOTHING) for s in encounter.timing.services]
    renderer = context.clinicians.get(encounter.compliance.rendering_clinician_id)
    return Wanted(
        plan_id=context.plan_id,
        day=on,
        discipline=encounter.discipline,
        lines=tuple(line for line in lines if not _exempt(line.code, on, terms)),
        npi=(renderer.npi or "") if renderer else "",
        diagnoses=tuple(diagnosis.code for diagnosis in encounter.clinical.diagnoses),
    )


def covers(balance: AuthorizationBalance, wanted: Wanted) -> bool:
    """Whether the grant names the discipline, every code, and one of the diagnoses (a category covers its codes)."""
    if wanted.discipline not in balance.disciplines:
        return False
    if balance.codes and not wanted.codes <= set(balance.codes):
        return False
    if not balance.diagnoses or not wanted.diagnoses:
        return True
    granted = tuple(code.replace(".", "") for code in balance.diagnoses)
    return any(code.replace(".", "").startswith(granted) for code in wanted.diagnoses)


def usage(balance: AuthorizationBalance, wanted: Wanted) -> dict[str, Decimal]:
    """What the visit takes of it, by code; under "" what counts for the whole.

    A booking that does not say what will be done takes what visits took on average, or four units (an hour of timed
    care; practice default); of dollars then nothing can be foretold.
    """
    measure = balance.unit_of_measure
    if measure is UnitOfMeasure.VISITS:
        return {"": Decimal(1)}
    if wanted.lines is None:
        usual = NOTHING if measure is UnitOfMeasure.DOLLARS else BOOKING_UNITS
        return {"": balance.typical if balance.typical is not None else usual}
    if measure is UnitOfMeasure.DOLLARS:
        return {"": sum((line.dollars for line in wanted.lines), NOTHING)}
    if measure is UnitOfMeasure.UNITS:
        return {"": Decimal(sum(line.units for line in wanted.lines))}
    per_code: dict[str, Decimal] = {}
    for line in wanted.lines:
        per_code[line.code] = per_code.get(line.code, NOTHING) + line.units
    return per_code


def enough(balance: AuthorizationBalance, wanted: Wanted) -> bool:
    """Whether as much is left as the visit takes; a day that counts already takes nothing more."""
    key = day_key(balance.same_day, balance.unit_of_measure, wanted.day, wanted.discipline.value)
    if key is not None and key in balance.counted:
        return True
    taken = usage(balance, wanted)
    if sum(taken.values(), NOTHING) > balance.left:
        return False
    return all(quantity <= balance.code_left.get(code, NOTHING) for code, quantity in taken.items() if code)


def less(balance: AuthorizationBalance, wanted: Wanted, taken: Mapping[str, Decimal]) -> AuthorizationBalance:
    """The balance after a visit or booking took that; a second one on a day that counts once takes nothing more."""
    key = day_key(balance.same_day, balance.unit_of_measure, wanted.day, wanted.discipline.value)
    if key is not None and key in balance.counted:
        return balance
    code_left = {code: left - taken.get(code, NOTHING) for code, left in balance.code_left.items()}
    return replace(
        balance,
        left=balance.left - sum(taken.values(), NOTHING),
        code_left=code_left,
        counted=balance.counted | {key} if key is not None else balance.counted,
    )


def narrow(
    balances: Sequence[AuthorizationBalance], wanted: Wanted
) -> tuple[list[AuthorizationBalance], Finding | None]:
    """The authorizations that fit, or the finding of the first demand that none of them meets."""
    fitting = [balance for balance in balances if balance.plan_id == wanted.plan_id]
    if not fitting:
        return [], NONE_ON_FILE.finding(_none_on_file(wanted))
    active = [balance for balance in fitting if balance.effective_from <= wanted.day <= balance.effective_to]
    if not active:
        return [], NOT_ACTIVE.finding(_not_active(fitting, wanted.day))
    covering = [balance for balance in active if covers(balance, wanted)]
    if not covering:
        return [], NOT_COVERING.finding(_not_covering(active, wanted))
    granted = [one for one in covering if not one.clinician_npis or not wanted.npi or wanted.npi in one.clinician_npis]
    if not granted:
        return [], OTHER_CLINICIAN.finding(_other_clinician(covering, wanted))
    sufficient = [balance for balance in granted if enough(balance, wanted)]
    if not sufficient:
        return [], EXHAUSTED.finding(_exhausted(granted, wanted))
    return sufficient, None


def named(balance: AuthorizationBalance) -> str:
    """The number, or that it is still to come."""
    return balance.number or "(number to come)"


def _none_on_file(wanted: Wanted) -> Problem:
    return Problem(
        message="The plan wants prior authorization and none is on file.",
        clears_when="an authorization of this plan is recorded",
        evidence={"plan": wanted.plan_id},
    )


def _not_active(balances: Sequence[AuthorizationBalance], day: date) -> Problem:
    spans = ", ".join(f"{named(b)} {b.effective_from} to {b.effective_to}" for b in balances)
    return Problem(
        message=f"No authorization was active on {day}.",
        clears_when="an authorization that covers the day is recorded, or the payer extends one",
        evidence={"on file": spans, "date of service": day.isoformat()},
    )


def _granted(balance: AuthorizationBalance) -> str:
    what = " ".join((*balance.disciplines, " ".join(balance.codes) or "every code"))
    return f"{named(balance)}: {what}" + (f" for {' '.join(balance.diagnoses)}" if balance.diagnoses else "")


def _not_covering(balances: Sequence[AuthorizationBalance], wanted: Wanted) -> Problem:
    asked = f"{wanted.discipline.value} {' '.join(sorted(wanted.codes))}".rstrip()
    diagnosed = any(balance.diagnoses for balance in balances)
    return Problem(
        message="The active authorization does not cover this discipline, these codes or these diagnoses.",
        clears_when="the payer amends the authorization, or another is recorded",
        evidence={
            "granted": "; ".join(_granted(balance) for balance in balances),
            "visit": asked + (f" for {' '.join(wanted.diagnoses)}" if diagnosed else ""),
        },
    )


def _other_clinician(balances: Sequence[AuthorizationBalance], wanted: Wanted) -> Problem:
    granted = "; ".join(f"{named(balance)}: NPI {' '.join(balance.clinician_npis)}" for balance in balances)
    return Problem(
        message="The authorization was granted to another clinician.",
        clears_when="the payer adds the clinician, or another authorization is recorded",
        evidence={"granted": granted, "visit": f"NPI {wanted.npi}"},
    )


def _exhausted(balances: Sequence[AuthorizationBalance], wanted: Wanted) -> Problem:
    return Problem(
        message="The authorization has too little left for this visit.",
        clears_when="the payer grants more, or another authorization is recorded",
        evidence={
            "left": ", ".join(f"{named(b)}: {measures.words(b.left, b.unit_of_measure)} left" for b in balances),
            "needed": ", ".join(_needed(balance, wanted) for balance in balances),
        },
    )


def _needed(balance: AuthorizationBalance, wanted: Wanted) -> str:
    taken = usage(balance, wanted)
    if "" in taken:
        return measures.words(taken[""], balance.unit_of_measure)
    return " ".join(
        f"{code} {measures.number(quantity, balance.unit_of_measure)} of "
        f"{measures.number(balance.code_left.get(code, NOTHING), balance.unit_of_measure)}"
        for code, quantity in sorted(taken.items())
    )


def first_choice(fitting: Sequence[AuthorizationBalance], stated: str = "") -> AuthorizationBalance:
    """The one the chart names, else one whose number is known, else the one that ends first."""
    by_name = [balance for balance in fitting if stated and balance.number == stated]
    return min(
        by_name or fitting, key=lambda balance: (not balance.number, balance.effective_to, balance.authorization_id)
    )


def _about_the_number(encounter: Encounter, chosen: AuthorizationBalance) -> tuple[Finding, ...]:
    if not chosen.number:
        problem = Problem(
            message="The payer has approved this visit, but its authorization number has not arrived.",
            clears_when="the number is recorded with the authorization",
            evidence={"granted": f"{chosen.effective_from} to {chosen.effective_to}"},
        )
        return (NUMBER_TO_COME.finding(problem),)
    stated = encounter.administrative.authorization_number.strip()
    if not stated or stated == chosen.number:
        return ()
    problem = Problem(
        message=f"The chart names authorization {stated}, the one that fits is {chosen.number}.",
        clears_when="the number on the chart is corrected, or the authorization it names is recorded",
        evidence={"chart": stated, "on file": chosen.number},
    )
    return (OTHER_NUMBER.finding(problem),)


def choose(encounter: Encounter, context: VisitContext, billed: Sequence[Billed]) -> AuthorizationChoice:
    """The authorization this visit uses. ``billed``: the lines of its claim, for grants that count units or dollars."""
    requirement = required(encounter, context)
    first = Step(SUBJECT, requirement.reason)
    if not requirement.needed:
        return AuthorizationChoice(None, NOTHING, (), (first,))
    wanted = wanted_of(encounter, context, billed)
    fitting, missing = narrow(context.authorizations, wanted)
    if missing is not None:
        return AuthorizationChoice(None, NOTHING, (missing,), (first, Step(SUBJECT, missing.message)))
    return _chosen(encounter, fitting, wanted, first)


def extended(
    encounter: Encounter, context: VisitContext, billed: Sequence[Billed], choice: AuthorizationChoice
) -> AuthorizationChoice:
    """The authorization that carries a visit beyond a soft limit, though its terms alone want none; else ``choice``."""
    wanted = wanted_of(encounter, context, billed)
    fitting, missing = narrow(context.authorizations, wanted)
    if choice.findings or missing is not None:
        return choice
    return _chosen(encounter, fitting, wanted, Step(SUBJECT, "beyond a soft limit, which an authorization extends"))


def _chosen(
    encounter: Encounter, fitting: Sequence[AuthorizationBalance], wanted: Wanted, first: Step
) -> AuthorizationChoice:
    chosen = first_choice(fitting, encounter.administrative.authorization_number.strip())
    by_code, measure = usage(chosen, wanted), chosen.unit_of_measure
    quantity = sum(by_code.values(), NOTHING)
    left, used = measures.words(chosen.left, measure), measures.number(quantity, measure)
    text = f"{named(chosen)}: {left} left, {used} used, until {chosen.effective_to}"
    return AuthorizationChoice(
        authorization_id=chosen.authorization_id,
        quantity=quantity,
        findings=_about_the_number(encounter, chosen),
        steps=(first, Step(SUBJECT, text)),
        number=chosen.number,
        by_code=by_code,
    )
