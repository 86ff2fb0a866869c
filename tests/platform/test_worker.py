"""The workers as production makes them: sandboxed, two queues, ended politely."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from temporalio.client import Client, WorkflowExecutionStatus

import worker
from activities.relay import Relay
from embedded import ROOT, TemporalServer
from settings import Settings
from tests.platform.small_story import BothWorkflow, ImpureWorkflow, ours, theirs

PATIENCE_SECONDS = 60.0  # a busy machine is slow, not wrong


GIVEN_UP = """
import asyncio, worker
from clients import connect_temporal
from settings import load_settings

async def busy(settings):
    client = await connect_temporal(settings)
    asked = [asyncio.create_task(client.count_workflows()) for _ in range(200)]
    await asyncio.sleep(0.01)
    for one in asked:
        one.cancel()

worker._run = busy
worker.run(load_settings())
"""


class IdleRelay:
    """Has nothing to carry, and ends when told."""

    async def run(self, told: asyncio.Event) -> None:
        await told.wait()


PARTS = worker.Parts(workflows=[BothWorkflow, ImpureWorkflow], inside=[ours], outside=[theirs])


async def test_the_story_and_what_leaves_the_building_have_queues_of_their_own(
    temporal: Client, task_queue: str
) -> None:
    outside = f"{task_queue}-outside"
    with ThreadPoolExecutor(worker.OUTSIDE_CALLS) as threads:
        async with (
            worker.story_worker(temporal, PARTS, threads, 2, task_queue),
            worker.outside_worker(temporal, PARTS, threads, outside),
        ):
            done = await temporal.execute_workflow(BothWorkflow.run, outside, id=task_queue, task_queue=task_queue)
    assert done == ["ours", "theirs"]


async def test_a_workflow_that_reads_its_surroundings_is_stopped_by_the_sandbox(
    temporal: Client, task_queue: str
) -> None:
    with ThreadPoolExecutor(worker.OUTSIDE_CALLS) as threads:
        async with worker.story_worker(temporal, PARTS, threads, 2, task_queue):
            running = await temporal.start_workflow(ImpureWorkflow.run, id=task_queue, task_queue=task_queue)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "WORKFLOW_TASK_FAILED" not in (await running.fetch_history()).to_json():
                    await asyncio.sleep(0.1)
            assert (await running.describe()).status is WorkflowExecutionStatus.RUNNING, "it never got an answer"
            await running.terminate("seen")


async def test_sigterm_ends_the_workers_in_peace(temporal: Client, task_queue: str) -> None:
    with ThreadPoolExecutor(worker.OUTSIDE_CALLS) as threads:
        workers = [worker.story_worker(temporal, PARTS, threads, 2, task_queue)]
        running = asyncio.create_task(worker.run_until_told_to_stop(workers, cast(Relay, IdleRelay())))
        await asyncio.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, PATIENCE_SECONDS)


def test_calls_given_up_at_the_end_do_not_keep_the_process(settings: Settings, temporal_server: TemporalServer) -> None:
    """Taking the interpreter down while Temporal's client still answered hung, or ended by a segmentation fault."""
    environment = settings.model_copy(update={"temporal_address": temporal_server.address}).as_environment()
    command = [sys.executable, "-c", GIVEN_UP]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0
