"""A frozen worker does not sit on rows that others wait for."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.store.session import practice_session
from models.tables.practice import PracticeRow
from tests.models.test_guards import a_practice


def locked(session: Session, practice_id: UUID) -> PracticeRow:
    return session.get_one(PracticeRow, practice_id, with_for_update=True)


def freeze_while_somebody_waits(engine: Engine, practice_id: UUID, waiting: threading.Thread) -> None:
    with practice_session(engine, practice_id) as frozen:
        frozen.execute(text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))  # sooner, for the test
        locked(frozen, practice_id)
        waiting.start()
        waiting.join()
        frozen.scalar(text("SELECT 1"))


def test_every_connection_has_a_limit_to_how_long_it_may_sit_in_a_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        limit = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert limit == "2min"


def test_a_transaction_that_nobody_goes_on_with_is_ended_and_gives_its_rows_back(engine: Engine) -> None:
    practice_id = a_practice(engine, "one")
    got_it = threading.Event()

    def wait_for_it() -> None:
        with practice_session(engine, practice_id) as second:
            second.execute(text("SET LOCAL lock_timeout = '20s'"))
            locked(second, practice_id)
            got_it.set()

    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        freeze_while_somebody_waits(engine, practice_id, threading.Thread(target=wait_for_it))
    assert got_it.is_set()
