"""Workflows that live for months begin anew before their history grows too long, and nothing is lost by it."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper

from clients import connect_temporal, make_engine
from embedded import LOCALHOST, TemporalServer, free_port
from models.ids import authorization_case_workflow_id, authorization_workflow_id
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from settings import Settings
from simulator.clinic import practice
from tests.conftest import Database
from tests.line import ALL_PAID, TODAY, Line, line
from tests.workflows.visits import COMMERCIAL

LENGTH = 30
EVENTS = "limit.historyCount.suggestContinueAsNew=40"
GRANT = {
    "authorization_id": "LONG",
    "number": "N-LONG",
    "patient": "P-LONG",
    "plan_id": COMMERCIAL,
    "disciplines": ["PT"],
    "quantity": 20,
    "effective_from": str(TODAY - timedelta(days=60)),
    "effective_to": str(TODAY + timedelta(days=LENGTH)),
}


@pytest.fixture
async def impatient(settings: Settings) -> AsyncIterator[Client]:
    """A Temporal server that asks workflows to begin anew after forty events."""
    directory = Path(tempfile.mkdtemp(prefix="firstpass-test-"))
    address = f"{LOCALHOST}:{free_port()}"
    server = TemporalServer(
        address,
        directory / "temporal.log",
        database=None,
        namespace=settings.temporal_namespace,
        dynamic_config=(EVENTS,),
    )
    server.start()
    yield await connect_temporal(settings.model_copy(update={"temporal_address": server.address}))
    server.child.kill()
    shutil.rmtree(directory, ignore_errors=True)


async def _begun_anew(handle: WorkflowHandle[object, object], first_run: str | None) -> bool:
    return (await handle.describe()).run_id != first_run


async def _tell_until_anew(clinic: Line, handle: WorkflowHandle[object, object]) -> None:
    """Send news, one piece after another has been looked at, until the workflow has begun anew."""
    first_run = (await handle.describe()).run_id
    for _ in range(60):
        before = (await handle.describe()).history_length
        await handle.signal("recheck")
        while not await _begun_anew(handle, first_run) and (await handle.describe()).history_length <= before + 2:
            await clinic.until(lambda: True)
        if await _begun_anew(handle, first_run):
            return
    raise AssertionError("it never began anew")


async def test_an_authorization_and_its_case_begin_anew_and_go_on(
    impatient: Client, database: Database, tmp_path: Path
) -> None:
    time_skipper = TimeSkipper(impatient)
    engine = make_engine(database.app_url, pool_size=20)
    wanted = {**practice(TODAY), "authorizations": [GRANT]}
    async with line(engine, impatient, wanted, tmp_path, world=ALL_PAID, validation="envelope") as clinic:
        [row] = clinic.rows(AuthorizationRow)
        grant = impatient.get_workflow_handle(authorization_workflow_id(row.id))
        await clinic.until(lambda: clinic.rows(AuthorizationRow, AuthorizationRow.status == "active"))
        await clinic.until(clinic.quiet)
        await _tell_until_anew(clinic, grant)

        await time_skipper.fast_forward(grant, timedelta(days=LENGTH - 6))
        await clinic.until(lambda: clinic.rows(AuthorizationCaseRow))
        [case] = clinic.rows(AuthorizationCaseRow)
        await clinic.until(clinic.quiet)
        asking = impatient.get_workflow_handle(authorization_case_workflow_id(case.id))
        await _tell_until_anew(clinic, asking)

        [item] = clinic.rows(WorkItemRow, WorkItemRow.authorization_case_id == case.id)
        await clinic.decide(item, "not_continuing", reason="discharged", role="front_desk")
        await asking.result()
        await grant.result()
        [row] = clinic.rows(AuthorizationRow)
        assert row.status == "not_continued"
    engine.dispose()
