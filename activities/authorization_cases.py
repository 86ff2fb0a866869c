"""The case of asking a payer: opened where an authorization is missing or runs out, shown on the desk, ended by facts.

One case is open per patient, plan and disciplines. A case nobody has begun withdraws by itself when nothing wants it
any more; once something was sent, a person records how it ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from temporalio import activity

from activities.clock import morning_of, practice_day
from activities.nudges import RECHECK
from activities.nudges import nudge as nudge_encounter
from billing import authorization_case as rules
from billing import benefits, measures
from billing.authorization_case import TO_DO, WAITING, WORDS
from billing.desk import AUTHORIZATION_CASE
from billing.findings import Finding
from billing.practice import PlanTerms
from billing.trace import finding_to_dict
from billing.vocabulary import AuthorizationCaseState as State
from billing.vocabulary import Discipline, Queue, Severity, Stage, UnitOfMeasure
from models.ids import authorization_case_workflow_id, new_id
from models.messages import AuthorizationCaseProgress, AuthorizationCaseRef, LookAtAuthorizationCase
from models.store import authorizations
from models.store.book import book_of
from models.store.desk import Ticket, close_item, open_item_of, put_item, reschedule
from models.store.life import record, tell
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, BookingRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow

VISIT, BOOKING, REAUTHORIZATION, BY_HAND = "visit", "booking", "reauthorization", "by_hand"
# Findings that a new authorization would clear; a wrong number or one still to come asks for no new one.
ASKING = frozenset({"A1", "A2", "A3", "A4", "A6"})
# Answers that stand: nothing is asked again by itself.
STANDING = (State.PATIENT_PAY.value,)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants an authorization, why, until when. disciplines: what is asked for together, sorted."""

    patient: str
    plan_id: UUID
    disciplines: tuple[str, ...]
    because: str
    due_at: datetime
    predecessor_id: UUID | None = None
    escalated: bool = False


def subject_of(case_id: UUID) -> str:
    """The name of a case's work item."""
    return f"authorization-case/{case_id}"


def terms_of(session: Session, practice: PracticeRow, plan_id: UUID, now: datetime) -> PlanTerms | None:
    """The plan's terms as of today at the practice."""
    return book_of(session, practice).plans[plan_id].terms_on(practice_day(now, practice.time_zone))


def open_for_visit(
    session: Session, practice: PracticeRow, row: EncounterRow, codes: Iterable[str], now: datetime
) -> AuthorizationCaseRow | None:
    """The case a visit held at the authorization gate waits for, opened if need be; None where no new one is asked."""
    patient = row.facts["patient"]["patient_id"]
    if not ASKING & set(codes):
        return find(session, practice.id, patient, row.plan_id, (row.discipline,))
    wish = _wish(session, practice, (patient, row.plan_id, row.discipline), VISIT, now)
    return ensure(session, practice, wish, now)


def open_by_hand(
    session: Session, practice: PracticeRow, about: tuple[str, UUID, str], now: datetime, *, urgent: bool = False
) -> AuthorizationCaseRow:
    """A case somebody asks for; ``about``: patient id, plan, discipline. The open one, if there is one."""
    case = ensure(session, practice, _wish(session, practice, about, BY_HAND, now), now)
    case.urgent = case.urgent or urgent
    return case


def open_for_booking(session: Session, practice: PracticeRow, row: BookingRow, now: datetime) -> None:
    """A booking that no authorization covers: asked for the payer's lead time ahead, at once where that has begun."""
    if row.service_date < practice_day(now, practice.time_zone):
        return
    wish = _wish(session, practice, (row.patient_external_id, row.plan_id, row.discipline), BOOKING, now)
    terms = terms_of(session, practice, row.plan_id, now)
    ahead = row.service_date - timedelta(days=terms.authorization_lead_days if terms else 7)
    due_at = max(wish.due_at, morning_of(ahead, practice.time_zone))
    ensure(session, practice, Wish(wish.patient, wish.plan_id, wish.disciplines, BOOKING, due_at), now)


def _wish(session: Session, practice: PracticeRow, about: tuple[str, UUID, str], because: str, now: datetime) -> Wish:
    patient, plan_id, discipline = about
    together = rules.disciplines_of(Discipline(discipline), terms_of(session, practice, plan_id, now))
    due_at = now + timedelta(hours=rules.PACKET_HOURS)
    return Wish(patient, plan_id, tuple(one.value for one in together), because, due_at)


def find(
    session: Session, practice_id: UUID, patient: str, plan_id: UUID, disciplines: Sequence[str]
) -> AuthorizationCaseRow | None:
    """The open case for these disciplines, or the last one whose answer stands, locked (its patient is before)."""
    cases = AuthorizationCaseRow
    found = session.scalars(
        select(cases)
        .where(
            cases.practice_id == practice_id,
            cases.patient_external_id == patient,
            cases.plan_id == plan_id,
            cases.disciplines.overlap(list(disciplines)),
        )
        .order_by(cases.closed_at.is_not(None), cases.opened_at.desc(), cases.id)
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if found is None or (found.closed_at is not None and found.state not in STANDING):
        return None
    return found


def ensure(session: Session, practice: PracticeRow, wish: Wish, now: datetime) -> AuthorizationCaseRow:
    """The open case for a wish, made if there is none. Locks the patient's authorizations until the commit."""
    authorizations.lock_for_patient(session, practice.id, wish.patient)
    case = find(session, practice.id, wish.patient, wish.plan_id, wish.disciplines)
    if case is None:
        case = _open(session, practice, wish, now)
    elif case.closed_at is None:
        _press(session, case, wish, now)
    if case.closed_at is None:
        show(session, practice, case, now)
    return case


def _open(session: Session, practice: PracticeRow, wish: Wish, now: datetime) -> AuthorizationCaseRow:
    case = AuthorizationCaseRow(
        id=new_id(),
        practice_id=practice.id,
        patient_external_id=wish.patient,
        plan_id=wish.plan_id,
        disciplines=sorted(wish.disciplines),
        predecessor_id=wish.predecessor_id,
        opened_because=wish.because,
        opened_at=now,
        state=State.NEEDED.value,
        urgent=False,
        due_at=wish.due_at,
        escalated=wish.escalated,
        requested_codes=[],
        overdue=False,
        question="",
        answered_by="",
        answer_reference="",
        denial_reason="",
        documents=[],
    )
    session.add(case)
    session.flush()
    said = f"Authorization case opened: {OPENED[wish.because]}"
    note(session, case, f"authorization_case.opened_by_{wish.because}", said, now)
    reference = AuthorizationCaseRef(practice_id=practice.id, authorization_case_id=case.id)
    tell(session, practice.id, authorization_case_workflow_id(case.id), "AuthorizationCaseWorkflow", reference)
    return case


OPENED = {
    VISIT: "a visit is held for want of one",
    BOOKING: "a booked visit lies beyond what is granted",
    REAUTHORIZATION: "the present one runs out",
    BY_HAND: "somebody asked for one",
}


def _press(session: Session, case: AuthorizationCaseRow, wish: Wish, now: datetime) -> None:
    """A second reason makes an open case no later; nothing is asked earlier once something was sent."""
    if State(case.state) not in TO_DO:
        return
    case.due_at = min(case.due_at, wish.due_at) if case.due_at else wish.due_at
    case.predecessor_id = case.predecessor_id or wish.predecessor_id
    if wish.escalated:
        escalate(session, case, now)


def escalate(session: Session, case: AuthorizationCaseRow, now: datetime) -> None:
    """Nothing was sent in time: the supervisor has to look. Said once."""
    if not case.escalated:
        case.escalated = True
        note(session, case, "authorization.escalated", "Not sent in time: escalated to the supervisor", now)


def note(
    session: Session, case: AuthorizationCaseRow, kind: str, summary: str, now: datetime, actor: str | None = None
) -> None:
    """A line in the life of a case, and of the authorization it follows on."""
    record(
        session,
        case.practice_id,
        kind,
        summary,
        authorization_case_id=case.id,
        authorization_id=case.predecessor_id,
        at=now,
        actor=actor,
    )


def nudge(session: Session, case: AuthorizationCaseRow) -> None:
    """Have the case's workflow look again."""
    reference = AuthorizationCaseRef(practice_id=case.practice_id, authorization_case_id=case.id)
    tell(
        session,
        case.practice_id,
        authorization_case_workflow_id(case.id),
        "AuthorizationCaseWorkflow",
        reference,
        RECHECK,
    )


def look_again(session: Session, practice_id: UUID, patient: str) -> None:
    """Have the workflows of the patient's open cases look again: what wanted them may be gone."""
    cases = session.scalars(
        select(AuthorizationCaseRow)
        .where(
            AuthorizationCaseRow.practice_id == practice_id,
            AuthorizationCaseRow.patient_external_id == patient,
            AuthorizationCaseRow.closed_at.is_(None),
        )
        .order_by(AuthorizationCaseRow.id)
    )
    for case in cases:
        nudge(session, case)


def no_longer_wanted_by(session: Session, row: EncounterRow) -> None:
    """A visit leaves the authorization gate: a case nobody has begun may be wanted by nothing any more."""
    if row.stage == Stage.AUTHORIZATION.value:
        look_again(session, row.practice_id, row.facts["patient"]["patient_id"])


def stands(case: AuthorizationCaseRow, practice: PracticeRow) -> str:
    """Where a case stands, in a sentence for the visits that wait for it."""
    state = State(case.state)
    sentence = f"Authorization case: {WORDS[state]}"
    if state in WAITING and case.answer_due_at is not None:
        day = practice_day(case.answer_due_at, practice.time_zone)
        sentence += f", the payer's answer was due {day}" if case.overdue else f", the payer answers by {day}"
    return sentence


def show(session: Session, practice: PracticeRow, case: AuthorizationCaseRow, now: datetime) -> None:
    """Make the case's work item say where it stands; closed with the case."""
    if case.closed_at is not None:
        close_item(session, case.practice_id, subject_of(case.id), WORDS[State(case.state)], now)
        return
    state = State(case.state)
    move = rules.move_of(state, overdue=case.overdue, escalated=case.escalated)
    finding = Finding(
        code="AUTHCASE",
        severity=Severity.HOLD,
        owner=move.owner,
        message=f"{_asks(session, case)}: {stands(case, practice).removeprefix('Authorization case: ')}",
        clears_when=move.clears_when,
        evidence=_evidence(session, case),
        citation="practice default: opens 7 days ahead, due 5 days ahead, flags at 3 and 2 left",
    )
    ticket = Ticket(
        subject=subject_of(case.id),
        queue=Queue.AUTHORIZATION.value,
        kind=AUTHORIZATION_CASE,
        workflow_id=authorization_case_workflow_id(case.id),
        authorization_id=case.predecessor_id,
        authorization_case_id=case.id,
        reason=finding.message,
        clears_when=finding.clears_when,
        whose_move=move.owner.value,
        findings=[finding_to_dict(finding)],
        due_at=case.due_at,
        escalated=case.escalated or case.overdue,
    )
    put_item(session, case.practice_id, ticket, now)
    item = open_item_of(session, case.practice_id, ticket.subject)
    if item is not None:
        reschedule(session, item, case.due_at, case.answer_due_at if move.asleep else None, now)


def _asks(session: Session, case: AuthorizationCaseRow) -> str:
    what = f"Authorization for {' and '.join(case.disciplines)}"
    row = session.get(AuthorizationRow, case.predecessor_id) if case.predecessor_id else None
    if row is None:
        return what
    left = measures.words(authorizations.left(session, row), UnitOfMeasure(row.unit_of_measure))
    return f"{what} after {row.number or 'the present one'} ({left} left until {row.effective_to})"


def _evidence(session: Session, case: AuthorizationCaseRow) -> dict[str, str]:
    held, booked = held_visits(session, case), bookings_beyond(session, case)
    evidence = {"opened because": OPENED[case.opened_because]}
    if held:
        evidence["visits held"] = ", ".join(row.date_of_service.isoformat() for row in held)
    if booked:
        evidence["bookings beyond"] = ", ".join(row.service_date.isoformat() for row in booked)
    if case.requested_quantity is not None:
        measure = UnitOfMeasure(case.requested_unit_of_measure or UnitOfMeasure.VISITS)
        span = f" from {case.requested_from} to {case.requested_to}" if case.requested_from else ""
        evidence["asked for"] = measures.words(case.requested_quantity, measure) + span
    if case.question:
        evidence["the payer asks"] = case.question
    if case.denial_reason:
        evidence["denied because"] = case.denial_reason
    return evidence


def held_visits(session: Session, case: AuthorizationCaseRow) -> Sequence[EncounterRow]:
    """Visits at the authorization gate that a new authorization of this case may free, oldest first."""
    return session.scalars(
        authorizations.visits_of(case)
        .where(
            EncounterRow.discipline.in_(case.disciplines),
            EncounterRow.stage == Stage.AUTHORIZATION.value,
            EncounterRow.closed_at.is_(None),
            EncounterRow.held_by.in_(AUTHORIZATION_CODES),
        )
        .order_by(EncounterRow.date_of_service, EncounterRow.id)
    ).all()


# A soft limit yields to an authorization as well.
AUTHORIZATION_CODES = tuple(sorted({*ASKING, benefits.BEYOND_SOFT.id}))


def bookings_beyond(session: Session, case: AuthorizationCaseRow) -> Sequence[BookingRow]:
    """Bookings that no authorization covers and that became no visit, soonest first."""
    return session.scalars(
        select(BookingRow)
        .where(
            BookingRow.practice_id == case.practice_id,
            BookingRow.patient_external_id == case.patient_external_id,
            BookingRow.plan_id == case.plan_id,
            BookingRow.discipline.in_(case.disciplines),
            BookingRow.beyond_limit != "",
            BookingRow.encounter_id.is_(None),
        )
        .order_by(BookingRow.starts_at, BookingRow.id)
    ).all()


def close(session: Session, case: AuthorizationCaseRow, state: State, now: datetime) -> None:
    """End a case in a state, with its work item, and have its workflow and the visits that wait for it see it."""
    case.state, case.closed_at = state.value, now
    case.answer_due_at, case.overdue = None, False
    close_item(session, case.practice_id, subject_of(case.id), WORDS[state], now)
    nudge(session, case)
    recheck_held(session, case)


class AuthorizationCaseActivities:
    """One case of asking a payer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(no_thread_cancel_exception=True)
    def review_authorization_case(self, look: LookAtAuthorizationCase) -> AuthorizationCaseProgress:
        """Withdraw what nothing wants any more, escalate what is late, mark the payer's silence; show it."""
        with practice_session(self._engine, look.practice_id) as session:
            patient = session.scalars(
                select(AuthorizationCaseRow.patient_external_id).where(
                    AuthorizationCaseRow.id == look.authorization_case_id
                )
            ).one()
            authorizations.lock_for_patient(session, look.practice_id, patient)
            case = session.scalars(
                select(AuthorizationCaseRow)
                .where(AuthorizationCaseRow.id == look.authorization_case_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            ).one()
            practice = session.get_one(PracticeRow, look.practice_id)
            return _review(session, practice, case, look.now)


def _review(
    session: Session, practice: PracticeRow, case: AuthorizationCaseRow, now: datetime
) -> AuthorizationCaseProgress:
    if case.closed_at is None and State(case.state) in TO_DO and not _is_wanted(session, case):
        note(session, case, "authorization_case.withdrawn", "Nothing wants this authorization any more", now)
        case.state, case.closed_at = State.WITHDRAWN.value, now
    if case.closed_at is not None:
        show(session, practice, case, now)
        return AuthorizationCaseProgress(ended=case.state)
    look_again_at = _clock(session, case, now)
    show(session, practice, case, now)
    return AuthorizationCaseProgress(look_again_at=look_again_at)


def _is_wanted(session: Session, case: AuthorizationCaseRow) -> bool:
    if case.opened_because == BY_HAND or held_visits(session, case) or bookings_beyond(session, case):
        return True
    row = session.get(AuthorizationRow, case.predecessor_id) if case.predecessor_id else None
    return row is not None and row.ended_at is None and row.status in ("active", "exhausted")


def _clock(session: Session, case: AuthorizationCaseRow, now: datetime) -> datetime | None:
    """Mark what time alone has made late; when time alone will change the answer next."""
    state = State(case.state)
    if state in WAITING and case.answer_due_at is not None:
        if now < case.answer_due_at:
            _not_overdue(session, case, now)
            return case.answer_due_at
        if not case.overdue:
            case.overdue = True
            note(session, case, "authorization_case.overdue", "The payer's time to answer has run out", now)
            recheck_held(session, case)
    if state in TO_DO and case.due_at is not None and not case.escalated:
        if now < case.due_at:
            return case.due_at
        escalate(session, case, now)
    return None


def _not_overdue(session: Session, case: AuthorizationCaseRow, now: datetime) -> None:
    """A clock that ran ahead said so and was set back since: the payer still has time."""
    if case.overdue:
        case.overdue = False
        said = "The payer's time to answer has not run out after all: the clock was ahead and was set back"
        note(session, case, "authorization_case.not_overdue", said, now)
        recheck_held(session, case)


def recheck_held(session: Session, case: AuthorizationCaseRow) -> None:
    """The visits that wait say where their case stands."""
    for row in held_visits(session, case):
        nudge_encounter(session, row)
