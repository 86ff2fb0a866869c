"""The watchman: finds what fell through between Postgres and Temporal and puts it back on its way."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.reconcile import ReconcileActivities

from workflows.options import LONG

EVERY = timedelta(minutes=15)


@workflow.defn
class ReconcileWorkflow:
    """One for the house, for ever."""

    @workflow.run
    async def run(self) -> None:
        """Look every quarter of an hour; a fresh history now and then."""
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(ReconcileActivities.restart_what_fell_through, **LONG)
            await workflow.sleep(EVERY)
        workflow.continue_as_new()
