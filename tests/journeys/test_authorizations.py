"""No unpaid visit by surprise: booked beyond the limit, asked for, granted in part, granted late, handed out."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from activities.api_keys import issue_api_key
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from tests.journeys.conftest import NARROW, People, decision_of, open_item, row_of, said
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, sibling, visit

pytestmark = pytest.mark.journey

Send = Callable[..., Awaitable[dict[str, Any]]]
Snap = Callable[[Page, str], Awaitable[None]]

WORLD = {"scripted": {"LATEAUTH": ["denied:authorization", "paid", "paid", "paid", "paid"]}}
BOOKINGS = "/authorizations/bookings"


@pytest.fixture
async def api(clinic: Line, address: str) -> AsyncIterator[Send]:
    """``await api("bookings", {...})``: what a scheduler or a payer's portal sends, with a key of its own."""
    key = issue_api_key(clinic.engine, clinic.practice_id, "journey-schedule", "test")
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:

        async def send(what: str, *told: dict[str, Any]) -> dict[str, Any]:
            answer = await client.post(f"/api/v1/{what}", json={what: told})
            assert answer.status_code == 202, answer.text
            results: dict[str, Any] = answer.json()["results"][-1]
            return results

        yield send


def granted(patient: str, quantity: int, number: str, *, first: int = -30, last: int = 60) -> dict[str, Any]:
    """An authorization as a payer's portal tells it."""
    return {
        "authorization_id": number,
        "number": number,
        "patient": patient,
        "plan_id": COMMERCIAL,
        "disciplines": ["PT"],
        "quantity": quantity,
        "effective_from": str(TODAY + timedelta(days=first)),
        "effective_to": str(TODAY + timedelta(days=last)),
    }


def of_days(first: Visit, *days_ago: int) -> list[Visit]:
    """The same patient's visits of other days, signed on them."""
    made = []
    for ago in days_ago:
        other = sibling(first)
        day = TODAY - timedelta(days=ago)
        other["date_of_service"] = str(day)
        other["compliance"]["signatures"][0]["signed_at"] = f"{day}T23:05:00-06:00"
        made.append(other)
    return made


def case_of(clinic: Line, patient: str) -> WorkItemRow | None:
    """The open item of a patient's case of asking the payer."""
    cases = clinic.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient)
    ids = [case.id for case in cases if case.closed_at is None]
    items = clinic.rows(WorkItemRow, WorkItemRow.authorization_case_id.in_(ids), WorkItemRow.closed_at.is_(None))
    return items[-1] if items else None


@pytest.mark.parametrize("script", [True, False])
async def test_the_front_desk_books_beyond_the_limit_and_sees_it_while_the_patient_is_on_the_phone(
    clinic: Line, people: People, api: Send, snap: Snap, script: bool
) -> None:
    patient = f"P-PHONE-{script}"
    await api("authorizations", granted(patient, 2, f"AU-PHONE-{script}"))
    desk = await people.log_in("frida", BOOKINGS, java_script_enabled=script)
    for days, answer in ((3, "1 visit left"), (5, "0 visits left"), (8, "beyond the limit")):
        if not await desk.get_by_label("Patient id").is_visible():
            await desk.get_by_text("Book a visit by hand").click()
        await desk.get_by_label("Patient id").fill(patient)
        await desk.get_by_label("Plan that pays first").select_option(value=COMMERCIAL)
        await desk.get_by_label("Day", exact=True).fill(str(TODAY + timedelta(days=days)))
        await desk.get_by_label("Time", exact=True).fill("10:30")
        await desk.get_by_label("Time", exact=True).press("Enter")  # no mouse needed
        await expect(desk.locator(".notice[role=status]:not([hidden])")).to_contain_text(answer)
    told = desk.locator(".notice[role=status]:not([hidden])")
    await expect(told).to_contain_text("keep the booking")
    await expect(told).to_contain_text("The patient may pay for it")
    await expect(desk.locator("tbody")).to_contain_text("Beyond the limit")
    if script:
        await snap(desk, "bookings")
    await desk.get_by_role("searchbox").fill("nobody of that name")
    await desk.get_by_role("searchbox").press("Enter")
    await expect(desk.locator("main")).to_contain_text("nobody of that name")
    if script:
        await snap(desk, "bookings-search")

    await desk.goto(f"{BOOKINGS}?view=all")  # the patient calls again and gives one up: the third fits now
    await desk.get_by_text("Move or cancel").first.click()
    await desk.get_by_role("button", name="Cancel it").first.click()
    await expect(told).to_contain_text("free again")
    await desk.goto(BOOKINGS)
    await expect(desk.locator("tbody")).not_to_contain_text(f"P-PHONE-{script} Beyond")
    row = desk.get_by_role("row").filter(has_text=patient).last
    await expect(row).to_contain_text("Reserved")


async def test_a_biller_asks_the_payer_who_grants_a_part_and_the_held_visits_go_on(
    clinic: Line, people: People, chart: Callable[..., Awaitable[None]], snap: Snap
) -> None:
    first = visit("PARTLY", COMMERCIAL, like=PREFERRED)
    held = [first, *of_days(first, 1)]
    await chart(*held)
    items = [await clinic.until_item(one["encounter_id"], "authorization") for one in held]
    case = await clinic.until(lambda: case_of(clinic, first["patient"]["patient_id"]))

    desk = await people.log_in("bianca", "/queues/authorization")
    await open_item(desk, case)
    waiting = desk.locator("#pane")
    for one in held:
        await expect(waiting).to_contain_text(one["encounter_id"])
    request = decision_of(desk, "mark_sent")
    await request.locator("summary").click()
    await request.get_by_label("Asked for (optional)", exact=True).fill("12")
    await request.get_by_label("Document sent along").fill("Plan of care")
    await request.get_by_role("button").click()
    await expect(said(desk, "good")).to_be_visible()
    await expect(desk.locator("#case-title + article")).to_contain_text("Sent")
    await expect(desk.locator("#case-title + article")).to_contain_text("Payer until")
    await expect(desk.locator("#case-title + article")).to_contain_text("Plan of care")
    await snap(desk, "authorization-case")

    await desk.goto(f"/queues/authorization/{case.id}")  # it sleeps while the payer's clock runs, and is still found
    form = decision_of(desk, "record_answer")
    await form.locator("summary").click()
    await form.get_by_label("The payer's answer").select_option(value="granted")
    for label, value in {
        "Authorization number": "CCHP-PART-8",
        "Granted (visits, units or dollars)": "8",
        "Valid from": str(TODAY - timedelta(days=60)),
        "Valid to": str(TODAY + timedelta(days=60)),
        "Who at the payer": "Ann",
    }.items():
        await form.get_by_label(label).fill(value)
    await form.get_by_role("button").click()
    await expect(said(desk, "good")).to_contain_text("CCHP-PART-8")
    for one in held:
        assert (await clinic.until_stage(one["encounter_id"], "closed")).closed_as == "paid"
        assert clinic.claims(one["encounter_id"])[0].prior_authorization_number == "CCHP-PART-8"

    [row] = clinic.rows(AuthorizationRow, AuthorizationRow.number == "CCHP-PART-8")
    await desk.goto(f"/authorizations/{row.id}")
    await expect(desk.locator("main")).to_contain_text("2 used, 0 reserved, 6 left of 8 visits")
    await expect(desk.locator("main")).to_contain_text("Partly approved")
    await expect(desk.locator("main")).to_contain_text("Plan of care")
    for one in held:
        await expect(desk.locator("main")).to_contain_text(one["encounter_id"])
    await desk.goto("/queues/authorization")
    for item in items:
        await expect(row_of(desk, item)).to_have_count(0)


async def test_a_late_authorization_frees_three_visits_and_corrects_the_denied_claim(
    clinic: Line, people: People, chart: Callable[..., Awaitable[None]], api: Send, snap: Snap
) -> None:
    first = visit("LATEAUTH", COMMERCIAL, like=PREFERRED)
    patient = first["patient"]["patient_id"]
    await api("authorizations", granted(patient, 1, "AU-WRONG"))
    await chart(first)
    await clinic.until_item(first["encounter_id"], "denials")  # the payer knows nothing of that number
    held = of_days(first, 1, 2, 3)
    await chart(*held)
    for one in held:
        await clinic.until_item(one["encounter_id"], "authorization")

    await api("authorizations", granted(patient, 8, "AU-LATE"))
    for one in held:  # nobody clicks: they leave the queue by themselves
        assert (await clinic.until_stage(one["encounter_id"], "closed")).closed_as == "paid"

    [row] = clinic.rows(AuthorizationRow, AuthorizationRow.number == "AU-LATE")
    desk = await people.log_in("bianca", f"/authorizations/{row.id}")
    await desk.get_by_role("link", name="Past visits it changes").click()
    await expect(desk.locator("main")).to_contain_text("1 denied claim is corrected and sent")
    await expect(desk.locator("tbody tr")).to_have_count(1)
    await expect(desk.locator("tbody")).to_contain_text(first["encounter_id"])
    await snap(desk, "late-authorization")
    assert len(clinic.claims(first["encounter_id"])) == 1, "nothing happens before it is confirmed"
    await desk.get_by_role("button", name="Use it for the ticked visits").click()
    await expect(desk.locator(".notice.good")).to_contain_text("Done: 1 denied claim is corrected and sent.")
    await expect(desk.locator("main")).to_contain_text("No past visit is changed by it")

    assert (await clinic.until_stage(first["encounter_id"], "closed")).closed_as == "paid"
    denied, corrected = clinic.claims(first["encounter_id"])
    assert (denied.prior_authorization_number, corrected.prior_authorization_number) == ("AU-WRONG", "AU-LATE")
    await desk.goto(f"/authorizations/{row.id}")
    await expect(desk.locator("main")).to_contain_text("4 used, 0 reserved, 4 left of 8 visits")


async def test_a_supervisor_sees_what_ends_this_week_and_hands_out_the_cases(
    clinic: Line, people: People, api: Send, snap: Snap
) -> None:
    ending = [f"P-ENDS-{number}" for number in (1, 2)]
    for place, patient in enumerate(ending):
        await api("authorizations", granted(patient, 6, f"AU-ENDS-{place}", last=2))
        booked = {"patient": patient, "plan_id": COMMERCIAL, "discipline": "PT", "version": 1}
        starts = f"{TODAY + timedelta(days=9)}T10:00:00-06:00"
        beyond = await api("bookings", {**booked, "booking_id": f"ENDS-{place}", "starts_at": starts})
        assert beyond["beyond_limit"] is True
    cases: list[WorkItemRow] = [await clinic.until(partial(case_of, clinic, patient)) for patient in ending]

    supervisor = await people.log_in("sasha", "/authorizations/horizon")
    for place in (0, 1):
        row = supervisor.get_by_role("row").filter(has_text=f"AU-ENDS-{place}")
        await expect(row).to_contain_text("1 booked beyond")
        await expect(row).to_contain_text("nobody")
    await snap(supervisor, "horizon")
    section = supervisor.locator("section").filter(has_text="AU-ENDS-0").last
    await section.get_by_label("Hand the chosen cases to").select_option(label="Frida Frontdesk")
    await section.get_by_role("button", name="Preview").click()
    await expect(supervisor.locator("main")).to_contain_text("Nothing has happened yet")
    for case in cases:
        owner = clinic.rows(WorkItemRow, WorkItemRow.id == case.id)[0].owner_id
        assert owner is None, "a look beforehand moves nothing"
    await supervisor.get_by_role("button", name="Apply: Reassign").click()
    await expect(supervisor.locator("main")).to_contain_text("Frida Frontdesk")
    await clinic.until(lambda: all(clinic.rows(WorkItemRow, WorkItemRow.id == case.id)[0].owner_id for case in cases))

    await supervisor.goto("/authorizations/horizon")
    for place in (0, 1):
        row = supervisor.get_by_role("row").filter(has_text=f"AU-ENDS-{place}")
        await expect(row).to_contain_text("Frida Frontdesk")
    desk = await people.log_in("frida", "/queues/authorization", viewport=NARROW)
    await desk.goto("/queues/authorization?view=mine")
    for case in cases:
        await expect(row_of(desk, case)).to_have_class(re.compile(r"\brow\b"))
