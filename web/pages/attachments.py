"""Files beside items: added from the pane, opened in their own right, taken away again."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from activities import desk_files
from activities.desk_files import Upload
from activities.refusals import Refused
from billing.desk import WORK
from models.store.session import practice_session
from web.pages import items as item_pages
from web.pages.items import actor_of
from web.pages.panes import Toast
from web.problems import NotFound
from web.reads import desk_files as files
from web.reads import items
from web.reads.audit import record_view
from web.routes import page_router
from web.security import Form, Person, Posted, engine_of, ours, require

router = page_router()

# Shown by the browser itself; anything else is only ever saved.
SHOWN_INLINE = frozenset({"application/pdf", "image/png", "image/jpeg", "text/plain"})


async def read_upload(request: Request) -> tuple[Form, Upload]:
    """The one file of a posted form, and its fields. Its size is limited before it gets here (web.middleware)."""
    data = await request.form(max_fields=10, max_files=1)
    values = {name: [value] for name, value in data.multi_items() if isinstance(value, str)}
    chosen = data.get("file")
    if not isinstance(chosen, UploadFile):
        return Form(values), Upload("", b"")
    return Form(values), Upload(chosen.filename or "", await chosen.read())


Uploaded = Annotated[tuple[Form, Upload], Depends(read_upload)]


@router.post("/items/{item_id}/files")
def add(request: Request, viewer: Person, uploaded: Uploaded, item_id: UUID) -> Response:
    """Keep a file beside the item."""
    require(viewer, WORK)
    ours(request, viewer, uploaded[0])
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            item = items.visible_item(session, viewer, item_id)
            if item is None:
                raise NotFound
            fresh = desk_files.attach(session, actor_of(viewer), item, uploaded[1], viewer.now)
    except Refused as refusal:
        return item_pages.shown(request, viewer, item_id, Toast("bad", str(refusal)), status=409)
    said = "File added." if fresh else "This very file is there already."
    return item_pages.shown(request, viewer, item_id, Toast("good" if fresh else "info", said))


@router.post("/attachments/{file_id}/remove")
def remove(request: Request, viewer: Person, form: Posted, file_id: UUID) -> Response:
    """Take it away from the item."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = files.download(session, viewer, file_id)
    if found is None:
        raise NotFound
    try:
        with practice_session(engine_of(request), viewer.practice_id) as session:
            desk_files.remove(session, actor_of(viewer), file_id, viewer.now)
    except Refused as refusal:
        return item_pages.shown(request, viewer, found.item_id, Toast("bad", str(refusal)), status=409)
    return item_pages.shown(request, viewer, found.item_id, Toast("good", "The file is taken away."))


@router.get("/attachments/{file_id}")
def show(request: Request, viewer: Person, file_id: UUID) -> Response:
    """The bytes as they came. No browser takes them for a page: kind and policy are said in the headers."""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = files.download(session, viewer, file_id)
        if found is None:
            raise NotFound
        record_view(session, viewer, f"attachment/{file_id}")
    shown = "inline" if found.media_type in SHOWN_INLINE else "attachment"
    headers = {"Content-Disposition": f"{shown}; filename*=UTF-8''{quote(found.name)}"}
    return Response(found.content, media_type=found.media_type, headers=headers)
