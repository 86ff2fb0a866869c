"""An appeal's letter is printed from the item that asks to send it, and every screen says whether it has left."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.remittances import AppealRow
from tests.web.conftest import Browse, Decided, House
from tests.web.test_desk import IN_PANE
from tests.web.told_life import told_life

STATES: list[tuple[dict[str, Any], str]] = [
    ({"state": "drafted", "deadline": date(2027, 3, 1)}, "Drafted, to be sent by 03/01/2027"),
    ({"state": "drafted", "deadline": None}, "Drafted, to be sent"),
    (
        {"state": "sent", "sent_on": date(2026, 11, 20), "sent_how": "fax", "sent_reference": "FX-77"},
        "Sent by fax on 11/20/2026, reference FX-77",
    ),
    (
        {
            "state": "sent",
            "sent_on": date(2026, 11, 20),
            "sent_how": "mail",
            "deadline": date(2026, 11, 14),
            "late_because": "The office was flooded",
        },
        "Sent by mail on 11/20/2026, 6 days after its deadline of 11/14/2026. Good cause: The office was flooded",
    ),
    (
        {"state": "drafted", "deadline": date(2026, 11, 14), "late_because": "The office was flooded"},
        "Drafted after its deadline of 11/14/2026, to be sent. Good cause: The office was flooded",
    ),
    (
        {"state": "dropped", "dropped_because": "The plan wants a corrected claim"},
        "Dropped: The plan wants a corrected",
    ),
]


def with_letter(house: House, **values: Any) -> tuple[dict[str, Any], str]:
    """A visit with an appeal in that state, and the address of the item that asks to send it."""
    ids = told_life(house)
    with practice_session(house.engine, house.practice_id) as session:
        letter = session.get_one(AppealRow, ids["appeal"])
        for name, value in values.items():
            setattr(letter, name, value)
        denial_id = letter.denial_id
    item = house.item(queue="denials", kind="appeal_to_send", encounter_id=ids["encounter"], denial_id=denial_id)
    return {**ids, "asked": item}, f"/queues/denials/{item}"


@pytest.mark.parametrize(("values", "words"), STATES)
def test_the_state_of_the_letter_stands_in_words_wherever_the_letter_does(
    house: House, browse: Browse, values: dict[str, Any], words: str
) -> None:
    ids, pane = with_letter(house, **values)
    for path in (pane, f"/encounters/{ids['encounter']}", f"/appeals/{ids['appeal']}"):
        assert words in browse(Role.BILLER).get(path).text, path


def test_the_item_offers_the_letter_and_what_may_be_noted_about_it(house: House, browse: Browse) -> None:
    ids, pane = with_letter(house, state="drafted", deadline=date(2027, 3, 1))
    shown = browse(Role.BILLER).get(pane).text
    assert f'href="/appeals/{ids["appeal"]}"' in shown
    assert "Dear payer" in shown
    for offered in ('data-decision="appeal_sent"', 'data-decision="appeal_dropped"', 'value="portal"', 'value="mail"'):
        assert offered in shown
    assert 'data-decision="write_off"' not in shown
    assert 'name="field.sent_on" type="date"' in shown
    assert "Confirmation or tracking number (optional)" in shown
    assert "Good cause (optional)" in shown


def test_day_and_way_are_asked_for_and_travel(house: House, browse: Browse, commands: Decided) -> None:
    ids, _ = with_letter(house, state="drafted")
    form = {"decision": "appeal_sent", "command_id": str(uuid4()), "version": "1", "field.sent_on": "2026-11-20"}
    browser, address = browse(Role.BILLER), f"/items/{ids['asked']}/decide"
    assert "needs more: sent how" in browser.post(address, data=form, headers=IN_PANE).text
    assert commands.asked == []
    given = {**form, "command_id": str(uuid4()), "field.sent_how": "fax", "field.sent_reference": "FX-77"}
    assert browser.post(address, data=given, headers=IN_PANE).status_code == 200
    [(_, decision)] = commands.asked
    assert decision.fields == {"sent_on": "2026-11-20", "sent_how": "fax", "sent_reference": "FX-77"}


def test_letters_of_one_day_are_noted_together_and_references_one_by_one(house: House, browse: Browse) -> None:
    ids, _ = with_letter(house, state="drafted")
    shown = browse(Role.BILLER).post("/many", data={"item": str(ids["asked"])}).text
    assert 'name="decide:appeal_sent.field.sent_on"' in shown
    assert '<option value="portal">' in shown
    assert "sent_reference" not in shown
