"""Pooled connections: used without being asked first, and never handed out dead."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

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
    with pooled.connect() as connection, pytest.raises(DBAPIError):
        connection.exec_driver_sql("SELECT 1/0")
    with pooled.connect() as connection:  # closed without a word, which rolls back too
        planned = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT count(*) FROM prac%'")
        assert connection.execute(planned).scalar() == 1


def test_a_rollback_that_nobody_answers_is_not_taken_for_one(pooled: Engine, engine: Engine) -> None:
    with pooled.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DBAPIError):
            connection.rollback()
    with pooled.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
