"""Several people at one desk: one decision counts, everybody sees what is theirs, and script is a convenience."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People, decision_of, fill_in, give_password, open_item, row_of, said
from tests.journeys.test_holds import treated_by
from tests.line import Line
from tests.workflows.visits import unsigned, visit

pytestmark = pytest.mark.journey

Chart = Callable[..., Awaitable[None]]
ACTS = "form[action^='/items/']"
PRACTICE = {"desk": {"write_off_limit": "1000.00"}}  # so that a biller may close a visit as not billable


async def test_of_two_decisions_at_once_one_counts_and_the_other_is_told(
    clinic: Line, people: People, chart: Chart
) -> None:
    made = unsigned(visit("TWOATONCE"))
    await chart(made)
    item = await clinic.until_item(made["encounter_id"], "documentation")
    path = f"/queues/documentation/{item.id}"
    pages = [await people.log_in(login, path) for login in ("bianca", "boris")]
    buttons = [await fill_in(page, "not_billable", {"Reason": "courtesy visit"}) for page in pages]
    await asyncio.gather(*(button.click() for button in buttons))
    for page in pages:
        await expect(page.locator("#toast .notice")).to_be_visible()
    good = [await said(page, "good").count() for page in pages]
    assert sorted(good) == [0, 1]
    loser = pages[good.index(0)]
    await expect(said(loser, "bad")).to_contain_text(re.compile("meanwhile|already|changed since"))
    assert (await clinic.until_stage(made["encounter_id"], "closed")).closed_as == "not_billable"
    assert [kind for kind in clinic.story(made["encounter_id"]) if kind.startswith("decision.")] == [
        "decision.not_billable"
    ]
    for page in pages:
        await expect(row_of(page, item)).to_have_class(re.compile(r"\bclosed\b"))


async def test_a_clinician_sees_own_holds_an_auditor_only_looks_and_logging_out_ends_it(
    clinic: Line, people: People, chart: Chart
) -> None:
    own = unsigned(treated_by(visit("OWNHOLD"), "pt-arden"))
    others = unsigned(treated_by(visit("OTHERSHOLD"), "pt-bellweather"))
    await chart(own, others)
    mine, theirs = [await clinic.until_item(one["encounter_id"], "documentation") for one in (own, others)]

    therapist = await people.log_in("rowena", "/queues/documentation")
    await expect(row_of(therapist, mine)).to_be_visible()
    await expect(row_of(therapist, theirs)).to_have_count(0)
    await expect(therapist.locator("#rail li")).to_have_text([re.compile("Documentation"), re.compile("Mentions")])
    await open_item(therapist, mine)
    await expect(therapist.locator("#pane details.decision")).to_have_count(0)
    await therapist.get_by_role("textbox", name="Note").fill("Signing it tonight.")
    await therapist.get_by_role("button", name="Save note").click()
    await expect(therapist.locator("#pane .note")).to_contain_text("Signing it tonight.")
    answer = await therapist.goto(f"/queues/documentation/{theirs.id}")
    assert answer is not None
    assert answer.status == 404
    people.complaints.clear()  # Chromium complains of the 404 just wanted

    auditor = await people.log_in("audrey", f"/queues/documentation/{mine.id}")
    await expect(auditor.locator("#pane")).to_contain_text("your role is read-only here")
    await expect(auditor.locator("#pane")).to_contain_text("Signing it tonight.")
    await expect(auditor.locator(ACTS)).to_have_count(0)
    await auditor.goto("/audit?action=item.noted")
    await expect(auditor.locator("tbody tr").first).to_contain_text("rowena@")

    [session] = await auditor.context.cookies()
    await auditor.get_by_role("button", name="Log out").click()
    await expect(auditor.get_by_label("Password")).to_be_visible()
    name, value = session["name"], session["value"]
    await auditor.context.add_cookies([{"name": name, "value": value, "url": people.address}])
    await auditor.goto("/")
    await expect(auditor.get_by_label("Password")).to_be_visible()


async def test_the_keyboard_moves_opens_takes_and_explains(clinic: Line, people: People, chart: Chart) -> None:
    visits = [unsigned(visit(f"KEYBOARD{number}")) for number in range(3)]
    await chart(*visits)
    for one in visits:
        await clinic.until_item(one["encounter_id"], "documentation")
    desk = await people.log_in("boris", "/queues/documentation")
    links = desk.locator("#rows .row > a")
    await desk.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await desk.keyboard.press("j")
    await desk.keyboard.press("j")
    await expect(links.nth(2)).to_be_focused()
    await desk.keyboard.press("k")
    await expect(links.nth(1)).to_be_focused()
    await desk.keyboard.press("Enter")
    second = desk.locator("#rows .row").nth(1)
    await expect(second).to_have_class(re.compile(r"\bchosen\b"))
    chosen = str(await second.get_attribute("id")).removeprefix("row-")
    await expect(desk).to_have_url(f"{people.address}/queues/documentation/{chosen}")
    await desk.keyboard.press("c")
    await expect(said(desk, "good")).to_contain_text("It is yours now.")
    await expect(second.get_by_title("Boris Biller (you)")).to_be_visible()
    await desk.keyboard.press("c")
    await expect(second.get_by_title("Nobody has it")).to_be_visible()
    await desk.keyboard.press("m")
    await desk.keyboard.type("jcs?")  # in a field, keys are letters
    await expect(desk.get_by_role("textbox", name="Note")).to_have_value("jcs?")
    await desk.keyboard.press("Escape")
    await desk.keyboard.press("?")
    await expect(desk.get_by_role("dialog")).to_contain_text("Next, previous item")
    await desk.keyboard.press("Escape")
    await expect(desk.get_by_role("dialog")).to_have_count(0)
    await desk.go_back()
    await expect(desk).to_have_url(f"{people.address}/queues/documentation")
    await expect(links).to_have_count(await links.count())


async def test_without_script_a_decision_is_a_form_and_a_page(clinic: Line, people: People, chart: Chart) -> None:
    made = unsigned(visit("NOSCRIPT"))
    await chart(made)
    item = await clinic.until_item(made["encounter_id"], "documentation")
    desk = await people.arrive("/queues/documentation", java_script_enabled=False)
    await give_password(desk, "bianca")
    await row_of(desk, item).locator("a").click()
    await expect(desk.locator("#pane")).to_contain_text(item.reason)
    await desk.get_by_role("button", name="Take").click()
    await expect(desk.locator("#pane")).to_contain_text("You have it")
    button = await fill_in(desk, "not_billable", {"Reason": "courtesy visit"})
    await button.click()
    await expect(said(desk, "good")).to_be_visible()
    await expect(decision_of(desk, "not_billable")).to_have_count(0)
    assert (await clinic.until_stage(made["encounter_id"], "closed")).closed_as == "not_billable"
    await desk.goto("/queues/documentation")
    await expect(row_of(desk, item)).to_have_count(0)
