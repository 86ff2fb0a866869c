"""Working a queue item by item: next, skip, snooze, undo, two people at once, the keyboard alone, a lost connection."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import FilePayload, Page, Route, expect
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from models.store.session import practice_session
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.encounters import EncounterRow
from tests.journeys.conftest import NARROW, PATIENCE_MS, People, open_item, row_of, said
from tests.line import Line
from tests.workflows.visits import unsigned, visit

pytestmark = pytest.mark.journey
SETTINGS = {"undo_seconds": 6}
PRACTICE = {"desk": {"write_off_limit": "500.00"}}  # so that a biller may close these visits alone

Chart = Callable[..., Awaitable[None]]
Snap = Callable[..., Awaitable[None]]
QUEUE = "/queues/documentation"


async def held(clinic: Line, chart: Chart, *names: str) -> list[WorkItemRow]:
    """Visits whose note nobody signed, as items."""
    made = [unsigned(visit(name)) for name in names]
    await chart(*made)
    return [await clinic.until_item(one["encounter_id"], "documentation") for one in made]


def as_it_is(clinic: Line, item: WorkItemRow) -> WorkItemRow:
    """The item as it stands now, open or closed."""
    with practice_session(clinic.engine, clinic.practice_id) as session:
        return session.get_one(WorkItemRow, item.id)


async def opened(page: Page) -> str:
    """The id of the item in the pane."""
    return str(await page.locator("#pane [data-item]").first.get_attribute("data-item"))


async def focus_stays(page: Page) -> None:
    """After a swap the keyboard is somewhere: never on the bare body."""
    assert await page.evaluate("document.activeElement !== document.body"), "the focus was lost"


@pytest.fixture(autouse=True)
async def nothing_stays_behind(clinic: Line) -> AsyncIterator[None]:
    """Every journey finds the queue empty."""
    yield
    for item in clinic.items("documentation"):
        with contextlib.suppress(WorkflowUpdateFailedError, RPCError):  # a decision of the journey came first
            await clinic.decide(item, "not_billable", reason="test over")


async def test_a_note_half_written_stays_while_one_looks_around_and_never_moves_to_another_item(
    clinic: Line, people: People, chart: Chart
) -> None:
    one, other = await held(clinic, chart, "HALFONE", "HALFTWO")
    desk = await people.log_in("bianca", QUEUE)
    note, wrote = desk.locator("#pane textarea[data-key=m]"), "The clinic called back, and"
    await open_item(desk, one)
    await note.fill(wrote)
    await desk.get_by_role("link", name="Money").click()
    await expect(desk.locator("#tab")).to_contain_text("No money has moved")
    await expect(desk.get_by_role("link", name="Money")).to_have_attribute("aria-current", "true")
    await focus_stays(desk)
    await desk.get_by_role("button", name="Take").click()
    await expect(said(desk, "good")).to_contain_text("It is yours now")
    await expect(note).to_have_value(wrote)
    await open_item(desk, other)
    await expect(note).to_have_value("")
    await note.fill("Done.")
    await desk.get_by_role("button", name="Save note").click()
    await expect(desk.locator("#pane .note")).to_contain_text("Done.")
    await expect(note).to_have_value("")


async def test_a_biller_clears_several_items_with_the_keyboard_alone(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    items = await held(clinic, chart, "KEYONE", "KEYTWO", "KEYTHREE", "KEYFOUR")
    desk = await people.log_in("bianca", QUEUE)
    await expect(desk.locator("#rows .row")).to_have_count(len(items))
    key = desk.keyboard

    async def next_item() -> str:
        before = await opened(desk) if await desk.locator("#pane [data-item]").count() else ""
        await key.press("n")
        await expect(desk.locator("#pane [data-item]").first).not_to_have_attribute("data-item", before)
        await focus_stays(desk)
        return await opened(desk)

    done = []
    for _ in range(2):
        done.append(await next_item())
        await key.press("e")
        await expect(desk.locator("#pane details.decision[open] textarea")).to_be_focused()
        await key.type("courtesy visit")
        await key.press("Control+Enter")
        await expect(desk.locator("#news")).to_contain_text("will be applied at")
        await focus_stays(desk)
    await snap(desk, "queue-decision-waits")
    await expect(desk.locator(f"#row-{done[-1]}")).to_have_class(re.compile(r"\bclosed\b"))  # greyed in its place

    skipped = await next_item()
    await key.press("p")
    await expect(desk.get_by_text("get the next. Why?")).to_be_visible()
    await snap(desk, "queue-skip")
    await key.press("2")
    await expect(said(desk, "good")).to_contain_text("Passed over for today: it needs a phone call")
    last = await opened(desk)
    await focus_stays(desk)
    await key.press("u")
    await expect(said(desk, "good")).to_contain_text("Undone: passed over for today")
    assert await opened(desk) == skipped
    await key.press("s")
    await snap(desk, "queue-snooze")
    await key.press("4")
    await expect(said(desk, "good")).to_contain_text("until the note is signed or the chart changes")
    assert await next_item() == last
    await key.press("m")
    await key.type("Called the clinic; @sasha will know.")
    await key.press("Control+Enter")
    await expect(desk.locator("#pane .note")).to_contain_text("Called the clinic")
    await key.press("n")
    await expect(desk.locator("#pane")).to_contain_text("Nothing is left for you here")
    await expect(desk.locator("#toast")).to_contain_text("Nothing is left")
    for item_id in done:
        await expect(desk.locator(f"#row-{item_id}")).to_have_count(0)  # seen as finished, gone with the next pull
    await focus_stays(desk)
    await snap(desk, "queue-nothing-left")
    assert len({*done, skipped, last}) == 4
    decided = [item for item in items if str(item.id) in done]
    await clinic.until(lambda: all(as_it_is(clinic, item).closed_at for item in decided))


async def test_what_was_decided_or_done_is_taken_back_while_it_is_offered(
    clinic: Line, people: People, chart: Chart
) -> None:
    [item] = await held(clinic, chart, "UNDOIT")
    desk = await people.log_in("bianca", QUEUE)
    await open_item(desk, item)
    await desk.keyboard.press("c")
    await expect(said(desk, "good")).to_contain_text("It is yours now.")
    await desk.keyboard.press("u")
    await expect(said(desk, "good")).to_contain_text("Undone: taken")
    await expect(desk.locator("#pane")).to_contain_text("Nobody has it.")

    await desk.keyboard.press("e")
    await desk.keyboard.type("courtesy visit")
    await desk.keyboard.press("Control+Enter")
    await expect(desk.locator("#news")).to_contain_text("will be applied at")
    await desk.keyboard.press("z")
    await expect(said(desk, "good")).to_contain_text("Taken back: nothing was applied.")
    await expect(desk.locator("#pane details.decision")).not_to_have_count(0)
    await asyncio.sleep(7)  # longer than it would have waited
    assert as_it_is(clinic, item).closed_at is None


async def test_two_people_meet_on_one_item_and_each_sees_the_other(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    one, other = await held(clinic, chart, "MEETONE", "MEETTWO")
    ana = await people.log_in("bianca", QUEUE)
    boris = await people.log_in("boris", QUEUE)
    await ana.keyboard.press("n")
    await expect(ana.locator("#pane [data-item]").first).to_be_visible()
    first = await opened(ana)
    row = boris.locator(f"#row-{first}")
    await expect(row.get_by_text("Bianca Biller is working on it")).to_have_count(1)  # without a click of his

    await row.locator("a").click()
    await expect(boris.locator("#pane")).to_contain_text("Bianca Biller is working on it")
    await expect(boris.locator("#pane details.decision")).to_have_count(0)
    await expect(ana.locator("#news")).to_contain_text("Boris Biller")
    await snap(boris, "queue-somebody-elses-item")
    await snap(ana, "queue-presence")

    await boris.keyboard.press("n")
    await expect(boris.locator("#pane [data-item]").first).not_to_have_attribute("data-item", first)
    assert {first, await opened(boris)} == {str(one.id), str(other.id)}
    await expect(ana.locator("#news")).not_to_contain_text("Boris Biller")

    await ana.get_by_role("textbox", name="Note").fill("half a thought")
    sam = await people.log_in("sasha", f"{QUEUE}/{first}")
    await sam.get_by_role("button", name="Take").click()
    await expect(said(sam, "good")).to_contain_text("It is yours now.")
    await expect(ana.locator(f"#row-{first}").get_by_title("Sasha Supervisor", exact=True)).to_be_visible()
    await expect(ana.locator("#news")).to_contain_text("Sasha Supervisor has it now")
    await expect(ana.get_by_role("textbox", name="Note")).to_have_value("half a thought")
    await snap(ana, "queue-lease-lost")


async def test_a_lost_connection_is_said_and_the_page_still_learns_of_news(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    [item] = await held(clinic, chart, "LOSTLINE")
    desk = await people.log_in("bianca", QUEUE)
    await desk.clock.install()
    cut = True

    async def refuse(route: Route) -> None:
        await (route.abort() if cut else route.continue_())

    await desk.route("**/events?*", refuse)
    await desk.reload()
    await expect(desk.locator("#link")).to_be_visible()
    await expect(desk.locator("#link")).to_contain_text("looks for news every 30 seconds")
    await snap(desk, "queue-connection-lost")
    await clinic.decide(item, "not_billable", reason="courtesy visit")
    await desk.clock.fast_forward(31_000)
    await expect(row_of(desk, item)).to_have_class(re.compile(r"\bclosed\b"))
    await expect(desk.locator("#link")).to_be_visible()

    cut = False
    await desk.clock.fast_forward(31_000)
    await expect(desk.locator("#link")).to_be_hidden()
    people.complaints.clear()  # Chromium complains of the requests cut here


async def test_a_decision_waits_for_a_worker_that_is_down_and_counts_once(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    item, other = await held(clinic, chart, "WORKERONE", "WORKERTWO")
    bianca, boris = await people.log_in("bianca", f"{QUEUE}/{item.id}"), await people.log_in("boris", QUEUE)
    await clinic.worker.stop()
    try:
        await bianca.keyboard.press("e")
        await bianca.keyboard.type("courtesy visit")
        await bianca.keyboard.press("Control+Enter")
        news = bianca.locator("#news")
        await expect(news).to_contain_text("will be applied at")
        await expect(news).to_contain_text("is accepted and being applied. Nothing is lost")  # by itself, when due
        await snap(bianca, "queue-worker-down")
        await boris.locator(f"#row-{item.id} > a").click()
        await expect(boris.locator("#news")).to_contain_text("is accepted and being applied")
        await expect(boris.locator("#pane details.decision")).to_have_count(0)  # nobody decides a second time
        await bianca.reload()
        await expect(news).to_contain_text("is accepted and being applied")  # kept, whatever becomes of the page
        await bianca.locator(f"#row-{other.id} > a").click()
        assert as_it_is(clinic, item).closed_at is None
    finally:
        await clinic.worker.start()
    for page in (
        bianca,
        boris,
    ):  # neither of them clicks anything; what a relay could not send it tries again after 30 s
        await expect(row_of(page, item)).to_have_class(re.compile(r"\bclosed\b"), timeout=3 * PATIENCE_MS)
    await expect(boris.locator("#news")).to_contain_text("Closed: Not billable")
    assert [row.decision for row in clinic.rows(DecisionRow, DecisionRow.work_item_id == item.id)] == ["not_billable"]
    [encounter] = clinic.rows(EncounterRow, EncounterRow.id == item.encounter_id)
    told = clinic.story(encounter.external_id)
    assert told.count("decision.not_billable") == 1, told


async def test_what_is_typed_narrows_the_list_is_its_address_and_may_be_kept(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    await held(clinic, chart, "GRAMMARONE", "GRAMMARTWO")
    desk = await people.log_in("sasha", QUEUE)
    await desk.keyboard.press("/")
    await desk.keyboard.type("discipline:pt age<5 amount>1")
    await desk.keyboard.press("Enter")
    await expect(desk).to_have_url(re.compile(r"q=discipline%3Apt\+age%3C5\+amount%3E1$"))
    await expect(desk.locator("#rows .row")).to_have_count(2)
    await desk.reload()
    await expect(desk.get_by_role("searchbox")).to_have_value("discipline:pt age<5 amount>1")
    await desk.get_by_role("searchbox").fill("agee>5")
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("alert")).to_contain_text("there is no “agee”")
    await snap(desk, "queue-not-understood")
    await desk.goto(f"{QUEUE}?q=amount%3E1")
    await desk.locator("h1").click()
    await desk.keyboard.press("v")
    await desk.keyboard.type("Worth it")
    await snap(desk, "queue-views")
    await desk.get_by_role("button", name="For the team").click()
    boris = await people.log_in("boris", QUEUE)
    await boris.locator("summary", has_text="Views").click()
    await boris.get_by_role("link", name="Worth it").click()
    await expect(boris).to_have_url(re.compile(r"q=amount%3E1$"))


async def test_a_file_and_a_mention_reach_the_person_named(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    [item] = await held(clinic, chart, "FILEIT")
    desk = await people.log_in("bianca", f"{QUEUE}/{item.id}")
    letter: FilePayload = {"name": "payer letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 a letter"}
    await desk.get_by_label("File to add").set_input_files(letter)
    await desk.get_by_role("button", name="Add file").click()
    await expect(desk.locator(".attachments")).to_contain_text("payer letter.pdf")
    await desk.get_by_role("textbox", name="Note").fill("@boris see the letter")
    await desk.get_by_role("button", name="Save note").click()
    await expect(said(desk, "good")).to_contain_text("Note saved.")
    await snap(desk, "queue-files-and-notes")

    boris = await people.log_in("boris", QUEUE)
    await expect(boris.locator("#rail .unread")).to_have_text("1")
    await boris.locator("#rail").get_by_role("link", name="Mentions").click()
    await expect(boris.locator("main")).to_contain_text("see the letter")
    await snap(boris, "mentions")
    await boris.locator("main").get_by_role("link").first.click()
    await expect(boris.locator("#pane")).to_contain_text("see the letter")
    answer = await boris.request.get(str(await boris.locator(".attachments a").get_attribute("href")))
    assert await answer.body() == b"%PDF-1.4 a letter"
    await boris.goto(QUEUE)
    await expect(boris.locator("#rail .unread")).to_have_count(0)

    narrow = await people.log_in("bianca", f"{QUEUE}/{item.id}", viewport=NARROW)
    await snap(narrow, "queue-pane-narrow")
    await narrow.goto(QUEUE)
    await snap(narrow, "queue-list-narrow")
