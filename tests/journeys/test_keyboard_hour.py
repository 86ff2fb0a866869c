"""An hour's work of a biller by keyboard alone: no mouse, and after every key the keyboard is somewhere in view."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from models.tables.desk import WorkItemNoteRow, WorkItemRow, WorkItemSkipRow
from simulator.clinic_roster import DEMO_PASSWORD, EMAIL_DOMAIN
from tests.journeys.conftest import PATIENCE_MS, People
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, unsigned, visit

pytestmark = pytest.mark.journey

WORLD = {"scripted": {"HOURDENIED": ["denied:CO-50"]}}
PRACTICE = {"desk": {"write_off_limit": "500.00"}}  # so that a biller may close a whole visit
SETTINGS = {"undo_seconds": 8}

TELL_OF_MICE = """for (const kind of ["mousedown", "pointerdown", "mousemove", "touchstart", "wheel"])
  addEventListener(kind, (event) => mouseWasUsed(kind + " on " + event.target.nodeName), true);"""
IN_VIEW = """() => {
  const here = document.activeElement, box = here.getBoundingClientRect();
  return here !== document.body && box.width > 0 && box.height > 0
    && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth; }"""
NAME_OF_FOCUS = """() => {
  const here = document.activeElement;
  return (here.ariaLabel || (here.labels && here.labels.length ? here.labels[0] : here).innerText || "").trim(); }"""
TABS_MAX = 80


@dataclass
class Hands:
    """Somebody at a keyboard."""

    page: Page
    mice: list[str] = field(default_factory=list)

    def saw_a_mouse(self, what: str) -> None:
        """The browser says that something was moved or clicked."""
        self.mice.append(what)

    async def press(self, *keys: str) -> None:
        """Press them one after the other; after each the keyboard is somewhere in view."""
        for key in keys:
            await self.page.keyboard.press(key)
            await self.page.wait_for_function(IN_VIEW, timeout=PATIENCE_MS)

    async def write(self, *lines: str) -> None:
        """Fill in one field after the other."""
        for number, line in enumerate(lines):
            if number:
                await self.press("Tab")
            await self.page.keyboard.type(line)

    async def reach(self, name: str) -> None:
        """Tab until something of that name has the focus."""
        for _ in range(TABS_MAX):
            if re.match(name, await self.page.evaluate(NAME_OF_FOCUS)):
                return
            await self.press("Tab")
        raise AssertionError(f"{name} cannot be reached with Tab")

    async def next_item(self) -> str:
        """Ask for the next item and see it."""
        opened = self.page.locator("#pane [data-item]")
        before = await opened.first.get_attribute("data-item") if await opened.count() else ""
        await self.press("n")
        await expect(opened.first).not_to_have_attribute("data-item", before or "")
        await expect(self.page.locator("#pane")).to_be_focused()
        return str(await opened.first.get_attribute("data-item"))

    async def hears(self, words: str) -> None:
        """The page says so."""
        await expect(self.page.locator("#toast, #news").filter(has_text=words).first).to_be_visible()

    async def goes(self, *keys: str, to: str) -> None:
        """Keys that lead to another page."""
        async with self.page.expect_navigation(url=re.compile(to)):
            for key in keys:
                await self.page.keyboard.press(key)
        await self.page.wait_for_function(IN_VIEW, timeout=PATIENCE_MS)


async def sit_down(people: People, at: str) -> Hands:
    """A biller who logs in without touching the mouse."""
    hands = Hands(await people.arrive("/login"))
    await hands.page.context.expose_function("mouseWasUsed", hands.saw_a_mouse)
    await hands.page.context.add_init_script(TELL_OF_MICE)
    await hands.page.goto(at)
    await expect(hands.page.get_by_label("E-mail")).to_be_focused()
    await hands.write(f"bianca@{EMAIL_DOMAIN}", DEMO_PASSWORD)
    await hands.goes("Enter", to=f"{at}$")
    return hands


async def test_an_hours_work_is_done_by_keyboard_alone(
    clinic: Line, people: People, chart: Callable[..., Awaitable[None]]
) -> None:
    names = ("HOURONE", "HOURTWO", "HOURTHREE", "HOURFOUR", "HOURFIVE")
    held = [unsigned(visit(name)) for name in names]
    wants, denied = visit("HOURAUTH", COMMERCIAL, like=PREFERRED), visit("HOURDENIED")
    await chart(*held, wants, denied)
    for made in held:
        await clinic.until_item(made["encounter_id"], "documentation")
    to_authorize = await clinic.until_item(wants["encounter_id"], "authorization")
    to_appeal = await clinic.until_item(denied["encounter_id"], "denials")

    def stands(item_id: str) -> WorkItemRow:
        [row] = clinic.rows(WorkItemRow, WorkItemRow.id == item_id)
        return row

    hands = await sit_down(people, "/queues/documentation")
    page, rows = hands.page, hands.page.locator("#rows .row")
    await expect(rows).to_have_count(len(held))

    # one is decided, taken back, and decided after all
    decided = await hands.next_item()
    for undo in (True, False):
        await hands.press("e")
        await hands.write("courtesy visit")
        await hands.press("Control+Enter")
        await hands.hears("will be applied at")
        if undo:
            await hands.press("u")
            await hands.hears("Taken back: nothing was applied.")
    # one is passed over, one sleeps until the note is signed, one gets a note that names a colleague
    skipped = await hands.next_item()
    await hands.press("p", "2")
    await hands.hears("Passed over for today: it needs a phone call")
    asleep = str(await page.locator("#pane [data-item]").first.get_attribute("data-item"))
    await hands.press("s", "4")
    await hands.hears("until the note is signed or the chart changes")
    noted = await hands.next_item()
    await hands.press("m")
    await hands.write("Called the clinic; @sasha will know.")
    await hands.press("Control+Enter")
    await hands.hears("Note saved.")

    # a filter is typed, kept under a name, and found again from elsewhere
    await hands.press("/")
    await hands.write("discipline:pt amount>1")
    await hands.press("Enter")
    await expect(page).to_have_url(re.compile(r"q=discipline%3Apt\+amount%3E1"))
    await hands.press("Escape", "v")
    await hands.write("Worth it")
    await hands.goes("Enter", to=r"amount%3E1")
    await clinic.until(lambda: stands(decided).closed_at)  # until then its row stands among those left
    await hands.goes("g", "d", to="/queues/documentation$")
    await hands.press("Control+k")
    await hands.write("worth it")
    await hands.goes("Enter", to=r"amount%3E1")

    # what is left is ticked and decided at once
    await expect(rows.filter(has=page.locator(".pick:not(:disabled)"))).to_have_count(3)
    await hands.press("j", "x", "j", "j", "X")
    await hands.goes("w", to="/many$")
    await expect(page.locator("h1")).to_contain_text("3 items selected")
    await hands.press("e")
    await hands.write("courtesy visits of one afternoon")
    await hands.goes("Control+Enter", to="/many/preview$")
    await hands.reach("Apply: Not billable")
    await hands.goes("Enter", to="/many/[0-9a-f-]+$")
    await expect(page.locator("#progress")).to_contain_text("of 3 answered")

    # an authorization is recorded, a denial is appealed
    await hands.goes("g", "a", to="/queues/authorization$")
    assert await hands.next_item() == str(to_authorize.id)
    await hands.press("e")
    ahead = TODAY + timedelta(days=60)
    await hands.write("CCHP-77", "12", f"{TODAY - timedelta(days=60):%m%d%Y}")
    await hands.reach("Valid to")
    await hands.write(f"{ahead:%m%d%Y}")
    await hands.press("Control+Enter")
    await hands.hears("will be applied at")
    await hands.goes("g", "n", to="/queues/denials$")
    assert await hands.next_item() == str(to_appeal.id)
    await hands.press("Control+k")
    await hands.write("appeal")
    await hands.press("Enter")
    await expect(page.locator("details[data-decision=appeal] textarea").first).to_be_focused()
    await hands.write("The notes show why skilled care was needed.")
    await hands.press("Control+Enter")
    await hands.hears("will be applied at")

    await clinic.until(lambda: stands(str(to_authorize.id)).closed_at and stands(decided).closed_at)
    await clinic.until(lambda: "decision.appeal" in clinic.story(denied["encounter_id"]))
    assert stands(asleep).wakes_on == "chart"
    assert [row.reason for row in clinic.rows(WorkItemSkipRow, WorkItemSkipRow.work_item_id == skipped)] == [
        "needs_call"
    ]
    assert len(clinic.rows(WorkItemNoteRow, WorkItemNoteRow.work_item_id == noted)) == 1
    assert hands.mice == []
