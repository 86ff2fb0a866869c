"""A patient with two plans: the second is billed by itself after the first, and answers before the patient is asked."""

from typing import Any

from models.store import ledger
from models.tables.claims import AcknowledgementRow, ClaimRow, ClaimVersionRow
from tests.line import Line
from tests.workflows.visits import MILITARY, visit

WORLD = {
    "payers": {"DLANT": {"patient_share": 1}},
    "scripted": {"SECONDDENIED": ["denied:CO-197", "paid"], "SECONDREJECTED": ["rejected:A7:164", "paid"]},
}


def with_second_plan(member_id: str) -> dict[str, Any]:
    """A visit of a patient whose second plan knows them by that number."""
    made = visit(f"FIRST{member_id}")
    made["administrative"]["coverages"].append({"plan_id": MILITARY, "rank": 2, "member_id": member_id})
    return made


def to_second(clinic: Line, number: str) -> list[ClaimVersionRow]:
    """The filings with the second plan, oldest first."""
    [owner] = clinic.rows(ClaimRow, ClaimRow.encounter_id == clinic.visit(number).id, ClaimRow.rank == 2)
    return clinic.rows(ClaimVersionRow, ClaimVersionRow.claim_id == owner.id)


def paid_by_both(clinic: Line, number: str) -> None:
    accounts = (ledger.PAYER_RECEIVABLE, ledger.PATIENT_RECEIVABLE)
    assert all(clinic.balance(number, account) == 0 for account in accounts)
    assert clinic.ledger_is_balanced()


async def test_both_plans_pay_and_the_patient_is_never_asked(clinic: Line) -> None:
    made = with_second_plan("SECONDPAYS")
    clinic.send(made)
    number = str(made["encounter_id"])
    await clinic.until_stage(number, "closed")
    story = clinic.story(number)
    assert story.count("claim.sent") == 2
    assert "patient.statement" not in story
    assert not clinic.visit(number).touched
    [second] = to_second(clinic, number)
    assert (second.status, second.prior_decisions[0]["rank"]) == ("paid", 1)
    answers = clinic.rows(AcknowledgementRow, AcknowledgementRow.claim_version_id == second.id)
    assert [answer.accepted for answer in answers] == [True]
    paid_by_both(clinic, number)


async def test_a_denial_of_the_second_plan_is_corrected_and_paid(clinic: Line) -> None:
    made = with_second_plan("SECONDDENIED")
    clinic.send(made)
    number = str(made["encounter_id"])
    item = await clinic.until_item(number, "denials")
    await clinic.decide(item, "correct", {"member_id": "SECONDRIGHT"})
    await clinic.until_stage(number, "closed")
    assert [version.frequency_code for version in to_second(clinic, number)] == ["1", "7"]
    paid_by_both(clinic, number)


async def test_a_rejection_of_the_second_claim_is_mended_and_sent_again(clinic: Line) -> None:
    made = with_second_plan("SECONDREJECTED")
    clinic.send(made)
    number = str(made["encounter_id"])
    item = await clinic.until_item(number, "rejections")
    await clinic.decide(item, "resubmit")
    await clinic.until_stage(number, "closed")
    first, again = to_second(clinic, number)
    assert (first.status, again.status, again.frequency_code) == ("superseded", "paid", "1")
    paid_by_both(clinic, number)
