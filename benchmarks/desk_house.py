"""A practice with a full desk, and the web application serving it from a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from socket import create_server, socket
from uuid import UUID, uuid4

import psutil
import uvicorn
from sqlalchemy import Engine, insert, select, text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.intake import receive
from activities.practice_file import load_practice
from billing import icd10
from billing.practice import Practice
from billing.vocabulary import Queue, Role
from commands.processes import loading
from embedded import LOCALHOST
from models.store.session import practice_session
from models.tables.access import SessionRow, UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from settings import Settings
from simulator.clinic import practice, volume
from web import templating
from web.app import create_app
from web.sessions import hash_token

QUEUE = Queue.SCRUB.value
CSRF = "csrf"
READY_SECONDS = 60.0
# Items of every queue, as people left them: every ninth owned, every eleventh asleep.
FILL = text(
    """
    INSERT INTO work_items (id, practice_id, subject, queue, kind, workflow_id, reason, clears_when, whose_move,
      findings, amount, escalated, version, opened_at, due_at, rank_at, rank_steps, owner_id, snoozed_until)
    SELECT gen_random_uuid(), :practice, 'bench/' || n, (CAST(:queues AS text[]))[1 + n % cardinality(:queues)],
      'bench', 'bench/' || n, 'A modifier is missing on line ' || n % 7 || '.', 'the modifier is there', 'biller', '[]',
      40 + n % 900, false, 1, now() - n % 20000 * interval '1 minute', now() + n % 9000 * interval '1 minute',
      now() + n * 7 % 9000 * interval '1 minute', '["due soon"]',
      CASE WHEN n % 9 = 0 THEN (CAST(:people AS uuid[]))[1 + n % cardinality(:people)] END,
      CASE WHEN n % 11 = 0 THEN now() + interval '2 days' END
    FROM generate_series(0, :items - 1) AS n
    """
)


@dataclass(frozen=True)
class House:
    """A full desk. tokens: a log-in for each operator. visits: how many items of QUEUE can be decided."""

    practice_id: UUID
    tokens: list[str]
    visits: int


def fill(engine: Engine, items: int, operators: int, visits: int) -> House:
    """Load the practice, its operators, some real visits to decide on, and open items in every queue."""
    today, now = datetime.now(UTC).date(), datetime.now(UTC)
    practice_id = load_practice(
        engine, Practice.model_validate(practice(today)), batch_window_seconds=1, inbox_poll_seconds=1
    )
    tokens = [f"token-{uuid4()}" for _ in range(operators)]
    people = [
        {"id": uuid4(), "practice_id": practice_id, "email": f"o{n}@bench.example", "name": f"Operator {n}"}
        | {"role": (Role.SUPERVISOR if n % 10 == 9 else Role.BILLER).value}  # who reassigns is given all the names too
        for n in range(operators)
    ]
    with practice_session(engine, practice_id) as session:
        session.execute(insert(UserRow), people)
        session.execute(
            insert(SessionRow),
            [
                {"practice_id": practice_id, "token_hash": hash_token(token), "user_id": person["id"]}
                | {"csrf_token": CSRF, "last_seen_at": now, "expires_at": now + timedelta(hours=9)}
                for token, person in zip(tokens, people, strict=True)
            ],
        )
    receive(engine, practice_id, "bench", list(volume(7, today, visits)))  # foreseen in full, so they must be real
    with practice_session(engine, practice_id) as session:
        queues = [queue.value for queue in Queue]
        ids = [person["id"] for person in people]
        session.execute(FILL, {"practice": practice_id, "queues": queues, "people": ids, "items": items})
        decidable = [_decidable(practice_id, visit, now) for visit in session.scalars(select(EncounterRow.id))]
        session.execute(insert(WorkItemRow), decidable)
    return House(practice_id, tokens, len(decidable))


def _decidable(practice_id: UUID, visit: UUID, now: datetime) -> dict[str, object]:
    return {
        "practice_id": practice_id,
        "encounter_id": visit,
        "subject": f"encounter/{visit}",
        "queue": QUEUE,
        "kind": "bench",
        "workflow_id": f"encounter/{visit}",
        "reason": "A modifier is missing.",
        "clears_when": "the modifier is there",
        "whose_move": "biller",
        "amount": 40,  # what a biller may write off
        "opened_at": now - timedelta(days=2),
        "due_at": now,
        "rank_at": now - timedelta(days=1),
        "rank_steps": ["due soon"],
    }


class Timed:
    """Says in each answer how long the application had the request: until the answer began, waits included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = f"app;dur={(time.perf_counter() - began) * 1000:.2f}"
                message["headers"] = [*message["headers"], (b"server-timing", took.encode())]
            await send(message)

        await self._app(scope, receive, timed)


@dataclass(frozen=True)
class Served:
    """The application in its process. address: where it answers."""

    address: str
    process: psutil.Process

    def processor_seconds(self) -> float:
        """How much processor time it used so far."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def served(settings: Settings) -> Iterator[Served]:
    """Serve from one process, as `firstpass web` does, apart from the one that asks."""
    with create_server((LOCALHOST, 0)) as listening:
        # not forked: this process has threads and connections of its own
        child = get_context("spawn").Process(target=_serve, args=(settings.model_dump(), listening), daemon=True)
        child.start()
        assert child.pid is not None
        try:
            yield Served(f"http://{LOCALHOST}:{listening.getsockname()[1]}", psutil.Process(child.pid))
        finally:
            child.terminate()
            child.join(10)


def _serve(settings: dict[str, object], listening: socket) -> None:
    with loading():
        app = Timed(create_app(Settings.model_validate(settings)))
        icd10.load()
        templating.load()  # as a process has done that serves for a while
    uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)).run(sockets=[listening])
