"""Gathering what rules may know about a visit (billing.context) from the book and the patient's history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import Session

from billing import benefits, blocks
from billing.blocks import Block
from billing.context import LimitUse, PriorVisit, VisitContext
from billing.encounter import Encounter, Service
from billing.practice import Clinician, Fee, PlanTerms
from billing.vocabulary import AuthorizationNeed, Care, Discipline
from models.ids import new_id
from models.store import authorizations
from models.store.benefits import reports_of
from models.store.book import Book, book_of
from models.store.edits import edit_tables
from models.store.rules import published_rules
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.desk import DecisionRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.patients import PatientRow, ProgressReportRow
from models.tables.practice import PracticeRow

# Decisions that pass over findings, for the version of the visit they were taken on.
OVERRIDING = ("override", "none_needed", "exceed_limit")
# A claim version in one of these states stands for nothing any more.
DEAD_CLAIMS = ("superseded", "withdrawn", "rejected")
# As billing.benefits.care_of has it: the chart says so, or a service carries the modifier.
HABILITATIVE = cast(
    '$ ? (@.clinical.habilitative == true || exists(@.timing.services[*].modifiers[*] ? (@ == "96")))', JSONPATH
)


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
    claim_status: str | None
    is_over: bool  # closed, or decided upon: it uses no benefit it has not used yet
    is_habilitative: bool


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


def past_visits(session: Session, row: EncounterRow, since: date) -> Sequence[PastVisit]:
    """The patient's visits that bear on this one: of the episode, of the day, and from ``since`` on."""
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
            ClaimVersionRow.status,
            or_(EncounterRow.closed_at.is_not(None), EncounterRow.disposition.is_not(None)),
            func.jsonb_path_exists(facts, HABILITATIVE),
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
                EncounterRow.date_of_service >= since,
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
            claim_status=claim_status,
            is_over=is_over,
            is_habilitative=is_habilitative,
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
            claim_status,
            is_over,
            is_habilitative,
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


def looks_back_to(terms: PlanTerms | None, on: date) -> date:
    """The first day whose visits may matter: of the calendar year, or of the longest frequency limit of the plan."""
    limits = terms.frequency_limits if terms is not None else ()
    return min([date(on.year, 1, 1), *(limit.first_day(on) for limit in limits)])


def prior_visits(past: Sequence[PastVisit], on: date, all_of_them: bool) -> tuple[PriorVisit, ...]:
    """The patient's other visits with a living claim: of the same day or episode, or all of them."""
    return tuple(
        PriorVisit(
            encounter_id=visit.encounter_id,
            date_of_service=visit.date_of_service,
            discipline=Discipline(visit.discipline),
            episode_id=visit.episode_id,
            rendering_clinician_id=visit.rendering_clinician_id,
            lines=tuple((line["code"], tuple(line["modifiers"]), line["units"]) for line in visit.lines),
            is_evaluation=visit.visit_kind == "evaluation",
            same_plan=visit.same_plan,
        )
        for visit in past
        if not visit.is_this and visit.lines is not None
        if all_of_them or visit.date_of_service == on or visit.same_episode
    )


def other_blocks(session: Session, row: EncounterRow, encounter: Encounter) -> tuple[Block, ...]:
    """One-on-one time of this visit's clinicians in other visits of the day. Asked only of visits with clock times."""
    own = blocks.blocks(encounter.encounter_id, encounter.timing.services, row.date_of_service)
    if not own:
        return ()
    people = {block.clinician_id for block in own}
    gave = [{"timing": {"services": [{"minutes": [{"clinician_id": person}]}]}} for person in sorted(people)]
    found = session.execute(
        select(EncounterRow.external_id, EncounterRow.facts["timing"]["services"]).where(
            EncounterRow.practice_id == row.practice_id,
            EncounterRow.date_of_service == row.date_of_service,
            EncounterRow.id != row.id,
            EncounterRow.closed_as.is_distinct_from("cancelled"),
            or_(*(EncounterRow.facts.contains(shape) for shape in gave)),
        )
    )
    return tuple(
        block
        for external_id, services in found
        for block in blocks.blocks(external_id, map(Service.model_validate, services), row.date_of_service)
        if block.clinician_id in people
    )


def limit_uses(past: Sequence[PastVisit], row: EncounterRow) -> tuple[LimitUse, ...]:
    """The patient's other visits under the same plan that use its benefits before this one.

    A claim uses them whatever its day, unless it was denied; a visit still without one does if it came first, so that
    of two held visits each does not wait for the other.
    """
    return tuple(
        _as_use(visit) for visit in past if not visit.is_this and visit.same_plan and _uses_benefits(visit, row)
    )


def uses_paid(session: Session, patient_id: UUID, plan_id: UUID, first: date, last: date) -> tuple[LimitUse, ...]:
    """The patient's visits of those days that the plan has paid, as its own count of a limit has them."""
    nobody = EncounterRow(id=new_id(), patient_id=patient_id, plan_id=plan_id, episode_id=new_id())  # never kept
    return tuple(
        _as_use(visit)
        for visit in past_visits(session, nobody, first)
        if visit.same_plan and visit.claim_status == "paid" and first <= visit.date_of_service <= last
    )


def _as_use(visit: PastVisit) -> LimitUse:
    return LimitUse(
        encounter_id=visit.encounter_id,
        date_of_service=visit.date_of_service,
        discipline=Discipline(visit.discipline),
        dollars=sum((Decimal(line["expected_allowed"]) for line in visit.lines or ()), Decimal("0.00")),
        care=Care.HABILITATIVE if visit.is_habilitative else Care.REHABILITATIVE,
        is_evaluation=visit.visit_kind == "evaluation",
    )


def _uses_benefits(visit: PastVisit, row: EncounterRow) -> bool:
    if visit.lines is not None:
        return visit.claim_status != "denied"
    came_first = (visit.date_of_service, visit.encounter_id) < (row.date_of_service, row.external_id)
    return came_first and not visit.is_over


def overridden(session: Session, row: EncounterRow) -> frozenset[str]:
    """Keys of findings a person has overridden with a reason, for the present version of the visit only."""
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
    book, imported = book_of(session, practice), edit_tables(session, practice)
    page = book.plans[row.plan_id]
    terms = page.terms_on(row.date_of_service)
    since = min(benefits.counted_from(terms, row.date_of_service), looks_back_to(terms, row.date_of_service))
    past = past_visits(session, row, since)
    uses = limit_uses(past, row)
    limited = terms is not None and bool(benefits.limits_on(terms, row.date_of_service))
    reports = reports_of(session, row.patient_id, row.plan_id) if limited else ()
    wanted = terms is None or _may_want_one(terms)
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
        prior_visits=prior_visits(past, row.date_of_service, terms is not None and bool(terms.frequency_limits)),
        other_blocks=other_blocks(session, row, encounter),
        authorizations=authorizations.balances(session, book, locked, row.id),
        none_needed=authorizations.none_needed(session, book, encounter.patient.patient_id) if wanted else (),
        therapy_accrued=benefits.accrued(Discipline(row.discipline), row.date_of_service, uses, reports),
        limit_uses=uses,
        limit_reports=reports,
        corrects=_corrects(session, row, terms),
        overridden=overridden(session, row),
        pairs=imported.pairs,
        unit_edits=imported.units,
        practice_rules=published_rules(session, practice),
    )


def _corrects(session: Session, row: EncounterRow, terms: PlanTerms | None) -> bool:
    """Whether a claim filed now would replace one the payer has, as ``activities.claims`` will file it.

    Nothing is asked of the database for a visit as it first came, which nobody touched: it has no claim yet.
    """
    if terms is None or not terms.accepts_replacement or not (row.touched or row.version > 1):
        return False
    with_the_payer = select(ClaimRow.id).where(
        ClaimRow.encounter_id == row.id,
        ClaimRow.rank == 1,
        ClaimRow.payer_claim_control_number.is_not(None),
        ClaimVersionRow.claim_id == ClaimRow.id,
        ClaimVersionRow.version == ClaimRow.current_version,
        ClaimVersionRow.status != "voided",
    )
    return session.scalar(select(with_the_payer.exists())) is True


def _may_want_one(terms: PlanTerms) -> bool:
    """Whether an authorization can matter under these terms: where it is needed, or extends a soft limit."""
    return terms.authorization_need is not AuthorizationNeed.NONE or any(not one.hard for one in terms.benefit_limits)


def rules_for(session: Session, practice: PracticeRow, row: EncounterRow) -> set[tuple[str, int]]:
    """The published rules, with their versions, that a visit is in the scope of now."""
    page = book_of(session, practice).plans[row.plan_id]
    rules = published_rules(session, practice)
    chosen = rules.selected(page.payer_id, page.plan_id, Discipline(row.discipline), row.date_of_service)
    return {(compiled.rule.rule_id, compiled.rule.version) for compiled in chosen.rules}


def _lines_as_judged(session: Session, row: EncounterRow) -> tuple[Mapping[str, Any], ...]:
    """The lines a visit without a claim would have, as of the last time it was judged."""
    newest = (
        select(EvaluationRow.trace["claim"]["lines"])
        .where(EvaluationRow.encounter_id == row.id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(1)
    )
    return tuple(session.scalar(newest) or ())


def limits_of(session: Session, practice: PracticeRow, row: EncounterRow) -> tuple[benefits.Standing, ...]:
    """How the benefit limits of a visit's plan stand for it, counted now and without locking anything."""
    terms = book_of(session, practice).plans[row.plan_id].terms_on(row.date_of_service)
    limits = benefits.limits_on(terms, row.date_of_service) if terms else ()
    if not limits:
        return ()
    past = past_visits(session, row, benefits.counted_from(terms, row.date_of_service))
    itself = next((visit for visit in past if visit.is_this), None)
    if itself is None:  # a cancelled visit uses nothing
        return ()
    if itself.lines is None:
        itself = replace(itself, lines=_lines_as_judged(session, row))
    uses, reports = limit_uses(past, row), reports_of(session, row.patient_id, row.plan_id)
    found = (benefits.standing(limit, _as_use(itself), uses, reports) for limit in limits)
    return tuple(stands for stands in found if stands is not None)


def lock_patient_named(session: Session, practice_id: UUID, patient_external_id: str) -> None:
    """The same by the sender's id, for what comes before the patient's authorizations are locked."""
    known = (PatientRow.practice_id == practice_id, PatientRow.external_id == patient_external_id)
    session.execute(select(PatientRow.id).where(*known).with_for_update(key_share=True))


def lock_patient(session: Session, row: EncounterRow) -> None:
    """Visits of one patient are judged one at a time, so that each sees the claim of the other."""
    session.execute(select(PatientRow.id).where(PatientRow.id == row.patient_id).with_for_update(key_share=True))


def terms_of(session: Session, practice: PracticeRow, row: EncounterRow) -> PlanTerms:
    """The plan's terms on the day of the visit; bare ones where the practice file has none for that day."""
    terms = book_of(session, practice).plans[row.plan_id].terms_on(row.date_of_service)
    return terms or PlanTerms(effective_from=row.date_of_service)
