"""A visit is cancelled after its claim left: a person has it voided, once, and it closes as cancelled."""

from typing import Any

from models.store import ledger
from models.tables.authorizations import AuthorizationUseRow
from models.tables.claims import BatchRow
from tests.line import Line
from tests.workflows.visits import MEDICARE, MILITARY, PREFERRED, Visit, newer, visit

WORLD = {
    "payers": {"DLANT": {"patient_share": 1}},
    "scripted": {"VOIDREFUSED": ["paid", "rejected:A7:164", "paid"]},
}
ACCOUNTS = (ledger.PAYER_RECEIVABLE, ledger.PATIENT_RECEIVABLE, ledger.REVENUE, ledger.CASH)


def cancelled(made: Visit) -> Any:
    made["cancelled"] = True


async def paid(clinic: Line, made: Visit) -> str:
    """A visit whose plans have answered."""
    clinic.send(made)
    number = str(made["encounter_id"])
    await clinic.until(lambda: clinic.visit(number).stage in ("patient_balance", "closed"))
    return number


async def test_a_paid_claim_is_voided_once_and_the_visit_closes_as_cancelled(clinic: Line) -> None:
    made = visit("VOIDPAID")
    number = await paid(clinic, made)
    clinic.send(newer(made, cancelled))
    item = await clinic.until_item(number, "scrub")
    assert (item.kind, "was cancelled after" in item.reason) == ("cancelled_after_billing", True)
    assert "does not fit" in await clinic.refusal(item, "correct_claim")
    await clinic.decide(item, "void_claim")
    row = await clinic.until_stage(number, "closed")
    first, void = clinic.claims(number)
    assert (row.closed_as, void.frequency_code, void.status) == ("cancelled", "8", "voided")
    assert void.original_reference
    assert void.patient_control_number != first.patient_control_number
    assert [clinic.balance(number, account) for account in ACCOUNTS] == [0, 0, 0, 0]
    assert clinic.ledger_is_balanced()
    [batch] = clinic.rows(BatchRow, BatchRow.id == void.batch_id)
    assert (batch.claim_count, f"REF*F8*{void.original_reference}" in batch.content.decode()) == (1, True)
    assert clinic.rows(AuthorizationUseRow, AuthorizationUseRow.encounter_id == row.id) == []


async def test_a_void_refused_on_receipt_is_sent_again_as_a_void(clinic: Line) -> None:
    made = visit("VOIDREFUSED")
    number = await paid(clinic, made)
    clinic.send(newer(made, cancelled))
    await clinic.decide(await clinic.until_item(number, "scrub"), "void_claim")
    item = await clinic.until_item(number, "rejections")
    assert "asks for no money" in await clinic.refusal(item, "write_off")
    await clinic.decide(item, "resubmit")
    row = await clinic.until_stage(number, "closed")
    filings = clinic.claims(number)
    assert [one.frequency_code for one in filings] == ["1", "8", "8"]
    assert filings[1].original_reference == filings[2].original_reference
    assert row.closed_as == "cancelled"


async def test_both_plans_claims_are_voided(clinic: Line) -> None:
    made = visit("VOIDFIRST")
    made["administrative"]["coverages"].append({"plan_id": MILITARY, "rank": 2, "member_id": "VOIDSECOND"})
    number = await paid(clinic, made)
    await clinic.until_stage(number, "closed")
    clinic.send(newer(made, cancelled))
    await clinic.decide(await clinic.until_item(number, "scrub"), "void_claim")
    row = await clinic.until_stage(number, "closed")
    assert row.closed_as == "cancelled"
    assert sorted(one.frequency_code for one in clinic.claims(number)) == ["1", "1", "8", "8"]
    assert [clinic.balance(number, account) for account in ACCOUNTS] == [0, 0, 0, 0]
    assert clinic.ledger_is_balanced()


async def test_what_the_patient_paid_is_returned_before_a_voided_visit_closes(clinic: Line) -> None:
    made = visit("VOIDDESK")
    made["administrative"]["patient_paid"] = "5.00"
    number = await paid(clinic, made)
    clinic.send(newer(made, cancelled))
    await clinic.decide(await clinic.until_item(number, "scrub"), "void_claim")
    item = await clinic.until_item(number, "patient_balance")
    assert item.kind == "credit_balance"
    await clinic.decide(item, "refund")
    row = await clinic.until_stage(number, "closed")
    assert row.closed_as == "cancelled"
    assert [clinic.balance(number, account) for account in ACCOUNTS] == [0, 0, 0, 0]


async def test_where_a_plan_takes_no_void_its_money_is_returned_by_hand(clinic: Line) -> None:
    made = visit("1EG4TE5MK73", MEDICARE)
    number = await paid(clinic, made)
    clinic.send(newer(made, cancelled))
    item = await clinic.until_item(number, "scrub")
    assert "takes no void" in item.reason
    assert "by hand" in await clinic.refusal(item, "void_claim")
    await clinic.decide(item, "taken_back", reason="reopened by telephone, refund sent")
    row = await clinic.until_stage(number, "closed")
    assert (row.closed_as, len(clinic.claims(number))) == ("cancelled", 1)
    assert [clinic.balance(number, account) for account in ACCOUNTS] == [0, 0, 0, 0]
    assert clinic.ledger_is_balanced()


async def test_a_visit_that_took_place_after_all_is_billed_again(clinic: Line) -> None:
    made = visit("VOIDEDBACK", PREFERRED)
    number = await paid(clinic, made)
    off = newer(made, cancelled)
    clinic.send(off)
    await clinic.decide(await clinic.until_item(number, "scrub"), "void_claim")
    await clinic.until_stage(number, "closed")
    clinic.send(newer(off, lambda later: later.update(cancelled=False)))
    await clinic.until(lambda: len(clinic.claims(number)) == 3 and clinic.claims(number)[-1].status == "paid")
    assert [one.frequency_code for one in clinic.claims(number)] == ["1", "8", "1"]
