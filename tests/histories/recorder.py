"""Writing workflow histories down, to be replayed by every later version of the code."""

import base64
import binascii
import re
from pathlib import Path

from temporalio.client import Client

HERE = Path(__file__).parent
PER_TYPE_AND_RUN = 3
EVENTS_MAX = 200
BASE64 = re.compile(r'"([A-Za-z0-9+/]{16,}={0,2})"')


async def record_histories(client: Client) -> None:
    """Keep the longest histories of each type that ran since the server started."""
    by_type: dict[str, list[tuple[int, str, str]]] = {}
    async for execution in client.list_workflows():
        if execution.history_length <= EVENTS_MAX:
            found = by_type.setdefault(execution.workflow_type, [])
            found.append((execution.history_length, execution.id, execution.run_id))
    for workflow_type, found in by_type.items():
        for _, workflow_id, run_id in sorted(found, reverse=True)[:PER_TYPE_AND_RUN]:
            history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            directory = HERE / workflow_type
            directory.mkdir(exist_ok=True)
            name = workflow_id.replace("/", "_")
            (directory / f"{name}.json").write_text(history.to_json())


def readable(recorded: str) -> str:
    """A history as somebody without our keys reads it: as it stands, and with its base64 undone."""
    undone = []
    for quoted in BASE64.findall(recorded):
        try:
            undone.append(base64.b64decode(quoted).decode("latin-1"))
        except binascii.Error:
            continue
    return recorded + "".join(undone)
