"""The list of visits with its search, and where each stands."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from billing.vocabulary import Discipline, Stage
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow
from web import formats
from web.formats import Chip
from web.reads.paging import Order, Page, fetch
from web.viewer import Viewer

PAGE_SIZE = 50

SEARCH_LENGTH_MAX = 60
ORDER = Order(EncounterRow.date_of_service, EncounterRow.id, date.fromisoformat, newest_first=True)


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """Which visits."""

    stage: str = ""
    discipline: str = ""
    payer: str = ""
    text: str = ""

    @classmethod
    def read(cls, values: dict[str, str]) -> "VisitFilter":
        """From an address or a form; what makes no sense is left out."""
        return cls(
            stage=values["stage"] if values.get("stage") in set(Stage) else "",
            discipline=values["discipline"] if values.get("discipline") in set(Discipline) else "",
            payer=values.get("payer", "")[:80],
            text=values.get("text", "").strip()[:SEARCH_LENGTH_MAX],
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit in the list."""

    href: str
    external_id: str
    patient: str
    patient_id: str
    service_day: str
    discipline: str
    payer: str
    stage: Chip
    held_by: str
    touched: bool


def visits(session: Session, viewer: Viewer, wanted: VisitFilter, cursor: str) -> Page[Visit]:
    """A page of visits, newest date of service first."""
    query: Select[*tuple[Any, ...]] = (
        select(
            EncounterRow.id,
            EncounterRow.external_id,
            EncounterRow.date_of_service,
            EncounterRow.discipline,
            EncounterRow.stage,
            EncounterRow.held_by,
            EncounterRow.closed_as,
            EncounterRow.touched,
            PatientRow.first_name,
            PatientRow.last_name,
            PatientRow.external_id.label("patient_id"),
            PayerRow.name.label("payer"),
        )
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .join(PlanRow, PlanRow.id == EncounterRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
    )
    shown, more = fetch(session, _narrow(query, viewer, wanted), ORDER, cursor, PAGE_SIZE)
    return Page(tuple(_visit(row) for row in shown), more)


def _narrow(query: Select[*tuple[Any, ...]], viewer: Viewer, wanted: VisitFilter) -> Select[*tuple[Any, ...]]:
    if viewer.own_visits_only:
        query = query.where(EncounterRow.clinician_id == viewer.clinician_id)
    if wanted.stage:
        query = query.where(EncounterRow.stage == wanted.stage)
    if wanted.discipline:
        query = query.where(EncounterRow.discipline == wanted.discipline)
    if wanted.payer:
        query = query.where(PayerRow.external_id == wanted.payer)
    if wanted.text:
        columns = (EncounterRow.external_id, PatientRow.external_id, PatientRow.last_name, PatientRow.first_name)
        by_claim = select(ClaimVersionRow.encounter_id).where(ClaimVersionRow.patient_control_number == wanted.text)
        query = query.where(
            or_(*(column.icontains(wanted.text, autoescape=True) for column in columns), EncounterRow.id.in_(by_claim))
        )
    return query


def stage_counts(session: Session, viewer: Viewer) -> dict[str, int]:
    """How many visits stand where."""
    query = select(EncounterRow.stage, func.count()).group_by(EncounterRow.stage)
    if viewer.own_visits_only:
        query = query.where(EncounterRow.clinician_id == viewer.clinician_id)
    return dict(session.execute(query).all())


def _visit(row: Any) -> Visit:
    return Visit(
        href=f"/encounters/{row.id}",
        external_id=row.external_id,
        patient=formats.person(row.first_name, row.last_name),
        patient_id=row.patient_id,
        service_day=formats.day(row.date_of_service),
        discipline=row.discipline,
        payer=row.payer,
        stage=stage_chip(row.stage, row.held_by, row.closed_as),
        held_by=row.held_by or "",
        touched=row.touched,
    )


def stage_chip(stage: str, held_by: str | None, closed_as: str | None) -> Chip:
    """Where a visit stands, said with a sign."""
    if stage == Stage.CLOSED:
        return Chip("good", "✓", formats.words(closed_as) if closed_as else "Closed")
    if stage == Stage.DENIAL:
        return Chip("bad", "!", "Denial")
    return (
        Chip("warn", "◆", f"Held: {formats.words(stage).lower()}")
        if held_by
        else Chip("info", "◑", formats.words(stage))
    )
