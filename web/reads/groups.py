"""A queue by what its items share: one card per cause, so that three hundred rejects of one outage are one thing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from billing.causes import CLINICIAN, FILE, PLAN, Cause, read_key, remedy
from billing.findings import Finding, finding_of
from models.tables.desk import WorkItemRow
from models.tables.practice import ClinicianRow, PayerRow, PlanRow
from models.tables.remittances import InboundFileRow
from web import formats
from web.reads.queue_filter import known
from web.reads.shown import shown
from web.viewer import Viewer

GROUPS_MAX = 200
MANY_FROM = 2
"""A cause of fewer items is no group; it is counted among the single ones."""


@dataclass(frozen=True, slots=True)
class Group:
    """Items of one cause. alike: every item gives its reason in the same words, those of the title."""

    key: str
    check: str
    title: str
    alike: bool
    shared: str
    count: int
    dollars: str
    oldest: str
    once: str
    where: str
    href: str


@dataclass(frozen=True, slots=True)
class Grouped:
    """All causes of a queue, the most dollars first."""

    groups: tuple[Group, ...]
    single: int
    single_dollars: str
    open: int
    dollars: str


def of_queue(session: Session, viewer: Viewer, queue: str) -> Grouped:
    """Open items of a queue by cause. Counted in one SELECT; one sample per cause tells it in words."""
    found = session.execute(
        select(
            WorkItemRow.cause,
            func.count().label("items"),
            func.sum(WorkItemRow.amount).label("dollars"),
            func.min(WorkItemRow.opened_at).label("oldest"),
            func.min(cast(WorkItemRow.id, Text)).label("sample"),
            func.min(WorkItemRow.reason).label("first_reason"),
            func.max(WorkItemRow.reason).label("last_reason"),
        )
        .where(
            *shown(viewer.share_of(queue)),
            WorkItemRow.queue == queue,
            WorkItemRow.closed_at.is_(None),
        )
        .group_by(WorkItemRow.cause)
        .order_by(func.sum(WorkItemRow.amount).desc()),
        known(viewer),
    ).all()
    many = [row for row in found if row.cause and row.items >= MANY_FROM][:GROUPS_MAX]
    few = [row for row in found if row not in many]
    samples = _samples(session, [UUID(row.sample) for row in many])
    names = _names(session, [read_key(row.cause) for row in many])
    return Grouped(
        groups=tuple(_group(viewer, row, samples.get(row.sample), names) for row in many),
        single=sum(row.items for row in few),
        single_dollars=formats.money(sum((row.dollars for row in few), formats.ZERO)),
        open=sum(row.items for row in found),
        dollars=formats.money(sum((row.dollars for row in found), formats.ZERO)),
    )


def _samples(session: Session, item_ids: Sequence[UUID]) -> dict[str, WorkItemRow]:
    found = session.scalars(select(WorkItemRow).where(WorkItemRow.id.in_(item_ids)))
    return {str(item.id): item for item in found}


def _names(session: Session, causes: Sequence[Cause]) -> dict[str, str]:
    """What stands behind the ids of causes: people, plans, files."""
    wanted = {label: [UUID(c.value) for c in causes if c.label == label] for label in (CLINICIAN, PLAN, FILE)}
    people = select(ClinicianRow.id, ClinicianRow.first_name, ClinicianRow.last_name)
    names = {
        str(key): formats.person(first, last)
        for key, first, last in session.execute(people.where(ClinicianRow.id.in_(wanted[CLINICIAN])))
    }
    plans = select(PlanRow.id, PayerRow.name, PlanRow.name).join(PayerRow, PayerRow.id == PlanRow.payer_id)
    for key, payer, plan in session.execute(plans.where(PlanRow.id.in_(wanted[PLAN]))):
        names[str(key)] = f"{payer}, {plan}"
    files = select(InboundFileRow.id, InboundFileRow.file_name)
    for key, name in session.execute(files.where(InboundFileRow.id.in_(wanted[FILE]))):
        names[str(key)] = name
    return names


def _group(viewer: Viewer, row: Any, sample: WorkItemRow | None, names: dict[str, str]) -> Group:
    cause = read_key(row.cause)
    found = _finding(sample, cause)
    mended = remedy(cause.check, found.owner) if found else None
    value = names.get(cause.value, cause.value)
    labels = {CLINICIAN: "Clinician", PLAN: "Plan", FILE: "File"}
    return Group(
        key=row.cause,
        check=formats.check_name(cause.check),
        title=formats.sentence(found.message) if found else formats.check_name(cause.check),
        alike=row.first_reason == row.last_reason,
        shared=f"{labels.get(cause.label, formats.words(cause.label))}: {value}" if cause.label else "",
        count=row.items,
        dollars=formats.money(row.dollars),
        oldest=formats.age(row.oldest, viewer.now),
        once=mended.once if mended else "",
        where=mended.where if mended else "",
        href=f"/queues/{sample.queue}/{sample.id}" if sample else "",
    )


def _finding(sample: WorkItemRow | None, cause: Cause) -> Finding | None:
    found = [finding_of(entry) for entry in sample.findings] if sample else []
    return next((finding for finding in found if finding.code == cause.check), found[0] if found else None)
