"""Notes in which somebody is named with @: how many wait to be read, and which."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import DateTime, Uuid, bindparam, func, select, update
from sqlalchemy.orm import Session, aliased

from models.tables.access import UserRow
from models.tables.desk import WorkItemMentionRow, WorkItemNoteRow, WorkItemRow
from web import formats
from web.reads.shown import is_shown
from web.viewer import Viewer

SHOWN_MAX = 100


UNSEEN = select(func.count().label("number")).where(
    WorkItemMentionRow.practice_id == bindparam("practice", type_=Uuid()),
    WorkItemMentionRow.user_id == bindparam("user", type_=Uuid()),
    WorkItemMentionRow.seen_at.is_(None),
)
_UNSEEN_OF_ITEM = (
    WorkItemMentionRow.work_item_id == bindparam("item", type_=Uuid()),
    WorkItemMentionRow.user_id == bindparam("user", type_=Uuid()),
    WorkItemMentionRow.seen_at.is_(None),
)
OF_ITEM = select(WorkItemMentionRow.id).where(*_UNSEEN_OF_ITEM)
_SEEN = (
    update(WorkItemMentionRow)
    .where(*_UNSEEN_OF_ITEM)
    .values(seen_at=bindparam("at", type_=DateTime(timezone=True)))
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A note for the viewer. href: empty where the item is not theirs to open."""

    href: str
    at: str
    author: str
    body: str
    reason: str
    queue: str
    fresh: bool


def unseen(session: Session, viewer: Viewer) -> int:
    """How many notes name the viewer and were not opened yet."""
    return session.scalar(UNSEEN, {"practice": viewer.practice_id, "user": viewer.user_id}) or 0


def unseen_of(session: Session, people: Collection[UUID]) -> dict[UUID, int]:
    """The same for many people at once; who has none is left out."""
    query = select(WorkItemMentionRow.user_id, func.count().label("number")).where(
        WorkItemMentionRow.user_id.in_(people), WorkItemMentionRow.seen_at.is_(None)
    )
    counted = session.execute(query.group_by(WorkItemMentionRow.user_id))
    return {row.user_id: row.number for row in counted}


def seen(session: Session, viewer: Viewer, item_id: UUID) -> None:
    """The viewer opened the item, so its notes were read."""
    session.execute(_SEEN, {"item": item_id, "user": viewer.user_id, "at": viewer.now})


def listed(session: Session, viewer: Viewer) -> tuple[Mention, ...]:
    """The latest notes that name the viewer, unread ones first."""
    author = aliased(UserRow)
    found = session.execute(
        select(WorkItemMentionRow, WorkItemNoteRow.body, WorkItemNoteRow.created_at, author.name, WorkItemRow)
        .join(WorkItemNoteRow, WorkItemNoteRow.id == WorkItemMentionRow.note_id)
        .join(author, author.id == WorkItemNoteRow.user_id)
        .join(WorkItemRow, WorkItemRow.id == WorkItemMentionRow.work_item_id)
        .where(WorkItemMentionRow.user_id == viewer.user_id, WorkItemNoteRow.withdrawn_at.is_(None))
        .order_by(WorkItemMentionRow.seen_at.is_not(None), WorkItemNoteRow.created_at.desc())
        .limit(SHOWN_MAX)
    )
    told = [(*row, is_shown(viewer, row.WorkItemRow)) for row in found]
    for mention, _, _, _, item, opens in told:
        if mention.seen_at is None and not opens:
            seen(session, viewer, item.id)  # read here, because it cannot be opened
    return tuple(
        Mention(
            href=f"/items/{item.id}" if opens else "",
            at=formats.instant(at, viewer.zone),
            author=name,
            body=body,
            reason=item.reason,
            queue=formats.words(item.queue),
            fresh=mention.seen_at is None,
        )
        for mention, body, at, name, item, opens in told
    )
