"""A closed visit is not forgotten: money and facts that come later open it again."""

from decimal import Decimal
from typing import Any

from activities.patient_payments import receive_payments
from models.store import ledger
from models.store.session import practice_session
from models.tables.remittances import DenialRow, InboundFileRow, RemittanceClaimRow, RemittanceRow
from tests.activities.conftest import Books
from tests.line import TODAY
from tests.workflows.visits import newer, unsigned, visit


def closed(books: Books, member_id: str) -> str:
    """A visit closed as not billable."""
    made = visit(member_id)
    number = str(made["encounter_id"])
    books.send(unsigned(made))
    books.gates(number)
    item = books.item(number)
    assert item is not None
    books.decide(item, "not_billable")
    assert books.gates(number).outcome == "closed"
    return number


def pay(books: Books, number: str, amount: str) -> list[Any]:
    payment = {"payment_id": f"PAY-{number}", "encounter_id": number, "amount": amount, "received_on": str(TODAY)}
    return receive_payments(books.engine, books.practice_id, "test", [payment])


def paid(books: Books, member_id: str) -> str:
    """A visit whose payer paid everything, closed."""
    made = visit(member_id)
    number = str(made["encounter_id"])
    books.send(made)
    books.gates(number)
    item_free = books.item(number)
    assert item_free is None
    books.set_claim(number, status="rejected")
    with practice_session(books.engine, books.practice_id) as session:
        row = books.visit(number)
        owed = ledger.balance(session, row.id, ledger.PAYER_RECEIVABLE)
        legs = [(ledger.CASH, owed), (ledger.PAYER_RECEIVABLE, -owed)]
        ledger.post(session, books.practice_id, f"paid/{number}", "remittance", TODAY, legs, encounter_id=row.id)
    books.set_claim(number, status="paid")
    if books.claim_look(number) == "adjudicated":
        assert books.balance_look(number) == "settled"
    assert books.visit(number).closed_as == "paid"
    return number


def test_money_for_a_paid_visit_opens_it_so_that_it_can_be_returned(books: Books) -> None:
    number = paid(books, "CLOSEDPAID")
    assert pay(books, number, "20.00")[0].status == "posted"
    row = books.visit(number)
    assert (row.closed_at, row.life) == (None, 2)
    assert books.gates(number).outcome not in ("held", "closed")
    assert books.claim_look(number) != "closed"
    assert books.balance_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert (item.kind, item.amount) == ("credit_balance", Decimal("20.00"))
    books.decide(item, "refund")
    assert books.balance_look(number) == "settled"
    assert books.balance(number, "patient_receivable") == 0


def test_money_for_a_visit_that_is_not_billable_bills_nothing(books: Books) -> None:
    number = closed(books, "CLOSEDNOT1")
    pay(books, number, "15.00")
    books.gates(number)
    assert books.claims(number) == []


def test_a_newer_chart_opens_a_visit_that_was_not_billable(books: Books) -> None:
    number = closed(books, "CLOSEDNEW1")
    made = visit("CLOSEDNEW1")
    made |= {"encounter_id": number, "patient": books.visit(number).facts["patient"]}
    books.send(newer(made))
    row = books.visit(number)
    assert (row.closed_at, row.disposition, row.life) == (None, None, 2)
    assert books.gates(number).outcome == "clear"


def test_correcting_the_claim_after_a_denial_decides_the_denial(books: Books) -> None:
    made = visit("CLOSEDDEN1")
    number = made["encounter_id"]
    books.send(made)
    books.gates(number)
    claim = books.claims(number)[0]
    row = books.visit(number)
    with practice_session(books.engine, books.practice_id) as session:
        file = InboundFileRow(
            practice_id=books.practice_id, connection="c", file_name="f", content=b"", size_bytes=0, sha256="0",
            kind="835", status="read",
        )  # fmt: skip
        session.add(file)
        session.flush()
        remittance = RemittanceRow(
            practice_id=books.practice_id, inbound_file_id=file.id, ordinal=1, business_key="k", payer_name="P",
            payer_identifier="P", trace_number="T", payment_method="NON", payment_amount=0, claim_count=1,
            balanced=True, status="posted",
        )  # fmt: skip
        session.add(remittance)
        session.flush()
        answer = RemittanceClaimRow(
            practice_id=books.practice_id, remittance_id=remittance.id, ordinal=1, patient_control_number="x",
            payer_claim_control_number="", status_code="4", charge=1, paid=0, patient_responsibility=0, content={},
            status="posted",
        )  # fmt: skip
        session.add(answer)
        session.flush()
        session.add(
            DenialRow(
                practice_id=books.practice_id,
                encounter_id=row.id,
                claim_version_id=claim.id,
                remittance_claim_id=answer.id,
                category="coding",
                reason="CO-4",
                remark_codes=[],
                amount=1,
                explanation="",
                decisions=["correct"],
                patient_may_be_billed=False,
                state="open",
            )
        )
    books.set_claim(number, status="denied")
    books.send(newer(made, lambda later: later["clinical"]["diagnoses"].append({"code": "M25.561", "rank": 9})))
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    assert item.kind == "chart_changed_after_billing"
    books.decide(item, "correct_claim")
    [denial] = books.rows(DenialRow, DenialRow.encounter_id == row.id)
    assert denial.state == "corrected"
