"""A second plan comes before the patient: waited for where the first passed the claim on, else a biller's work."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest

from models.store import ledger
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import DenialRow
from tests.activities.conftest import Books
from tests.posting.remittance import envelope
from tests.workflows.visits import MILITARY, PREFERRED, visit

_traces = count(1)


def filed(books: Books, *, second: bool = True) -> ClaimVersionRow:
    """A visit's claim at the first plan; the patient has a second one."""
    made = visit(f"FIRST{uuid4().hex[:8].upper()}")
    assert made["administrative"]["coverages"][0]["plan_id"] == PREFERRED
    if second:
        made["administrative"]["coverages"].append({"plan_id": MILITARY, "rank": 2, "member_id": "SECOND123"})
    books.send(made)
    number = str(made["encounter_id"])
    assert books.gates(number).outcome == "clear"
    books.set_claim(number, status="accepted")
    return books.claims(number)[0]


def visit_of(books: Books, claim: ClaimVersionRow) -> str:
    [row] = books.rows(EncounterRow, EncounterRow.id == claim.encounter_id)
    return row.external_id


def answer(
    books: Books,
    claim: ClaimVersionRow,
    paid: Decimal,
    cas: str,
    status: str = "1",
    payer_number: str = "FIRST",
    extra: str = "",
) -> None:
    """A remittance for one claim with one line."""
    trace, sign = next(_traces), -1 if status == "22" else 1
    charge, share = claim.total_charge * sign, "20" if "PR" in cas else "0"
    bank = "ACH*CCP*01*999999992*DA*1*1512345678**01*999988880*DA*2*20261120"
    body = [
        f"BPR*I*{abs(paid)}*{'C' if paid >= 0 else 'D'}*{bank}",
        f"TRN*1*SECOND{trace}*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        f"CLP*{claim.patient_control_number}*{status}*{charge}*{paid}*{share}*12*{payer_number}*11*1",
        "NM1*QC*1*DOE*JANE",
        *([extra] if extra else []),
        f"SVC*HC:97110:GP*{charge}*{paid}**1",
        *(cas.split("~") if cas else []),
    ]
    content = envelope("HP", "835", "005010X221A1", body, 70_000 + trace, "20261120").decode()
    assert books.receive_file(f"second{trace}.835", content).open_items == 0


def first_pays(books: Books, claim: ClaimVersionRow, **how: str) -> str:
    """The first plan pays all but the contract's 10 and the patient's 20 dollars."""
    answer(books, claim, claim.total_charge - 30, "CAS*CO*45*10~CAS*PR*2*20", **how)
    return visit_of(books, claim)


def test_the_second_plan_is_billed_before_the_patient(books: Books) -> None:
    number = first_pays(books, filed(books))
    assert books.claim_look(number) == "adjudicated"
    item = books.item(number)
    assert item is not None
    assert (item.queue, item.kind, item.amount) == ("follow_up", "secondary_coverage", Decimal("20.00"))
    assert "member SECOND123" in item.findings[0]["evidence"]["second plan"]
    assert item.findings[0]["evidence"]["left to the patient"] == "PR-2 $20.00"
    assert books.balance_look(number) == "waiting"
    assert books.refusal(item, "resubmit")
    assert books.refusal(item, "write_off")


def test_without_a_second_plan_the_patient_is_billed_at_once(books: Books) -> None:
    number = first_pays(books, filed(books, second=False))
    assert books.claim_look(number) == "adjudicated"
    assert books.item(number) is None
    assert books.visit(number).stage == "patient_balance"


def test_a_person_says_that_the_patient_owes_it(books: Books) -> None:
    number = first_pays(books, filed(books))
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    books.decide(item, "patient_owes")
    assert books.balance_look(number) == "waiting"
    assert books.item(number) is None
    assert books.visit(number).stage == "patient_balance"


def test_a_person_may_wait_for_the_second_plan(books: Books) -> None:
    number = first_pays(books, filed(books))
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    books.decide(item, "keep_waiting", fields={"until": str((books.now + timedelta(days=20)).date())})
    assert books.balance_look(number) == "waiting"
    assert books.item(number) is None
    assert books.visit(number).stage == "remittance"


@pytest.mark.parametrize(
    "how", [{"status": "19"}, {"extra": "MOA***MA18"}, {"extra": "NM1*TT*2*OTHER PLAN*****PI*99999"}], ids=str
)
def test_what_the_first_plan_passed_on_is_waited_for(books: Books, how: dict[str, str]) -> None:
    number = first_pays(books, filed(books), **how)
    assert books.claim_look(number) == "adjudicated"
    assert books.item(number) is None
    later = books.now
    books.now += timedelta(days=31)
    try:
        assert books.balance_look(number) == "waiting"
    finally:
        books.now = later
    item = books.item(number)
    assert item is not None
    assert "passed the claim on" in item.reason


def test_the_second_plans_payment_is_the_patients_relief(books: Books) -> None:
    claim = filed(books)
    number = first_pays(books, claim)
    books.claim_look(number)
    answer(books, claim, Decimal("15.00"), f"CAS*OA*23*{claim.total_charge - 15}", "2", "SECONDS")
    assert books.balance(number, ledger.PATIENT_RECEIVABLE) == 5
    assert books.balance(number, ledger.PAYER_RECEIVABLE) == 0
    assert books.rows(DenialRow, DenialRow.encounter_id == claim.encounter_id) == []
    assert books.claims(number)[0].status == "paid"
    assert books.balance_look(number) == "waiting"
    assert books.item(number) is None, "the rest is the patient's"
    answer(books, claim, Decimal("-15.00"), f"CAS*OA*23*{15 - claim.total_charge}", "22", "SECONDS")
    assert books.balance(number, ledger.PATIENT_RECEIVABLE) == 20
    answer(books, claim, Decimal("20.00"), f"CAS*OA*23*{claim.total_charge - 20}", "2", "SECONDS")
    assert books.balance_look(number) == "settled"
    assert books.ledger_total() == 0
