"""What a row of the Authorization queue says besides: where the case stands, the payer's clock, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from web import charts
from web.formats import Chip
from web.reads import authorizations
from web.reads.authorizations import IN_FORCE, Balance
from web.reads.requests import CASE_CHIPS, case_chip, payers_clock
from web.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Line:
    """Beside a row: the case's state and clock; of the authorization in force its bar, and what ends it when."""

    case: Chip | None
    clock: Chip | None
    bar: charts.Bar | None
    ends: str


@dataclass(frozen=True, slots=True)
class StateCount:
    """A state of cases, how many open ones are in it, and how many of them are not snoozed."""

    key: str
    label: str
    count: int
    awake: int


def lines(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> dict[UUID, Line]:
    """The lines of some items, in a handful of statements for all of them."""
    about = _about(session, item_ids)
    patients = {entry.patient for entry in about if entry.patient}
    cases = session.scalars(
        select(AuthorizationCaseRow)
        .where(AuthorizationCaseRow.patient_external_id.in_(patients), AuthorizationCaseRow.closed_at.is_(None))
        .order_by(AuthorizationCaseRow.opened_at)
    ).all()
    held = session.scalars(
        select(AuthorizationRow)
        .where(AuthorizationRow.patient_external_id.in_(patients), AuthorizationRow.status.in_(IN_FORCE))
        .order_by(AuthorizationRow.effective_to)
    ).all()
    chosen = {entry.id: _in_force(entry, held) for entry in about}
    told = authorizations.balances(session, viewer, list({row.id for row in chosen.values() if row is not None}))
    return {entry.id: _line(_case(entry, cases), chosen[entry.id], told, viewer) for entry in about}


def state_counts(session: Session, viewer: Viewer) -> tuple[StateCount, ...]:
    """The states open cases are in, in the order of the work."""
    awake = WorkItemRow.snoozed_until.is_(None) | (WorkItemRow.snoozed_until <= viewer.now)
    counted = session.execute(
        select(AuthorizationCaseRow.state, func.count(), func.count().filter(awake))
        .join(WorkItemRow, WorkItemRow.authorization_case_id == AuthorizationCaseRow.id)
        .where(WorkItemRow.practice_id == viewer.practice_id, WorkItemRow.closed_at.is_(None))
        .group_by(AuthorizationCaseRow.state)
    )
    counts = {str(state): (int(count), int(not_asleep)) for state, count, not_asleep in counted}
    return tuple(
        StateCount(state.value, chip.text, *counts[state.value])
        for state, chip in CASE_CHIPS.items()
        if state.value in counts
    )


def _about(session: Session, item_ids: Sequence[UUID]) -> Sequence[Any]:
    """Whom and what each item is about: its visit, or its case."""
    return session.execute(
        select(
            WorkItemRow.id,
            WorkItemRow.authorization_case_id.label("case_id"),
            func.coalesce(AuthorizationCaseRow.patient_external_id, PatientRow.external_id).label("patient"),
            func.coalesce(AuthorizationCaseRow.plan_id, EncounterRow.plan_id).label("plan_id"),
            AuthorizationCaseRow.disciplines,
            EncounterRow.discipline,
            AuthorizationCaseRow.predecessor_id,
        )
        .outerjoin(EncounterRow, EncounterRow.id == WorkItemRow.encounter_id)
        .outerjoin(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .outerjoin(AuthorizationCaseRow, AuthorizationCaseRow.id == WorkItemRow.authorization_case_id)
        .where(WorkItemRow.id.in_(item_ids))
    ).all()


def _same_care(entry: Any, patient: str, plan_id: UUID, disciplines: Sequence[str]) -> bool:
    own = set(entry.disciplines or [entry.discipline])
    return entry.patient == patient and entry.plan_id == plan_id and bool(own & set(disciplines))


def _case(entry: Any, cases: Sequence[AuthorizationCaseRow]) -> AuthorizationCaseRow | None:
    """Its own case; of a held visit the open one it waits for."""
    if entry.case_id is not None:
        return next((case for case in cases if case.id == entry.case_id), None)
    same = [case for case in cases if _same_care(entry, case.patient_external_id, case.plan_id, case.disciplines)]
    return same[-1] if same else None


def _in_force(entry: Any, held: Sequence[AuthorizationRow]) -> AuthorizationRow | None:
    """The authorization that runs out, or the last one in force for this care."""
    same = [row for row in held if _same_care(entry, row.patient_external_id, row.plan_id, row.disciplines)]
    before = [row for row in same if row.id == entry.predecessor_id]
    return next(iter(before or same[-1:]), None)


def _line(
    case: AuthorizationCaseRow | None,
    row: AuthorizationRow | None,
    told: dict[UUID, Balance],
    viewer: Viewer,
) -> Line:
    balance = told.get(row.id) if row is not None else None
    return Line(
        case=case_chip(case.state) if case else None,
        clock=payers_clock(case, viewer) if case else None,
        bar=balance.bar if balance else None,
        ends=_ends(balance) if balance else "",
    )


def _ends(balance: Balance) -> str:
    runs_out = f"runs out {balance.run_out}, " if balance.run_out else ""
    return f"{runs_out}ends {balance.to_day}"
