"""A busy clinic: the demo's visits on the line, for what needs many items, for every screen, and for the pictures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from temporalio.testing import TimeSkipper

from activities import intake, patient_payments
from billing.vocabulary import Queue
from models.store import ledger
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import BatchRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import InboundFileRow
from simulator.clinic import Clinic, generate
from tests.journeys.conftest import NARROW, WIDE, Ground, People, decision_of, open_item, row_of
from tests.line import TODAY, Line
from tests.posting.remittance import remittance

pytestmark = pytest.mark.journey

Snap = Callable[[Page, str], Awaitable[None]]
VISITS = 90
MOVING = {"intake", "submission", "acknowledgement"}
SILENCE = timedelta(days=31)
# Items of a real desk did not all come this minute: (hours old) for one item after the other.
AGES = (3, 20, 7, 30, 1, 52, 16, 5, 125, 11, 22, 9, 76, 2, 14, 210)
TOLD_AGE = 29
HAS_IT = {"authorization": "frida", "scrub": "boris", "denials": "boris", "patient_balance": "felix", "posting": "bea"}
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"
UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((field) => !field.labels.length && !field.ariaLabel).map((field) => field.outerHTML)"""
NAMELESS = """() => [...document.querySelectorAll("a, button, summary")]
  .filter((one) => !one.textContent.trim() && !one.ariaLabel).map((one) => one.outerHTML)"""
DOUBLE_IDS = """() => { const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at); }"""


@pytest.fixture(scope="module")
def made() -> Clinic:
    """What the clinic's chart system tells, and how its payers answer."""
    return generate(7, TODAY, VISITS)


@pytest.fixture(scope="module")
def tales(made: Clinic) -> dict[str, tuple[str, ...]]:
    """The visits of each told case."""
    return {story.title: story.encounter_ids for story in made.stories}


@pytest.fixture(scope="module")
async def clinic(ground: Ground, made: Clinic, tales: dict[str, tuple[str, ...]]) -> AsyncIterator[Line]:
    """Everything received, worked off by the machine, paid by the patients, and left to people where it needs them."""
    async with ground.line(made.practice, made.world) as running:
        intake.receive(running.engine, running.practice_id, "cedar-chart", made.encounters)
        lost = sum("lost" in outcome for outcome in made.world["scripted"].values())
        await running.until(lambda: _settled(running, lost), seconds=240)
        owing = running.rows(EncounterRow, EncounterRow.stage == "patient_balance")
        paid = [row.external_id for row in owing if running.item(row.external_id) is None]
        patient_payments.receive_payments(
            running.engine, running.practice_id, "card-terminal", [_pays(running, n) for n in paid]
        )
        strange = remittance([("NOTOURS0001", "118.00")], trace="EFT-40718", day=f"{TODAY:%Y%m%d}").decode()
        running.leave_in_mailbox("era-40718.835", strange)
        silent = _silent(running)
        for row in silent:
            await TimeSkipper(running.client).fast_forward(running.handle(row.external_id), SILENCE)
        await running.until(lambda: not _silent(running) and _unmatched(running))
        await running.until(lambda: all(running.visit(number).stage == "closed" for number in paid))
        _grow_old(running, [running.item(numbers[-1]) for numbers in tales.values()])
        yield running


def _settled(clinic: Line, lost: int) -> bool:
    stages = clinic.stages()
    with practice_session(clinic.engine, clinic.practice_id) as session:
        waiting = session.scalar(text("SELECT count(*) FROM outbox WHERE state <> 'done'"))
    return not waiting and not MOVING & set(stages) and len(_silent(clinic)) <= lost


def _silent(clinic: Line) -> list[EncounterRow]:
    """Visits that wait for a payer and for nobody at the desk."""
    rows = clinic.rows(EncounterRow, EncounterRow.stage == "remittance")
    return [row for row in rows if clinic.item(row.external_id) is None]


def _pays(clinic: Line, number: str) -> dict[str, str]:
    owed = clinic.balance(number, ledger.PATIENT_RECEIVABLE)
    return {"payment_id": f"card-{number}", "encounter_id": number, "amount": str(owed), "received_on": str(TODAY)}


def _unmatched(clinic: Line) -> list[WorkItemRow]:
    return [item for item in clinic.items("posting") if item.kind == "unmatched_claim"]


def _grow_old(clinic: Line, told: list[WorkItemRow | None]) -> None:
    """Spread the items over the last days, the told ones among the oldest, and give some of the others to people."""
    first = {item.id for item in told if item is not None}
    statement = text(
        "UPDATE work_items SET opened_at = opened_at - :age, due_at = due_at - :age, owner_id = :owner,"
        " taken_at = CASE WHEN :owner IS NULL THEN NULL ELSE now() END WHERE id = :id"
    ).bindparams(bindparam("owner", type_=PG_UUID), bindparam("age", type_=INTERVAL))
    with practice_session(clinic.engine, clinic.practice_id) as session:
        users = {email.split("@")[0]: user_id for email, user_id in session.execute(select(UserRow.email, UserRow.id))}
        for number, item in enumerate(clinic.rows(WorkItemRow)):
            hours = TOLD_AGE if item.id in first else AGES[number % len(AGES)]
            given = number % 2 and item.queue in HAS_IT and item.id not in first  # what is told is Bianca's to decide
            owner = users[HAS_IT[item.queue]] if given else None
            session.execute(statement, {"age": timedelta(hours=hours), "owner": owner, "id": item.id})


async def test_a_supervisor_moves_many_items_after_a_look_and_the_biller_sees_them_come(
    clinic: Line, people: People, snap: Snap
) -> None:
    biller = await people.log_in("bianca", "/queues/documentation")
    home = await people.log_in("bianca")
    documentation = home.get_by_role("row", name="Documentation")
    await expect(biller.get_by_title("Bianca Biller (you)")).to_have_count(0)
    await expect(documentation.get_by_role("link", name="5", exact=True)).to_have_count(0)

    supervisor = await people.log_in("sasha", "/supervisor")
    await snap(supervisor, "supervisor")
    await supervisor.get_by_label("Move up to").fill("6")
    await supervisor.get_by_label("items of").select_option(label="Documentation")
    await supervisor.get_by_label("to", exact=True).select_option(label="Bianca Biller")
    await supervisor.get_by_role("button", name="Preview").click()
    await expect(supervisor.locator("h1")).to_have_text("6 items would move")
    await snap(supervisor, "reassign-preview")
    await expect(biller.get_by_title("Bianca Biller (you)")).to_have_count(0)  # only a look so far
    await supervisor.locator("input[name=tick]").nth(2).uncheck()
    await supervisor.get_by_role("button", name="Move them").click()
    await expect(supervisor.locator("h1")).to_have_text("Moved 5 items")

    await expect(biller.locator("#rows").get_by_title("Bianca Biller (you)")).to_have_count(5)
    await expect(biller.get_by_role("link", name="Mine 5")).to_be_visible()
    await expect(documentation.get_by_role("link", name="5", exact=True)).to_be_visible()
    await biller.get_by_role("link", name="Mine 5").click()
    await expect(biller.locator("#rows .row")).to_have_count(5)


async def test_pictures_of_a_working_day(
    clinic: Line, people: People, tales: dict[str, tuple[str, ...]], snap: Snap
) -> None:
    desk = await people.arrive("/login")
    await snap(desk, "login")
    desk = await people.log_in("bianca")
    await expect(desk.locator("#desk tbody tr")).to_have_count(len(Queue))
    await snap(desk, "home")

    [measured_nothing] = tales["The evaluation that measured nothing"]
    await desk.goto("/queues/documentation")
    await open_item(desk, await clinic.until_item(measured_nothing, "documentation"))
    await snap(desk, "documentation")

    exhausted = tales["Ten visits, seven authorized"][-1]
    await desk.goto("/queues/authorization")
    await open_item(desk, await clinic.until_item(exhausted, "authorization"))
    await snap(desk, "authorization")

    [denied] = tales["Denied for an authorization that exists"]
    await desk.goto("/queues/denials")
    item = await clinic.until_item(denied, "denials")
    await open_item(desk, item)
    await expect(decision_of(desk, "bill_patient")).to_have_count(0)
    await snap(desk, "denial")
    await decision_of(desk, "correct").locator("summary").click()
    await expect(desk.locator("#pane").get_by_label("Authorization number to send")).to_be_visible()

    [strange] = _unmatched(clinic)
    await desk.goto("/queues/posting")
    await open_item(desk, strange)
    await snap(desk, "posting")

    [paid_twice] = tales["The remittance that came twice"]
    await desk.goto(f"/encounters/{clinic.visit(paid_twice).id}")
    await expect(desk.locator(".story")).to_contain_text("paid")
    await snap(desk, "encounter")

    [friday] = tales["The Friday note nobody signed"]
    small = await people.log_in("bianca", "/queues/documentation", viewport=NARROW)
    await snap(small, "documentation-narrow")
    item = await clinic.until_item(friday, "documentation")
    await row_of(small, item).locator("a").click()
    await expect(small.locator("#list")).to_be_hidden()
    await snap(small, "item-narrow")
    await small.get_by_role("link", name="Back to the list").click()
    await expect(row_of(small, item)).to_be_visible()


async def test_every_screen_has_one_heading_and_names_for_all_that_can_be_used(clinic: Line, people: People) -> None:
    paths = ["/", "/encounters", "/authorizations", "/files", "/batches", "/supervisor", "/rules", "/audit"]
    for queue in Queue:
        [item, *_] = clinic.items(queue.value)
        paths.append(f"/queues/{queue.value}/{item.id}")
    [denial, *_] = clinic.items("denials")
    paths += [f"/queues/denials/{denial.id}?tab={tab}" for tab in ("why", "authorization", "files")]
    paths += [
        f"/encounters/{clinic.rows(EncounterRow)[0].id}",
        f"/files/{clinic.rows(InboundFileRow)[0].id}",
        f"/batches/{clinic.rows(BatchRow)[0].id}",
        f"/authorizations/{clinic.rows(AuthorizationRow)[0].id}",
    ]
    looking = await people.arrive("/login")
    await no_barrier(looking)
    page = await people.log_in("sasha")
    for path in paths:
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        await no_barrier(page)
        for size in (NARROW, WIDE):
            await page.set_viewport_size(size)
            assert await page.evaluate(TOO_WIDE) <= 0, f"{path} is wider than {size['width']} px"


async def no_barrier(page: Page) -> None:
    """What a screen reader needs most: a heading, names, and ids that are unique."""
    where = page.url
    assert await page.locator("h1").count() == 1, where
    assert await page.title(), where
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.get_by_role("main").count() == 1, where
    assert await page.evaluate(UNLABELLED) == [], where
    assert await page.evaluate(NAMELESS) == [], where
    assert await page.evaluate(DOUBLE_IDS) == [], where
