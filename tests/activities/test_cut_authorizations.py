"""An authorization voided or cut pulls back what was not sent, with the reason, and says what to do about the rest."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.authorization_intake import receive_authorizations
from activities.cut_authorizations import amend, foresee, lost
from billing.cut_authorization import OVERDRAWN, VOID, Fate
from billing.practice import AuthorizationRecord
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant, left, wanting
from tests.line import TODAY
from tests.workflows.visits import COMMERCIAL, Visit, sibling


def billed(books: Books, member_id: str, count: int, quantity: int) -> tuple[UUID, list[Visit]]:
    """Visits of one patient on days of their own, all ready under one authorization."""
    first = wanting(member_id)
    visits = [first, *(sibling(first) for _ in range(count - 1))]
    made = grant(books, first["patient"]["patient_id"], quantity, number=f"CUT-{member_id}")
    for number, one in enumerate(visits):
        one["date_of_service"] = str(TODAY - timedelta(days=count - number))
        one["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T00:30:00-06:00"
    books.send(*visits)
    for one in visits:
        assert books.gates(one["encounter_id"]).outcome == "clear"
    return made, visits


def wanted(books: Books, authorization_id: UUID, **changes: Any) -> dict[str, Any]:
    [row] = books.rows(AuthorizationRow, AuthorizationRow.id == authorization_id)
    usual = {
        "authorization_id": row.external_id,
        "version": row.version,
        "number": row.number,
        "patient": row.patient_external_id,
        "plan_id": COMMERCIAL,
        "disciplines": row.disciplines,
        "quantity": row.quantity,
        "effective_from": row.effective_from,
        "effective_to": row.effective_to,
    }
    return usual | changes


def change(books: Books, authorization_id: UUID, **changes: Any) -> list[tuple[str, Fate]]:
    """What a person's change loses, by its reason and fate."""
    record = AuthorizationRecord.model_validate(wanted(books, authorization_id, **changes))
    with practice_session(books.engine, books.practice_id) as session:
        practice = session.get_one(PracticeRow, books.practice_id)
        row = session.get_one(AuthorizationRow, authorization_id)
        seen = foresee(session, practice, row, record, books.now)
        done = amend(session, practice, row, record, books.now, actor="Bea Biller", reason="the payer called")
        assert done == seen, "what was shown is what was done"
        return [(one.reason, one.fate) for one in done]


def look(books: Books, visit: Visit) -> str:
    """What the nudged workflow does: the claim, and where it was pulled back the gates."""
    outcome = books.claim_look(visit["encounter_id"])
    return books.gates(visit["encounter_id"]).outcome if outcome == "to_gates" else outcome


def story(books: Books, visit: Visit) -> list[str]:
    with practice_session(books.engine, books.practice_id) as session:
        which = EventRow.encounter_id == books.visit(visit["encounter_id"]).id
        return [row.summary for row in session.query(EventRow).filter(which).order_by(EventRow.id)]


def test_voiding_pulls_back_what_was_not_sent_and_tells_what_to_do_about_the_rest(books: Books) -> None:
    made, [ready, sent, paid] = billed(books, "CUTVOID1", 3, 5)
    books.set_claim(sent["encounter_id"], status="sent")
    books.set_claim(paid["encounter_id"], status="paid")
    found = change(books, made, status="voided")
    assert found == [(VOID, Fate.PULLED_BACK), (VOID, Fate.WITH_THE_PAYER), (VOID, Fate.ANSWERED)]
    assert look(books, ready) == "held"
    item = books.item(ready["encounter_id"])
    assert item is not None
    assert (item.queue, item.findings[0]["code"]) == ("authorization", "A1")
    assert any("does not carry this visit any more: it was voided" in line for line in story(books, ready))
    assert books.claims(ready["encounter_id"])[-1].status == "refiling"
    assert any("The claim is out already" in line for line in story(books, sent))
    assert books.claims(sent["encounter_id"])[-1].status == "sent"
    [row] = books.rows(AuthorizationRow, AuthorizationRow.id == made)
    assert (row.status, row.version) == ("voided", 1)  # the sender's next version still counts
    grant(books, ready["patient"]["patient_id"], 5, number="CUTVOID1-NEXT")
    assert books.gates(ready["encounter_id"]).outcome == "clear"
    assert books.claims(ready["encounter_id"])[-1].prior_authorization_number == "CUTVOID1-NEXT"


def test_a_smaller_quantity_takes_the_latest_unsent_visits_back_and_keeps_the_others(books: Books) -> None:
    made, [first, second, third] = billed(books, "CUTLESS1", 3, 3)
    books.set_claim(third["encounter_id"], status="sent")
    assert change(books, made, quantity=2) == [(OVERDRAWN, Fate.PULLED_BACK)]
    assert [look(books, one) for one in (first, second)] == ["waiting", "held"]
    assert left(books, made) == 0
    with practice_session(books.engine, books.practice_id) as session:
        row = session.get_one(AuthorizationRow, made)
        assert lost(session, session.get_one(PracticeRow, books.practice_id), row, books.now) == ()
    change(books, made, quantity=3)
    assert books.gates(second["encounter_id"]).outcome == "clear"


def test_fewer_days_take_back_the_visits_outside_them(books: Books) -> None:
    made, [first, second] = billed(books, "CUTDAYS1", 2, 5)
    [(reason, fate)] = change(books, made, effective_to=TODAY - timedelta(days=2))
    assert (reason.startswith("no authorization was active"), fate) == (True, Fate.PULLED_BACK)
    assert [look(books, one) for one in (first, second)] == ["waiting", "held"]


@pytest.mark.parametrize(("changes", "fates"), [({"status": "voided"}, ["pulled_back", "with_the_payer"]), ({}, [])])
def test_an_integration_that_voids_is_told_which_visits_lose_it(
    books: Books, changes: dict[str, Any], fates: list[str]
) -> None:
    made, [_, sent] = billed(books, f"CUTAPI{len(changes)}", 2, 5)
    books.set_claim(sent["encounter_id"], status="accepted")
    payload = wanted(books, made, **changes) | {"version": 2, "quantity": "5"}
    payload |= {name: str(payload[name]) for name in ("effective_from", "effective_to")}
    [result] = receive_authorizations(books.engine, books.practice_id, "chart", [payload])
    assert (result.status, [one.fate for one in result.no_longer_carried]) == ("updated", fates)
    payload["version"] = 3
    receive_authorizations(books.engine, books.practice_id, "chart", [payload])
    assert sum("The claim is out already" in line for line in story(books, sent)) == len(changes)
