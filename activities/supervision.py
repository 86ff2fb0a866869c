"""What a supervisor sets, and what time does by itself: days off, capacity, and work nobody touches.

Each function runs in the caller's transaction: effect, event and audit line together.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Engine, exists, func, or_, select
from sqlalchemy.orm import Session

from activities import desk
from activities.clock import morning_of, practice_day
from activities.desk import Actor
from activities.refusals import Refused
from billing.deadlines import add_business_days
from models.store import life
from models.store.desk import settings_of
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import DecisionRow, WorkItemNoteRow, WorkItemRow
from models.tables.life import ON_ITEMS, AuditRow
from models.tables.practice import PracticeRow
from models.tables.supervision import AbsenceRow

CAPACITY_MAX = 1_000
ABSENCE_DAYS_MAX = 366
WHY_LENGTH_MAX = 200
RELEASED_AT_ONCE_MAX = 500


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Days on which somebody does not work, both included."""

    user_id: UUID
    first_day: date
    last_day: date
    why: str = ""


def set_absence(session: Session, actor: Actor, off: DaysOff, today: date) -> AbsenceRow:
    """Write down days off. New work passes by from the first day on; open work is offered for reassignment."""
    person = _person(session, actor, off.user_id)
    if off.last_day < off.first_day:
        raise Refused("The last day is before the first.")
    if off.last_day < today:
        raise Refused("Those days have passed. Choose days to come.")
    if (off.last_day - off.first_day).days > ABSENCE_DAYS_MAX:
        raise Refused("More than a year is no day off. Disable the log-in instead.")
    row = AbsenceRow(
        practice_id=actor.practice_id,
        user_id=off.user_id,
        first_day=off.first_day,
        last_day=off.last_day,
        why=off.why.strip()[:WHY_LENGTH_MAX],
    )
    session.add(row)
    detail = {"first": off.first_day.isoformat(), "last": off.last_day.isoformat()}
    life.audit(session, actor.practice_id, actor.email, "person.away", f"user/{person.id}", detail)
    return row


def end_absence(session: Session, actor: Actor, absence_id: UUID, now: datetime) -> None:
    """Take days off back: the person works after all."""
    if not actor.supervises:
        raise Refused("Only a supervisor keeps days off.")
    row = session.get(AbsenceRow, absence_id)
    if row is None or row.ended_at is not None:
        raise Refused("These days off are not there any more.")
    row.ended_at = now
    life.audit(session, actor.practice_id, actor.email, "person.back", f"user/{row.user_id}")


def set_capacity(session: Session, actor: Actor, user_id: UUID, items_a_day: int | None) -> None:
    """How many items a person closes on a working day; None: the practice's usual number."""
    person = _person(session, actor, user_id)
    if items_a_day is not None and not 0 <= items_a_day <= CAPACITY_MAX:
        raise Refused(f"Capacity is a number of items from 0 to {CAPACITY_MAX:,}.")
    person.daily_capacity = items_a_day
    detail = {"items a day": items_a_day}
    life.audit(session, actor.practice_id, actor.email, "person.capacity", f"user/{user_id}", detail)


def release_everywhere(engine: Engine, practice_id: UUID, now: datetime) -> int:
    """The watchman's part: give back what its owners left untouched. Returns how many items."""
    with practice_session(engine, practice_id) as session:
        return release_untouched(session, session.get_one(PracticeRow, practice_id), now)


def release_untouched(session: Session, practice: PracticeRow, now: datetime) -> int:
    """Items whose owner did nothing with them for the practice's business days are everybody's again.

    A note, a decision, and every act on the item is a touch; looking is none. A snoozed item is left alone until it
    wakes. Said in the life of what the item is about. Returns how many.
    """
    days = settings_of(practice).ownership_release_days
    before = morning_of(add_business_days(practice_day(now, practice.time_zone), -days), practice.time_zone)
    subject = func.concat("work_item/", WorkItemRow.id)
    touched = or_(
        exists().where(
            AuditRow.practice_id == practice.id,
            AuditRow.subject == subject,
            ON_ITEMS,
            AuditRow.at >= before,
        ),
        exists().where(WorkItemNoteRow.work_item_id == WorkItemRow.id, WorkItemNoteRow.created_at >= before),
        exists().where(DecisionRow.work_item_id == WorkItemRow.id, DecisionRow.created_at >= before),
    )
    left = session.scalars(
        select(WorkItemRow)
        .where(
            WorkItemRow.practice_id == practice.id,
            WorkItemRow.closed_at.is_(None),
            WorkItemRow.owner_id.is_not(None),
            WorkItemRow.taken_at < before,
            or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until < before),
            ~touched,
        )
        .order_by(WorkItemRow.id)
        .limit(RELEASED_AT_ONCE_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    machine = Actor(practice.id, UUID(int=0), life.MACHINE, "watchman", supervises=True)
    for item in left:
        owner = session.get(UserRow, item.owner_id)
        item.owner_id = item.taken_at = None
        who = owner.name if owner else "its owner"
        said = f"Given back to everybody: {who} did nothing with it for {days} business days"
        desk.tell(session, machine, item, "item.released", said, now)
    return len(left)


def _person(session: Session, actor: Actor, user_id: UUID) -> UserRow:
    if not actor.supervises:
        raise Refused("Only a supervisor keeps days off and capacity.")
    person = session.get(UserRow, user_id)
    if person is None or person.disabled_at is not None:
        raise Refused("That person cannot log in, so there is nothing to plan.")
    return person
