"""A payer that allows less than the contract is seen before the rest is written off for good."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest

from billing.payment import shortfall
from billing.practice import PlanTerms
from models.tables.claims import ClaimVersionRow
from models.tables.remittances import DenialRow
from tests.activities.conftest import Books
from tests.posting.remittance import envelope
from tests.workflows.visits import MEDICARE, PREFERRED, visit

_traces = count(1)


def filed(books: Books, plan: str = MEDICARE) -> tuple[str, ClaimVersionRow]:
    """A visit and its claim, which the payer has."""
    made = visit(f"1EG4TE5MK{uuid4().int % 90 + 10}", plan)
    books.send(made)
    number = str(made["encounter_id"])
    assert books.gates(number).outcome == "clear"
    books.set_claim(number, status="accepted")
    return number, books.claims(number)[0]


def expected(claim: ClaimVersionRow) -> tuple[Decimal, Decimal]:
    """What the plan and the patient should pay."""
    assert claim.expected_payment is not None
    return claim.expected_payment, Decimal(claim.coded["expected_patient"])


def answer(books: Books, claim: ClaimVersionRow, paid: Decimal, patient: Decimal, *, sign: int = 1) -> None:
    """A remittance of one line: what is neither paid nor the patient's is the contract's."""
    trace, charge, rest = next(_traces), sign * claim.total_charge, claim.total_charge - paid - patient
    status = "1" if sign > 0 else "22"
    bank = "ACH*CCP*01*999999992*DA*1*1512345678**01*999988880*DA*2*20261120"
    body = [
        f"BPR*I*{paid}*{'C' if sign > 0 else 'D'}*{bank}",
        f"TRN*1*SHORT{trace}*1512345678",
        "N1*PR*MEDICARE",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        f"CLP*{claim.patient_control_number}*{status}*{charge}*{sign * paid}*{sign * patient}*MB*ICN",
        "NM1*QC*1*DOE*JANE",
        f"SVC*HC:97110:GP*{charge}*{sign * paid}**1",
        f"CAS*CO*45*{sign * rest}",
        f"CAS*PR*2*{sign * patient}",
    ]
    content = envelope("HP", "835", "005010X221A1", body, 80_000 + trace, "20261120").decode()
    assert books.receive_file(f"short{trace}.835", content).open_items == 0


def test_less_than_the_contract_waits_for_a_person_until_it_is_accepted(books: Books) -> None:
    number, claim = filed(books)
    plan, patient = expected(claim)
    answer(books, claim, plan - 20, patient)
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert (item.queue, item.kind, item.amount) == ("follow_up", "underpayment", Decimal("20.00"))
    assert f"contract allows ${plan + patient}" in item.reason
    books.decide(item, "accept_payment")
    assert books.claim_look(number) == "adjudicated", "what the patient owes is asked for now"
    assert books.item(number) is None


def test_the_item_goes_when_the_payer_puts_it_right(books: Books) -> None:
    number, claim = filed(books)
    plan, patient = expected(claim)
    answer(books, claim, plan - 20, patient)
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    books.decide(item, "keep_waiting", fields={"until": f"{books.now.date() + timedelta(days=30)}"})
    assert books.claim_look(number) == "waiting"
    assert books.item(number) is None, "the payer was asked"
    answer(books, claim, plan - 20, patient, sign=-1)
    answer(books, claim, plan, patient)
    assert books.claim_look(number) == "adjudicated"
    assert books.item(number) is None


@pytest.mark.parametrize(("plan_cut", "patient_more"), [("5.00", "0"), ("30.00", "30.00"), ("-12.00", "0")])
def test_what_is_within_tolerance_or_the_deductible_or_more_is_nobodys_work(
    books: Books, plan_cut: str, patient_more: str
) -> None:
    number, claim = filed(books)
    plan, patient = expected(claim)
    answer(books, claim, plan - Decimal(plan_cut), patient + Decimal(patient_more))
    assert books.claim_look(number) == "adjudicated"
    assert books.item(number) is None


def test_a_plan_whose_amounts_are_not_on_file_is_not_compared(books: Books) -> None:
    number, claim = filed(books, PREFERRED)
    plan, patient = expected(claim)
    answer(books, claim, plan - 20, patient)
    assert books.claim_look(number) == "adjudicated"


def test_the_practice_sets_the_tolerance_of_each_plan() -> None:
    terms = PlanTerms.model_validate(
        {"effective_from": "2026-01-01", "allowed_amounts": {"97110": "30.00"}, "underpayment_tolerance": "1.00"}
    )
    hundred = Decimal(100)
    assert shortfall(terms, ["97110"], hundred, Decimal("98.99")) == Decimal("1.01")
    assert shortfall(terms, ["97110"], hundred, Decimal("99.00")) is None
    assert shortfall(terms, ["97110", "97140"], hundred, Decimal(0)) is None, "97140 is not in the contract"
    never = terms.model_copy(update={"underpayment_tolerance": None})
    assert shortfall(never, ["97110"], hundred, Decimal(0)) is None


def test_a_refusal_is_received_on_the_practices_day(books: Books) -> None:
    """Nine in the evening in Chicago is the next day in UTC; the time for an appeal runs from the evening's."""
    number, claim = filed(books, PREFERRED)
    books.now = datetime(2026, 11, 23, 3, tzinfo=UTC)
    body = [
        "BPR*H*0*C*NON************20261120",
        "TRN*1*REFUSED*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        f"CLP*{claim.patient_control_number}*1*{claim.total_charge}*0**12*ICN9*11*1",
        "NM1*QC*1*DOE*JANE",
        f"SVC*HC:97110:GP*{claim.total_charge}*0**1",
        f"CAS*CO*197*{claim.total_charge}",
    ]
    books.receive_file("refused.835", envelope("HP", "835", "005010X221A1", body, 90_000, "20261120").decode())
    [denial] = books.rows(DenialRow)
    terms = PlanTerms(effective_from=datetime(2026, 1, 1, tzinfo=UTC).date())
    assert denial.appeal_deadline == datetime(2026, 11, 22, tzinfo=UTC).date() + timedelta(days=terms.appeal_days)
    assert books.claims(number)[0].answered_at == books.now
