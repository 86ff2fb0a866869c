"""Who treated, under whom, and who answers for it."""

from collections.abc import Iterator

from billing import codes
from billing.chart.common import (
    CH15,
    DOCUMENTATION,
    authored,
    clinician_of,
    entry_of,
    role_of,
)
from billing.checks import Problem
from billing.coding import terms_of
from billing.context import VisitContext
from billing.encounter import Encounter
from billing.vocabulary import ClinicianRole, Owner, Severity


@DOCUMENTATION.check(
    "D5",
    "Who treated, in which role",
    why="Claims go out in a therapist's name; assistants and students need one behind them, and may not evaluate.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3 and 230",
)
def treated_by(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Everybody who treated is known, the claim's clinician is a therapist, and supervision is named where due."""
    people = dict.fromkeys(p.clinician_id for service in encounter.timing.services for p in service.minutes)
    for person in people:
        if person not in context.clinicians:
            yield Problem(
                message=f"{person} treated but is not a clinician of the practice.",
                clears_when="the practice file names this clinician, or the chart names another",
                evidence={"clinician": person},
                owner=Owner.BILLER,
            )
    yield from _rendering(encounter, context)
    yield from _supervised(encounter, context, list(people))
    yield from _student_minutes(encounter, context)


def _rendering(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    rendering = clinician_of(context, encounter.compliance.rendering_clinician_id)
    if rendering is None or rendering.role is not ClinicianRole.THERAPIST:
        yield Problem(
            message="The claim's clinician is not a therapist of the practice.",
            clears_when="the visit names a therapist as rendering clinician",
            evidence={"rendering": encounter.compliance.rendering_clinician_id},
        )
    elif rendering.discipline is not encounter.discipline:
        yield Problem(
            message=f"The claim's clinician practises {rendering.discipline}, the visit is {encounter.discipline}.",
            clears_when="clinician and visit are of one discipline",
            evidence={"rendering": rendering.clinician_id, "discipline": rendering.discipline.value},
        )


def _supervised(encounter: Encounter, context: VisitContext, people: list[str]) -> Iterator[Problem]:
    helpers = [p for p in people if role_of(context, p) in (ClinicianRole.ASSISTANT, ClinicianRole.STUDENT)]
    if not helpers:
        return
    supervisor = encounter.compliance.supervising_clinician_id
    if role_of(context, supervisor) is not ClinicianRole.THERAPIST:
        yield Problem(
            message="An assistant or student treated, and no supervising therapist is named.",
            clears_when="the visit names the therapist who supervised",
            evidence={"treated": ", ".join(helpers), "supervisor": supervisor or "none"},
        )
    yield from _evaluated_by_helper(encounter, context)


def _evaluated_by_helper(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    for service in encounter.timing.services:
        entry = entry_of(encounter, context, service)
        if entry is None or entry.kind not in (codes.CodeKind.EVALUATION, codes.CodeKind.RE_EVALUATION):
            continue
        if any(role_of(context, person.clinician_id) is ClinicianRole.THERAPIST for person in service.minutes):
            continue
        yield Problem(
            message=f"{service.code} is an evaluation and no therapist took part; assistants and students may not.",
            clears_when="the evaluation's minutes name the therapist who made it",
            evidence={"code": service.code},
        )


def _student_minutes(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    alone = sum(
        person.minutes
        for service in encounter.timing.services
        for person in service.minutes
        if role_of(context, person.clinician_id) is ClinicianRole.STUDENT and not person.together_with_therapist
    )
    if alone:
        yield Problem(
            message=f"{alone} minutes were given by a student alone; they were not counted.",
            clears_when="nothing to do, or the chart says that the therapist treated together with the student",
            evidence={"student minutes": str(alone)},
            severity=Severity.WARN,
        )


@DOCUMENTATION.check(
    "D16",
    "Co-signature",
    why="A therapist answers for what assistants and students wrote or did; many plans want to see it.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source="plan terms; state practice acts",
    overridable=True,
)
def co_signed(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan wants it, a therapist signed too when a helper wrote the note or a student treated."""
    if not terms_of(encounter, context).co_signature_required:
        return
    roles = {role_of(context, signature.clinician_id) for signature in encounter.compliance.signatures}
    written = {role_of(context, signature.clinician_id) for signature in authored(encounter)}
    treated = {role_of(context, p.clinician_id) for service in encounter.timing.services for p in service.minutes}
    by_helper = ClinicianRole.ASSISTANT in written or ClinicianRole.STUDENT in written | treated
    if by_helper and ClinicianRole.THERAPIST not in roles:
        yield Problem(
            message="An assistant or student wrote the note or a student treated, and no therapist has signed.",
            clears_when="the supervising therapist co-signs the note",
            evidence={"signatures": ", ".join(s.clinician_id for s in encounter.compliance.signatures) or "none"},
        )
