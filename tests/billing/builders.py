"""A clean visit and the facts around it; every test says only what differs.

``encounter(**overrides)`` and ``context(**overrides)`` together pass every gate. Helpers build the parts one wants to
change: ``service("97110", 30)``, ``terms(certification_required=True)``.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.context import VisitContext
from billing.encounter import Encounter
from billing.practice import Clinician, Fee, PlanTerms
from billing.vocabulary import ClinicianRole, Discipline

VISIT = date(2026, 3, 2)
TODAY = date(2026, 3, 3)
NPI_PRACTICE = "1234567893"
NPI_THERAPIST = "1003000126"
NPI_REFERRER = "1679576722"
FEES = {
    "97110": "60.00", "97112": "65.00", "97116": "58.00", "97140": "58.00", "97150": "40.00", "97530": "70.00",
    "97535": "66.00", "97035": "30.00", "97161": "180.00", "97164": "120.00", "97750": "62.00", "G0283": "25.00",
    "97014": "25.00", "97124": "52.00", "92507": "150.00", "97129": "60.00", "97130": "55.00", "97165": "185.00",
    "97039": "40.00", "97012": "30.00", "92526": "150.00", "97010": "15.00", "97763": "80.00",
}  # fmt: skip


def service(code: str, minutes: int = 30, by: str = "pt-1", **overrides: Any) -> dict[str, Any]:
    """One service as the sender would write it."""
    return {"code": code, "minutes": [{"clinician_id": by, "minutes": minutes}], "diagnosis_pointers": [1], **overrides}


def services(*given: dict[str, Any] | tuple[str, int]) -> dict[str, Any]:
    """The timing of a visit; a pair is a code with the therapist's minutes."""
    return {"services": [service(*one) if isinstance(one, tuple) else one for one in given]}


def _merged(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Overrides reach into the four domains; a value that is not a mapping replaces."""
    merged = dict(base)
    for name, value in overrides.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def payload(**overrides: Any) -> dict[str, Any]:
    """A clean treatment visit as JSON-able data: PT, 2026-03-02, 97110 for 30 and 97140 for 15 minutes."""
    address = {"line1": "1 Main St", "city": "Austin", "state": "TX", "postal_code": "78701"}
    base: dict[str, Any] = {
        "encounter_id": "visit-1",
        "version": 1,
        "date_of_service": VISIT,
        "discipline": "PT",
        "patient": {
            "patient_id": "patient-1", "first_name": "Ada", "last_name": "Example",
            "birth_date": date(1960, 5, 17), "sex": "F", "address": address,
        },
        "clinical": {
            "visit_kind": "treatment",
            "diagnoses": [{"code": "M25.561", "rank": 1}, {"code": "M62.81", "rank": 2}],
            "goals": [{"description": "Climb 12 stairs without rail in 6 weeks"}],
            "objective_measures": [{"name": "Knee flexion", "value": "95", "unit": "degrees"}],
        },
        "timing": services(("97110", 30), ("97140", 15)),
        "administrative": {
            "location_id": "main", "place_of_service": "11",
            "coverages": [{"plan_id": "plan-1", "rank": 1, "member_id": "W123456789"}],
            "referral": {
                "npi": NPI_REFERRER, "first_name": "Rhea", "last_name": "Ferrer", "ordered_on": date(2026, 2, 10),
            },
        },
        "compliance": {
            "rendering_clinician_id": "pt-1",
            "signatures": [{"clinician_id": "pt-1", "signed_at": datetime(2026, 3, 2, 18, tzinfo=UTC)}],
            "episode": {"episode_id": "episode-1", "started_on": date(2026, 2, 16)},
            "plan_of_care": {
                "plan_of_care_id": "plan-of-care-1", "established_on": date(2026, 2, 16),
                "certified_on": date(2026, 2, 20), "certifier_npi": NPI_REFERRER,
            },
        },
    }  # fmt: skip
    return _merged(base, overrides)


def encounter(**overrides: Any) -> Encounter:
    """The clean visit with overrides, which may reach into its domains: ``clinical={"diagnoses": []}``."""
    return Encounter.model_validate(payload(**overrides))


def clinicians() -> dict[str, Clinician]:
    """Therapists, assistants and a student of the practice, by id."""
    people = [
        ("pt-1", ClinicianRole.THERAPIST, Discipline.PT, NPI_THERAPIST),
        ("pta-1", ClinicianRole.ASSISTANT, Discipline.PT, None),
        ("spt-1", ClinicianRole.STUDENT, Discipline.PT, None),
        ("ot-1", ClinicianRole.THERAPIST, Discipline.OT, NPI_THERAPIST),
        ("ota-1", ClinicianRole.ASSISTANT, Discipline.OT, None),
        ("slp-1", ClinicianRole.THERAPIST, Discipline.SLP, NPI_THERAPIST),
    ]
    return {
        name: Clinician(
            clinician_id=name, first_name="C", last_name=name, role=role, discipline=discipline, npi=npi,
        )
        for name, role, discipline, npi in people
    }  # fmt: skip


def terms(**overrides: Any) -> PlanTerms:
    """Plan terms in force since 2020, every other field the practice's default."""
    return PlanTerms(effective_from=date(2020, 1, 1), **overrides)


def medicare(**overrides: Any) -> PlanTerms:
    """Terms as Medicare Part B has them (2026)."""
    part_b: dict[str, Any] = {
        "unit_method": "cms_total_time", "assistant_modifier_required": True, "kx_threshold_applies": True,
        "substituted_codes": {"97014": "G0283"}, "certification_required": True, "certification_order_exception": True,
        "progress_report_every_days": 10, "timely_filing_months": 12, "accepts_replacement": False,
        "mppr_percent": Decimal(50), "assistant_percent": Decimal(85), "sequestration_percent": Decimal(2),
        "note_signed_within_days": 30,
    }  # fmt: skip
    return terms(**{**part_b, **overrides})


def fees() -> tuple[Fee, ...]:
    """The practice's charges since 2020."""
    return tuple(
        Fee(code=code, amount=Decimal(amount), effective_from=date(2020, 1, 1)) for code, amount in FEES.items()
    )


def context(**overrides: Any) -> VisitContext:
    """The facts around the clean visit, with overrides by field."""
    facts: dict[str, Any] = {
        "today": TODAY,
        "practice_npi": NPI_PRACTICE,
        "payer_id": "payer-1",
        "plan_id": "plan-1",
        "coverage": encounter().administrative.primary,
        "terms": terms(),
        "clinicians": clinicians(),
        "fees": fees(),
        "location_ids": frozenset({"main"}),
        "treatment_days": (date(2026, 2, 16), date(2026, 2, 23), VISIT),
    }
    return VisitContext(**{**facts, **overrides})
