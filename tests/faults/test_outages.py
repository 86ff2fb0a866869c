"""The clearinghouse away, Temporal's memory lost: work waits, nothing is lost, nothing is done twice."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select, text
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from activities.batches import BatchActivities, SendingActivities
from activities.gateways.clearinghouse import SftpAddress, SftpClearinghouse
from activities.reconcile import ReconcileActivities
from clients import connect_temporal
from models.ids import batch_workflow_id, encounter_workflow_id
from models.messages import BatchRef, ConnectionRef
from models.store.session import practice_session
from models.tables.claims import BatchRow, ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import OutboxRow
from simulator.clinic import practice, volume
from simulator.config import SimulatorConfig
from simulator.ledger import inbox
from simulator.server import Simulator
from tests.faults.clinic import Clinic, as_of, running_stack
from tests.line import TODAY, Line, line

VISITS = 6
OVER_A_DAY = timedelta(hours=25)
PASSWORD = "only-in-tests"
NAME = "clearinghouse"  # of the connection, where the practice file gives none


def claims_in(clinic: Clinic, *statuses: str) -> int:
    """How many claims are in one of these."""
    with practice_session(clinic.engine, clinic.practice_id) as session:
        return len(session.scalars(select(ClaimVersionRow.id).where(ClaimVersionRow.status.in_(statuses))).all())


def items(clinic: Clinic) -> list[WorkItemRow]:
    """All work items there ever were."""
    with practice_session(clinic.engine, clinic.practice_id) as session:
        return list(session.scalars(select(WorkItemRow)))


async def a_day_passes(clinic: Clinic, settings: Any) -> None:
    """For every encounter's workflow."""
    client = await connect_temporal(settings)
    with practice_session(clinic.engine, clinic.practice_id) as session:
        rows = session.scalars(select(EncounterRow)).all()
    for row in rows:
        handle = client.get_workflow_handle(encounter_workflow_id(row.id, row.life))
        await TimeSkipper(client).fast_forward(handle, OVER_A_DAY)


@pytest.mark.stack
def test_claims_wait_for_the_clearinghouse_and_are_asked_about_after_a_day() -> None:
    visits = list(volume(21, as_of(), VISITS))
    with running_stack(batch_window_seconds=5.0) as (stack, clinic):
        stack.stop("simulator")
        clinic.send(visits)
        # while a file cannot be sent no other is made, so that a claim which was late for it stays ready
        clinic.until(lambda: claims_in(clinic, "batched") and claims_in(clinic, "ready", "batched") == VISITS)
        asyncio.run(a_day_passes(clinic, stack.settings))
        clinic.until(lambda: len(items(clinic)) == VISITS)
        assert {(item.queue, item.kind) for item in items(clinic)} == {("follow_up", "unsent")}
        assert all("has not been sent within 24 hours" in item.reason for item in items(clinic))
        stack.start("simulator")
        clinic.until_closed(VISITS)
        assert all(item.closed_at is not None for item in items(clinic))
        assert len(items(clinic)) == VISITS, "asked once about each"
        clinic.is_right_apart_from_people(visits)


@pytest.mark.stack
def test_a_wiped_temporal_is_told_everything_again_and_finishes() -> None:
    """Some visits stand before their claim leaves, some behind it, and some come in while Temporal is away."""
    visits = list(volume(22, as_of(), 3 * VISITS))
    answered, unsent, late = visits[:VISITS], visits[VISITS : 2 * VISITS], visits[2 * VISITS :]
    with running_stack() as (stack, clinic):
        clinic.send(answered)
        clinic.until(lambda: claims_in(clinic, "sent", "accepted", "paid") == VISITS)
        stack.stop("simulator")
        clinic.send(unsent)
        clinic.until(lambda: claims_in(clinic, "ready", "batched") == VISITS)
        stack.stop("temporal")
        for file in stack.settings.var_dir.glob("temporal.db*"):
            file.unlink()
        clinic.send(late)
        with practice_session(clinic.engine, clinic.practice_id) as session:
            # the watchman lets young rows settle first
            for table in ("encounters", "inbound_files"):
                session.execute(text(f"UPDATE {table} SET created_at = created_at - interval '1 hour'"))
        stack.start("temporal")
        stack.start("simulator")
        clinic.until_closed(len(visits))
        clinic.is_right(visits)


# --- one process, exact instructions --------------------------------------------------------------------------------

STEPS = ("upload", "record_uploaded", "release")


async def carry(engine: Engine, practice_id: UUID, root: Path, steps: Sequence[str]) -> BatchRef:
    """Take these steps with the next batch, as its workflow would, and then no more."""
    config = SimulatorConfig(root=root, port=0, password=SecretStr(PASSWORD), validation="envelope")
    async with Simulator(config) as clearinghouse:
        batches = BatchActivities(engine, "T")
        gateway = SftpClearinghouse(SftpAddress("127.0.0.1", clearinghouse.port, "firstpass", PASSWORD))
        sending = SendingActivities(engine, gateway)
        connection = practice(TODAY)["payers"][0].get("connection", NAME)
        built = batches.build_batch(ConnectionRef(practice_id=practice_id, connection=connection))
        assert built.batch_id is not None
        batch = BatchRef(practice_id=practice_id, batch_id=built.batch_id)
        for step in steps:
            if step == "record_uploaded":
                batches.record_uploaded(batch)
            else:
                await (sending.upload_batch if step == "upload" else sending.release_batch)(batch)
    return batch


def undelivered(clinic: Line) -> int:
    """Word the outbox still holds: delivered later, it would start a batch workflow that sleeps an hour."""
    with practice_session(clinic.engine, clinic.practice_id) as session:
        return len(session.scalars(select(OutboxRow.id).where(OutboxRow.state != "done")).all())


async def forget_batches(client: Client, practice_id: UUID) -> None:
    """The line's end forgets what the server lists, which may lag; a batch workflow left over would sleep an hour."""
    for connection in {payer["connection"] for payer in practice(TODAY)["payers"] if "connection" in payer} or {NAME}:
        with contextlib.suppress(RPCError):
            await client.get_workflow_handle(batch_workflow_id(practice_id, connection)).terminate("lost")


@pytest.mark.parametrize("steps", [STEPS[:count] for count in range(4)], ids=lambda steps: steps[-1] if steps else "no")
async def test_a_batch_whose_workflow_was_lost_on_the_way_is_sent_once(
    engine: Engine, temporal: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: Sequence[str]
) -> None:
    """After the last of these steps Temporal forgets everything; what comes after begins from the beginning."""
    monkeypatch.setattr("activities.reconcile.SETTLING", timedelta(0))
    visits = list(volume(7, TODAY, 2))
    async with line(engine, temporal, practice(TODAY), tmp_path, window_seconds=3600) as before:
        before.send(*visits)
        await before.until(lambda: before.stages() == {"submission": 2} and undelivered(before) == 0)
    await forget_batches(temporal, before.practice_id)
    await carry(engine, before.practice_id, before.simulator_root, steps)
    async with line(engine, temporal, practice(TODAY), tmp_path, validation="envelope") as after:
        assert await ReconcileActivities(engine, temporal, 0.2, 0.2).restart_what_fell_through() >= 2
        await after.until(lambda: after.stages() == {"closed": 2})
        [batch] = stored_batches(engine, after.practice_id)
        archived = list((after.simulator_root / "archive").iterdir())
        assert [path.read_bytes() for path in archived] == [batch.content]
        sent = [claim.control_number for claim in inbox(after.simulator_root)]
        assert len(sent) == len(set(sent)) == 2
        assert list((after.simulator_root / "inbound").iterdir()) == []
        assert after.ledger_is_balanced()


def stored_batches(engine: Engine, practice_id: UUID) -> list[BatchRow]:
    """All batches."""
    with practice_session(engine, practice_id) as session:
        return list(session.scalars(select(BatchRow)))
