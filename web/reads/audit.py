"""The audit log: noting who looked, reading it, proving that no line is missing."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, insert, or_, select, text
from sqlalchemy.orm import Session

from models.tables.access import UserRow
from models.tables.encounters import EncounterRow
from models.tables.life import AuditRow
from web import formats
from web.viewer import Viewer

PAGE_SIZE = 100
KINDS = {
    "encounter": "Visit",
    "work_item": "Item",
    "work-item": "Item",
    "inbound_file": "File",
    "user": "Person",
}  # what a subject is, where its own word would not say it
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHORT_ID = 8


# Straight into the table: every page about a patient writes one, and mapped it costs the process four times as much.
_VIEWED = insert(AuditRow.metadata.tables[AuditRow.__tablename__]).inline()


def record_view(session: Session, viewer: Viewer, subject: str) -> None:
    """A person looked at a patient's page. Written at once, and its lock lasts until the commit, so look last."""
    line = {"at": datetime.now(UTC), "actor": viewer.email, "action": "page.viewed", "subject": subject, "detail": {}}
    session.execute(_VIEWED, {"practice_id": viewer.practice_id, **line})


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the log. about, detail: in words; subject: as it is kept."""

    number: int
    at: str
    actor: str
    action: str
    about: str
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
        person = select(func.concat("user/", UserRow.id)).where(UserRow.email == actor)
        wanted = wanted.where(or_(AuditRow.actor == actor, AuditRow.actor.in_(person)))
    if action:
        wanted = wanted.where(AuditRow.action == action)
    if before is not None:
        wanted = wanted.where(AuditRow.id < before)
    rows = session.scalars(wanted).all()
    names = _names(session, [word for row in rows for word in (row.actor, row.subject)])
    return [_line(row, viewer, names) for row in rows]


def choices(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Actors and actions to filter by; a person stands once, by e-mail, though decisions are kept under the id."""
    actors = session.scalars(select(AuditRow.actor).distinct().order_by(AuditRow.actor).limit(200)).all()
    actions = session.scalars(select(AuditRow.action).distinct().order_by(AuditRow.action).limit(200))
    names = _names(session, actors)
    return tuple(dict.fromkeys(names.get(actor, actor) for actor in actors)), tuple(actions)


def _names(session: Session, words: Iterable[str]) -> dict[str, str]:
    """``user/<id>`` -> e-mail, ``encounter/<id>`` -> the visit's number, for those that are known."""
    ids: dict[str, set[UUID]] = {"user": set(), "encounter": set()}
    for word in words:
        kind, _, named = word.partition("/")
        if kind in ids and _ID.fullmatch(named):
            ids[kind].add(UUID(named))
    people = select(UserRow.id, UserRow.email).where(UserRow.id.in_(ids["user"]))
    visits = select(EncounterRow.id, EncounterRow.external_id).where(EncounterRow.id.in_(ids["encounter"]))
    return {f"user/{key}": email for key, email in session.execute(people)} | {
        f"encounter/{key}": number for key, number in session.execute(visits)
    }


def _line(row: AuditRow, viewer: Viewer, names: Mapping[str, str]) -> AuditLine:
    detail = ", ".join(f"{formats.words(key)}: {value}" for key, value in sorted(row.detail.items()))
    return AuditLine(
        number=row.id,
        at=formats.instant(row.at, viewer.zone),
        actor=names.get(row.actor, row.actor),
        action=action_in_words(row.action),
        about=_about(row.subject, names),
        subject=row.subject,
        href=subject_address(row.subject),
        detail=_shortened(detail),
        hash=(row.hash or b"").hex()[:12],
    )


def action_in_words(action: str) -> str:
    """``decided.mark_sent`` -> ``Decided: mark sent``."""
    area, _, act = action.partition(".")
    return ": ".join(filter(None, (formats.words(area), act.replace("_", " "))))


def _about(subject: str, names: Mapping[str, str]) -> str:
    """``encounter/<id>`` -> ``Visit CH-1001``; what has no name shows the beginning of its id."""
    kind, _, named = subject.partition("/")
    return f"{KINDS.get(kind, formats.words(kind))} {names.get(subject, _shortened(named))}".strip()


def _shortened(text_: str) -> str:
    return _ID.sub(lambda found: found.group()[:SHORT_ID], text_)


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
        "work-item": "/items/",
    }
    return f"{pages[kind]}{key}" if kind in pages and key else ""
