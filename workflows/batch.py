"""Gathering ready claims per connection into one file, sent once."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.batches import BatchActivities, SendingActivities
    from models.messages import BatchRef, ConnectionRef

from workflows.options import CLEARINGHOUSE_QUEUE, LONG, OUTSIDE, PATIENT
from workflows.quick import ask


@workflow.defn
class BatchWorkflow:
    """One per practice and connection, for ever: waits for ready claims, lets company gather, builds and sends."""

    @workflow.init
    def __init__(self, connection: ConnectionRef) -> None:
        self._ready = True  # whatever was left unsent before this run

    @workflow.signal
    def claims_ready(self) -> None:
        """At least one claim is ready."""
        self._ready = True

    @workflow.run
    async def run(self, connection: ConnectionRef) -> None:
        """A loop without end; a fresh history now and then."""
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.wait_condition(lambda: self._ready)
            await workflow.sleep(timedelta(seconds=connection.window_seconds))
            self._ready = False
            await self._send_what_is_ready(connection)
        workflow.continue_as_new(connection)

    async def _send_what_is_ready(self, connection: ConnectionRef) -> None:
        more = True
        while more:
            built = await workflow.execute_activity_method(BatchActivities.build_batch, connection, **LONG)
            if built.batch_id is not None:
                await self._send(BatchRef(practice_id=connection.practice_id, batch_id=built.batch_id))
            more = built.more

    async def _send(self, batch: BatchRef) -> None:
        """Upload, record, rename, record. Each is known done before the next, so no crash can send a file twice."""
        await workflow.execute_activity_method(
            SendingActivities.upload_batch, batch, task_queue=CLEARINGHOUSE_QUEUE, **OUTSIDE
        )
        await ask(BatchActivities.record_uploaded, batch)
        await workflow.execute_activity_method(
            SendingActivities.release_batch, batch, task_queue=CLEARINGHOUSE_QUEUE, **OUTSIDE
        )
        await workflow.execute_activity_method(BatchActivities.record_sent, batch, **PATIENT)
