"""``firstpass claim``: visits and a practice file in, the 837P of their claims out. Text in, text and exit code out.

Codes, units and modifiers come from the same rules as everywhere, with the context ``firstpass scrub`` builds: visits
of one file know each other. Nothing is remembered, so the file says it is a test (ISA15 = T) with control number 1; a
claim's own number is made from the visit's id and version, the same each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from billing.cli_scrub import Visit, evaluate_visits, find_plan, newest, read_visits, reason
from billing.encounter import Encounter
from billing.findings import stopping
from billing.practice import Clinician, Practice
from billing.trace import Evaluation, claim_to_dict
from edi.filing import Filing, Sender, claim_record, envelope
from edi.x837p_gate import refusals
from edi.x837p_records import Claim837
from edi.x837p_writer import write_837p

ALL_WRITTEN, SOME_NOT, UNREADABLE = 0, 1, 2
CONTROL_NUMBER = 1
TEST = "T"
PATIENT_CONTROL_LENGTH = 15  # some payers cut at 17 (Stedi, How to track claims)


class ClaimFile(NamedTuple):
    """What the command answers: the file (blank when it would hold no claim), what was said of it, the exit code."""

    text: str
    said: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True)
class _Payer:
    payer_id: str
    payer_name: str
    claim_filing_indicator: str


@dataclass(frozen=True, slots=True)
class _Pages:
    """A practice file, as edi.filing wants to see a practice."""

    clinicians: Mapping[str, Clinician]
    locations: Mapping[str, Mapping[str, Any]]
    plans: Mapping[str, _Payer]

    def plan_named(self, external_id: str) -> _Payer:
        """A plan's payer by the practice's id of the plan."""
        return self.plans[external_id]


class _Claim(NamedTuple):
    visit: Visit
    evaluation: Evaluation
    record: Claim837

    @property
    def name(self) -> str:
        return _name(self.visit)


def claim_command(lines: Iterable[str | bytes], practice_json: str | bytes, *, now: datetime, check: bool) -> ClaimFile:
    """The 837P of all visits that read; with check, of those claims only that may leave. `now` is local, and aware.

    Exit codes: 0 every visit's claim is in it, 1 some are not (each with its reasons), 2 nothing can be read.
    """
    try:
        practice = Practice.model_validate_json(practice_json)
    except ValidationError as error:
        return ClaimFile("", (f"the practice file does not read: {reason(error)}",), UNREADABLE)
    visits = read_visits(lines)
    bad = [f"line {visit.number}: unreadable: {visit.error}" for visit in visits if visit.encounter is None]
    if len(bad) == len(visits):
        return ClaimFile("", (*bad, "there is no visit in it"), UNREADABLE)
    wanted, said = _wanted(visits)
    claims, gaps = _claims(practice, wanted, now)
    around = envelope(_sender(practice), CONTROL_NUMBER, TEST, now)
    problems = [*bad, *gaps]
    if check:
        refused = list(_refused(claims, refusals(around, [claim.record for claim in claims]) if claims else []))
        problems += [problem for _, reasons in refused for problem in reasons]
        claims = [claim for claim, reasons in refused if not reasons]
    text = write_837p(replace(around, claims=tuple(claim.record for claim in claims))) if claims else ""
    return ClaimFile(text, (*said, *problems), SOME_NOT if problems else ALL_WRITTEN)


def _wanted(visits: Sequence[Visit]) -> tuple[list[Visit], list[str]]:
    """The newest version of each visit that happened, and what of the others is to be said."""
    kept, passed = newest(visits)
    said = [f"{_name(visit)}: {passed[visit.number]}" for visit in visits if visit.number in passed]
    known = [visit for visit in kept if visit.encounter is not None]
    cancelled = [visit for visit in known if visit.encounter is not None and visit.encounter.cancelled]
    said += [f"{_name(visit)}: passed over, the visit was cancelled" for visit in cancelled]
    return [visit for visit in known if visit not in cancelled], said


def _claims(practice: Practice, visits: Iterable[Visit], now: datetime) -> tuple[list[_Claim], list[str]]:
    """A claim per visit in the order of the file, and why some visits have none."""
    visits = sorted(visits, key=lambda visit: visit.number)
    evaluations = evaluate_visits(practice, visits, now.date())
    sender = _sender(practice)
    claims: list[_Claim] = []
    gaps: list[str] = []
    for visit in visits:
        evaluation, encounter = evaluations[visit.number], visit.encounter
        assert encounter is not None
        if find_plan(practice, encounter.administrative.primary.plan_id) is None:
            gaps.append(f"{_name(visit)}: the practice file has no plan {encounter.administrative.primary.plan_id}")
        elif not evaluation.claim.lines:
            gaps.append(f"{_name(visit)}: no service comes to a billable unit")
        else:
            claims.append(_Claim(visit, evaluation, claim_record(sender, _filing(encounter, evaluation))))
    return claims, gaps


def _refused(claims: Iterable[_Claim], refusals_: Iterable[list[str]]) -> Iterator[tuple[_Claim, list[str]]]:
    """Each claim with the reasons for which it would not leave: the gates' first, then the checks'."""
    for claim, refusal in zip(claims, refusals_, strict=True):
        gate = claim.evaluation.gate
        held = stopping(claim.evaluation.findings, frozenset()) if gate else ()
        reasons = [f"{claim.name}: held in {gate.value}: {found.code} {found.message}" for found in held if gate]
        yield claim, [*reasons, *(f"{claim.name}: {message}" for message in refusal)]


def _filing(encounter: Encounter, evaluation: Evaluation) -> Filing:
    named = f"{encounter.encounter_id}/{encounter.version}".encode()
    digits = hashlib.sha256(named).hexdigest().upper()
    granted = evaluation.authorization
    chosen = granted.number if granted.authorization_id is not None else encounter.administrative.authorization_number
    return Filing(
        patient_control_number=f"F{digits[: PATIENT_CONTROL_LENGTH - 1]}",
        charge=evaluation.claim.total_charge,
        facts=encounter.model_dump(mode="json"),
        coded=claim_to_dict(evaluation.claim),
        prior_authorization_number=chosen or "",
    )


def _sender(practice: Practice) -> Sender:
    plans = {
        plan.plan_id: _Payer(payer.payer_id, payer.name, payer.claim_filing_indicator)
        for payer in practice.payers
        for plan in payer.plans
    }
    pages = _Pages(
        clinicians={clinician.clinician_id: clinician for clinician in practice.clinicians},
        locations={place.location_id: place.model_dump(mode="json") for place in practice.locations},
        plans=plans,
    )
    return Sender(name=practice.name, profile=practice.model_dump(mode="json"), pages=pages)


def _name(visit: Visit) -> str:
    known = visit.encounter.encounter_id if visit.encounter else "(no visit)"
    return f"line {visit.number}, visit {known}"
