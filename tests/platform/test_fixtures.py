"""What conftest promises to every other test."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Page
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import TimeSkipper
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn(sandboxed=False)
class PatientWorkflow:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(days=45))
        return "certified"


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_has_a_database_of_its_own(owner_engine: Engine, turn: str) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("create table mine (turn text)"))
        connection.execute(text("insert into mine values (:turn)"), {"turn": turn})
        assert connection.scalar(text("select count(*) from mine")) == 1


def test_the_app_may_use_tables_but_neither_make_nor_own_them(engine: Engine, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("create table ours (id int)"))
    with engine.begin() as connection:
        connection.execute(text("insert into ours values (1)"))
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("create table theirs (id int)"))
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="must be owner"):
        connection.execute(text("drop table ours"))


async def test_forty_five_days_pass_at_once(temporal: Client, time_skipper: TimeSkipper, task_queue: str) -> None:
    async with Worker(
        temporal, task_queue=task_queue, workflows=[PatientWorkflow], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        handle = await temporal.start_workflow(PatientWorkflow.run, id=task_queue, task_queue=task_queue)
        await time_skipper.fast_forward(handle, timedelta(days=46))
        assert await handle.result() == "certified"


@pytest.mark.journey
async def test_the_browser_opens_a_page(page: Page) -> None:
    await page.goto("data:text/html,<title>Firstpass</title>")
    assert await page.title() == "Firstpass"
