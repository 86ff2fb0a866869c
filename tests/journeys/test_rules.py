"""A rule of the practice's own: written by one, tried, approved by another, at work on the next visit, retired."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People, open_item
from tests.line import TODAY, Line
from tests.workflows.visits import visit

pytestmark = pytest.mark.journey

Chart = Callable[..., Awaitable[None]]
Snap = Callable[..., Awaitable[None]]
MESSAGE = "Look at the new referral form first"


async def test_a_rule_from_its_first_draft_to_its_last_visit(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    sent = visit("RULEBEFORE")
    await chart(sent)
    await clinic.until_stage(sent["encounter_id"], "closed")

    biller = await people.log_in("bianca", "/rules/own")
    await biller.get_by_role("link", name="Write a rule").click()
    await biller.get_by_label("Name", exact=True).fill("New referral forms")
    await biller.get_by_label("Why").fill("The referrers have new forms since this month.")
    await biller.get_by_label("Dates of service from").fill((TODAY - timedelta(days=400)).isoformat())
    await biller.locator("#when").fill('visit.discipline == "PT" &&')
    await biller.locator("#action-0-kind").select_option("hold")
    await biller.locator("#action-0-queue").select_option("documentation")
    await biller.locator("#action-0-message").fill(MESSAGE)
    await biller.locator("#test-0-name").fill("A clean visit waits")
    await biller.locator("#test-0-held_in").select_option("documentation")
    await biller.get_by_label("Try on visit").fill(sent["encounter_id"])
    await biller.get_by_role("button", name="Try", exact=True).click()
    await expect(biller.get_by_role("alert")).to_contain_text("it ends too early")

    await biller.locator("#when").fill('visit.discipline == "PT" && note.signed')
    await biller.get_by_role("button", name="Try", exact=True).click()
    tried = biller.locator("#tried")
    await expect(tried).to_contain_text("Matched")
    await expect(tried).to_contain_text("held in documentation")
    await expect(tried).to_contain_text(MESSAGE)
    await snap(biller, "rule-edit")
    await biller.get_by_role("button", name="Save draft").click()
    await expect(biller.locator("h1")).to_contain_text("New referral forms")
    await expect(biller.get_by_text("Somebody else has to approve your draft.")).to_be_visible()
    await expect(biller.get_by_role("button", name="Approve")).to_have_count(0)

    supervisor = await people.log_in("sasha", "/rules/own")
    await supervisor.get_by_role("link", name="New referral forms").click()
    await expect(supervisor.get_by_text("Passes")).to_be_visible()
    await supervisor.get_by_role("button", name="Approve").click()
    await supervisor.get_by_role("button", name="Publish").click()
    await expect(supervisor.locator(".notice.good")).to_contain_text("is published")
    await snap(supervisor, "rule")

    following = visit("RULEAFTER")
    await chart(following)
    item = await clinic.until_item(following["encounter_id"], "documentation")
    await biller.goto("/queues/documentation")
    await open_item(biller, item)
    await expect(biller.locator("#pane")).to_contain_text(MESSAGE)
    await expect(biller.locator("#pane")).to_contain_text("R:new-referral-forms")

    await supervisor.locator("summary", has_text="Retire").click()
    await supervisor.get_by_label("Why").fill("Every referrer has them now.")
    await supervisor.get_by_role("button", name="Retire version 1").click()
    await expect(supervisor.locator(".notice.good")).to_contain_text("1 held visits")
    row = await clinic.until_stage(following["encounter_id"], "closed")  # nobody touched the item
    assert row.closed_as == "paid"
