"""A supervisor sees who passed over what and why, and puts it to somebody or back; the numbers say what they count."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from activities import desk_next, undo
from activities.desk import Actor
from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from tests.web.conftest import Browse, House
from tests.web.test_many import action_id, ticked, words

ZONE = ZoneInfo("America/Chicago")  # the example practice's


def skip(house: House, role: Role, item: UUID, reason: str = "", days_ago: int = 0) -> None:
    """As somebody of that role, some days ago."""
    now = datetime.now(UTC) - timedelta(days=days_ago)
    actor = Actor(house.practice_id, house.users[role], role.value, "", supervises=False)
    with practice_session(house.engine, house.practice_id) as session:
        desk_next.skip(session, actor, item, reason, now.astimezone(ZONE).date(), now)


def test_every_skip_is_told_with_person_reason_and_how_often(house: House, browse: Browse) -> None:
    often, once = house.item(reason="The plan of care is not certified"), house.item(reason="The note is not signed")
    skip(house, Role.BILLER, often, "too_hard", days_ago=1)
    skip(house, Role.BILLER, often, "needs_call")
    skip(house, Role.FRONT_DESK, often)
    skip(house, Role.FRONT_DESK, once, "not_mine", days_ago=20)
    page = browse(Role.SUPERVISOR).get("/supervisor/skips?days=30").text
    assert "4 skips of 2 items, the last 30 days." in page
    assert page.index("The plan of care is not certified") < page.index("The note is not signed")
    assert "I do not know how to solve it" in page
    assert re.search(r'<td class="number strong">3</td>.*<td class="number strong">1</td>', page, re.DOTALL)
    assert "3 skips of 1 item, the last 14 days." in browse(Role.SUPERVISOR).get("/supervisor/skips").text


def test_a_number_leads_to_exactly_the_skips_it_counts(house: House, browse: Browse) -> None:
    item = house.item()
    skip(house, Role.BILLER, item, "too_hard", days_ago=1)
    skip(house, Role.BILLER, item, "needs_call")
    browser = browse(Role.SUPERVISOR)
    page = browser.get("/supervisor/skips").text
    href = re.findall(r'href="([^"]*reason=too_hard[^"]*)">1</a>', page)[0].replace("&amp;", "&")
    assert "1 skip of 1 item" in browser.get(href).text
    assert "It needs a phone call" not in browser.get(href).text.partition("Open items")[2]


def test_what_was_taken_back_or_closed_is_counted_as_what_it_is(house: House, browse: Browse) -> None:
    taken_back, closed = house.item(), house.item()
    skip(house, Role.BILLER, taken_back, "too_hard")
    skip(house, Role.BILLER, closed, "no_time")
    with practice_session(house.engine, house.practice_id) as session:
        row = session.get_one(WorkItemRow, closed)
        row.closed_at, row.closed_by = datetime.now(UTC), "re-check passed"
    with practice_session(house.engine, house.practice_id) as session:
        action = undo.last_action(session, house.users[Role.BILLER], taken_back, datetime.now(UTC))
        assert action is not None
        undo.take_back(session, house.users[Role.BILLER], action.id, datetime.now(UTC))
    page = browse(Role.SUPERVISOR).get("/supervisor/skips").text
    assert "1 skip of 1 item, 1 of them closed since, the last 14 days." in page
    assert "Nothing open was passed over" in page
    assert str(closed) not in page


def test_the_ticked_go_to_a_person_or_back_into_the_queue_after_a_look(house: House, browse: Browse) -> None:
    ana, lee = house.users[Role.BILLER], house.users[Role.FRONT_DESK]
    item = house.item(owner_id=ana, taken_at=datetime.now(UTC))
    skip(house, Role.BILLER, item, "not_mine")
    browser = browse(Role.SUPERVISOR)
    for to, owner in ((str(lee), lee), ("nobody", None)):
        page = browser.post("/supervisor/skips/preview", data={"item": str(item), "to": to}).text
        assert "1 item would move" in page
        targets = dict(re.findall(r'name="(to\.[^"]+)" value="([^"]*)"', page))
        sent = {**targets, "item": words(page), "tick": ticked(page), "action_id": action_id(page)}
        browser.post("/supervisor/reassign", data=sent)
        assert house.read(item).owner_id == owner
    assert "Nothing open was ticked" in browser.post("/supervisor/skips/preview", data={"to": "nobody"}).text


def test_only_supervisors_review_skips(house: House, browse: Browse) -> None:
    assert browse(Role.BILLER).get("/supervisor/skips").status_code == 403
    assert browse(Role.BILLER).post("/supervisor/skips/preview").status_code == 403
