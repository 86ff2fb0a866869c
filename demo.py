"""`firstpass demo`: a made-up clinic's four weeks, sent through the front door and followed to where each visit ends.

Everything happens on the real parts: visits and payments come in over the API, claims leave over SFTP, answers return.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import Engine, text
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.api_keys import issue_api_key
from activities.practice_file import load_practice
from billing.practice import Practice
from clients import connect_temporal, make_engine
from models.ids import encounter_workflow_id
from models.messages import Decision
from models.store.session import practice_session
from settings import Problem, Settings
from simulator.clinic import generate, write
from simulator.clinic_stories import Story

if TYPE_CHECKING:
    from embedded import Stack

SEED = 7
PACE_SECONDS = 1.0
VISITS_PER_POST = 50
SETTLED_AFTER_SECONDS = 8.0
GIVE_UP_AFTER_SECONDS = 15 * 60.0
SILENCE = timedelta(days=22)
PAYS_PERCENT = 70
POST_SECONDS = 120.0

PACKET = {"requested_quantity": "12", "document": "plan of care and last progress note"}
CASE_STEPS: Sequence[Sequence[tuple[str, dict[str, str]]]] = (
    (),
    (("start_packet", PACKET),),
    (("mark_sent", PACKET),),
    (("mark_sent", PACKET), ("information_asked", {"question": "the initial evaluation with measures"})),
    (
        ("mark_sent", PACKET),
        ("record_answer", {"outcome": "denied", "denial_reason": "no measurable progress in the notes sent"}),
    ),
)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Files:
    """What the clinic wrote. as_of: the day its four weeks end."""

    directory: Path
    as_of: date
    stories: Sequence[Story]

    @property
    def world(self) -> Path:
        """How its payers will behave."""
        return self.directory / "world.json"

    def practice(self) -> Practice:
        """The practice file."""
        return Practice.model_validate_json((self.directory / "practice.json").read_bytes())

    def visits(self) -> list[dict[str, Any]]:
        """The visits, one a line."""
        return self._lines("encounters.jsonl")

    def bookings(self) -> list[dict[str, Any]]:
        """The visits ahead, one a line."""
        return self._lines("bookings.jsonl")

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.directory / name).read_text().splitlines()]


def prepare(settings: Settings, visits: int) -> Files:
    """Write the clinic's files under var/demo; a second run goes on with the clinic of the first."""
    directory = settings.var_dir / "demo"
    note = directory / "made.json"
    made = json.loads(note.read_text()) if note.exists() else None
    if made is not None and made["visits"] != visits:
        raise Problem(
            f"{directory} holds a demo of {made['visits']} visits. Run it with VISITS={made['visits']}, "
            "or set FIRSTPASS_VAR_DIR to an empty directory for another one."
        )
    as_of = date.fromisoformat(made["as_of"]) if made else datetime.now(UTC).date()
    clinic = generate(SEED, as_of, visits)
    directory.mkdir(parents=True, exist_ok=True)
    write(clinic, directory)
    note.write_text(json.dumps({"as_of": as_of.isoformat(), "visits": visits}))
    return Files(directory, as_of, clinic.stories)


async def run(stack: Stack, files: Files, tell: Tell) -> None:
    """Send, follow, move time for what stays silent, report. Raises Problem when the line did not run."""
    began = time.monotonic()
    engine = make_engine(stack.settings.app_database_url, pool_size=2, application_name="firstpass-demo")
    practice = files.practice()
    practice_id = load_practice(
        engine,
        practice,
        batch_window_seconds=stack.settings.batch_window_seconds,
        inbox_poll_seconds=stack.settings.inbox_poll_seconds,
    )
    clinic = Clinic(engine, practice_id, issue_api_key(engine, practice_id, "demo-chart", "demo"), stack.settings)
    clinic.send_visits(files.visits(), tell)
    clinic.follow(tell)
    clinic.send_bookings(files.bookings(), tell)
    if asked := await clinic.ask_payers():
        tell(f"The front desk took up {asked} authorization cases")
    if paid := clinic.pay_balances(files.as_of):
        tell(f"{paid} patients paid their share at the desk")
        clinic.follow(tell)
    if moved := await clinic.move_time_for_the_silent():
        tell(f"Time was moved {SILENCE.days} days on for {moved} claims nobody answered")
        clinic.follow(tell)
    for line in clinic.report(time.monotonic() - began):
        tell(line)
    for line in _doors(stack.settings, practice, files):
        tell(line)
    clinic.refuse_a_broken_line()


class Clinic:
    """The clinic as a sender of visits and payments, and what the demo wants to see of it."""

    def __init__(self, engine: Engine, practice_id: UUID, api_key: str, settings: Settings) -> None:
        self._engine = engine
        self._practice_id = practice_id
        self._settings = settings
        self._api = httpx.Client(
            base_url=f"http://{settings.web_host}:{settings.web_port}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=POST_SECONDS,
        )

    def send_visits(self, visits: Sequence[dict[str, Any]], tell: Tell) -> None:
        """Over the API, as a chart system would."""
        counts: dict[str, int] = {}
        for start in range(0, len(visits), VISITS_PER_POST):
            body = {"encounters": visits[start : start + VISITS_PER_POST]}
            answer = self._api.post("/encounters", json=body)
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise Problem(f"The web server answered {answer.status_code} to visits; see {self._settings.log_dir}.")
            for result in answer.json()["results"]:
                counts[result["status"]] = counts.get(result["status"], 0) + 1
        tell("Visits sent over the API: " + ", ".join(f"{count} {status}" for status, count in counts.items()))

    def send_bookings(self, bookings: Sequence[dict[str, Any]], tell: Tell) -> None:
        """Over the API, as a schedule would."""
        beyond = 0
        for start in range(0, len(bookings), VISITS_PER_POST):
            body = {"bookings": bookings[start : start + VISITS_PER_POST]}
            answer = self._api.post("/bookings", json=body)
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise Problem(
                    f"The web server answered {answer.status_code} to bookings; see {self._settings.log_dir}."
                )
            beyond += sum(1 for result in answer.json()["results"] if result.get("beyond_limit"))
        tell(f"{len(bookings)} bookings sent over the API, {beyond} beyond what payers granted")

    async def ask_payers(self) -> int:
        """Bring authorization cases into several states, as a front desk would; one in four is left as it is."""
        cases = self._rows(
            "SELECT i.id, i.workflow_id FROM work_items i JOIN authorization_cases c ON c.id = i.authorization_case_id "
            "WHERE i.closed_at IS NULL AND c.state = 'needed' ORDER BY i.opened_at, i.id"
        )
        [(user_id,)] = self._rows("SELECT id FROM users WHERE role = 'supervisor' ORDER BY email LIMIT 1")
        client = await connect_temporal(self._settings)
        asked = 0
        for number, (item_id, workflow_id) in enumerate(cases):
            handle = client.get_workflow_handle(workflow_id)
            for decision, fields in CASE_STEPS[number % len(CASE_STEPS)]:
                command = Decision(
                    practice_id=self._practice_id,
                    work_item_id=item_id,
                    command_id=uuid4(),
                    user_id=user_id,
                    decision=decision,
                    reason="demo",
                    fields=fields,
                )
                with contextlib.suppress(WorkflowUpdateFailedError, RPCError):  # the case moved on meanwhile
                    await handle.execute_update("decide", command, id=str(command.command_id))
            asked += bool(CASE_STEPS[number % len(CASE_STEPS)])
        return asked

    def follow(self, tell: Tell) -> None:
        """Show how visits move on, until nothing has moved for a while."""
        before, still_since = None, time.monotonic()
        deadline = time.monotonic() + GIVE_UP_AFTER_SECONDS
        while time.monotonic() < deadline:
            now = self._standing()
            if now != before:
                tell("  " + "  ".join(f"{name} {count}" for name, count in now))
                before, still_since = now, time.monotonic()
            elif time.monotonic() - still_since > SETTLED_AFTER_SECONDS and not self._on_the_move(now):
                return
            time.sleep(PACE_SECONDS)
        raise Problem(f"Visits were still moving after {GIVE_UP_AFTER_SECONDS / 60:.0f} minutes; see the logs.")

    def _standing(self) -> list[tuple[str, int]]:
        rows = self._rows("SELECT stage, count(*) FROM encounters GROUP BY stage ORDER BY stage")
        return [(row[0], row[1]) for row in rows]

    def _on_the_move(self, standing: Sequence[tuple[str, int]]) -> bool:
        """Whether something is under way that will move by itself within seconds."""
        moving = {"intake", "submission", "acknowledgement"}
        return any(name in moving and count for name, count in standing) or bool(
            self._number("SELECT count(*) FROM outbox WHERE state <> 'done'")
        )

    def pay_balances(self, as_of: date) -> int:
        """Most patients pay what the statement asks, over the API, as the desk's card terminal would tell."""
        owing = self._rows(
            "SELECT e.external_id, sum(l.amount) FROM encounters e JOIN ledger_entries l ON l.encounter_id = e.id "
            "WHERE e.stage = 'patient_balance' AND l.account = 'patient_receivable' "
            "AND NOT EXISTS (SELECT 1 FROM work_items w WHERE w.encounter_id = e.id AND w.closed_at IS NULL) "
            "GROUP BY e.external_id HAVING sum(l.amount) > 0 ORDER BY e.external_id"
        )
        payments = [
            {"payment_id": f"card-{name}", "encounter_id": name, "amount": str(owed), "received_on": as_of.isoformat()}
            for name, owed in owing
            if sha256(name.encode()).digest()[0] % 100 < PAYS_PERCENT
        ]
        if payments:
            self._api.post("/payments", json={"payments": payments}).raise_for_status()
        return len(payments)

    async def move_time_for_the_silent(self) -> int:
        """Three weeks pass, for claims a payer accepted and never answered: a person is asked to look."""
        from temporalio.testing import TimeSkipper

        silent = self._rows(
            "SELECT e.id, e.life FROM encounters e WHERE e.stage = 'remittance' AND NOT EXISTS "
            "(SELECT 1 FROM work_items w WHERE w.encounter_id = e.id AND w.closed_at IS NULL)"
        )
        client = await connect_temporal(self._settings)
        skipper = TimeSkipper(client)
        for encounter_id, life in silent:
            handle = client.get_workflow_handle(encounter_workflow_id(encounter_id, life))
            await skipper.fast_forward(handle, SILENCE)
        return len(silent)

    def report(self, seconds: float) -> Iterator[str]:
        """What became of everything."""
        visits = self._number("SELECT count(*) FROM encounters")
        untouched = self._number("SELECT count(*) FROM encounters WHERE closed_at IS NOT NULL AND NOT touched")
        yield ""
        yield f"{visits} visits in {seconds:.0f} s; {untouched} closed without a person touching them"
        yield "  stage             visits"
        for stage, count in self._standing():
            yield f"  {stage:<18}{count:>6}"
        yield "  queue             open    dollars"
        for queue, count, dollars in self._rows(
            "SELECT queue, count(*), sum(amount) FROM work_items WHERE closed_at IS NULL GROUP BY queue ORDER BY queue"
        ):
            yield f"  {queue:<18}{count:>4} {dollars:>10,.2f}"
        yield from self._money()

    def _money(self) -> Iterator[str]:
        sent = self._number("SELECT count(*) FROM claim_versions WHERE sent_at IS NOT NULL")
        files = self._number("SELECT count(*) FROM batches")
        rows = self._rows("SELECT status, count(*) FROM claim_versions GROUP BY status")
        stand = {row[0]: row[1] for row in rows}
        paid, denied, rejected = (stand.get(status, 0) for status in ("paid", "denied", "rejected"))
        yield f"  claims sent {sent} in {files} files: paid {paid}, denied {denied}, rejected {rejected}"
        balances = {row[0]: row[1] for row in self._rows("SELECT account, sum(amount) FROM ledger_entries GROUP BY 1")}
        charged, cash = -balances.get("revenue", Decimal(0)), balances.get("cash", Decimal(0))
        yield (
            f"  charged ${charged:,.2f}, received ${cash:,.2f}, payers owe "
            f"${balances.get('payer_receivable', 0):,.2f}, patients owe ${balances.get('patient_receivable', 0):,.2f}"
        )
        yield f"  debits less credits: ${sum(balances.values(), Decimal(0)):.2f}"

    def refuse_a_broken_line(self) -> None:
        """Raises Problem, with the reason, when what was shown is not what should have happened."""
        if not self._number("SELECT count(*) FROM encounters WHERE closed_as = 'paid'"):
            raise Problem(f"No visit was paid, so the line did not run. See the logs in {self._settings.log_dir}.")
        if self._number("SELECT count(*) FROM encounters WHERE stage = 'intake'"):
            raise Problem(f"Visits are stuck at intake. See the logs in {self._settings.log_dir}.")
        doubled = "SELECT count(*) FROM (SELECT 1 FROM batches GROUP BY sha256 HAVING count(*) > 1) d"
        if self._number(doubled):
            raise Problem("A file was sent twice. That must never happen; please report it.")

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with practice_session(self._engine, self._practice_id) as session:
            return [tuple(row) for row in session.execute(text(query))]

    def _number(self, query: str) -> int:
        return int(self._rows(query)[0][0])


def _doors(settings: Settings, practice: Practice, files: Files) -> Iterator[str]:
    yield ""
    yield f"Open {settings.web_url} and log in as one of these (all invented):"
    for user in practice.users:
        yield f"  {user.role.value:<14}{user.email:<38}{user.password}"
    yield f"Cases worth following are told in {files.directory / 'stories.md'}"
