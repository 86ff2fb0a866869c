"""One visit's head: which it is, whose, and where it stands on the walk from booking to zero balance."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
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


_HEADER = (
    select(EncounterRow, PatientRow, ClinicianRow.first_name, ClinicianRow.last_name, PayerRow.name, PlanRow.name)
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
    if found is None or (viewer.own_visits_only and found[0].clinician_id != viewer.clinician_id):
        return None
    visit, patient, first_name, last_name, payer, plan = found
    return Header(
        id=str(visit.id),
        external_id=visit.external_id,
        version=visit.version,
        patient=formats.person(patient.first_name, patient.last_name),
        patient_id=patient.external_id,
        birth_date=formats.day(patient.birth_date),
        service_day=formats.day(visit.date_of_service),
        discipline=visit.discipline,
        clinician=formats.person(first_name, last_name),
        payer=payer,
        plan=plan,
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
