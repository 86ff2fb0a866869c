"""Who is looking: the facts of a request every read and every page needs."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.desk import OWN_MOVES
from billing.vocabulary import Role
from web import formats


class Share(StrEnum):
    """Which items somebody is shown of the queues of the role; ``web.reads.shown`` says it of an item."""

    ALL = "all"
    OWN_VISITS = "own visits"  # a clinician: what waits about visits of that clinician
    OWN_MOVES = "own moves"  # the front desk: of Documentation only what waits for the front desk


@dataclass(frozen=True, slots=True)
class Viewer:
    """A logged-in user, with the practice's clock.

    practice_revision: rises with every practice file loaded, so what is kept of a practice is kept under it.
    rights: from billing.desk. clinician_id: set for a clinician, who sees own visits only. seen_at: when the person was
    last known to be there, to a minute.
    """

    session_id: UUID
    user_id: UUID
    practice_id: UUID
    practice_name: str
    practice_revision: int
    name: str
    email: str
    role: Role
    rights: frozenset[str]
    clinician_id: UUID | None
    csrf_token: str
    zone: ZoneInfo
    seen_at: datetime
    now: datetime

    @property
    def today(self) -> date:
        """The practice's calendar day."""
        return formats.today(self.now, self.zone)

    @property
    def own_visits_only(self) -> bool:
        """A clinician is shown what waits for that clinician, nothing else."""
        return self.role is Role.CLINICIAN

    @property
    def share(self) -> Share:
        """Which items the viewer is shown, of all queues together."""
        if self.own_visits_only:
            return Share.OWN_VISITS
        return Share.OWN_MOVES if self.role is Role.FRONT_DESK else Share.ALL

    def share_of(self, queue: str) -> Share:
        """Which items of one queue the viewer is shown."""
        return Share.ALL if self.share is Share.OWN_MOVES and queue not in OWN_MOVES else self.share

    def may(self, right: str) -> bool:
        """Whether the role carries a right."""
        return right in self.rights
