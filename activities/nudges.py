"""Leaving word for workflows: begin, look again. Ids only; what is to be seen stands in the tables."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from models.ids import authorization_workflow_id, encounter_workflow_id
from models.messages import AuthorizationRef, EncounterRef
from models.store.life import tell, tell_all
from models.tables.encounters import EncounterRow

RECHECK = "recheck"


def begin(session: Session, row: EncounterRow) -> None:
    """Start an encounter's workflow with this commit."""
    _tell(session, row, None)


def nudge(session: Session, row: EncounterRow) -> None:
    """Have an encounter's workflow look again (starting it, where a closed visit was opened again)."""
    if row.closed_at is None:
        _tell(session, row, RECHECK)


def reopen(session: Session, row: EncounterRow, *, keep_disposition: bool = False) -> None:
    """Open a closed encounter again and have a new workflow carry it: what closed it may no longer be so.

    keep_disposition: a person's last word (not billable, patient pays) still stands; only the balance is looked at.
    """
    _open_again(row, keep_disposition=keep_disposition)
    nudge(session, row)


def reopen_all(session: Session, practice_id: UUID, rows: Iterable[EncounterRow]) -> None:
    """The same for many encounters, in one statement."""
    messages = {}
    for row in rows:
        _open_again(row, keep_disposition=False)
        reference = EncounterRef(practice_id=practice_id, encounter_id=row.id)
        messages[encounter_workflow_id(row.id, row.life)] = reference
    tell_all(session, practice_id, "EncounterWorkflow", messages, RECHECK)


def _open_again(row: EncounterRow, *, keep_disposition: bool) -> None:
    if row.closed_at is not None:
        row.life += 1
        row.closed_at = row.closed_as = None
        row.disposition = row.disposition if keep_disposition else None


def _tell(session: Session, row: EncounterRow, signal: str | None) -> None:
    reference = EncounterRef(practice_id=row.practice_id, encounter_id=row.id)
    workflow_id = encounter_workflow_id(row.id, row.life)
    tell(session, row.practice_id, workflow_id, "EncounterWorkflow", reference, signal)


def tell_authorizations(session: Session, practice_id: UUID, changed: set[UUID]) -> None:
    """Have the workflows of these authorizations look at what is left."""
    for authorization_id in sorted(changed):
        reference = AuthorizationRef(practice_id=practice_id, authorization_id=authorization_id)
        workflow_id = authorization_workflow_id(authorization_id)
        tell(session, practice_id, workflow_id, "AuthorizationWorkflow", reference, RECHECK)
