"""A late authorization frees held visits, renumbers unsent claims and prepares corrected ones, for one confirmation."""

from datetime import timedelta

from activities.late_authorizations import confirm, preview
from billing.late_authorization import Action
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationUseRow
from models.tables.practice import PracticeRow
from models.tables.remittances import DenialRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant, left, wanting
from tests.line import TODAY
from tests.posting.remittance import envelope
from tests.workflows.visits import Visit, sibling


def _visits(books: Books, member_id: str, count: int) -> list[Visit]:
    """Visits of one patient on days of their own, all held for want of authorization."""
    first = wanting(member_id)
    visits = [first, *(sibling(first) for _ in range(count - 1))]
    for number, one in enumerate(visits):
        one["date_of_service"] = str(TODAY - timedelta(days=count - number))
        one["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T00:30:00-06:00"
    books.send(*visits)
    for one in visits:
        assert books.gates(one["encounter_id"]).outcome == "held"
    return visits


def _bill_anyway(books: Books, visit: Visit) -> None:
    item = books.item(visit["encounter_id"])
    assert item is not None
    books.decide(item, "none_needed", fields={"reference": "none"})
    assert books.gates(visit["encounter_id"]).outcome == "clear"
    assert books.claims(visit["encounter_id"])[-1].prior_authorization_number is None


def _deny(books: Books, visit: Visit) -> None:
    """The payer answers with CO-197 and its own number of the claim."""
    claim = books.claims(visit["encounter_id"])[-1]
    books.set_claim(visit["encounter_id"], status="accepted")
    body = [
        "BPR*H*0*C*NON************20261120",
        "TRN*1*LATE197*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        f"CLP*{claim.patient_control_number}*1*{claim.total_charge}*0**12*PAYER-1*11*1",
        "NM1*QC*1*DOE*JANE",
        f"SVC*HC:97110:GP*{claim.total_charge}*0**1",
        f"CAS*CO*197*{claim.total_charge}",
    ]
    books.receive_file("late197.835", envelope("HP", "835", "005010X221A1", body, 90_001, "20261120").decode())
    [denial] = books.rows(DenialRow, DenialRow.claim_version_id == claim.id)
    assert denial.category == "authorization"


def test_what_a_late_authorization_changes_is_shown_and_confirmed_once(books: Books) -> None:
    held, ready, sent, denied, paid, beyond = visits = _visits(books, "LATEAUTH1", 6)
    for one in (ready, sent, denied, paid):
        _bill_anyway(books, one)
    books.set_claim(sent["encounter_id"], status="sent")
    books.set_claim(paid["encounter_id"], status="paid")
    _deny(books, denied)
    made = grant(books, held["patient"]["patient_id"], 5, number="LATE-5")
    with practice_session(books.engine, books.practice_id) as session:
        practice = session.get_one(PracticeRow, books.practice_id)
        found = preview(session, practice, made, books.now)
    assert found is not None
    assert [change.action for change in found.changes] == [
        Action.GOES_ON,
        Action.FILE_AGAIN,
        Action.CORRECT_AFTER_ANSWER,
        Action.CORRECT,
        Action.LINK,
        Action.BEYOND,
    ]
    assert [str(change.day) for change in found.changes] == [one["date_of_service"] for one in visits]
    assert left(books, made) == 5  # a preview writes nothing

    ids = [books.visit(one["encounter_id"]).id for one in visits]
    done = confirm(books.engine, books.practice_id, "Bea Biller", made, ids, books.now)
    assert [outcome.action for outcome in done] == [change.action for change in found.changes[:5]] + [None]
    for one in (held, ready, denied):
        assert books.gates(one["encounter_id"]).outcome == "clear"
        assert books.claims(one["encounter_id"])[-1].prior_authorization_number == "LATE-5"
    corrected = books.claims(denied["encounter_id"])[-1]
    assert (corrected.frequency_code, corrected.original_reference) == ("7", "PAYER-1")
    assert left(books, made) == 0
    again = confirm(books.engine, books.practice_id, "Bea Biller", made, ids, books.now)
    assert [outcome.action for outcome in again] == [None] * 6
    uses = books.rows(AuthorizationUseRow, AuthorizationUseRow.authorization_id == made)
    assert sum(use.quantity for use in uses) == 5
    assert {use.reason for use in uses} >= {"re-pointed", "visit billed"}
    assert books.gates(beyond["encounter_id"]).outcome == "held"


def test_a_number_that_comes_late_makes_the_claim_anew_without_counting_twice(books: Books) -> None:
    [visit] = _visits(books, "LATEAUTH2", 1)
    patient, number = visit["patient"]["patient_id"], visit["encounter_id"]
    made = grant(books, patient, 3, number="COMES-LATER", numbered="")
    assert books.gates(number).outcome == "held"
    item = books.item(number)
    assert item is not None
    assert item.findings[0]["code"] == "A7"
    books.decide(item, "none_needed", fields={"reference": "told by phone"})
    assert books.gates(number).outcome == "clear"
    assert left(books, made) == 2
    grant(books, patient, 3, number="COMES-LATER", version=2)
    [done] = confirm(books.engine, books.practice_id, "Bea Biller", made, [books.visit(number).id], books.now)
    assert done.action is Action.FILE_AGAIN
    assert books.gates(number).outcome == "clear"
    assert books.claims(number)[-1].prior_authorization_number == "COMES-LATER"
    assert left(books, made) == 2
