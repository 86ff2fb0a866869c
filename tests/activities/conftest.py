"""A practice on real Postgres with nobody at work: tests call the activities themselves, one at a time or at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from temporalio.exceptions import ApplicationError

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
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.claims import ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import InboundFileRow
from simulator.clinic import practice
from tests.conftest import fresh_database
from tests.line import TODAY
from tests.records import Records

CONNECTION = "clearinghouse"


@dataclass
class Books(Records):
    """The practice's tables, and everything one may do to them."""

    owner_engine: Engine
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def received(self, number: str) -> bool:
        """Whether a visit was sent at all."""
        return bool(self.rows(EncounterRow, EncounterRow.external_id == number))

    def look(self, number: str) -> LookAtEncounter:
        return LookAtEncounter(practice_id=self.practice_id, encounter_id=self.visit(number).id, now=self.now)

    def gates(self, number: str) -> GateVerdict:
        return EncounterActivities(self.engine, 0.2).check_gates(self.look(number))

    def claim_look(self, number: str) -> str:
        return EncounterActivities(self.engine, 0.2).check_claim(self.look(number)).outcome

    def balance_look(self, number: str) -> str:
        return EncounterActivities(self.engine, 0.2).check_balance(self.look(number)).outcome

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
        yield Books(engine, practice_id, owner)
        engine.dispose()
        owner.dispose()
