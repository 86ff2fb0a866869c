"""Later plans: billed by themselves with what was decided before, waited for after a crossover, posted once."""

from decimal import Decimal
from uuid import uuid4

import pytest

from models.store import ledger
from models.tables.claims import ClaimVersionRow
from models.tables.remittances import DenialRow
from tests.activities.conftest import Books
from tests.activities.later_plans import (
    answer,
    filed,
    first_pays,
    later,
    later_by,
    lines_of,
    receivables,
    sent,
    set_status,
    terms_of,
    today,
    visit_of,
)
from tests.workflows.visits import COMMERCIAL, MEDICARE, MILITARY, visit


def test_the_second_plan_is_billed_by_itself_with_what_the_first_decided(books: Books) -> None:
    first = filed(books)
    number = first_pays(books, first)
    assert books.claim_look(number) == "waiting"
    assert books.item(number) is None
    assert books.visit(number).stage == "submission"
    assert receivables(books, number) == (0, 20, 0)
    second = later(books, number)
    assert second.patient_control_number != first.patient_control_number
    claim = sent(books, second)
    assert claim.subscriber.payer_responsibility == "S"
    assert claim.charge == first.total_charge
    assert claim.prior_authorization_number == "", "an authorization is the first plan's"
    [other] = claim.other_payers
    assert (other.payer_responsibility, other.payer_claim_control_number) == ("P", "FIRST")
    assert other.paid_amount == first.total_charge - 30
    lines = lines_of(first)
    assert [line.line_number for line in other.lines] == [*range(1, len(lines) + 1)]
    told = [(a.group_code, a.reason_code, a.amount) for a in other.lines[0].adjustments]
    assert told == [("CO", "45", Decimal(10)), ("PR", "2", Decimal(20))]
    assert other.lines[0].paid == lines[0][1] - 30
    assert [line.remaining_patient_liability for line in other.lines] == [20, *[0] * (len(lines) - 1)]
    assert {str(line.adjudication_date) for line in other.lines} == {str(today(books))}


def test_the_first_plans_claim_names_the_second_without_a_decision(books: Books) -> None:
    made = visit(f"FIRST{uuid4().hex[:8].upper()}")
    made["administrative"]["coverages"].append({"plan_id": MILITARY, "rank": 2, "member_id": "BEHIND1"})
    books.send(made)
    books.gates(str(made["encounter_id"]))
    claim = sent(books, books.claims(str(made["encounter_id"]))[0])
    [other] = claim.other_payers
    assert (other.payer_responsibility, other.member_id, other.paid_amount, other.lines) == ("S", "BEHIND1", None, ())


def test_without_a_second_plan_the_patient_is_billed_at_once(books: Books) -> None:
    number = first_pays(books, filed(books, second=None))
    assert books.claim_look(number) == "adjudicated"
    assert books.item(number) is None
    assert books.visit(number).stage == "patient_balance"


def test_nothing_is_asked_of_a_second_plan_when_nothing_is_left(books: Books) -> None:
    claim = filed(books)
    answer(books, claim, cas="CO*45*10")
    assert books.claim_look(visit_of(books, claim)) == "closed"


def billed(books: Books) -> tuple[str, ClaimVersionRow]:
    """The second plan has its claim."""
    number = first_pays(books, filed(books))
    books.claim_look(number)
    second = later(books, number)
    set_status(books, second, "accepted")
    return number, second


def test_the_second_plan_pays_its_part_and_the_visit_closes(books: Books) -> None:
    number, second = billed(books)
    charge = second.total_charge
    answer(books, second, cas=f"OA*23*{charge - 20}", status="2", payer_number="SECOND")
    assert receivables(books, number) == (0, 0, 0)
    assert books.claim_look(number) == "closed"
    assert books.visit(number).closed_as == "paid"
    assert books.ledger_total() == 0


def test_what_the_first_plan_adjusted_by_contract_is_not_adjusted_twice(books: Books) -> None:
    number, second = billed(books)
    rest = second.total_charge - 40 - 15 - 2
    answer(books, second, cas=f"CO*45*40~OA*23*{rest}~PR*3*2", status="2")
    assert receivables(books, number) == (0, 0, 2), "15 paid, 2 the patient's, of 40 by contract only the 3 at stake"
    assert books.balance(number, ledger.CONTRACTUAL_ADJUSTMENT) == 13
    books.claim_look(number)
    assert books.visit(number).stage == "patient_balance"
    assert books.ledger_total() == 0


def test_the_patient_is_never_asked_for_more_than_was_left(books: Books) -> None:
    number, second = billed(books)
    answer(books, second, cas=f"PR*1*{second.total_charge}", status="2")
    assert receivables(books, number) == (0, 0, 20)


def test_what_the_second_plan_leaves_unexplained_is_a_persons_to_decide(books: Books) -> None:
    number, second = billed(books)
    answer(books, second, cas=f"OA*23*{second.total_charge - 15}", status="2")
    assert receivables(books, number) == (0, 5, 0)
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert (item.kind, "$5.00 unexplained" in item.reason) == ("secondary_coverage", True)
    assert "has answered" in books.refusal(item, "file_next_plan")
    books.decide(item, "patient_owes")
    assert receivables(books, number) == (0, 0, 5)
    assert books.claim_look(number) == "adjudicated"
    assert books.visit(number).stage == "patient_balance"


def test_a_reversal_of_the_second_plan_takes_back_what_it_moved(books: Books) -> None:
    number, second = billed(books)
    charge = second.total_charge
    answer(books, second, cas=f"OA*23*{charge - 20}~PR*2*5", status="2", payer_number="SECOND")
    assert receivables(books, number) == (0, 0, 5)
    answer(books, second, cas=f"OA*23*{charge - 20}~PR*2*5", status="22", payer_number="SECOND")
    assert receivables(books, number) == (0, 20, 0)
    assert books.claim_look(number) == "waiting"
    answer(books, second, cas=f"OA*23*{charge - 20}", status="2", payer_number="SECOND")
    assert receivables(books, number) == (0, 0, 0)
    assert books.claim_look(number) == "closed"
    assert books.ledger_total() == 0


def test_a_denial_of_the_second_plan_is_a_denial_of_its_part(books: Books) -> None:
    number, second = billed(books)
    answer(books, second, cas=f"CO*197*{second.total_charge}", status="2")
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert (item.queue, item.amount) == ("denials", Decimal(20))
    [denial] = books.rows(DenialRow, DenialRow.claim_version_id == second.id)
    assert (denial.reason, denial.amount) == ("CO-197", Decimal(20))
    books.decide(item, "write_off")
    assert receivables(books, number) == (0, 0, 0)
    assert books.claim_look(number) == "closed"
    assert books.balance(number, ledger.WRITE_OFF) == 20


def test_a_denied_second_claim_is_corrected_with_its_own_number(books: Books) -> None:
    number, second = billed(books)
    answer(books, second, cas=f"CO*31*{second.total_charge}", status="2", payer_number="SECOND")
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    message = books.refusal(item, "correct", fields={"diagnosis_code": "M54.50"})
    assert "only the member id" in message
    books.decide(item, "correct", fields={"member_id": "RIGHT123"})
    assert books.claim_look(number) == "waiting"
    again = later(books, number)
    assert (again.version, again.frequency_code, again.original_reference) == (2, "7", "SECOND")
    claim = sent(books, again)
    assert (claim.subscriber.member_id, claim.frequency_code, claim.original_claim_number) == (
        "RIGHT123",
        "7",
        "SECOND",
    )
    assert claim.other_payers[0].member_id != "RIGHT123", "the first plan's member id stays as it was"
    assert receivables(books, number) == (0, 20, 0)


def test_a_rejected_second_claim_is_filed_again_as_itself(books: Books) -> None:
    number, second = billed(books)
    set_status(books, second, "rejected")
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    assert item.queue == "rejections"
    books.decide(item, "resubmit")
    assert books.claim_look(number) == "waiting"
    again = later(books, number)
    assert (again.version, again.frequency_code, again.status) == (2, "1", "ready")
    assert receivables(books, number) == (0, 20, 0)


@pytest.mark.parametrize(
    "how",
    [
        {"status": "19"},
        {"extra": "MOA***MA18"},
        {"extra": "MOA***N89"},
        {"extra": "NM1*TT*2*OTHER PLAN*****PI*99999"},
    ],
    ids=str,
)
def test_what_the_first_plan_passed_on_is_waited_for_and_not_sent(books: Books, how: dict[str, str]) -> None:
    number = first_pays(books, filed(books), **how)
    assert books.claim_look(number) == "waiting"
    assert books.item(number) is None
    second = later(books, number)
    assert (second.status, second.batch_id) == ("forwarded", None)
    assert receivables(books, number) == (0, 20, 0)


def test_a_crossover_that_stays_unanswered_comes_to_a_person_who_may_file_it(books: Books) -> None:
    number = first_pays(books, filed(books), status="19")
    books.claim_look(number)
    with later_by(books, 31):
        assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert "passed the claim on" in item.reason
    books.decide(item, "file_next_plan")
    assert books.claim_look(number) == "waiting"
    assert sent(books, later(books, number)).subscriber.payer_responsibility == "S"


def test_a_crossover_answers_under_the_first_plans_number(books: Books) -> None:
    first = filed(books)
    number = first_pays(books, first, status="19")
    answer(books, first, cas=f"OA*23*{first.total_charge - 20}", status="2", payer_number="SECOND")
    assert receivables(books, number) == (0, 0, 0), "also when it comes before anybody looked at the first answer"
    assert books.claims(number)[0].status == "paid"
    assert later(books, number).status == "paid"
    assert books.claim_look(number) == "closed"
    answer(books, first, cas=f"OA*23*{first.total_charge - 20}", status="22", payer_number="SECOND")
    assert receivables(books, number) == (0, 20, 0)
    assert later(books, number).status == "accepted"


def test_a_person_says_that_the_patient_owes_it(books: Books) -> None:
    number = first_pays(books, filed(books), status="19")
    books.claim_look(number)
    with later_by(books, 31):
        books.claim_look(number)
    item = books.item(number)
    assert item is not None
    books.decide(item, "patient_owes")
    assert receivables(books, number) == (0, 0, 20)
    assert books.claim_look(number) == "adjudicated"
    assert books.item(number) is None
    assert books.visit(number).stage == "patient_balance"
    second = later(books, number)
    answer(books, second, cas=f"OA*23*{second.total_charge - 20}", status="2")
    assert receivables(books, number) == (0, 0, 0), "it answered after all"


@pytest.mark.parametrize(
    ("change", "words"),
    [({"secondary_accepts_electronic": False}, "no electronic claims"), ({"crossover": True}, None)],
    ids=["paper", "crossover"],
)
def test_the_second_plans_terms_say_how_it_is_billed(books: Books, change: dict[str, bool], words: str | None) -> None:
    with terms_of(books, MILITARY, change):
        number = first_pays(books, filed(books))
        books.claim_look(number)
        item = books.item(number)
        if words is None:
            assert item is None
            assert later(books, number).status == "forwarded"
            return
        assert item is not None
        assert words in item.reason
        assert words in books.refusal(item, "file_next_plan")
    assert books.decide(item, "file_next_plan")
    books.balance_look(number)
    assert later(books, number).status == "ready"


def test_medicare_behind_another_plan_needs_a_reason(books: Books) -> None:
    number = first_pays(books, filed(books, second=MEDICARE))
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    assert "why Medicare does not pay first" in item.reason


def test_an_answer_whose_lines_cannot_be_told_is_a_persons_work(books: Books) -> None:
    claim = filed(books)
    answer(books, claim, cas="CO*45*10~PR*2*20", lost_lines=True)
    number = visit_of(books, claim)
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    assert "which of our lines" in item.reason
    assert item.findings[0]["evidence"]["left to the patient"] == "PR-2 $20.00"


def test_the_first_plan_decides_again_before_the_second_claim_left(books: Books) -> None:
    first = filed(books)
    number = first_pays(books, first)
    books.claim_look(number)
    answer(books, first, cas="CO*45*10~PR*2*20", status="22", payer_number="FIRST")
    assert books.claim_look(number) == "waiting"
    assert later(books, number).status == "withdrawn"
    answer(books, first, cas="CO*45*10~PR*2*30", payer_number="FIRST")
    assert books.claim_look(number) == "waiting"
    assert receivables(books, number) == (0, 30, 0)
    assert sent(books, later(books, number)).other_payers[0].paid_amount == first.total_charge - 40
    assert books.ledger_total() == 0


def test_the_first_plan_decides_again_after_the_second_was_billed(books: Books) -> None:
    first = filed(books)
    number = first_pays(books, first)
    books.claim_look(number)
    second = later(books, number)
    set_status(books, second, "accepted")
    answer(books, second, cas=f"OA*23*{first.total_charge - 20}", status="2", payer_number="SECOND")
    assert books.claim_look(number) == "closed"
    answer(books, first, cas="CO*45*10~PR*2*20", status="22", payer_number="FIRST")
    answer(books, first, cas="CO*45*10~PR*2*30", payer_number="FIRST")
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert (item.kind, item.amount) == ("secondary_outdated", Decimal(30))
    books.decide(item, "correct_claim")
    assert books.claim_look(number) == "waiting"
    again = later(books, number)
    assert (again.frequency_code, again.original_reference) == ("7", "SECOND")
    assert receivables(books, number) == (0, 10, 0), "20 were paid already"


def test_a_person_keeps_the_second_claim_as_it_was_sent(books: Books) -> None:
    first = filed(books)
    number = first_pays(books, first)
    books.claim_look(number)
    second = later(books, number)
    answer(books, second, cas=f"OA*23*{first.total_charge - 20}", status="2", payer_number="SECOND")
    answer(books, first, cas="CO*45*10~PR*2*20", status="22", payer_number="FIRST")
    answer(books, first, cas="CO*45*10~PR*2*30", payer_number="FIRST")
    books.claim_look(number)
    item = books.item(number)
    assert item is not None
    books.decide(item, "keep_claim")
    assert books.claim_look(number) == "adjudicated"
    assert receivables(books, number) == (0, 0, 10)
    assert len(books.claims(number)) == 2


def test_a_third_plan_is_told_what_both_before_it_decided(books: Books) -> None:
    number = first_pays(books, filed(books, third=COMMERCIAL))
    books.claim_look(number)
    second = later(books, number)
    set_status(books, second, "accepted")
    answer(books, second, cas=f"OA*23*{second.total_charge - 20}~PR*3*8", status="2", payer_number="SECOND")
    assert books.claim_look(number) == "waiting"
    third = later(books, number, 3)
    claim = sent(books, third)
    assert claim.subscriber.payer_responsibility == "T"
    assert [(other.payer_responsibility, len(other.lines) > 0) for other in claim.other_payers] == [
        ("P", True),
        ("S", True),
    ]
    answer(books, third, cas=f"OA*23*{third.total_charge - 8}", status="3")
    assert books.claim_look(number) == "closed"
    assert books.ledger_total() == 0
