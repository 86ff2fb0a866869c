"""The notice before a patient pays: made with an estimate, presented, signed or refused. Each step is kept and said."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.clock import practice_day
from activities.evaluations import evaluate_visit
from activities.refusals import Refused
from billing import fork
from billing.findings import Step
from billing.fork import Excess
from billing.notices import NoticeKind, filled
from billing.trace import steps_to_list
from billing.vocabulary import BeneficiaryChoice, FinancialNotice, SignatureState
from models.store.book import book_of
from models.store.covers import is_beyond
from models.store.life import audit, record
from models.store.notices import template_of
from models.store.visits import terms_of
from models.tables.authorizations import BookingRow
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.notices import FinancialNoticeRow
from models.tables.patients import PatientRow
from models.tables.practice import PracticeRow

REASONS = {
    Excess.AUTHORIZATION: "your plan has not approved it",
    Excess.SOFT_LIMIT: "it is beyond the number of visits your plan pays for without review",
    Excess.HARD_LIMIT: "it is beyond what your plan pays for in this period",
}
KINDS = {FinancialNotice.WAIVER: NoticeKind.PATIENT_PAY, FinancialNotice.ABN: NoticeKind.ABN_FACTS}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who does it, in which practice, when."""

    practice: PracticeRow
    name: str
    now: datetime

    @property
    def today(self) -> date:
        """The practice's calendar day."""
        return practice_day(self.now, self.practice.time_zone)


Estimate = tuple[Decimal, tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class About:
    """Which visit of whom, billed or only booked."""

    patient_external_id: str
    first_name: str
    plan_id: UUID
    discipline: str
    service_date: date
    encounter_id: UUID | None = None
    booking_id: UUID | None = None


def make(session: Session, writer: Writer, row: EncounterRow) -> FinancialNoticeRow:
    """A notice about a visit, with its estimate and text as of now. Raises Refused where none is wanted."""
    evaluation = evaluate_visit(session, row, writer.practice, writer.now)[1]
    terms = terms_of(session, writer.practice, row)
    excess = fork.excess_of(finding.code for finding in evaluation.authorization.findings if finding.stops)
    if excess is None:
        raise Refused("This visit is within its authorization and limits, so there is nothing to tell the patient.")
    if terms.financial_notice is FinancialNotice.NONE:
        raise Refused("This plan wants no notice before the patient pays.")
    estimate, steps = fork.estimate(evaluation.claim)
    if estimate == 0:
        raise Refused("The visit cannot be coded yet, so nothing can be estimated.")
    about = About(
        row.facts["patient"]["patient_id"],
        row.facts["patient"]["first_name"],
        row.plan_id,
        row.discipline,
        row.date_of_service,
        encounter_id=row.id,
    )
    return _made(session, writer, about, terms.financial_notice, (estimate, steps), excess)


def make_for_booking(session: Session, writer: Writer, booking: BookingRow) -> FinancialNoticeRow:
    """A notice about a booked visit no authorization covers, so that the patient can choose before coming.

    The estimate rests on the codes the schedule expects, else on the patient's last claim for the discipline. Raises
    Refused.
    """
    book = book_of(session, writer.practice)
    terms = book.plans[booking.plan_id].terms_on(booking.service_date)
    wanted = terms.financial_notice if terms else FinancialNotice.WAIVER
    if not is_beyond(booking) or booking.encounter_id is not None:
        raise Refused("This booked visit is covered, or has taken place; there is nothing to tell the patient here.")
    if wanted is FinancialNotice.NONE:
        raise Refused("This plan wants no notice before the patient pays.")
    patient = session.scalars(
        select(PatientRow).where(PatientRow.external_id == booking.patient_external_id)
    ).one_or_none()
    if patient is None:
        raise Refused("The chart has not told who the patient is; the notice can be made after the first visit.")
    fees = [fee for code in booking.expected for fee in book.fees.get(code, ())]
    estimate = fork.estimate_of(booking.expected, fees, booking.service_date)
    if estimate[0] == 0:
        estimate = _as_last_time(session, patient, booking.discipline)
    about = About(
        booking.patient_external_id,
        patient.first_name,
        booking.plan_id,
        booking.discipline,
        booking.service_date,
        booking_id=booking.id,
    )
    return _made(session, writer, about, wanted, estimate, excess_of_booking(booking))


def excess_of_booking(booking: BookingRow) -> Excess:
    """What a booked visit is beyond; the hardest counts."""
    if booking.benefit_excess == Excess.HARD_LIMIT.value or not booking.beyond_limit:
        return Excess(booking.benefit_excess)
    return Excess.AUTHORIZATION


def _as_last_time(session: Session, patient: PatientRow, discipline: str) -> Estimate:
    found = session.execute(
        select(ClaimVersionRow.total_charge, EncounterRow.date_of_service)
        .join(EncounterRow, EncounterRow.id == ClaimVersionRow.encounter_id)
        .where(EncounterRow.patient_id == patient.id, EncounterRow.discipline == discipline)
        .order_by(EncounterRow.date_of_service.desc(), ClaimVersionRow.version.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise Refused("The booking names no codes and the patient has no earlier claim: nothing can be estimated.")
    charge, day = found
    return charge, (Step(fork.SUBJECT, f"${charge:,.2f}, as the visit of {day}; the booking names no codes"),)


def _made(
    session: Session, writer: Writer, about: About, wanted: FinancialNotice, estimate: Estimate, excess: Excess
) -> FinancialNoticeRow:
    template = template_of(session, KINDS[wanted])
    dollars, steps = estimate
    letter = filled(
        template,
        practice_facts(writer.practice)
        | {
            "first_name": about.first_name,
            "estimate": f"${dollars:,.2f}",
            "service_date": f"{about.service_date:%m/%d/%Y}",
            "reason": REASONS[excess],
        },
    )
    made = FinancialNoticeRow(
        practice_id=writer.practice.id,
        patient_external_id=about.patient_external_id,
        plan_id=about.plan_id,
        discipline=about.discipline,
        service_date=about.service_date,
        encounter_id=about.encounter_id,
        booking_id=about.booking_id,
        kind=wanted.value,
        estimate=dollars,
        steps=steps_to_list(steps),
        subject=letter.subject,
        body=letter.body,
        template_version=template.version,
        signature_state=SignatureState.UNSIGNED.value,
        made_by=writer.name,
        updated_by=writer.name,
        updated_at=writer.now,
    )
    session.add(made)
    _said(session, writer, made, "notice.made", f"Financial notice over ${dollars} made")
    return made


def mark_presented(session: Session, writer: Writer, notice: FinancialNoticeRow, on: date) -> str:
    """The patient was given the notice on a day."""
    _refuse_the_future(writer, on)
    _refuse_when_answered(notice)
    notice.presented_on = on
    _touch(writer, notice)
    _said(session, writer, notice, "notice.presented", f"Financial notice presented on {on}")
    return f"Presented on {on}."


def mark_signed(
    session: Session, writer: Writer, notice: FinancialNoticeRow, on: date, choice: BeneficiaryChoice | None
) -> str:
    """The patient signed on a day; on an ABN an option was ticked as well."""
    _refuse_the_future(writer, on)
    _refuse_when_answered(notice)
    if notice.kind == FinancialNotice.ABN.value and choice is None:
        raise Refused("Say which option of the ABN the patient chose.")
    if notice.presented_on is not None and on < notice.presented_on:
        raise Refused(f"It was presented on {notice.presented_on}; it cannot have been signed before.")
    notice.presented_on = notice.presented_on or on
    notice.signature_state, notice.signed_on = SignatureState.SIGNED.value, on
    notice.choice = choice.value if choice and notice.kind == FinancialNotice.ABN.value else None
    _touch(writer, notice)
    option = f", option {notice.choice}" if notice.choice else ""
    _said(session, writer, notice, "notice.signed", f"Financial notice signed on {on}{option}")
    return f"Signed on {on}."


def mark_refused(session: Session, writer: Writer, notice: FinancialNoticeRow, on: date) -> str:
    """The patient does not sign."""
    _refuse_the_future(writer, on)
    _refuse_when_answered(notice)
    notice.presented_on = notice.presented_on or on
    notice.signature_state = SignatureState.REFUSED.value
    _touch(writer, notice)
    _said(session, writer, notice, "notice.refused", f"The patient refused to sign on {on}")
    return "Noted: the patient refused to sign."


def locked(session: Session, notice_id: UUID) -> FinancialNoticeRow:
    """The notice, locked until the commit. Raises Refused where there is none."""
    found = session.scalars(
        select(FinancialNoticeRow).where(FinancialNoticeRow.id == notice_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise Refused("This notice is not there any more. Reload the page.")
    return found


def practice_facts(practice: PracticeRow) -> dict[str, str]:
    """What every letter may say of the practice."""
    phone = practice.profile["phone"]
    return {"practice_name": practice.name, "practice_phone": f"({phone[:3]}) {phone[3:6]}-{phone[6:]}"}


def _refuse_the_future(writer: Writer, on: date) -> None:
    if on > writer.today:
        raise Refused("That day lies in the future.")


def _refuse_when_answered(notice: FinancialNoticeRow) -> None:
    if notice.signature_state != SignatureState.UNSIGNED.value:
        raise Refused(f"The patient has answered this notice already ({notice.signature_state}). Make a new one.")


def _touch(writer: Writer, notice: FinancialNoticeRow) -> None:
    notice.updated_by, notice.updated_at = writer.name, writer.now


def _said(session: Session, writer: Writer, notice: FinancialNoticeRow, kind: str, summary: str) -> None:
    practice_id, encounter_id = writer.practice.id, notice.encounter_id
    if encounter_id is not None:
        record(session, practice_id, kind, summary, encounter_id=encounter_id, actor=writer.name, at=writer.now)
    about = f"encounter/{encounter_id}" if encounter_id else f"booking/{notice.booking_id}"
    audit(session, practice_id, writer.name, kind, about)
