"""What is told to screens, read once for all of them."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from models.store.session import practice_session
from web.reads import mentions, queues
from web.reads.counts import Count, Counts
from web.reads.queues import Reading
from web.viewer import Viewer


@dataclass(frozen=True, slots=True)
class ToldCount:
    """A queue without a filter, and what stands beside it. unread: notes, by the person they name.

    latest: ids and times of opening (milliseconds since 1970) of the latest items, as a browser reads them. drawn: as
    it was told, by what differs between those it was told to.
    """

    count: Count
    unread: Mapping[UUID, int]
    latest: tuple[tuple[str, int], ...]
    drawn: dict[Hashable, dict[str, Any]] = field(default_factory=dict)


class ScreenReads:
    """Of whole queues, so nothing of it is for a viewer who may see a part. Viewers given lend clock and practice."""

    def __init__(self, engine: Engine, counts: Counts) -> None:
        self._engine = engine
        self._counts = counts

    def rows(self, viewer: Viewer, items: Collection[str]) -> dict[str, Reading]:
        """Items by id, as rows are drawn from them."""
        with practice_session(self._engine, viewer.practice_id) as session:
            found = queues.readings(session, viewer, [UUID(item) for item in items])
        return {str(item): reading for item, reading in found.items()}

    def counts(self, viewer: Viewer, queues: Collection[str], people: Collection[UUID]) -> dict[str, ToldCount]:
        """Some queues, and how many notes these people have not read."""
        with practice_session(self._engine, viewer.practice_id) as session:
            unread = mentions.unseen_of(session, people)
            counted = self._counts.of_queues(session, viewer, queues)
        told = {}
        for queue, count in counted.items():
            latest = tuple((str(one.id), round(one.at.timestamp() * 1000)) for one in count.found.latest)
            told[queue] = ToldCount(count, unread, latest)
        return told
