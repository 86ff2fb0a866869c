"""What fell through between Postgres and Temporal is found and put back on its way."""

import pytest

from activities import reconcile
from tests.line import Line
from tests.workflows.visits import newer, unsigned, visit
from workflows.reconcile import ReconcileWorkflow


async def test_a_visit_whose_workflow_was_ended_by_hand_is_carried_again(
    clinic: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLING", reconcile.SETTLING * 0)
    made = visit("WATCHED001")
    number = made["encounter_id"]
    clinic.send(unsigned(made))
    await clinic.until_item(number, "documentation")
    await clinic.handle(number).terminate("by hand")
    watchman = await clinic.client.start_workflow(ReconcileWorkflow.run, id="reconcile", task_queue="firstpass")

    async def runs() -> bool:
        return bool((await clinic.handle(number).describe()).status.name == "RUNNING")

    for _ in range(100):
        if await runs():
            break
        await clinic.until(lambda: True)
    assert await runs()
    clinic.send(newer(made))
    assert (await clinic.until_stage(number, "closed")).closed_as == "paid"
    await watchman.terminate()
