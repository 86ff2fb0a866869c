"""Encounters a second from intake to paid on the embedded stack, beside bare workflows of the same shape.

`python -m benchmarks.straight_through [visits]` starts the embedded stack (Postgres, Temporal, worker, simulator; all
here), sends clean visits and waits until every one is paid and closed. Then, on the same Temporal server, it runs as
many workflows of the same shape (the same local activities, wait and signal, all empty). Read the ratio; the machine is
shared, so the rates are a floor. Processor seconds per visit tell where the work is.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psutil
from sqlalchemy import Engine, text
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.bare_shape import BareWorkflow, nothing
from embedded import Stack
from settings import Settings, load_settings

VISITS = 300
AT_ONCE = 50
BARE_QUEUE = "bare"
GIVE_UP_SECONDS = 300.0


def main() -> None:
    """Measure both and print their ratio."""
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else VISITS
    with tempfile.TemporaryDirectory(prefix="firstpass-bench-") as directory:
        settings = load_settings(
            use_running=False,
            var_dir=Path(directory) / "var",
            temporal_port=0,
            sftp_port=0,
            smtp_port=0,
            batch_window_seconds=0.5,
            inbox_poll_seconds=0.5,
            simulator_world=_world(Path(directory)),
        )
        with Stack(settings, services=("simulator", "worker")) as stack:
            before = _processor_seconds(stack)
            line = _line(stack.settings, visits)
            after = _processor_seconds(stack)
            for part in after:
                print(f"  {part:<10} {(after[part] - before[part]) / visits * 1000:6.1f} ms of processor per visit")
            stack.stop("worker")
            bare = asyncio.run(_bare(stack.settings, visits))
    print(f"straight through: {visits} visits, intake to paid and closed: {line:.1f} a second")
    print(f"bare workflows of the same shape, empty activities:          {bare:.1f} a second")
    print(f"ratio: {line / bare:.2f}   (aim: 0.60)")


def _processor_seconds(stack: Stack) -> dict[str, float]:
    """User and system time of each part with all its children, and of this process, which does the intake."""
    spent = {name: _tree_seconds(stack.pid(name)) for name in stack.parts}
    return spent | {"intake": sum(psutil.Process().cpu_times()[:2])}


def _tree_seconds(pid: int) -> float:
    parent = psutil.Process(pid)
    return sum(sum(process.cpu_times()[:4]) for process in [parent, *parent.children(recursive=True)])


def _world(directory: Path) -> Path:
    """Payers who pay everything and leave nothing to the patient."""
    path = directory / "world.json"
    path.write_text(
        '{"mix": {"paid": 1, "partial": 0, "denied": 0, "rejected": 0, "lost": 0, "late": 0, "reversed": 0},'
        ' "patient_share": 0, "duplicate_share": 0}'
    )
    return path


def _line(settings: Settings, visits: int) -> float:
    from activities.intake import receive
    from activities.practice_file import load_practice
    from billing.practice import Practice
    from clients import make_engine
    from simulator.clinic import practice, volume

    today = datetime.now(UTC).date()
    engine = make_engine(settings.app_database_url, pool_size=2)
    loaded = Practice.model_validate(practice(today))
    practice_id = load_practice(engine, loaded, batch_window_seconds=0.5, inbox_poll_seconds=0.5)
    sent = list(volume(7, today, visits))
    began = time.perf_counter()
    receive(engine, practice_id, "bench", sent)
    print(f"  intake of {visits} visits took {time.perf_counter() - began:.1f} s of it")
    _wait_until_closed(engine, practice_id, visits)
    return visits / (time.perf_counter() - began)


def _wait_until_closed(engine: Engine, practice_id: UUID, visits: int) -> None:
    from models.store.session import practice_session

    deadline = time.perf_counter() + GIVE_UP_SECONDS
    while time.perf_counter() < deadline:
        with practice_session(engine, practice_id) as session:
            closed = session.scalar(text("SELECT count(*) FROM encounters WHERE closed_as = 'paid'"))
        if closed == visits:
            return
        time.sleep(0.2)
    with practice_session(engine, practice_id) as session:
        stages = session.execute(text("SELECT stage, closed_as, count(*) FROM encounters GROUP BY 1, 2")).all()
    raise SystemExit(f"only {closed} of {visits} visits were paid within {GIVE_UP_SECONDS:.0f} s: {stages}")


async def _bare(settings: Settings, count: int) -> float:
    from concurrent.futures import ThreadPoolExecutor

    from clients import connect_temporal
    from worker import workflow_runner

    client = await connect_temporal(settings)
    with ThreadPoolExecutor(20) as threads:
        worker = Worker(
            client,
            task_queue=BARE_QUEUE,
            workflows=[BareWorkflow],
            activities=[nothing],
            activity_executor=threads,
            workflow_runner=workflow_runner(),
        )
        async with worker:
            began = time.perf_counter()
            ids = [f"bare/{uuid4()}" for _ in range(count)]
            await _in_turn(client, ids)
            return count / (time.perf_counter() - began)


async def _in_turn(client: Client, ids: Sequence[str]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(workflow_id: str) -> None:
        async with gate:
            handle = await client.start_workflow(BareWorkflow.run, "", id=workflow_id, task_queue=BARE_QUEUE)
            await handle.signal(BareWorkflow.recheck)
            await handle.result()

    await asyncio.gather(*(one(workflow_id) for workflow_id in ids))


if __name__ == "__main__":
    main()
