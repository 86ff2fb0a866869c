"""A practice with its people, logged-in browsers of every role, and rows to look at."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from activities import intake
from activities.practice_file import load_practice
from billing.practice import Practice
from billing.vocabulary import Role
from models.messages import Decision
from models.store.session import practice_session
from models.tables.access import ApiKeyRow, SessionRow, UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.practice import ClinicianRow
from settings import Settings
from web.app import create_app
from web.commands import Answer
from web.sessions import Limits, find_viewer, hash_token
from web.viewer import Viewer

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
API_KEY = "an-integration-key"
NAMES = {
    Role.BILLER: "Ana Ruiz",
    Role.SUPERVISOR: "Sam Okafor",
    Role.CLINICIAN: "Jo Lindqvist",
    Role.FRONT_DESK: "Lee Park",
    Role.AUDITOR: "Mia Voss",
    Role.ADMINISTRATOR: "Ada Chen",
}


@dataclass
class Decided:
    """Commands that answer as told and remember what was asked."""

    answer: Answer = field(default_factory=lambda: Answer("done", "It closes without a claim."))
    asked: list[tuple[str, Decision]] = field(default_factory=list)

    async def decide(self, workflow_id: str, decision: Decision) -> Answer:
        self.asked.append((workflow_id, decision))
        return self.answer

    async def ready(self) -> bool:
        return True


@dataclass(frozen=True)
class House:
    """One practice in the database."""

    engine: Engine
    practice_id: UUID
    users: dict[Role, UUID]
    clinician_id: UUID

    def encounter(self, external_id: str = "CH-1001", **changes: Any) -> UUID:
        """A visit taken in as the chart would send it."""
        payload = json.loads((EXAMPLES / "encounter.json").read_text())
        payload = {**payload, "encounter_id": external_id, **changes}
        [result] = intake.receive(self.engine, self.practice_id, "chart", [payload])
        assert result.status == "created", result.errors
        with practice_session(self.engine, self.practice_id) as session:
            return session.scalars(select(EncounterRow.id).where(EncounterRow.external_id == external_id)).one()

    def item(self, **values: Any) -> UUID:
        """A work item, put where a workflow would put it."""
        item_id: UUID = values.pop("id", uuid4())
        row: dict[str, Any] = {
            "id": item_id,
            "practice_id": self.practice_id,
            "subject": f"encounter/{uuid4()}",
            "queue": "documentation",
            "kind": "hold",
            "workflow_id": f"encounter/{uuid4()}",
            "reason": "The note is signed by nobody.",
            "clears_when": "the note is signed",
            "whose_move": "clinician",
            "findings": [],
            "amount": Decimal("140.00"),
            "due_at": None,
            "opened_at": datetime.now(UTC) - timedelta(days=1),
            **values,
        }
        with practice_session(self.engine, self.practice_id) as session:
            session.add(WorkItemRow(**row))
        return item_id

    def read(self, item_id: UUID) -> WorkItemRow:
        """The item as it is now."""
        with practice_session(self.engine, self.practice_id) as session:
            return session.get_one(WorkItemRow, item_id)

    def token(self, role: Role, *, seen_minutes_ago: int = 0, opened_hours_ago: int = 0) -> str:
        """An open session's token."""
        token, now = f"token-{uuid4()}", datetime.now(UTC)
        with practice_session(self.engine, self.practice_id) as session:
            session.add(
                SessionRow(
                    practice_id=self.practice_id,
                    token_hash=hash_token(token),
                    user_id=self.users[role],
                    csrf_token="csrf",
                    last_seen_at=now - timedelta(minutes=seen_minutes_ago),
                    expires_at=now + timedelta(hours=12 - opened_hours_ago),
                    revoked_at=None,
                )
            )
        return token


def move_in(engine: Engine, name: str = "one") -> House:
    """A practice loaded from the documented example, with one user of every role and an API key."""
    data = json.loads((EXAMPLES / "practice.json").read_text())
    clinician = data["clinicians"][0]["clinician_id"]
    data |= {"practice_id": name, "name": f"Clinic {name}"}
    data["users"] = [
        {"email": f"{role}@{name}.example", "name": NAMES[role], "role": role}
        | ({"clinician_id": clinician} if role is Role.CLINICIAN else {})
        for role in Role
    ]
    practice = Practice.model_validate(data)
    practice_id = load_practice(engine, practice, batch_window_seconds=1, inbox_poll_seconds=1)
    with practice_session(engine, practice_id) as session:
        users = {Role(role): user_id for role, user_id in session.execute(select(UserRow.role, UserRow.id))}
        clinician_id = session.scalars(select(ClinicianRow.id).where(ClinicianRow.external_id == clinician)).one()
        session.add(
            ApiKeyRow(
                practice_id=practice_id,
                name="chart",
                key_hash=hash_token(f"{API_KEY}-{name}"),
                revoked_at=None,
                last_used_at=None,
            )
        )
    return House(engine, practice_id, users, clinician_id)


@pytest.fixture
def house(engine: Engine) -> House:
    """The practice most tests look at."""
    return move_in(engine)


@pytest.fixture
def commands() -> Decided:
    """Decisions go here instead of to Temporal."""
    return Decided()


@pytest.fixture
def app(engine: Engine, settings: Settings, commands: Decided) -> FastAPI:
    """The application on the test's database."""
    return create_app(settings, engine=engine, commands=commands)


Browse = Callable[..., TestClient]


@pytest.fixture
def browse(app: FastAPI, house: House) -> Iterator[Browse]:
    """``browse(Role.BILLER)``: a browser of somebody logged in, that sends the form token with every post."""
    opened: list[TestClient] = []

    def open_browser(role: Role | None = Role.BILLER, *, of: House = house, **session: int) -> TestClient:
        client = TestClient(app, base_url="http://testserver", follow_redirects=False)
        if role is not None:
            client.cookies.set("firstpass", of.token(role, **session))
            client.headers["X-CSRF-Token"] = "csrf"
        opened.append(client)
        return client

    yield open_browser
    for client in opened:
        client.close()


def look_later(browser: TestClient, later: timedelta) -> None:
    """From now on the application's clock is ahead."""
    browser.app.state.clock = lambda: datetime.now(UTC) + later  # type: ignore[attr-defined]  # typed as any ASGI app; it is ours


def viewer(house: House, role: Role = Role.BILLER) -> Viewer:
    """Somebody logged in, as a page knows them."""
    limits = Limits(timedelta(minutes=30), timedelta(hours=12))
    found = find_viewer(house.engine, house.token(role), datetime.now(UTC), limits)
    assert found is not None
    return found
