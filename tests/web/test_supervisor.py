"""The supervisor sees loads, ages and what is stuck, and moves work only after having seen who would get what."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from activities.supervision import release_everywhere
from billing.vocabulary import Role
from models.store.life import audit
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.life import AuditRow
from tests.web.conftest import Browse, House
from tests.web.grants import TODAY
from tests.web.test_many import action_id, ticked, words


def previewed(house: House, browse: Browse, **choice: str) -> tuple[Any, dict[str, Any]]:
    """The look beforehand, and the form as it stands there."""
    browser = browse(Role.SUPERVISOR)
    usual = {"queue": "documentation", "from": "nobody", "bucket": "", "limit": "50"}
    page = browser.post("/supervisor/preview", data=usual | choice)
    targets = dict(re.findall(r'name="(to\.[^"]+)" value="([^"]*)"', page.text))
    sent = {**targets, "item": words(page.text), "tick": ticked(page.text), "action_id": action_id(page.text)}
    return page, sent


def test_work_is_shared_out_by_who_is_done_first_after_a_look(house: House, browse: Browse) -> None:
    ana, lee = house.users[Role.BILLER], house.users[Role.FRONT_DESK]
    for _ in range(2):
        house.item(owner_id=ana, taken_at=datetime.now(UTC))
    items = [house.item() for _ in range(4)]
    page, sent = previewed(house, browse, to="balance")
    assert "4 items would move" in page.text
    assert "Nothing has moved yet" in page.text
    assert all(house.read(item).owner_id is None for item in items)
    browser = browse(Role.SUPERVISOR)
    at = browser.post("/supervisor/reassign", data=sent).headers["location"]
    owners = [house.read(item).owner_id for item in items]
    assert (owners.count(ana), owners.count(lee)) == (1, 3)
    assert "Moved 4 items" in browser.get("/supervisor").text
    assert "4 items put back" in browser.post(f"{at}/revert").text
    assert {house.read(item).owner_id for item in items} == {None}


def test_items_closed_between_look_and_move_stay_and_say_so(house: House, browse: Browse) -> None:
    stays, closes = house.item(), house.item()
    _, sent = previewed(house, browse, to=str(house.users[Role.BILLER]))
    with practice_session(house.engine, house.practice_id) as session:
        row = session.get_one(type(house.read(closes)), closes)
        row.closed_at, row.closed_by = datetime.now(UTC), "re-check passed"
    browser = browse(Role.SUPERVISOR)
    page = browser.get(browser.post("/supervisor/reassign", data=sent).headers["location"]).text
    assert house.read(stays).owner_id == house.users[Role.BILLER]
    assert house.read(closes).owner_id is None
    assert "closed meanwhile" in page


def test_nothing_moves_to_somebody_who_is_away(house: House, browse: Browse) -> None:
    house.item()
    ana = str(house.users[Role.BILLER])
    browser = browse(Role.SUPERVISOR)
    off = {"person": ana, "first_day": str(TODAY - timedelta(days=1)), "last_day": str(TODAY + timedelta(days=3))}
    kept = browser.post("/supervisor/absence", data=off | {"why": "vacation"})
    assert "Away until" in kept.text
    page, sent = previewed(house, browse, to=ana)
    assert "Ana Ruiz is away until" in page.text
    assert sent["tick"] == []
    balanced, sent = previewed(house, browse, to="balance")
    assert set(re.findall(r'name="to\.[^"]+" value="([^"]*)"', balanced.text)) == {str(house.users[Role.FRONT_DESK])}
    [absence] = re.findall(r"/supervisor/absence/([^/]+)/end", kept.text)
    assert "works on those days" in browser.post(f"/supervisor/absence/{absence}/end").text
    assert previewed(house, browse, to=ana)[1]["tick"]
    past = browser.post("/supervisor/absence", data=off | {"last_day": str(TODAY - timedelta(days=1))})
    assert past.status_code == 409


def test_a_cell_of_the_heat_grid_leads_to_its_items(house: House, browse: Browse) -> None:
    old = house.item(opened_at=datetime.now(UTC) - timedelta(days=5))
    new = house.item()
    browser = browse(Role.SUPERVISOR)
    page = browser.get("/supervisor").text
    [href] = re.findall(r'href="(/supervisor/items\?queue=documentation&amp;bucket=2)"', page)
    cell = browser.get(href.replace("&amp;", "&")).text
    assert str(old) in cell
    assert str(new) not in cell
    assert "Documentation, 4–7 d" in cell


def test_what_was_touched_or_snoozed_too_often_is_stuck(house: House, browse: Browse) -> None:
    calm, busy = house.item(), house.item()
    overslept = house.item(
        snoozed_until=datetime.now(UTC) + timedelta(days=3), due_at=datetime.now(UTC) - timedelta(days=1)
    )
    with practice_session(house.engine, house.practice_id) as session:
        for action in ("item.snoozed",) * 3 + ("item.noted",):
            audit(session, house.practice_id, "somebody", action, f"work_item/{busy}")
        audit(session, house.practice_id, "somebody", "item.noted", f"work_item/{calm}")
    stuck = browse(Role.SUPERVISOR).get("/supervisor").text.partition(">Stuck</h2>")[2]
    assert "3 snoozes" in stuck
    assert "4 touches" in stuck
    assert str(overslept) in stuck
    assert "snoozed past its deadline" in stuck
    assert str(calm) not in stuck


def test_the_days_ahead_show_their_arithmetic_and_the_set_capacity(house: House, browse: Browse) -> None:
    house.item()
    browser = browse(Role.SUPERVISOR)
    assert browser.post(f"/supervisor/capacity/{house.users[Role.BILLER]}", data={"capacity": "7"}).status_code == 200
    page = browser.get("/supervisor").text
    assert "open that evening: " in page
    assert ">47</td>" in page  # 7 of Ana, the usual 40 of the front desk
    assert browser.post(f"/supervisor/capacity/{uuid4()}", data={"capacity": "7"}).status_code == 409
    assert browser.post(f"/supervisor/capacity/{house.users[Role.BILLER]}", data={"capacity": "x"}).status_code == 422


def test_work_nobody_touched_is_given_back_and_said_so(house: House) -> None:
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=12)
    owner: dict[str, Any] = {"owner_id": house.users[Role.BILLER], "taken_at": long_ago, "opened_at": long_ago}
    left = house.item(encounter_id=house.encounter(), **owner)
    touched, asleep = house.item(**owner), house.item(**owner, snoozed_until=now + timedelta(days=1))
    fresh = house.item(**owner | {"taken_at": now})
    with practice_session(house.engine, house.practice_id) as session:
        audit(session, house.practice_id, "ana", "item.noted", f"work_item/{touched}")
    assert release_everywhere(house.engine, house.practice_id, now) == 1
    assert house.read(left).owner_id is None
    assert {house.read(item).owner_id for item in (touched, asleep, fresh)} == {house.users[Role.BILLER]}
    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(AuditRow.subject).where(AuditRow.action == "item.released")).all() == [
            f"work_item/{left}"
        ]
        assert session.get_one(UserRow, house.users[Role.BILLER]).disabled_at is None
    assert release_everywhere(house.engine, house.practice_id, now) == 0


def test_the_supervisors_screens_are_the_supervisors(house: House, browse: Browse) -> None:
    biller, user = browse(Role.BILLER), str(house.users[Role.BILLER])
    assert biller.get("/supervisor/items").status_code == 403
    for path in ("preview", "reassign", "absence", f"capacity/{user}", f"absence/{UUID(int=1)}/end"):
        assert biller.post(f"/supervisor/{path}", data={}).status_code == 403
