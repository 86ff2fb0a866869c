"""One item as its pane is drawn from it, in two statements: the item with its visit, and what is kept beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, bindparam
from sqlalchemy.orm import Session

from activities import held_decisions
from billing.desk import REASSIGN
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.practice import ClinicianRow
from web.reads import choices, claims, desk_files, encounters, holds, items, mentions, queues, shown
from web.reads.queue_filter import PlanOfItem
from web.reads.standing import AROUND, Standing, around_found, asked, standing_of
from web.reads.together import Together
from web.viewer import Viewer

_ITEM = (
    queues.with_item(*encounters.columns(PlanOfItem))
    .outerjoin(ClinicianRow, ClinicianRow.id == EncounterRow.clinician_id)
    .where(WorkItemRow.id == bindparam("item", type_=Uuid()))
)
_PARTS = {
    "notes": items.NOTES,
    "files": desk_files.OF_ITEM,
    "messages": holds.OF_ITEM,
    "mentions": mentions.OF_ITEM,
    "refused_late": held_decisions.REFUSED_LATE,
    **AROUND,
}


@cache
def _beside(*, people: bool, claim: bool) -> Together:
    return Together(**_PARTS, **({"people": choices.OWNERS} if people else {}), **(claims.OF_VISIT if claim else {}))


@dataclass(frozen=True, slots=True)
class Opened:
    """An item that was found. found: with whose it is, and its visit's head; beside: the rest, by name.

    claim: what is asked of the payers, where it was asked along.
    """

    row: WorkItemRow
    found: Row[Any]
    beside: Row[Any]
    standing: Standing
    claim: claims.ClaimPart | None


def opened(session: Session, viewer: Viewer, item_id: UUID, *, claim: Callable[[WorkItemRow], bool]) -> Opened | None:
    """The item, if this viewer may see it. claim: whether what is asked of the payers for its visit is shown too."""
    found = session.execute(_ITEM, {"item": item_id}).one_or_none()
    if found is None or not shown.is_shown(viewer, found.WorkItemRow):
        return None
    row: WorkItemRow = found.WorkItemRow
    with_claim = row.encounter_id is not None and claim(row)
    values = asked(viewer, [row]) | {
        "user": viewer.user_id,
        "item": row.id,
        "item_id": str(row.id),
        "encounter": row.encounter_id,
        "workflow": row.workflow_id,
    }
    beside = _beside(people=viewer.may(REASSIGN), claim=with_claim).read(session, values)
    standing = standing_of(viewer, row, around_found(session, viewer, beside))
    return Opened(row, found, beside, standing, claims.of_found(beside) if with_claim else None)
