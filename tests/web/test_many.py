"""Many at once on the screen: nothing happens before it was seen, and what happens is listed item by item."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.life import OutboxRow
from models.tables.supervision import BulkEntryRow
from tests.web.conftest import Browse, House

CAUSE = "S11|rendering|1234567890"
WRONG_NUMBER = {
    "code": "S11",
    "severity": "block",
    "owner": "biller",
    "message": "The provider number of the rendering (1234567890) fails its check digit.",
    "clears_when": "the number is corrected",
    "evidence": {"rendering": "1234567890"},
}


def words(page: str) -> list[str]:
    return re.findall(r'name="item" value="([^"]+)"', page)


def ticked(page: str) -> list[str]:
    return re.findall(r'name="tick" value="([^"]+)"', page)


def action_id(page: str) -> str:
    return str(re.findall(r'name="action_id" value="([^"]+)"', page)[0])


def visit_items(house: House, count: int, **values: Any) -> list[UUID]:
    return [
        house.item(encounter_id=house.encounter(f"CH-{uuid4().hex[:8]}"), queue="scrub", **values) for _ in range(count)
    ]


def test_choosing_offers_what_all_of_them_offer(house: House, browse: Browse) -> None:
    scrub, documentation = visit_items(house, 1, kind="chart_changed_after_billing")[0], house.item()
    page = browse(Role.BILLER).post("/many", data={"item": [str(scrub)]}).text
    assert "Keep the claim" in page
    assert 'name="reassign.to"' not in page  # a supervisor's
    held = visit_items(house, 1)[0]
    mixed = {"item": [str(scrub), str(held), str(documentation)]}
    assert "Keep the claim" not in browse(Role.SUPERVISOR).post("/many", data=mixed).text
    both = browse(Role.SUPERVISOR).post("/many", data={"item": [str(held), str(documentation)]}).text
    assert "2 items selected" in both
    assert "Not billable" in both
    assert 'name="reassign.to"' in both


def test_decisions_are_seen_first_then_wait_for_their_workflows(house: House, browse: Browse) -> None:
    items = visit_items(house, 2)
    closed = house.item(closed_at=datetime.now(UTC), closed_by="re-check passed")
    browser = browse(Role.SUPERVISOR)
    chosen = browser.post("/many", data={"item": [str(item) for item in (*items, closed)]}).text
    assert "1 item closed meanwhile or not yours, left out" in chosen
    wish = {"act": "decide:not_billable", "decide:not_billable.reason": "courtesy visit"}
    look = browser.post("/many/preview", data={**wish, "item": words(chosen)}).text
    assert "Nothing has happened yet" in look
    assert look.count("The visit is closed as not billable.") == 2
    done = browser.post(
        "/many/apply",
        data={**wish, "item": words(look), "tick": ticked(look)[:1], "action_id": action_id(look)},
    )
    assert done.status_code == 303
    page = browser.get(done.headers["location"]).text
    assert "0 of 1 answered" in page
    assert "Revert the batch" not in page
    with practice_session(house.engine, house.practice_id) as session:
        [entry] = session.scalars(select(BulkEntryRow)).all()
        [word] = session.scalars(select(OutboxRow.message).where(OutboxRow.signal.like("decide/%"))).all()
    assert (str(entry.work_item_id), word["reason"]) == (ticked(look)[0], "courtesy visit")


def test_a_missing_reason_is_refused_for_each_with_the_sentence_of_one(house: House, browse: Browse) -> None:
    [item] = visit_items(house, 1)
    browser = browse(Role.BILLER)
    look = browser.post("/many/preview", data={"act": "decide:not_billable", "item": f"{item}:1:"}).text
    assert "Please give a reason" in look
    assert ticked(look) == []


def test_a_supervisor_moves_many_and_takes_it_back(house: House, browse: Browse) -> None:
    items, biller = visit_items(house, 2), str(house.users[Role.BILLER])
    browser = browse(Role.SUPERVISOR)
    chosen = browser.post("/many", data={"item": [str(item) for item in items]}).text
    wish = {"act": "reassign", "reassign.to": biller}
    look = browser.post("/many/preview", data={**wish, "item": words(chosen)}).text
    assert look.count("goes to Ana Ruiz") == 2
    assert all(house.read(item).owner_id is None for item in items)
    sent = {**wish, "item": words(look), "tick": ticked(look), "action_id": action_id(look)}
    at = browser.post("/many/apply", data=sent).headers["location"]
    assert {house.read(item).owner_id for item in items} == {house.users[Role.BILLER]}
    assert "Revert the batch" in browser.get(at).text
    assert "2 items put back as before." in browser.post(f"{at}/revert").text
    assert {house.read(item).owner_id for item in items} == {None}
    assert browser.post(f"{at}/revert").status_code == 409
    assert browse(Role.BILLER).get(at).status_code == 404


def test_more_than_fifty_are_typed(house: House, browse: Browse) -> None:
    items = [house.item(queue="scrub") for _ in range(51)]
    browser = browse(Role.BILLER)
    everything = browser.post("/many", data={"all": "1", "queue": "scrub"}).text
    assert len(words(everything)) == 51
    look = browser.post("/many/preview", data={"act": "take", "item": words(everything)}).text
    sent = {"act": "take", "item": words(look), "tick": ticked(look), "action_id": action_id(look)}
    refused = browser.post("/many/apply", data=sent)
    assert (refused.status_code, "Type 51 to show" in refused.text) == (422, True)
    assert house.read(items[0]).owner_id is None
    assert browser.post("/many/apply", data={**sent, "typed": "51"}).status_code == 303
    assert house.read(items[0]).owner_id == house.users[Role.BILLER]


def test_a_snooze_without_a_day_is_asked_for_again(house: House, browse: Browse) -> None:
    [item] = visit_items(house, 1)
    answer = browse(Role.BILLER).post("/many/preview", data={"act": "snooze", "item": f"{item}:1:"})
    assert (answer.status_code, "Choose the day" in answer.text) == (422, True)


def test_nobody_reaches_other_queues_or_practices_by_ids(house: House, browse: Browse) -> None:
    denial = house.item(queue="denials")
    front = browse(Role.FRONT_DESK)
    assert "0 items selected" in front.post("/many", data={"item": str(denial)}).text
    look = front.post("/many/preview", data={"act": "take", "item": f"{denial}:1:"}).text
    sent = {"act": "take", "item": f"{denial}:1:", "tick": str(denial), "action_id": action_id(look)}
    assert front.post("/many/apply", data=sent).status_code == 422
    assert house.read(denial).owner_id is None
    assert browse(Role.AUDITOR).post("/many", data={"item": str(denial)}).status_code == 403
    assert front.post("/many", data={"all": "1", "queue": "denials"}).status_code == 404


def test_what_many_share_is_one_card_with_the_dollars_and_where_it_is_mended(house: House, browse: Browse) -> None:
    visit_items(house, 3, cause=CAUSE, findings=[WRONG_NUMBER], opened_at=datetime.now(UTC) - timedelta(days=4))
    visit_items(house, 1, cause="S32|code|97110")
    page = browse(Role.BILLER).get("/groups/scrub").text
    assert page.count('class="card pad stack-small"') == 1
    assert "3 items" in page
    assert "$420.00" in page
    assert "Where: the practice file." in page
    assert "1 with a cause of their own" in page
    assert "No cause holds more" in browse(Role.BILLER).get("/groups/denials").text


def test_a_mended_cause_has_its_visits_checked_again_and_is_acted_on_as_one(house: House, browse: Browse) -> None:
    items = visit_items(house, 3, cause=CAUSE, findings=[WRONG_NUMBER])
    visit_items(house, 1)
    browser = browse(Role.BILLER)
    told = browser.post("/groups/scrub/recheck", data={"cause": CAUSE}).text
    assert "3 visits are being checked again" in told
    with practice_session(house.engine, house.practice_id) as session:
        assert len(session.scalars(select(OutboxRow.id).where(OutboxRow.signal == "recheck")).all()) == 3
    chosen = browser.post("/many", data={"all": "1", "queue": "scrub", "cause": CAUSE}).text
    assert {word.partition(":")[0] for word in words(chosen)} == {str(item) for item in items}
    assert browse(Role.AUDITOR).post("/groups/scrub/recheck", data={"cause": CAUSE}).status_code == 403
