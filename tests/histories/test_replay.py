"""Every history recorded so far replays with the code as it stands: what runs in production goes on after an upgrade.

`pytest tests/workflows --record-histories` records new ones; old ones stay until no run that old is open.
"""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from clients import data_converter
from settings import Settings
from tests.histories.recorder import HERE
from worker import workflow_runner
from workflows.catalog import ALL_WORKFLOWS

TYPES = [workflow.__name__ for workflow in ALL_WORKFLOWS]


@pytest.mark.parametrize("workflow_type", TYPES)
async def test_recorded_histories_replay(workflow_type: str, settings: Settings) -> None:
    recorded = sorted((HERE / workflow_type).glob("*.json"))
    assert recorded, f"no history of {workflow_type} is recorded: run pytest tests/workflows --record-histories"
    replayer = Replayer(
        workflows=ALL_WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=data_converter(settings),
        namespace=settings.temporal_namespace,
    )
    for path in recorded:
        await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))
