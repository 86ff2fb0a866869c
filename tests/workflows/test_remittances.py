"""A payer takes money back, and pays again: the ledger follows, and the same payment counts once."""

from models.tables.remittances import InboundCopyRow, RemittanceRow
from tests.line import Line
from tests.workflows.visits import visit

WORLD = {
    "scripted": {
        "REVERSED1": "reversed",
        "TWICEBYTES": {"outcome": "paid", "duplicate": "identical"},
        "TWICEAGAIN": {"outcome": "paid", "duplicate": "reissued"},
    }
}


async def test_a_reversal_and_its_correction_leave_what_was_paid_last(clinic: Line) -> None:
    made = visit("REVERSED1")
    number = made["encounter_id"]
    clinic.send(made)
    await clinic.until(lambda: "claim.reversed" in clinic.story(number))
    await clinic.until(lambda: clinic.story(number).count("claim.paid") == 2)
    await clinic.until_stage(number, "closed")
    assert clinic.balance(number, "payer_receivable") == 0
    [claim] = clinic.claims(number)
    paid = claim.total_charge - clinic.balance(number, "contractual_adjustment") - clinic.balance(number, "write_off")
    assert clinic.balance(number, "cash") == paid > 0
    assert clinic.ledger_is_balanced()


async def test_the_same_file_again_is_a_copy_posted_once_and_a_person_told(clinic: Line) -> None:
    made = visit("TWICEBYTES")
    clinic.send(made)
    await clinic.until_stage(made["encounter_id"], "closed")
    [copy] = await clinic.until(lambda: clinic.rows(InboundCopyRow))
    await clinic.until(lambda: [found for found in clinic.items("posting") if copy.file_name in found.reason])
    assert clinic.story(made["encounter_id"]).count("claim.paid") == 1
    assert clinic.balance(made["encounter_id"], "payer_receivable") == 0


async def test_the_same_payment_in_another_interchange_is_posted_once_and_a_person_told(clinic: Line) -> None:
    made = visit("TWICEAGAIN")
    clinic.send(made)
    await clinic.until_stage(made["encounter_id"], "closed")
    found = await clinic.until(
        lambda: [found for found in clinic.items("posting") if found.subject.startswith("remittance/")]
    )
    [item] = found
    assert clinic.story(made["encounter_id"]).count("claim.paid") == 1
    [again] = clinic.rows(RemittanceRow, RemittanceRow.status == "duplicate")
    assert again.duplicate_of is not None
    await clinic.decide(item, "dismiss", reason="seen")
    await clinic.until(lambda: not [found for found in clinic.items("posting") if found.id == item.id])
    assert clinic.balance(made["encounter_id"], "payer_receivable") == 0
