"""A visit beyond its authorization: the patient pays only after the notice was made, printed and signed."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from models.store import ledger
from tests.journeys.conftest import NARROW, People, decision_of, fill_in, said
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, visit

pytestmark = pytest.mark.journey

Chart = Callable[..., Awaitable[None]]


async def test_the_patient_pays_only_after_the_notice_is_signed(clinic: Line, people: People, chart: Chart) -> None:
    made = visit("FORKJOURNEY", COMMERCIAL, like=PREFERRED)
    made["date_of_service"] = str(TODAY)
    made["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T12:00:00-06:00"
    await chart(made)
    item = await clinic.until_item(made["encounter_id"], "authorization")
    desk = await people.log_in("sasha", f"/queues/authorization/{item.id}")
    fork = desk.locator("#pane .fork")
    await expect(fork).to_contain_text("three ways")
    await expect(fork).to_contain_text("none was made")

    button = await fill_in(desk, "patient_pay", {"Reason": "wants to come all the same"})
    await button.click()
    await expect(desk.locator("#pane .notice.bad")).to_contain_text("none was made")

    await fork.get_by_role("button", name="Make the notice").click()
    await expect(fork).to_contain_text("Not signed")
    async with desk.expect_popup() as opened:
        await fork.get_by_role("link", name="Print the notice").click()
    letter = await opened.value
    await expect(letter.locator("pre")).to_contain_text(made["patient"]["first_name"])
    await expect(letter.locator("nav")).to_have_count(0)
    await letter.close()

    await fork.get_by_role("button", name="Signed", exact=True).click()
    await expect(fork.locator(".chip", has_text="Signed")).to_be_visible()
    await fork.locator(".way", has_text="Have the patient pay").get_by_role("link", name="Decide").click()
    await expect(decision_of(desk, "patient_pay").locator("form")).to_be_visible()
    await decision_of(desk, "patient_pay").get_by_label("Reason").fill("signed; wants to come")
    await decision_of(desk, "patient_pay").get_by_role("button").click()
    await expect(said(desk, "good")).to_contain_text("now the patient's")
    await clinic.until_stage(made["encounter_id"], "patient_balance")
    assert clinic.balance(made["encounter_id"], ledger.PATIENT_RECEIVABLE) == item.amount


async def test_without_javascript_the_fork_works_on_the_visits_own_page(
    clinic: Line, people: People, chart: Chart
) -> None:
    made = visit("FORKPLAIN", COMMERCIAL, like=PREFERRED)
    made["date_of_service"] = str(TODAY)
    made["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T12:00:00-06:00"
    await chart(made)
    await clinic.until_item(made["encounter_id"], "authorization")
    row = clinic.visit(made["encounter_id"])
    front = await people.log_in("frida", f"/encounters/{row.id}", java_script_enabled=False, viewport=NARROW)
    await front.get_by_role("button", name="Make the notice").click()
    await expect(front.locator(".chip", has_text="Not signed")).to_be_visible()
    await front.get_by_role("button", name="Refused to sign").click()
    await expect(front.locator(".fork")).to_contain_text("refused to sign the financial notice")
