"""One row at a time, whoever else writes the same one at the same moment."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Session

from models.ids import new_id


def put(session: Session, table: type[DeclarativeBase], keys: Iterable[str], **values: Any) -> UUID:
    """Insert a row, or bring the row of the same keys up to date. Returns its id."""
    keys = list(keys)
    statement = insert(table).values(id=new_id(), **values)
    fresh = {name: statement.excluded[name] for name in values if name not in keys}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=fresh or {keys[0]: values[keys[0]]})
    row_id: UUID = session.scalars(statement.returning(table.__table__.c.id)).one()
    return row_id


def insert_once(session: Session, table: type[DeclarativeBase], **values: Any) -> UUID | None:
    """Insert a row unless it is there already, by whatever makes it unique. Returns its id; None where it was there."""
    once = insert(table).values({"id": new_id(), **values}).on_conflict_do_nothing()
    row_id: UUID | None = session.scalar(once.returning(table.__table__.c.id))
    return row_id
