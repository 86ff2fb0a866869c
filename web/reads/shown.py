"""Which items a viewer is shown: one rule, said in SQL and of an item in hand.

A list, its counts, the rail, get-next, an address and what is told of a change all ask here, so that they agree.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, Uuid, bindparam, or_

from billing.desk import OWN_MOVES
from billing.vocabulary import Owner
from models.tables.desk import WorkItemRow
from web.shell import queue_of
from web.viewer import Share, Viewer

PRACTICE, CLINICIAN = (bindparam(name, type_=Uuid()) for name in ("practice", "clinician"))


def shown(share: Share) -> list[ColumnElement[bool]]:
    """The practice's items of such a share. Filled in by ``queue_filter.known``."""
    only: list[ColumnElement[bool]] = []
    if share is Share.OWN_VISITS:
        only = [WorkItemRow.clinician_id == CLINICIAN]
    if share is Share.OWN_MOVES:
        only = [or_(WorkItemRow.queue.not_in(sorted(OWN_MOVES)), WorkItemRow.whose_move == Owner.FRONT_DESK.value)]
    return [WorkItemRow.practice_id == PRACTICE, *only]


def is_shown(viewer: Viewer, item: WorkItemRow | Row[*tuple[Any, ...]]) -> bool:
    """The same of an item of the practice, and whether its queue is one of the viewer's: else no act reaches it."""
    if queue_of(viewer, item.queue) is None:
        return False
    share = viewer.share_of(item.queue)
    if share is Share.OWN_VISITS:
        return bool(item.clinician_id == viewer.clinician_id)
    return share is Share.ALL or bool(item.whose_move == Owner.FRONT_DESK)
