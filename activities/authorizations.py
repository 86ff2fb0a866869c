"""Watching an authorization: what is left, when the next must be asked for, when its life is over."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from temporalio import activity

from activities.clock import morning_of, practice_day
from billing import measures
from billing.authorization import AuthorizationOutlook, outlook
from billing.desk import REAUTHORIZATION
from billing.findings import Finding
from billing.trace import finding_to_dict
from billing.vocabulary import Owner, Queue, Severity, UnitOfMeasure
from models.ids import authorization_workflow_id
from models.messages import AuthorizationProgress, LookAtAuthorization
from models.store import authorizations
from models.store.book import book_of
from models.store.desk import Ticket, close_item, open_item_of, put_item
from models.store.life import record
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.practice import PracticeRow

LEAD_DAYS = 7  # where the plan has no terms today (practice default)
OVER = ("replaced", "not_continued")


def subject_of(authorization_id: UUID) -> str:
    """The name of an authorization's work item."""
    return f"reauthorization/{authorization_id}"


class AuthorizationActivities:
    """One authorization's life."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(no_thread_cancel_exception=True)
    def review_authorization(self, look: LookAtAuthorization) -> AuthorizationProgress:
        """Count what is left, raise flags once, open or escalate the re-authorization, end what is over."""
        with practice_session(self._engine, look.practice_id) as session:
            row = session.scalars(
                select(AuthorizationRow).where(AuthorizationRow.id == look.authorization_id).with_for_update()
            ).one()
            practice = session.get_one(PracticeRow, look.practice_id)
            if row.status in OVER:
                return _end(session, row, row.status, look.now)
            return _review(session, row, practice, look.now)


def _review(session: Session, row: AuthorizationRow, practice: PracticeRow, now: datetime) -> AuthorizationProgress:
    today = practice_day(now, practice.time_zone)
    terms = book_of(session, practice).plans[row.plan_id].terms_on(today)
    lead_days = terms.authorization_lead_days if terms else LEAD_DAYS
    left = authorizations.left(session, row)
    ahead = outlook(left, row.effective_to, today, lead_days, open_reauthorization=False)
    _raise_flags(session, row, ahead, left, now)
    if ahead.ended == "expired":
        return _end(session, row, "expired", now)
    row.status = "exhausted" if ahead.ended == "exhausted" else "active"
    if ahead.open_now or (row.status == "exhausted" and _is_asked_for(session, row)):
        _ask(session, row, ahead, left, practice, now)
    elif row.status == "exhausted":
        return _end(session, row, "exhausted", now)
    look_again = ahead.next_look_on
    return AuthorizationProgress(look_again_at=morning_of(look_again, practice.time_zone) if look_again else None)


def _words(row: AuthorizationRow, quantity: Decimal) -> str:
    return measures.words(quantity, UnitOfMeasure(row.unit_of_measure))


def _is_asked_for(session: Session, row: AuthorizationRow) -> bool:
    return open_item_of(session, row.practice_id, subject_of(row.id)) is not None


def _raise_flags(
    session: Session, row: AuthorizationRow, ahead: AuthorizationOutlook, left: Decimal, now: datetime
) -> None:
    new = [flag for flag in ahead.flags if flag not in row.flags]
    for flag in new:
        summary = f"Only {_words(row, left)} left of authorization {row.number}"
        record(session, row.practice_id, f"authorization.{flag}", summary, authorization_id=row.id, at=now)
    if new:
        row.flags = [*row.flags, *new]


def _ask(
    session: Session,
    row: AuthorizationRow,
    ahead: AuthorizationOutlook,
    left: Decimal,
    practice: PracticeRow,
    now: datetime,
) -> None:
    finding = Finding(
        code="REAUTH",
        severity=Severity.HOLD,
        owner=Owner.SUPERVISOR if ahead.escalate else Owner.FRONT_DESK,
        message=f"Ask for a new authorization: {_words(row, left)} left until {row.effective_to}",
        clears_when="the new authorization is recorded, or care ends",
        evidence={
            "authorization": row.number,
            "left": f"{left:f} of {_words(row, row.quantity)}",
            "ends": row.effective_to.isoformat(),
            "due": ahead.due_on.isoformat(),
        },
        citation="practice default: opens 7 days ahead, due 5 days ahead, flags at 3 and 2 left",
    )
    ask = Ticket(
        subject=subject_of(row.id),
        queue=Queue.AUTHORIZATION.value,
        kind=REAUTHORIZATION,
        workflow_id=authorization_workflow_id(row.id),
        authorization_id=row.id,
        reason=finding.message,
        clears_when=finding.clears_when,
        whose_move=finding.owner.value,
        findings=[finding_to_dict(finding)],
        due_at=morning_of(ahead.due_on, practice.time_zone),
        escalated=ahead.escalate,
    )
    before = open_item_of(session, row.practice_id, ask.subject)
    escalating = ahead.escalate and (before is None or not before.escalated)
    if put_item(session, row.practice_id, ask, now):
        kind = "authorization.reauthorization_opened"
        record(session, row.practice_id, kind, finding.message, authorization_id=row.id, at=now)
    if escalating:
        kind, summary = "authorization.escalated", "Re-authorization escalated to the supervisor"
        record(session, row.practice_id, kind, summary, authorization_id=row.id, at=now)


def _end(session: Session, row: AuthorizationRow, ended: str, now: datetime) -> AuthorizationProgress:
    close_item(session, row.practice_id, subject_of(row.id), ended, now)
    if row.ended_at is None:
        row.status, row.ended_at = ended, now
        summary = f"Authorization {row.number}: {ended.replace('_', ' ')}"
        record(session, row.practice_id, f"authorization.{ended}", summary, authorization_id=row.id, at=now)
    return AuthorizationProgress(ended=ended)
