"""The catalog every edit registers in, and what several of them ask of a claim."""

from billing import codes, modifiers
from billing.checks import Catalog
from billing.coding import CodedClaim, CodedLine
from billing.context import VisitContext
from billing.encounter import Encounter

SCRUB: Catalog[[Encounter, VisitContext, CodedClaim]] = Catalog()


EVALUATION_KINDS = frozenset({codes.CodeKind.EVALUATION, codes.CodeKind.RE_EVALUATION})


def entry_of(line: CodedLine) -> codes.TherapyCode | None:
    return codes.find(line.code, line.service_date)


def family_of(line: CodedLine, family: str) -> list[str]:
    return [modifier for modifier in line.modifiers if modifiers.kind(modifier) == family]


def stated(encounter: Encounter, family: str) -> set[str]:
    """Modifiers of a family that the clinician put on any service."""
    return {m for service in encounter.timing.services for m in service.modifiers if modifiers.kind(m) == family}


def same_day(encounter: Encounter, context: VisitContext) -> list[tuple[str, str, tuple[str, ...], int, str]]:
    """(visit, renderer, modifiers, units, code) of the lines on the patient's other claims of that day."""
    return [
        (visit.encounter_id, visit.rendering_clinician_id, marks, units, code)
        for visit in context.prior_visits
        if visit.date_of_service == encounter.date_of_service and visit.encounter_id != encounter.encounter_id
        for code, marks, units in visit.lines
    ]
