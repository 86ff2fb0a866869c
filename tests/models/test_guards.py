"""What the database itself refuses, whatever the code forgets."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from activities import intake
from activities.practice_file import load_practice
from billing.practice import Practice
from embedded import Postgres
from models.migrations import configuration, upgrade
from models.migrations.guards import APPEND_ONLY, WITHOUT_ROW_SECURITY
from models.store import ledger
from models.store.life import audit, record
from models.store.session import practice_session
from models.tables.base import Base
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from settings import OWNER_ROLE
from simulator.clinic import practice, volume
from tests.conftest import Database
from tests.line import TODAY

OF_PRACTICE = sorted(
    name for name, table in Base.metadata.tables.items() if "practice_id" in table.columns or name == "practices"
)


def a_practice(engine: Engine, name: str) -> UUID:
    """A practice with visits received."""
    file = practice(TODAY) | {"practice_id": name}
    file["users"] = [{**user, "email": f"{name}.{user['email']}", "password": None} for user in file["users"]]
    loaded = Practice.model_validate(file)
    practice_id = load_practice(engine, loaded, batch_window_seconds=1, inbox_poll_seconds=1)
    intake.receive(engine, practice_id, "test", list(volume(7, TODAY, 2)))
    return practice_id


def counts(engine: Engine, practice_id: UUID | None) -> dict[str, int]:
    """How many rows of each table a session sees."""
    with Session(engine) as session, session.begin():
        if practice_id is not None:
            session.execute(text("SELECT set_config('app.practice_id', :id, true)"), {"id": str(practice_id)})
        return {name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in OF_PRACTICE}


def test_a_practice_sees_its_own_rows_and_nobody_elses(engine: Engine, owner_engine: Engine) -> None:
    one, two = a_practice(engine, "one"), a_practice(engine, "two")
    with owner_engine.connect() as everything:
        for name in set(OF_PRACTICE) - WITHOUT_ROW_SECURITY:
            column = "id" if name == "practices" else "practice_id"
            real = everything.scalar(text(f"SELECT count(*) FROM {name} WHERE {column} = :id"), {"id": one})
            assert counts(engine, one)[name] == real, name
    seen = counts(engine, one)
    assert seen["encounters"] == seen["encounter_versions"] == 2
    assert seen["practices"] == 1
    assert two != one


def test_a_session_without_a_practice_sees_nothing(engine: Engine) -> None:
    a_practice(engine, "one")
    seen = counts(engine, None)
    assert {name for name, count in seen.items() if count} <= WITHOUT_ROW_SECURITY
    assert counts(engine, uuid4())["encounters"] == 0


def test_nothing_can_be_written_for_another_practice(engine: Engine) -> None:
    one, two = a_practice(engine, "one"), a_practice(engine, "two")
    with pytest.raises(ProgrammingError, match="row-level security"), practice_session(engine, one) as session:
        record(session, two, "encounter.received", "not ours")


def test_every_table_of_a_practice_is_guarded(engine: Engine, owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        guarded = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relrowsecurity")))
    assert set(OF_PRACTICE) - guarded == WITHOUT_ROW_SECURITY
    assert set(inspect(engine).get_table_names()) - {"alembic_version"} == set(Base.metadata.tables)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_only_grows(engine: Engine, table: str) -> None:
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET practice_id = practice_id"):
        with pytest.raises(ProgrammingError, match="permission denied"), Session(engine) as session:
            session.execute(text(statement))


def test_a_ledger_transaction_that_does_not_balance_is_refused_by_the_database(engine: Engine) -> None:
    practice_id = a_practice(engine, "one")
    legs = [(ledger.CASH, Decimal("10.00")), (ledger.REVENUE, Decimal("-9.00"))]
    with pytest.raises(ValueError, match="differ by 1"), practice_session(engine, practice_id) as session:
        ledger.post(session, practice_id, "k", "charge", TODAY, legs)

    with pytest.raises(IntegrityError, match="does not balance"):
        _write_past_the_code(engine, practice_id, legs)


def _write_past_the_code(engine: Engine, practice_id: UUID, legs: list[tuple[str, Decimal]]) -> None:
    transaction_id = uuid4()
    with practice_session(engine, practice_id) as session:
        session.add(
            LedgerTransactionRow(
                id=transaction_id,
                practice_id=practice_id,
                business_key="k",
                kind="charge",
                occurred_on=TODAY,
                memo="",
            )
        )
        session.flush()
        for account, amount in legs:
            session.add(
                LedgerEntryRow(practice_id=practice_id, transaction_id=transaction_id, account=account, amount=amount)
            )


def test_the_same_business_key_is_posted_once(engine: Engine) -> None:
    practice_id = a_practice(engine, "one")
    legs = [(ledger.CASH, Decimal("10.00")), (ledger.REVENUE, Decimal("-10.00"))]
    for expected in (True, False):
        with practice_session(engine, practice_id) as session:
            assert ledger.post(session, practice_id, "835/x/1", "remittance", TODAY, legs) is expected


def test_the_audit_chain_is_whole_until_somebody_tampers(engine: Engine, owner_engine: Engine) -> None:
    practice_id = a_practice(engine, "one")
    for number in range(4):
        with practice_session(engine, practice_id) as session:
            audit(session, practice_id, "user/x", "saw.patient", f"patient/{number}", {"at": str(datetime.now(UTC))})

    def breaks() -> list[int]:
        with practice_session(engine, practice_id) as session:
            return list(session.scalars(text("SELECT * FROM audit_breaks()")))

    assert breaks() == []
    with owner_engine.begin() as owner:
        owner.execute(text("UPDATE audit_log SET subject = 'patient/9' WHERE subject = 'patient/1'"))
    changed = breaks()
    assert len(changed) == 1
    with owner_engine.begin() as owner:
        owner.execute(text("UPDATE audit_log SET subject = 'patient/1' WHERE subject = 'patient/9'"))
        assert breaks() == changed  # not yet committed
    assert breaks() == []
    with owner_engine.begin() as owner:
        owner.execute(text("DELETE FROM audit_log WHERE subject = 'patient/2'"))
    assert len(breaks()) == 1


def test_the_tables_are_what_the_code_says_and_can_be_taken_back(postgres: Postgres, database: Database) -> None:
    config = configuration(database.owner_url)
    command.check(config)  # no difference between models and migrations
    command.downgrade(config, "base")
    upgrade(database.owner_url)
    command.check(config)
    assert OWNER_ROLE in database.owner_url


def test_the_app_may_not_change_its_own_rights(engine: Engine) -> None:
    for statement in (
        "ALTER TABLE encounters DISABLE ROW LEVEL SECURITY",
        "DROP TRIGGER ledger_balances ON ledger_entries",
    ):
        with pytest.raises(DBAPIError, match="must be owner"), Session(engine) as session:
            session.execute(text(statement))
