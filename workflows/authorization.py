"""The life of an authorization: months long, ended when it is exhausted, expired or replaced."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.authorizations import AuthorizationActivities
    from models.messages import AuthorizationRef, LookAtAuthorization

from workflows.desk import OnTheDesk
from workflows.quick import ask


@workflow.defn
class AuthorizationWorkflow(OnTheDesk):
    """Looks when a visit used some of it and on the days that matter: seven and five days before the end, the end."""

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
                await self.finished()
                workflow.continue_as_new(authorization)
        await self.finished()

    def _look(self) -> LookAtAuthorization:
        return LookAtAuthorization(
            practice_id=self._authorization.practice_id,
            authorization_id=self._authorization.authorization_id,
            now=self.looking(),
        )
