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
from web.reads.search import typed_in
from web.routes import page_router
from web.security import Person, Posted, engine_of
from web.shell import Shell, sees_files, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class FilesPage:
    """Inbound files."""

    shell: Shell
    kinds: tuple[Choice, ...]
    kind: str
    typed: str
    files: tuple[inbound_files.File, ...]
    more_cursor: str


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
    typed: str
    batches: tuple[batches.Batch, ...]
    more_cursor: str


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One batch."""

    shell: Shell
    detail: batches.BatchDetail


@router.get("/files")
def show_files(request: Request, viewer: Person, kind: str = "", cursor: str = "") -> HTMLResponse:
    """What came in."""
    return _files(request, viewer, kind, cursor, "")


@router.post("/files")
def search_files(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """The same with a search, which travels in the body because it may be a name."""
    return _files(request, viewer, form.text("kind"), form.text("cursor"), typed_in(form.text("text")))


def _files(request: Request, viewer: Viewer, kind: str, cursor: str, typed: str) -> HTMLResponse:
    _allow(viewer)
    chosen = kind if kind in inbound_files.KINDS else ""
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = inbound_files.files(session, viewer, chosen, cursor, typed)
    kinds = (Choice("", "All", not chosen), *(Choice(key, key, key == chosen) for key in inbound_files.KINDS))
    page = FilesPage(shell(request, viewer), kinds, chosen, typed, found.rows, found.next_cursor)
    return templating.page("files.html", templating.as_context(page))


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
    return _batches(request, viewer, cursor, "")


@router.post("/batches")
def search_batches(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """The same with a search."""
    return _batches(request, viewer, form.text("cursor"), typed_in(form.text("text")))


def _batches(request: Request, viewer: Viewer, cursor: str, typed: str) -> HTMLResponse:
    _allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = batches.batches(session, viewer, cursor, typed)
    page = BatchesPage(shell(request, viewer), typed, found.rows, found.next_cursor)
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
