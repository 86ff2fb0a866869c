"""A denial is read, corrected and paid; what the payer's codes forbid is not offered."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.journeys.conftest import People, decision_of, fill_in, open_item, row_of, said
from tests.line import TODAY, Line
from tests.workflows.visits import visit

pytestmark = pytest.mark.journey

WORLD = {"scripted": {"DENIEDFIX": ["denied:CO-4+N822", "paid"], "APPEALSENT": "denied:CO-50+N115"}}


async def test_a_denial_is_corrected_sent_again_and_paid(
    clinic: Line, people: People, chart: Callable[..., Awaitable[None]]
) -> None:
    made = visit("DENIEDFIX")
    number = made["encounter_id"]
    await chart(made)
    item = await clinic.until_item(number, "denials")

    desk = await people.log_in("bianca", "/queues/denials")
    await open_item(desk, item)
    await expect(desk.locator("#pane")).to_contain_text("CO-4")
    await expect(desk.locator("#tab")).to_contain_text("N822")
    await expect(desk.locator("#tab")).to_contain_text("may not be billed")
    await expect(decision_of(desk, "correct")).to_be_visible()
    await expect(decision_of(desk, "bill_patient")).to_have_count(0)  # the payer left it to the practice (CO)

    button = await fill_in(desk, "correct", {"Modifier to add": "59"})
    await button.click()
    await expect(said(desk, "bad")).to_contain_text("procedure code")  # a modifier for which line?
    correction = decision_of(desk, "correct")
    line = clinic.claims(number)[0].coded["lines"][0]["code"]
    await correction.get_by_label("Procedure code the modifier is for").fill(line)
    await correction.get_by_label("Modifier to add").fill("59")
    await correction.get_by_role("button").click()
    await expect(said(desk, "good")).to_be_visible()
    await expect(row_of(desk, item)).to_have_class(re.compile(r"\bclosed\b"))

    assert (await clinic.until_stage(number, "closed")).closed_as == "paid"
    first, second = clinic.claims(number)
    await desk.get_by_role("link", name="Timeline").click()
    story = desk.locator("#tab .story")
    for told in (
        f"Claim {first.patient_control_number} denied",
        "Bianca Biller",
        f"Claim {second.patient_control_number} sent",
        f"Claim {second.patient_control_number} paid",
    ):
        await expect(story).to_contain_text(told)
    assert "59" not in str(first.coded["lines"][0]["modifiers"])
    assert "59" in str(second.coded["lines"][0]["modifiers"])


async def test_an_appeal_is_printed_sent_and_noted(
    clinic: Line,
    people: People,
    chart: Callable[..., Awaitable[None]],
    snap: Callable[[Page, str], Awaitable[None]],
) -> None:
    made = visit("APPEALSENT")
    number = made["encounter_id"]
    await chart(made)
    item = await clinic.until_item(number, "denials")
    desk = await people.log_in("bianca", "/queues/denials")
    await open_item(desk, item)
    await (await fill_in(desk, "appeal", {"What speaks for payment": "Strength improved."})).click()
    await expect(row_of(desk, item)).to_have_class(re.compile(r"\bclosed\b"))

    await clinic.until(lambda: (found := clinic.item(number)) is not None and found.kind == "appeal_to_send")
    sending = await clinic.until_item(number, "denials")
    await desk.goto("/queues/denials")
    await open_item(desk, sending)
    await expect(desk.locator("#pane")).to_contain_text("The appeal letter waits to be sent")
    await expect(desk.locator("#tab")).to_contain_text("Drafted, to be sent by")
    async with desk.expect_popup() as opened:
        await desk.get_by_role("link", name="Print the letter").click()
    letter = await opened.value
    await expect(letter.locator("pre")).to_contain_text("Strength improved.")
    await letter.close()

    sent = {"Sent on": str(TODAY), "Confirmation or tracking number": "FX-77"}
    button = await fill_in(desk, "appeal_sent", sent)
    await decision_of(desk, "appeal_sent").get_by_label("How it was sent").select_option("fax")
    await snap(desk, "appeal")
    await button.click()
    await expect(row_of(desk, sending)).to_have_class(re.compile(r"\bclosed\b"))
    await clinic.until(lambda: clinic.item(number) is None)
    await desk.goto(f"/encounters/{clinic.visit(number).id}")
    words = f"Sent by fax on {TODAY:%m/%d/%Y}, reference FX-77"
    await expect(desk.locator("details", has_text="Appeal, level 1").first).to_contain_text(words)
