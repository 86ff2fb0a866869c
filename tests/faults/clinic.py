"""A clinic on a running stack: sends its visits over the API, stubbornly, and asks afterwards whether all is right."""

import hashlib
import json
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import Engine, func, select, text

from activities.practice_file import load_practice
from billing.practice import Practice
from clients import make_engine
from embedded import Stack
from models.store.session import practice_session
from models.tables.access import ApiKeyRow
from models.tables.claims import BatchRow, ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow, OutboxRow
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow
from settings import Settings, load_settings
from simulator.clinic import practice
from simulator.ledger import inbox
from web.sessions import hash_token

API_KEY = "only-in-tests"
ASK_AGAIN_SECONDS = 0.3
PATIENCE_SECONDS = 300.0  # a busy machine is slow, not wrong; only a failing test waits so long
LOG_BYTES_SHOWN = 3_000
STORY_OF_A_CLEAN_VISIT = Counter(
    (
        "encounter.received",
        "claim.ready",
        "claim.batched",
        "claim.sent",
        "claim.accepted",
        "claim.paid",
        "stage.closed",
    )
)


def as_of() -> date:
    """The clinic's latest day: lately, so that no filing limit ever passes."""
    return datetime.now(UTC).date() - timedelta(days=2)


def quick_settings(var_dir: Path, **given: object) -> Settings:
    """Free ports, short waits."""
    quick: dict[str, object] = {
        "temporal_port": 0,
        "web_port": 0,
        "sftp_port": 0,
        "smtp_port": 0,
        "log_level": "WARNING",
    }
    quick |= {"batch_window_seconds": 0.5, "inbox_poll_seconds": 0.5}
    return load_settings(use_running=False, var_dir=var_dir, **(quick | given))


def python(module: str) -> list[str]:
    """The command of one of our stand-ins."""
    return [sys.executable, "-m", f"tests.faults.{module}"]


@contextmanager
def running_stack(
    commands: Mapping[str, Sequence[str]] | None = None, **given: object
) -> Iterator[tuple[Stack, "Clinic"]]:
    """The embedded stack in a directory of its own, its clinic loaded, everything paid; nothing left of it after."""
    directory = Path(tempfile.mkdtemp(prefix="firstpass-fault-"))
    var_dir = directory / "var"
    try:
        with Stack(
            quick_settings(var_dir, **given), commands={"simulator": python("all_paid"), **(commands or {})}
        ) as stack:
            clinic = open_clinic(stack.settings)
            yield stack, clinic
            clinic.engine.dispose()
        assert processes_on(var_dir) == [], "stopping leaves no process"
    except BaseException:
        for log in sorted((var_dir / "log").glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-LOG_BYTES_SHOWN:]}", file=sys.stderr)
        raise
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def open_clinic(settings: Settings) -> "Clinic":
    """Load the practice and give its chart system an API key."""
    engine = make_engine(settings.app_database_url, pool_size=5)
    practice_id = load_practice(
        engine,
        Practice.model_validate(practice(as_of())),
        batch_window_seconds=settings.batch_window_seconds,
        inbox_poll_seconds=settings.inbox_poll_seconds,
    )
    with practice_session(engine, practice_id) as session:
        session.add(ApiKeyRow(practice_id=practice_id, name="chart", key_hash=hash_token(API_KEY)))
    return Clinic(engine, practice_id, settings.var_dir / "simulator", settings.web_url)


def processes_on(var_dir: Path) -> list[str]:
    """Processes that name the directory on their command line or in their environment."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        environment = (process.info["environ"] or {}).get("FIRSTPASS_VAR_DIR", "")
        named = str(var_dir) in command or environment == str(var_dir)
        if named and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(command)
    return found


@dataclass
class Clinic:
    """What a chart system knows of us, and what an auditor would ask."""

    engine: Engine
    practice_id: UUID
    simulator_root: Path
    web_url: str

    def send(self, visits: Sequence[dict[str, Any]], seconds: float = 300.0) -> Counter[str]:
        """Send visits until they are taken, as an integration does: whatever fails is sent again."""
        request = urllib.request.Request(
            f"{self.web_url}/api/v1/encounters",
            data=json.dumps({"encounters": list(visits)}).encode(),
            headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
        )
        end = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    return Counter(json.load(answer)["counts"])
            except (OSError, urllib.error.URLError, ValueError) as trouble:
                if isinstance(trouble, urllib.error.HTTPError) and trouble.code < 500:
                    raise AssertionError(trouble.read().decode()) from trouble
                if time.monotonic() > end:
                    raise
                time.sleep(ASK_AGAIN_SECONDS)

    def stages(self) -> dict[str, int]:
        """How many encounters are in each stage."""
        with practice_session(self.engine, self.practice_id) as session:
            return dict(session.execute(select(EncounterRow.stage, func.count()).group_by(EncounterRow.stage)).all())

    def until(self, what: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until it is so, whatever is down meanwhile; returns how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                if what():
                    return time.monotonic() - began
            except Exception as trouble:
                if "sqlalchemy" not in type(trouble).__module__:
                    raise
            time.sleep(ASK_AGAIN_SECONDS)
        raise AssertionError(f"it never came to be; the stages are {self.stages()}\n{self.where_it_stands()}")

    def until_closed(self, count: int) -> float:
        """Wait until all encounters are closed, and all word is carried."""
        return self.until(lambda: self.stages() == {"closed": count} and not self.undelivered())

    def undelivered(self) -> list[tuple[str, str | None, str]]:
        """What the outbox still holds."""
        with practice_session(self.engine, self.practice_id) as session:
            rows = session.scalars(select(OutboxRow).where(OutboxRow.state != "done"))
            return [(row.workflow_id, row.signal, row.state) for row in rows]

    def where_it_stands(self) -> str:
        """For failing tests."""
        with practice_session(self.engine, self.practice_id) as session:
            batches = [f"{row.file_name} {row.status} {row.attempts}" for row in session.scalars(select(BatchRow))]
            files = session.scalars(select(InboundFileRow).order_by(InboundFileRow.created_at))
            read = [f"{row.file_name} {row.status} {row.problems}" for row in files]
            claims = session.execute(select(ClaimVersionRow.status, func.count()).group_by(ClaimVersionRow.status))
            asked = [f"{item.queue}/{item.kind}: {item.reason}" for item in session.scalars(select(WorkItemRow))]
            words = [str(dict(claims.all())), str(self.undelivered()), *batches, *read, *asked]
        return "\n".join(words)

    def is_right(self, visits: Sequence[dict[str, Any]]) -> None:
        """Every visit paid and closed without a person, everything done once, everything adds up."""
        self._every_visit_lived_a_clean_life(visits)
        self._nobody_is_asked_anything()
        self.is_right_apart_from_people(visits)

    def is_right_apart_from_people(self, visits: Sequence[dict[str, Any]]) -> None:
        """The same, where people were asked to look meanwhile."""
        self._every_claim_was_sent_once()
        self._every_batch_left_as_stored()
        self._every_payment_was_posted_once(len(visits))
        self._the_ledger_balances()
        assert self.stages() == {"closed": len(visits)}
        assert self.undelivered() == []

    def _every_visit_lived_a_clean_life(self, visits: Sequence[dict[str, Any]]) -> None:
        with practice_session(self.engine, self.practice_id) as session:
            rows = session.scalars(select(EncounterRow)).all()
            told = session.execute(select(EventRow.encounter_id, EventRow.kind)).all()
        assert sorted(row.external_id for row in rows) == sorted(visit["encounter_id"] for visit in visits)
        assert Counter((row.stage, row.closed_as, row.touched, row.life) for row in rows) == {
            ("closed", "paid", False, 1): len(visits)
        }
        for row in rows:
            story = Counter(kind for encounter_id, kind in told if encounter_id == row.id)
            story["claim.accepted"] += not story["claim.accepted"]  # news when it comes before the payment only
            assert story == STORY_OF_A_CLEAN_VISIT, f"{row.external_id}: {story}"

    def _every_claim_was_sent_once(self) -> None:
        with practice_session(self.engine, self.practice_id) as session:
            versions = session.scalars(select(ClaimVersionRow)).all()
        known = Counter((v.patient_control_number, v.frequency_code, v.total_charge) for v in versions)
        received = Counter((c.control_number, c.frequency, c.charge) for c in inbox(self.simulator_root))
        assert received == known
        assert set(known.values()) == {1}
        assert len({v.encounter_id for v in versions}) == len(versions), "one claim a visit"

    def _every_batch_left_as_stored(self) -> None:
        with practice_session(self.engine, self.practice_id) as session:
            batches = session.scalars(select(BatchRow)).all()
        archived = {path.name.partition("-")[2]: path for path in (self.simulator_root / "archive").iterdir()}
        assert len(list((self.simulator_root / "archive").iterdir())) == len(archived) == len(batches)
        for batch in batches:
            assert archived[batch.file_name].read_bytes() == batch.content
            assert hashlib.sha256(batch.content).hexdigest() == batch.sha256
            assert batch.status == "acknowledged"
        assert list((self.simulator_root / "inbound").iterdir()) == [], "no temporary name is left behind"

    def _every_payment_was_posted_once(self, count: int) -> None:
        with practice_session(self.engine, self.practice_id) as session:
            assert set(session.scalars(select(InboundFileRow.status))) <= {"read"}
            assert set(session.scalars(select(RemittanceRow.status))) <= {"posted"}
            posted = session.execute(select(RemittanceClaimRow.claim_version_id, RemittanceClaimRow.status)).all()
        assert Counter(status for _, status in posted) == {"posted": count}
        assert len({version for version, _ in posted}) == count

    def _the_ledger_balances(self) -> None:
        with practice_session(self.engine, self.practice_id) as session:
            lopsided = "SELECT transaction_id FROM ledger_entries GROUP BY 1 HAVING sum(amount) <> 0"
            assert session.execute(text(lopsided)).all() == []
            owed = (
                "SELECT encounter_id, account, sum(amount) FROM ledger_entries "
                "WHERE account IN ('payer_receivable', 'patient_receivable') GROUP BY 1, 2 HAVING sum(amount) <> 0"
            )
            assert session.execute(text(owed)).all() == []
            charged = session.scalar(text("SELECT -sum(amount) FROM ledger_entries WHERE account = 'revenue'"))
            billed = session.scalar(select(func.sum(ClaimVersionRow.total_charge)))
        assert charged == billed

    def _nobody_is_asked_anything(self) -> None:
        with practice_session(self.engine, self.practice_id) as session:
            items = [f"{item.subject} {item.kind}: {item.reason}" for item in session.scalars(select(WorkItemRow))]
        assert items == []
