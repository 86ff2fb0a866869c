"""A visit beyond its authorization or limit: the three ways, the notice to the patient; and how its limits stand."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.financial_notices import excess_of_booking
from billing import benefits, fork
from billing.benefits import Standing
from billing.desk import WORK, may_write_off
from billing.practice import PlanTerms
from billing.vocabulary import BeneficiaryChoice, Discipline, FinancialNotice, LimitMeasure, LimitSource, Queue
from billing.vocabulary import SignatureState as Signature
from models.store.book import book_of
from models.store.covers import is_beyond
from models.store.desk import settings_of
from models.store.notices import as_fact, financial_notice, financial_notice_of
from models.store.visits import limits_of, terms_of
from models.tables.authorizations import BookingRow
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.notices import FinancialNoticeRow
from models.tables.patients import PatientRow
from models.tables.practice import PracticeRow
from web import formats
from web.formats import Chip
from web.viewer import Viewer

CLOSED_WAY, OPEN_WAY = Chip("calm", "✕", "Closed"), Chip("good", "✓", "Open")
SIGNATURES = {
    Signature.UNSIGNED.value: Chip("warn", "◔", "Not signed"),
    Signature.SIGNED.value: Chip("good", "✓", "Signed"),
    Signature.REFUSED.value: Chip("bad", "✕", "Refused"),
}
CHOICES = (
    (BeneficiaryChoice.BILL_MEDICARE.value, "Option 1: bill Medicare first"),
    (BeneficiaryChoice.DO_NOT_BILL.value, "Option 2: do not bill Medicare"),
    (BeneficiaryChoice.NO_SERVICE.value, "Option 3: does not want the service"),
)
NAMES = {FinancialNotice.WAIVER: "Financial notice", FinancialNotice.ABN: "Advance Beneficiary Notice (CMS-R-131)"}
INSIDE = ("ready", "withdrawn", "refiling", "correcting", "rejected")


@dataclass(frozen=True, slots=True)
class WayRow:
    """One way of the fork. decide: the decision that takes it, as the pane anchors it; "" where asking the payer is a
    case of its own."""

    label: str
    state: Chip
    why: str
    allowed: bool
    decide: str


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """The notice to the patient."""

    id: str
    name: str
    estimate: str
    steps: tuple[str, ...]
    presented: str
    state: Chip
    signed: str
    print_href: str
    is_answered: bool
    is_abn: bool


@dataclass(frozen=True, slots=True)
class Fork:
    """What may be done about a visit beyond its authorization or limit."""

    make_href: str
    ask_href: str
    item_href: str
    ways: tuple[WayRow, ...]
    notice_name: str
    notice: NoticeRow | None
    may_act: bool
    today: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A benefit limit as the visit meets it."""

    limit_id: str
    title: str
    of: str
    state: Chip
    period: str
    here: str
    elsewhere: str
    this_visit: str
    left: str
    used: str
    quantity: str
    source: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a visit, with the form for what other clinics used."""

    encounter_id: str
    rows: tuple[LimitRow, ...]
    may_tell: bool
    today: str
    sources: tuple[str, ...]


def of_visit(session: Session, viewer: Viewer, encounter_id: UUID) -> Fork | None:
    """The fork of a visit held at authorization; None where it does not arise."""
    item = session.scalars(
        select(WorkItemRow).where(
            WorkItemRow.encounter_id == encounter_id,
            WorkItemRow.queue == Queue.AUTHORIZATION.value,
            WorkItemRow.closed_at.is_(None),
        )
    ).one_or_none()
    excess = fork.excess_of(str(finding["code"]) for finding in item.findings) if item else None
    if item is None or excess is None:
        return None
    row = session.get_one(EncounterRow, encounter_id)
    practice = session.get_one(PracticeRow, viewer.practice_id)
    terms = terms_of(session, practice, row)
    notice = financial_notice_of(session, row)
    limit = settings_of(practice).write_off_limit
    facts = fork.ForkFacts(
        terms=terms,
        excess=excess,
        date_of_service=row.date_of_service,
        charge=item.amount,
        notice=as_fact(notice),
        claim_is_out=_is_out(session, encounter_id),
        write_off_limit=None if may_write_off(viewer.role, item.amount, limit) else limit,
    )
    return Fork(
        make_href=f"/encounters/{encounter_id}/financial-notice",
        ask_href=f"/encounters/{encounter_id}/extension",
        item_href=f"/queues/{item.queue}/{item.id}",
        ways=tuple(_way(way) for way in fork.ways(facts)),
        notice_name=_notice_name(facts),
        notice=_notice(notice, viewer) if notice else None,
        may_act=viewer.may(WORK),
        today=viewer.today.isoformat(),
        choices=CHOICES,
    )


def of_booking(session: Session, viewer: Viewer, booking_id: UUID) -> tuple[BookingRow, Fork] | None:
    """The fork of a booked visit beyond authorization or limit. Before the visit only the notice is made."""
    booking = session.get(BookingRow, booking_id)
    if booking is None or not is_beyond(booking):
        return None
    practice = session.get_one(PracticeRow, viewer.practice_id)
    terms = book_of(session, practice).plans[booking.plan_id].terms_on(booking.service_date)
    terms = terms or PlanTerms(effective_from=booking.service_date)
    notice = financial_notice(
        session, booking.patient_external_id, booking.plan_id, booking.discipline, booking.service_date
    )
    facts = fork.ForkFacts(
        terms=terms,
        excess=excess_of_booking(booking),
        date_of_service=booking.service_date,
        charge=notice.estimate if notice else Decimal("0.00"),
        notice=as_fact(notice),
    )
    made = Fork(
        make_href=f"/bookings/{booking_id}/financial-notice",
        ask_href=f"/bookings/{booking_id}/extension",
        item_href="/authorizations/bookings",
        ways=tuple(_way(way) for way in fork.ways_ahead(facts)),
        notice_name=_notice_name(facts),
        notice=_notice(notice, viewer) if notice else None,
        may_act=viewer.may(WORK),
        today=viewer.today.isoformat(),
        choices=CHOICES,
    )
    return booking, made


def _notice_name(facts: fork.ForkFacts) -> str:
    """The paper the plan wants; "" where none would help and none was made."""
    wanted = facts.notice is not None or fork.notice_helps(facts)
    return NAMES.get(facts.terms.financial_notice, "") if wanted else ""


def limits(session: Session, viewer: Viewer, encounter_id: UUID) -> Limits:
    """Every limit of the visit's plan the visit falls under, counted now."""
    row = session.get_one(EncounterRow, encounter_id)
    practice = session.get_one(PracticeRow, viewer.practice_id)
    return Limits(
        encounter_id=str(encounter_id),
        rows=tuple(_limit(stands) for stands in limits_of(session, practice, row)),
        may_tell=viewer.may(WORK),
        today=viewer.today.isoformat(),
        sources=tuple(source.value for source in LimitSource),
    )


def _is_out(session: Session, encounter_id: UUID) -> bool:
    status = session.scalar(
        select(ClaimVersionRow.status)
        .join(ClaimRow, ClaimRow.id == ClaimVersionRow.claim_id)
        .where(ClaimRow.encounter_id == encounter_id, ClaimVersionRow.version == ClaimRow.current_version)
    )
    return status is not None and status not in INSIDE


DECIDES = {"extension": "", "write_off": "write_off", "patient_pay": "patient_pay"}


def _way(way: fork.Way) -> WayRow:
    return WayRow(way.label, OPEN_WAY if way.allowed else CLOSED_WAY, way.why, way.allowed, DECIDES[way.key])


def _notice(row: FinancialNoticeRow, viewer: Viewer) -> NoticeRow:
    return NoticeRow(
        id=str(row.id),
        name=NAMES[FinancialNotice(row.kind)],
        estimate=formats.money(row.estimate),
        steps=tuple(str(step["text"]) for step in row.steps),
        presented=formats.day(row.presented_on) if row.presented_on else "not yet",
        state=SIGNATURES[row.signature_state],
        signed=_signed(row),
        print_href=f"/financial-notices/{row.id}",
        is_answered=row.signature_state != Signature.UNSIGNED.value,
        is_abn=row.kind == FinancialNotice.ABN.value,
    )


def _signed(row: FinancialNoticeRow) -> str:
    option = dict(CHOICES).get(row.choice or "", "")
    return ", ".join(part for part in (formats.day(row.signed_on) if row.signed_on else "", option) if part)


def _limit(stands: Standing) -> LimitRow:
    limit, unit = stands.limit, " visits" if stands.limit.measure is LimitMeasure.VISITS else ""
    elsewhere = "nobody has told"
    if stands.used_elsewhere is not None:
        elsewhere = f"{benefits.amount(limit, stands.used_elsewhere)} as of {formats.day(stands.as_of)}"
    return LimitRow(
        limit_id=limit.limit_id,
        title=benefits.title(limit),
        of=_of(stands.disciplines, limit.hard, limit.care.value),
        state=_state(stands),
        period=f"{formats.day(stands.period_start)} to {formats.day(stands.period_end)}",
        here=benefits.amount(limit, stands.used_here),
        elsewhere=elsewhere,
        this_visit=benefits.amount(limit, stands.this_visit),
        left=f"{benefits.amount(limit, stands.left_after)} of {benefits.amount(limit, limit.quantity)}{unit} left",
        used=str(min(stands.used + stands.this_visit, limit.quantity)),
        quantity=str(limit.quantity),
        source=limit.source,
        steps=tuple(step.text for step in stands.steps),
    )


def _of(disciplines: tuple[Discipline, ...], hard: bool, care: str) -> str:
    shared = " and ".join(discipline.value for discipline in disciplines)
    only = "" if care == "any" else f", {care} care only"
    return (
        f"{shared} together{only}, {'hard' if hard else 'soft'}"
        if len(disciplines) > 1
        else (f"{shared}{only}, {'hard' if hard else 'soft'}")
    )


def _state(stands: Standing) -> Chip:
    if stands.exceeded:
        soft = benefits.is_built_in(stands.limit) or not stands.limit.hard
        return Chip("warn" if soft else "bad", "!", "Beyond the limit")
    if stands.near:
        return Chip("warn", "◔", f"{benefits.amount(stands.limit, stands.left_after)} left")
    return Chip("good", "✓", "Within")


def printed(session: Session, notice_id: UUID) -> FinancialNoticeRow | None:
    """A notice as the patient reads it."""
    return session.get(FinancialNoticeRow, notice_id)


def patient_named(session: Session, notice: FinancialNoticeRow) -> str:
    """Whose signature it is to carry, as the paper's head says it."""
    wanted = PatientRow.external_id == notice.patient_external_id
    patient = session.scalars(select(PatientRow).where(wanted)).one_or_none()
    name = formats.person(patient.first_name, patient.last_name) if patient else ""
    return f"{name} {notice.patient_external_id}".strip()


def parsed_day(value: str) -> date | None:
    """A day as a form sends it."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
