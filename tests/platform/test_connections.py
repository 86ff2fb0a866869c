"""Pooled connections: used without being asked first, and never handed out dead."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import NotSupportedError, OperationalError

from clients import make_engine
from tests.conftest import Database


@pytest.fixture
def pooled(database: Database) -> Iterator[Engine]:
    engine = make_engine(database.app_url, pool_size=1)
    yield engine
    engine.dispose()


def process_of(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_a_connection_that_the_server_ended_is_not_handed_out(pooled: Engine, engine: Engine) -> None:
    ended = process_of(pooled)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": ended})
    assert process_of(pooled) != ended


def test_one_that_was_used_just_now_is_not_asked_again(pooled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(pooled.dialect, "do_ping", asked.append)
    first = process_of(pooled)
    assert (process_of(pooled), asked) == (first, [])


def test_one_that_lay_idle_for_long_is_asked(pooled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(pooled.dialect, "do_ping", asked.append)
    monkeypatch.setattr("clients.POOL_TRUSTED_SECONDS", 0)
    process_of(pooled)
    process_of(pooled)
    assert len(asked) == 1


ASKED = "SELECT count(*) FROM practices WHERE name = %s"


def test_a_rollback_takes_everything_back_but_what_postgres_has_planned(pooled: Engine) -> None:
    for _ in range(8):  # from the sixth time on it is prepared
        with pooled.begin() as connection:
            connection.exec_driver_sql(ASKED, ("x",))
    with pooled.connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE made (n int)")
        connection.rollback()
        assert connection.exec_driver_sql("SELECT to_regclass('made')").scalar() is None
    with pooled.connect() as connection:  # closed without a word, which rolls back too
        planned = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT count(*) FROM prac%'")
        assert connection.execute(planned).scalar() == 1


@pytest.mark.parametrize("act", [Connection.rollback, Connection.commit, lambda told: told.execute(text("SELECT 1"))])
def test_a_server_gone_within_a_transaction_is_said_and_the_next_has_another(
    pooled: Engine, engine: Engine, act: Callable[[Connection], Any]
) -> None:
    ended = process_of(pooled)

    def lose_it_on_the_way() -> None:
        with pooled.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) == ended
            with engine.begin() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": ended})
            act(connection)

    with pytest.raises(OperationalError):
        lose_it_on_the_way()
    assert process_of(pooled) != ended


def test_a_migration_while_the_application_runs_costs_one_answer_not_all(pooled: Engine, owner_engine: Engine) -> None:
    with owner_engine.begin() as owner:
        owner.execute(text("CREATE TABLE grows (n int)"))
        owner.execute(text("GRANT SELECT ON grows TO PUBLIC"))

    def ask() -> int:
        with pooled.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return len(connection.exec_driver_sql("SELECT * FROM grows WHERE n > %s", (0,)).keys())

    assert [ask() for _ in range(12)] == [1] * 12
    with owner_engine.begin() as owner:
        owner.execute(text("ALTER TABLE grows ADD COLUMN m int"))
    with pytest.raises(NotSupportedError, match="cached plan"):
        ask()
    assert ask() == 2
