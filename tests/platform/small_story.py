"""Two workflows for the worker's tests, in a module as clean as a workflow's must be: the sandbox loads it anew."""

import os
from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
def ours() -> str:
    return "ours"


@activity.defn
def theirs() -> str:
    return "theirs"


@workflow.defn
class BothWorkflow:
    @workflow.run
    async def run(self, outside_queue: str) -> list[str]:
        limit = timedelta(seconds=5)
        inside = await workflow.execute_local_activity(ours, start_to_close_timeout=limit)
        outside = await workflow.execute_activity(theirs, task_queue=outside_queue, start_to_close_timeout=limit)
        return [inside, outside]


@workflow.defn
class ImpureWorkflow:
    @workflow.run
    async def run(self) -> str:
        return os.getcwd()
