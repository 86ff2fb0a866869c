"""``firstpass scrub``: visits and a practice file in, findings out. Text in, text and exit code out; no I/O of its own.

Visits of one file know each other: earlier ones count as treatment days, use authorizations and fill the therapy
threshold, in order of their dates. What happened outside the file is not known.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import ValidationError

from billing.blocks import Block, blocks
from billing.chart.common import is_evaluation
from billing.cli_units import USAGE_ERROR, Answer
from billing.complaints import complaints
from billing.context import AuthorizationBalance, PriorVisit, VisitContext
from billing.encounter import Encounter
from billing.findings import Finding
from billing.practice import AuthorizationRecord, Payer, Plan, PlanTerms, Practice
from billing.trace import Evaluation, evaluate, to_dict
from billing.vocabulary import Discipline

HOLDS = 1


class Visit(NamedTuple):
    """One line of the file: its number, and the visit or what was wrong with the line."""

    number: int
    encounter: Encounter | None
    error: str = ""


@dataclass(slots=True)
class Ledger:
    """What earlier visits of the file have left behind. visits: by patient, each with the plan it was billed to."""

    visits: dict[str, list[tuple[str, PriorVisit]]] = field(default_factory=lambda: defaultdict(list))
    blocks: dict[date, list[Block]] = field(default_factory=lambda: defaultdict(list))
    used: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    accrued: dict[tuple[str, int, bool], Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def terms_on(plan: Plan, on: date) -> PlanTerms | None:
    """The plan's terms for that date of service."""
    for terms in plan.terms:
        if terms.effective_from <= on and (terms.effective_to is None or on <= terms.effective_to):
            return terms
    return None


def find_plan(practice: Practice, plan_id: str) -> tuple[Payer, Plan] | None:
    """A plan of the practice file with its payer."""
    return next(((payer, plan) for payer in practice.payers for plan in payer.plans if plan.plan_id == plan_id), None)


def _balance(record: AuthorizationRecord, used: Decimal) -> AuthorizationBalance:
    return AuthorizationBalance(
        authorization_id=record.authorization_id,
        number=record.number,
        plan_id=record.plan_id,
        disciplines=record.disciplines,
        unit_of_measure=record.unit_of_measure,
        codes=record.all_codes,
        effective_from=record.effective_from,
        effective_to=record.effective_to,
        left=max(record.total - record.used_before_firstpass - used, Decimal(0)),
    )


def _bucket(encounter: Encounter) -> tuple[str, int, bool]:
    """Patient, calendar year, and whether it is the occupational threshold (PT and SLP share the other)."""
    return encounter.patient.patient_id, encounter.date_of_service.year, encounter.discipline is Discipline.OT


def visit_context(practice: Practice, encounter: Encounter, today: date, ledger: Ledger) -> VisitContext:
    """The facts around a visit as far as practice file and earlier visits of the file tell them."""
    patient, on = encounter.patient.patient_id, encounter.date_of_service
    coverage = encounter.administrative.primary
    found = find_plan(practice, coverage.plan_id)
    episode = encounter.compliance.episode.episode_id
    prior = tuple(replace(past, same_plan=plan_id == coverage.plan_id) for plan_id, past in ledger.visits[patient])
    days = {v.date_of_service for v in prior if v.episode_id == episode and v.discipline is encounter.discipline}
    return VisitContext(
        today=today,
        practice_npi=practice.npi,
        payer_id=found[0].payer_id if found else "",
        plan_id=coverage.plan_id,
        coverage=coverage,
        terms=terms_on(found[1], on) if found else None,
        clinicians={clinician.clinician_id: clinician for clinician in practice.clinicians},
        fees=practice.fees,
        location_ids=frozenset(location.location_id for location in practice.locations),
        treatment_days=tuple(sorted({day for day in days if day <= on} | {on})),
        prior_visits=prior,
        authorizations=tuple(
            _balance(record, ledger.used[record.authorization_id])
            for record in practice.authorizations
            if record.patient == patient
        ),
        therapy_accrued=ledger.accrued[_bucket(encounter)],
        other_blocks=tuple(block for block in ledger.blocks[on] if block.encounter_id != encounter.encounter_id),
    )


def _remember(ledger: Ledger, encounter: Encounter, context: VisitContext, evaluation: Evaluation) -> None:
    lines, on = evaluation.claim.lines, encounter.date_of_service
    past = PriorVisit(
        encounter_id=encounter.encounter_id,
        date_of_service=on,
        discipline=encounter.discipline,
        episode_id=encounter.compliance.episode.episode_id,
        rendering_clinician_id=encounter.compliance.rendering_clinician_id,
        lines=tuple((line.code, line.modifiers, line.units) for line in lines),
        is_evaluation=is_evaluation(encounter, context),
    )
    ledger.visits[encounter.patient.patient_id].append((context.plan_id, past))
    ledger.blocks[on] += blocks(encounter.encounter_id, encounter.timing.services, on)
    if evaluation.authorization.authorization_id is not None:
        ledger.used[evaluation.authorization.authorization_id] += evaluation.authorization.quantity
    ledger.accrued[_bucket(encounter)] += sum((line.expected_allowed for line in lines), Decimal(0))


def reason(error: ValidationError) -> str:
    """The first complaint in words, and how many more there are."""
    first, *others = complaints(error)
    where = f"{first.where}: " if first.where else ""
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}{first.what}{more}"


def read_visits(lines: Iterable[str | bytes]) -> list[Visit]:
    """The visits of a file, one JSON object a line; a line that is none carries its error."""
    visits = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                visits.append(Visit(number, Encounter.model_validate_json(line)))
            except ValidationError as error:
                visits.append(Visit(number, None, reason(error)))
    return visits


def newest(visits: Sequence[Visit]) -> tuple[list[Visit], dict[int, str]]:
    """Each visit once, in its newest version (of equal ones the last), and by line number why others are passed over.

    Lines that do not read stay: somebody has to hear of them.
    """
    chosen: dict[str, tuple[int, int]] = {}
    for visit in visits:
        if visit.encounter is not None:
            this = (visit.encounter.version, visit.number)
            chosen[visit.encounter.encounter_id] = max(this, chosen.get(visit.encounter.encounter_id, this))
    passed: dict[int, str] = {}
    for visit in visits:
        if visit.encounter is not None:
            version, number = chosen[visit.encounter.encounter_id]
            if number != visit.number:
                passed[visit.number] = f"passed over, line {number} has this visit in version {version}"
    return [visit for visit in visits if visit.number not in passed], passed


def evaluate_visits(practice: Practice, visits: Iterable[Visit], today: date) -> dict[int, Evaluation]:
    """Evaluations by line number; visits are taken in order of their dates, so that each knows the ones before."""
    ledger = Ledger()
    evaluations = {}
    readable = [(visit.encounter, visit.number) for visit in visits if visit.encounter is not None]
    for encounter, number in sorted(readable, key=lambda pair: (pair[0].date_of_service, pair[1])):
        context = visit_context(practice, encounter, today, ledger)
        evaluations[number] = evaluate(encounter, context)
        if not encounter.cancelled:
            _remember(ledger, encounter, context, evaluations[number])
    return evaluations


def _told(finding: Finding) -> str:
    rule = f"  {finding.severity.value:<6} {finding.code:<4} {finding.message}"
    return f"{rule}\n         clears when {finding.clears_when}\n         source: {finding.citation}"


def _shown(visit: Visit, evaluation: Evaluation | None, passed: str | None) -> str:
    if visit.encounter is None:
        return f"line {visit.number}: unreadable: {visit.error}"
    if evaluation is None:
        return f"{visit.encounter.encounter_id} {visit.encounter.date_of_service}: {passed}"
    state = f"held in {evaluation.gate.value}" if evaluation.gate else "clean"
    claim = evaluation.claim
    lines = [f"{' '.join((line.code, *line.modifiers))} x{line.units}" for line in claim.lines]
    head = (
        f"{visit.encounter.encounter_id} {visit.encounter.date_of_service}: {state}; {', '.join(lines) or 'no lines'}"
    )
    return "\n".join([f"{head}; ${claim.total_charge}", *(_told(finding) for finding in evaluation.findings)])


def _data(visit: Visit, evaluation: Evaluation | None, passed: str | None) -> dict[str, Any]:
    if visit.encounter is None:
        return {"line": visit.number, "error": visit.error}
    named = {"line": visit.number, "encounter_id": visit.encounter.encounter_id}
    return {**named, "passed_over": passed} if evaluation is None else {**named, **to_dict(evaluation)}


def scrub_command(
    lines: Iterable[str | bytes], practice_json: str | bytes, *, today: date, as_json: bool = False
) -> Answer:
    """``firstpass scrub``: findings of every visit, as text or JSON lines. Exit 1 if anything holds, 2 on misuse."""
    try:
        practice = Practice.model_validate_json(practice_json)
    except ValidationError as error:
        return Answer(f"firstpass scrub: the practice file does not read: {reason(error)}", USAGE_ERROR)
    visits = read_visits(lines)
    counted, passed = newest(visits)
    answers = evaluate_visits(practice, counted, today)
    clean = sum(1 for evaluation in answers.values() if evaluation.gate is None)
    exit_code = 0 if clean == len(counted) else HOLDS
    told = [(visit, answers.get(visit.number), passed.get(visit.number)) for visit in visits]
    if as_json:
        return Answer("\n".join(json.dumps(_data(*one)) for one in told), exit_code)
    return Answer("\n".join([*(_shown(*one) for one in told), f"{clean} of {len(counted)} visits clean"]), exit_code)
