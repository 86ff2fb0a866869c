"""What Temporal keeps can be read by nobody without our keys: arguments, results and failures alike."""

from __future__ import annotations

import base64
import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from clients import SealedPayloads, data_converter
from settings import Problem, Settings

PATIENT = "Adelaide-Quimby"
ANSWER = "lumbago-with-sciatica"
COMPLAINT = "member-W123456789-unknown"


@activity.defn
def look_up(name: str) -> str:
    if name.endswith("fails"):
        raise ApplicationError(COMPLAINT, PATIENT, non_retryable=True)
    return ANSWER


@workflow.defn(sandboxed=False)
class AskWorkflow:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(look_up, name, start_to_close_timeout=timedelta(seconds=5))


def payload_codec(ring: dict[str, bytes], current: str, namespace: str = "default") -> SealedPayloads:
    return SealedPayloads(ring, current, namespace)


PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"Adelaide-Quimby"')


@pytest.mark.parametrize("name", [PATIENT, f"{PATIENT}-fails"])
async def test_history_holds_no_plain_argument_result_or_failure(temporal: Client, task_queue: str, name: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        async with Worker(
            temporal,
            task_queue=task_queue,
            workflows=[AskWorkflow],
            activities=[look_up],
            activity_executor=threads,
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            handle = await temporal.start_workflow(AskWorkflow.run, name, id=f"ask/{task_queue}", task_queue=task_queue)
            if name == PATIENT:
                assert await handle.result() == ANSWER
            else:
                with pytest.raises(WorkflowFailureError) as caught:
                    await handle.result()
                # we ourselves read what failed
                assert COMPLAINT in str(caught.value.cause.__cause__)
    history = (await handle.fetch_history()).to_json()
    raw = history + "".join(_decoded_data(history))
    for secret in (PATIENT, ANSWER, COMPLAINT):
        assert secret not in raw


def _decoded_data(history: str) -> list[str]:
    """Payload bytes stand in base64 in the JSON, where a search for plain text would find nothing anyway."""
    return [
        base64.b64decode(found + "=" * (-len(found) % 4)).decode("latin-1")
        for found in re.findall(r'"data": "([A-Za-z0-9+/=]+)"', history)
    ]


async def test_a_payload_sealed_with_an_older_key_still_opens() -> None:
    old, new = os.urandom(32), os.urandom(32)
    sealed = await payload_codec({"2025": old}, "2025").encode([PLAIN])
    rotated = payload_codec({"2025": old, "2026": new}, "2026")
    assert await rotated.decode(sealed) == [PLAIN]
    assert (await rotated.encode([PLAIN]))[0].metadata["firstpass-key"] == b"2026"


async def test_the_last_key_listed_is_the_current_one() -> None:
    keys = {name: base64.b64encode(os.urandom(32)).decode() for name in ("2025", "2026")}
    assert Settings(codec_keys=keys).current_codec_key == "2026"
    assert Settings(codec_keys=keys, codec_key_id="2025").current_codec_key == "2025"


async def test_a_payload_cannot_be_moved_to_another_namespace() -> None:
    ring = {"k": os.urandom(32)}
    sealed = await payload_codec(ring, "k", "clinic-a").encode([PLAIN])
    with pytest.raises(Problem, match="another namespace"):
        await payload_codec(ring, "k", "clinic-b").decode(sealed)


async def test_a_missing_key_is_named() -> None:
    sealed = await payload_codec({"2025": os.urandom(32)}, "2025").encode([PLAIN])
    with pytest.raises(Problem, match="'2025'"):
        await payload_codec({"2026": os.urandom(32)}, "2026").decode(sealed)


async def test_what_was_never_sealed_passes() -> None:
    assert await payload_codec({"k": os.urandom(32)}, "k").decode([PLAIN]) == [PLAIN]


def test_without_a_key_nothing_is_sent() -> None:
    with pytest.raises(Problem, match="FIRSTPASS_CODEC_KEYS"):
        data_converter(Settings())
