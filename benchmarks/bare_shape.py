"""The shape of a straight-through encounter, and nothing in it."""

from datetime import timedelta

from temporalio import activity, workflow

from workflows.options import QUICK

LOCAL_STEPS_BEFORE_THE_ANSWER = 1  # check_gates
LOCAL_STEPS_AFTER = 1  # check_claim


@activity.defn
def nothing(_: str) -> str:
    """What an activity costs that does nothing."""
    return ""


@workflow.defn
class BareWorkflow:
    """The shape of a straight-through encounter, and nothing in it."""

    def __init__(self) -> None:
        self._news = False

    @workflow.signal
    def recheck(self) -> None:
        """The answer came."""
        self._news = True

    @workflow.run
    async def run(self, _: str) -> None:
        """Gates and claim; wait; claim and balance."""
        for _step in range(LOCAL_STEPS_BEFORE_THE_ANSWER):
            await workflow.execute_local_activity(nothing, "", **QUICK)
        await workflow.wait_condition(lambda: self._news, timeout=timedelta(days=1))
        for _step in range(LOCAL_STEPS_AFTER):
            await workflow.execute_local_activity(nothing, "", **QUICK)
