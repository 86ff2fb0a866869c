"""Files people keep beside an item: as received, with their hash; the same bytes are one file."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities.desk import Actor, tell
from activities.refusals import Refused
from models.ids import new_id
from models.tables.desk import WorkItemAttachmentRow, WorkItemRow

FILE_BYTES_MAX = 8 * 1024 * 1024
NAME_LENGTH_MAX = 120
# What a payer's letter, a scan or a work sheet comes as -> the first bytes it must begin with (none: plain text)
KINDS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    ".pdf": ("application/pdf", (b"%PDF-",)),
    ".png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".tif": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".tiff": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".txt": ("text/plain", ()),
    ".csv": ("text/csv", ()),
    ".docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (b"PK\x03\x04",)),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (b"PK\x03\x04",)),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came from a browser."""

    name: str
    content: bytes


def attach(session: Session, actor: Actor, item: WorkItemRow, upload: Upload, now: datetime) -> bool:
    """Keep a file beside an item. False when the same bytes are there already."""
    name, media_type = _checked(upload)
    sha256 = hashlib.sha256(upload.content).hexdigest()
    fresh = insert(WorkItemAttachmentRow).values(
        id=new_id(),
        practice_id=actor.practice_id,
        work_item_id=item.id,
        encounter_id=item.encounter_id,
        user_id=actor.user_id,
        file_name=name,
        media_type=media_type,
        content=upload.content,
        size_bytes=len(upload.content),
        sha256=sha256,
        removed_at=None,
    )
    kept = session.scalar(
        fresh.on_conflict_do_update(
            index_elements=["work_item_id", "sha256"],
            set_={"removed_at": None},
            where=WorkItemAttachmentRow.removed_at.is_not(None),  # taken away once, and added again
        ).returning(WorkItemAttachmentRow.id)
    )
    if kept is not None:
        tell(session, actor, item, "item.attached", f"{actor.name} added a file", now)
    return kept is not None


def remove(session: Session, actor: Actor, file_id: UUID, now: datetime) -> WorkItemRow:
    """Take a file away from the item: no longer shown, but kept. Only by whoever added it, or a supervisor."""
    file = session.get(WorkItemAttachmentRow, file_id, with_for_update=True)
    if file is None:
        raise Refused("This file is not there any more.")
    if file.user_id != actor.user_id and not actor.supervises:
        raise Refused("Somebody else added this file, so only they or a supervisor take it away.")
    item = session.get_one(WorkItemRow, file.work_item_id)
    if file.removed_at is None:
        file.removed_at = now
        tell(session, actor, item, "item.detached", f"{actor.name} took a file away", now)
    return item


def _checked(upload: Upload) -> tuple[str, str]:
    """Name and media type, if it is a file we keep: what its name says it is, it must be."""
    name = upload.name.replace("\\", "/").rpartition("/")[2].strip()
    name = "".join(letter for letter in name if letter.isprintable() and letter not in '"<>|:*?')[-NAME_LENGTH_MAX:]
    if not upload.content or not name:
        raise Refused("The file is empty. Choose one with something in it.")
    if len(upload.content) > FILE_BYTES_MAX:
        raise Refused(f"The file is larger than {FILE_BYTES_MAX // (1024 * 1024)} MB. Add a smaller scan.")
    ending = f".{name.lower().rpartition('.')[2]}"
    if ending not in KINDS:
        raise Refused(f"“{ending}” is no kind of file kept here. Add one of {', '.join(KINDS)}.")
    media_type, beginnings = KINDS[ending]
    if beginnings and not upload.content.startswith(beginnings):
        raise Refused(f"The file is not what its name says ({ending}). Save it anew and add it again.")
    return name, media_type
