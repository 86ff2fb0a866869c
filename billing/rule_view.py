"""The view of a visit that a practice's own rule sees; billing.rule_fields says what each field means."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from billing.chart.plan_of_care import days_since_report
from billing.coding import CodedClaim, final_code, minutes_of, terms_of
from billing.context import AuthorizationBalance, VisitContext
from billing.edits.claim import age_on
from billing.encounter import Encounter
from billing.rule_fields import LISTS
from billing.vocabulary import ClinicianRole

Facts = dict[str, Any]


def _day(value: date | None) -> str:
    return value.isoformat() if value is not None else ""


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _visit(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    on = encounter.date_of_service
    return {
        "date": on.isoformat(),
        "year": on.year,
        "weekday": on.isoweekday(),
        "discipline": encounter.discipline.value,
        "kind": encounter.clinical.visit_kind.value,
        "modality": encounter.administrative.modality.value,
        "place_of_service": encounter.administrative.place_of_service,
        "location": encounter.administrative.location_id,
        "minutes": sum(service.total_minutes for service in encounter.timing.services),
    }


def _patient(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    return {
        "age": age_on(encounter.patient.birth_date, encounter.date_of_service),
        "sex": encounter.patient.sex,
        "state": encounter.patient.address.state,
        "postal_code": encounter.patient.address.postal_code[:5],
    }


def _plan(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    terms = terms_of(encounter, context)
    coverages, answer = encounter.administrative.coverages, context.coverage.eligibility
    return {
        "payer": context.payer_id,
        "plan": context.plan_id,
        "coverages": len(coverages),
        "secondary": next((coverage.plan_id for coverage in coverages if coverage.rank == 2), ""),
        "eligibility": "" if answer is None else "active" if answer.active else "inactive",
        "eligibility_asked_on": _day(answer.checked_on if answer else None),
        "protected": answer is not None and answer.protected,
        "unit_method": terms.unit_method.value,
        "kx_applies": terms.kx_threshold_applies,
        "authorization_need": terms.authorization_need.value,
    }


def _note(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    clinical, timing, telehealth = encounter.clinical, encounter.timing, encounter.administrative.telehealth
    signatures = encounter.compliance.signatures
    first = min((signature.signed_at.date() for signature in signatures), default=encounter.date_of_service)
    return {
        "signed": any(one.clinician_id == encounter.compliance.rendering_clinician_id for one in signatures),
        "signatures": len(signatures),
        "co_signed": any(signature.kind == "co_signer" for signature in signatures),
        "days_to_sign": max(0, (first - encounter.date_of_service).days),
        "primary_diagnosis": claim.diagnoses[0] if claim.diagnoses else "",
        "diagnoses": list(claim.diagnoses),
        "goals": len(clinical.goals),
        "measurable_goals": sum(goal.measurable for goal in clinical.goals),
        "measures": [measure.name for measure in clinical.objective_measures],
        "habilitative": _yes(clinical.habilitative),
        "consent": _yes(telehealth.consent if telehealth else None),
        "re_evaluation_reason": clinical.re_evaluation_reason,
        "timed_minutes": timing.total_timed_minutes or 0,
        "treatment_minutes": timing.total_treatment_minutes or 0,
        "has_times": all(one.start_time is not None and one.stop_time is not None for one in timing.services),
    }


def _care(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    on, compliance = encounter.date_of_service, encounter.compliance
    plan, referral = compliance.plan_of_care, encounter.administrative.referral
    started = compliance.episode.started_on
    since_report, last = days_since_report(encounter, context)
    days = [day for day in context.treatment_days if day <= on] or [on]
    return {
        "treatment_day": len(days) + compliance.episode.treatment_days_before_firstpass,
        "days_since_start": (on - started).days,
        "treatments_since_report": since_report,
        "days_since_report": (on - (last or started)).days,
        "plan_on_file": plan is not None,
        "plan_ends": _day(plan.effective_to if plan else None),
        "certified": plan is not None and plan.certified_on is not None,
        "certified_on": _day(plan.certified_on if plan else None),
        "referral": referral is not None,
        "referral_ordered_on": _day(referral.ordered_on if referral else None),
        "referral_expires_on": _day(referral.expires_on if referral else None),
    }


def _staff(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    rendering = context.clinicians.get(encounter.compliance.rendering_clinician_id)
    given = [minutes_of(service, service.code, context) for service in encounter.timing.services]
    people = (person for service in encounter.timing.services for person in service.minutes)
    roles = {found.role for person in people if (found := context.clinicians.get(person.clinician_id)) is not None}
    return {
        "rendering": encounter.compliance.rendering_clinician_id,
        "rendering_role": rendering.role.value if rendering else "",
        "supervising": encounter.compliance.supervising_clinician_id or "",
        "therapist_minutes": sum(minutes.therapist_minutes for minutes in given),
        "assistant_minutes": sum(minutes.assistant_minutes for minutes in given),
        "student": ClinicianRole.STUDENT in roles,
    }


def _fitting(encounter: Encounter, context: VisitContext) -> list[AuthorizationBalance]:
    return [
        balance
        for balance in context.authorizations
        if balance.plan_id == context.plan_id
        and encounter.discipline in balance.disciplines
        and balance.effective_from <= encounter.date_of_service <= balance.effective_to
    ]


def _authorization(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    fitting = _fitting(encounter, context)
    return {
        "number": encounter.administrative.authorization_number,
        "on_file": len(fitting),
        "left": int(max((balance.left for balance in fitting), default=0)),
        "ends": _day(max((balance.effective_to for balance in fitting), default=None)),
    }


def _history(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    same = [
        visit
        for visit in context.prior_visits
        if visit.date_of_service == encounter.date_of_service and visit.encounter_id != encounter.encounter_id
    ]
    return {
        "same_day": len(same),
        "same_day_disciplines": sorted({visit.discipline.value for visit in same}),
        "same_day_codes": sorted({line[0] for visit in same for line in visit.lines}),
    }


def _money(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    return {
        "accrued": float(context.therapy_accrued),
        "patient_paid": float(encounter.administrative.patient_paid),
    }


def _claim(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Facts:
    return {
        "lines": len(claim.lines),
        "units": sum(line.units for line in claim.lines),
        "codes": list(dict.fromkeys(line.code for line in claim.lines)),
        "place_of_service": claim.place_of_service,
        "charge": float(claim.total_charge),
        "expected": float(claim.expected_payment),
    }


def _lines(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> list[Facts]:
    terms = terms_of(encounter, context)
    minutes: Counter[str] = Counter()
    for service in encounter.timing.services:
        minutes[final_code(service.code, terms)] += service.total_minutes
    return [
        {
            "number": line.line_number,
            "code": line.code,
            "modifiers": list(line.modifiers),
            "units": line.units,
            "minutes": minutes[line.code],
            "charge": float(line.charge),
        }
        for line in claim.lines
    ]


def _services(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> list[Facts]:
    return [
        {
            "code": service.code,
            "minutes": service.total_minutes,
            "mode": service.mode.value,
            "modifiers": list(service.modifiers),
            "units": service.units or 0,
            "separate_block": service.separate_block,
        }
        for service in encounter.timing.services
    ]


_PARTS: dict[str, Callable[[Encounter, VisitContext, CodedClaim], Any]] = {
    "visit": _visit,
    "patient": _patient,
    "plan": _plan,
    "note": _note,
    "care": _care,
    "staff": _staff,
    "authorization": _authorization,
    "history": _history,
    "money": _money,
    "claim": _claim,
    "lines": _lines,
    "services": _services,
}
CHANGING = frozenset({"claim", "lines"})  # what a rule's actions may change


def part(root: str, encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Any:
    """One part of the view."""
    return _PARTS[root](encounter, context, claim)


def view(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> dict[str, Any]:
    """The whole view."""
    return {root: part(root, encounter, context, claim) for root in _PARTS}


def told(path: str, seen: dict[str, Any]) -> str:
    """A fact as the trace keeps it; of a list, its entries in short."""
    root, _, name = path.partition(".")
    if root in LISTS:
        return "; ".join(_entry(entry) for entry in seen.get(root, ()))
    value = seen.get(root, {}).get(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _entry(entry: Facts) -> str:
    if "number" in entry:
        return line_text(entry["code"], entry["modifiers"], entry["units"])
    return f"{' '.join((entry['code'], *entry['modifiers']))} {entry['minutes']} min {entry['mode']}"


def line_text(code: str, marks: Iterable[str], units: int) -> str:
    """A claim line in one breath: ``97110 GP KX x2``."""
    return f"{' '.join((code, *marks))} x{units}"
