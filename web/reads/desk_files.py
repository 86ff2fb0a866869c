"""Files kept beside items."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, or_, select
from sqlalchemy.orm import Session, undefer

from models.tables.access import UserRow
from models.tables.desk import WorkItemAttachmentRow
from web import formats
from web.reads import items
from web.viewer import Viewer

SHOWN_MAX = 50


# the files of an item and of its visit
OF_ITEM = (
    select(
        WorkItemAttachmentRow.id,
        WorkItemAttachmentRow.user_id,
        WorkItemAttachmentRow.file_name,
        WorkItemAttachmentRow.size_bytes,
        WorkItemAttachmentRow.created_at,
        WorkItemAttachmentRow.sha256,
        UserRow.name.label("author"),
    )
    .join(UserRow, UserRow.id == WorkItemAttachmentRow.user_id)
    .where(
        or_(
            WorkItemAttachmentRow.work_item_id == bindparam("item", type_=Uuid()),
            WorkItemAttachmentRow.encounter_id == bindparam("encounter", type_=Uuid()),  # none where there is no visit
        ),
        WorkItemAttachmentRow.removed_at.is_(None),
    )
    .order_by(WorkItemAttachmentRow.created_at.desc())
    .limit(SHOWN_MAX)
)


@dataclass(frozen=True, slots=True)
class File:
    """A file in the pane. own: the viewer added it, and so may take it away."""

    id: str
    href: str
    name: str
    size: str
    at: str
    author: str
    sha256: str
    own: bool


@dataclass(frozen=True, slots=True)
class Download:
    """The bytes of a file, with what they were called when they came."""

    name: str
    media_type: str
    content: bytes
    item_id: UUID


def listed(viewer: Viewer, found: Iterable[Any]) -> tuple[File, ...]:
    """Files as ``OF_ITEM`` finds them."""
    return tuple(
        File(
            id=str(file.id),
            href=f"/attachments/{file.id}",
            name=file.file_name,
            size=formats.size(file.size_bytes),
            at=formats.instant(file.created_at, viewer.zone),
            author=file.author,
            sha256=file.sha256[:12],
            own=file.user_id == viewer.user_id,
        )
        for file in found
    )


def download(session: Session, viewer: Viewer, file_id: UUID) -> Download | None:
    """One file, if the viewer may see its item."""
    file = session.get(WorkItemAttachmentRow, file_id, options=[undefer(WorkItemAttachmentRow.content)])
    if file is None or file.removed_at is not None or items.visible_item(session, viewer, file.work_item_id) is None:
        return None
    return Download(file.file_name, file.media_type, file.content, file.work_item_id)
