"""Open authorizations on the embedded stack: memory of each, and how fast a morning on which all are due is worked off.

`python -m benchmarks.authorizations [count] [woken]` starts the embedded stack (Postgres, Temporal, worker; all here),
loads so many authorizations (their rows by the thousand, the word to each workflow through the outbox as ever), waits
until each has been looked at and sleeps, and reads the memory of the Temporal server and of the worker. It times the
supervisor's horizon over all of them beside the bare reading of their rows. Then the time of all (or of so many) is
moved to the morning their re-authorization opens, as fast as Temporal takes it, and it waits until each has its case.
On a real morning the looks are spread over half an hour; the rate measured is compared with that. The machine is
shared, so the rates are a floor.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import Engine, text
from temporalio.testing import TimeSkipper

from embedded import Stack
from settings import Settings, load_settings

if TYPE_CHECKING:
    from web.viewer import Viewer

COUNT = 500
CHUNK = 1_000
PAGES = 20
LENGTH_DAYS = 40
AT_ONCE = 50
GIVE_UP_SECONDS = 1_200.0
IDLE_PERCENT = 10.0
MEGABYTE = 1024 * 1024


def main() -> None:
    """Load, sleep, wake; print memory and rates."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    woken_count = int(sys.argv[2]) if len(sys.argv) > 2 else count
    with tempfile.TemporaryDirectory(prefix="firstpass-bench-") as directory:
        settings = load_settings(
            use_running=False, var_dir=Path(directory) / "var", temporal_port=0, sftp_port=0, smtp_port=0
        )
        with Stack(settings, services=("worker",)) as stack:
            _measure(stack, count, min(woken_count, count))


def _measure(stack: Stack, count: int, woken_count: int) -> None:
    from clients import make_engine

    engine = make_engine(stack.settings.app_database_url, pool_size=2)
    _wait_idle(stack)
    before = _memory(stack)
    began = time.perf_counter()
    practice_id = _load(engine, count)
    print(f"loaded {count} authorizations in {time.perf_counter() - began:.1f} s")
    _wait(engine, practice_id, "SELECT count(*) FROM outbox WHERE state <> 'done'", 0)
    _wait_idle(stack)
    print(f"all started and looked at after {time.perf_counter() - began:.1f} s")
    after = _memory(stack)
    for part in ("temporal", "worker"):
        each = (after[part] - before[part]) / count * 1024
        print(f"  {part:<9} {before[part]:7.1f} MB -> {after[part]:7.1f} MB: {each:5.1f} KB per open authorization")
    _horizon(engine, practice_id)
    ids = _ids(engine, practice_id)
    _print_spread(ids)
    began = time.perf_counter()
    asyncio.run(_wake(stack.settings, ids[:woken_count]))
    moved = time.perf_counter() - began
    _wait(engine, practice_id, "SELECT count(*) FROM authorization_cases", woken_count)
    drained = time.perf_counter() - began
    rate = woken_count / drained
    print(f"time moved for {woken_count} in {moved:.1f} s; their cases open after {drained:.1f} s: {rate:.1f} a second")
    each_second = count / 1800
    print(f"spread over half an hour they come at {each_second:.1f} a second, {rate / each_second:.1f} times slower")
    woken = _memory(stack)
    print("  after the morning: " + ", ".join(f"{part} {woken[part]:.1f} MB" for part in ("temporal", "worker")))


def _memory(stack: Stack) -> dict[str, float]:
    """Resident megabytes of each part with its children."""
    return {name: _tree(stack.pid(name)) for name in stack.parts}


def _tree(pid: int) -> float:
    parent = psutil.Process(pid)
    return float(sum(one.memory_info().rss for one in [parent, *parent.children(recursive=True)])) / MEGABYTE


def _load(engine: Engine, count: int) -> UUID:
    """The rows by the thousand, each with the word that starts its workflow; the relay carries it as ever."""
    from activities.practice_file import load_practice
    from billing.practice import Practice
    from models.ids import authorization_workflow_id
    from models.messages import AuthorizationRef
    from models.store.bulk import insert_all
    from models.store.life import tell_all
    from models.store.session import practice_session
    from models.tables.authorizations import AuthorizationRow
    from simulator.clinic import practice

    today = datetime.now(UTC).date()
    made = Practice.model_validate(practice(today) | {"authorizations": []})
    practice_id = load_practice(engine, made, batch_window_seconds=60, inbox_poll_seconds=3600)
    for first in range(0, count, CHUNK):
        with practice_session(engine, practice_id) as session:
            plan_id = session.scalar(text("SELECT id FROM plans WHERE external_id = 'copper-choice'"))
            rows = [
                _grant(number, today) | {"practice_id": practice_id, "plan_id": plan_id}
                for number in range(first, min(first + CHUNK, count))
            ]
            insert_all(session, AuthorizationRow, rows)
            told = {
                authorization_workflow_id(row["id"]): AuthorizationRef(
                    practice_id=practice_id, authorization_id=row["id"]
                )
                for row in rows
            }
            tell_all(session, practice_id, "AuthorizationWorkflow", told)
    return practice_id


def _grant(number: int, today: date) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "created_at": datetime.now(UTC),
        "external_id": f"BENCH-{number}",
        "version": 1,
        "number": f"B{number:06d}",
        "kind": "prior_authorization",
        "patient_external_id": f"P-BENCH-{number}",
        "disciplines": ["PT"],
        "unit_of_measure": "visits",
        "quantity": 12,
        "used_before_firstpass": 0,
        "codes": [],
        "code_quantities": {},
        "clinician_npis": [],
        "diagnoses": [],
        "same_day": "per_discipline",
        "effective_from": today - timedelta(days=20),
        "effective_to": today + timedelta(days=LENGTH_DAYS),
        "status": "active",
        "flags": [],
    }


def _horizon(engine: Engine, practice_id: UUID) -> None:
    """The supervisor's page over all of them, beside the bare reading of the same rows."""
    from models.store.session import practice_session
    from web.reads.horizon import WEEKS, horizon

    viewer = _supervisor(engine, practice_id)
    page: list[float] = []
    bare: list[float] = []
    for _ in range(PAGES):
        with practice_session(engine, practice_id) as session:
            began = time.perf_counter()
            session.execute(text("SELECT * FROM authorizations WHERE status IN ('active', 'exhausted')")).all()
            bare.append(time.perf_counter() - began)
        with practice_session(engine, practice_id) as session:
            began = time.perf_counter()
            found = horizon(session, viewer, by_day=False)
            page.append(time.perf_counter() - began)
    median, late = statistics.median(page), statistics.quantiles(page, n=20)[-1]
    said = f"median {median * 1000:.0f} ms, p95 {late * 1000:.0f} ms of {PAGES}"
    ratio = median / statistics.median(bare)
    print(f"horizon of {WEEKS} weeks, {found.count} endings: {said}; {ratio:.1f} times the bare reading of the rows")


def _supervisor(engine: Engine, practice_id: UUID) -> Viewer:
    from billing.desk import rights
    from billing.vocabulary import Role
    from models.store.session import practice_session
    from models.tables.access import UserRow
    from models.tables.practice import PracticeRow
    from web.viewer import Viewer

    with practice_session(engine, practice_id) as session:
        user = session.query(UserRow).filter(UserRow.role == Role.SUPERVISOR.value).limit(1).one()
        practice = session.get_one(PracticeRow, practice_id)
        return Viewer(
            session_id=uuid4(),
            user_id=user.id,
            practice_id=practice_id,
            practice_name=practice.name,
            practice_revision=practice.revision,
            name=user.name,
            email=user.email,
            role=Role.SUPERVISOR,
            rights=rights(Role.SUPERVISOR),
            clinician_id=None,
            csrf_token="",
            zone=ZoneInfo(practice.time_zone),
            seen_at=datetime.now(UTC),
            now=datetime.now(UTC),
        )


def _count(engine: Engine, practice_id: UUID, query: str) -> int:
    from models.store.session import practice_session

    with practice_session(engine, practice_id) as session:
        return int(session.scalar(text(query)) or 0)


def _wait(engine: Engine, practice_id: UUID, query: str, wanted: int) -> None:
    deadline = time.perf_counter() + GIVE_UP_SECONDS
    while (found := _count(engine, practice_id, query)) != wanted:
        if time.perf_counter() > deadline:
            raise SystemExit(f"{query}: still {found}, not {wanted}, after {GIVE_UP_SECONDS:.0f} s")
        time.sleep(1.0)


def _wait_idle(stack: Stack) -> None:
    """Until the worker has nothing to do."""
    worker = psutil.Process(stack.pid("worker"))
    processes = [worker, *worker.children(recursive=True)]
    while True:
        for one in processes:
            one.cpu_percent()
        time.sleep(3.0)
        if sum(one.cpu_percent() for one in processes) < IDLE_PERCENT:
            return


def _ids(engine: Engine, practice_id: UUID) -> list[UUID]:
    from models.store.session import practice_session

    with practice_session(engine, practice_id) as session:
        return list(session.scalars(text("SELECT id FROM authorizations")))


def _print_spread(ids: list[UUID]) -> None:
    from activities.authorizations import spread

    minutes = Counter(int(spread(one).total_seconds()) // 60 for one in ids)
    print(f"  one morning's looks: spread over {len(minutes)} minutes, at most {max(minutes.values())} in one")


async def _wake(settings: Settings, ids: list[UUID]) -> None:
    from clients import connect_temporal
    from models.ids import authorization_workflow_id

    client = await connect_temporal(settings)
    skipper, gate = TimeSkipper(client), asyncio.Semaphore(AT_ONCE)

    async def wake(authorization_id: UUID) -> None:
        async with gate:
            handle = client.get_workflow_handle(authorization_workflow_id(authorization_id))
            await skipper.fast_forward(handle, timedelta(days=LENGTH_DAYS - 6))

    await asyncio.gather(*(wake(one) for one in ids))


if __name__ == "__main__":
    main()
