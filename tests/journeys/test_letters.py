"""A patient is told when four visits are left: the letter arrives, in the practice's own words, once."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from activities.gateways.mail import MailAddress
from embedded import TemporalServer
from models.ids import notice_workflow_id
from models.tables.notices import NoticeRow
from settings import Settings
from simulator.clinic import practice
from simulator.mail import listen
from tests.journeys.conftest import Ground, People, serving
from tests.line import ALL_PAID, TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, five_visits, visit

pytestmark = pytest.mark.journey

Chart = Callable[..., Awaitable[None]]


PRACTICE = {"authorizations": [five_visits("P-MAIL"), five_visits("P-WORDS"), five_visits("P-PAPER")]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the local mail server keeps letters."""
    return tmp_path_factory.mktemp("letters") / "mail"


@pytest.fixture(scope="module")
async def clinic(ground: Ground, store: Path) -> AsyncIterator[Line]:
    """A line whose letters go to a local mail server."""
    async with await listen("127.0.0.1", 0, store) as server:
        port = server.sockets[0].getsockname()[1]
        mail = MailAddress("127.0.0.1", port, "desk@firstpass.invalid", tls="none")
        async with ground.line({**practice(TODAY), **PRACTICE}, ALL_PAID, mail) as running:
            yield running


@pytest.fixture(scope="module")
def address(clinic: Line, settings: Settings, temporal_server: TemporalServer, store: Path) -> Iterator[str]:
    """The web server that reads that store."""
    database_url = clinic.engine.url.render_as_string(hide_password=False)
    changes = {"app_database_url": database_url, "temporal_address": temporal_server.address, "mail_store": store}
    with serving(settings.model_copy(update=changes)) as url:
        yield url


async def test_the_letter_arrives_in_the_local_mail_when_four_visits_are_left(
    clinic: Line, people: People, chart: Chart
) -> None:
    made = visit("LETTERFOUR", COMMERCIAL, like=PREFERRED)
    made["patient"] |= {"patient_id": "P-MAIL", "email": "ottilie@home.example"}
    await chart(made)
    await clinic.until(lambda: clinic.rows(NoticeRow, NoticeRow.state == "sent"))
    [letter] = clinic.rows(NoticeRow, NoticeRow.state == "sent")
    assert (letter.kind, letter.attempts) == ("visits_left", 1)

    desk = await people.log_in("sasha", "/mail")
    mail = desk.locator("article.mail")
    await expect(mail).to_have_count(1)
    await expect(mail).to_contain_text("To ottilie@home.example")
    await expect(mail).to_contain_text("4 more visits")
    await expect(mail).not_to_contain_text(made["patient"]["last_name"])

    front = await people.log_in("frida", "/notices")
    await expect(front.locator("tbody tr")).to_contain_text(["Sent"])
    await clinic.client.get_workflow_handle(notice_workflow_id(letter.id)).result()  # its life is over


async def test_a_supervisor_changes_the_words_sees_them_first_and_the_next_letter_carries_them(
    clinic: Line, people: People, chart: Chart
) -> None:
    desk = await people.log_in("sasha", "/notices/templates/visits_left")
    text = desk.get_by_role("textbox", name="Text")
    await text.fill("Dear {first_name}, only {visits_left} left with {diagnosis}.")
    await desk.get_by_role("button", name="Preview").click()
    await expect(desk.get_by_role("alert")).to_contain_text("{diagnosis} is not known here")
    await expect(text).to_have_value("Dear {first_name}, only {visits_left} left with {diagnosis}.")
    await text.fill("Dear {first_name}, only {visits_left} left. Call {practice_phone}.")
    await desk.get_by_role("button", name="Preview").click()
    await expect(desk.locator("#example-body")).to_contain_text("Dear Ada, only 4 left.")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_text("Saved as version 1")).to_be_visible()

    made = visit("LETTERWORDS", COMMERCIAL, like=PREFERRED)
    made["patient"] |= {"patient_id": "P-WORDS", "email": "words@home.example"}
    await chart(made)
    await clinic.until(lambda: clinic.rows(NoticeRow, NoticeRow.state == "sent", NoticeRow.template_version == 1))
    await desk.goto("/mail")
    await expect(desk.locator("article.mail", has_text="words@home.example")).to_contain_text("only 4 left. Call (512)")


async def test_a_letter_without_e_mail_is_printed_and_marked_so(clinic: Line, people: People, chart: Chart) -> None:
    made = visit("LETTERPAPER", COMMERCIAL, like=PREFERRED)
    made["patient"] |= {"patient_id": "P-PAPER", "email": None}
    await chart(made)
    await clinic.until(lambda: clinic.rows(NoticeRow, NoticeRow.state == "no_address"))
    front = await people.log_in("frida", "/notices", java_script_enabled=False)
    await front.get_by_role("link", name="To be printed").click()
    row = front.locator("tbody tr")
    await expect(row).to_contain_text("To be printed")
    async with front.expect_popup() as opened:
        await row.get_by_role("link", name="Print").click()
    letter = await opened.value
    await expect(letter.locator("pre")).to_contain_text(made["patient"]["first_name"])
    await letter.close()
    await row.get_by_role("button", name="Printed").click()
    await expect(front.get_by_text("No letter")).to_be_visible()
    assert clinic.rows(NoticeRow, NoticeRow.state == "printed")
