"""Composition root of the Temporal side: settings -> client -> workers -> run until told to stop.

Two workers in one process. The first runs the story and everything that touches only our own Postgres; the second runs
what leaves the building, so that a slow clearinghouse never holds up a decision at the desk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    PollerBehaviorAutoscaling,
    Worker,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

import log
from activities import catalog as activity_catalog
from activities.catalog import Wiring
from activities.gateways.clearinghouse import SftpAddress
from activities.gateways.mail import MailAddress
from activities.relay import Relay
from billing import icd10
from clients import connect_temporal, make_engine
from edi import judge
from models.ids import reconcile_workflow_id
from settings import Settings
from workflows.catalog import ALL_WORKFLOWS
from workflows.options import CLEARINGHOUSE_QUEUE
from workflows.reconcile import ReconcileWorkflow

TASK_QUEUE = "firstpass"

# Loading these afresh for every workflow costs 120 ms instead of 8. In exchange the sandbox protects nothing inside
# them; the import contracts and ruff do.
PASSED_THROUGH = ("billing", "edi", "models", "activities", "workflows.desk", "workflows.options", "workflows.quick")

CACHED_WORKFLOWS = 1_000
CONCURRENT_WORKFLOW_TASKS = 100
OUTSIDE_CALLS = 4
RELAY_CONNECTIONS = 2
GRACEFUL_SHUTDOWN = timedelta(seconds=10)
# After a worker died, the first click on a case it had cached waits this long (the default is 10 seconds).
STICKY_TIMEOUT = timedelta(seconds=2)

WATCHMAN_SECONDS = 30.0
# How many signs of life fit into the time after which a silent worker counts as dead.
BEATS_PER_TIMEOUT = 4

Activity = Callable[..., Any]


class SignsOfLife(Interceptor):
    """Tells Temporal that the process lives while an activity runs, however long one step of it takes.

    Without it the work of a killed worker would lie until its time is up: half an hour for a batch or a file.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Around every activity."""
        return _Beating(next)


class _Beating(ActivityInboundInterceptor):
    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._outbound = outbound
        super().init(outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        timeout = activity.info().heartbeat_timeout
        if timeout is None:
            return await super().execute_activity(input)
        beating = asyncio.create_task(self._beat(timeout.total_seconds() / BEATS_PER_TIMEOUT))
        try:
            return await super().execute_activity(input)
        finally:
            beating.cancel()

    async def _beat(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            self._outbound.heartbeat()


@dataclass(frozen=True)
class Parts:
    """What the workers carry."""

    workflows: Sequence[type]
    inside: Sequence[Activity]
    outside: Sequence[Activity]


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox as production has it; tests and the replayer use the same."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    policy = (
        SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        | SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
    )
    return SandboxedWorkflowRunner(restrictions=restrictions.with_import_notification_policy(policy))


def story_worker(
    client: Client, parts: Parts, threads: Executor, concurrency: int, task_queue: str = TASK_QUEUE
) -> Worker:
    """Workflows and the activities on our own Postgres: as many at once as the pool has connections."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=parts.workflows,
        activities=parts.inside,
        activity_executor=threads,
        workflow_runner=workflow_runner(),
        interceptors=[SignsOfLife()],
        max_cached_workflows=CACHED_WORKFLOWS,
        max_concurrent_workflow_tasks=CONCURRENT_WORKFLOW_TASKS,
        max_concurrent_activities=concurrency,
        max_concurrent_local_activities=concurrency,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
    )


def outside_worker(client: Client, parts: Parts, threads: Executor, task_queue: str = CLEARINGHOUSE_QUEUE) -> Worker:
    """Only what talks to the clearinghouse, a few calls at a time: its limits are not ours to raise."""
    return Worker(
        client,
        task_queue=task_queue,
        activities=parts.outside,
        activity_executor=threads,
        interceptors=[SignsOfLife()],
        max_concurrent_activities=OUTSIDE_CALLS,
        activity_task_poller_behavior=PollerBehaviorAutoscaling(maximum=OUTSIDE_CALLS, initial=1),
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
    )


def run(settings: Settings) -> None:
    """The process `firstpass worker`; does not return.

    When all is closed it leaves without taking the interpreter down: a call of Temporal's client that was given up goes
    on in a thread of its own, and one that answers meanwhile ends the process by a fault, or keeps it from ever ending
    (temporalio/sdk-python#300; before Python 3.14 such a thread is unwound: python/cpython#87135).
    """
    log.configure(production=settings.production, level=settings.log_level)
    asyncio.run(_run(settings))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _run(settings: Settings) -> None:
    icd10.load()  # seconds that no visit should wait for, the next line too
    judge.warm()
    client = await connect_temporal(settings)
    pool = settings.database_pool_size
    spare = OUTSIDE_CALLS + RELAY_CONNECTIONS
    engine = make_engine(settings.app_database_url, pool_size=pool + spare, application_name="firstpass-worker")
    with ThreadPoolExecutor(pool, "inside") as inside, ThreadPoolExecutor(OUTSIDE_CALLS, "outside") as outside:
        parts = parts_of(
            Wiring(
                engine,
                client,
                sftp_address(settings),
                settings.batch_window_seconds,
                usage(settings),
                settings.inbox_poll_seconds,
                mail_address(settings),
            )
        )
        workers = [story_worker(client, parts, inside, pool), outside_worker(client, parts, outside)]
        watching = asyncio.create_task(keep_watchman(client))
        await run_until_told_to_stop(workers, Relay(engine, client, TASK_QUEUE, log.get_logger("relay")))
        watching.cancel()
    engine.dispose()


def sftp_address(settings: Settings) -> SftpAddress:
    """The clearinghouse as the settings name it."""
    return SftpAddress(
        host=settings.sftp_host or settings.web_host,
        port=settings.sftp_port,
        user=settings.sftp_user,
        password=settings.sftp_password.get_secret_value(),
        key_path=settings.sftp_key_path,
        known_host_key=settings.sftp_known_host_key,
        inbound_dir=settings.sftp_inbound_dir,
        outbound_dir=settings.sftp_outbound_dir,
    )


def mail_address(settings: Settings) -> MailAddress | None:
    """Where letters to patients leave; None where none is set, and they are printed."""
    if not settings.smtp_host:
        return None
    return MailAddress(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        tls=settings.smtp_tls,
        attempts_max=settings.mail_attempts_max,
        unknown_retries=settings.mail_unknown_retries,
    )


def usage(settings: Settings) -> str:
    """ISA15: test data everywhere but in production."""
    return "P" if settings.production else "T"


def parts_of(wiring: Wiring) -> Parts:
    """The rooms' own lists."""
    return Parts(
        workflows=ALL_WORKFLOWS, inside=activity_catalog.inside(wiring), outside=activity_catalog.outside(wiring)
    )


async def keep_watchman(client: Client) -> None:
    """The reconciler, once for the house, whichever worker comes first; again where Temporal was wiped meanwhile."""
    while True:
        with contextlib.suppress(WorkflowAlreadyStartedError, RPCError):
            await client.start_workflow(ReconcileWorkflow.run, id=reconcile_workflow_id(), task_queue=TASK_QUEUE)
        await asyncio.sleep(WATCHMAN_SECONDS)


async def run_until_told_to_stop(workers: Sequence[Worker], relay: Relay) -> None:
    """A worker that fails takes the process down with it, so that whoever watches the process starts it afresh."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    running = [asyncio.create_task(worker.run()) for worker in workers]
    carrying = asyncio.create_task(relay.run(told))
    waiting = asyncio.create_task(told.wait())
    log.get_logger("worker").info("worker_started", queues=[worker.task_queue for worker in workers])
    await asyncio.wait([*running, carrying, waiting], return_when=asyncio.FIRST_COMPLETED)
    told.set()
    await asyncio.gather(carrying, waiting)
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*running)
