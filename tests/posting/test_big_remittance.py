"""A remittance of two thousand claims: posted in steps, gone on with where a kill broke it off, nothing twice."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text

from activities import posting
from activities.practice_file import load_practice
from billing.practice import Practice
from embedded import ROOT
from models.messages import LookAtFile
from models.store.session import practice_session
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from models.tables.remittances import RemittanceClaimRow, RemittanceRow
from simulator.clinic import practice
from tests.conftest import Database
from tests.line import TODAY
from tests.posting.many_claims import keep, many_claims, numbers, payment

CLAIMS = 2_000
KILLED_IN_CHUNK = 8

POSTING = """
import os, signal, sys
from datetime import UTC, datetime
from uuid import UUID
from activities import posting
from clients import make_engine
from models.messages import LookAtFile
from models.store.session import practice_session
from models.tables.remittances import InboundFileRow

address, practice_id, file_id, fatal = sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3]), int(sys.argv[4])
engine = make_engine(address, pool_size=2)
post, done = posting._post_chunk, []


def post_and_die(session, *given):
    post(session, *given)
    session.flush()
    done.append(1)
    if len(done) == fatal:
        os.kill(os.getpid(), signal.SIGKILL)


posting._post_chunk = post_and_die
with practice_session(engine, practice_id) as session:
    content = session.get_one(InboundFileRow, file_id).content
look = LookAtFile(practice_id=practice_id, inbound_file_id=file_id, now=datetime.now(UTC))
posting.post_file(engine, look, content)
"""


@pytest.fixture
def practice_id(engine: Engine) -> UUID:
    return load_practice(engine, Practice.model_validate(practice(TODAY)), batch_window_seconds=1, inbox_poll_seconds=1)


def posted(engine: Engine, practice_id: UUID) -> int:
    with practice_session(engine, practice_id) as session:
        query = select(func.count()).select_from(RemittanceClaimRow).where(RemittanceClaimRow.status == "posted")
        return session.scalar(query) or 0


def test_a_kill_in_the_middle_costs_one_step_and_posts_nothing_twice(
    engine: Engine, database: Database, practice_id: UUID
) -> None:
    many_claims(engine, practice_id, CLAIMS)
    content = payment(numbers(CLAIMS))
    look = LookAtFile(
        practice_id=practice_id, inbound_file_id=keep(engine, practice_id, content), now=datetime.now(UTC)
    )
    killed = post_in_a_process(database, look, fatal_chunk=KILLED_IN_CHUNK)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert posted(engine, practice_id) == (KILLED_IN_CHUNK - 1) * posting.CLAIMS_PER_TRANSACTION
    for _ in range(2):  # the reading is repeated, and then once more for nothing
        posting.post_file(engine, look, content)
        assert posted(engine, practice_id) == CLAIMS
        assert_each_posted_once(engine, practice_id)


def post_in_a_process(database: Database, look: LookAtFile, fatal_chunk: int) -> subprocess.CompletedProcess[str]:
    """Post the file in a process of its own, which is killed within that chunk."""
    arguments = [database.app_url, str(look.practice_id), str(look.inbound_file_id), str(fatal_chunk)]
    command = [sys.executable, "-c", POSTING, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("claims", [500, 1_500])
def test_a_large_payment_reads_no_more_of_the_ledger_per_claim_than_a_small_one(
    engine: Engine, database: Database, owner_engine: Engine, practice_id: UUID, claims: int
) -> None:
    """The tables have no statistics here, as on a new installation: the plans have to be good without."""
    many_claims(engine, practice_id, claims)
    content = payment(numbers(claims))
    look = LookAtFile(
        practice_id=practice_id, inbound_file_id=keep(engine, practice_id, content), now=datetime.now(UTC)
    )
    posting.post_file(engine, look, content)
    engine.dispose()  # a connection that ends says what it read
    read = """
      SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = 'ledger_entries')
           + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'ledger_entries')"""
    with owner_engine.connect() as connection:
        entries = connection.scalar(text("SELECT count(*) FROM ledger_entries"))
        assert 0 < connection.scalar(text(read)) < 6 * entries


def assert_each_posted_once(engine: Engine, practice_id: UUID) -> None:
    with practice_session(engine, practice_id) as session:
        row = session.scalars(select(RemittanceRow)).one()
        assert (row.status, row.claim_count) == ("posted", CLAIMS)
        cash = select(func.sum(LedgerEntryRow.amount)).where(LedgerEntryRow.account == "cash")
        assert session.scalar(cash) == row.payment_amount
        transactions = select(func.count()).select_from(LedgerTransactionRow)
        assert session.scalar(transactions.where(LedgerTransactionRow.kind == "remittance")) == 2 * CLAIMS
        assert session.scalar(text("SELECT count(*) FROM adjustments")) == 3 * CLAIMS
        assert session.scalar(text("SELECT sum(amount) FROM ledger_entries")) == 0


def test_a_payment_that_does_not_add_up_is_held_whole_and_posted_whole(engine: Engine, practice_id: UUID) -> None:
    many_claims(engine, practice_id, 250)
    content = payment(numbers(250), off_by="1.00")
    look = LookAtFile(
        practice_id=practice_id, inbound_file_id=keep(engine, practice_id, content), now=datetime.now(UTC)
    )
    for _ in range(2):
        posting.post_file(engine, look, content)
    with practice_session(engine, practice_id) as session:
        row = session.scalars(select(RemittanceRow)).one()
        held = session.scalars(select(RemittanceClaimRow.ordinal).where(RemittanceClaimRow.status == "held")).all()
        assert (row.status, sorted(held)) == ("held", list(range(1, 251)))
        row.status = "posting"  # a person decided so
    posting.post_file(engine, look, content)
    assert posted(engine, practice_id) == 250


def test_the_claims_of_each_remittance_of_a_file_are_its_own() -> None:
    content = payment(numbers(3), trace="A") + payment(numbers(205), trace="B") + payment([], trace="C")
    sizes = [[len(chunk) for chunk in chunks] for chunks in posting.claims_of(content, 3)]
    assert sizes == [[3], [100, 100, 5], []]
    passed_over = [next(chunks, [(0, None)])[0][0] for chunks in posting.claims_of(content, 3)]
    assert passed_over == [1, 1, 0]
    assert [found.claim_count for found in posting.survey(content)] == [3, 205, 0]
