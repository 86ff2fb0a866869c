"""What a test asks of a practice's tables, whoever works on them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine, func, select, text

from activities import intake
from models.store import ledger
from models.store.session import practice_session
from models.tables.claims import ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow

Row = TypeVar("Row")


@dataclass
class Records:
    """One practice's visits, claims, work and money."""

    engine: Engine
    practice_id: UUID

    def send(self, *visits: Any) -> list[intake.IntakeResult]:
        """Have visits received, as the API would."""
        return intake.receive(self.engine, self.practice_id, "test", visits)

    def rows(self, table: type[Row], *where: Any) -> list[Row]:
        """Rows of a table, oldest first."""
        with practice_session(self.engine, self.practice_id) as session:
            return list(session.scalars(select(table).where(*where).order_by(text("created_at, id"))))

    def visit(self, external_id: str) -> EncounterRow:
        """An encounter by the chart's id."""
        return self.rows(EncounterRow, EncounterRow.external_id == external_id)[0]

    def item(self, external_id: str) -> WorkItemRow | None:
        """The open item of a visit."""
        about = WorkItemRow.encounter_id == self.visit(external_id).id
        found = self.rows(WorkItemRow, about, WorkItemRow.closed_at.is_(None))
        assert len(found) <= 1, f"{external_id} has {len(found)} open items"
        return found[0] if found else None

    def items(self, queue: str) -> list[WorkItemRow]:
        """All open items of a queue."""
        return self.rows(WorkItemRow, WorkItemRow.queue == queue, WorkItemRow.closed_at.is_(None))

    def claims(self, external_id: str) -> list[ClaimVersionRow]:
        """All filings of a visit's claim, oldest first."""
        return self.rows(ClaimVersionRow, ClaimVersionRow.encounter_id == self.visit(external_id).id)

    def balance(self, external_id: str, account: str) -> Decimal:
        """What an account of the ledger holds of a visit."""
        row = self.visit(external_id)
        with practice_session(self.engine, self.practice_id) as session:
            return ledger.balance(session, row.id, account)

    def stages(self) -> dict[str, int]:
        """How many encounters are in each stage."""
        with practice_session(self.engine, self.practice_id) as session:
            return dict(session.execute(select(EncounterRow.stage, func.count()).group_by(EncounterRow.stage)).all())
