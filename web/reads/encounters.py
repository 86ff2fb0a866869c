"""One visit's head: which it is, whose, and where it stands on the walk from booking to zero balance."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, bindparam, select
from sqlalchemy.orm import Session

from billing.vocabulary import Stage
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import ClinicianRow, PayerRow, PlanRow
from web import formats
from web.viewer import Viewer

WALK = (
    (Stage.INTAKE, "Visit"),
    (Stage.DOCUMENTATION, "Documentation"),
    (Stage.AUTHORIZATION, "Authorization"),
    (Stage.SCRUB, "Scrub"),
    (Stage.SUBMISSION, "Submission"),
    (Stage.ACKNOWLEDGEMENT, "Acknowledgement"),
    (Stage.REMITTANCE, "Remittance"),
    (Stage.PATIENT_BALANCE, "Patient balance"),
    (Stage.CLOSED, "Closed"),
)


def columns(plan: type[PlanRow]) -> tuple[Any, ...]:
    """What a head says of a visit, besides what a row of a queue says of it too (``WHOSE``)."""
    return (
        EncounterRow.id.label("visit_id"),
        EncounterRow.external_id.label("visit_number"),
        EncounterRow.version.label("visit_version"),
        EncounterRow.clinician_id.label("visit_clinician_id"),
        EncounterRow.stage,
        EncounterRow.held_by,
        EncounterRow.disposition,
        EncounterRow.closed_as,
        EncounterRow.touched,
        PatientRow.birth_date,
        ClinicianRow.first_name.label("clinician_first_name"),
        ClinicianRow.last_name.label("clinician_last_name"),
        plan.name.label("plan"),
    )


WHOSE = (
    PatientRow.first_name,
    PatientRow.last_name,
    PatientRow.external_id.label("patient_id"),
    EncounterRow.date_of_service,
    EncounterRow.discipline,
    PayerRow.name.label("payer"),
)
_HEADER = (
    select(*WHOSE, *columns(PlanRow))
    .select_from(EncounterRow)
    .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
    .join(ClinicianRow, ClinicianRow.id == EncounterRow.clinician_id)
    .join(PlanRow, PlanRow.id == EncounterRow.plan_id)
    .join(PayerRow, PayerRow.id == PlanRow.payer_id)
    .where(EncounterRow.id == bindparam("encounter", type_=Uuid()))
)


@dataclass(frozen=True, slots=True)
class StageStep:
    """One stop of the strip. state: done | current | later."""

    label: str
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class Header:
    """Which visit, whose, for whom, where it stands."""

    id: str
    external_id: str
    version: int
    patient: str
    patient_id: str
    birth_date: str
    service_day: str
    discipline: str
    clinician: str
    payer: str
    plan: str
    stage: str
    held_by: str
    disposition: str
    closed_as: str
    touched: bool
    strip: tuple[StageStep, ...]


def header(session: Session, viewer: Viewer, encounter_id: UUID) -> Header | None:
    """The visit's head; nothing when it is not this viewer's to see."""
    found = session.execute(_HEADER, {"encounter": encounter_id}).one_or_none()
    return head(viewer, found) if found is not None else None


def head(viewer: Viewer, visit: Row[Any]) -> Header | None:
    """The same of a visit that was found with ``WHOSE`` and ``columns``."""
    if viewer.own_visits_only and visit.visit_clinician_id != viewer.clinician_id:
        return None
    return Header(
        id=str(visit.visit_id),
        external_id=visit.visit_number,
        version=visit.visit_version,
        patient=formats.person(visit.first_name, visit.last_name),
        patient_id=visit.patient_id,
        birth_date=formats.day(visit.birth_date),
        service_day=formats.day(visit.date_of_service),
        discipline=visit.discipline,
        clinician=formats.person(visit.clinician_first_name, visit.clinician_last_name),
        payer=visit.payer,
        plan=visit.plan,
        stage=formats.words(visit.stage),
        held_by=visit.held_by or "",
        disposition=formats.words(visit.disposition) if visit.disposition else "",
        closed_as=formats.words(visit.closed_as) if visit.closed_as else "",
        touched=visit.touched,
        strip=strip(visit.stage, visit.held_by),
    )


def strip(stage: str, held_by: str | None) -> tuple[StageStep, ...]:
    """The walk with the place where the visit stands now. A denial stands where the remittance does."""
    denied = stage == Stage.DENIAL
    order = [step for step, _ in WALK]
    here = order.index(Stage.REMITTANCE if denied else Stage(stage)) if denied or stage in order else 0
    closed = stage == Stage.CLOSED
    steps = []
    for place, (step, label) in enumerate(WALK):
        named = "Denial" if denied and step is Stage.REMITTANCE else label
        state = "done" if place < here or (closed and place == here) else "current" if place == here else "later"
        said = {"done": "done", "current": "held here" if held_by else "now here", "later": "not yet"}[state]
        steps.append(StageStep(named, state, said))
    return tuple(steps)
