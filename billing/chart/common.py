"""The catalog every documentation check registers in, and what several of them ask of a visit."""

from billing import codes
from billing.checks import Catalog
from billing.coding import final_code, terms_of
from billing.context import VisitContext
from billing.encounter import Encounter, Service, Signature
from billing.practice import Clinician
from billing.vocabulary import ClinicianRole, VisitKind

DOCUMENTATION: Catalog[[Encounter, VisitContext]] = Catalog()


CH15 = "Medicare Benefit Policy Manual ch. 15"


def clinician_of(context: VisitContext, clinician_id: str | None) -> Clinician | None:
    return context.clinicians.get(clinician_id) if clinician_id else None


def role_of(context: VisitContext, clinician_id: str | None) -> ClinicianRole | None:
    clinician = clinician_of(context, clinician_id)
    return clinician.role if clinician else None


def entry_of(encounter: Encounter, context: VisitContext, service: Service) -> codes.TherapyCode | None:
    return codes.find(final_code(service.code, terms_of(encounter, context)), encounter.date_of_service)


def kinds_of(encounter: Encounter, context: VisitContext) -> set[codes.CodeKind]:
    entries = [entry_of(encounter, context, service) for service in encounter.timing.services]
    return {entry.kind for entry in entries if entry is not None}


def is_evaluation(encounter: Encounter, context: VisitContext) -> bool:
    """Whether the visit opens an episode: the chart says so, or an evaluation code is on it."""
    if encounter.clinical.visit_kind is VisitKind.EVALUATION:
        return True
    return codes.CodeKind.EVALUATION in kinds_of(encounter, context)


def is_re_evaluation(encounter: Encounter, context: VisitContext) -> bool:
    """Whether the visit looks again at a running episode."""
    if encounter.clinical.visit_kind is VisitKind.RE_EVALUATION:
        return True
    return codes.CodeKind.RE_EVALUATION in kinds_of(encounter, context)


def authored(encounter: Encounter) -> list[Signature]:
    return [signature for signature in encounter.compliance.signatures if signature.kind == "author"]
