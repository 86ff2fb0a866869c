"""Letters to patients: the list, one on paper, the practice's words for them, and the embedded mail server's store."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from activities import notices as acts
from activities.notice_templates import keep_template
from activities.refusals import Refused
from billing.desk import REASSIGN, WORK
from billing.notices import NoticeKind, Template
from models.store.notices import template_of
from models.store.session import practice_session
from models.tables.notices import NoticeRow
from models.tables.practice import PracticeRow
from web import templating
from web.problems import Invalid, NotFound
from web.reads import notices
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.routes import page_router
from web.security import Form, Person, Posted, engine_of, require
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class LettersPage:
    """The list."""

    shell: Shell
    views: tuple[Choice, ...]
    letters: tuple[notices.LetterLine, ...]
    may_write: bool
    reads_mail: bool


@dataclass(frozen=True, slots=True)
class AllWordsPage:
    """Every template."""

    shell: Shell
    words: tuple[notices.Words, ...]


@dataclass(frozen=True, slots=True)
class WordsPage:
    """One template in its form."""

    shell: Shell
    words: notices.Words
    saved: str


@dataclass(frozen=True, slots=True)
class MailPage:
    """What the embedded mail server keeps."""

    shell: Shell
    mails: tuple[notices.Mail, ...]


@router.get("/notices")
def show_list(request: Request, viewer: Person, view: str = "all") -> HTMLResponse:
    """Every letter with its state."""
    require(viewer, WORK)
    chosen = view if view in notices.VIEWS else "all"
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = notices.letters(session, viewer, chosen)
        record_view(session, viewer, "notices")
    page = LettersPage(
        shell=shell(request, viewer),
        views=tuple(Choice(key, label, key == chosen) for key, label in notices.VIEWS.items()),
        letters=found,
        may_write=viewer.may(REASSIGN),
        reads_mail=viewer.may(REASSIGN) and request.app.state.settings.mail_store is not None,
    )
    return templating.page("notices.html", templating.as_context(page))


@router.get("/notices/templates")
def show_words(request: Request, viewer: Person) -> HTMLResponse:
    """The practice's words, kind by kind."""
    require(viewer, REASSIGN)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = notices.all_words(session)
    return templating.page("notice_templates.html", templating.as_context(AllWordsPage(shell(request, viewer), found)))


@router.get("/notices/templates/{kind}")
def edit(request: Request, viewer: Person, kind: str, saved: int = 0) -> HTMLResponse:
    """One template with the letter it makes."""
    require(viewer, REASSIGN)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        words = notices.words_of(template_of(session, _kind(kind)), notices.author_of(session, _kind(kind)))
    return _words_page(request, viewer, words, f"Saved as version {saved}." if saved else "")


@router.post("/notices/templates/{kind}")
def change(request: Request, viewer: Person, form: Posted, kind: str) -> Response:
    """Preview the words as typed, or keep them as the next version."""
    require(viewer, REASSIGN)
    wanted, seen = _kind(kind), form.text("version")
    typed = Template(wanted, int(seen) if seen.isdigit() else -1, form.text("subject"), _body(form))
    if form.text("do") != "save":
        return _words_page(request, viewer, notices.words_of(typed, ""), "")
    with practice_session(engine_of(request), viewer.practice_id) as session:
        practice = session.get_one(PracticeRow, viewer.practice_id)
        words = (typed.subject, typed.body)
        try:
            version = keep_template(session, practice, viewer.name, wanted, typed.version, words)
        except Refused as why:
            return _words_page(request, viewer, _refused(typed, str(why)), "", status=422)
    return RedirectResponse(f"/notices/templates/{wanted.value}?saved={version}", status_code=303)


@router.get("/notices/{notice_id}")
def show(request: Request, viewer: Person, notice_id: UUID) -> HTMLResponse:
    """One letter on paper, without menus."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = _letter(session, notice_id)
        record_view(session, viewer, f"notice/{notice_id}")
        context = {"subject": found.subject, "body": found.body, "practice": viewer.practice_name, "about": ""}
    return templating.page("letter.html", context)


@router.post("/notices/{notice_id}/printed")
def printed(request: Request, viewer: Person, form: Posted, notice_id: UUID) -> Response:
    """The letter was printed and given to the patient."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        _letter(session, notice_id)
        found = acts.locked(session, notice_id)
        if found.settled_at is not None or found.state not in notices.UNSENT:
            raise Invalid("This letter was sent or printed already, or is on its way. Reload the list.")
        acts.mark_printed(session, found, viewer.name, viewer.now)
    return RedirectResponse("/notices?view=open", status_code=303)


@router.get("/mail")
def show_mail(request: Request, viewer: Person) -> HTMLResponse:
    """What the embedded mail server was given. There is no such page beside a real one."""
    require(viewer, REASSIGN)
    store = request.app.state.settings.mail_store
    if store is None:
        raise NotFound
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = notices.mails(session, store)
        record_view(session, viewer, "mail")
    return templating.page("mail.html", templating.as_context(MailPage(shell(request, viewer), found)))


def _kind(name: str) -> NoticeKind:
    try:
        return NoticeKind(name)
    except ValueError as error:
        raise NotFound from error


def _body(form: Form) -> str:
    return form.text("body").replace("\r\n", "\n")


def _refused(typed: Template, why: str) -> notices.Words:
    words = notices.words_of(typed, "")
    return words if words.problems else notices.words_of(typed, "", (why,))


def _letter(session: Session, notice_id: UUID) -> NoticeRow:
    found = notices.letter(session, notice_id)
    if found is None:
        raise NotFound
    return found


def _words_page(
    request: Request, viewer: Viewer, words: notices.Words, saved: str, *, status: int = 200
) -> HTMLResponse:
    page = WordsPage(shell(request, viewer), words, saved)
    return templating.page("notice_template.html", templating.as_context(page), status=status)
