"""How fast a large remittance is posted, and whether it stays so: seconds and memory for every thousand claims.

`python -m benchmarks.posting [claims]` starts a Postgres of its own (as `firstpass up` has it), makes as many accepted
claims, and posts the payment for all of them in a process of its own. Then one bare loop of the driver inserts the very
same rows, as ready texts, in transactions of the same size, into tables with the same columns and indexes. Read the
ratio; the machine is shared.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql
from temporalio import activity

from activities import posting
from activities.practice_file import load_practice
from billing.practice import Practice
from clients import make_engine
from embedded import Postgres
from models.messages import LookAtFile
from models.migrations import upgrade
from models.store.session import practice_session
from models.tables.remittances import InboundFileRow
from settings import APP_ROLE, OWNER_ROLE
from simulator.clinic import practice
from tests.posting.many_claims import keep, many_claims, numbers, payment

CLAIMS = 20_000
DATABASE = "bench"
PASSWORD = "only-here"
WRITTEN = {
    "remittance_claims": "true",
    "adjustments": "true",
    "ledger_transactions": "kind = 'remittance'",
    "ledger_entries": "transaction_id IN (SELECT id FROM ledger_transactions WHERE kind = 'remittance')",
    "events": "kind = 'claim.paid'",
    "outbox": "workflow_type = 'EncounterWorkflow' AND signal IS NOT NULL",
}
"""What posting inserts, and which rows of it."""


def main(claims: int) -> None:
    """Post, insert, compare."""
    with tempfile.TemporaryDirectory(prefix="firstpass-bench-") as directory, _postgres(Path(directory)) as server:
        address = server.url(DATABASE, APP_ROLE)
        practice_id, file_id, size = _prepare(address, claims)
        print(f"835: {claims:,} claims x 2 lines, {size / 1e6:.1f} MB, {posting.CLAIMS_PER_TRANSACTION} a transaction")
        seconds = _posted(address, practice_id, file_id)
        rows, bare = _bare(server, claims)
    print(f"posted in {seconds:.1f} s: {claims / seconds:,.0f} claims a second")
    print(f"the same {rows:,} rows, bare inserts: {bare:.1f} s")
    print(f"ratio: {bare / seconds:.2f} of the bare inserts")


@contextmanager
def _postgres(directory: Path) -> Iterator[Postgres]:
    server = Postgres(directory / "data", directory / "postgres.log", password=PASSWORD)
    server.start()
    try:
        for role in (OWNER_ROLE, APP_ROLE):
            server.ensure_role(role, PASSWORD)
        server.ensure_database(DATABASE, OWNER_ROLE)
        upgrade(server.url(DATABASE, OWNER_ROLE))
        yield server
    finally:
        server.stop()


def _prepare(address: str, claims: int) -> tuple[UUID, UUID, int]:
    engine = make_engine(address, pool_size=2)
    loaded = Practice.model_validate(practice(datetime.now(UTC).date()))
    practice_id = load_practice(engine, loaded, batch_window_seconds=1, inbox_poll_seconds=1)
    many_claims(engine, practice_id, claims)
    content = payment(numbers(claims))
    file_id = keep(engine, practice_id, content)
    engine.dispose()
    return practice_id, file_id, len(content)


def _posted(address: str, practice_id: UUID, file_id: UUID) -> float:
    """Seconds the posting process took; prints what it said of every thousand claims."""
    command = [sys.executable, "-m", "benchmarks.posting", "--child", address, str(practice_id), str(file_id)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    told = json.loads(done.stdout)
    print(f"{'claims':>8}{'s per 1,000':>13}{'processor':>11}{'memory MB':>11}")
    for mark in told["marks"]:
        print(f"{mark['claims']:>8,.0f}{mark['seconds']:>13.2f}{mark['processor']:>11.2f}{mark['memory']:>11.0f}")
    return float(told["seconds"])


class _Marks(logging.Handler):
    """Takes the time whenever the log says how far posting has come."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[dict[str, float]] = []
        self._before = time.perf_counter(), time.process_time()

    def emit(self, record: logging.LogRecord) -> None:
        now = time.perf_counter(), time.process_time()
        seconds, processor = (after - before for after, before in zip(now, self._before, strict=True))
        self._before = now
        assert isinstance(record.args, tuple)
        claims = float(str(record.args[1]))
        self.marks.append({"claims": claims, "seconds": seconds, "processor": processor, "memory": _memory()})


def _memory() -> float:
    """What this process holds now, in MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _child(address: str, practice_id: UUID, file_id: UUID) -> None:
    engine = make_engine(address, pool_size=2)
    with practice_session(engine, practice_id) as session:
        content = session.get_one(InboundFileRow, file_id).content
    marks = _Marks()
    logger = activity.logger.logger
    logger.addHandler(marks)
    logger.setLevel(logging.INFO)
    began = time.perf_counter()
    look = LookAtFile(practice_id=practice_id, inbound_file_id=file_id, now=datetime.now(UTC))
    posting.post_file(engine, look, content)
    print(json.dumps({"seconds": time.perf_counter() - began, "marks": marks.marks}))


def _bare(server: Postgres, claims: int) -> tuple[int, float]:
    """Rows inserted, and the seconds it took: nothing is read, matched or decided."""
    with server.connect(DATABASE) as connection:
        rows = {table: _rows(connection, table, which) for table, which in WRITTEN.items()}
        statements = {table: _insert(connection, table) for table in rows}
    transactions = -(-claims // posting.CLAIMS_PER_TRANSACTION)
    count = sum(len(found) for found in rows.values())
    streams = {table: iter(found) for table, found in rows.items()}
    shares = {table: -(-len(found) // transactions) for table, found in rows.items()}
    began = time.perf_counter()
    with server.connect(DATABASE) as connection:
        for _ in range(transactions):
            with connection.transaction(), connection.cursor() as cursor:
                for table, stream in streams.items():
                    cursor.executemany(statements[table], list(islice(stream, shares[table])))
    return count, time.perf_counter() - began


def _columns(connection: psycopg.Connection, table: str) -> list[sql.Identifier]:
    found = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(table)))
    assert found.description is not None
    return [sql.Identifier(column.name) for column in found.description]


def _rows(connection: psycopg.Connection, table: str, which: str) -> list[tuple[str, ...]]:
    """Every value as text, in the order it was written."""
    columns = sql.SQL(", ").join(sql.SQL("{}::text").format(name) for name in _columns(connection, table))
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(columns, sql.Identifier(table), sql.SQL(which))
    return connection.execute(query).fetchall()


def _insert(connection: psycopg.Connection, table: str) -> sql.Composed:
    """An insert into an empty table of the same shape."""
    bare = sql.Identifier(f"bare_{table}")
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(bare, sql.Identifier(table)))
    columns = _columns(connection, table)
    places = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(bare, sql.SQL(", ").join(columns), places)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], UUID(sys.argv[3]), UUID(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else CLAIMS)
