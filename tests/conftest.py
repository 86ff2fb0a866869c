"""What every test may ask for: a fresh database, a Temporal server, a browser.

Each test process starts its own Postgres and Temporal when the first test asks (0.6 s and 0.3 s, measured), which is
faster than sharing one through a lock. Every test gets its own database, copied from a migrated template in 0.03 s;
emptying 42 tables took twice as long.
"""

from __future__ import annotations

import base64
import gc
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from playwright.async_api import Browser, Page, async_playwright
from psycopg import sql
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from clients import connect_temporal, make_engine
from embedded import LOCALHOST, Postgres, TemporalServer, free_port
from models.migrations import upgrade
from settings import APP_ROLE, OWNER_ROLE, Settings

TESTS = Path(__file__).parent
# Minutes, then half minutes, then directories whose files take ten seconds each; the others take one.
LONGEST_FIRST = (
    "faults/test_stages", "journeys/test_everyone", "journeys/test_busy_clinic", "faults/test_kill",
    "faults/test_two_of_everything", "journeys/test_working_the_queue", "faults/test_outages",
    "activities/test_desk_next", "faults", "journeys", "posting", "histories", "workflows", "platform", "activities",
    "simulator", "web", "models",
)  # fmt: skip
TEMPLATE = "template_firstpass"
PASSWORD = "only-in-tests"
PICTURE_QUALITY = 80  # of 100
# The first that is there. Debian's headless shell is Chromium without windows: a third less work for the same pages.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# A test is not timed: a busy machine is slow, not wrong. The rest is as hypothesis has it, in CI and out of it.
hypothesis.settings.register_profile("untimed", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/workflows --record-histories` renews what tests/histories replays."""
    parser.addoption("--record-histories", action="store_true", help="write workflow histories to tests/histories")


def pytest_collection() -> None:
    """Everything is imported now and stays: looking for garbage meanwhile is a fifth of the time it takes."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no long test runs alone at the end while the other processes are idle."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    place = item.path.relative_to(TESTS).as_posix()
    return next((turn for turn, start in enumerate(LONGEST_FIRST) if place.startswith(start)), len(LONGEST_FIRST))


def pytest_collection_finish() -> None:
    """From here on there is garbage, but not in what was imported."""
    gc.freeze()
    gc.enable()


# --- settings ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings as an embedded stack has them, with one payload key and no addresses."""
    key = base64.b64encode(bytes(range(32))).decode()
    return Settings(var_dir=Path("var-of-no-test"), codec_keys={"test": key}, undo_seconds=0)


# --- Postgres ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Database:
    """One test's own database, as its two roles see it."""

    name: str
    owner_url: str
    app_url: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for this test process, with both roles and the migrated template."""
    # not under pytest's own directory, which it makes private again: Postgres may run as another user
    directory = Path(tempfile.mkdtemp(prefix="firstpass-test-"))
    server = Postgres(directory / "data", directory / "postgres.log", password=PASSWORD, durable=False)
    server.start()
    for role in (OWNER_ROLE, APP_ROLE):
        server.ensure_role(role, PASSWORD)
    server.ensure_database(TEMPLATE, OWNER_ROLE)
    upgrade(server.url(TEMPLATE, OWNER_ROLE))
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def _sweeper(postgres: Postgres) -> Iterator[ThreadPoolExecutor]:
    """Drops used databases behind the tests' back: dropping takes four times as long as creating."""
    with ThreadPoolExecutor(max_workers=1) as sweeper:
        yield sweeper


@pytest.fixture
def database(postgres: Postgres, _sweeper: ThreadPoolExecutor) -> Iterator[Database]:
    """A database of this test's own, empty but migrated."""
    with fresh_database(postgres, _sweeper) as made:
        yield made


@contextmanager
def fresh_database(postgres: Postgres, sweeper: ThreadPoolExecutor) -> Iterator[Database]:
    """A database for as long as somebody wants it: a test, or a module whose tests share one line."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with postgres.connect() as connection:
        statement = "create database {} template {} owner {} strategy file_copy"
        names = [sql.Identifier(part) for part in (name, TEMPLATE, OWNER_ROLE)]
        connection.execute(sql.SQL(statement).format(*names))
    yield Database(name, postgres.url(name, OWNER_ROLE), postgres.url(name, APP_ROLE))
    sweeper.submit(_drop, postgres, name)


def _drop(postgres: Postgres, name: str) -> None:
    with postgres.connect() as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """The app's role: owns nothing, sees one practice at a time."""
    engine = make_engine(database.app_url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def owner_engine(database: Database) -> Iterator[Engine]:
    """The owner of the tables: for arranging what the app may not do."""
    engine = make_engine(database.owner_url, pool_size=5)
    yield engine
    engine.dispose()


# --- Temporal ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def temporal_server(settings: Settings) -> Iterator[TemporalServer]:
    """A server in memory that can skip time, for this test process."""
    directory = Path(tempfile.mkdtemp(prefix="firstpass-test-"))
    address = f"{LOCALHOST}:{free_port()}"
    server = TemporalServer(address, directory / "temporal.log", database=None, namespace=settings.temporal_namespace)
    server.start()
    yield server
    server.child.kill()  # nothing to keep, and asking politely takes over a second
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
async def temporal(temporal_server: TemporalServer, settings: Settings) -> Client:
    """A client that seals its payloads as in production."""
    return await connect_temporal(settings.model_copy(update={"temporal_address": temporal_server.address}))


@pytest.fixture
def time_skipper(temporal: Client) -> TimeSkipper:
    """`await time_skipper.fast_forward(handle, timedelta(days=45))`; time is per workflow, so tests do not disturb
    each other. Activities and SQL still see the real time.
    """
    return TimeSkipper(temporal)


@pytest.fixture
def task_queue() -> str:
    """A queue nobody else polls."""
    return f"test-{uuid.uuid4()}"


# --- browser ----------------------------------------------------------------------------------------------------


def _browser_path() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), "")
    if not found:
        reason = "no Chromium found: install it (apt-get install chromium) to run the journeys"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The machine's own Chromium; no browser is downloaded."""
    path = _browser_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of a person who has never been here. A script error fails the test."""
    context = await browser.new_context(locale="en-US", timezone_id="America/New_York")
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert not errors, f"script errors on the page: {errors}"


@pytest.fixture
def snap() -> Callable[[Page, str], Awaitable[None]]:
    """`await snap(page, "queues")` keeps a picture when `make screenshots` asks for pictures, else does nothing."""

    async def take(page: Page, name: str) -> None:
        directory = os.environ.get("FIRSTPASS_SCREENSHOTS")
        if not directory or not re.fullmatch(r"[a-z0-9-]+", name):
            return
        await page.mouse.move(0, 0)  # nothing hovered
        devtools = await page.context.new_cdp_session(page)
        # a quarter of PNG's bytes for the same letters; Playwright itself takes PNG and JPEG only
        taken = await devtools.send("Page.captureScreenshot", {"format": "webp", "quality": PICTURE_QUALITY})
        Path(directory).mkdir(parents=True, exist_ok=True)
        (Path(directory) / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))

    return take
