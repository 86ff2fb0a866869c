"""The practice's book: people, places, plans with their terms, fees. Read whole, kept per process until it changes.

Every visit needs a dozen of these facts and they change once a week. ``practices.revision`` rises with every load of a
practice file, and the practice's row is read anyway, so a stale book is never used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.practice import Clinician, Fee, PlanTerms
from models.tables.practice import ClinicianRow, FeeRow, LocationRow, PayerRow, PlanRow, PlanTermsRow, PracticeRow


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A plan with its payer and all its terms."""

    plan_id: str
    payer_id: str
    payer_name: str
    claim_filing_indicator: str
    connection: str
    terms: tuple[PlanTerms, ...]

    def terms_on(self, day: date) -> PlanTerms | None:
        """The terms of a date of service, or None if the plan has none that day."""
        for terms in self.terms:
            if terms.effective_from <= day and (terms.effective_to is None or day <= terms.effective_to):
                return terms
        return None


@dataclass(frozen=True, slots=True)
class Book:
    """What a practice file said, by our ids (plans) and by the practice's own (everything else)."""

    plans: Mapping[UUID, PlanPage]
    plan_ids: Mapping[str, UUID]
    clinicians: Mapping[str, Clinician]
    clinician_ids: Mapping[str, UUID]
    fees: Mapping[str, tuple[Fee, ...]]
    locations: Mapping[str, Mapping[str, Any]]

    def plan_named(self, external_id: str) -> PlanPage:
        """A plan by the practice's id of it."""
        return self.plans[self.plan_ids[external_id]]


_KEPT: dict[UUID, tuple[int, Book]] = {}


def book_of(session: Session, practice: PracticeRow) -> Book:
    """The book as of the practice's present revision."""
    kept = _KEPT.get(practice.id)
    if kept is None or kept[0] != practice.revision:
        kept = (practice.revision, _read(session, practice.id))
        _KEPT[practice.id] = kept
    return kept[1]


def _read(session: Session, practice_id: UUID) -> Book:
    clinicians = session.scalars(select(ClinicianRow).where(ClinicianRow.practice_id == practice_id)).all()
    locations = session.scalars(select(LocationRow).where(LocationRow.practice_id == practice_id))
    plans = _plans(session, practice_id)
    return Book(
        plans=plans,
        plan_ids={page.plan_id: plan_id for plan_id, page in plans.items()},
        clinicians={row.external_id: Clinician.model_validate(row.facts) for row in clinicians},
        clinician_ids={row.external_id: row.id for row in clinicians},
        fees=_fees(session, practice_id),
        locations={row.external_id: {**row.facts, "name": row.name} for row in locations},
    )


def _plans(session: Session, practice_id: UUID) -> dict[UUID, PlanPage]:
    terms: dict[UUID, list[PlanTerms]] = {}
    for row in session.scalars(select(PlanTermsRow).where(PlanTermsRow.practice_id == practice_id)):
        terms.setdefault(row.plan_id, []).append(PlanTerms.model_validate(row.terms))
    rows = session.execute(
        select(PlanRow, PayerRow)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .where(PlanRow.practice_id == practice_id)
    )
    return {
        plan.id: PlanPage(
            plan_id=plan.external_id,
            payer_id=payer.external_id,
            payer_name=payer.name,
            claim_filing_indicator=payer.claim_filing_indicator,
            connection=payer.connection,
            terms=tuple(sorted(terms.get(plan.id, ()), key=lambda one: one.effective_from)),
        )
        for plan, payer in rows
    }


def _fees(session: Session, practice_id: UUID) -> dict[str, tuple[Fee, ...]]:
    fees: dict[str, tuple[Fee, ...]] = {}
    for row in session.scalars(select(FeeRow).where(FeeRow.practice_id == practice_id)):
        fee = Fee(code=row.code, amount=row.amount, effective_from=row.effective_from, effective_to=row.effective_to)
        fees[row.code] = (*fees.get(row.code, ()), fee)
    return fees
