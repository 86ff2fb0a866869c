"""What should be running and is not: after a restore, a reset, or hands on the database."""

import asyncio
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, and_, or_, select
from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.client import Client

from activities.authorization_cases import nudge as nudge_case
from activities.clock import practice_day
from activities.nudges import begin, tell_authorizations
from activities.practice_file import start_connection
from activities.relay import KEPT_DONE, sweep
from activities.supervision import release_everywhere
from models.ids import (
    authorization_case_workflow_id,
    authorization_workflow_id,
    batch_workflow_id,
    encounter_workflow_id,
    file_workflow_id,
    inbox_workflow_id,
)
from models.messages import ConnectionRef, FileRef
from models.store.life import tell
from models.store.session import practice_ids, practice_session
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PayerRow, PracticeRow
from models.tables.remittances import InboundFileRow, RemittanceRow

SETTLING = timedelta(minutes=10)
"""Younger rows may simply be on their way."""

OF_ROWS = (
    "EncounterWorkflow",
    "AuthorizationWorkflow",
    "AuthorizationCaseWorkflow",
    "BatchWorkflow",
    "InboxWorkflow",
    "FileWorkflow",
)
UNREAD = ("received", "too_large", "not_given")


class ReconcileActivities:
    """Comparing Postgres with Temporal."""

    def __init__(self, engine: Engine, client: Client, batch_window_seconds: float, inbox_poll_seconds: float) -> None:
        self._engine = engine
        self._client = client
        self._batch_window_seconds = batch_window_seconds
        self._inbox_poll_seconds = inbox_poll_seconds

    @activity.defn
    async def restart_what_fell_through(self) -> int:
        """Start, through the outbox, every workflow whose row is open and that does not run. Returns how many.

        Starting one that runs after all is refused by Temporal, so an out-of-date list harms nothing.
        """
        kinds = ", ".join(f"'{kind}'" for kind in OF_ROWS)
        query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({kinds})"
        running = {execution.id async for execution in self._client.list_workflows(query)}
        return await asyncio.to_thread(self._restart_all, running)

    def _restart_all(self, running: Set[str]) -> int:
        practices = practice_ids(self._engine)
        restarted = sum(self._restart(practice_id, running) for practice_id in practices)
        for practice_id in practices:
            release_everywhere(self._engine, practice_id, datetime.now(UTC))
        sweep(self._engine, datetime.now(UTC) - KEPT_DONE)
        return restarted

    def _restart(self, practice_id: UUID, running: Set[str]) -> int:
        settled = datetime.now(UTC) - SETTLING
        with practice_session(self._engine, practice_id) as session:
            return (
                _restart_encounters(session, settled, running)
                + _restart_authorizations(session, practice_id, settled, running)
                + _restart_cases(session, settled, running)
                + _restart_files(session, practice_id, settled, running)
                + self._restart_connections(session, practice_id, running)
            )

    def _restart_connections(self, session: Session, practice_id: UUID, running: Set[str]) -> int:
        """Without these two nothing leaves and nothing comes in, whatever the encounters do."""
        lost = [
            name
            for name in session.scalars(select(PayerRow.connection).distinct())
            if not {batch_workflow_id(practice_id, name), inbox_workflow_id(practice_id, name)} <= running
        ]
        for name in sorted(lost):
            reference = ConnectionRef(
                practice_id=practice_id,
                connection=name,
                window_seconds=self._batch_window_seconds,
                poll_seconds=self._inbox_poll_seconds,
            )
            start_connection(session, reference)
        return len(lost)


def _restart_encounters(session: Session, settled: datetime, running: Set[str]) -> int:
    visits = session.scalars(
        select(EncounterRow).where(EncounterRow.closed_at.is_(None), EncounterRow.created_at < settled)
    )
    lost = [row for row in visits if encounter_workflow_id(row.id, row.life) not in running]
    for row in lost:
        begin(session, row)
    return len(lost)


def _restart_authorizations(session: Session, practice_id: UUID, settled: datetime, running: Set[str]) -> int:
    today = practice_day(datetime.now(UTC), session.get_one(PracticeRow, practice_id).time_zone)
    by_a_clock_ahead = and_(AuthorizationRow.status == "expired", AuthorizationRow.effective_to >= today)
    alive = or_(AuthorizationRow.ended_at.is_(None), by_a_clock_ahead)
    grants = session.scalars(select(AuthorizationRow.id).where(alive, AuthorizationRow.created_at < settled))
    unwatched = {grant for grant in grants if authorization_workflow_id(grant) not in running}
    tell_authorizations(session, practice_id, unwatched)
    return len(unwatched)


def _restart_cases(session: Session, settled: datetime, running: Set[str]) -> int:
    open_cases = session.scalars(
        select(AuthorizationCaseRow).where(
            AuthorizationCaseRow.closed_at.is_(None), AuthorizationCaseRow.created_at < settled
        )
    )
    lost = [case for case in open_cases if authorization_case_workflow_id(case.id) not in running]
    for case in lost:
        nudge_case(session, case)
    return len(lost)


def _restart_files(session: Session, practice_id: UUID, settled: datetime, running: Set[str]) -> int:
    """Files not read to their end, and files something of which still waits for a person."""
    half_posted = select(RemittanceRow.inbound_file_id).where(RemittanceRow.status == "posting")
    unread = or_(InboundFileRow.status.in_(UNREAD), InboundFileRow.id.in_(half_posted))
    files = session.scalars(select(InboundFileRow.id).where(InboundFileRow.created_at < settled, unread))
    wanted = {file_workflow_id(file): file for file in files}
    asked = session.execute(
        select(WorkItemRow.workflow_id, WorkItemRow.inbound_file_id).where(
            WorkItemRow.closed_at.is_(None),
            WorkItemRow.inbound_file_id.is_not(None),
            WorkItemRow.opened_at < settled,
        )
    )
    wanted |= {workflow_id: file for workflow_id, file in asked if file is not None}
    lost = sorted(wanted.keys() - running)
    for workflow_id in lost:
        reference = FileRef(practice_id=practice_id, inbound_file_id=wanted[workflow_id])
        tell(session, practice_id, workflow_id, "FileWorkflow", reference)
    return len(lost)
