"""A session that sees one practice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

SET_PRACTICE = text("SELECT set_config('app.practice_id', :id, true)")
_BEGIN = "BEGIN; SELECT set_config('app.practice_id', '{}', true)"


@contextmanager
def practice_session(engine: Engine, practice_id: UUID) -> Iterator[Session]:
    """One transaction as seen by one practice: commits at the end, rolls back on any error.

    The practice is set for the transaction only, so that a pooled connection carries nothing over.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        if not _began(session, practice_id):
            session.execute(SET_PRACTICE, {"id": str(practice_id)})
        yield session


def _began(session: Session, practice_id: UUID) -> bool:
    """Begin and set the practice in one round trip, where psycopg takes one for each.

    False where that did not succeed: asked in the usual way, it fails in the usual way, or has a new connection made.
    """
    beneath: Any = session.connection().connection.driver_connection
    if beneath.pgconn.transaction_status != TransactionStatus.IDLE:
        return False
    try:
        done = beneath.pgconn.exec_(_BEGIN.format(UUID(str(practice_id))).encode())
    except psycopg.Error:
        return False
    return bool(done.status == ExecStatus.TUPLES_OK)


def practice_ids(engine: Engine) -> list[UUID]:
    """All practices, for machinery that serves every one in turn."""
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT practice_id FROM list_practices() ORDER BY 1")))
