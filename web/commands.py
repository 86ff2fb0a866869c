"""The one module that knows Temporal's client: a person's decision goes to the workflow that owns the item.

An answer comes within seconds, or the decision waits in the outbox under the same id and is applied later, once.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy import Engine, select
from starlette.concurrency import run_in_threadpool
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.decisions import foresee
from activities.held_decisions import DECIDE as UPDATE
from activities.held_decisions import leave_word
from models.messages import REFUSED, Decision, DecisionOutcome
from models.store.session import practice_session
from models.tables.desk import DecisionRow

UPDATE_SECONDS = 8
RECONNECT_SECONDS = 5

AnswerKind = Literal["done", "refused", "closed", "accepted", "held"]
ACCEPTED = (
    "Accepted, being applied: the part that carries it out is busy or down. Nothing is lost; no need to click again."
)
CLOSED = "This item was closed meanwhile, so there is nothing left to decide. Load the list again."
ANOTHER_WAITS = (
    "An earlier decision on this case still waits to be applied, so this one was not taken. Look again shortly."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a decision. accepted: it waits for a worker. held: it may still be taken back."""

    kind: AnswerKind
    message: str


class Commands(Protocol):
    """What pages need; tests give their own."""

    async def decide(self, workflow_id: str, decision: Decision) -> Answer:
        """Have a decision applied, or say why not."""

    async def ready(self) -> bool:
        """Whether Temporal answers."""


class TemporalCommands:
    """Decisions as Temporal updates, with the outbox behind them."""

    def __init__(self, engine: Engine, connect: Callable[[], Awaitable[Client]]) -> None:
        self._engine = engine
        self._connect = connect
        self._client: Client | None = None
        self._failed_at: float | None = None
        self._lock = asyncio.Lock()

    async def decide(self, workflow_id: str, decision: Decision) -> Answer:
        """The update's id is the command's, so a repeated click is the same decision."""
        client = await self._connected()
        if client is None:
            return await run_in_threadpool(self._leave_word, workflow_id, decision)
        try:
            outcome = await client.get_workflow_handle(workflow_id).execute_update(
                UPDATE,
                decision,
                id=str(decision.command_id),
                result_type=DecisionOutcome,
                rpc_timeout=timedelta(seconds=UPDATE_SECONDS),
            )
        except WorkflowUpdateFailedError as failure:
            return _refusal(failure)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return await run_in_threadpool(self._leave_word, workflow_id, decision)
        except RPCError as failure:
            # the decision may have been applied, and even have ended the workflow, before it could answer
            if (decided := await run_in_threadpool(self._outcome, decision)) is not None:
                return Answer("done", decided)
            if failure.status == RPCStatusCode.NOT_FOUND:
                return Answer("closed", CLOSED)
            return await run_in_threadpool(self._leave_word, workflow_id, decision)
        return Answer("done", outcome.message)

    async def ready(self) -> bool:
        """Whether Temporal answers now."""
        client = await self._connected()
        if client is None:
            return False
        with contextlib.suppress(RPCError):
            return await client.service_client.check_health(timeout=timedelta(seconds=2))
        return False

    async def _connected(self) -> Client | None:
        async with self._lock:
            if self._client is None and not self._failed_lately():
                try:
                    self._client = await self._connect()
                except Exception:
                    # whatever the reason, screens go on and the decision waits in the outbox
                    self._failed_at = time.monotonic()
            return self._client

    def _failed_lately(self) -> bool:
        return self._failed_at is not None and time.monotonic() - self._failed_at < RECONNECT_SECONDS

    def _outcome(self, decision: Decision) -> str | None:
        with practice_session(self._engine, decision.practice_id) as session:
            return session.scalar(select(DecisionRow.outcome).where(DecisionRow.command_id == decision.command_id))

    def _leave_word(self, workflow_id: str, decision: Decision) -> Answer:
        with practice_session(self._engine, decision.practice_id) as session:
            waits = leave_word(session, workflow_id, decision)
        return Answer("accepted", ACCEPTED) if waits else Answer("refused", ANOTHER_WAITS)


def hold(engine: Engine, workflow_id: str, decision: Decision, not_before: datetime) -> Answer:
    """Foresee a decision and have it wait, so that it may be taken back until then; or say why it is refused."""
    try:
        foresee(engine, decision)
    except ApplicationError as refused:
        if refused.type != REFUSED:
            raise
        return Answer("refused", refused.message)
    with practice_session(engine, decision.practice_id) as session:
        waits = leave_word(session, workflow_id, decision, not_before)
    return Answer("held", "") if waits else Answer("refused", ANOTHER_WAITS)


def _refusal(failure: WorkflowUpdateFailedError) -> Answer:
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.type == REFUSED:
        return Answer("refused", cause.message)
    return Answer("refused", "The decision could not be applied. Nothing was changed; look at the item again.")
