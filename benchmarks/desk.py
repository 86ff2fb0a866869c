"""The desk under load: 100,000 open items, 50 operators, each figure beside the same SQL run bare.

`python -m benchmarks.desk [items] [operators]` starts Postgres and Temporal (both embedded), fills the tables, serves
the web application from one uvicorn process and has the operators list, get the next and decide, all at once. Server
time is measured at the client, so it includes waiting for a core. A decision is measured as people have it: foreseen in
full, then kept for the seconds in which it may be taken back; Temporal hears of it later. Read the ratios: the machine
is shared.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import httpx
import uvicorn
from sqlalchemy import Engine, insert, select, text

from activities.desk import Actor
from activities.desk_next import Wanted, next_item
from activities.intake import receive
from activities.practice_file import load_practice
from billing.practice import Practice
from billing.vocabulary import Queue, Role
from clients import make_engine
from embedded import LOCALHOST, Postgres
from models.migrations import upgrade
from models.store.session import practice_session
from models.tables.access import SessionRow, UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from settings import APP_ROLE, OWNER_ROLE, Settings
from simulator.clinic import practice, volume
from web.app import create_app
from web.sessions import hash_token

ITEMS, OPERATORS, ROUNDS = 100_000, 50, 6
PASSWORD = "only-in-benchmarks"
THINKING_SECONDS = (
    2.0  # an operator reads between two clicks; without it one process is asked for more than it is built for
)
QUEUE = Queue.SCRUB.value


def main() -> None:
    """Fill, serve, ask, print."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    operators = int(sys.argv[2]) if len(sys.argv) > 2 else OPERATORS
    with tempfile.TemporaryDirectory(prefix="firstpass-bench-") as directory:
        server = Postgres(Path(directory) / "data", Path(directory) / "log", password=PASSWORD, durable=True)
        server.start()
        try:
            _measure(server, items, operators)
        finally:
            server.stop()


def _measure(server: Postgres, items: int, operators: int) -> None:
    for role in (OWNER_ROLE, APP_ROLE):
        server.ensure_role(role, PASSWORD)
    server.ensure_database("bench", OWNER_ROLE)
    upgrade(server.url("bench", OWNER_ROLE))
    url = server.url("bench", APP_ROLE)
    engine = make_engine(url, pool_size=10)
    practice_id, tokens = _fill(engine, items, operators)
    owner = make_engine(server.url("bench", OWNER_ROLE), pool_size=1)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE work_items"))
    owner.dispose()
    settings = Settings(app_database_url=url, undo_seconds=10, temporal_address=f"{LOCALHOST}:1")
    with socket.create_server((LOCALHOST, 0)) as listening:
        web = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error", timeout_graceful_shutdown=1))
        thread = Thread(target=web.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        address = f"http://{LOCALHOST}:{listening.getsockname()[1]}"
        asyncio.run(_ask(address, tokens))
        heard = asyncio.run(_hear(address, tokens[0], engine, practice_id))
        web.should_exit = True
        thread.join(10)
    _bare(engine, practice_id, operators)
    _print("commit to another browser", heard, 300)
    engine.dispose()


def _fill(engine: Engine, items: int, operators: int) -> tuple[UUID, list[str]]:
    today = datetime.now(UTC).date()
    practice_id = load_practice(
        engine, Practice.model_validate(practice(today)), batch_window_seconds=1, inbox_poll_seconds=1
    )
    now = datetime.now(UTC)
    queues = [queue.value for queue in Queue]
    tokens = [f"token-{uuid4()}" for _ in range(operators)]
    with practice_session(engine, practice_id) as session:
        people = [
            {"id": uuid4(), "practice_id": practice_id, "email": f"o{n}@bench.example", "name": f"Operator {n}"}
            | {"role": Role.SUPERVISOR.value}
            for n in range(operators)
        ]
        session.execute(insert(UserRow), people)
        session.execute(
            insert(SessionRow),
            [
                {"practice_id": practice_id, "token_hash": hash_token(token), "user_id": person["id"]}
                | {"csrf_token": "csrf", "last_seen_at": now, "expires_at": now + timedelta(hours=9)}
                for token, person in zip(tokens, people, strict=True)
            ],
        )
    # the visits that will be decided: real ones, because a decision is foreseen in full before it waits
    receive(engine, practice_id, "bench", list(volume(7, today, operators * ROUNDS)))
    with practice_session(engine, practice_id) as session:
        visits = session.scalars(select(EncounterRow.id)).all()
        decidable = [
            _item(practice_id, -1 - n, QUEUE, now) | {"encounter_id": visit, "rank_at": now - timedelta(days=1)}
            for n, visit in enumerate(visits)
        ]
        session.execute(insert(WorkItemRow), decidable)
    for begin in range(0, items, 5_000):
        with practice_session(engine, practice_id) as session:
            session.execute(
                insert(WorkItemRow),
                [_item(practice_id, n, queues[n % len(queues)], now) for n in range(begin, min(items, begin + 5_000))],
            )
    return practice_id, tokens


def _item(practice_id: UUID, number: int, queue: str, now: datetime) -> dict[str, object]:
    return {
        "practice_id": practice_id,
        "subject": f"bench/{number}",
        "queue": queue,
        "kind": "bench",
        "workflow_id": f"bench/{number}",
        "reason": f"A modifier is missing on line {number % 7}.",
        "clears_when": "the modifier is there",
        "whose_move": "biller",
        "amount": 40 + number % 900,
        "opened_at": now - timedelta(minutes=number % 20_000),
        "due_at": now + timedelta(minutes=number % 9_000),
        "rank_at": now + timedelta(minutes=number * 7 % 9_000),
        "rank_steps": ["due soon"],
    }


async def _ask(address: str, tokens: Sequence[str]) -> None:
    listed: list[float] = []
    given: list[float] = []
    decided: list[float] = []
    leased: list[str] = []

    async def operator(number: int, token: str) -> None:
        headers = {"X-CSRF-Token": "csrf", "Sec-Fetch-Site": "same-origin"}
        async with httpx.AsyncClient(
            base_url=address, cookies={"firstpass": token}, headers=headers, timeout=60
        ) as client:
            await asyncio.sleep(THINKING_SECONDS * number / len(tokens))
            for _ in range(ROUNDS):
                await _timed(listed, client.get(f"/queues/{QUEUE}"))
                await asyncio.sleep(THINKING_SECONDS)
                answer = await _timed(given, client.post(f"/queues/{QUEUE}/next"))
                item_id = answer.headers["Location"].rsplit("/", 1)[1]
                leased.append(item_id)
                await asyncio.sleep(THINKING_SECONDS)
                form = {"decision": "not_billable", "reason": "bench", "version": "1", "command_id": str(uuid4())}
                await _timed(decided, client.post(f"/items/{item_id}/decide", data=form))
                await asyncio.sleep(THINKING_SECONDS)

    await asyncio.gather(*(operator(number, token) for number, token in enumerate(tokens)))
    _print("list page", listed, 50)
    _print("get next (page and all)", given, 25)
    _print("decide, click to answer", decided, 120)
    twice = [item for item, times in Counter(leased).items() if times > 1]
    print(f"  items leased: {len(leased)}, leased twice: {len(twice)}")


async def _timed(into: list[float], asked: Awaitable[httpx.Response]) -> httpx.Response:
    began = time.perf_counter()
    answer = await asked
    into.append(time.perf_counter() - began)
    assert answer.status_code < 400, answer.text[:300]
    return answer


async def _hear(address: str, token: str, engine: Engine, practice_id: UUID) -> list[float]:
    """From a commit to the word of it in another browser's stream."""
    heard: list[float] = []
    changed = asyncio.Event()

    async def listen() -> None:
        async with (
            httpx.AsyncClient(base_url=address, cookies={"firstpass": token}, timeout=60) as client,
            client.stream("GET", "/events") as stream,
        ):
            async for line in stream.aiter_lines():
                if line == f"event: queue-{QUEUE}":
                    changed.set()

    def change(number: int) -> float:
        with practice_session(engine, practice_id) as session:
            item = session.scalars(select(WorkItemRow).where(WorkItemRow.subject == f"bench/{number * 8 + 2}")).one()
            item.version += 1
        return time.perf_counter()

    listening = asyncio.create_task(listen())
    await asyncio.sleep(1)
    for number in range(30):
        changed.clear()
        committed = await asyncio.to_thread(change, number)
        await asyncio.wait_for(changed.wait(), 10)
        heard.append(time.perf_counter() - committed)
        await asyncio.sleep(0.1)
    listening.cancel()
    return heard


def _bare(engine: Engine, practice_id: UUID, operators: int) -> None:
    """The same SQL alone, one after the other: what the database needs of each figure above."""
    ranked = text(
        "SELECT * FROM work_items WHERE practice_id = :p AND queue = :q AND closed_at IS NULL "
        "AND (snoozed_until IS NULL OR snoozed_until <= now()) ORDER BY rank_at, id LIMIT 51"
    )
    counted = text(
        "SELECT count(*), sum(amount), min(opened_at) FROM work_items WHERE practice_id = :p AND queue = :q "
        "AND closed_at IS NULL AND (snoozed_until IS NULL OR snoozed_until <= now())"
    )
    listed, next_one = [], []
    with practice_session(engine, practice_id) as session:
        user = session.scalars(select(UserRow.id).where(UserRow.name == "Operator 0")).one()
    actor = Actor(practice_id, user, "Operator 0", "o0@bench.example")
    candidates = select(WorkItemRow.id).where(WorkItemRow.queue == QUEUE, WorkItemRow.closed_at.is_(None))
    for _ in range(operators):
        with practice_session(engine, practice_id) as session:
            began = time.perf_counter()
            session.execute(ranked, {"p": practice_id, "q": QUEUE}).all()
            session.execute(counted, {"p": practice_id, "q": QUEUE}).all()
            listed.append(time.perf_counter() - began)
        with practice_session(engine, practice_id) as session:
            now = datetime.now(UTC)
            began = time.perf_counter()
            next_item(session, actor, Wanted((candidates,), timedelta(minutes=10), now.date()), now)
            next_one.append(time.perf_counter() - began)
    _print("bare: the list's rows and sums", listed, 0)
    _print("bare: get next, its statements only", next_one, 0)


def _print(what: str, seconds: Sequence[float], aim_ms: int) -> None:
    ordered = sorted(seconds)
    half, most = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    aim = f"   (aim: p95 < {aim_ms} ms)" if aim_ms else ""
    print(f"{what:<38} p50 {half * 1000:7.1f} ms   p95 {most * 1000:7.1f} ms   n {len(ordered)}{aim}")


if __name__ == "__main__":
    main()
