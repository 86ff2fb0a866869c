"""Several hands on much work: a clinician's answer, a batch with refusals, a hand-over taken back, a meeting."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from playwright.async_api import Page, expect

from models.tables.desk import WorkItemRow
from tests.journeys.conftest import NARROW, People, give_password, row_of, said
from tests.journeys.test_holds import treated_by
from tests.line import TODAY, Line
from tests.workflows.visits import newer, unsigned, visit

pytestmark = pytest.mark.journey

PRACTICE = {"desk": {"write_off_limit": "500.00"}}  # so that a biller may close a whole visit

Chart = Callable[..., Awaitable[None]]
Snap = Callable[[Page, str], Awaitable[None]]


async def held(clinic: Line, chart: Chart, *members: str) -> list[tuple[dict[str, Any], WorkItemRow]]:
    """Unsigned visits of one therapist, each with its item."""
    visits = [unsigned(treated_by(visit(member), "pt-arden")) for member in members]
    await chart(*visits)
    return [(made, await clinic.until_item(made["encounter_id"], "documentation")) for made in visits]


def read(clinic: Line, item: WorkItemRow) -> WorkItemRow:
    [found] = clinic.rows(WorkItemRow, WorkItemRow.id == item.id)
    return found


def signed(made: dict[str, Any]) -> dict[str, Any]:
    """The next version of a visit, signed by its therapist."""
    signatures = visit("SIGNER001")["compliance"]["signatures"]
    return treated_by(newer(made, lambda one: one["compliance"].update(signatures=signatures)), "pt-arden")


def cleared(clinic: Line, made: dict[str, Any]) -> bool:
    return "hold.cleared" in clinic.story(made["encounter_id"])


async def test_a_clinician_is_asked_answers_and_the_item_comes_back_until_the_chart_is_right(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    [(made, item)] = await held(clinic, chart, "ASKED0001")
    desk = await people.log_in("bianca", f"/queues/documentation/{item.id}")
    await desk.locator("#pane").get_by_text("Ask the clinician").click()
    await desk.locator("#ask").fill("Please sign, the plan files within 30 days.")
    await desk.get_by_role("button", name="Ask", exact=True).click()
    await expect(said(desk, "good")).to_contain_text("Asked. It is snoozed until")
    assert read(clinic, item).wakes_on == "chart"

    therapist = await people.log_in("rowena", "/")
    hold = therapist.locator(f"#hold-{item.id}")
    await expect(hold).to_contain_text("Sign the note of")
    await expect(hold).to_contain_text("the plan files within 30 days")
    await snap(therapist, "holds")
    await hold.get_by_text("Ask the billing desk").click()
    await hold.get_by_label("Your question").fill("Which of the two notes of that day?")
    await hold.get_by_role("button", name="Send it").click()
    await expect(therapist.get_by_role("status").first).to_contain_text("Your question is with the billing desk")
    assert read(clinic, item).snoozed_until is None
    await desk.goto(f"/queues/documentation/{item.id}")
    await expect(desk.locator("#pane .messages")).to_contain_text("Which of the two notes of that day?")

    await therapist.locator(f"#hold-{item.id}").get_by_role("button", name="Done in the chart").click()
    await expect(therapist.get_by_role("status").first).to_contain_text("It clears as soon as the chart has sent")
    await expect(therapist.locator(f"#hold-{item.id}")).to_contain_text("You answered")
    signed = newer(
        made, lambda one: one["compliance"].update(signatures=visit("SIGNER001")["compliance"]["signatures"])
    )
    await chart(treated_by(signed, "pt-arden"))
    await expect(therapist.locator(f"#hold-{item.id}")).to_have_count(0)  # by itself, the page only watches
    assert "hold.cleared" in clinic.story(made["encounter_id"])


async def test_many_are_decided_at_once_and_each_refusal_says_why(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    pairs = await held(clinic, chart, "MANYONE01", "MANYTWO02", "MANYTHR03")
    desk = await people.log_in("bianca", "/queues/documentation")
    other = await people.log_in("boris", f"/queues/documentation/{pairs[2][1].id}")
    await other.keyboard.press("c")
    await expect(said(other, "good")).to_contain_text("It is yours now.")
    for _, item in pairs:
        await row_of(desk, item).locator(".pick").check()
    await desk.keyboard.press("w")
    await expect(desk.get_by_role("heading", level=1)).to_contain_text("3 items selected")
    await desk.locator("summary", has_text="Not billable").click()
    await desk.locator("#not_billable-reason").fill("courtesy visits of one afternoon")
    await desk.locator("button[value='decide:not_billable']").click()
    await expect(desk.get_by_role("heading", level=1)).to_contain_text("Not billable: 2 items")
    await expect(desk.locator("tbody")).to_contain_text("Boris Biller has this item")
    await snap(desk, "many-preview")
    await desk.get_by_role("button", name="Apply: Not billable").click()
    await expect(desk.locator("#progress")).to_contain_text("2 of 2 answered")
    for made, _ in pairs[:2]:
        assert (await clinic.until_stage(made["encounter_id"], "closed")).closed_as == "not_billable"
    assert read(clinic, pairs[2][1]).closed_at is None
    await expect(desk.locator("#progress")).to_contain_text("The visit is closed as not billable.")
    await expect(desk.get_by_role("button", name="Revert the batch")).to_have_count(0)


async def test_a_supervisor_hands_work_over_for_a_vacation_and_takes_it_back(
    clinic: Line, people: People, chart: Chart, snap: Snap
) -> None:
    pairs = await held(clinic, chart, "HANDOVER1", "HANDOVER2")
    for _, item in pairs:
        biller = await people.log_in("bianca", f"/queues/documentation/{item.id}")
        await biller.keyboard.press("c")
        await expect(said(biller, "good")).to_contain_text("It is yours now.")
    before = [read(clinic, item).owner_id for _, item in pairs]
    desk = await people.log_in("sasha", "/supervisor")
    await desk.get_by_label("Who is away").select_option(label="Bianca Biller")
    await desk.get_by_label("until", exact=True).fill((TODAY + timedelta(days=9)).isoformat())
    await desk.get_by_label("Why").fill("vacation")
    await desk.get_by_role("button", name="Keep").click()
    await expect(desk.get_by_text("Away until").first).to_be_visible()
    await snap(desk, "supervisor-days")
    await desk.get_by_role("button", name="Preview").click()  # from Bianca, balanced: filled in already
    await expect(desk.get_by_role("heading", level=1)).to_contain_text("would move")
    await expect(desk.locator("table").first).to_contain_text("Bianca Biller")
    await snap(desk, "rebalance")
    await desk.get_by_role("button", name="Move them").click()
    await expect(desk.get_by_role("button", name="Revert the batch")).to_be_visible()
    after = [read(clinic, item).owner_id for _, item in pairs]
    assert not set(before) & set(after)
    assert None not in after
    await desk.get_by_role("button", name="Revert the batch").click()
    await expect(desk.get_by_role("status").first).to_contain_text("put back as before")
    assert [read(clinic, item).owner_id for _, item in pairs] == before
    assert clinic.story(pairs[0][0]["encounter_id"])[-1] == "item.reverted"


async def test_a_meeting_prints_without_script(clinic: Line, people: People, chart: Chart) -> None:
    [(made, _)] = await held(clinic, chart, "MEETING01")
    desk = await people.arrive("/meeting", java_script_enabled=False)
    await give_password(desk, "sasha")
    await expect(desk.get_by_role("heading", level=1)).to_contain_text("Meeting")
    await expect(desk.locator(".film").first).to_be_visible()
    printed = await desk.pdf()
    assert printed.startswith(b"%PDF")
    assert len(printed) > 5_000
    walked = await people.log_in("sasha", f"/encounters/{clinic.visit(made['encounter_id']).id}/walk")
    await walked.keyboard.press("ArrowRight")
    await expect(walked.locator("#frame-1")).to_be_focused()
    await walked.keyboard.press("ArrowRight")
    await expect(walked.locator("#frame-2")).to_be_focused()
    await walked.keyboard.press("ArrowLeft")
    await expect(walked.locator("#frame-1")).to_be_focused()
    await walked.set_viewport_size(NARROW)
    await expect(walked.locator("#frame-1")).to_be_visible()


async def test_a_cause_mended_once_lets_its_visits_go(clinic: Line, people: People, chart: Chart, snap: Snap) -> None:
    pairs = await held(clinic, chart, "CAUSE0001", "CAUSE0002", "CAUSE0003")
    desk = await people.log_in("bianca", "/groups/documentation")
    card = desk.locator(".cause-cards > li", has_text="Arden").first
    await expect(card).to_contain_text(re.compile(r"\d+ items"))
    await expect(card).to_contain_text("Where: the chart.")
    await snap(desk, "causes")
    count = int((await card.locator(".cause-sum strong").inner_text()).split()[0])
    await chart(*(signed(made) for made, _ in pairs))
    for made, _ in pairs:
        await clinic.until(partial(cleared, clinic, made))
    left = count - len(pairs)
    if left > 1:
        await expect(card).to_contain_text(f"{left} items")
    else:
        await expect(card).to_have_count(0)
