"""The next authorization is asked for when its time comes, escalated when nobody moved, and done when recorded."""

import re
from datetime import timedelta

import pytest
from playwright.async_api import expect
from temporalio.testing import TimeSkipper

from models.ids import authorization_workflow_id
from models.tables.authorizations import AuthorizationRow
from tests.journeys.conftest import People, decision_of, fill_in, said
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL

pytestmark = pytest.mark.journey

LENGTH = 30
PRACTICE = {
    "authorizations": [
        {
            "authorization_id": "RUNSOUT",
            "number": "CCHP-1999-31",
            "patient": "P-REAUTH",
            "plan_id": COMMERCIAL,
            "disciplines": ["PT"],
            "quantity": 20,
            "effective_from": str(TODAY - timedelta(days=60)),
            "effective_to": str(TODAY + timedelta(days=LENGTH)),
        }
    ]
}


async def test_the_next_authorization_is_asked_for_escalated_and_closed_when_recorded(
    clinic: Line, people: People, time_skipper: TimeSkipper
) -> None:
    [row] = clinic.rows(AuthorizationRow, AuthorizationRow.external_id == "RUNSOUT")
    handle = clinic.client.get_workflow_handle(authorization_workflow_id(row.id))
    desk = await people.log_in("frida", "/queues/authorization")
    await expect(desk.get_by_text("Nothing waits here")).to_be_visible()
    await clinic.until(lambda: clinic.rows(AuthorizationRow, AuthorizationRow.status == "active"))

    await time_skipper.fast_forward(handle, timedelta(days=LENGTH - 6))
    await expect(desk.locator("#fresh")).to_contain_text("1 new")
    await desk.keyboard.press(".")
    asked = desk.locator("#rows .row")
    await expect(asked).to_have_count(1)
    await expect(asked).to_contain_text("Authorization for PT after CCHP-1999-31")
    await expect(asked).to_contain_text("Front desk")
    await expect(asked.get_by_title("Escalated")).to_have_count(0)

    await time_skipper.fast_forward(handle, timedelta(days=2))
    await expect(asked.get_by_title("Escalated")).to_be_visible()
    await expect(asked).to_contain_text("Supervisor")

    await asked.locator("a").click()
    await expect(desk.locator("#pane")).to_contain_text("CCHP-1999-31")
    wanted = {
        "Authorization number": "CCHP-2077-02",
        "Granted (visits, units or dollars)": "16",
        "Valid from": str(TODAY + timedelta(days=LENGTH + 1)),
        "Valid to": str(TODAY + timedelta(days=LENGTH + 91)),
    }
    button = await fill_in(desk, "record_answer", wanted)
    await decision_of(desk, "record_answer").get_by_label("The payer's answer").select_option("granted")
    await button.click()
    await expect(said(desk, "good")).to_contain_text("CCHP-2077-02 recorded, approved")
    await expect(asked).to_have_class(re.compile(r"\bclosed\b"))
    ended = (AuthorizationRow.id == row.id, AuthorizationRow.ended_at.is_not(None))
    await clinic.until(lambda: clinic.rows(AuthorizationRow, *ended))  # its own workflow tells the end, a moment later
    await desk.goto(f"/authorizations/{row.id}")
    await expect(desk.locator(".story")).to_contain_text("escalated")
    await expect(desk.locator(".story")).to_contain_text("replaced")
