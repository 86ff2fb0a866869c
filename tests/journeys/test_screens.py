"""Screens as they stand: nothing moves under the eye, paper shows no buttons, everything is reached by name.

A practice without Temporal, furnished once for the module; every test has a browser of its own.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import desk_next
from activities.desk import Actor, Seen, take
from billing.vocabulary import Role
from clients import make_engine
from embedded import Postgres
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from settings import Settings
from tests.conftest import fresh_database
from tests.journeys.conftest import PATIENCE_MS, serving
from tests.journeys.test_everyone import Desk, furnish, judge, sit_down
from tests.web.conftest import NAMES, House, move_in
from tests.web.grants import TODAY
from tests.web.test_clinician import UNSIGNED
from tests.web.test_many import CAUSE, WRONG_NUMBER

pytestmark = pytest.mark.journey

Snap = Callable[[Page, str], Awaitable[None]]
QUEUE = "/queues/documentation"
SHIFT_MAX = 0.001  # a line of text that moves half a screen by its height is 0.01; a good page stays under 0.1
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) {
    if (one.hadRecentInput) continue;
    const moved = one.sources.map(({ node }) => node && (node.id || node.className || node.nodeName));
    window.shifts.push({ value: one.value, moved });
  }
}).observe({ type: "layout-shift", buffered: true });
"""
FULL: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "queue-full-900-light": (900, "light"),
    "queue-full-900-dark": (900, "dark"),
    "queue-full-1440-light": (1440, "light"),
    "queue-full-1440-dark": (1440, "dark"),
    "queue-full-2560-light": (2560, "light"),
    "queue-full-2560-dark": (2560, "dark"),
}
BUSY = """
for (const cell of document.querySelectorAll(".people td.number")) {
  (cell.querySelector(".muted") ?? cell.querySelector(".chip")?.lastChild ?? cell).textContent = "1204";
}
"""
SIDEWAYS = """
[...document.querySelectorAll(".table-wrap")].filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => `${one.ariaLabel}: ${one.scrollWidth - one.clientWidth} px too wide at ${innerWidth} px`)
"""
PRINTED_CONTROLS = """
[...document.querySelectorAll("button, .button, nav, select, textarea, input, kbd, dialog, summary kbd, #toast, #link")]
  .filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def desk(postgres: Postgres, _sweeper: ThreadPoolExecutor, settings: Settings) -> Iterator[Desk]:
    """Served without Temporal: screens go on without it."""
    with fresh_database(postgres, _sweeper) as database:
        engine = make_engine(database.app_url, pool_size=10)
        house = move_in(engine)
        furnish(house)
        nowhere = {"app_database_url": database.app_url, "temporal_address": "127.0.0.1:1"}
        with serving(settings.model_copy(update=nowhere)) as address:
            yield Desk(house, address)
        engine.dispose()


@pytest.fixture
async def opened() -> AsyncIterator[list[BrowserContext]]:
    """Browsers opened by a test, closed after it."""
    expect.set_options(timeout=PATIENCE_MS)
    contexts: list[BrowserContext] = []
    yield contexts
    for context in contexts:
        await context.close()


def actor(house: House, role: Role) -> Actor:
    return Actor(house.practice_id, house.users[role], NAMES[role], f"{role}@one.example", supervises=False)


def a_visit(house: House) -> EncounterRow:
    """One that has a life to tell."""
    with practice_session(house.engine, house.practice_id) as session:
        return session.scalars(select(EncounterRow).order_by(EncounterRow.created_at).limit(1)).one()


def somebody_looks(house: House, role: Role, item: UUID) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        desk_next.heartbeat(session, actor(house, role), item, desk_next.PRESENT, datetime.now(UTC))


@contextmanager
def changing(house: House, item: UUID) -> Iterator[tuple[Session, WorkItemRow]]:
    """The item under a lock, as somebody else changes it."""
    with practice_session(house.engine, house.practice_id) as session:
        yield session, session.get_one(WorkItemRow, item, with_for_update=True)


# --- live --------------------------------------------------------------------------------------------------------


async def test_the_live_connection_is_made_however_late_its_script_comes(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    """htmx began before it, on a slow line or a busy machine, and the page then only polled, and did not say so."""
    page = await sit_down(browser, desk, Role.BILLER, opened)

    async def late(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await page.route("**/hx-sse-4.min.js", late)
    async with page.expect_request("**/events?*"):
        await page.goto(QUEUE)


async def unassigned_in(page: Page) -> int:
    return int((await page.locator("#chips a", has_text="Unassigned").inner_text()).split()[-1])


async def test_what_others_do_is_told_to_a_list_which_asks_for_nothing(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    """Each screen that fetched what it was told of made fifty of them stand in line."""
    page = await sit_down(browser, desk, Role.BILLER, opened)
    item = desk.house.item(queue="posting", findings=[UNSIGNED])
    asked: list[str] = []
    async with page.expect_request("**/events?*"):
        await page.goto("/queues/posting", wait_until="load")
    unassigned, rows = await unassigned_in(page), await page.locator("#rows .row").count()
    page.on("request", lambda request: asked.append(request.url) if "/fresh" in request.url else None)
    await page.locator(f"#row-{item} .pick").check()
    await page.locator(f"#open-{item}").focus()
    with changing(desk.house, item) as (session, row):
        take(session, actor(desk.house, Role.SUPERVISOR), Seen(row.id, row.version, row.owner_id), datetime.now(UTC))
    await expect(page.locator(f"#row-{item} .f-owner")).to_contain_text("SO")
    await expect(page.locator(f"#row-{item} .pick")).to_be_checked()
    await expect(page.locator(f"#open-{item}")).to_be_focused()
    desk.house.item(queue="posting", findings=[UNSIGNED], opened_at=datetime.now(UTC))
    await expect(page.locator("#fresh .fresh")).to_contain_text("1 new, press")
    await expect(page.locator("#rail [aria-current] .count")).to_have_text(f"{rows + 1}")
    assert await unassigned_in(page) == unassigned, "one was taken, one came"
    assert asked == []
    await page.keyboard.press(".")
    await expect(page.locator("#rows .row")).to_have_count(rows + 1)


async def test_what_one_did_oneself_is_no_news_to_the_pane_and_what_another_does_is(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    """Each get-next and each decision was followed by a question what had happened, where the list had no such row."""
    page = await sit_down(browser, desk, Role.BILLER, opened)
    desk.house.item(queue="posting", findings=[UNSIGNED])
    async with page.expect_request("**/events?*"):
        await page.goto("/queues/posting", wait_until="load")
    await page.evaluate("document.querySelectorAll('#rows .row').forEach((row) => row.remove())")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/news/" in request.url else None)
    await page.keyboard.press("n")
    given = await page.locator("#pane [data-item]").first.get_attribute("data-item")
    desk.house.item(queue="posting", findings=[UNSIGNED], opened_at=datetime.now(UTC))
    await expect(page.locator("#fresh .fresh")).to_contain_text("new, press")  # told after the lease
    assert asked == []
    with changing(desk.house, UUID(given)) as (session, row):
        supervises = replace(actor(desk.house, Role.SUPERVISOR), supervises=True)
        take(session, supervises, Seen(row.id, row.version, row.owner_id), datetime.now(UTC))
    await expect(page.locator("#news")).to_contain_text("has it now")
    assert asked


async def test_a_list_under_a_filter_keeps_it_and_counts_for_itself(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    page = await sit_down(browser, desk, Role.BILLER, opened)
    item, query = desk.house.item(queue="rejections", findings=[UNSIGNED]), "?view=unassigned&sort=age"
    async with page.expect_request("**/events?*"):
        await page.goto(f"/queues/rejections{query}", wait_until="load")
    unassigned = await unassigned_in(page)
    with changing(desk.house, item) as (session, row):
        take(session, actor(desk.house, Role.SUPERVISOR), Seen(row.id, row.version, row.owner_id), datetime.now(UTC))
    await expect(page.locator(f"#row-{item} .f-owner")).to_contain_text("SO")
    link = page.locator(f"#open-{item}")
    await expect(link).to_have_attribute("href", f"/queues/rejections/{item}{query}")
    await expect(link).to_have_attribute("hx-get", f"/queues/rejections/{item}{query}")
    await expect(page.locator("#sum")).to_contain_text(f"{unassigned - 1} item")
    await link.click()
    await expect(page).to_have_url(re.compile(rf"{item}\?view=unassigned&sort=age$"))


# --- nothing moves ----------------------------------------------------------------------------------------------


async def test_nothing_moves_under_the_eye_but_what_one_moves(
    browser: Browser, desk: Desk, opened: list[BrowserContext], snap: Snap
) -> None:
    page = await sit_down(browser, desk, Role.BILLER, opened)
    await page.add_init_script(WATCH_SHIFTS)

    async def still(what: str) -> None:
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        shifts = await page.evaluate("window.shifts.splice(0)")
        assert sum(one["value"] for one in shifts) < SHIFT_MAX, f"{what}: {shifts}"

    item = desk.house.item(findings=[UNSIGNED])
    for place in ("/", "/encounters", QUEUE):
        await page.goto(place, wait_until="load")
        await still(place)
    await page.evaluate(f"document.querySelector('#open-{item}').click()")
    await page.locator(f"#pane [data-item='{item}']").wait_for()
    await still("an item comes into the pane")
    desk.house.item(findings=[UNSIGNED], opened_at=datetime.now(UTC))
    await expect(page.locator("#fresh .fresh")).to_contain_text("new, press")
    await still("new rows are announced")
    somebody_looks(desk.house, Role.SUPERVISOR, item)
    await expect(page.locator("#news")).to_contain_text("Sam Okafor")
    await still("somebody opens the same item")
    with changing(desk.house, item) as (session, row):
        take(session, actor(desk.house, Role.SUPERVISOR), Seen(item, row.version, row.owner_id), datetime.now(UTC))
    await expect(page.locator("#news")).to_contain_text("Sam Okafor has it")
    await still("somebody takes it")
    with changing(desk.house, item) as (_, row):
        row.version, row.owner_id, row.taken_at = row.version + 1, None, None
    await expect(page.locator("#news")).to_contain_text("It changed since you opened it.")
    await snap(page, "queue-changed")
    await still("it changes")
    await page.evaluate("document.querySelector('#news [data-key=r]').click()")
    await expect(page.locator("#pane")).to_contain_text("Nobody has it.")
    await page.evaluate("document.querySelector('#pane [data-key=c]').click()")
    await expect(page.locator("#toast")).to_contain_text("It is yours now.")
    await still("an act is answered")


async def test_ticks_outlive_an_answer_that_swaps_several_rows(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    page = await sit_down(browser, desk, Role.BILLER, opened)
    ours = [desk.house.item(findings=[UNSIGNED], reason=f"Ticked {number}") for number in range(3)]
    await page.goto(QUEUE, wait_until="load")
    for item in ours:
        await page.locator(f"#row-{item} .pick").check()
    with practice_session(desk.house.engine, desk.house.practice_id) as session:
        for row in session.scalars(select(WorkItemRow).where(WorkItemRow.id.in_(ours)).with_for_update()):
            row.version, row.reason = row.version + 1, row.reason.replace("Ticked", "Changed")
    for item in ours:
        await expect(page.locator(f"#row-{item}")).to_contain_text("Changed")
        await expect(page.locator(f"#row-{item} .pick")).to_be_checked()


async def test_what_came_while_somebody_wrote_is_shown_when_the_hand_rests(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    house = desk.house
    page = await sit_down(browser, desk, Role.CLINICIAN, opened)
    await page.goto("/", wait_until="load")
    written = page.locator("#holds details").first
    await written.locator("summary").click()
    visit = house.encounter("CH-4001")
    hold = house.item(encounter_id=visit, clinician_id=house.clinician_id, findings=[UNSIGNED], amount=0)
    await page.evaluate("htmx.trigger(document.body, 'desk')")  # as the live connection tells it
    await page.wait_for_timeout(1_000)
    await expect(page.locator(f"#hold-{hold}")).to_have_count(0)
    await written.locator("summary").click()
    await expect(page.locator(f"#hold-{hold}")).to_be_visible(timeout=30_000)  # the page itself asks every minute only


# --- paper ------------------------------------------------------------------------------------------------------


async def test_a_supervisor_sees_everybodys_load_whole_at_every_width(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    """Thirteen columns of figures, of a desk with a thousand items in each; the last of them stood outside the page."""
    with practice_session(desk.house.engine, desk.house.practice_id) as session:
        session.get_one(UserRow, desk.house.users[Role.FRONT_DESK]).name = "Bartholomea Featherstonehaugh"
    page = await sit_down(browser, desk, Role.SUPERVISOR, opened)
    await page.goto("/supervisor", wait_until="load")
    await page.evaluate(BUSY)
    for width in (900, 1000, 1100, 1280, 1400, 1440, 2560):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate(SIDEWAYS) == []
    with practice_session(desk.house.engine, desk.house.practice_id) as session:
        session.get_one(UserRow, desk.house.users[Role.FRONT_DESK]).name = NAMES[Role.FRONT_DESK]


async def test_paper_shows_what_there_is_and_no_control(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    page = await sit_down(browser, desk, Role.SUPERVISOR, opened)
    visit = a_visit(desk.house)
    item = desk.house.item(encounter_id=desk.house.encounter("CH-3001"), findings=[UNSIGNED])
    for place, told in {
        QUEUE: "The note is signed by nobody.",
        f"{QUEUE}/{item}": "Why it is here",
        f"/encounters/{visit.id}": visit.external_id,
        f"/encounters/{visit.id}/walk": visit.external_id,
        "/meeting": "Meeting",
        "/authorizations": "AU-ENDS",
        "/supervisor": "Who has what",
    }.items():
        await page.goto(place, wait_until="load")
        await page.emulate_media(media="print", color_scheme="dark")
        assert await page.evaluate(PRINTED_CONTROLS) == [], place
        await expect(page.locator("main")).to_contain_text(told)
        assert await page.get_by_text(told).first.is_visible(), place
        assert await page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 33, 37)", "dark ink on paper"
        await page.emulate_media(media="screen", color_scheme="light")


# --- everything by name -----------------------------------------------------------------------------------------


async def test_the_palette_goes_anywhere_and_acts_by_keyboard_alone(
    browser: Browser, desk: Desk, opened: list[BrowserContext]
) -> None:
    item = desk.house.item(encounter_id=desk.house.encounter("PAL-77"), findings=[UNSIGNED])
    page = await sit_down(browser, desk, Role.BILLER, opened)
    key, field = page.keyboard, page.locator("#palette-text")
    await page.goto("/encounters", wait_until="load")

    async def go(typed: str) -> None:
        await key.press("Control+k")
        await expect(field).to_be_focused()
        await key.type(typed)
        await key.press("Enter")  # sooner than the server answers

    await go("denials")
    await expect(page).to_have_url(re.compile("/queues/denials$"))
    await page.wait_for_load_state()
    await go("pal-7")
    await expect(page).to_have_url(re.compile(f"{QUEUE}/{item}$"))  # what waits comes before the visit itself
    await page.wait_for_load_state()
    await key.press("Control+k")
    await key.type("snooze tomorrow")
    await expect(page.locator("#palette [aria-selected=true]")).to_contain_text("Snooze: Tomorrow")
    active = await field.get_attribute("aria-activedescendant")
    assert await page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    await judge(page, desk, "the palette")
    assert not desk.complaints, desk.complaints
    await key.press("Enter")
    await expect(page.locator("#toast")).to_contain_text("Snoozed until")
    await expect(page.locator("#pane")).to_be_focused()
    await key.press("Control+k")
    await expect(page.locator("#palette-found [role=option]").last).to_be_visible()
    await key.press("ArrowUp")
    await expect(page.locator("#palette-found [role=option]").last).to_have_attribute("aria-selected", "true")
    await key.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    assert await page.evaluate("document.activeElement !== document.body"), "the focus was lost"
    await go("no such thing")
    await expect(page.locator("#palette-told")).to_contain_text("Nothing is called that")


# --- the desk in its states -------------------------------------------------------------------------------------


async def test_every_state_says_what_it_is_and_what_to_do(
    browser: Browser, desk: Desk, opened: list[BrowserContext], snap: Snap
) -> None:
    page = await sit_down(browser, desk, Role.BILLER, opened)
    await page.goto("/queues/scrub", wait_until="load")
    for _ in range(41):
        desk.house.item(queue="scrub", cause=CAUSE, findings=[WRONG_NUMBER], opened_at=datetime.now(UTC))
    await expect(page.locator("#fresh .fresh")).to_contain_text("41 new, press . to load")
    await snap(page, "queue-mass-event")
    await page.keyboard.press(".")
    await expect(page.locator("#sum")).to_contain_text("46 items")
    for name, (width, scheme) in FULL.items():
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 900})
        await snap(page, name)
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1440, "height": 900})

    await page.goto("/queues/scrub?view=mine&q=amount>9000", wait_until="load")
    await expect(page.locator("#list")).to_contain_text("Nothing fits the filter")
    await snap(page, "queue-empty-filter")
    await page.goto("/queues/scrub?view=snoozed", wait_until="load")
    await expect(page.locator("#list")).to_contain_text("Nothing is snoozed")
    await snap(page, "queue-empty")
    answer = await page.goto("/queues/nowhere", wait_until="load")
    assert answer is not None
    assert answer.status == 404
    await snap(page, "error")

    theirs = desk.house.item(
        findings=[UNSIGNED], owner_id=desk.house.users[Role.FRONT_DESK], taken_at=datetime.now(UTC)
    )
    await page.goto(f"{QUEUE}/{theirs}", wait_until="load")
    await expect(page.locator("#pane")).to_contain_text("You may look, not act. Name Lee Park with @ in a note")
    await expect(page.locator("#pane details.decision")).to_have_count(0)
    await snap(page, "queue-read-only")
    await page.keyboard.press("l")
    await snap(page, "queue-columns")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("ch")
    await expect(page.locator("#palette-found")).to_contain_text("Visit CH-")
    await snap(page, "palette")

    supervisor = await sit_down(browser, desk, Role.SUPERVISOR, opened)
    with practice_session(desk.house.engine, desk.house.practice_id) as session:
        for role, reason in ((Role.BILLER, "too_hard"), (Role.FRONT_DESK, "not_mine"), (Role.SUPERVISOR, "")):
            item = session.scalars(select(WorkItemRow).where(WorkItemRow.owner_id.is_(None)).limit(1)).one()
            desk_next.skip(session, actor(desk.house, role), item.id, reason, TODAY, datetime.now(UTC))
    await supervisor.goto("/supervisor/skips", wait_until="load")
    await expect(supervisor.locator("main")).to_contain_text("3 skips of 1 item")
    await snap(supervisor, "skips")
    await judge(supervisor, desk, "skips")
    assert not desk.complaints, desk.complaints
