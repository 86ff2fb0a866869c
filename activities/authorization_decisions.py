"""What people may decide about a case of asking a payer, and what each answer of the payer does."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from sqlalchemy import select

from activities import authorization_cases as cases
from activities.case import Case, refusal
from activities.clock import practice_day
from activities.grant_form import measure_of, quantity_of, typed_grant, words_of
from activities.grants import approve, recheck_held, record_grant
from activities.nudges import tell_authorizations
from activities.reservations import reassess
from billing.authorization_case import PACKET_HOURS, TO_DO, WAITING, WORDS, answer_clock
from billing.vocabulary import AuthorizationCaseState as State
from billing.vocabulary import Discipline
from models.store.book import book_of
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow

DOCUMENTS_MAX = 50
SENDABLE = (*TO_DO, State.INFORMATION_ASKED, State.DENIED)


def start_packet(case: Case) -> str:
    """Somebody gathers what the payer wants to see."""
    row = _open(case)
    _only_from(row, (State.NEEDED, State.DENIED))
    _take_request(case, row)
    return _to(case, row, State.BUILDING, "The packet is being built; this stays until it is sent.")


def mark_sent(case: Case) -> str:
    """The request is with the payer: from now on its clock runs, and nobody is asked before it has run out."""
    row = _open(case)
    _only_from(row, SENDABLE)
    _take_request(case, row)
    _start_clock(case, row)
    day = practice_day(row.answer_due_at, case.practice.time_zone) if row.answer_due_at else case.today
    return _to(case, row, State.SENT, f"Sent. The payer's answer is due on {day}; this comes back if none is there.")


def extension_requested(case: Case) -> str:
    """The payer was asked for more days or visits on the present authorization; its clock runs."""
    row = _open(case)
    _only_from(row, SENDABLE)
    if row.predecessor_id is None:
        raise refusal("There is no authorization to extend here; send a request instead.")
    _take_request(case, row)
    _start_clock(case, row)
    return _to(case, row, State.EXTENSION_REQUESTED, "The extension is requested; this comes back if nobody answers.")


def information_asked(case: Case) -> str:
    """The payer asks for more: its clock stands still, ours runs."""
    row = _open(case)
    _only_from(row, WAITING)
    row.question = case.text("question", "what the payer asks for")
    row.answer_due_at, row.overdue = None, False
    row.due_at = case.now + timedelta(hours=PACKET_HOURS)
    return _to(case, row, State.INFORMATION_ASKED, "Noted. Send what the payer asked for, then mark it as sent.")


def record_answer(case: Case) -> str:
    """The payer granted (the visits that covers go on by themselves) or denied, with the reason it must give."""
    row = _open(case)
    outcome = case.text("outcome", "the payer's answer")
    _answered(case, row)
    if outcome == "denied":
        row.denial_reason = case.text("denial_reason", "the payer's reason for the denial")
        row.answer_due_at, row.overdue = None, False
        row.due_at = case.now + timedelta(hours=PACKET_HOURS)
        return _to(case, row, State.DENIED, "The denial is noted. Ask again, let the patient pay, or end care.")
    if outcome != "granted":
        raise refusal("Choose the payer's answer: granted or denied.")
    plan = book_of(case.session, case.practice).plans[row.plan_id].plan_id
    disciplines = tuple(Discipline(name) for name in row.disciplines)
    grant = typed_grant(case, row.patient_external_id, plan, disciplines, number_may_follow=True)
    granted = record_grant(case.session, case.practice, grant, case.now, case.user.name)
    if row.closed_at is None:  # shorter than the one it follows on; the person says all the same that it answers this
        approve(case.session, row, granted, case.now)
    number = granted.number or "(number to come)"
    return f"Authorization {number} recorded, {WORDS[State(row.state)]}; held visits are being checked again."


def link_authorization(case: Case) -> str:
    """An authorization already on file answers this case."""
    row = _open(case)
    wanted = case.text("authorization_id", "the authorization")
    granted = case.session.scalars(
        select(AuthorizationRow)
        .where(
            AuthorizationRow.practice_id == case.practice.id,
            AuthorizationRow.patient_external_id == row.patient_external_id,
            AuthorizationRow.plan_id == row.plan_id,
            AuthorizationRow.id != row.predecessor_id if row.predecessor_id else AuthorizationRow.id.is_not(None),
            (AuthorizationRow.number == wanted) | (AuthorizationRow.external_id == wanted),
        )
        .order_by(AuthorizationRow.effective_to.desc())
    ).first()
    if granted is None:
        raise refusal("This patient has no other authorization of this plan with that number; record the answer.")
    _answered(case, row)
    approve(case.session, row, granted, case.now)
    recheck_held(case.session, granted)
    return f"Linked to authorization {granted.number}; held visits are being checked again."


def none_needed(case: Case) -> str:
    """The payer says that none is needed: kept with who, when and reference, as proof for a later denial."""
    row = _open(case)
    row.answered_by = case.text("answered_by", "who at the payer said so")
    row.answer_reference = case.text("reference", "the payer's reference (call or chat number)")
    row.answered_at = case.now
    row.answer_from = _day_or(case, "effective_from", _first_day(case, row))
    row.answer_to = _day_or(case, "effective_to", date(case.today.year, 12, 31))
    if row.answer_to < row.answer_from:
        raise refusal("The last day is before the first day.")
    cases.close(case.session, row, State.NONE_NEEDED, case.now)
    reassess(case.session, case.practice, row.patient_external_id, case.now)
    span = f"{row.answer_from} to {row.answer_to}"
    return _noted(case, row, f"Noted: no authorization needed {span} (reference {row.answer_reference}).")


def patient_pay(case: Case) -> str:
    """No authorization will come: visits beyond go on only if the patient pays, decided visit by visit."""
    row = _open(case)
    cases.close(case.session, row, State.PATIENT_PAY, case.now)
    return _noted(case, row, "Noted: patient-pay only. Decide each visit that is held.")


def not_continuing(case: Case) -> str:
    """Care ends; nothing more is asked for."""
    row = _open(case)
    before = case.session.get(AuthorizationRow, row.predecessor_id) if row.predecessor_id else None
    if before is not None:
        before.status = "not_continued"
        tell_authorizations(case.session, case.practice.id, {before.id})
    cases.close(case.session, row, State.NOT_CONTINUING, case.now)
    return _noted(case, row, "Noted: care ends, no further authorization is asked for.")


def escalate(case: Case) -> str:
    """The supervisor has to look."""
    row = _open(case)
    row.escalated = True
    cases.show(case.session, case.practice, row, case.now)
    return _noted(case, row, "Escalated to the supervisor.")


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function
    for function in (
        start_packet,
        mark_sent,
        extension_requested,
        information_asked,
        record_answer,
        link_authorization,
        none_needed,
        patient_pay,
        not_continuing,
        escalate,
    )
}


def _open(case: Case) -> AuthorizationCaseRow:
    row = case.session.scalars(
        select(AuthorizationCaseRow).where(AuthorizationCaseRow.id == case.item.authorization_case_id).with_for_update()
    ).one()
    if row.closed_at is not None:
        raise refusal(f"This case is closed ({WORDS[State(row.state)]}); there is nothing left to decide.")
    return row


def _only_from(row: AuthorizationCaseRow, states: tuple[State, ...]) -> None:
    if State(row.state) not in states:
        raise refusal(f"That does not fit a case that is {WORDS[State(row.state)]}.")


def _to(case: Case, row: AuthorizationCaseRow, state: State, message: str) -> str:
    row.state = state.value
    if state is not State.INFORMATION_ASKED:
        row.question = ""
    cases.show(case.session, case.practice, row, case.now)
    cases.recheck_held(case.session, row)
    return _noted(case, row, message)


def _noted(case: Case, row: AuthorizationCaseRow, message: str) -> str:
    kind = f"authorization_case.{row.state}"
    cases.note(case.session, row, kind, message, case.now, actor=case.user.name)
    return message


def _take_request(case: Case, row: AuthorizationCaseRow) -> None:
    """What is asked for, as far as typed; kept apart from what will be granted."""
    fields = case.decision.fields
    if fields.get("requested_quantity", "").strip():
        measure = measure_of(case, "requested_unit_of_measure")
        row.requested_quantity = quantity_of(case, "requested_quantity", measure)
        row.requested_unit_of_measure = measure.value
    if fields.get("requested_from", "").strip() or fields.get("requested_to", "").strip():
        row.requested_from = case.day("requested_from", "the first day asked for")
        row.requested_to = case.day("requested_to", "the last day asked for")
        if row.requested_to < row.requested_from:
            raise refusal("The last day asked for is before the first.")
    if fields.get("requested_codes", "").strip():
        row.requested_codes = list(words_of(case, "requested_codes"))
    row.urgent = fields.get("urgent", "").strip().lower() in ("yes", "true", "on", "1") or row.urgent
    name = fields.get("document", "").strip()
    if name:
        if len(row.documents) >= DOCUMENTS_MAX:
            raise refusal(f"More than {DOCUMENTS_MAX} documents are named already.")
        document = {"name": name, "reference": fields.get("document_reference", "").strip()}
        row.documents = [*row.documents, document]


def _start_clock(case: Case, row: AuthorizationCaseRow) -> None:
    terms = cases.terms_of(case.session, case.practice, row.plan_id, case.now)
    clock = answer_clock(case.now, case.today, terms, urgent=row.urgent)
    row.sent_at, row.answer_due_at, row.due_at = case.now, clock.due_at, clock.due_at
    row.overdue = row.escalated = False
    row.denial_reason = ""


def _answered(case: Case, row: AuthorizationCaseRow) -> None:
    row.answered_at = case.now
    row.answered_by = case.decision.fields.get("answered_by", "").strip()
    row.answer_reference = case.decision.fields.get("reference", "").strip()


def _day_or(case: Case, name: str, otherwise: date) -> date:
    if not case.decision.fields.get(name, "").strip():
        return otherwise
    return case.day(name, name.replace("_", " "))


def _first_day(case: Case, row: AuthorizationCaseRow) -> date:
    """From the oldest visit that waits for it on; else from today."""
    held = cases.held_visits(case.session, row)
    return min([visit.date_of_service for visit in held], default=case.today)
