"""A practice on real Postgres with nobody at work: tests call the activities themselves, one at a time or at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select, text
from temporalio.exceptions import ApplicationError

from activities import intake
from activities.batches import BatchActivities
from activities.decisions import DecisionActivities
from activities.encounters import EncounterActivities
from activities.files import FileActivities
from activities.gateways.clearinghouse import RemoteFile
from activities.inbox import keep_file
from activities.practice_file import load_practice
from billing.practice import Practice
from clients import make_engine
from embedded import Postgres
from models.messages import ConnectionRef, Decision, FileProgress, GateVerdict, LookAtEncounter, LookAtFile
from models.store import ledger
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.claims import ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import InboundFileRow
from simulator.clinic import practice
from tests.conftest import fresh_database
from tests.line import TODAY

Row = TypeVar("Row")
CONNECTION = "clearinghouse"


@dataclass
class Books:
    """The practice's tables, and everything one may do to them."""

    engine: Engine
    owner_engine: Engine
    practice_id: UUID
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def send(self, *visits: Any) -> list[intake.IntakeResult]:
        return intake.receive(self.engine, self.practice_id, "test", visits)

    def visit(self, number: str) -> EncounterRow:
        return self.rows(EncounterRow, EncounterRow.external_id == number)[0]

    def received(self, number: str) -> bool:
        """Whether a visit was sent at all."""
        return bool(self.rows(EncounterRow, EncounterRow.external_id == number))

    def rows(self, table: type[Row], *where: Any) -> list[Row]:
        with practice_session(self.engine, self.practice_id) as session:
            return list(session.scalars(select(table).where(*where).order_by(text("created_at, id"))))

    def look(self, number: str) -> LookAtEncounter:
        return LookAtEncounter(practice_id=self.practice_id, encounter_id=self.visit(number).id, now=self.now)

    def gates(self, number: str) -> GateVerdict:
        return EncounterActivities(self.engine, 0.2).check_gates(self.look(number))

    def claim_look(self, number: str) -> str:
        return EncounterActivities(self.engine, 0.2).check_claim(self.look(number)).outcome

    def balance_look(self, number: str) -> str:
        return EncounterActivities(self.engine, 0.2).check_balance(self.look(number)).outcome

    def claims(self, number: str) -> list[ClaimVersionRow]:
        return self.rows(ClaimVersionRow, ClaimVersionRow.encounter_id == self.visit(number).id)

    def item(self, number: str) -> WorkItemRow | None:
        row = self.visit(number)
        found = self.rows(WorkItemRow, WorkItemRow.encounter_id == row.id, WorkItemRow.closed_at.is_(None))
        return found[0] if found else None

    def items(self, queue: str) -> list[WorkItemRow]:
        return self.rows(WorkItemRow, WorkItemRow.queue == queue, WorkItemRow.closed_at.is_(None))

    def balance(self, number: str, account: str) -> Any:
        row = self.visit(number)
        with practice_session(self.engine, self.practice_id) as session:
            return ledger.balance(session, row.id, account)

    def command(self, item: WorkItemRow, decision: str, role: str = "supervisor", **given: Any) -> Decision:
        user_id = self.rows(UserRow, UserRow.role == role)[0].id
        usual = {"command_id": uuid4(), "user_id": user_id, "reason": "because", "seen_version": item.version}
        return Decision(practice_id=self.practice_id, work_item_id=item.id, decision=decision, **(usual | given))

    def decide(self, item: WorkItemRow, decision: str, role: str = "supervisor", **given: Any) -> str:
        return self.apply(self.command(item, decision, role, **given))

    def apply(self, command: Decision) -> str:
        return DecisionActivities(self.engine).apply_decision(command).message

    def refusal(self, item: WorkItemRow, decision: str, role: str = "supervisor", **given: Any) -> str:
        with pytest.raises(ApplicationError) as refused:
            self.decide(item, decision, role, **given)
        assert refused.value.type == "Refused"
        return refused.value.message

    def build_batch(self) -> Any:
        reference = ConnectionRef(practice_id=self.practice_id, connection=CONNECTION)
        return BatchActivities(self.engine, "T").build_batch(reference)

    def receive_file(self, name: str, content: str) -> FileProgress:
        """Keep a file as the inbox would, and read it."""
        reference = ConnectionRef(practice_id=self.practice_id, connection=CONNECTION)
        with practice_session(self.engine, self.practice_id) as session:
            keep_file(session, reference, RemoteFile(name, len(content)), content.encode())
        return self.read_file(name)

    def read_file(self, name: str) -> FileProgress:
        found = self.rows(InboundFileRow, InboundFileRow.file_name == name)
        if not found:
            return FileProgress()
        look = LookAtFile(practice_id=self.practice_id, inbound_file_id=found[0].id, now=self.now)
        return FileActivities(self.engine).read_file(look)

    def set_claim(self, number: str, **values: Any) -> None:
        """What the world did to the newest filing."""
        with practice_session(self.engine, self.practice_id) as session:
            row = session.get_one(ClaimVersionRow, self.claims(number)[-1].id)
            for name, value in values.items():
                setattr(row, name, value)

    def ledger_total(self) -> Any:
        with practice_session(self.engine, self.practice_id) as session:
            return session.scalar(text("SELECT coalesce(sum(amount), 0) FROM ledger_entries"))


@pytest.fixture(scope="module")
def books(postgres: Postgres, _sweeper: ThreadPoolExecutor) -> Iterator[Books]:
    """One practice per module; each test has patients of its own."""
    with fresh_database(postgres, _sweeper) as database:
        engine, owner = make_engine(database.app_url, pool_size=24), make_engine(database.owner_url, pool_size=2)
        loaded = Practice.model_validate(practice(TODAY))
        practice_id = load_practice(engine, loaded, batch_window_seconds=0.2, inbox_poll_seconds=0.2)
        yield Books(engine, owner, practice_id)
        engine.dispose()
        owner.dispose()
