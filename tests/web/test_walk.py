"""A visit's film shows what happened, on which account the days ran, the bytes and the money; a meeting picks cases."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from billing.vocabulary import Role
from models.store import ledger
from models.store.life import record
from models.store.session import practice_session
from tests.web.conftest import Browse, House
from tests.web.told_life import told_life


def lived(house: House) -> str:
    """The visit that has been through everything, with a life story and a charge."""
    encounter = told_life(house)["encounter"]
    now = datetime.now(UTC)
    story = (
        (30, "hold.opened", "Documentation hold: nobody signed", "Firstpass"),
        (27, "item.asked", "Ana Ruiz asked the clinician (Lindqvist)", "Ana Ruiz"),
        (25, "hold.cleared", "Documentation hold cleared: the re-check passed", "Firstpass"),
        (24, "claim.sent", "Sent in 000000007.837", "Firstpass"),
        (4, "claim.denied", "Denied CO-197", "Firstpass"),
    )
    with practice_session(house.engine, house.practice_id) as session:
        for days, kind, said, actor in story:
            at = now - timedelta(days=days)
            record(session, house.practice_id, kind, said, encounter_id=encounter, actor=actor, at=at)
        legs = [(ledger.PAYER_RECEIVABLE, Decimal(214)), (ledger.REVENUE, Decimal(-214))]
        ledger.post(session, house.practice_id, "walk", "charge", now.date(), legs, encounter_id=encounter)
    return str(encounter)


def test_the_film_says_who_was_waited_for_and_what_was_sent_and_owed(house: House, browse: Browse) -> None:
    encounter = lived(house)
    page = browse(Role.BILLER).get(f"/encounters/{encounter}/walk").text
    assert "20 d for the payer" in page
    assert "2 d for the clinician" in page
    assert "000000007.837" in page
    assert "abababababab" in page
    assert "payer +$214.00" in page
    assert "then the payer owes $214.00, the patient $0.00" in page
    assert f'href="/encounters/{encounter}/walk"' in browse(Role.BILLER).get(f"/encounters/{encounter}").text


def test_the_front_desk_is_shown_no_door_to_files_and_a_clinician_only_own_visits(house: House, browse: Browse) -> None:
    encounter = lived(house)
    page = browse(Role.FRONT_DESK).get(f"/encounters/{encounter}/walk").text
    assert "000000007.837" in page
    assert 'href="/batches/' not in page
    own = browse(Role.CLINICIAN).get(f"/encounters/{encounter}/walk").status_code
    assert own == browse(Role.CLINICIAN).get(f"/encounters/{encounter}").status_code


def test_a_meeting_shows_the_worst_and_the_same_random_ones_to_everybody(house: House, browse: Browse) -> None:
    encounter = lived(house)
    for number in range(6):
        house.encounter(f"CH-3{number}")
    where = "/meeting?from=2026-01-01&to=2027-12-31&worst=1&random=2&by="
    page = browse(Role.SUPERVISOR).get(f"{where}dollars").text
    assert page.count('class="meeting-case') == 3
    assert f"/encounters/{encounter}/walk" in page
    assert re.search(r"Worst: \$[0-9.]+ not paid", page)
    again = browse(Role.AUDITOR).get(f"{where}dollars").text
    assert [line for line in again.splitlines() if "/walk" in line] == [
        line for line in page.splitlines() if "/walk" in line
    ]
    assert "acts by people" in browse(Role.SUPERVISOR).get(f"{where}touches").text
    assert "days on the way" in browse(Role.SUPERVISOR).get(f"{where}days").text
    assert "No visit in that period" in browse(Role.SUPERVISOR).get("/meeting?from=2020-01-01&to=2020-02-01").text
    assert browse(Role.BILLER).get("/meeting").status_code == 403
