"""What every workflow with people around it shares: news to look at, decisions to take."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.decisions import DecisionActivities
    from models.messages import REFUSED, Decision, DecisionOutcome

from workflows.quick import ask

AT_LEAST = timedelta(seconds=1)


class OnTheDesk:
    """Two messages enter: ``recheck`` (facts changed somewhere, look again) and ``decide`` (a person decided).

    ``recheck`` may be lost or doubled without harm, because every look reads the facts from Postgres.
    """

    def __init__(self) -> None:
        self._news = False
        self._over = False
        self._deciding = asyncio.Lock()

    @workflow.signal
    def recheck(self) -> None:
        """Look again."""
        self._news = True

    @workflow.update
    async def decide(self, decision: Decision) -> DecisionOutcome:
        """Apply a person's decision and answer the page; a refusal comes back at once."""
        async with self._deciding:
            dated = decision.model_copy(update={"now": workflow.now()})
            outcome = await ask(DecisionActivities.apply_decision, dated)
        self._news = True
        return outcome

    @decide.validator
    def refuse_when_over(self, decision: Decision) -> None:
        """A life that is over takes no more decisions; nothing of it is written to history."""
        if self._over:
            raise ApplicationError("This was closed meanwhile; there is nothing left to decide.", type=REFUSED)

    async def news(self, until: datetime | None) -> None:
        """Wait for a message, or until an instant on which the answer changes by itself."""
        timeout = max(until - workflow.now(), AT_LEAST) if until is not None else None
        try:
            await workflow.wait_condition(lambda: self._news, timeout=timeout)
        except TimeoutError:
            return

    def looking(self) -> datetime:
        """Mark all news so far as seen, and say when the look was taken."""
        self._news = False
        return workflow.now()

    async def handlers_done(self) -> None:
        """No handler is left half done."""
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def finished(self) -> None:
        """No handler is left half done, and no further decision is taken."""
        await self.handlers_done()
        self._over = True
