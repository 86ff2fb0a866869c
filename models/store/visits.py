"""Gathering what rules may know about a visit (billing.context) from the tables."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from billing.context import PriorVisit, VisitContext
from billing.encounter import Encounter
from billing.practice import Clinician, Fee, PlanTerms
from billing.vocabulary import Discipline
from models.store import authorizations
from models.tables.claims import ClaimLineRow, ClaimRow, ClaimVersionRow
from models.tables.desk import DecisionRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow, ProgressReportRow
from models.tables.practice import ClinicianRow, FeeRow, LocationRow, PayerRow, PlanRow, PlanTermsRow, PracticeRow

# Decisions that pass over findings, for the version of the visit they were taken on.
OVERRIDING = ("override", "none_needed")
# A claim version in one of these states stands for nothing any more.
DEAD_CLAIMS = ("superseded", "withdrawn", "rejected")


def terms_on(session: Session, plan_id: UUID, on: date) -> PlanTerms | None:
    """The plan's terms on a date of service, or None if it has none that day."""
    row = session.scalars(
        select(PlanTermsRow).where(
            PlanTermsRow.plan_id == plan_id,
            PlanTermsRow.effective_from <= on,
            or_(PlanTermsRow.effective_to.is_(None), PlanTermsRow.effective_to >= on),
        )
    ).first()
    return PlanTerms.model_validate(row.terms) if row else None


def people(session: Session, practice_id: UUID, encounter: Encounter) -> dict[str, Clinician]:
    """The clinicians a visit names, by the practice's ids."""
    compliance = encounter.compliance
    named = {person.clinician_id for service in encounter.timing.services for person in service.minutes}
    named |= {signature.clinician_id for signature in compliance.signatures}
    named |= {compliance.rendering_clinician_id, compliance.supervising_clinician_id or ""}
    rows = session.execute(
        select(ClinicianRow.external_id, ClinicianRow.facts).where(
            ClinicianRow.practice_id == practice_id, ClinicianRow.external_id.in_(named)
        )
    )
    return {external_id: Clinician.model_validate(facts) for external_id, facts in rows}


def fees(session: Session, practice_id: UUID, encounter: Encounter, terms: PlanTerms | None) -> tuple[Fee, ...]:
    """The fees of the visit's codes and of what the plan swaps them for."""
    codes = {service.code for service in encounter.timing.services}
    if terms is not None:
        codes |= {terms.substituted_codes[code] for code in codes if code in terms.substituted_codes}
    rows = session.scalars(select(FeeRow).where(FeeRow.practice_id == practice_id, FeeRow.code.in_(codes)))
    return tuple(
        Fee(code=row.code, amount=row.amount, effective_from=row.effective_from, effective_to=row.effective_to)
        for row in rows
    )


def treatment_days(session: Session, row: EncounterRow) -> tuple[date, ...]:
    """Distinct dates of service of the episode up to this visit, this visit's own included."""
    days = session.scalars(
        select(EncounterRow.date_of_service)
        .where(
            EncounterRow.episode_id == row.episode_id,
            EncounterRow.date_of_service <= row.date_of_service,
            or_(EncounterRow.closed_as.is_(None), EncounterRow.closed_as != "cancelled"),
        )
        .distinct()
        .order_by(EncounterRow.date_of_service)
    )
    return tuple(days)


def prior_visits(session: Session, row: EncounterRow) -> tuple[PriorVisit, ...]:
    """Other visits of the patient with a living claim, on the same day or in the same episode."""
    found = session.execute(
        select(EncounterRow, ClaimVersionRow.coded)
        .join(ClaimRow, ClaimRow.encounter_id == EncounterRow.id)
        .join(
            ClaimVersionRow,
            (ClaimVersionRow.claim_id == ClaimRow.id) & (ClaimVersionRow.version == ClaimRow.current_version),
        )
        .where(
            EncounterRow.patient_id == row.patient_id,
            EncounterRow.id != row.id,
            ClaimVersionRow.status.not_in(DEAD_CLAIMS),
            or_(EncounterRow.date_of_service == row.date_of_service, EncounterRow.episode_id == row.episode_id),
        )
    )
    return tuple(_prior(other, coded) for other, coded in found)


def _prior(row: EncounterRow, coded: dict[str, Any]) -> PriorVisit:
    facts = row.facts
    return PriorVisit(
        encounter_id=row.external_id,
        date_of_service=row.date_of_service,
        discipline=Discipline(row.discipline),
        episode_id=facts["compliance"]["episode"]["episode_id"],
        rendering_clinician_id=facts["compliance"]["rendering_clinician_id"],
        lines=tuple((line["code"], tuple(line["modifiers"]), line["units"]) for line in coded["lines"]),
        is_evaluation=facts["clinical"]["visit_kind"] == "evaluation",
    )


def therapy_accrued(session: Session, row: EncounterRow) -> Decimal:
    """Allowed dollars of the calendar year in this visit's bucket (PT with SLP, or OT), this visit left out.

    Our own claims only: what other clinics used of the threshold is not known here.
    """
    bucket = ["OT"] if row.discipline == "OT" else ["PT", "SLP"]
    year = row.date_of_service.year
    total = session.scalar(
        select(func.sum(ClaimLineRow.expected_allowed))
        .join(ClaimVersionRow, ClaimVersionRow.id == ClaimLineRow.claim_version_id)
        .join(
            ClaimRow,
            (ClaimRow.id == ClaimVersionRow.claim_id) & (ClaimRow.current_version == ClaimVersionRow.version),
        )
        .join(EncounterRow, EncounterRow.id == ClaimVersionRow.encounter_id)
        .where(
            EncounterRow.patient_id == row.patient_id,
            EncounterRow.id != row.id,
            EncounterRow.plan_id == row.plan_id,
            EncounterRow.discipline.in_(bucket),
            EncounterRow.date_of_service.between(date(year, 1, 1), date(year, 12, 31)),
            ClaimVersionRow.status.not_in(DEAD_CLAIMS),
        )
    )
    return total or Decimal("0.00")


def overridden(session: Session, row: EncounterRow) -> frozenset[str]:
    """Finding codes a person has overridden with a reason, for the present version of the visit only."""
    rows = session.scalars(
        select(DecisionRow.fields).where(DecisionRow.encounter_id == row.id, DecisionRow.decision.in_(OVERRIDING))
    )
    return frozenset(
        code for fields in rows if fields.get("encounter_version") == row.version for code in fields.get("codes", [])
    )


def context_of(session: Session, row: EncounterRow, encounter: Encounter, today: date) -> VisitContext:
    """Everything around a visit. Locks the patient's authorizations until the commit."""
    plan, payer = session.execute(
        select(PlanRow, PayerRow).join(PayerRow, PayerRow.id == PlanRow.payer_id).where(PlanRow.id == row.plan_id)
    ).one()
    terms = terms_on(session, row.plan_id, row.date_of_service)
    practice = session.get_one(PracticeRow, row.practice_id)
    locked = authorizations.lock_for_patient(session, row.practice_id, encounter.patient.patient_id)
    return VisitContext(
        today=today,
        practice_npi=practice.profile["npi"],
        payer_id=payer.external_id,
        plan_id=plan.external_id,
        coverage=encounter.administrative.primary,
        terms=terms,
        clinicians=people(session, row.practice_id, encounter),
        fees=fees(session, row.practice_id, encounter, terms),
        location_ids=frozenset(
            session.scalars(select(LocationRow.external_id).where(LocationRow.practice_id == row.practice_id))
        ),
        treatment_days=treatment_days(session, row),
        progress_reports=tuple(
            session.scalars(
                select(ProgressReportRow.report_date)
                .where(ProgressReportRow.episode_id == row.episode_id)
                .order_by(ProgressReportRow.report_date)
            )
        ),
        prior_visits=prior_visits(session, row),
        authorizations=authorizations.balances(session, locked, row.id),
        therapy_accrued=therapy_accrued(session, row),
        overridden=overridden(session, row),
    )


def lock_patient(session: Session, row: EncounterRow) -> None:
    """Visits of one patient are judged one at a time, so that each sees the claim of the other."""
    session.execute(select(PatientRow.id).where(PatientRow.id == row.patient_id).with_for_update())
