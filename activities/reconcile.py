"""What should be running and is not: after a restore, a reset, or hands on the database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, select
from temporalio import activity
from temporalio.client import Client

from activities.nudges import begin, tell_authorizations
from activities.relay import KEPT_DONE, sweep
from models.ids import authorization_workflow_id, encounter_workflow_id
from models.store.session import practice_ids, practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.encounters import EncounterRow

SETTLING = timedelta(minutes=10)
"""Younger rows may simply be on their way."""


class ReconcileActivities:
    """Comparing Postgres with Temporal."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self._engine = engine
        self._client = client

    @activity.defn
    async def restart_what_fell_through(self) -> int:
        """Start, through the outbox, every workflow whose row is open and that does not run. Returns how many.

        Starting one that runs after all is refused by Temporal, so an out-of-date list harms nothing.
        """
        running = {
            execution.id
            async for execution in self._client.list_workflows(
                "ExecutionStatus = 'Running' AND WorkflowType IN ('EncounterWorkflow', 'AuthorizationWorkflow')"
            )
        }
        restarted = 0
        for practice_id in practice_ids(self._engine):
            restarted += self._restart(practice_id, running)
        sweep(self._engine, datetime.now(UTC) - KEPT_DONE)
        return restarted

    def _restart(self, practice_id: UUID, running: set[str]) -> int:
        settled = datetime.now(UTC) - SETTLING
        with practice_session(self._engine, practice_id) as session:
            visits = session.scalars(
                select(EncounterRow).where(EncounterRow.closed_at.is_(None), EncounterRow.created_at < settled)
            )
            lost = [row for row in visits if encounter_workflow_id(row.id, row.life) not in running]
            for row in lost:
                begin(session, row)
            grants = session.scalars(
                select(AuthorizationRow.id).where(
                    AuthorizationRow.ended_at.is_(None), AuthorizationRow.created_at < settled
                )
            )
            unwatched = {grant for grant in grants if authorization_workflow_id(grant) not in running}
            tell_authorizations(session, practice_id, unwatched)
            return len(lost) + len(unwatched)
