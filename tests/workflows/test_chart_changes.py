"""The chart changes after the claim left: a person decides, and only if the change matters."""

from typing import Any

from tests.line import Line
from tests.workflows.visits import Visit, newer, visit

WORLD = {"scripted": {"SLOWPAY01": "lost", "SLOWPAY02": ["lost", "paid"], "SLOWPAY03": "lost", "SLOWPAY04": "lost"}}


def another_diagnosis(made: Visit) -> Any:
    return made["clinical"]["diagnoses"].append({"code": "M25.561", "rank": 9})


def cancelled(made: Visit) -> Any:
    made["cancelled"] = True


async def out(clinic: Line, member_id: str) -> Visit:
    """A visit whose claim is with the payer."""
    made = visit(member_id)
    clinic.send(made)
    await clinic.until_stage(made["encounter_id"], "remittance")
    return made


async def test_a_version_that_changes_nothing_on_the_claim_makes_no_work(clinic: Line) -> None:
    made = await out(clinic, "SLOWPAY01")
    number = made["encounter_id"]
    clinic.send(newer(made, lambda later: later["clinical"].update(re_evaluation_reason="typing mended")))
    await clinic.until(lambda: "claim.unaffected" in clinic.story(number))
    row = clinic.visit(number)
    assert (clinic.item(number), row.touched, row.stage) == (None, False, "remittance")
    assert len(clinic.claims(number)) == 1


async def test_other_facts_after_sending_are_put_before_a_person_who_may_correct(clinic: Line) -> None:
    made = await out(clinic, "SLOWPAY02")
    number = made["encounter_id"]
    clinic.send(newer(made, another_diagnosis))
    item = await clinic.until_item(number, "scrub")
    assert item.kind == "chart_changed_after_billing"
    assert "M25.561" in item.reason
    assert "does not fit" in await clinic.refusal(item, "override")
    assert "does not fit" in await clinic.refusal(item, "resubmit")
    # the payer gave the first claim its number on receipt, so a replacement can name it
    await clinic.decide(item, "correct_claim", role="biller")
    row = await clinic.until_stage(number, "closed")
    first, second = clinic.claims(number)
    assert (row.closed_as, second.encounter_version, second.frequency_code) == ("paid", 2, "7")
    assert second.original_reference
    assert "M25.561" in second.coded["diagnoses"]
    assert first.status == "superseded"


async def test_or_keep_the_claim_as_it_was_sent(clinic: Line) -> None:
    made = await out(clinic, "SLOWPAY03")
    number = made["encounter_id"]
    clinic.send(newer(made, another_diagnosis))
    item = await clinic.until_item(number, "scrub")
    assert "reason" in await clinic.refusal(item, "keep_claim", reason="")
    await clinic.decide(item, "keep_claim", reason="the diagnosis does not change the payment")
    await clinic.until(lambda: clinic.item(number) is None)
    assert len(clinic.claims(number)) == 1
    assert clinic.visit(number).stage == "remittance"


async def test_a_visit_cancelled_after_sending_is_a_persons_decision(clinic: Line) -> None:
    made = await out(clinic, "SLOWPAY04")
    number = made["encounter_id"]
    clinic.send(newer(made, cancelled))
    item = await clinic.until_item(number, "scrub")
    assert "cancelled" in item.reason
    assert item.kind == "cancelled_after_billing"
    assert "does not fit" in await clinic.refusal(item, "not_billable")
    await clinic.decide(item, "keep_claim", reason="the chart is wrong; the visit took place")
    await clinic.until(lambda: clinic.item(number) is None)
    assert clinic.visit(number).stage == "remittance"


async def test_a_visit_cancelled_before_sending_closes_and_owes_nothing(clinic: Line) -> None:
    held = visit("CANCELLED1")
    held["compliance"]["signatures"] = []
    number = held["encounter_id"]
    clinic.send(held)
    await clinic.until_item(number, "documentation")
    clinic.send(newer(held, cancelled))
    row = await clinic.until_stage(number, "closed")
    assert (row.closed_as, clinic.item(number), clinic.claims(number)) == ("cancelled", None, [])


async def test_a_newer_version_of_a_closed_visit_opens_it_again(clinic: Line) -> None:
    made = visit("OPENAGAIN1")
    number = made["encounter_id"]
    clinic.send(made)
    first = await clinic.until_stage(number, "closed")
    clinic.send(newer(made, another_diagnosis))
    item = await clinic.until_item(number, "scrub")
    again = clinic.visit(number)
    assert (first.life, again.life, again.closed_at) == (1, 2, None)
    assert item.workflow_id.endswith("/2")
    await clinic.decide(item, "correct_claim")
    row = await clinic.until_stage(number, "closed")
    assert row.closed_as == "paid"
    assert [claim.frequency_code for claim in clinic.claims(number)] == ["1", "7"]
    assert clinic.balance(number, "payer_receivable") == 0
