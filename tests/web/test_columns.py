"""Everybody shows and hides the columns of a queue for themselves, with and without script."""

import re
from urllib.parse import urlencode

from billing.vocabulary import Role
from tests.web.conftest import Browse, House
from web.reads.columns import columns_of

IN_LIST = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#list"}


def hidden(page: str) -> set[str]:
    """What the list's class hides."""
    [names] = re.findall(r'<ol id="rows" class="([^"]*)"', page)
    return {name.removeprefix("no-") for name in names.split()}


def unticked(page: str) -> set[str]:
    return set(re.findall(r'name="show" value="([a-z]+)" form="columns">', page))


def test_what_is_hidden_stays_hidden_for_this_person_and_queue_only(house: House, browse: Browse) -> None:
    house.item()
    browser = browse(Role.BILLER)
    assert hidden(browser.get("/queues/documentation").text) == set()
    shown = ["patient", "number", "service", "discipline", "dollars", "due", "move", "clock", "owner"]
    kept = browser.post("/queues/documentation/columns?view=mine", data={"show": shown})
    assert kept.headers["location"] == "/queues/documentation?view=mine"
    page = browser.get("/queues/documentation").text
    assert hidden(page) == unticked(page) == {"payer", "age"}
    assert hidden(browser.get("/queues/scrub").text) == set()
    assert hidden(browse(Role.SUPERVISOR).get("/queues/documentation").text) == set()
    browser.post("/queues/documentation/columns", data={"show": shown, "all": "1"})
    assert hidden(browser.get("/queues/documentation").text) == set()


def test_the_list_comes_back_at_once_with_what_was_searched(house: House, browse: Browse) -> None:
    house.item(reason="The plan of care is not certified")
    house.item(reason="The note is not signed")
    sent = urlencode({"show": "patient", "text": "certified"})
    headers = {**IN_LIST, "Content-Type": "application/x-www-form-urlencoded"}
    page = browse(Role.BILLER).post("/queues/documentation/columns", content=sent, headers=headers).text
    assert "<html" not in page
    assert "payer" in hidden(page)
    assert "not certified" in page
    assert "not signed" not in page


def test_only_columns_of_the_queue_count_and_only_of_queues_one_has(house: House, browse: Browse) -> None:
    browser = browse(Role.BILLER)
    browser.post("/queues/authorization/columns", data={"show": ["patient", "x; drop", "left"]})
    page = browser.get("/queues/authorization").text
    assert hidden(page) == set(columns_of("authorization")) - {"patient", "left"}
    assert "What is left of the authorization" in page
    assert "What is left of the authorization" not in browser.get("/queues/scrub").text
    assert browse(Role.FRONT_DESK).post("/queues/denials/columns").status_code == 404
