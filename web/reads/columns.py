"""The columns of a queue: which there are, and which of them somebody hides.

Rows carry all of them for everybody and the list's class hides some, so that a row fetched alone fits every list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, Uuid, bindparam, func, select

from billing.vocabulary import Queue
from models.tables.desk import HiddenColumnsRow

COLUMNS = {
    "patient": "Patient's name",
    "number": "Patient's number",
    "service": "Date of service",
    "discipline": "Discipline",
    "payer": "Payer",
    "dollars": "Dollars",
    "due": "Deadline",
    "move": "Whose move",
    "age": "Age",
    "clock": "Time left of the service clock",
    "owner": "Owner, and who is here",
}
HIDDEN = select(func.array_to_string(HiddenColumnsRow.columns, " ").label("columns")).where(
    HiddenColumnsRow.user_id == bindparam("user", type_=Uuid()),
    HiddenColumnsRow.queue == bindparam("queue", type_=Text()),
)
AUTHORIZATION_COLUMNS = {**COLUMNS, "left": "What is left of the authorization"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column, and whether this person sees it."""

    key: str
    label: str
    shown: bool


def columns_of(queue: str) -> dict[str, str]:
    """The columns that may be hidden, in the order of the row; the reason always stands."""
    return AUTHORIZATION_COLUMNS if queue == Queue.AUTHORIZATION else COLUMNS


def of_queue(found: Iterable[Any], queue: str) -> tuple[Column, ...]:
    """All of a queue's columns as a person wants them, who hides what ``HIDDEN`` finds."""
    hidden = {key for row in found for key in row.columns.split()}
    return tuple(Column(key, label, key not in hidden) for key, label in columns_of(queue).items())
