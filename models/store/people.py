"""Who works on which day."""

from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.tables.supervision import AbsenceRow


def away_on(session: Session, practice_id: UUID, day: date) -> dict[UUID, date]:
    """Who is away on a day, with the last day of it."""
    found = session.execute(
        select(AbsenceRow.user_id, func.max(AbsenceRow.last_day))
        .where(
            AbsenceRow.practice_id == practice_id,
            AbsenceRow.ended_at.is_(None),
            AbsenceRow.first_day <= day,
            AbsenceRow.last_day >= day,
        )
        .group_by(AbsenceRow.user_id)
    )
    return dict(found.all())
