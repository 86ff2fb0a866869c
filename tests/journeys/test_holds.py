"""A hold says why and what clears it, and leaves the screen by itself when that has happened."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People, decision_of, fill_in, open_item, row_of, said
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, newer, sibling, unsigned, visit

pytestmark = pytest.mark.journey

Chart = Callable[..., Awaitable[None]]
Snap = Callable[..., Awaitable[None]]


def treated_by(made: Visit, clinician_id: str) -> Visit:
    """The same visit by somebody else."""
    compliance: dict[str, Any] = made["compliance"]
    compliance["rendering_clinician_id"] = clinician_id
    for signed in (*compliance["signatures"], *(part for one in made["timing"]["services"] for part in one["minutes"])):
        signed["clinician_id"] = clinician_id
    return made


def elsewhere(made: Visit) -> Visit:
    """The same visit at a place where no outpatient therapy happens: an inpatient hospital."""
    made["administrative"]["place_of_service"] = "21"
    return made


async def test_an_unsigned_note_leaves_by_itself_when_the_chart_sends_it_signed(
    clinic: Line, people: People, chart: Chart
) -> None:
    signed = treated_by(visit("SIGNLATER"), "pt-arden")
    number = signed["encounter_id"]
    await chart(unsigned(signed))
    item = await clinic.until_item(number, "documentation")

    desk = await people.log_in("bianca", "/queues/documentation")
    await open_item(desk, item)
    why = desk.locator("#pane .finding").first
    await expect(desk.locator("#pane")).to_contain_text(item.reason)
    await expect(why).to_contain_text(f"Clears when {item.clears_when}")
    await expect(why).to_contain_text("Clinician's move")
    await expect(decision_of(desk, "override")).to_have_count(0)  # nobody overrides a missing signature

    therapist = await people.log_in("rowena", "/queues/documentation")
    await open_item(therapist, item)
    await expect(therapist.locator("#pane")).to_contain_text("Put it right in the chart.")

    await chart(newer(signed))
    for page in (desk, therapist):  # neither of them clicks anything
        await expect(row_of(page, item)).to_have_class(re.compile(r"\bclosed\b"))
        await expect(page.locator("#sum")).to_contain_text("0 items")

    row = await clinic.until_stage(number, "closed")
    assert row.closed_as == "paid"
    await desk.get_by_role("link", name=signed["patient"]["last_name"]).last.click()
    await expect(desk.locator("h1")).to_contain_text(signed["patient"]["last_name"])
    await expect(desk.get_by_text("Closed as")).to_be_visible()
    await expect(desk.locator(".story").first).to_contain_text("paid")


async def test_recording_an_authorization_frees_every_held_visit_of_the_patient(
    clinic: Line, people: People, chart: Chart
) -> None:
    first = visit("NEEDSAUTH", COMMERCIAL, like=PREFERRED)
    second = sibling(first)
    second["date_of_service"] = str(TODAY - timedelta(days=1))
    second["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T00:05:00-06:00"
    await chart(first, second)
    items = [await clinic.until_item(one["encounter_id"], "authorization") for one in (first, second)]

    desk = await people.log_in("frida", "/queues/authorization")
    await open_item(desk, items[0])
    await expect(row_of(desk, items[1])).not_to_have_class(re.compile(r"\bclosed\b"))
    wanted = {
        "Authorization number": "CCHP-2041-77",
        "Granted (visits, units or dollars)": "12",
        "Valid from": str(TODAY - timedelta(days=60)),
        "Valid to": str(TODAY + timedelta(days=60)),
    }
    button = await fill_in(desk, "record_authorization", {**wanted, "Valid to": str(TODAY - timedelta(days=90))})
    await button.click()
    await expect(said(desk, "bad")).to_contain_text("before")  # it ends before it begins; nothing was lost
    button = decision_of(desk, "record_authorization").get_by_role("button")
    for label, value in wanted.items():
        await decision_of(desk, "record_authorization").get_by_label(label).fill(value)
    await button.click()
    await expect(said(desk, "good")).to_contain_text("CCHP-2041-77")

    for item in items:
        await expect(row_of(desk, item)).to_have_class(re.compile(r"\bclosed\b"))
    for one in (first, second):
        assert (await clinic.until_stage(one["encounter_id"], "closed")).closed_as == "paid"
        assert clinic.claims(one["encounter_id"])[0].prior_authorization_number == "CCHP-2041-77"
    await desk.goto("/authorizations")
    await expect(desk.get_by_role("row", name="CCHP-2041-77")).to_contain_text("10 of 12")


async def test_the_front_desk_clears_what_waits_for_it_and_is_shown_nothing_else_of_the_queue(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    """Of a visit at no proper place that nobody signed, the signature comes first, and is the clinician's move."""
    placeless, wrong = elsewhere(visit("WRONGPLACE")), elsewhere(visit("BOTHWRONG"))
    signed_later, both = unsigned(visit("UNSIGNEDONE")), unsigned(wrong)
    await chart(placeless, signed_later, both)
    mine, theirs, later = [
        await clinic.until_item(one["encounter_id"], "documentation") for one in (placeless, signed_later, both)
    ]
    assert [item.whose_move for item in (mine, theirs, later)] == ["front_desk", "clinician", "clinician"]

    desk = await people.log_in("frida", "/queues/documentation")
    await expect(row_of(desk, mine)).to_be_visible()
    await expect(desk.locator("#rows .row")).to_have_count(1)
    await expect(desk.locator("#sum")).to_contain_text("1 item")
    answer = await desk.goto(f"/queues/documentation/{theirs.id}")
    assert answer is not None
    assert answer.status == 404
    people.complaints.clear()  # Chromium complains of the 404 just wanted

    await desk.goto("/queues/documentation")
    await desk.keyboard.press("n")  # get next
    pane = desk.locator("#pane")
    await expect(pane).to_contain_text("Clears when the visit names the place by its CMS code")
    await expect(pane).to_contain_text("There is nothing to decide here.")
    await expect(pane.locator("details.decision")).to_have_count(0)
    await snap(desk, "front-desk")

    await chart(newer(placeless, lambda one: one["administrative"].update(place_of_service="11")))
    await expect(row_of(desk, mine)).to_have_class(re.compile(r"\bclosed\b"))  # nobody clicked anything
    await expect(desk.locator("#sum")).to_contain_text("0 items")
    assert (await clinic.until_stage(placeless["encounter_id"], "closed")).closed_as == "paid"

    signed = newer(wrong)
    await chart(signed)
    await expect(desk.locator(".fresh")).to_contain_text("1 new")  # now it is the front desk's move
    await desk.keyboard.press(".")
    await expect(row_of(desk, later)).to_be_visible()
    await chart(unsigned(newer(signed)))
    await expect(row_of(desk, later)).to_contain_text("Waits for somebody else now")
    await expect(desk.locator("#sum")).to_contain_text("0 items")
