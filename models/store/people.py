"""Who works on which day."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.supervision import AbsenceRow


def away_on(session: Session, practice_id: UUID, day: date) -> dict[UUID, date]:
    """Who is away on a day, with the last day of it."""
    return away_on_days(session, practice_id, [day])[day]


def away_on_days(session: Session, practice_id: UUID, days: Sequence[date]) -> dict[date, dict[UUID, date]]:
    """The same for each of some days, in one SELECT."""
    found = session.execute(
        select(AbsenceRow.user_id, AbsenceRow.first_day, AbsenceRow.last_day)
        .where(
            AbsenceRow.practice_id == practice_id,
            AbsenceRow.ended_at.is_(None),
            AbsenceRow.first_day <= max(days),
            AbsenceRow.last_day >= min(days),
        )
        .order_by(AbsenceRow.last_day)
    ).all()
    return {day: {user: last for user, first, last in found if first <= day <= last} for day in days}
