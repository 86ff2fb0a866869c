"""A session that sees one practice."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

SET_PRACTICE = text("SELECT set_config('app.practice_id', :id, true)")


@contextmanager
def practice_session(engine: Engine, practice_id: UUID) -> Iterator[Session]:
    """One transaction as seen by one practice: commits at the end, rolls back on any error.

    The practice is set for the transaction only, so that a pooled connection carries nothing over.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.execute(SET_PRACTICE, {"id": str(practice_id)})
        yield session


def practice_ids(engine: Engine) -> list[UUID]:
    """All practices, for machinery that serves every one in turn."""
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT practice_id FROM list_practices() ORDER BY 1")))
