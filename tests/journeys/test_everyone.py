"""Every screen, for everybody: WCAG 2.2 AA by axe-core in light and dark, and no sideways scrolling from 900 to 2560.

Screens are found by following links as each role, one of every kind; those behind a form are opened by its buttons.
A screen made only of parts that were judged before, in the same place, is fetched but not drawn and judged again.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Locator, Page
from sqlalchemy import Engine

from activities import bulk, clinicians, supervision
from activities.bulk import Wish
from activities.desk import Actor, Seen
from billing.vocabulary import Queue, Role, UseBucket
from models.store.session import practice_session
from models.tables.encounters import EncounterRow
from settings import Settings
from tests.journeys.conftest import PATIENCE_MS, serving
from tests.web.conftest import House, move_in
from tests.web.grants import TODAY, ahead, book, case, draw, grant
from tests.web.test_clinician import UNSIGNED
from tests.web.test_many import CAUSE, WRONG_NUMBER
from tests.web.told_life import told_life

pytestmark = pytest.mark.journey

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ALL: dict[str, Any] = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
# The second finds axe on the page: half a megabyte of script need not be read twice.
SCHEMES: tuple[tuple[Literal["light", "dark"], Axe, dict[str, Any]], ...] = (
    ("light", Axe(), ALL),
    ("dark", Axe(axe_script="0"), COLOURS),
)
WIDTHS = (900, 1440, 2560)
# An element as the style sheet and axe see it, in the two that hold it; the words in it do not matter.
PARTS = """(html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const told = ["role", "type", "aria-current"];
  const part = (element) => !element ? "" : [
    element.tagName, ...[...element.classList].sort(), ...told.map((name) => element.getAttribute(name)),
    element.disabled, element.hasAttribute("aria-label"),
  ].join(" ");
  const around = (element) => [element.parentElement?.parentElement, element.parentElement, element];
  const placed = (element) => around(element).map(part).join(">");
  const links = [...page.querySelectorAll("a[href^='/']")].map((link) => link.getAttribute("href"));
  return { parts: [...new Set([...page.body.querySelectorAll("*")].map(placed))], links: [...new Set(links)] };
}"""
SCREENS_MAX = 80  # of one role; more kinds of screens than that and somebody puts ids where words belong
IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
NUMBER = re.compile(r"/[A-Z]+-?\d+\b")
DOWNLOAD = re.compile(r"\.(csv|json|txt|835|837|pdf)$|/(content|download|raw)\b|^/(static|logout)")


@dataclass
class Desk:
    """A practice with something on every screen, and its address."""

    house: House
    address: str
    complaints: list[str] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)


def furnish(house: House) -> None:
    """Items in every queue and state, a shared cause, a question to a clinician, a batch, days off."""
    told_life(house)
    now = datetime.now(UTC)
    ana = Actor(house.practice_id, house.users[Role.BILLER], "Ana Ruiz", "ana@one.example", supervises=True)
    for queue in Queue:
        house.item(queue=queue.value, due_at=now - timedelta(hours=3), findings=[UNSIGNED])
        house.item(
            queue=queue.value, due_at=now + timedelta(days=2), escalated=True, owner_id=ana.user_id, taken_at=now
        )
    for day in range(3):
        house.item(queue="scrub", cause=CAUSE, findings=[WRONG_NUMBER], opened_at=now - timedelta(days=3 * day))
    visits = [house.encounter(f"CH-20{number}") for number in range(3)]
    holds = [
        house.item(encounter_id=visit, clinician_id=house.clinician_id, findings=[UNSIGNED], amount=0)
        for visit in visits
    ]
    with practice_session(house.engine, house.practice_id) as session:
        said = clinicians.Said(uuid4(), "Please sign: the plan files within 30 days.")
        clinicians.ask(session, ana, Seen(holds[0], 1, None), said, now)
        off = supervision.DaysOff(house.users[Role.FRONT_DESK], TODAY, TODAY + timedelta(days=4), "vacation")
        supervision.set_absence(session, ana, off, TODAY)
    with practice_session(house.engine, house.practice_id) as session:
        held = {"plan_id": session.get_one(EncounterRow, visits[0]).plan_id}
        ending = grant(session, house, number="AU-ENDS", effective_to=ahead(9), **held)
        draw(session, ending, {"booking_id": book(session, ending, 3).id}, ahead(3), 1, UseBucket.RESERVED)
        book(session, ending, 4, beyond="The authorization has too little left for this visit.")
        book(session, ending, 5, external_id="hand-1")
        asked = case(session, ending, state="sent", answer_due_at=now - timedelta(days=1)).id
    house.item(queue="authorization", kind="authorization_case", authorization_case_id=asked, reason="Ask for the next")
    bulk.apply(house.engine, ana, Wish("take"), [Seen(holds[1], 1, None)], uuid4(), "Take (1 item)", now)


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Iterator[Desk]:
    """Served without Temporal: screens go on without it."""
    house = move_in(engine)
    furnish(house)
    database_url = engine.url.render_as_string(hide_password=False)
    nowhere = {"app_database_url": database_url, "temporal_address": "127.0.0.1:1"}
    with serving(settings.model_copy(update=nowhere)) as address:
        yield Desk(house, address)


@pytest.fixture
async def person(browser: Browser, desk: Desk) -> AsyncIterator[list[BrowserContext]]:
    """Browsers opened by a test, closed after it."""
    opened: list[BrowserContext] = []
    yield opened
    for context in opened:
        await context.close()


async def sit_down(browser: Browser, desk: Desk, role: Role, opened: list[BrowserContext]) -> Page:
    context = await browser.new_context(
        base_url=desk.address, viewport={"width": 1440, "height": 900}, locale="en-US", reduced_motion="reduce"
    )
    opened.append(context)
    await context.add_cookies([{"name": "firstpass", "value": desk.house.token(role), "url": desk.address}])
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


async def arrive_by(page: Page, button: Locator) -> None:
    """Press, and have the next page whole: without its style nothing in it is large enough."""
    async with page.expect_navigation():
        await button.click()


async def judge(page: Page, desk: Desk, what: str) -> None:
    """axe in light and dark, and the width at which the page begins to scroll sideways."""
    for scheme, axe, options in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found = await axe.run(page, options=options)
        for violation in found.response["violations"]:
            nodes = "; ".join(
                node["html"][:160] + " | " + node["failureSummary"][:200] for node in violation["nodes"][:3]
            )
            desk.complaints.append(f"{what} ({scheme}): {violation['id']}: {nodes}")
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            desk.complaints.append(f"{what}: {wide} px too wide at {width} px")
    await page.set_viewport_size({"width": 1440, "height": 900})


def kind_of(path: str) -> str:
    """Addresses that differ only in ids and values show the same kind of screen."""
    bare = IDENTITY.sub("{id}", path.partition("#")[0])
    address, _, query = bare.partition("?")
    tab = query.removeprefix("tab=") if query.startswith("tab=") else ""
    return NUMBER.sub("/{number}", address) + (f"?tab={tab}" if tab else "")


async def crawl(page: Page, desk: Desk, role: Role) -> list[str]:
    """Follow links from the home page and judge one screen of every kind. Returns the kinds."""
    seen: dict[str, str] = {}
    waiting = ["/"]
    while waiting and len(seen) < SCREENS_MAX:
        path = waiting.pop(0)
        kind = kind_of(path)
        if kind in seen or DOWNLOAD.search(path):
            continue
        seen[kind] = path
        answer = await page.request.get(path)
        if answer.status != 200:
            desk.complaints.append(f"{role} {path}: status {answer.status}")
            continue
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        told = await page.evaluate(PARTS, await answer.text())
        if set(told["parts"]) - desk.judged:
            await page.goto(path, wait_until="load")
            await judge(page, desk, f"{role} {kind}")
            desk.judged.update(told["parts"])
        waiting.extend(link for link in told["links"] if kind_of(link) not in seen)
    return list(seen)


async def test_no_screen_of_any_role_violates_wcag_or_scrolls_sideways(
    browser: Browser, desk: Desk, person: list[BrowserContext]
) -> None:
    for role in (Role.SUPERVISOR, *(role for role in Role if role is not Role.SUPERVISOR)):  # who sees most comes first
        page = await sit_down(browser, desk, role, person)
        kinds = await crawl(page, desk, role)
        assert 2 < len(kinds) < SCREENS_MAX, kinds
        await page.context.close()
    assert not desk.complaints, "\n".join(sorted(set(desk.complaints)))


async def test_screens_behind_forms_are_for_everybody_too(
    browser: Browser, desk: Desk, person: list[BrowserContext]
) -> None:
    page = await sit_down(browser, desk, Role.SUPERVISOR, person)
    await page.goto("/queues/documentation")
    await page.locator("#rows .pick").first.check()
    await judge(page, desk, "a row ticked")
    await arrive_by(page, page.get_by_role("button", name="With the ticked"))
    await judge(page, desk, "what may be done with many")
    await page.locator("summary", has_text="They are yours.").click()
    await arrive_by(
        page, page.get_by_role("button", name="See what becomes of each").and_(page.locator("[value=take]"))
    )
    await judge(page, desk, "many, before it happens")
    await arrive_by(page, page.get_by_role("button", name="Apply: Take"))
    await judge(page, desk, "a batch and its outcome")
    await page.goto("/supervisor")
    await page.get_by_label("to", exact=True).first.select_option("balance")
    await arrive_by(page, page.get_by_role("button", name="Preview"))
    await judge(page, desk, "who would get what")
    await page.goto("/queues/documentation")
    await page.locator("#rows .row > a").first.click()
    await page.locator("#pane [data-item]").wait_for()
    await page.eval_on_selector_all("#pane details", "all => all.forEach(one => { one.open = true; })")
    await judge(page, desk, "a pane with everything unfolded")
    await page.goto("/nowhere")
    await judge(page, desk, "an error")
    stranger = await (await browser.new_context(base_url=desk.address)).new_page()
    await stranger.goto("/login")
    await judge(stranger, desk, "log-in")
    await stranger.context.close()
    assert not desk.complaints, "\n".join(sorted(set(desk.complaints)))
