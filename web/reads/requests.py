"""What is asked of payers: the cases, their clocks, and everything of one patient beside a visit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities import authorization_cases
from billing import measures
from billing.vocabulary import AuthorizationCaseState, UnitOfMeasure
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationUseRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow
from web import formats
from web.formats import Chip
from web.reads import authorizations
from web.reads.authorizations import Balance, BookedVisit
from web.viewer import Viewer

CASE_CHIPS = {
    AuthorizationCaseState.NEEDED: Chip("warn", "◔", "Needed", "Nobody has asked the payer yet"),
    AuthorizationCaseState.BUILDING: Chip("info", "◑", "Packet being built"),
    AuthorizationCaseState.SENT: Chip("info", "→", "Sent", "The payer has it"),
    AuthorizationCaseState.INFORMATION_ASKED: Chip("warn", "?", "More information asked"),
    AuthorizationCaseState.EXTENSION_REQUESTED: Chip("info", "→", "Extension requested"),
    AuthorizationCaseState.DENIED: Chip("bad", "!", "Denied"),
    AuthorizationCaseState.PATIENT_PAY: Chip("calm", "○", "Patient pays"),
    AuthorizationCaseState.APPROVED: Chip("good", "✓", "Approved"),
    AuthorizationCaseState.PARTLY_APPROVED: Chip("good", "✓", "Partly approved"),
    AuthorizationCaseState.NONE_NEEDED: Chip("good", "✓", "None needed"),
    AuthorizationCaseState.NOT_CONTINUING: Chip("calm", "○", "Care ends"),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A paper of a request: what it is and where it lies. Firstpass keeps the name, not the paper."""

    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class Request:
    """A case of asking the payer: what was asked, what came of it, and the payer's clock."""

    id: str
    href: str
    state: Chip
    patient: str
    payer: str
    plan: str
    disciplines: str
    because: str
    asked: str
    opened: str
    due: Chip | None
    sent: str
    clock: Chip | None
    question: str
    answer: str
    denial_reason: str
    urgent: bool
    documents: tuple[Document, ...]
    runs_out: Balance | None
    granted_href: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A visit or a booking that waits for the case's answer."""

    href: str
    what: str
    day: str
    discipline: str
    said: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case as the pane shows it: the request and whatever waits for its answer."""

    id: UUID
    predecessor_id: UUID | None
    request: Request
    patient_id: str
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a visit: its patient's authorizations, open requests and booked visits."""

    balances: tuple[Balance, ...]
    requests: tuple[Request, ...]
    bookings: tuple[BookedVisit, ...]


def beside_visit(session: Session, viewer: Viewer, encounter_id: UUID) -> Beside:
    """Authorizations this visit uses, then the patient's others; what is asked for; what is booked."""
    patient_id = session.scalars(
        select(PatientRow.external_id)
        .join(EncounterRow, EncounterRow.patient_id == PatientRow.id)
        .where(EncounterRow.id == encounter_id)
    ).one()
    used = dict(
        session.execute(
            select(AuthorizationUseRow.authorization_id, func.sum(AuthorizationUseRow.quantity))
            .where(AuthorizationUseRow.encounter_id == encounter_id)
            .group_by(AuthorizationUseRow.authorization_id)
        ).all()
    )
    return _beside(session, viewer, patient_id, used)


def _beside(session: Session, viewer: Viewer, patient_external_id: str, used_here: Mapping[UUID, Decimal]) -> Beside:
    cases = session.scalars(
        select(AuthorizationCaseRow.id).where(
            AuthorizationCaseRow.patient_external_id == patient_external_id, AuthorizationCaseRow.closed_at.is_(None)
        )
    ).all()
    return Beside(
        balances=authorizations.of_patient(session, viewer, patient_external_id, used_here),
        requests=asked(session, viewer, cases),
        bookings=authorizations.bookings_of_patient(session, viewer, patient_external_id),
    )


def beside_case(session: Session, viewer: Viewer, case_id: UUID) -> Beside:
    """The authorizations of a case's patient, with what else is asked for, and what is booked."""
    row = session.get_one(AuthorizationCaseRow, case_id)
    told = _beside(session, viewer, row.patient_external_id, {})
    return replace(told, requests=tuple(request for request in told.requests if request.id != str(case_id)))


def case(session: Session, viewer: Viewer, case_id: UUID) -> Case:
    """A case of asking the payer, with the held visits and the bookings that wait for its answer."""
    row = session.get_one(AuthorizationCaseRow, case_id)
    [request] = asked(session, viewer, [case_id])
    held = [
        Waiting(f"/encounters/{visit.id}", visit.external_id, formats.day(visit.date_of_service), visit.discipline, "")
        for visit in authorization_cases.held_visits(session, row)
    ]
    booked = [
        Waiting("", "Booked visit", formats.instant(one.starts_at, viewer.zone), one.discipline, one.beyond_limit)
        for one in authorization_cases.bookings_beyond(session, row)
    ]
    return Case(row.id, row.predecessor_id, request, row.patient_external_id, (*held, *booked))


def around(session: Session, viewer: Viewer, authorization_id: UUID) -> tuple[Request, ...]:
    """The case an authorization was granted in, and those opened because it ends."""
    cases = session.scalars(
        select(AuthorizationCaseRow.id).where(
            (AuthorizationCaseRow.granted_id == authorization_id)
            | (AuthorizationCaseRow.predecessor_id == authorization_id)
        )
    ).all()
    return asked(session, viewer, cases)


def asked(session: Session, viewer: Viewer, case_ids: Sequence[UUID]) -> tuple[Request, ...]:
    """Cases of asking the payer, newest first, each with the authorization that runs out."""
    found = session.execute(
        select(
            AuthorizationCaseRow,
            PlanRow.name.label("plan"),
            PayerRow.name.label("payer"),
            PatientRow.first_name,
            PatientRow.last_name,
            WorkItemRow.id.label("item_id"),
        )
        .join(PlanRow, PlanRow.id == AuthorizationCaseRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .outerjoin(PatientRow, PatientRow.external_id == AuthorizationCaseRow.patient_external_id)
        .outerjoin(
            WorkItemRow,
            (WorkItemRow.authorization_case_id == AuthorizationCaseRow.id) & WorkItemRow.closed_at.is_(None),
        )
        .where(AuthorizationCaseRow.id.in_(case_ids))
        .order_by(AuthorizationCaseRow.opened_at.desc())
    ).all()
    before = [case.predecessor_id for case in (row.AuthorizationCaseRow for row in found) if case.predecessor_id]
    ending = authorizations.balances(session, viewer, before)
    return tuple(_request(row, viewer, ending.get(row.AuthorizationCaseRow.predecessor_id)) for row in found)


def _request(found: Any, viewer: Viewer, runs_out: Balance | None) -> Request:
    case: AuthorizationCaseRow = found.AuthorizationCaseRow
    return Request(
        id=str(case.id),
        href=f"/queues/authorization/{found.item_id}" if found.item_id else "",
        state=case_chip(case.state),
        patient=authorizations.person_of(found),
        payer=found.payer,
        plan=found.plan,
        disciplines=", ".join(case.disciplines),
        because=authorization_cases.OPENED[case.opened_because],
        asked=_asked(case),
        opened=formats.instant(case.opened_at, viewer.zone),
        due=None if case.sent_at or case.closed_at else formats.due_chip(case.due_at, viewer.now, viewer.zone),
        sent=formats.instant(case.sent_at, viewer.zone) if case.sent_at else "",
        clock=payers_clock(case, viewer),
        question=case.question,
        answer=_answer(case, viewer),
        denial_reason=case.denial_reason,
        urgent=case.urgent,
        documents=tuple(
            Document(str(paper.get("name", "")), str(paper.get("reference", ""))) for paper in case.documents
        ),
        runs_out=runs_out,
        granted_href=f"/authorizations/{case.granted_id}" if case.granted_id else "",
    )


def case_chip(state: str) -> Chip:
    """Where the work of asking stands, in a word."""
    known = {key.value: chip for key, chip in CASE_CHIPS.items()}
    return known.get(state, Chip("calm", "○", formats.words(state)))


def payers_clock(case: AuthorizationCaseRow, viewer: Viewer) -> Chip | None:
    """How long the payer still has, or since when its answer is overdue; None while its clock does not run."""
    if case.answer_due_at is None or case.closed_at is not None:
        return None
    due = formats.day(formats.today(case.answer_due_at, viewer.zone))
    if case.overdue or case.answer_due_at < viewer.now:
        return Chip("bad", "!", f"Payer overdue {formats.age(case.answer_due_at, viewer.now)}", f"Answer due {due}")
    return Chip("calm", "◷", f"Payer until {due}", "The payer's own clock")


def _asked(case: AuthorizationCaseRow) -> str:
    if case.requested_quantity is None:
        return ""
    measure = UnitOfMeasure(case.requested_unit_of_measure or UnitOfMeasure.VISITS)
    asked = measures.words(case.requested_quantity, measure)
    span = f"{formats.day(case.requested_from)} – {formats.day(case.requested_to)}" if case.requested_from else ""
    codes = ", ".join(case.requested_codes)
    return " · ".join(part for part in (asked, span, codes) if part)


def _answer(case: AuthorizationCaseRow, viewer: Viewer) -> str:
    if case.answered_at is None:
        return ""
    said = (formats.instant(case.answered_at, viewer.zone), case.answered_by, case.answer_reference)
    return " · ".join(part for part in said if part)
