"""The columns of a queue: which there are, and which of them somebody hides.

Rows carry all of them for everybody and the list's class hides some, so that a row fetched alone fits every list.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.vocabulary import Queue
from models.tables.desk import HiddenColumnsRow
from web.viewer import Viewer

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


def of_queue(session: Session, viewer: Viewer, queue: str) -> tuple[Column, ...]:
    """All of a queue's columns as this person wants them."""
    hidden = session.scalar(
        select(HiddenColumnsRow.columns).where(
            HiddenColumnsRow.user_id == viewer.user_id, HiddenColumnsRow.queue == queue
        )
    )
    return tuple(Column(key, label, key not in (hidden or ())) for key, label in columns_of(queue).items())
