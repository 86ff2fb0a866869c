"""What stands over a list, in one statement: what there is to choose from, and how many notes were not read."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from web.reads import choices, columns, mentions, views
from web.reads.choices import Choice
from web.reads.columns import Column
from web.reads.queue_filter import Filter, known
from web.reads.together import Together
from web.reads.views import View
from web.viewer import Viewer

_HEAD = Together(
    views=views.OF_QUEUE,
    hidden=columns.HIDDEN,
    payers=choices.PAYERS,
    people=choices.OWNERS,
    unseen=mentions.UNSEEN,
)


@dataclass(frozen=True, slots=True)
class Head:
    """All of it, as this viewer is shown it. unread: notes that name the viewer."""

    views: tuple[View, ...]
    columns: tuple[Column, ...]
    payers: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    unread: int


def head(session: Session, viewer: Viewer, queue: str, wanted: Filter) -> Head:
    """Of a queue under a filter."""
    found = _HEAD.read(session, known(viewer) | {"queue": queue})
    return Head(
        views.of_queue(found.views, viewer, queue, wanted.query()),
        columns.of_queue(found.hidden, queue),
        choices.payers(found.payers, wanted.payer),
        choices.owners(found.people, wanted.owner),
        found.unseen[0].number,
    )
