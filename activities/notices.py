"""Letters to patients: planned once per authorization and kind, sent as often as the settings allow, or printed.

An intent is written before the mail server is called, and what it said afterwards. A process that died in between
leaves ``sending``: that letter may have been sent, and is treated as such.
"""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.financial_notices import practice_facts
from activities.gateways.mail import Message, NotSent, OutcomeUnknown, SmtpMail, new_message_id
from billing.findings import Finding
from billing.notices import TITLES, VISITS_LEFT_AT, NoticeKind, filled
from billing.reauthorization import AuthorizationOutlook
from billing.trace import finding_to_dict
from billing.vocabulary import Owner, Queue, Severity, UnitOfMeasure
from models.ids import new_id, notice_workflow_id
from models.messages import LookAtNotice, NoticeProgress, NoticeRef
from models.store.desk import Ticket, close_item, put_item, settings_of
from models.store.life import record, tell
from models.store.notices import template_of
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.notices import NoticeRow
from models.tables.patients import PatientRow
from models.tables.practice import PracticeRow

PRINT_NOTICE = "print_notice"
NO_SERVER = "no mail server is set (FIRSTPASS_SMTP_HOST)"
WITHOUT_ADDRESS = "the patient gave no e-mail address, or wants paper"
EMAIL = "email"


def subject_of(notice_id: UUID) -> str:
    """The name of a letter's work item."""
    return f"notice/{notice_id}"


def plan_notice(
    session: Session, practice: PracticeRow, row: AuthorizationRow, kind: NoticeKind, left: Decimal, now: datetime
) -> None:
    """Tell the patient of an authorization, once per kind: the letter and the word to its workflow in this commit.

    The caller holds the authorization's lock. Nothing is planned where the practice tells patients nothing, or before
    the patient is known.
    """
    desk = settings_of(practice)
    patient = session.scalars(select(PatientRow).where(PatientRow.external_id == row.patient_external_id)).one_or_none()
    if not desk.patient_notices or patient is None or _is_planned(session, row, kind):
        return
    template = template_of(session, kind)
    facts = practice_facts(practice) | {"first_name": patient.first_name, "visits_left": f"{left:.0f}"}
    letter = filled(template, facts)
    address = _address(patient)
    notice = NoticeRow(
        id=new_id(),
        practice_id=practice.id,
        patient_id=patient.id,
        authorization_id=row.id,
        kind=kind.value,
        state="queued" if address else "no_address",
        address=address,
        subject=letter.subject,
        body=letter.body,
        template_version=template.version,
        message_id="",
        outcome="" if address else WITHOUT_ADDRESS,
    )
    session.add(notice)
    said = f"Letter to the patient planned: {TITLES[kind]}" + ("" if address else "; to be printed, there is no e-mail")
    record(session, practice.id, "notice.planned", said, authorization_id=row.id, at=now)
    if address or desk.print_notices:
        session.flush()
        reference = NoticeRef(practice_id=practice.id, notice_id=notice.id)
        tell(session, practice.id, notice_workflow_id(notice.id), "NoticeWorkflow", reference)


def tell_patient(
    session: Session,
    practice: PracticeRow,
    row: AuthorizationRow,
    ahead: AuthorizationOutlook,
    left: Decimal,
    now: datetime,
) -> None:
    """Plan the letters an authorization's standing asks for: few visits left, or the next one being asked for.

    left: not used, in the authorization's unit of measure. Who was told of the next one is not told of few visits.
    """
    counts_visits = row.unit_of_measure == UnitOfMeasure.VISITS.value
    if ahead.open_now:
        plan_notice(session, practice, row, NoticeKind.REAUTHORIZATION, left, now)
    elif ahead.ended is None and counts_visits and left <= VISITS_LEFT_AT:
        if _is_planned(session, row, NoticeKind.REAUTHORIZATION):
            return
        plan_notice(session, practice, row, NoticeKind.VISITS_LEFT, left, now)


def _is_planned(session: Session, row: AuthorizationRow, kind: NoticeKind) -> bool:
    known = select(NoticeRow.id).where(NoticeRow.authorization_id == row.id, NoticeRow.kind == kind.value)
    return session.scalar(known) is not None


def _address(patient: PatientRow) -> str:
    wants_mail = patient.facts.get("contact_preference", EMAIL) == EMAIL
    return (patient.facts.get("email") or "") if wants_mail else ""


def mark_printed(session: Session, notice: NoticeRow, actor: str, now: datetime) -> str:
    """A person printed the letter and gave it to the patient; its workflow is told."""
    notice.state, notice.settled_at, notice.outcome = "printed", now, ""
    record(
        session,
        notice.practice_id,
        "notice.printed",
        "Letter to the patient printed",
        authorization_id=notice.authorization_id,
        actor=actor,
        at=now,
    )
    reference = NoticeRef(practice_id=notice.practice_id, notice_id=notice.id)
    tell(session, notice.practice_id, notice_workflow_id(notice.id), "NoticeWorkflow", reference, "recheck")
    return "Printed; the letter is done."


def locked(session: Session, notice_id: UUID) -> NoticeRow:
    """The letter, locked until the commit."""
    return session.scalars(select(NoticeRow).where(NoticeRow.id == notice_id).with_for_update()).one()


class NoticeActivities:
    """What a letter needs next."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(no_thread_cancel_exception=True)
    def look_at_notice(self, look: LookAtNotice) -> NoticeProgress:
        """Whether the letter is to be sent, printed by a person, or is done."""
        with practice_session(self._engine, look.practice_id) as session:
            notice = locked(session, look.notice_id)
            if notice.state in ("queued", "sending"):
                return NoticeProgress(outcome="send")
            practice = session.get_one(PracticeRow, look.practice_id)
            if notice.settled_at is not None or not settings_of(practice).print_notices:
                close_item(session, look.practice_id, subject_of(notice.id), notice.state, look.now)
                return NoticeProgress(outcome="over")
            put_item(session, look.practice_id, _print_ticket(notice), look.now)
            return NoticeProgress(outcome="print")


def _print_ticket(notice: NoticeRow) -> Ticket:
    finding = Finding(
        code=PRINT_NOTICE,
        severity=Severity.HOLD,
        owner=Owner.FRONT_DESK,
        message=f"A letter to the patient could not be sent: {notice.outcome}. Print it",
        clears_when="the letter was printed and given to the patient, or the patient was told otherwise",
        evidence={"letter": TITLES[NoticeKind(notice.kind)], "state": notice.state.replace("_", " ")},
    )
    return Ticket(
        subject=subject_of(notice.id),
        queue=Queue.AUTHORIZATION.value,
        kind=PRINT_NOTICE,
        workflow_id=notice_workflow_id(notice.id),
        authorization_id=notice.authorization_id,
        reason=finding.message,
        clears_when=finding.clears_when,
        whose_move=finding.owner.value,
        findings=[finding_to_dict(finding)],
    )


class NoticeSendingActivities:
    """The one call that leaves the building. gateway: None where no mail server is set."""

    def __init__(self, engine: Engine, gateway: SmtpMail | None) -> None:
        self._engine = engine
        self._gateway = gateway

    @activity.defn(no_thread_cancel_exception=True)
    def send_notice(self, reference: NoticeRef) -> None:
        """Send the letter unless that is settled, and record what is known of it. Raises to be tried again later."""
        message = self._begin(reference)
        if message is None or self._gateway is None:
            return
        try:
            self._gateway.send(message)
        except OutcomeUnknown as unknown:
            self._outcome_unknown(reference, str(unknown))
        except NotSent as refused:
            self._not_sent(reference, refused)
        else:
            self._record(reference, "sent", "", "Letter to the patient sent by e-mail")

    def _begin(self, reference: NoticeRef) -> Message | None:
        """The intent, committed before the call; None where there is nothing to send (any more)."""
        with practice_session(self._engine, reference.practice_id) as session:
            notice = locked(session, reference.notice_id)
            if notice.state == "sending" and not self._may_repeat(session, notice, "the attempt before was cut short"):
                return None
            if notice.state not in ("queued", "sending"):
                return None
            if self._gateway is None:
                _settle(session, notice, "failed", NO_SERVER, f"Letter to the patient not sent: {NO_SERVER}")
                return None
            notice.state, notice.attempts = "sending", notice.attempts + 1
            notice.message_id = notice.message_id or new_message_id(self._gateway.address.sender)
            return Message(notice.message_id, notice.address, notice.subject, notice.body)

    def _may_repeat(self, session: Session, notice: NoticeRow, why: str) -> bool:
        """Whether the settings let a letter be sent again that may have arrived; where not, it is said and left."""
        notice.unknown_outcomes += 1
        allowed = self._gateway.address.unknown_retries if self._gateway else 0
        if notice.unknown_outcomes <= allowed:
            return True
        said = f"Letter to the patient may have been sent or not: {why}"
        _settle(session, notice, "unknown", f"it may have been sent: {why}", said)
        return False

    def _outcome_unknown(self, reference: NoticeRef, why: str) -> None:
        with practice_session(self._engine, reference.practice_id) as session:
            notice = locked(session, reference.notice_id)
            if not self._may_repeat(session, notice, why):
                return
            notice.state = "queued"
        raise ApplicationError(f"The outcome is unknown, and the settings let it be repeated: {why}")

    def _not_sent(self, reference: NoticeRef, refused: NotSent) -> None:
        assert self._gateway is not None
        with practice_session(self._engine, reference.practice_id) as session:
            notice = locked(session, reference.notice_id)
            if refused.permanent or notice.attempts >= self._gateway.address.attempts_max:
                tries = f"{refused} ({notice.attempts} of {self._gateway.address.attempts_max} attempts)"
                _settle(session, notice, "failed", tries, f"Letter to the patient not sent: {refused}")
                return
            notice.state, notice.outcome = "queued", str(refused)
        raise ApplicationError(f"Not sent yet: {refused}")

    def _record(self, reference: NoticeRef, state: str, outcome: str, said: str) -> None:
        with practice_session(self._engine, reference.practice_id) as session:
            _settle(session, locked(session, reference.notice_id), state, outcome, said)


def _settle(session: Session, notice: NoticeRow, state: str, outcome: str, said: str) -> None:
    notice.state, notice.outcome = state, outcome
    if state == "sent":
        notice.settled_at = datetime.now(UTC)
    record(session, notice.practice_id, f"notice.{state}", said, authorization_id=notice.authorization_id)
