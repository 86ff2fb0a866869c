"""What a process keeps between requests (statements, a practice's settings) never shows one person another's answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, update
from starlette.testclient import TestClient

from billing.vocabulary import Role
from models.tables.access import UserRow
from models.tables.practice import PracticeRow
from tests.web.conftest import House, look_later, move_in

Browse = Callable[..., TestClient]


def chips(browser: TestClient, query: str = "") -> str:
    page: str = browser.get(f"/queues/scrub{query}").text
    return page[page.index('id="chips"') : page.index("</nav>", page.index('id="chips"'))]


def test_the_same_list_shows_each_person_their_own(house: House, browse: Browse) -> None:
    for number in range(3):
        house.item(queue="scrub", reason=f"Of the biller {number}", owner_id=house.users[Role.BILLER])
    house.item(queue="scrub", reason="Of the supervisor", owner_id=house.users[Role.SUPERVISOR])
    biller, supervisor = browse(Role.BILLER), browse(Role.SUPERVISOR)
    for _ in range(2):
        assert "Mine 3" in chips(biller)
        assert "Mine 1" in chips(supervisor)
        assert "Of the supervisor" not in biller.get("/queues/scrub?view=mine").text
        assert "Of the biller 1" not in supervisor.get("/queues/scrub?view=mine").text
        assert "Of the biller 1" not in supervisor.get("/queues/scrub?q=owner:me").text
        assert "Of the biller 1" in biller.get("/queues/scrub?q=owner:me").text


def test_another_practice_gets_its_own_items_by_the_same_statements(house: House, browse: Browse) -> None:
    other = move_in(house.engine, "two")
    house.item(queue="scrub", reason="Ours")
    other.item(queue="scrub", reason="Theirs")
    ours, theirs = browse(Role.BILLER), browse(Role.BILLER, of=other)
    for _ in range(2):
        assert "Theirs" not in ours.get("/queues/scrub").text
        assert "Ours" not in theirs.get("/queues/scrub").text


def test_a_later_look_sees_what_woke_since(house: House, browse: Browse) -> None:
    item = house.item(queue="scrub", snoozed_until=datetime.now(UTC) + timedelta(minutes=5))
    browser = browse(Role.BILLER)
    assert "All open 0" in chips(browser)
    look_later(browser, timedelta(minutes=10))
    assert "All open 1" in chips(browser)
    assert str(item) in browser.get("/queues/scrub").text


def test_counts_are_kept_two_seconds_for_all_who_look_but_not_for_who_just_acted(house: House, browse: Browse) -> None:
    first, other = house.item(queue="scrub"), browse(Role.SUPERVISOR)
    mine = browse(Role.BILLER)
    assert "All open 1" in chips(mine)
    assert "All open 1" in chips(other)
    assert mine.post(f"/items/{first}/take", data={"version": "1"}).status_code in (200, 303)
    house.item(queue="scrub")
    assert "All open 1" in chips(other)
    assert "All open 2" in chips(mine)  # who acted counts anew, and so for the others
    assert "All open 2" in chips(other)
    assert "Mine 1" in chips(mine)
    house.item(queue="scrub")
    look_later(other, timedelta(seconds=3))
    assert "All open 3" in chips(other)


def test_rows_are_never_kept(house: House, browse: Browse) -> None:
    browser = browse(Role.BILLER)
    assert "All open 0" in chips(browser)
    item = house.item(queue="scrub")
    assert str(item) in browser.get("/queues/scrub").text


def test_another_role_counts_from_the_next_request(house: House, browse: Browse, owner_engine: Engine) -> None:
    browser = browse(Role.BILLER)
    assert browser.get("/queues/scrub").status_code == 200
    with owner_engine.begin() as connection:
        demoted = update(UserRow).where(UserRow.id == house.users[Role.BILLER]).values(role=Role.FRONT_DESK.value)
        connection.execute(demoted)
    assert browser.get("/queues/scrub").status_code == 404


def test_a_practice_file_loaded_anew_counts_from_the_next_request(
    house: House, browse: Browse, owner_engine: Engine
) -> None:
    house.item(queue="scrub", opened_at=datetime.now(UTC))
    browser = browse(Role.BILLER)
    browser.get("/queues/scrub")
    profile = PracticeRow.profile
    with owner_engine.begin() as connection:
        changed = profile.op("||")({"desk": {"service_hours": {"scrub": 777}}})
        connection.execute(update(PracticeRow).values(profile=changed, revision=PracticeRow.revision + 1))
    assert "of 777 business hours" in browser.get("/queues/scrub").text
