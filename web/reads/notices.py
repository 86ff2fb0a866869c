"""Letters to patients: which, in what state, in whose words; and what the embedded mail server was given."""

import mailbox
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.notices import DEFAULTS, EXAMPLE, PLACEHOLDERS, TITLES, Letter, NoticeKind, Template, filled, problems
from models.store.notices import template_of
from models.tables.authorizations import AuthorizationRow
from models.tables.notices import NoticeRow, NoticeTemplateRow
from models.tables.patients import PatientRow
from web import formats
from web.formats import Chip
from web.viewer import Viewer

SHOWN_MAX = 200
MAIL_SHOWN_MAX = 100
STATES = {
    "queued": Chip("info", "◔", "Waiting to be sent"),
    "sending": Chip("info", "◔", "Being sent"),
    "sent": Chip("good", "✓", "Sent"),
    "failed": Chip("bad", "✕", "Not sent"),
    "unknown": Chip("warn", "?", "May have been sent"),
    "no_address": Chip("warn", "◔", "To be printed"),
    "printed": Chip("good", "✓", "Printed"),
}
UNSENT = ("failed", "unknown", "no_address")
VIEWS = {"all": "All", "open": "To be printed or looked at"}


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter in the list."""

    id: str
    title: str
    patient: str
    authorization: str
    authorization_href: str
    state: Chip
    outcome: str
    attempts: int
    planned: str
    settled: str
    print_href: str
    may_print: bool


@dataclass(frozen=True, slots=True)
class Words:
    """A template in its form, with the letter it makes."""

    kind: str
    title: str
    version: int
    author: str
    subject: str
    body: str
    placeholders: tuple[str, ...]
    problems: tuple[str, ...]
    example: Letter | None
    is_default: bool


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter as the embedded mail server keeps it."""

    at: str
    to: str
    subject: str
    body: str


def letters(session: Session, viewer: Viewer, view: str) -> tuple[LetterLine, ...]:
    """The newest letters."""
    query = (
        select(NoticeRow, PatientRow, AuthorizationRow.number)
        .join(PatientRow, PatientRow.id == NoticeRow.patient_id)
        .join(AuthorizationRow, AuthorizationRow.id == NoticeRow.authorization_id)
        .order_by(NoticeRow.created_at.desc(), NoticeRow.id)
        .limit(SHOWN_MAX)
    )
    if view == "open":
        query = query.where(NoticeRow.state.in_(UNSENT), NoticeRow.settled_at.is_(None))
    return tuple(_line(viewer, row, patient, number) for row, patient, number in session.execute(query))


def _line(viewer: Viewer, row: NoticeRow, patient: PatientRow, number: str) -> LetterLine:
    return LetterLine(
        id=str(row.id),
        title=TITLES[NoticeKind(row.kind)],
        patient=formats.person(patient.first_name, patient.last_name),
        authorization=number,
        authorization_href=f"/authorizations/{row.authorization_id}",
        state=STATES[row.state],
        outcome=row.outcome,
        attempts=row.attempts,
        planned=formats.instant(row.created_at, viewer.zone),
        settled=formats.instant(row.settled_at, viewer.zone) if row.settled_at else "",
        print_href=f"/notices/{row.id}",
        may_print=row.state in UNSENT and row.settled_at is None,
    )


def letter(session: Session, notice_id: UUID) -> NoticeRow | None:
    """One letter."""
    return session.get(NoticeRow, notice_id)


def all_words(session: Session) -> tuple[Words, ...]:
    """Every kind with its present words."""
    return tuple(words_of(template_of(session, kind), author_of(session, kind)) for kind in NoticeKind)


def author_of(session: Session, kind: NoticeKind) -> str:
    """Who wrote the present words; "" where they are Firstpass's own."""
    newest = (
        select(NoticeTemplateRow.author)
        .where(NoticeTemplateRow.kind == kind.value)
        .order_by(NoticeTemplateRow.version.desc())
        .limit(1)
    )
    return session.scalar(newest) or ""


def words_of(template: Template, author: str, said: tuple[str, ...] = ()) -> Words:
    """A template ready for its form; ``said``: problems that are not the text's own."""
    found = (*said, *problems(template.kind, template.subject, template.body))
    return Words(
        kind=template.kind.value,
        title=TITLES[template.kind],
        version=template.version,
        author=author,
        subject=template.subject,
        body=template.body,
        placeholders=tuple(f"{{{name}}}" for name in PLACEHOLDERS[template.kind]),
        problems=found,
        example=None if problems(template.kind, template.subject, template.body) else filled(template, EXAMPLE),
        is_default=template.version == 0 and template == DEFAULTS[template.kind],
    )


def mails(session: Session, store: Path) -> tuple[Mail, ...]:
    """What the embedded mail server was given by this practice, newest first."""
    ours = set(session.scalars(select(NoticeRow.message_id).where(NoticeRow.message_id != "")))
    if not store.exists():
        return ()
    parser = BytesParser(policy=policy.default)
    box = mailbox.Maildir(store, create=False)
    found = []
    for key in box.iterkeys():
        made = parser.parsebytes(box.get_bytes(key))
        if isinstance(made, EmailMessage) and str(made["Message-ID"]) in ours:
            found.append((made["Date"].datetime, made))
    newest = sorted(found, key=lambda entry: entry[0], reverse=True)[:MAIL_SHOWN_MAX]
    return tuple(
        Mail(f"{at:%m/%d/%Y %H:%M} UTC", str(made["To"]), str(made["Subject"]), str(made.get_content()))
        for at, made in newest
    )
