"""The walk of a visit as a film strip: what happened, who acted, who was waited for, why, which bytes, which money."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.vocabulary import Stage
from billing.walk import MACHINE, WHOM, Happening, Scene, scenes, waited_for
from models.store.ledger import PATIENT_RECEIVABLE, PAYER_RECEIVABLE, WRITE_OFF
from models.tables.authorizations import BookingRow
from models.tables.claims import AcknowledgementRow, BatchRow, ClaimVersionRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from models.tables.life import EventRow
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow
from web import formats
from web.reads.encounters import WALK
from web.reads.timeline import EVENTS_MAX
from web.viewer import Viewer

TITLES = {**dict(WALK), Stage.DENIAL: "Denial", Stage.INTAKE: "Visit"}
TOGETHER = timedelta(seconds=2)
"""A file, a sum or an evaluation written so shortly before an event belongs to it: they were one commit or the next."""

WORST_BY = {"days": "days from visit to now or to its end", "touches": "acts by people", "dollars": "dollars not paid"}
MEETING_MAX = 10


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file that left or came, for this visit."""

    label: str
    name: str
    href: str
    hash: str


@dataclass(frozen=True, slots=True)
class Money:
    """A ledger transaction, and what is owed after it."""

    what: str
    payer: str
    patient: str
    payer_owes: str
    patient_owes: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the film."""

    number: int
    title: str
    at: str
    actor: str
    machine: bool
    said: tuple[str, ...]
    trace: tuple[str, ...]
    bytes: tuple[Bytes, ...]
    money: tuple[Money, ...]
    waited: str
    waits_for: str
    tone: str


@dataclass(frozen=True, slots=True)
class Film:
    """The whole walk. split: how long one waited for whom."""

    frames: tuple[Frame, ...]
    split: tuple[tuple[str, str], ...]
    total: str
    payer_owes: str
    patient_owes: str


@dataclass(frozen=True, slots=True)
class Case:
    """One visit of a meeting. why: random, or worst by what."""

    encounter_id: UUID
    why: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a meeting looks at."""

    first_day: date
    last_day: date
    random_count: int
    worst_count: int
    by: str


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is shown beside events: an evaluation, bytes or money at an instant."""

    at: datetime
    trace: str = ""
    bytes: Bytes | None = None
    money: Money | None = None


def film(session: Session, viewer: Viewer, encounter_id: UUID) -> Film:
    """The visit's walk from booking to zero balance. A closed visit ends; an open one lasts until now."""
    happened = _happened(session, viewer, encounter_id)
    cut = scenes(happened, viewer.now)
    money, owed = _money(session, encounter_id)
    beside = [*_traces(session, encounter_id), *_bytes(session, encounter_id), *money]
    shown = [_frame(viewer, place, scene, cut, beside) for place, scene in enumerate(cut)]
    waited = waited_for(cut)
    end = (cut[-1].until or cut[-1].happenings[-1].at) if cut else viewer.now
    return Film(
        frames=tuple(shown),
        split=tuple((WHOM[whom], _long(span)) for whom, span in sorted(waited.items(), key=lambda one: -one[1])),
        total=_long(end - cut[0].at) if cut else formats.NOTHING,
        payer_owes=formats.money(owed[0]),
        patient_owes=formats.money(owed[1]),
    )


def _happened(session: Session, viewer: Viewer, encounter_id: UUID) -> list[Happening]:
    found = session.scalars(
        select(EventRow)
        .where(EventRow.encounter_id == encounter_id)
        .order_by(EventRow.at, EventRow.id)
        .limit(EVENTS_MAX)
    )
    told = [Happening(row.at, row.kind, row.actor, row.summary) for row in found]
    booked = session.scalars(
        select(BookingRow).where(BookingRow.encounter_id == encounter_id).order_by(BookingRow.created_at).limit(1)
    ).one_or_none()
    if booked is not None and (not told or booked.created_at < told[0].at):
        day = formats.instant(booked.starts_at, viewer.zone)
        told.insert(0, Happening(booked.created_at, "booking.made", "The schedule", f"Booked for {day}"))
    return told


def _frame(viewer: Viewer, place: int, scene: Scene, cut: Sequence[Scene], beside: Sequence[_Beside]) -> Frame:
    begins = scene.at - TOGETHER if place else datetime.min.replace(tzinfo=scene.at.tzinfo)
    ends = cut[place + 1].at - TOGETHER if place + 1 < len(cut) else viewer.now + TOGETHER
    mine = [one for one in beside if begins <= one.at < max(ends, begins + timedelta(microseconds=1))]
    held = any(one.kind == "hold.opened" or one.kind in ("claim.denied", "claim.rejected") for one in scene.happenings)
    cleared = scene.stage is Stage.CLOSED or any(one.kind in ("hold.cleared", "claim.paid") for one in scene.happenings)
    booked = scene.happenings[0].kind == "booking.made"
    return Frame(
        number=place + 1,
        title="Booking" if booked else TITLES.get(scene.stage, formats.words(scene.stage.value)),
        at=formats.instant(scene.at, viewer.zone),
        actor=scene.actor,
        machine=scene.actor == "Firstpass",
        said=tuple(dict.fromkeys(one.said for one in scene.happenings)),
        trace=tuple(dict.fromkeys(one.trace for one in mine if one.trace)),
        bytes=tuple(one.bytes for one in mine if one.bytes),
        money=tuple(one.money for one in mine if one.money),
        waited=_long(scene.waited) if scene.waited >= timedelta(minutes=1) else "",
        waits_for=WHOM.get(scene.waits_for, WHOM[MACHINE]),
        tone="bad" if held else "good" if cleared else "calm",
    )


def _long(span: timedelta) -> str:
    """``3 d 4 h``, ``25 min``."""
    minutes = int(span.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h" if hours else f"{minutes} min"


def _traces(session: Session, encounter_id: UUID) -> list[_Beside]:
    found = session.scalars(
        select(EvaluationRow).where(EvaluationRow.encounter_id == encounter_id).order_by(EvaluationRow.created_at)
    )
    return [_Beside(row.created_at, trace=_short(row)) for row in found]


def _short(row: EvaluationRow) -> str:
    """A trace in one line: which gate holds, by which checks."""
    gates = (
        row.trace.get("documentation", []),
        row.trace.get("authorization", {}).get("findings", []),
        row.trace.get("scrub", []),
    )
    codes = [str(f["code"]) for findings in gates for f in findings if f.get("severity") in ("hold", "block")]
    gate = formats.words(row.gate) if row.gate else "Nothing holds it"
    return f"{gate}{': ' + ', '.join(codes) if codes else ''} (trace {row.sha256[:8]})"


_sent_at = func.coalesce(ClaimVersionRow.sent_at, ClaimVersionRow.created_at)


def _bytes(session: Session, encounter_id: UUID) -> list[_Beside]:
    told: list[_Beside] = []
    sent = session.execute(
        select(BatchRow.id, BatchRow.file_name, BatchRow.sha256, _sent_at, ClaimVersionRow.version)
        .join(ClaimVersionRow, ClaimVersionRow.batch_id == BatchRow.id)
        .where(ClaimVersionRow.encounter_id == encounter_id, ClaimVersionRow.sent_at.is_not(None))
    )
    for batch, name, sha256, at, version in sent:
        told.append(_Beside(at, bytes=Bytes(f"Claim version {version} sent", name, f"/batches/{batch}", sha256[:12])))
    heard = session.execute(
        select(AcknowledgementRow.kind, AcknowledgementRow.accepted, AcknowledgementRow.created_at, InboundFileRow)
        .join(InboundFileRow, InboundFileRow.id == AcknowledgementRow.inbound_file_id)
        .join(ClaimVersionRow, ClaimVersionRow.id == AcknowledgementRow.claim_version_id)
        .where(ClaimVersionRow.encounter_id == encounter_id)
    )
    for kind, accepted, at, file in heard:
        label = f"{kind} {'accepted' if accepted else 'refused'} it"
        told.append(_Beside(at, bytes=Bytes(label, file.file_name, f"/files/{file.id}", file.sha256[:12])))
    paid = session.execute(
        select(RemittanceClaimRow.created_at, RemittanceClaimRow.paid, InboundFileRow)
        .join(RemittanceRow, RemittanceRow.id == RemittanceClaimRow.remittance_id)
        .join(InboundFileRow, InboundFileRow.id == RemittanceRow.inbound_file_id)
        .where(RemittanceClaimRow.encounter_id == encounter_id)
    )
    for at, amount, file in paid:
        label = f"Remittance: {formats.money(amount)} paid"
        told.append(_Beside(at, bytes=Bytes(label, file.file_name, f"/files/{file.id}", file.sha256[:12])))
    return told


def _money(session: Session, encounter_id: UUID) -> tuple[list[_Beside], tuple[Decimal, Decimal]]:
    """Each transaction with its change of the two receivables, and what they come to after it."""
    found = session.execute(
        select(
            LedgerTransactionRow.id,
            LedgerTransactionRow.kind,
            LedgerTransactionRow.created_at,
            func.coalesce(func.sum(LedgerEntryRow.amount).filter(LedgerEntryRow.account == PAYER_RECEIVABLE), 0),
            func.coalesce(func.sum(LedgerEntryRow.amount).filter(LedgerEntryRow.account == PATIENT_RECEIVABLE), 0),
        )
        .join(LedgerEntryRow, LedgerEntryRow.transaction_id == LedgerTransactionRow.id)
        .where(LedgerEntryRow.encounter_id == encounter_id)
        .group_by(LedgerTransactionRow.id)
        .order_by(LedgerTransactionRow.created_at, LedgerTransactionRow.id)
    )
    payer = patient = formats.ZERO
    told = []
    for _, kind, at, of_payer, of_patient in found:
        payer, patient = payer + of_payer, patient + of_patient
        money = Money(
            what=formats.words(kind),
            payer=_signed(of_payer),
            patient=_signed(of_patient),
            payer_owes=formats.money(payer),
            patient_owes=formats.money(patient),
        )
        told.append(_Beside(at, money=money))
    return told, (payer, patient)


def _signed(amount: Decimal) -> str:
    return f"+{formats.money(amount)}" if amount > 0 else formats.money(amount) if amount else ""


def cases(session: Session, viewer: Viewer, wanted: Meeting) -> tuple[Case, ...]:
    """The worst of a period by one measure, then visits at random among the others.

    Random is drawn from the period and the practice's day alone, so that everybody in the meeting sees the same ones.
    """
    worst = _worst(session, viewer, wanted)
    told = [Case(encounter, f"Worst: {why}") for encounter, why in worst]
    others = sorted(set(_of_period(session, viewer, wanted)) - {case.encounter_id for case in told})
    draw = random.Random(f"{wanted.first_day}{wanted.last_day}{viewer.today}")  # noqa: S311 - a sample, not a secret
    chosen = draw.sample(others, min(wanted.random_count, len(others)))
    return (*told, *(Case(encounter, "Drawn at random") for encounter in chosen))


def _of_period(session: Session, viewer: Viewer, wanted: Meeting) -> Sequence[UUID]:
    return session.scalars(
        select(EncounterRow.id).where(
            EncounterRow.practice_id == viewer.practice_id,
            EncounterRow.date_of_service.between(wanted.first_day, wanted.last_day),
        )
    ).all()


def _worst(session: Session, viewer: Viewer, wanted: Meeting) -> list[tuple[UUID, str]]:
    period = EncounterRow.date_of_service.between(wanted.first_day, wanted.last_day)
    mine = EncounterRow.practice_id == viewer.practice_id
    query: Select[*tuple[Any, ...]]
    if wanted.by == "touches":
        acts = func.count(EventRow.id).label("worst")
        query = (
            select(EncounterRow.id, acts)
            .join(EventRow, EventRow.encounter_id == EncounterRow.id)
            .where(mine, period, EventRow.actor != "Firstpass")
            .group_by(EncounterRow.id)
        )
        told = "{:,.0f} acts by people"
    elif wanted.by == "dollars":
        lost = func.sum(LedgerEntryRow.amount).label("worst")
        query = (
            select(EncounterRow.id, lost)
            .join(LedgerEntryRow, LedgerEntryRow.encounter_id == EncounterRow.id)
            .where(mine, period, LedgerEntryRow.account.in_((PAYER_RECEIVABLE, WRITE_OFF)))
            .group_by(EncounterRow.id)
            .having(func.sum(LedgerEntryRow.amount) > 0)
        )
        told = "${:,.2f} not paid"
    else:
        ended = func.coalesce(EncounterRow.closed_at, viewer.now)
        lasted = (func.extract("epoch", ended - EncounterRow.created_at) / 86_400).label("worst")
        query = select(EncounterRow.id, lasted).where(mine, period)
        told = "{:,.1f} days on the way"
    found = session.execute(
        query.order_by(query.selected_columns.worst.desc(), EncounterRow.id).limit(wanted.worst_count)
    )
    return [(encounter, told.format(worst)) for encounter, worst in found]
