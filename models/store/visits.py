"""Gathering what rules may know about a visit (billing.context) from the book and the patient's history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.context import PriorVisit, VisitContext
from billing.encounter import Encounter
from billing.practice import Clinician, Fee, PlanTerms
from billing.vocabulary import AuthorizationNeed, Discipline
from models.store import authorizations
from models.store.book import Book, book_of
from models.store.rules import published_rules
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.desk import DecisionRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow, ProgressReportRow
from models.tables.practice import PracticeRow

# Decisions that pass over findings, for the version of the visit they were taken on.
OVERRIDING = ("override", "none_needed")
# A claim version in one of these states stands for nothing any more.
DEAD_CLAIMS = ("superseded", "withdrawn", "rejected")


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit of the patient with what its living claim says, if it has one."""

    encounter_id: str
    date_of_service: date
    discipline: str
    same_episode: bool
    same_plan: bool
    is_this: bool
    is_cancelled: bool
    rendering_clinician_id: str
    visit_kind: str
    episode_id: str
    lines: tuple[Mapping[str, Any], ...] | None


def people(book: Book, encounter: Encounter) -> dict[str, Clinician]:
    """The clinicians a visit names, by the practice's ids."""
    compliance = encounter.compliance
    named = {person.clinician_id for service in encounter.timing.services for person in service.minutes}
    named |= {signature.clinician_id for signature in compliance.signatures}
    named |= {compliance.rendering_clinician_id, compliance.supervising_clinician_id or ""}
    return {name: book.clinicians[name] for name in named if name in book.clinicians}


def fees(book: Book, encounter: Encounter, terms: PlanTerms | None) -> tuple[Fee, ...]:
    """The fees of the visit's codes and of what the plan swaps them for."""
    codes = {service.code for service in encounter.timing.services}
    if terms is not None:
        codes |= {terms.substituted_codes[code] for code in codes if code in terms.substituted_codes}
    return tuple(fee for code in sorted(codes) for fee in book.fees.get(code, ()))


def past_visits(session: Session, row: EncounterRow) -> Sequence[PastVisit]:
    """The patient's visits that bear on this one: of the episode, of the day, and of the calendar year."""
    facts = EncounterRow.facts
    found = session.execute(
        select(
            EncounterRow.id,
            EncounterRow.external_id,
            EncounterRow.date_of_service,
            EncounterRow.discipline,
            EncounterRow.episode_id,
            EncounterRow.plan_id,
            EncounterRow.closed_as,
            facts["compliance"]["rendering_clinician_id"].astext,
            facts["clinical"]["visit_kind"].astext,
            facts["compliance"]["episode"]["episode_id"].astext,
            ClaimVersionRow.coded["lines"],
        )
        .outerjoin(ClaimRow, ClaimRow.encounter_id == EncounterRow.id)
        .outerjoin(
            ClaimVersionRow,
            (ClaimVersionRow.claim_id == ClaimRow.id)
            & (ClaimVersionRow.version == ClaimRow.current_version)
            & ClaimVersionRow.status.not_in(DEAD_CLAIMS),
        )
        .where(
            EncounterRow.patient_id == row.patient_id,
            or_(
                EncounterRow.date_of_service >= date(row.date_of_service.year, 1, 1),
                EncounterRow.episode_id == row.episode_id,
            ),
        )
        .order_by(EncounterRow.date_of_service)
    )
    return [
        PastVisit(
            encounter_id=external_id,
            date_of_service=day,
            discipline=discipline,
            same_episode=episode_id == row.episode_id,
            same_plan=plan_id == row.plan_id,
            is_this=encounter_id == row.id,
            is_cancelled=closed_as == "cancelled",
            rendering_clinician_id=renderer,
            visit_kind=kind,
            episode_id=episode,
            lines=tuple(lines) if lines is not None else None,
        )
        for (
            encounter_id,
            external_id,
            day,
            discipline,
            episode_id,
            plan_id,
            closed_as,
            renderer,
            kind,
            episode,
            lines,
        ) in found
    ]


def treatment_days(past: Sequence[PastVisit], on: date) -> tuple[date, ...]:
    """Distinct dates of service of the episode up to a visit, its own included."""
    days = {
        visit.date_of_service
        for visit in past
        if visit.same_episode and visit.date_of_service <= on and not visit.is_cancelled
    }
    return tuple(sorted(days))


def prior_visits(past: Sequence[PastVisit], on: date) -> tuple[PriorVisit, ...]:
    """Other visits of the patient with a living claim, on the same day or in the same episode."""
    return tuple(
        PriorVisit(
            encounter_id=visit.encounter_id,
            date_of_service=visit.date_of_service,
            discipline=Discipline(visit.discipline),
            episode_id=visit.episode_id,
            rendering_clinician_id=visit.rendering_clinician_id,
            lines=tuple((line["code"], tuple(line["modifiers"]), line["units"]) for line in visit.lines),
            is_evaluation=visit.visit_kind == "evaluation",
        )
        for visit in past
        if not visit.is_this and visit.lines is not None and (visit.date_of_service == on or visit.same_episode)
    )


def therapy_accrued(past: Sequence[PastVisit], row: EncounterRow) -> Decimal:
    """Allowed dollars of the calendar year in this visit's bucket (PT with SLP, or OT), this visit left out.

    Our own claims only: what other clinics used of the threshold is not known here.
    """
    bucket = ("OT",) if row.discipline == "OT" else ("PT", "SLP")
    return sum(
        (
            Decimal(line["expected_allowed"])
            for visit in past
            if not visit.is_this
            and visit.lines is not None
            and visit.same_plan
            and visit.discipline in bucket
            and visit.date_of_service.year == row.date_of_service.year
            for line in visit.lines
        ),
        Decimal("0.00"),
    )


def overridden(session: Session, row: EncounterRow) -> frozenset[str]:
    """Finding codes a person has overridden with a reason, for the present version of the visit only."""
    if not row.touched:
        return frozenset()
    rows = session.scalars(
        select(DecisionRow.fields).where(DecisionRow.encounter_id == row.id, DecisionRow.decision.in_(OVERRIDING))
    )
    return frozenset(
        code for fields in rows if fields.get("encounter_version") == row.version for code in fields.get("codes", [])
    )


def context_of(
    session: Session, practice: PracticeRow, row: EncounterRow, encounter: Encounter, today: date
) -> VisitContext:
    """Everything around a visit. Locks the patient's authorizations until the commit, where the plan wants any."""
    book = book_of(session, practice)
    page = book.plans[row.plan_id]
    terms = page.terms_on(row.date_of_service)
    past = past_visits(session, row)
    wanted = terms is None or terms.authorization_need is not AuthorizationNeed.NONE
    locked = authorizations.lock_for_patient(session, row.practice_id, encounter.patient.patient_id) if wanted else ()
    return VisitContext(
        today=today,
        practice_npi=practice.profile["npi"],
        payer_id=page.payer_id,
        plan_id=page.plan_id,
        coverage=encounter.administrative.primary,
        terms=terms,
        clinicians=people(book, encounter),
        fees=fees(book, encounter, terms),
        location_ids=frozenset(book.locations),
        treatment_days=treatment_days(past, row.date_of_service),
        progress_reports=tuple(
            session.scalars(
                select(ProgressReportRow.report_date)
                .where(ProgressReportRow.episode_id == row.episode_id)
                .order_by(ProgressReportRow.report_date)
            )
        ),
        prior_visits=prior_visits(past, row.date_of_service),
        authorizations=authorizations.balances(session, book, locked, row.id),
        therapy_accrued=therapy_accrued(past, row),
        overridden=overridden(session, row),
        practice_rules=published_rules(session, practice),
    )


def lock_patient(session: Session, row: EncounterRow) -> None:
    """Visits of one patient are judged one at a time, so that each sees the claim of the other."""
    session.execute(select(PatientRow.id).where(PatientRow.id == row.patient_id).with_for_update())
