"""Many items at once: which are meant, what all of them offer, and how a batch stands."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities.bulk import INNER_VERBS, MANY_MAX, REVERT_WITHIN
from activities.desk import Seen
from billing.desk import REASSIGN, DecisionKind, decisions
from billing.vocabulary import Queue
from models.tables.access import UserRow
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.remittances import DenialRow
from models.tables.supervision import BulkActionRow, BulkEntryRow
from web import formats
from web.formats import Chip
from web.reads import items
from web.reads.items import FieldInput
from web.reads.queue_filter import Filter, known, matching, shape
from web.reads.shown import shown
from web.shell import queues_of
from web.viewer import Viewer

OF_ONE_ITEM = frozenset({"claim_id", "amount", "authorization_id", "number", "quantity", "sent_reference"})
"""Fields whose value is one item's own; decisions that must have one are never taken for many."""

STATES = {
    "waiting": Chip("info", "◔", "On its way"),
    "done": Chip("good", "✓", "Done"),
    "refused": Chip("bad", "!", "Refused"),
    "reverted": Chip("calm", "↩", "Put back"),
    "kept": Chip("warn", "◆", "Not put back"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One selected item."""

    id: UUID
    version: int
    owner_id: UUID | None
    href: str
    reason: str
    patient: str
    service_day: str
    queue: str
    owner: str
    amount: Decimal
    dollars: str

    @property
    def seen(self) -> Seen:
        """As the person sees it now."""
        return Seen(self.id, self.version, self.owner_id)

    @property
    def word(self) -> str:
        """The same in one word for a form."""
        return f"{self.id}:{self.version}:{self.owner_id or ''}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A decision that all selected items offer."""

    key: str
    label: str
    effect: str
    needs_reason: bool
    fields: tuple[FieldInput, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a batch."""

    href: str
    reason: str
    who: str
    state: Chip
    said: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands. revertible_until: empty when there is nothing to take back."""

    id: str
    said: str
    by: str
    at: str
    total: int
    done: int
    refused: int
    waiting: int
    reverted: str
    revertible_until: str
    entries: tuple[Entry, ...]


def read_seen(words: Sequence[str]) -> list[Seen]:
    """What a form says of the items as they were seen (``Chosen.word``); what makes no sense is left out."""
    seen = []
    for word in words:
        item_id, _, rest = word.partition(":")
        version, _, owner = rest.partition(":")
        try:
            seen.append(Seen(UUID(item_id), int(version), UUID(owner) if owner else None))
        except ValueError:
            continue
    return seen


def chosen(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> tuple[Chosen, ...]:
    """Open items among the ids, of what this viewer works on, oldest first."""
    mine = [info.queue.value for info in queues_of(viewer)]
    found = session.execute(
        select(WorkItemRow, PatientRow.first_name, PatientRow.last_name, EncounterRow.date_of_service, UserRow.name)
        .outerjoin(EncounterRow, EncounterRow.id == WorkItemRow.encounter_id)
        .outerjoin(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .outerjoin(UserRow, UserRow.id == WorkItemRow.owner_id)
        .where(
            *shown(viewer.share),
            WorkItemRow.id.in_(item_ids),
            WorkItemRow.closed_at.is_(None),
            WorkItemRow.queue.in_(mine),
        )
        .order_by(WorkItemRow.opened_at, WorkItemRow.id),
        known(viewer),
    )
    return tuple(
        Chosen(
            id=item.id,
            version=item.version,
            owner_id=item.owner_id,
            href=f"/queues/{item.queue}/{item.id}",
            reason=item.reason,
            patient=formats.person(first, last) if last else "",
            service_day=formats.day(day) if day else "",
            queue=item.queue,
            owner=owner or "nobody",
            amount=item.amount,
            dollars=formats.money(item.amount),
        )
        for item, first, last, day, owner in found
    )


def ids_of_filter(session: Session, viewer: Viewer, queue: str, wanted: Filter, cause: str) -> list[UUID]:
    """The items a filter shows (or one cause holds), the oldest first, one more than a batch may have."""
    query = matching(shape(viewer, queue, wanted))
    if cause:
        query = query.where(WorkItemRow.cause == cause)
    query = query.order_by(WorkItemRow.opened_at, WorkItemRow.id).limit(MANY_MAX + 1)
    return list(session.scalars(query, known(viewer)))


def offers(session: Session, viewer: Viewer, item_ids: Sequence[UUID]) -> tuple[Offer, ...]:
    """The decisions every one of them offers to this role and that can be worded once for all."""
    rows = session.scalars(select(WorkItemRow).where(WorkItemRow.id.in_(item_ids))).all()
    denials = dict(
        session.execute(
            select(DenialRow.id, DenialRow.decisions).where(DenialRow.id.in_([row.denial_id for row in rows]))
        ).all()
    )
    counted: Counter[str] = Counter()
    kinds: dict[str, DecisionKind] = {}
    for row in rows:
        denial_id = items.limiting_denial(row)
        allowed = denials.get(denial_id) if denial_id else None
        for kind in decisions(Queue(row.queue), row.kind):
            if kind.key == items.OVERRIDE and not any(finding.get("overridable") for finding in row.findings):
                continue
            if viewer.role in kind.roles and (allowed is None or kind.key in allowed):
                counted[kind.key] += 1
                kinds[kind.key] = kind
    return tuple(
        Offer(kind.key, kind.label, kind.effect, kind.needs_reason, _fields(kind))
        for key, kind in kinds.items()
        if counted[key] == len(rows) and not OF_ONE_ITEM & set(kind.fields)
    )


def _fields(kind: DecisionKind) -> tuple[FieldInput, ...]:
    named = [(name, True) for name in kind.fields]
    named += [(name, False) for name in kind.optional if name not in OF_ONE_ITEM]
    return tuple(items.field_input(name, required=required) for name, required in named)


def batch(session: Session, viewer: Viewer, action_id: UUID) -> Batch | None:
    """A batch with what came of each item. Decided is what the decisions' table says, whoever carried it there."""
    action = session.get(BulkActionRow, action_id)
    if action is None or (action.user_id != viewer.user_id and not viewer.may(REASSIGN)):
        return None
    found = session.execute(
        select(BulkEntryRow, WorkItemRow, DecisionRow.outcome, PatientRow.first_name, PatientRow.last_name)
        .join(WorkItemRow, WorkItemRow.id == BulkEntryRow.work_item_id)
        .outerjoin(DecisionRow, DecisionRow.command_id == BulkEntryRow.command_id)
        .outerjoin(EncounterRow, EncounterRow.id == WorkItemRow.encounter_id)
        .outerjoin(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .where(BulkEntryRow.bulk_action_id == action_id)
        .order_by(BulkEntryRow.state.desc(), BulkEntryRow.work_item_id)
    ).all()
    states = ["done" if outcome is not None else entry.state for entry, _, outcome, *_ in found]
    return Batch(
        id=str(action.id),
        said=action.said,
        by=session.scalar(select(UserRow.name).where(UserRow.id == action.user_id)) or "",
        at=formats.instant(action.at, viewer.zone),
        total=len(found),
        done=sum(state in ("done", "reverted", "kept") for state in states),
        refused=states.count("refused"),
        waiting=states.count("waiting"),
        reverted=formats.instant(action.reverted_at, viewer.zone) if action.reverted_at else "",
        revertible_until=_revertible_until(viewer, action, states),
        entries=tuple(
            Entry(
                href=f"/queues/{item.queue}/{item.id}",
                reason=item.reason,
                who=formats.person(first, last) if last else "",
                state=STATES[state],
                said=outcome or entry.said,
            )
            for (entry, item, outcome, first, last), state in zip(found, states, strict=True)
        ),
    )


def _revertible_until(viewer: Viewer, action: BulkActionRow, states: Sequence[str]) -> str:
    until: datetime = action.at + REVERT_WITHIN
    if action.verb not in INNER_VERBS or action.reverted_at or viewer.now > until or "done" not in states:
        return ""
    return formats.time_of_day(until, viewer.zone)


def latest(session: Session, viewer: Viewer) -> tuple[tuple[str, str, str], ...]:
    """Batches of the last half hour that may still be taken back: address, what, by whom."""
    found = session.execute(
        select(BulkActionRow, UserRow.name, func.count())
        .join(UserRow, UserRow.id == BulkActionRow.user_id)
        .join(BulkEntryRow, BulkEntryRow.bulk_action_id == BulkActionRow.id)
        .where(
            BulkActionRow.practice_id == viewer.practice_id,
            BulkActionRow.at > viewer.now - REVERT_WITHIN,
            BulkActionRow.reverted_at.is_(None),
            BulkActionRow.verb.in_(INNER_VERBS),
            BulkEntryRow.state == "done",
        )
        .group_by(BulkActionRow.id, UserRow.name)
        .having(func.count() > 1)
        .order_by(BulkActionRow.at.desc())
        .limit(5)
    )
    return tuple((f"/many/{action.id}", action.said, name) for action, name, _ in found)
