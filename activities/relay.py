"""Carrying word from the outbox to Temporal: start, signal, or a decision whose worker was away when it was taken.

pending -> sending -> done. What was being sent when a process died is sent again: every message may arrive twice.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, and_, delete, or_, select, update
from sqlalchemy.orm import Session
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities import bulk
from activities.held_decisions import DECIDE
from models.messages import Decision, DecisionOutcome
from models.store.desk import tell_screens
from models.store.life import record
from models.store.session import practice_session
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.life import OutboxRow

OVER = "closed meanwhile; nothing was left to decide"
ROWS_PER_ROUND = 50
SENDERS = 10
LEASE = timedelta(seconds=30)
IDLE_SECONDS = 0.2  # how long word may lie; an indexed look costs less than a millisecond
TROUBLE_SECONDS = 2.0
KEPT_DONE = timedelta(days=7)
RPC_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message as taken from the outbox."""

    id: UUID
    workflow_id: str
    workflow_type: str
    message: dict[str, Any]
    signal: str | None


class Relay:
    """One per worker process; several share the work by skipping rows another has locked."""

    def __init__(self, engine: Engine, client: Client, task_queue: str, logger: Any) -> None:
        self._engine = engine
        self._client = client
        self._task_queue = task_queue
        self._logger = logger

    async def run(self, stop: asyncio.Event) -> None:
        """Carry until told to stop. Trouble with Postgres or Temporal is waited out."""
        gate = asyncio.Semaphore(SENDERS)
        while not stop.is_set():
            try:
                parcels = await asyncio.to_thread(self._take)
                sent = await asyncio.gather(*(self._send(parcel, gate) for parcel in parcels))
                await asyncio.to_thread(self._done, [parcel_id for parcel_id in sent if parcel_id is not None])
            except Exception as trouble:
                self._logger.warning("relay_waits", trouble=type(trouble).__name__)
                await asyncio.sleep(TROUBLE_SECONDS)
                continue
            if not parcels:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), IDLE_SECONDS)

    def _take(self) -> list[Parcel]:
        now = datetime.now(UTC)
        with Session(self._engine) as session, session.begin():
            rows = session.scalars(
                select(OutboxRow)
                .where(
                    or_(OutboxRow.not_before.is_(None), OutboxRow.not_before <= now),
                    or_(
                        OutboxRow.state == "pending",
                        and_(OutboxRow.state == "sending", OutboxRow.taken_at < now - LEASE),
                        # taken by a clock that was ahead and set back since: nobody is sending it
                        and_(OutboxRow.state == "sending", OutboxRow.taken_at > now + LEASE),
                    ),
                )
                .order_by(OutboxRow.created_at)
                .limit(ROWS_PER_ROUND)
                .with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                row.state, row.taken_at, row.attempts = "sending", now, row.attempts + 1
            return [Parcel(row.id, row.workflow_id, row.workflow_type, row.message, row.signal) for row in rows]

    async def _send(self, parcel: Parcel, gate: asyncio.Semaphore) -> UUID | None:
        """Deliver one message. Returns its id, or None when it has to be tried again."""
        async with gate:
            try:
                await self._deliver(parcel)
            except (RPCError, RPCTimeoutOrCancelledError) as trouble:  # the lease runs out and it is tried again
                kind = type(trouble).__name__
                self._logger.warning("relay_retries", workflow_type=parcel.workflow_type, trouble=kind)
                return None
            return parcel.id

    async def _deliver(self, parcel: Parcel) -> None:
        if (parcel.signal or "").partition("/")[0] == DECIDE:
            await self._decide(parcel)
            return
        start: dict[str, Any] = {"start_signal": parcel.signal} if parcel.signal else {}
        # a life that came to its end is not lived again; one that was cut short (by a person's hand) is. An
        # authorization that had ended may be extended afterwards: it is looked at again, and ends at once if not.
        again = parcel.workflow_type == "AuthorizationWorkflow" and parcel.signal is not None
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
        try:
            await self._client.start_workflow(
                parcel.workflow_type,
                parcel.message,
                id=parcel.workflow_id,
                task_queue=self._task_queue,
                id_reuse_policy=reuse,
                rpc_timeout=RPC_TIMEOUT,
                **start,
            )
        except WorkflowAlreadyStartedError:
            return  # it runs, or it is over: either way there is nothing to start

    async def _decide(self, parcel: Parcel) -> None:
        """A decision accepted while no worker could answer; its command id keeps it from counting twice."""
        handle = self._client.get_workflow_handle(parcel.workflow_id)
        try:
            outcome = await handle.execute_update(
                DECIDE,
                parcel.message,
                id=str(parcel.message["command_id"]),
                result_type=DecisionOutcome,
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowUpdateFailedError as refused:
            await asyncio.to_thread(self._tell_refusal, parcel, str(refused.cause))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.to_thread(self._tell_closed, Decision.model_validate(parcel.message))
        else:
            decision = Decision.model_validate(parcel.message)
            await asyncio.to_thread(bulk.answered, self._engine, decision, outcome.message, refused=False)

    def _tell_closed(self, decision: Decision) -> None:
        """The workflow is over: it was ended by this very decision before it could answer, or by something else."""
        with practice_session(self._engine, decision.practice_id) as session:
            applied = session.scalar(select(DecisionRow.outcome).where(DecisionRow.command_id == decision.command_id))
        bulk.answered(self._engine, decision, applied or OVER, refused=applied is None)

    def _tell_refusal(self, parcel: Parcel, why: str) -> None:
        """Nobody waits for the answer any more, so it is written where the person will look: item and visit's life."""
        decision = Decision.model_validate(parcel.message)
        bulk.answered(self._engine, decision, why, refused=True)
        with practice_session(self._engine, decision.practice_id) as session:
            # done in this commit, so that the screens that are told here do not find it still on its way
            over = {"error": why, "state": "done", "done_at": datetime.now(UTC)}
            session.execute(update(OutboxRow).where(OutboxRow.id == parcel.id).values(over))
            item = session.get_one(WorkItemRow, decision.work_item_id)
            record(
                session,
                decision.practice_id,
                "decision.refused",
                f"The decision {decision.decision.replace('_', ' ')}, applied late, was refused: {why}",
                encounter_id=item.encounter_id,
                authorization_id=item.authorization_id,
            )
            tell_screens(session, decision.work_item_id)

    def _done(self, parcel_ids: Sequence[UUID]) -> None:
        if not parcel_ids:
            return
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(OutboxRow).where(OutboxRow.id.in_(parcel_ids)).values(state="done", done_at=datetime.now(UTC))
            )


def sweep(engine: Engine, before: datetime) -> int:
    """Forget messages delivered long ago. Returns how many."""
    with Session(engine) as session, session.begin():
        result = session.execute(delete(OutboxRow).where(OutboxRow.state == "done", OutboxRow.done_at < before))
        return int(getattr(result, "rowcount", 0))


__all__: Sequence[str] = ("DECIDE", "KEPT_DONE", "Relay", "sweep")
