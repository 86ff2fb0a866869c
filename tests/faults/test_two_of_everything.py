"""The commands of docker-compose.yml run natively: a Postgres by URL, two workers and two webs on one Temporal."""

import asyncio
import base64
import contextlib
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from clients import connect_temporal
from embedded import LOCALHOST, Child, Postgres, Service, TemporalServer, free_port
from models.ids import encounter_workflow_id
from models.store.session import practice_session
from models.tables.encounters import EncounterRow
from settings import APP_ROLE, DATABASE_NAME, OWNER_ROLE, Settings
from simulator.clinic import volume
from tests.faults.clinic import Clinic, as_of, open_clinic, processes_on, python
from worker import TASK_QUEUE

VISITS = 40
SENT_AT_ONCE = 5
PASSWORD = "only-in-tests"
FIRSTPASS = python("dying")  # the command line, which dies at the places named to it: none here

pytestmark = pytest.mark.stack


@dataclass
class House:
    """What runs where."""

    settings: Settings
    workers: list[Service]
    webs: list[str]
    clinic: Clinic


def environment(postgres: Postgres, temporal_port: int, var_dir: Path) -> Settings:
    """What compose passes to every container."""
    return Settings(
        environment="production",
        var_dir=var_dir,
        database_url=postgres.url(DATABASE_NAME, OWNER_ROLE, PASSWORD),
        app_database_url=postgres.url(DATABASE_NAME, APP_ROLE, PASSWORD),
        temporal_address=f"{LOCALHOST}:{temporal_port}",
        temporal_namespace="firstpass",
        codec_keys={"2026-11": base64.b64encode(os.urandom(32)).decode()},
        sftp_host=LOCALHOST,
        sftp_port=free_port(),
        smtp_port=free_port(),
        sftp_password=PASSWORD,
        batch_window_seconds=0.5,
        inbox_poll_seconds=0.5,
    )


def migrate(settings: Settings) -> None:
    """`firstpass migrate`, twice, as two containers might."""
    for _ in range(2):
        child = Child("migrate", [*FIRSTPASS, "migrate"], settings.log_dir / "migrate.log", settings.as_environment())
        child.spawn()
        assert child.process is not None
        assert child.process.wait(60) == 0, child.last_words()


@pytest.fixture
def house() -> Iterator[House]:
    """Everything up; everything gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="firstpass-two-"))
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, directory, ignore_errors=True)
        postgres = Postgres(directory / "postgres", directory / "log" / "postgres.log", password=PASSWORD)
        postgres.start()
        ending.callback(postgres.stop)
        postgres.ensure_role(OWNER_ROLE, PASSWORD)
        postgres.ensure_database(DATABASE_NAME, OWNER_ROLE)
        with postgres.connect() as connection:
            connection.execute(f"alter role {OWNER_ROLE} createrole")
        settings = environment(postgres, free_port(), directory)
        temporal = TemporalServer(
            settings.temporal_address,
            directory / "log" / "temporal.log",
            database=directory / "temporal.db",
            namespace=settings.temporal_namespace,
        )
        temporal.start()
        ending.callback(temporal.stop)
        migrate(settings)
        clinic = open_clinic(settings)
        ending.callback(clinic.engine.dispose)
        services = [_service("simulator", python("all_paid"), settings)]
        workers = [_service(f"worker-{n}", [*FIRSTPASS, "worker"], settings) for n in (1, 2)]
        ports = [free_port(), free_port()]
        services += workers
        services += [_service(f"web-{port}", [*FIRSTPASS, "web"], _on_port(settings, port)) for port in ports]
        for service in services:
            service.start()
            ending.callback(service.stop)
        yield House(settings, workers, [f"http://{LOCALHOST}:{port}" for port in ports], clinic)
    assert processes_on(directory) == [], "stopping leaves no process"


def _service(name: str, command: list[str], settings: Settings) -> Service:
    return Service(name, command, settings, ready=lambda: True)


def _on_port(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"web_port": port})


async def who_did_the_work(house: House) -> Counter[str]:
    """How many workflow tasks each process has taken."""
    client = await connect_temporal(house.settings)
    with practice_session(house.clinic.engine, house.clinic.practice_id) as session:
        rows = session.scalars(select(EncounterRow)).all()
    done: Counter[str] = Counter()
    for row in rows:
        with contextlib.suppress(RPCError):  # not started yet
            await _count_tasks(client, row, done)
    return done


async def _count_tasks(client: Client, row: EncounterRow, done: Counter[str]) -> None:
    history = await client.get_workflow_handle(encounter_workflow_id(row.id, row.life)).fetch_history()
    started = (event.workflow_task_started_event_attributes.identity for event in history.events)
    done.update(identity for identity in started if identity)


async def who_polls(settings: Settings) -> set[str]:
    """The processes that ask for workflow tasks."""
    client = await connect_temporal(settings)
    request = DescribeTaskQueueRequest(
        namespace=settings.temporal_namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    return {poller.identity for poller in (await client.workflow_service.describe_task_queue(request)).pollers}


def send_in_turns(house: House, visits: list[dict[str, object]]) -> None:
    """Half of the visits through each web; every bundle is sent to both, as if the sender had doubted the first."""
    webs = [replace(house.clinic, web_url=url) for url in house.webs]
    for start in range(0, len(visits), SENT_AT_ONCE):
        bundle = visits[start : start + SENT_AT_ONCE]
        doubting = [threading.Thread(target=web.send, args=(bundle,)) for web in webs]
        for thread in doubting:
            thread.start()
        for thread in doubting:
            thread.join()


def test_two_workers_and_two_webs_share_the_work_and_one_goes_on_alone(house: House) -> None:
    visits = list(volume(31, as_of(), VISITS))
    first, second = house.workers
    both = {f"firstpass-{worker.child.pid}" for worker in house.workers}
    house.clinic.until(lambda: both <= asyncio.run(who_polls(house.settings)))
    send_in_turns(house, visits[: VISITS // 2])
    house.clinic.until(lambda: both <= set(asyncio.run(who_did_the_work(house))))
    send_in_turns(house, visits[VISITS // 2 :])
    first.child.kill()
    house.clinic.until_closed(VISITS)
    house.clinic.is_right(visits)
    assert second.child.alive
