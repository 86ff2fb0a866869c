"""Files in and out: what came and what was read in it; what was sent, and the proof that it left once."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from models.store.session import practice_session
from web import templating
from web.problems import Forbidden, NotFound
from web.reads import batches, inbound_files
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.routes import page_router
from web.security import Person, engine_of
from web.shell import Shell, sees_files, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class FilesPage:
    """Inbound files."""

    shell: Shell
    kinds: tuple[Choice, ...]
    files: tuple[inbound_files.File, ...]
    more_href: str


@dataclass(frozen=True, slots=True)
class FileProgressPart:
    """How far posting has come."""

    href: str
    posting: tuple[inbound_files.Posting, ...]


@dataclass(frozen=True, slots=True)
class FilePage:
    """One inbound file."""

    shell: Shell
    detail: inbound_files.FileDetail


@dataclass(frozen=True, slots=True)
class BatchesPage:
    """Batches sent."""

    shell: Shell
    batches: tuple[batches.Batch, ...]
    more_href: str


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One batch."""

    shell: Shell
    detail: batches.BatchDetail


@router.get("/files")
def show_files(request: Request, viewer: Person, kind: str = "", cursor: str = "") -> HTMLResponse:
    """What came in."""
    _allow(viewer)
    chosen = kind if kind in inbound_files.KINDS else ""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = inbound_files.files(session, viewer, chosen, cursor)
    kinds = (Choice("", "All", not chosen), *(Choice(key, key, key == chosen) for key in inbound_files.KINDS))
    more = f"/files?kind={chosen}&cursor={found.next_cursor}" if found.next_cursor else ""
    return templating.page(
        "files.html", templating.as_context(FilesPage(shell(request, viewer), kinds, found.rows, more))
    )


@router.get("/files/{file_id}")
def show_file(request: Request, viewer: Person, file_id: UUID) -> HTMLResponse:
    """What was read in a file."""
    _allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        detail = inbound_files.file_detail(session, viewer, file_id)
        if detail is None:
            raise NotFound
        record_view(session, viewer, f"inbound_file/{file_id}")
    return templating.page("file.html", templating.as_context(FilePage(shell(request, viewer), detail)))


@router.get("/files/{file_id}/progress")
def show_progress(request: Request, viewer: Person, file_id: UUID) -> HTMLResponse:
    """How far posting has come: counts only, asked for every few seconds, so no view of anybody's record."""
    _allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        posting = inbound_files.file_progress(session, file_id)
    if posting is None:
        raise NotFound
    return templating.page("file_progress.html", templating.as_context(FileProgressPart(f"/files/{file_id}", posting)))


@router.get("/batches")
def show_batches(request: Request, viewer: Person, cursor: str = "") -> HTMLResponse:
    """What was sent."""
    _allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = batches.batches(session, viewer, cursor)
    more = f"/batches?cursor={found.next_cursor}" if found.next_cursor else ""
    page = BatchesPage(shell(request, viewer), found.rows, more)
    return templating.page("batches.html", templating.as_context(page))


@router.get("/batches/{batch_id}")
def show_batch(request: Request, viewer: Person, batch_id: UUID) -> HTMLResponse:
    """One batch, its claims and its answers."""
    _allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        detail = batches.batch_detail(session, viewer, batch_id)
        if detail is None:
            raise NotFound
        record_view(session, viewer, f"batch/{batch_id}")
    return templating.page("batch.html", templating.as_context(BatchPage(shell(request, viewer), detail)))


def _allow(viewer: Viewer) -> None:
    if not sees_files(viewer):
        raise Forbidden("Files belong to the billing desk, because each names many patients.")
