"""Pooled connections: used without being asked first, and never handed out dead."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

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
