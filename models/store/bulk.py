"""Many rows in one statement, for work that comes by the thousand."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import DeclarativeBase, Session


def insert_all(
    session: Session,
    table: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str = "",
    returning: str = "",
) -> set[Any]:
    """Insert rows that all name the same columns. Returns the values of the column `returning` of those inserted now.

    The rows travel as one JSON text within a statement that is always the same, which Postgres spreads over the columns
    by their types (json_populate_recordset). A statement with a place for every value of every row is taken apart anew
    each time by the driver, and costs four times as much of our processor. on_conflict: SQL between VALUES and
    RETURNING, e.g. "ON CONFLICT (name) DO NOTHING". What the session has not written yet is written first.
    """
    session.flush()
    if not rows:
        return set()
    names = tuple(rows[0])
    statement = _statement(table.__tablename__, names, on_conflict, returning)
    inserted = session.execute(statement, {"rows": json.dumps(rows, default=str)})
    return set(inserted.scalars()) if returning else set()


@lru_cache(maxsize=64)
def _statement(table: str, names: tuple[str, ...], on_conflict: str, returning: str) -> TextClause:
    columns = ", ".join(names)
    spread = f"json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))"
    words = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {spread} {on_conflict}"  # noqa: S608 - our own names
    return text(f"{words} RETURNING {returning}" if returning else words)
