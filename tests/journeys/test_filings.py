"""A visit with two plans, billed, cancelled and voided: each filing tells where it went, once, and its answers."""

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import NARROW, People, decision_of, fill_in, open_item, said
from tests.line import Line
from tests.workflows.visits import MILITARY, newer, visit

pytestmark = pytest.mark.journey

WORLD = {"payers": {"DLANT": {"patient_share": 1}}}


async def test_two_plans_are_billed_and_both_claims_voided(clinic: Line, people: People) -> None:
    made = visit("FILINGFIRST")
    made["administrative"]["coverages"].append({"plan_id": MILITARY, "rank": 2, "member_id": "FILINGSECOND"})
    clinic.send(made)
    number = str(made["encounter_id"])
    row = await clinic.until_stage(number, "closed")

    clinic.send(newer(made, lambda later: later.update(cancelled=True)))
    item = await clinic.until_item(number, "scrub")
    desk = await people.log_in("bianca", "/queues/scrub")
    await open_item(desk, item)
    await expect(desk.locator("#pane")).to_contain_text("cancelled after the claim went out")
    await expect(decision_of(desk, "correct_claim")).to_have_count(0)
    button = await fill_in(desk, "void_claim", {})
    await button.click()
    await expect(said(desk, "good")).to_contain_text("The void will be sent")
    await clinic.until_stage(number, "closed")

    await desk.goto(f"{desk.url.split('/queues')[0]}/encounters/{row.id}")
    files = desk.locator("main")
    for told in ("to Prairie Lantern Mutual (first plan)", "to Eagle Ridge Military Families (second plan)"):
        await expect(files).to_contain_text(f"Version 1, original, {told}")
        await expect(files).to_contain_text(f"Version 2, void, {told}")
    await expect(files).to_contain_text("the first plan paid")
    await expect(files.get_by_text("Sent once", exact=False).first).to_be_visible()
    await expect(files).to_contain_text("written there in 1 attempt")
    await desk.set_viewport_size(NARROW)
    assert await desk.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
