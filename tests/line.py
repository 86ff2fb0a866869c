"""The whole line in one process, on real parts: Postgres, Temporal, workers, relay, and a clearinghouse over SFTP."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import structlog
from pydantic import SecretStr
from sqlalchemy import Engine, select, text
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.catalog import Wiring
from activities.gateways.clearinghouse import SftpAddress
from activities.gateways.mail import MailAddress
from activities.practice_file import load_practice
from activities.relay import Relay
from billing.practice import Practice
from models.ids import encounter_workflow_id
from models.messages import Decision, DecisionOutcome
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow, OutboxRow
from simulator.config import SimulatorConfig, World
from simulator.server import Simulator
from tests.records import Records
from worker import Parts, outside_worker, parts_of, story_worker

PATIENCE_SECONDS = 90.0  # the first file judged in a process reads pyx12's maps: up to 12 s on a busy machine
NOT_READY_ATTEMPTS = 10
STORY_QUEUE, OUTSIDE_QUEUE = "firstpass", "clearinghouse"
NOTHING_ELSE = {"partial": 0, "denied": 0, "rejected": 0, "lost": 0, "late": 0, "reversed": 0}
ALL_PAID: dict[str, Any] = {"mix": {"paid": 1, **NOTHING_ELSE}, "patient_share": 0, "duplicate_share": 0}


@dataclass
class Line(Records):
    """A practice on the line, and what a test wants to know of it."""

    client: Client
    simulator_root: Path
    worker: "WorkerProcess"

    def quiet(self) -> bool:
        """Whether all word has reached Temporal."""
        return not self.rows(OutboxRow, OutboxRow.state != "done")

    def story(self, external_id: str) -> list[str]:
        """The kinds of the visit's events, in order."""
        row = self.visit(external_id)
        with practice_session(self.engine, self.practice_id) as session:
            return list(
                session.scalars(select(EventRow.kind).where(EventRow.encounter_id == row.id).order_by(EventRow.id))
            )

    def open_work(self) -> str:
        """What people are asked to do, and the life of every open visit: for failing tests."""
        with practice_session(self.engine, self.practice_id) as session:
            items = session.scalars(select(WorkItemRow).where(WorkItemRow.closed_at.is_(None)))
            asked = [f"{item.queue}/{item.kind}: {item.reason}" for item in items]
            events = session.execute(
                select(EncounterRow.external_id, EventRow.summary)
                .join(EventRow, EventRow.encounter_id == EncounterRow.id)
                .where(EncounterRow.closed_at.is_(None))
                .order_by(EncounterRow.external_id, EventRow.id)
            )
            lived = [f"{row[0]}: {row[1]}" for row in events]
        return "\n".join([*asked, *lived[:200]])

    def user(self, role: str = "supervisor") -> UUID:
        """Somebody with that role."""
        with practice_session(self.engine, self.practice_id) as session:
            return session.scalars(select(UserRow.id).where(UserRow.role == role).limit(1)).one()

    async def decide(
        self,
        item: WorkItemRow,
        decision: str,
        fields: dict[str, str] | None = None,
        *,
        reason: str = "because",
        role: str = "supervisor",
        command_id: UUID | None = None,
    ) -> str:
        """Decide as a person would, through the workflow's update."""
        command = Decision(
            practice_id=self.practice_id,
            work_item_id=item.id,
            command_id=command_id or uuid4(),
            user_id=self.user(role),
            decision=decision,
            reason=reason,
            fields=fields or {},
            seen_version=item.version,
        )
        handle = self.client.get_workflow_handle(item.workflow_id)
        for attempt in range(NOT_READY_ATTEMPTS):
            try:
                outcome = await handle.execute_update(
                    "decide", command, id=str(command.command_id), result_type=DecisionOutcome
                )
            except RPCError as error:
                # a workflow task ran out of time, or the decision ended the workflow before it could answer: what was
                # decided stands in the tables, and asking again is the same decision
                if decided := self._outcome(command.command_id):
                    return decided
                if error.status is not RPCStatusCode.FAILED_PRECONDITION or attempt == NOT_READY_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(1)
            else:
                break
        return str(outcome.message)

    def _outcome(self, command_id: UUID) -> str | None:
        with practice_session(self.engine, self.practice_id) as session:
            return session.scalar(select(DecisionRow.outcome).where(DecisionRow.command_id == command_id))

    async def until(self, what: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until something is so, and return it; say where everything stands if it never is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = await asyncio.to_thread(what)
            if found:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never came to be; the stages are {self.stages()}\n{self.open_work()}")

    async def until_stage(self, external_id: str, stage: str) -> EncounterRow:
        """Wait until a visit is in a stage."""
        await self.until(lambda: self.visit(external_id).stage == stage)
        return self.visit(external_id)

    async def until_item(self, external_id: str, queue: str) -> WorkItemRow:
        """Wait until a visit is in a queue."""
        await self.until(lambda: (found := self.item(external_id)) is not None and found.queue == queue)
        item = self.item(external_id)
        assert item is not None
        return item

    async def refusal(self, item: WorkItemRow, decision: str, fields: dict[str, str] | None = None, **how: Any) -> str:
        """The sentence with which a decision is refused."""
        try:
            message = await self.decide(item, decision, fields, **how)
        except WorkflowUpdateFailedError as refused:
            return str(refused.cause)
        raise AssertionError(f"not refused: {message}")

    def leave_in_mailbox(self, name: str, content: str) -> None:
        """A file from the clearinghouse, all at once."""
        part = self.simulator_root / "outbound" / f"{name}.part"
        part.write_text(content)
        part.rename(part.with_suffix(""))

    def handle(self, external_id: str) -> Any:
        """The visit's workflow."""
        row = self.visit(external_id)
        return self.client.get_workflow_handle(encounter_workflow_id(row.id, row.life))

    def ledger_is_balanced(self) -> bool:
        """Whether debits and credits of all transactions cancel."""
        with practice_session(self.engine, self.practice_id) as session:
            return session.scalar(text("SELECT coalesce(sum(amount), 0) = 0 FROM ledger_entries")) is True


@asynccontextmanager
async def line(
    engine: Engine,
    client: Client,
    practice: dict[str, Any],
    directory: Path,
    *,
    world: dict[str, Any] | None = None,
    window_seconds: float = 0.2,
    poll_seconds: float = 0.2,
    validation: Literal["pyx12", "envelope"] = "pyx12",
    mail: MailAddress | None = None,
) -> AsyncIterator[Line]:
    """Everything running, with the practice loaded; all of it ends with the block."""
    config = SimulatorConfig(
        root=directory / "simulator",
        port=0,
        password=SecretStr("only-in-tests"),
        answer_seconds=0.05,
        adjudicate_seconds=0.1,
        gather_seconds=0.1,
        late_seconds=0.5,
        validation=validation,
        world=World.model_validate(world or ALL_PAID),
    )
    loaded = Practice.model_validate(practice)
    practice_id = load_practice(engine, loaded, batch_window_seconds=window_seconds, inbox_poll_seconds=poll_seconds)
    async with Simulator(config) as clearinghouse:
        address = SftpAddress("127.0.0.1", clearinghouse.port, "firstpass", "only-in-tests")
        parts = parts_of(Wiring(engine, client, address, window_seconds, "T", mail=mail))
        worker = WorkerProcess(engine, client, parts)
        await worker.start()
        yield Line(engine, practice_id, client, config.root, worker)
        await worker.stop()
        await end_all(client)


class WorkerProcess:
    """What runs in a worker's process: both workers and the relay. It may stop and start again while the line lives."""

    def __init__(self, engine: Engine, client: Client, parts: Parts) -> None:
        self._engine, self._client, self._parts = engine, client, parts
        self._running = AsyncExitStack()

    async def start(self) -> None:
        """Begin to work."""
        inside, outside = (self._running.enter_context(ThreadPoolExecutor(threads)) for threads in (8, 4))
        await self._running.enter_async_context(story_worker(self._client, self._parts, inside, 8, STORY_QUEUE))
        await self._running.enter_async_context(outside_worker(self._client, self._parts, outside, OUTSIDE_QUEUE))
        over = asyncio.Event()
        relay = Relay(self._engine, self._client, STORY_QUEUE, structlog.get_logger())
        carrying = asyncio.create_task(relay.run(over))

        async def carry_no_more() -> None:
            over.set()
            await carrying

        self._running.push_async_callback(carry_no_more)

    async def stop(self) -> None:
        """Work no more; what is under way is finished."""
        await self._running.aclose()


async def end_all(client: Client) -> None:
    """What waits for ever would wake in the next line, whose tables know nothing of it."""
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        with contextlib.suppress(RPCError):
            await client.get_workflow_handle(execution.id).terminate("the line is closed")


def lines_of(path: Path) -> Iterable[dict[str, Any]]:
    """The visits of a JSON-lines file."""
    return [json.loads(text_line) for text_line in path.read_text().splitlines()]


TODAY = datetime.now(ZoneInfo("America/Chicago")).date()  # the workflows' clock is the real one
