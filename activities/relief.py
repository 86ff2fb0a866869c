"""Whether another authorization already carries what one that runs low would be asked again for."""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.reauthorization import FLAGS_AT
from billing.vocabulary import UnitOfMeasure
from models.store.book import Book
from models.store.courses import Course, courses
from models.tables.authorizations import AuthorizationRow


def relieved(session: Session, book: Book, row: AuthorizationRow, today: date) -> bool:
    """Whether one of the same patient and plan takes over without a gap and is itself not to be renewed yet.

    It covers the same disciplines, and at least the same codes, clinicians and diagnoses.
    """
    others = session.scalars(
        select(AuthorizationRow).where(
            AuthorizationRow.practice_id == row.practice_id,
            AuthorizationRow.patient_external_id == row.patient_external_id,
            AuthorizationRow.plan_id == row.plan_id,
            AuthorizationRow.id != row.id,
            AuthorizationRow.status == "active",
            AuthorizationRow.effective_to > today,
        )
    ).all()
    covering = [other for other in others if _covers(other, row)]
    if not covering:
        return False
    told = courses(session, book, [row, *covering], today)
    ends = max(told[row.id].ends_on, today)
    return any(_takes_over(told[other.id], ends, today) for other in covering)


def _covers(other: AuthorizationRow, row: AuthorizationRow) -> bool:
    narrower = (
        (other.codes, row.codes),
        (other.clinician_npis, row.clinician_npis),
        (other.diagnoses, row.diagnoses),
    )
    return set(row.disciplines) <= set(other.disciplines) and all(
        not named or (bool(wanted) and set(wanted) <= set(named)) for named, wanted in narrower
    )


def _takes_over(other: Course, ends: date, today: date) -> bool:
    in_time = other.grant.effective_from <= ends + timedelta(days=1)
    counts_visits = other.grant.unit_of_measure is UnitOfMeasure.VISITS
    enough = other.down.left > (max(FLAGS_AT) if counts_visits else 0)
    return in_time and enough and other.down.reauthorization_opens_on > today and other.ends_on > ends
