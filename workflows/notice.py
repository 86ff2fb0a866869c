"""The life of a letter to a patient: sent once, or printed by a person."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notices import NoticeActivities, NoticeSendingActivities
    from models.messages import LookAtNotice, NoticeRef

from workflows.desk import OnTheDesk
from workflows.options import CLEARINGHOUSE_QUEUE, MAIL
from workflows.quick import ask


@workflow.defn
class NoticeWorkflow(OnTheDesk):
    """One per letter: hands it to the mail server, and where that cannot be, waits for a person to print it."""

    @workflow.init
    def __init__(self, notice: NoticeRef) -> None:
        super().__init__()
        self._notice = notice

    @workflow.run
    async def run(self, notice: NoticeRef) -> None:
        """Until it was sent or printed, or nobody wants it printed."""
        progress = await ask(NoticeActivities.look_at_notice, self._look())
        if progress.outcome == "send":
            await workflow.execute_activity_method(
                NoticeSendingActivities.send_notice, notice, task_queue=CLEARINGHOUSE_QUEUE, **MAIL
            )
            progress = await ask(NoticeActivities.look_at_notice, self._look())
        while progress.outcome == "print":
            await self.news(None)
            progress = await ask(NoticeActivities.look_at_notice, self._look())
        await self.finished()

    def _look(self) -> LookAtNotice:
        return LookAtNotice(practice_id=self._notice.practice_id, notice_id=self._notice.notice_id, now=self.looking())
