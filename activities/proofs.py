"""What is on file against a denial for want of authorization: who said that none is needed, when, which reference."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.clock import practice_day
from billing.vocabulary import DenialCategory
from models.store import authorizations
from models.store.book import book_of
from models.tables.desk import DecisionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import DenialRow


def against(session: Session, practice: PracticeRow, row: EncounterRow, refused: DenialRow) -> tuple[str, ...]:
    """A sentence for each answer of the visit's plan that covers it, the newest first.

    Empty where nobody said so, and for denials that are not for want of authorization.
    """
    if refused.category != DenialCategory.AUTHORIZATION.value:
        return ()
    book = book_of(session, practice)
    plan = book.plans[row.plan_id].plan_id
    answers = authorizations.none_needed(session, book, row.facts["patient"]["patient_id"])
    said = [
        f"{answer.said_by} said on {answer.said_on} that no authorization is needed from {answer.effective_from} to "
        f"{answer.effective_to} (reference {answer.reference})"
        for answer in answers
        if answer.plan_id == plan
        and row.discipline in answer.disciplines
        and answer.effective_from <= row.date_of_service <= answer.effective_to
    ]
    noted = session.scalars(
        select(DecisionRow)
        .where(DecisionRow.encounter_id == row.id, DecisionRow.decision == "none_needed")
        .order_by(DecisionRow.created_at.desc())
    )
    said += [
        f"The payer's word of {practice_day(one.created_at, practice.time_zone)} for this visit: no authorization is "
        f"needed (reference {one.fields['reference']})"
        for one in noted
    ]
    return tuple(said)
