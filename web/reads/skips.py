"""What was passed over: by whom, why, and how often, for a supervisor who decides what becomes of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from billing.desk import SKIP_REASONS
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow, WorkItemSkipRow
from web import formats
from web.reads import many
from web.reads.choices import Choice, ids
from web.shell import queues_of
from web.viewer import Viewer

DAYS = {1: "today", 7: "the last 7 days", 14: "the last 14 days", 30: "the last 30 days"}
DAYS_USUAL = 14  # practice default: two weeks show a habit
ITEMS_SHOWN = 100
NO_REASON = "none"
REASONS = {**SKIP_REASONS, NO_REASON: "No reason: Skip without one, or Next while it was open"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which skips: of how many days, by whom, why."""

    days: int = DAYS_USUAL
    person: str = ""
    reason: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str]) -> "Asked":
        """From an address; what makes no sense is left out."""
        given, person, reason = (values.get(name, "") for name in ("days", "person", "reason"))
        days = int(given) if given.isdigit() and int(given) in DAYS else DAYS_USUAL
        return cls(days, person if ids([person]) else "", reason if reason in REASONS else "")

    def href(self, **other: str) -> str:
        """The page with something of it changed."""
        told = {"days": str(self.days), "person": self.person, "reason": self.reason} | other
        return f"/supervisor/skips?{urlencode({name: value for name, value in told.items() if value})}"


@dataclass(frozen=True, slots=True)
class Count:
    """How many skips, and where they are listed."""

    count: int
    href: str


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody's skips, reason by reason as the columns stand, and together."""

    name: str
    counts: tuple[Count, ...]
    together: Count


@dataclass(frozen=True, slots=True)
class Skip:
    """One skip."""

    who: str
    at: str
    why: str


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """An open item and the skips that were asked for; times is their number."""

    item: many.Chosen
    times: int
    skips: tuple[Skip, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """The skips of a time. sentence: what the numbers count."""

    sentence: str
    reasons: tuple[str, ...]
    people: tuple[PersonLine, ...]
    items: tuple[SkippedItem, ...]
    items_left_out: int
    day_choices: tuple[Choice, ...]
    person_choices: tuple[Choice, ...]
    reason_choices: tuple[Choice, ...]


def review(session: Session, viewer: Viewer, asked: Asked) -> Review:
    """Everything the page shows: who skipped how often and why, then the open items, the most skipped first."""
    counts = _counts(session, viewer, asked)
    used = [key for key in REASONS if any(key in reasons for _, _, reasons in counts)]
    shown, left_out = _open_items(session, viewer, asked)
    return Review(
        sentence=_sentence(session, viewer, asked),
        reasons=tuple(REASONS[key] for key in used),
        people=tuple(_line(asked, user_id, name, reasons, used) for user_id, name, reasons in counts),
        items=shown,
        items_left_out=left_out,
        day_choices=tuple(Choice(str(days), label, days == asked.days) for days, label in DAYS.items()),
        person_choices=tuple(Choice(str(who), name, str(who) == asked.person) for who, name, _ in counts),
        reason_choices=tuple(Choice(key, REASONS[key], key == asked.reason) for key in used),
    )


def _since(viewer: Viewer, days: int) -> list[ColumnElement[bool]]:
    return [
        WorkItemSkipRow.practice_id == viewer.practice_id,
        WorkItemSkipRow.undone_at.is_(None),
        WorkItemSkipRow.day > viewer.today - timedelta(days=days),
        WorkItemRow.queue.in_([info.queue.value for info in queues_of(viewer)]),
    ]


def _asked(viewer: Viewer, asked: Asked) -> list[ColumnElement[bool]]:
    found = _since(viewer, asked.days)
    if asked.person:
        found.append(WorkItemSkipRow.user_id == UUID(asked.person))
    if asked.reason:
        found.append(WorkItemSkipRow.reason == ("" if asked.reason == NO_REASON else asked.reason))
    return found


def _joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        query.select_from(WorkItemSkipRow)
        .join(WorkItemRow, WorkItemRow.id == WorkItemSkipRow.work_item_id)
        .join(UserRow, UserRow.id == WorkItemSkipRow.user_id)
    )


def _sentence(session: Session, viewer: Viewer, asked: Asked) -> str:
    counted = select(
        func.count(),
        func.count(WorkItemRow.id.distinct()),
        func.count(WorkItemRow.id.distinct()).filter(WorkItemRow.closed_at.is_not(None)),
    )
    skips, items, closed = session.execute(_joined(counted).where(*_asked(viewer, asked))).one()
    gone = f", {closed} of them closed since" if closed else ""
    return (
        f"{formats.plural(skips, 'skip')} of {formats.plural(items, 'item')}{gone}, {DAYS[asked.days]}. "
        "One person's skips of an item count once a day; what was taken back is not counted."
    )


def _counts(session: Session, viewer: Viewer, asked: Asked) -> list[tuple[UUID, str, dict[str, int]]]:
    """Per person and reason over the whole time, whichever of them is listed below; the most skips first."""
    counted = _joined(select(UserRow.id, UserRow.name, WorkItemSkipRow.reason, func.count()))
    found: dict[tuple[UUID, str], dict[str, int]] = defaultdict(dict)
    query = counted.where(*_since(viewer, asked.days)).group_by(UserRow.id, UserRow.name, WorkItemSkipRow.reason)
    for user_id, name, reason, count in session.execute(query):
        key = (reason if reason in SKIP_REASONS else "") or NO_REASON
        found[user_id, name][key] = found[user_id, name].get(key, 0) + count
    lines = [(user_id, name, reasons) for (user_id, name), reasons in found.items()]
    return sorted(lines, key=lambda line: (-sum(line[2].values()), line[1]))


def _line(asked: Asked, user_id: UUID, name: str, reasons: dict[str, int], used: list[str]) -> PersonLine:
    person = str(user_id)
    counts = tuple(Count(reasons.get(key, 0), asked.href(person=person, reason=key)) for key in used)
    return PersonLine(name, counts, Count(sum(reasons.values()), asked.href(person=person, reason="")))


def _open_items(session: Session, viewer: Viewer, asked: Asked) -> tuple[tuple[SkippedItem, ...], int]:
    """The most skipped first, and how many more there are than are shown."""
    ranked = _joined(select(WorkItemRow.id, func.count(), func.count().over()))
    order = (func.count().desc(), func.max(WorkItemSkipRow.skipped_at).desc(), WorkItemRow.id)
    query = ranked.where(*_asked(viewer, asked), WorkItemRow.closed_at.is_(None)).group_by(WorkItemRow.id)
    found = session.execute(query.order_by(*order).limit(ITEMS_SHOWN)).all()
    skips = _skips(session, viewer, asked, [item_id for item_id, _, _ in found])
    items = {item.id: item for item in many.chosen(session, viewer, list(skips))}
    shown = tuple(SkippedItem(items[one], times, tuple(skips[one])) for one, times, _ in found if one in items)
    return shown, (found[0][2] if found else 0) - len(found)


def _skips(session: Session, viewer: Viewer, asked: Asked, item_ids: list[UUID]) -> dict[UUID, list[Skip]]:
    query = _joined(select(WorkItemRow.id, UserRow.name, WorkItemSkipRow.skipped_at, WorkItemSkipRow.reason))
    found: dict[UUID, list[Skip]] = defaultdict(list)
    rows = query.where(*_asked(viewer, asked), WorkItemRow.id.in_(item_ids)).order_by(WorkItemSkipRow.skipped_at.desc())
    skipped_at: datetime
    for item_id, who, skipped_at, reason in session.execute(rows):
        why = SKIP_REASONS.get(reason, "no reason given")
        found[item_id].append(Skip(who, formats.instant(skipped_at, viewer.zone), why))
    return found
