"""From the visit to claim lines: codes the plan takes, units by its method, modifiers, charges, expected payment."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import combinations

from billing import annual, assistants, modifiers, ncci, payment
from billing.checks import Catalog, Problem
from billing.context import VisitContext
from billing.encounter import Encounter, PersonMinutes, Service
from billing.findings import Finding, Step
from billing.practice import PlanTerms
from billing.units import METHOD_WORDS, ServiceMinutes, UnitResult, count_units
from billing.vocabulary import ClinicianRole, Owner, Severity

CODING: Catalog[[]] = Catalog()

SWAPPED = CODING.declare(
    "S09",
    "Code the plan wants",
    "A code the plan does not take is replaced by the one its terms name.",
    why="Medicare refuses 97014 and wants G0283; other payers the reverse.",
    severity=Severity.REPAIR,
    owner=Owner.BILLER,
    source="CMS PFS status 2024; plan terms",
)
NO_FEE = CODING.declare(
    "S32",
    "Fee on file",
    "Every billed code has a fee on the date of service.",
    why="A line without a charge is rejected, and a zero charge is never paid.",
    severity=Severity.HOLD,
    owner=Owner.BILLER,
)
NO_TERMS = CODING.declare(
    "S33",
    "Plan terms on the date of service",
    "The primary plan has terms for the date of service.",
    why="Units, modifiers and limits are the plan's; without terms nothing can be said.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
)
NOTHING = CODING.declare(
    "S34",
    "Something to bill",
    "At least one service comes to a unit.",
    why="A claim without lines cannot be sent; the minutes may be missing, or the visit is not billable.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
)
TIE = CODING.declare(
    "S35",
    "Tied remainders",
    "Where several codes could have had the last unit, a person may choose.",
    why="The CMS manual accepts either; the choice changes what is paid.",
    severity=Severity.WARN,
    owner=Owner.BILLER,
    source="CMS Claims Processing Manual ch. 5, 20.2",
)
OLD_THRESHOLD = CODING.declare(
    "S39",
    "KX threshold of the year",
    "The year's therapy threshold is known.",
    why="The figure changes every January; with last year's, KX may come too early.",
    severity=Severity.WARN,
    owner=Owner.SUPERVISOR,
    source=annual.KX_SOURCE,
)


@dataclass(frozen=True, slots=True)
class CodedLine:
    """One claim line. Money in dollars; pointers are positions in the claim's diagnoses, from 1."""

    line_number: int
    code: str
    modifiers: tuple[str, ...]
    units: int
    charge: Decimal
    diagnosis_pointers: tuple[int, ...]
    place_of_service: str
    description: str
    service_date: date
    expected_allowed: Decimal
    expected_payment: Decimal
    service: int


@dataclass(frozen=True, slots=True)
class CodedClaim:
    """A claim as it would be sent now. expected_payment: dollars the plan should pay."""

    lines: tuple[CodedLine, ...]
    total_charge: Decimal
    expected_payment: Decimal
    expected_patient: Decimal
    place_of_service: str
    diagnoses: tuple[str, ...]
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    unit_result: UnitResult


@dataclass(slots=True)
class _Draft:
    """A line while it is being built."""

    service: int
    code: str
    units: int
    assisted: bool
    modifiers: frozenset[str] = field(default_factory=frozenset)


def terms_of(encounter: Encounter, context: VisitContext) -> PlanTerms:
    """The plan's terms, or the defaults where the plan has none that day (which is a finding of its own)."""
    return context.terms or PlanTerms(effective_from=encounter.date_of_service)


def pair_table(context: VisitContext) -> ncci.PairTable:
    """The pairs the practice imported, else those shipped."""
    return ncci.TABLE if context.pairs is None else context.pairs


def final_code(code: str, terms: PlanTerms) -> str:
    """The code the plan takes in place of the charted one."""
    return terms.substituted_codes.get(code, code)


def _is_role(person: PersonMinutes, role: ClinicianRole, context: VisitContext) -> bool:
    clinician = context.clinicians.get(person.clinician_id)
    return clinician is not None and clinician.role is role


def minutes_of(service: Service, code: str, context: VisitContext) -> ServiceMinutes:
    """Who gave how much. Minutes together with the therapist are the therapist's, and once on the clock: they are among
    the therapist's own where those are listed too. A student alone counts for nobody.
    """
    therapist = assistant = 0
    together: Counter[str] = Counter()
    for person in service.minutes:
        if _is_role(person, ClinicianRole.THERAPIST, context):
            therapist += person.minutes
        elif person.together_with_therapist:
            together[person.clinician_id] += person.minutes
        elif _is_role(person, ClinicianRole.ASSISTANT, context):
            assistant += person.minutes
        elif not _is_role(person, ClinicianRole.STUDENT, context):
            therapist += person.minutes
    therapist = max(therapist, *together.values(), 0)
    return ServiceMinutes(code, therapist, assistant, service.mode, service.units or 0)


def count(encounter: Encounter, context: VisitContext) -> tuple[tuple[ServiceMinutes, ...], UnitResult]:
    """The visit's services under the plan's codes, and their units by the plan's method."""
    terms = terms_of(encounter, context)
    services = tuple(
        minutes_of(service, final_code(service.code, terms), context) for service in encounter.timing.services
    )
    return services, count_units(terms.unit_method, services, encounter.date_of_service, encounter.discipline)


def _drafts(
    encounter: Encounter, terms: PlanTerms, services: Sequence[ServiceMinutes], counted: UnitResult
) -> tuple[list[_Draft], tuple[Step, ...]]:
    """Lines that come to at least one unit, cut by who gave them where the plan asks."""
    if not terms.assistant_modifier_required:
        return [_Draft(line.service, line.code, line.units, False) for line in counted.lines if line.units], ()
    cut, steps = assistants.split_lines(services, counted.lines, encounter.date_of_service, encounter.discipline)
    return [_Draft(line.service, line.code, line.units, line.assisted) for line in cut if line.units], steps


def _stated(encounter: Encounter, draft: _Draft, terms: PlanTerms) -> set[str]:
    """Modifiers the clinician gave any service of this code."""
    own = encounter.timing.services[draft.service]
    alike = [service for service in encounter.timing.services if final_code(service.code, terms) == draft.code]
    return {modifier for service in alike or [own] for modifier in service.modifiers}


def _mark(encounter: Encounter, terms: PlanTerms, drafts: Sequence[_Draft]) -> None:
    modality = encounter.administrative.modality
    assistant = assistants.MODIFIERS.get(encounter.discipline)
    for draft in drafts:
        stated = _stated(encounter, draft, terms) | _care(encounter, terms)
        marks = modifiers.base(stated, draft.code, encounter.discipline, modality, terms)
        draft.modifiers = marks | {assistant} if draft.assisted and assistant else marks


def _care(encounter: Encounter, terms: PlanTerms) -> set[str]:
    """96 or 97 where the plan wants one and the chart says which the care is."""
    habilitative = encounter.clinical.habilitative
    if not terms.habilitative_modifier_required or habilitative is None:
        return set()
    return {modifiers.CARE[habilitative]}


def separate(encounter: Encounter, code: str, terms: PlanTerms) -> bool:
    """Whether the chart says the code was given in its own block, apart from the visit's other services."""
    alike = [service for service in encounter.timing.services if final_code(service.code, terms) == code]
    return bool(alike) and all(service.separate_block for service in alike)


def _distinct(encounter: Encounter, context: VisitContext, terms: PlanTerms, drafts: Sequence[_Draft]) -> list[Step]:
    """Mark column 2 of a pair as distinct where the chart proves it."""
    table = pair_table(context)
    billed = sorted({draft.code for draft in drafts})
    found = [table.active(code, other, encounter.date_of_service) for code, other in combinations(billed, 2)]
    pairs = [pair for pair in found if pair is not None]
    steps = [Step("pairs", _pairs_told(billed, pairs, table))] if len(billed) > 1 else []
    for pair in pairs:
        if pair.indicator == ncci.WITH_MODIFIER and _proven(encounter, terms, pair, drafts):
            _add(drafts, pair.column2, terms.distinct_modifier)
            text = f"own 15-minute block beside {pair.column1} -> {terms.distinct_modifier}"
            steps.append(Step(pair.column2, text))
    return steps


def _pairs_told(billed: Sequence[str], pairs: Sequence[ncci.Pair], table: ncci.PairTable) -> str:
    among = ", ".join(f"{pair.column1} over {pair.column2} (indicator {pair.indicator})" for pair in pairs)
    return f"among {', '.join(billed)}, CMS's table of {table.edition} has {among or 'none'}"


def _proven(encounter: Encounter, terms: PlanTerms, pair: ncci.Pair, drafts: Sequence[_Draft]) -> bool:
    """Either code in its own block keeps both apart; a distinct modifier the clinician stated needs no second one."""
    marked = any(draft.modifiers & ncci.BYPASS for draft in drafts if draft.code in (pair.column1, pair.column2))
    return not marked and (separate(encounter, pair.column1, terms) or separate(encounter, pair.column2, terms))


def _add(drafts: Sequence[_Draft], code: str, modifier: str) -> None:
    for draft in drafts:
        if draft.code == code:
            draft.modifiers |= {modifier}


def payable(drafts: Sequence[_Draft]) -> tuple[payment.PayableLine, ...]:
    """The lines as far as money cares."""
    return tuple(payment.PayableLine(draft.code, draft.units, draft.assisted) for draft in drafts)


def same_day_lines(encounter: Encounter, context: VisitContext) -> tuple[payment.PayableLine, ...]:
    """Lines of the patient's other claims of that day; MPPR ranks all of them together."""
    return tuple(
        payment.PayableLine(code, units)
        for visit in context.prior_visits
        if visit.date_of_service == encounter.date_of_service and visit.encounter_id != encounter.encounter_id
        for code, _, units in visit.lines
    )


def deductible_left(encounter: Encounter, context: VisitContext) -> Decimal | None:
    """Dollars of the deductible still to be met, where the payer told; an answer of another calendar year is stale."""
    answer = context.coverage.eligibility
    if answer is None or answer.checked_on.year != encounter.date_of_service.year:
        return None
    return answer.deductible_remaining


def kx_due(accrued: Decimal, allowed: Sequence[Decimal], threshold: Decimal, per_line: bool) -> tuple[bool, ...]:
    """Which lines carry KX, amounts in dollars.

    A line is over when the year's accrued amount including it exceeds the threshold. Per line: from the crossing line
    on. Otherwise the whole day, as soon as one line of it is over (practice default).
    """
    over = []
    for amount in allowed:
        accrued += amount
        over.append(accrued > threshold)
    return tuple(over) if per_line else (any(over),) * len(over)


def _kx(
    encounter: Encounter, context: VisitContext, terms: PlanTerms, drafts: Sequence[_Draft], allowed: Sequence[Decimal]
) -> tuple[list[Step], list[Finding]]:
    """Mark what lies above the year's threshold; a line with GA denies the necessity KX would attest."""
    if not terms.kx_threshold_applies:
        return [], []
    year = encounter.date_of_service.year
    threshold, known = annual.kx_threshold(year)
    due = kx_due(context.therapy_accrued, allowed, threshold, terms.kx_per_line)
    for draft, over in zip(drafts, due, strict=True):
        if over and "GA" not in draft.modifiers:
            draft.modifiers |= {"KX"}
    total = context.therapy_accrued + sum(allowed, payment.ZERO)
    text = f"{context.therapy_accrued} accrued in {year}, {total} with this visit, threshold {threshold}"
    steps = [Step("KX", f"{text} -> KX on {sum(due)} of {len(due)} lines")]
    return steps, [] if known else [OLD_THRESHOLD.finding(_unknown_year(year, threshold))]


def _unknown_year(year: int, threshold: Decimal) -> Problem:
    return Problem(
        message=f"The KX threshold of {year} is not in our table; {threshold} of another year was used.",
        clears_when=f"the threshold of {year} is added to the table",
        evidence={"year": str(year), "threshold used": str(threshold)},
    )


def claim_diagnoses(encounter: Encounter) -> tuple[str, ...]:
    """The visit's diagnoses by rank; the first is primary."""
    return tuple(d.code for d in sorted(encounter.clinical.diagnoses, key=lambda diagnosis: diagnosis.rank))


def _pointers(encounter: Encounter, service: Service) -> tuple[int, ...]:
    """Positions of the diagnoses a service treats. Where the chart names none, all (up to four) in order of rank."""
    ranks = sorted(diagnosis.rank for diagnosis in encounter.clinical.diagnoses)
    if not service.diagnosis_pointers:
        return tuple(range(1, min(len(ranks), 4) + 1))
    return tuple(ranks.index(rank) + 1 for rank in service.diagnosis_pointers if rank in ranks)


def _line(
    number: int,
    draft: _Draft,
    encounter: Encounter,
    terms: PlanTerms,
    charges: Mapping[str, Decimal],
    expected: payment.ExpectedLine,
) -> CodedLine:
    service = encounter.timing.services[draft.service]
    return CodedLine(
        line_number=number,
        code=draft.code,
        modifiers=modifiers.ordered(draft.modifiers, terms),
        units=draft.units,
        charge=charges.get(draft.code, payment.ZERO) * draft.units,
        diagnosis_pointers=_pointers(encounter, service),
        place_of_service=encounter.administrative.place_of_service,
        description=service.description,
        service_date=encounter.date_of_service,
        expected_allowed=expected.allowed,
        expected_payment=expected.payer,
        service=draft.service,
    )


def _swaps(encounter: Encounter, terms: PlanTerms) -> list[Finding]:
    return [
        SWAPPED.finding(
            Problem(
                message=f"{code} is billed as {terms.substituted_codes[code]}, the code this plan takes.",
                clears_when="nothing to do: the machine replaced it",
                evidence={"charted": code, "billed": terms.substituted_codes[code]},
            )
        )
        for code in dict.fromkeys(service.code for service in encounter.timing.services)
        if code in terms.substituted_codes
    ]


def _gaps(
    encounter: Encounter, context: VisitContext, drafts: Sequence[_Draft], charges: Mapping[str, Decimal]
) -> list[Finding]:
    """What is missing for a claim: terms, a fee, anything to bill at all."""
    on = encounter.date_of_service.isoformat()
    found = []
    if context.terms is None:
        found.append(NO_TERMS.finding(_no_terms(context.plan_id, on)))
    if not drafts:
        found.append(NOTHING.finding(_nothing()))
    for code in sorted({draft.code for draft in drafts if draft.code not in charges}):
        found.append(NO_FEE.finding(_no_fee(code, on)))
    return found


def _no_terms(plan_id: str, on: str) -> Problem:
    return Problem(
        message=f"Plan {plan_id} has no terms on {on}; the practice's defaults were used for the draft.",
        clears_when=f"the practice file holds terms of {plan_id} for {on}",
        evidence={"plan": plan_id, "date of service": on},
    )


def _nothing() -> Problem:
    return Problem(
        message="No service of this visit comes to a billable unit.",
        clears_when="the minutes are completed, or the visit is marked not billable",
    )


def _no_fee(code: str, on: str) -> Problem:
    return Problem(
        message=f"There is no fee for {code} on {on}.",
        clears_when=f"the fee schedule has an amount for {code}",
        evidence={"code": code, "date of service": on},
    )


def _ties(services: Sequence[ServiceMinutes], counted: UnitResult) -> list[Finding]:
    """Ties the chart did not settle by units of its own."""
    charted: Counter[str] = Counter()
    for service in services:
        charted[service.code] += service.charted_units
    billed = {line.code: line.units for line in counted.lines}
    return [
        TIE.finding(
            Problem(
                message=f"The last unit could go to any of {', '.join(tied)}; it went to the higher code number.",
                clears_when="nothing to do, or the chart states units that give it to another",
                evidence={"tied": ", ".join(tied)},
            )
        )
        for tied in counted.ties
        if any(charted[code] != billed[code] for code in tied)
    ]


def _terms_told(context: VisitContext) -> Step:
    """On whose word all that follows rests."""
    terms = context.terms
    if terms is None:
        return Step("terms", f"plan {context.plan_id} has none that day: the practice's defaults")
    until = f" to {terms.effective_to}" if terms.effective_to else ""
    text = f"plan {context.plan_id}, terms from {terms.effective_from}{until} (source: {terms.source})"
    return Step("terms", f"{text}: {METHOD_WORDS[terms.unit_method]}")


def code_claim(encounter: Encounter, context: VisitContext) -> CodedClaim:
    """The claim this visit makes under the plan's terms on the date of service, with the arithmetic in words."""
    terms, on = terms_of(encounter, context), encounter.date_of_service
    services, counted = count(encounter, context)
    drafts, split_steps = _drafts(encounter, terms, services, counted)
    _mark(encounter, terms, drafts)
    distinct_steps = _distinct(encounter, context, terms, drafts)
    charges = payment.fees_on(context.fees, on)
    others, deductible = same_day_lines(encounter, context), deductible_left(encounter, context)
    expected = payment.expect(payable(drafts), terms, charges, on, others, deductible)
    kx_steps, kx_findings = _kx(encounter, context, terms, drafts, [line.allowed for line in expected.lines])
    lines = tuple(
        _line(number, draft, encounter, terms, charges, amounts)
        for number, (draft, amounts) in enumerate(zip(drafts, expected.lines, strict=True), start=1)
    )
    return CodedClaim(
        lines=lines,
        total_charge=sum((line.charge for line in lines), payment.ZERO),
        expected_payment=expected.payer,
        expected_patient=expected.patient,
        place_of_service=encounter.administrative.place_of_service,
        diagnoses=claim_diagnoses(encounter),
        steps=(_terms_told(context), *counted.steps, *split_steps, *distinct_steps, *expected.steps, *kx_steps),
        findings=(
            *_swaps(encounter, terms),
            *_gaps(encounter, context, drafts, charges),
            *_ties(services, counted),
            *kx_findings,
        ),
        unit_result=counted,
    )


def recounted(
    claim: CodedClaim, lines: tuple[CodedLine, ...], encounter: Encounter, context: VisitContext
) -> CodedClaim:
    """The claim with lines a practice's own rule changed: numbered, charged, expected anew. KX is not marked anew."""
    terms, on = terms_of(encounter, context), encounter.date_of_service
    charges = payment.fees_on(context.fees, on)
    payable_lines = [
        payment.PayableLine(line.code, line.units, not modifiers.ASSISTANT.isdisjoint(line.modifiers)) for line in lines
    ]
    others, deductible = same_day_lines(encounter, context), deductible_left(encounter, context)
    expected = payment.expect(payable_lines, terms, charges, on, others, deductible)
    counted = tuple(
        replace(
            line,
            line_number=number,
            charge=charges.get(line.code, payment.ZERO) * line.units,
            expected_allowed=amounts.allowed,
            expected_payment=amounts.payer,
        )
        for number, (line, amounts) in enumerate(zip(lines, expected.lines, strict=True), start=1)
    )
    amounts = replace(claim, expected_payment=expected.payer, expected_patient=expected.patient)
    return with_lines(amounts, counted)


def with_lines(claim: CodedClaim, lines: tuple[CodedLine, ...]) -> CodedClaim:
    """The same claim with other lines and their total; for a biller's correction."""
    return replace(claim, lines=lines, total_charge=sum((line.charge for line in lines), payment.ZERO))
