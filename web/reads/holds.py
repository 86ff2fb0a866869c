"""A clinician's own holds, each as one thing to do; and what desk and clinician wrote to each other about an item."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from activities.clinicians import ASK, DONE
from billing.clinician_tasks import Task, task
from billing.findings import finding_of, in_sentences
from billing.vocabulary import Owner
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.supervision import ClinicianMessageRow
from web import formats
from web.formats import Chip
from web.viewer import Viewer

HOLDS_MAX = 500
KINDS = {ASK: "asks", DONE: "says: done in the chart", "question": "asks back"}


_MESSAGES = (
    select(
        ClinicianMessageRow.work_item_id,
        ClinicianMessageRow.created_at,
        UserRow.name.label("author"),
        ClinicianMessageRow.kind,
        ClinicianMessageRow.body,
    )
    .join(UserRow, UserRow.id == ClinicianMessageRow.user_id)
    .order_by(ClinicianMessageRow.created_at, ClinicianMessageRow.id)
)
_OF_ITEMS = _MESSAGES.where(ClinicianMessageRow.work_item_id == func.any(bindparam("items", type_=ARRAY(Uuid()))))
OF_ITEM = _MESSAGES.where(ClinicianMessageRow.work_item_id == bindparam("item", type_=Uuid()))


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote."""

    at: str
    author: str
    kind: str
    does: str
    body: str


@dataclass(frozen=True, slots=True)
class Hold:
    """One visit that waits for the clinician."""

    id: str
    visit_href: str
    to_do: str
    patient: str
    service_day: str
    why: str
    clears_when: str
    due: Chip
    messages: tuple[Message, ...]
    answered: bool
    message_id: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Holds that ask for the same."""

    title: str
    holds: tuple[Hold, ...]


def of_clinician(session: Session, viewer: Viewer) -> tuple[Kind, ...]:
    """What waits for this clinician, the kind with most visits first, each with what the desk wrote."""
    asked = exists().where(ClinicianMessageRow.work_item_id == WorkItemRow.id)
    found = session.execute(
        select(WorkItemRow, EncounterRow.date_of_service, PatientRow.first_name, PatientRow.last_name)
        .join(EncounterRow, EncounterRow.id == WorkItemRow.encounter_id)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(
            WorkItemRow.practice_id == viewer.practice_id,
            WorkItemRow.clinician_id == viewer.clinician_id,
            WorkItemRow.closed_at.is_(None),
            or_(WorkItemRow.whose_move == Owner.CLINICIAN.value, asked),
        )
        .order_by(EncounterRow.date_of_service, WorkItemRow.id)
        .limit(HOLDS_MAX)
    ).all()
    said = _messages(session, viewer, [row.WorkItemRow.id for row in found])
    told = []
    for item, day, first, last in found:
        wanted = task([finding_of(entry) for entry in item.findings], day)
        told.append((wanted, _hold(viewer, item, wanted, (day, first, last), said.get(item.id, ()))))
    kinds = [
        Kind(title, tuple(hold for _, hold in group))
        for title, group in groupby(sorted(told, key=_by_kind), key=lambda pair: pair[0].kind)
    ]
    return tuple(sorted(kinds, key=lambda kind: -len(kind.holds)))


def _by_kind(pair: tuple[Task, Hold]) -> str:
    return pair[0].kind


def _hold(
    viewer: Viewer, item: WorkItemRow, wanted: Task, about: tuple[date, str, str], said: tuple[Message, ...]
) -> Hold:
    day, first_name, last_name = about
    return Hold(
        id=str(item.id),
        visit_href=f"/encounters/{item.encounter_id}",
        to_do=wanted.sentence,
        patient=formats.person(first_name, last_name),
        service_day=formats.day(day),
        why=in_sentences(str(entry.get("message", "")) for entry in item.findings) or item.reason,
        clears_when=item.clears_when,
        due=formats.due_chip(item.due_at, viewer.now, viewer.zone),
        messages=said,
        answered=bool(said) and said[-1].kind != ASK,
        message_id=str(uuid4()),
    )


def messages(viewer: Viewer, found: Iterable[Any]) -> tuple[Message, ...]:
    """Messages as ``OF_ITEM`` finds them, oldest first."""
    return tuple(
        Message(formats.instant(row.created_at, viewer.zone), row.author, row.kind, KINDS[row.kind], row.body)
        for row in found
    )


def _messages(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> dict[UUID, tuple[Message, ...]]:
    """Messages by item, oldest first."""
    told: dict[UUID, list[Any]] = {}
    for row in session.execute(_OF_ITEMS, {"items": list(item_ids)}) if item_ids else ():
        told.setdefault(row.work_item_id, []).append(row)
    return {item_id: messages(viewer, rows) for item_id, rows in told.items()}
