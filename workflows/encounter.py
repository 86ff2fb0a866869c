"""The life of an encounter: from the signed note to zero balance."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.encounters import EncounterActivities
    from models.messages import EncounterRef, LookAtEncounter

from workflows.desk import OnTheDesk
from workflows.quick import ask


@workflow.defn
class EncounterWorkflow(OnTheDesk):
    """Carries one encounter through its gates, its claim and its balance; Postgres keeps where it stands."""

    @workflow.init
    def __init__(self, encounter: EncounterRef) -> None:
        super().__init__()
        self._encounter = encounter

    @workflow.run
    async def run(self, encounter: EncounterRef) -> None:
        """Until the encounter is closed. Every step may send it back: the chart changes, payers change their minds."""
        step = "gates"
        while step != "closed":
            if step == "gates":
                step = await self._hold_until_clear()
            elif step == "claim":
                step = await self._await_the_payer()
            else:
                step = await self._await_the_patient()
        await self.finished()

    async def _hold_until_clear(self) -> str:
        """Documentation, authorization, scrub: all must pass on the same facts, then the claim is made ready."""
        while True:
            verdict = await ask(EncounterActivities.check_gates, self._look())
            if verdict.outcome == "closed":
                return "closed"
            if verdict.outcome == "patient_pays":
                return "balance"
            if verdict.outcome == "under_way":
                return "claim"
            await self.news(verdict.look_again_at)
            if verdict.outcome == "clear":
                return "claim"

    async def _await_the_payer(self) -> str:
        """Submission, acknowledgement, remittance, denial: wait for others; have a person look when they are late."""
        while True:
            progress = await ask(EncounterActivities.check_claim, self._look())
            if progress.outcome == "to_gates":
                return "gates"
            if progress.outcome == "closed":
                return "closed"
            if progress.outcome == "patient_pays":
                return "balance"
            await self.news(progress.look_again_at)
            if progress.outcome == "adjudicated":
                return "balance"

    async def _await_the_patient(self) -> str:
        """The patient's share: statement, reminder, zero."""
        while True:
            progress = await ask(EncounterActivities.check_balance, self._look())
            if progress.outcome == "to_claim":
                return "claim"
            if progress.outcome == "settled":
                return "closed"
            await self.news(progress.look_again_at)

    def _look(self) -> LookAtEncounter:
        return LookAtEncounter(
            practice_id=self._encounter.practice_id, encounter_id=self._encounter.encounter_id, now=self.looking()
        )
