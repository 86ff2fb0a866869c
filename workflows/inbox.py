"""Fetching what the clearinghouse left, and reading each file."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.files import FileActivities
    from activities.inbox import InboxActivities
    from models.messages import ConnectionRef, FileRef, LookAtFile

from workflows.desk import OnTheDesk
from workflows.options import CLEARINGHOUSE_QUEUE, LONG, OUTSIDE


@workflow.defn
class InboxWorkflow:
    """One per practice and connection, for ever: looks into the mailbox every so often."""

    @workflow.run
    async def run(self, connection: ConnectionRef) -> None:
        """A loop without end; a fresh history now and then."""
        while not workflow.info().is_continue_as_new_suggested():
            found = await workflow.execute_activity_method(
                InboxActivities.fetch_files, connection, task_queue=CLEARINGHOUSE_QUEUE, **OUTSIDE
            )
            if not found:
                await workflow.sleep(timedelta(seconds=connection.poll_seconds))
        workflow.continue_as_new(connection)


@workflow.defn
class FileWorkflow(OnTheDesk):
    """One per file: read it to its end, then wait until people have decided on what it left open."""

    @workflow.init
    def __init__(self, file: FileRef) -> None:
        super().__init__()

    @workflow.run
    async def run(self, file: FileRef) -> None:
        """Until nothing in the file waits for anybody."""
        while True:
            look = LookAtFile(practice_id=file.practice_id, inbound_file_id=file.inbound_file_id, now=self.looking())
            progress = await workflow.execute_activity_method(FileActivities.read_file, look, **LONG)
            if progress.open_items == 0:
                break
            # what else is open in the same file may be decided through another copy's workflow
            await self.news(workflow.now() + timedelta(days=1))
        await self.finished()
