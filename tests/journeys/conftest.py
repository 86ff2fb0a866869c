"""A desk as people meet it: the whole line, a web server on the same database and Temporal, and browsers.

Everybody logs in through the form. When a journey ends, every page opened in it must have been free of script errors
and must have left nothing in the browser's storage.
"""

import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    expect,
)
from temporalio.client import Client

from activities.api_keys import issue_api_key
from activities.gateways.mail import MailAddress
from clients import make_engine
from embedded import LOCALHOST, Postgres, TemporalServer
from models.tables.desk import WorkItemRow
from settings import Settings
from simulator.clinic import practice
from simulator.clinic_roster import DEMO_PASSWORD, EMAIL_DOMAIN
from tests.conftest import fresh_database
from tests.line import ALL_PAID, TODAY, Line, line
from web.app import create_app

# A busy machine is slow, not wrong; and longer than the minute after which every page looks for itself.
PATIENCE_MS = 75_000
WIDE, NARROW = ViewportSize(width=1440, height=900), ViewportSize(width=900, height=1100)
# Chromium writes an answer that refuses into the console as if it were an error.
REFUSED = re.compile("status of 4(09|22)")


# --- the line and its web server --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """What a line stands on."""

    postgres: Postgres
    sweeper: ThreadPoolExecutor
    temporal: Client
    directory: Path

    @asynccontextmanager
    async def line(
        self, practice_file: dict[str, Any], world: dict[str, Any], mail: MailAddress | None = None
    ) -> AsyncIterator[Line]:
        """A practice on a line and a database of its own."""
        with fresh_database(self.postgres, self.sweeper) as database:
            engine = make_engine(database.app_url, pool_size=20)
            # our own judge reads every file with pyx12 already; the clearinghouse need not do it again
            async with line(
                engine, self.temporal, practice_file, self.directory, world=world, validation="envelope", mail=mail
            ) as running:
                yield running
            engine.dispose()


@pytest.fixture(scope="module")
def ground(
    postgres: Postgres, _sweeper: ThreadPoolExecutor, temporal: Client, tmp_path_factory: pytest.TempPathFactory
) -> Ground:
    """One line at a time stands on it: lines share Temporal's queues."""
    return Ground(postgres, _sweeper, temporal, tmp_path_factory.mktemp("line"))


@pytest.fixture(scope="module")
async def clinic(request: pytest.FixtureRequest, ground: Ground) -> AsyncIterator[Line]:
    """One line per module; its payers follow the module's WORLD, its practice the module's PRACTICE."""
    world = {**ALL_PAID, **getattr(request.module, "WORLD", {})}
    async with ground.line({**practice(TODAY), **getattr(request.module, "PRACTICE", {})}, world) as running:
        yield running


@pytest.fixture(scope="module")
def address(
    request: pytest.FixtureRequest, clinic: Line, settings: Settings, temporal_server: TemporalServer
) -> Iterator[str]:
    """Where the module's web server answers; it follows the module's SETTINGS."""
    database_url = clinic.engine.url.render_as_string(hide_password=False)
    changes = {"app_database_url": database_url, "temporal_address": temporal_server.address}
    changes |= getattr(request.module, "SETTINGS", {})
    with serving(settings.model_copy(update=changes)) as url:
        yield url


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The web application in a thread, on a socket that takes callers before the first of them comes."""
    with socket.create_server((LOCALHOST, 0)) as listening:
        # no log configuration: it would stay with the process, and the next test of the logs would hear nothing
        config = uvicorn.Config(create_app(settings), log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://{LOCALHOST}:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=60)
        assert not thread.is_alive(), "the web server did not stop"


@pytest.fixture
async def chart(clinic: Line, address: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """``await chart(visit, ...)``: the chart system sends visits over the API, with a key of its own."""
    key = issue_api_key(clinic.engine, clinic.practice_id, "journey-chart", "test")
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:

        async def send(*visits: dict[str, Any]) -> None:
            answer = await client.post("/api/v1/encounters", json={"encounters": visits})
            assert answer.status_code == 202, answer.text

        yield send


# --- people -----------------------------------------------------------------------------------------------------


@dataclass
class People:
    """Everybody who sits down in a journey, each with a browser of their own."""

    browser: Browser
    address: str
    contexts: list[BrowserContext] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def arrive(self, at: str = "/", **context: Any) -> Page:
        """A person who has never been here, at the address."""
        usual = {"base_url": self.address, "viewport": WIDE, "locale": "en-US", "timezone_id": "America/Chicago"}
        opened = await self.browser.new_context(**(usual | context))
        opened.set_default_timeout(PATIENCE_MS)
        page = await opened.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", self._heard)
        self.contexts.append(opened)
        self.pages.append(page)
        await page.goto(at)
        return page

    async def log_in(self, login: str, at: str = "/", **context: Any) -> Page:
        """The same person with password, at the page that was wanted."""
        page = await self.arrive(at, **context)
        await give_password(page, login)
        await expect(page).to_have_url(f"{self.address}{at}")
        await page.wait_for_load_state()  # keys pressed earlier would be lost
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        drawing = bool(os.environ.get("FIRSTPASS_SCREENSHOTS")) and "inline style" in message.text  # Playwright's own
        if message.type == "error" and not REFUSED.search(message.text) and not drawing:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    async def leave(self) -> None:
        """Close everything; nothing may have broken, nothing may stay in a browser."""
        kept = [await page.evaluate("localStorage.length + sessionStorage.length") for page in self.pages]
        for context in self.contexts:
            await context.close()
        assert not self.complaints, self.complaints
        assert not any(kept), "something stayed in a browser's storage"


async def give_password(page: Page, login: str) -> None:
    """Fill in the log-in form."""
    await page.get_by_label("E-mail").fill(f"{login}@{EMAIL_DOMAIN}")
    await page.get_by_label("Password").fill(DEMO_PASSWORD)
    await page.get_by_role("button", name="Log in").click()


@pytest.fixture
async def people(browser: Browser, address: str) -> AsyncIterator[People]:
    """``await people.log_in("bianca", "/queues/denials")``: her page."""
    expect.set_options(timeout=PATIENCE_MS)
    everybody = People(browser, address)
    yield everybody
    await everybody.leave()


# --- the pieces of the screen -----------------------------------------------------------------------------------


def row_of(page: Page, item: WorkItemRow) -> Locator:
    """The item in the list."""
    return page.locator(f"#row-{item.id}")


def decision_of(page: Page, key: str) -> Locator:
    """A decision in the pane, folded or open."""
    return page.locator(f'#pane details.decision:has(input[name=decision][value="{key}"])')


def said(page: Page, tone: str) -> Locator:
    """What the page answered to the last click."""
    return page.locator(f"#toast .notice.{tone}")


async def open_item(page: Page, item: WorkItemRow) -> None:
    """Click the row and see it in the pane."""
    await row_of(page, item).locator("a").click()
    await expect(page.locator(f'#pane [data-item="{item.id}"]')).to_be_visible()


async def fill_in(page: Page, key: str, fields: dict[str, str]) -> Locator:
    """Unfold a decision and fill in its form; the button is returned, not yet pressed."""
    form = decision_of(page, key)
    await form.locator("summary").click()
    for label, value in fields.items():
        await form.get_by_label(label).fill(value)
    return form.get_by_role("button")
