"""Watching an authorization: what is left, when the next must be asked for, when its life is over."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from temporalio import activity

from activities import authorization_cases as cases
from activities.clock import morning_of, practice_day
from activities.grants import recheck_held
from activities.notices import tell_patient
from activities.relief import relieved
from activities.reservations import reassess
from billing import measures
from billing.authorization import BOOKING_UNITS
from billing.authorization_case import TO_DO
from billing.authorization_ledger import Entry, Standing, standing, typical
from billing.reauthorization import AuthorizationOutlook, outlook
from billing.vocabulary import AuthorizationCaseState as State
from billing.vocabulary import UnitOfMeasure
from models.messages import AuthorizationProgress, LookAtAuthorization
from models.store import authorizations
from models.store.book import book_of
from models.store.courses import courses, lead_days_of
from models.store.life import record
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.practice import PracticeRow

OVER = ("replaced", "not_continued", authorizations.VOIDED)
SPREAD_SECONDS = 1_800  # looks due on one morning are spread over half an hour, each by its own id


class AuthorizationActivities:
    """One authorization's life."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(no_thread_cancel_exception=True)
    def review_authorization(self, look: LookAtAuthorization) -> AuthorizationProgress:
        """Count what is left, raise flags once, open or escalate the case for the next, end what is over."""
        with practice_session(self._engine, look.practice_id) as session:
            patient = session.scalars(
                select(AuthorizationRow.patient_external_id).where(AuthorizationRow.id == look.authorization_id)
            ).one()
            authorizations.lock_for_patient(session, look.practice_id, patient)
            row = session.get_one(AuthorizationRow, look.authorization_id)
            practice = session.get_one(PracticeRow, look.practice_id)
            reassess(session, practice, patient, look.now)
            if row.status in OVER:
                return _end(session, row, row.status, look.now)
            return _review(session, row, practice, look.now)


def _review(session: Session, row: AuthorizationRow, practice: PracticeRow, now: datetime) -> AuthorizationProgress:
    today = practice_day(now, practice.time_zone)
    book = book_of(session, practice)
    lead_days = lead_days_of(book, row, today)
    entries = authorizations.entries_of(session, [row.id])[row.id]
    stands = standing(authorizations.measured(row), entries)
    runs_out_on = courses(session, book, [row], today)[row.id].down.runs_out_on
    before = _case_after(session, row)
    ahead = outlook(
        visits_left(row, stands, entries),
        row.effective_to,
        today,
        lead_days,
        open_reauthorization=before is not None and not _may_be_pressed(before),
        runs_out_on=runs_out_on,
    )
    if ahead.ended == "expired":
        return _end(session, row, "expired", now)
    _watch_again(session, row, now)
    _raise_flags(session, row, ahead, stands.left, now)
    tell_patient(session, practice, row, ahead, stands.left, now)
    _turn(session, row, "exhausted" if ahead.ended == "exhausted" else "active", now)
    if ahead.open_now and not relieved(session, book, row, today):
        _ask(session, row, ahead, practice, now)
    if stands.left > 0:
        recheck_held(session, row)  # a visit given back may free one that was held
    cases.look_again(session, row.practice_id, row.patient_external_id)
    morning = morning_of(ahead.next_look_on, practice.time_zone) if ahead.next_look_on else None
    return AuthorizationProgress(look_again_at=morning + spread(row.id) if morning else None)


def spread(authorization_id: UUID) -> timedelta:
    """How long after the morning's first look this one's turn is: always the same for one authorization."""
    return timedelta(seconds=authorization_id.int % SPREAD_SECONDS)


def visits_left(row: AuthorizationRow, stands: Standing, entries: list[Entry]) -> Decimal:
    """What is left in visits: of units and dollars, by what a visit used on average (four units before the first)."""
    if row.unit_of_measure == UnitOfMeasure.VISITS.value:
        return stands.left
    usual = typical(entries)
    if usual is None or usual <= 0:
        usual = stands.left if row.unit_of_measure == UnitOfMeasure.DOLLARS.value else BOOKING_UNITS
    return stands.left / usual if usual > 0 else stands.left


def _case_after(session: Session, row: AuthorizationRow) -> AuthorizationCaseRow | None:
    """The case for what follows on this authorization: the one that names it, or an open one for its disciplines.

    One that withdrew by itself does not count: the need is back.
    """
    named = session.scalars(
        select(AuthorizationCaseRow)
        .where(AuthorizationCaseRow.predecessor_id == row.id, AuthorizationCaseRow.state != State.WITHDRAWN.value)
        .order_by(AuthorizationCaseRow.closed_at.is_not(None), AuthorizationCaseRow.opened_at.desc())
        .limit(1)
    ).one_or_none()
    if named is not None:
        return named
    return cases.find(session, row.practice_id, row.patient_external_id, row.plan_id, row.disciplines)


def _may_be_pressed(case: AuthorizationCaseRow) -> bool:
    """Whether nobody has sent anything yet, so that it may still be escalated."""
    return case.closed_at is None and State(case.state) in TO_DO


def _watch_again(session: Session, row: AuthorizationRow, now: datetime) -> None:
    """It had expired by a clock that ran ahead and was set back since: its days are not over."""
    if row.ended_at is None:
        return
    row.ended_at, row.status = None, "active"
    said = "Not expired after all: the clock was ahead and was set back"
    record(session, row.practice_id, "authorization.watched_again", said, authorization_id=row.id, at=now)


def _turn(session: Session, row: AuthorizationRow, status: str, now: datetime) -> None:
    if row.status == status:
        return
    row.status = status
    said = "Nothing is left" if status == "exhausted" else "Something is left again: a visit was given back"
    record(session, row.practice_id, f"authorization.{status}", said, authorization_id=row.id, at=now)


def _raise_flags(
    session: Session, row: AuthorizationRow, ahead: AuthorizationOutlook, left: Decimal, now: datetime
) -> None:
    new = [flag for flag in ahead.flags if flag not in row.flags]
    for flag in new:
        words = measures.words(left, UnitOfMeasure(row.unit_of_measure))
        summary = f"Only {words} left of authorization {row.number}".rstrip()
        record(session, row.practice_id, f"authorization.{flag}", summary, authorization_id=row.id, at=now)
    if new:
        row.flags = [*row.flags, *new]


def _ask(
    session: Session, row: AuthorizationRow, ahead: AuthorizationOutlook, practice: PracticeRow, now: datetime
) -> None:
    wish = cases.Wish(
        patient=row.patient_external_id,
        plan_id=row.plan_id,
        disciplines=tuple(row.disciplines),
        because=cases.REAUTHORIZATION,
        due_at=morning_of(ahead.due_on, practice.time_zone),
        predecessor_id=row.id,
        escalated=ahead.escalate,
    )
    cases.ensure(session, practice, wish, now)


def _end(session: Session, row: AuthorizationRow, ended: str, now: datetime) -> AuthorizationProgress:
    if row.ended_at is None:
        row.status, row.ended_at = ended, now
        summary = f"Authorization {row.number}: {ended.replace('_', ' ')}"
        record(session, row.practice_id, f"authorization.{ended}", summary, authorization_id=row.id, at=now)
        cases.look_again(session, row.practice_id, row.patient_external_id)
    return AuthorizationProgress(ended=ended)
