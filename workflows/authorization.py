"""The lives of an authorization and of the case of asking for one: months long, moved by news and by the calendar."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.authorization_cases import AuthorizationCaseActivities
    from activities.authorizations import AuthorizationActivities
    from models.messages import (
        AuthorizationCaseRef,
        AuthorizationRef,
        LookAtAuthorization,
        LookAtAuthorizationCase,
    )

from workflows.desk import OnTheDesk
from workflows.quick import ask


@workflow.defn
class AuthorizationWorkflow(OnTheDesk):
    """Looks when a visit used some of it and on the days that matter, to its last day: also when nothing is left, for
    a visit may be given back."""

    @workflow.init
    def __init__(self, authorization: AuthorizationRef) -> None:
        super().__init__()
        self._authorization = authorization

    @workflow.run
    async def run(self, authorization: AuthorizationRef) -> None:
        """Until its life is over; what is left is counted by the activity, so lost or doubled news harms nothing."""
        while True:
            progress = await ask(AuthorizationActivities.review_authorization, self._look())
            if progress.ended is not None:
                break
            await self.news(progress.look_again_at)
            if workflow.info().is_continue_as_new_suggested():
                await self.handlers_done()
                workflow.continue_as_new(authorization)
        await self.finished()

    def _look(self) -> LookAtAuthorization:
        return LookAtAuthorization(
            practice_id=self._authorization.practice_id,
            authorization_id=self._authorization.authorization_id,
            now=self.looking(),
        )


@workflow.defn
class AuthorizationCaseWorkflow(OnTheDesk):
    """Asks a payer through people: wakes when somebody decides, when a need is gone, and when a clock runs out."""

    @workflow.init
    def __init__(self, case: AuthorizationCaseRef) -> None:
        super().__init__()
        self._case = case

    @workflow.run
    async def run(self, case: AuthorizationCaseRef) -> None:
        """Until the case is closed; everything it knows is read anew by each look."""
        while True:
            progress = await ask(AuthorizationCaseActivities.review_authorization_case, self._look())
            if progress.ended is not None:
                break
            await self.news(progress.look_again_at)
            if workflow.info().is_continue_as_new_suggested():
                await self.handlers_done()
                workflow.continue_as_new(case)
        await self.finished()

    def _look(self) -> LookAtAuthorizationCase:
        return LookAtAuthorizationCase(
            practice_id=self._case.practice_id,
            authorization_case_id=self._case.authorization_case_id,
            now=self.looking(),
        )
