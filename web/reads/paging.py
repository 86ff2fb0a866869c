"""Keyset paging: a page starts after the last row seen, so it costs the same at row 50 and at row 50,000."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Row as Found
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")
CURSOR_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and where the next page starts (empty: there is none)."""

    rows: tuple[Row, ...]
    next_cursor: str


def encode(*parts: Any) -> str:
    """The last row's sort values as one opaque word for a URL. Never a patient's name."""
    return base64.urlsafe_b64encode(json.dumps([str(part) for part in parts]).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """What ``encode`` was given, read back as ``kinds``; nothing when somebody wrote the cursor by hand."""
    if not cursor or len(cursor) > CURSOR_LENGTH_MAX:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError, ArithmeticError):
        return None


def cut(found: Sequence[Row], page_size: int) -> tuple[tuple[Row, ...], bool]:
    """One row more was asked for than is shown; it only says that there is more."""
    return tuple(found[:page_size]), len(found) > page_size


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by: a column, read back from a cursor by ``read``; rows equal there by their id."""

    column: InstrumentedAttribute[Any]
    row_id: InstrumentedAttribute[UUID]
    read: Callable[[str], Any]
    newest_first: bool = False


def fetch(
    session: Session, query: Select[*tuple[Any, ...]], order: Order, cursor: str, page_size: int
) -> tuple[tuple[Found[Any], ...], str]:
    """The rows of a page in their order, and the cursor of the next (empty: there is none)."""
    after = decode(cursor, order.read, UUID)
    if after is not None:
        keys = tuple_(order.column, order.row_id)
        query = query.where(keys < after if order.newest_first else keys > after)
    sorted_by = [key.desc() if order.newest_first else key.asc() for key in (order.column, order.row_id)]
    query = query.add_columns(order.column.label("sorted_by"), order.row_id.label("sorted_id"))
    shown, more = cut(session.execute(query.order_by(*sorted_by).limit(page_size + 1)).all(), page_size)
    return shown, encode(shown[-1].sorted_by, shown[-1].sorted_id) if more else ""
