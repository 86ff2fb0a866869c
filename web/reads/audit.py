"""The audit log: noting who looked, reading it, proving that no line is missing."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.store.life import audit
from models.tables.life import AuditRow
from web import formats
from web.viewer import Viewer

PAGE_SIZE = 100


def record_view(session: Session, viewer: Viewer, subject: str) -> None:
    """A person looked at a patient's page."""
    audit(session, viewer.practice_id, viewer.email, "page.viewed", subject)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the log."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    href: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Whether the log is complete: every line carries the hash of the one before."""

    intact: bool
    sentence: str


def chain(session: Session) -> Chain:
    """Recomputes every hash of the practice."""
    count = session.scalar(select(func.count()).select_from(AuditRow)) or 0
    first_break = session.execute(text("SELECT id FROM audit_breaks() AS id LIMIT 1")).scalar_one_or_none()
    if first_break is None:
        return Chain(True, f"{formats.plural(count, 'line')}, every hash recomputed: nothing was changed or removed.")
    return Chain(False, f"The chain breaks at line {first_break}: a line there was changed or removed.")


def lines(session: Session, viewer: Viewer, actor: str, action: str, before: int | None) -> list[AuditLine]:
    """A page of the log, newest first."""
    wanted = select(AuditRow).order_by(AuditRow.id.desc()).limit(PAGE_SIZE + 1)
    if actor:
        wanted = wanted.where(AuditRow.actor == actor)
    if action:
        wanted = wanted.where(AuditRow.action == action)
    if before is not None:
        wanted = wanted.where(AuditRow.id < before)
    return [_line(row, viewer) for row in session.scalars(wanted)]


def choices(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Actors and actions to filter by."""
    actors = session.scalars(select(AuditRow.actor).distinct().order_by(AuditRow.actor).limit(200))
    actions = session.scalars(select(AuditRow.action).distinct().order_by(AuditRow.action).limit(200))
    return tuple(actors), tuple(actions)


def _line(row: AuditRow, viewer: Viewer) -> AuditLine:
    return AuditLine(
        number=row.id,
        at=formats.instant(row.at, viewer.zone),
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        href=subject_address(row.subject),
        detail=", ".join(f"{formats.words(key)}: {value}" for key, value in sorted(row.detail.items())),
        hash=(row.hash or b"").hex()[:12],
    )


def subject_address(subject: str) -> str:
    """The page of a subject, where it has one; what only some may open of it is left out of the address."""
    kind, _, named = subject.partition("/")
    key = named.partition("/")[0]
    pages = {
        "encounter": "/encounters/",
        "authorization": "/authorizations/",
        "inbound_file": "/files/",
        "batch": "/batches/",
        "work_item": "/items/",
    }
    return f"{pages[kind]}{key}" if kind in pages and key else ""
