"""Nobody answers: a person hears of it on the day, not before, and not again after an answer."""

from datetime import timedelta

from temporalio.testing import TimeSkipper

from tests.line import TODAY, Line
from tests.workflows.visits import visit

WORLD = {"scripted": {"LOSTCLAIM": ["lost", "paid"], "LOSTWAIT1": "lost"}}


async def test_a_lost_claim_is_followed_up_after_the_plans_wait_and_sent_again(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    made = visit("LOSTCLAIM")
    number = made["encounter_id"]
    clinic.send(made)
    await clinic.until_stage(number, "remittance")
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=20))
    assert clinic.item(number) is None
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=2))
    item = await clinic.until_item(number, "follow_up")
    assert (item.kind, item.whose_move) == ("silent_payer", "payer")
    assert "has not answered" in item.reason
    await clinic.decide(item, "resubmit", role="biller")
    assert (await clinic.until_stage(number, "closed")).closed_as == "paid"
    first, second = clinic.claims(number)
    assert (first.status, second.status) == ("superseded", "paid")


async def test_waiting_on_is_given_a_day_and_the_claim_comes_back_on_it(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    made = visit("LOSTWAIT1")
    number = made["encounter_id"]
    clinic.send(made)
    await clinic.until_stage(number, "remittance")
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=22))
    item = await clinic.until_item(number, "follow_up")
    assert "future" in await clinic.refusal(item, "keep_waiting", {"until": str(TODAY)})
    assert "date like" in await clinic.refusal(item, "keep_waiting", {"until": "next week"})
    await clinic.decide(item, "keep_waiting", {"until": str(TODAY + timedelta(days=32))})
    await clinic.until(lambda: clinic.item(number) is None)
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=8))
    assert clinic.item(number) is None
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=3))
    again = await clinic.until_item(number, "follow_up")
    assert again.id != item.id
    await clinic.decide(again, "write_off")
    assert (await clinic.until_stage(number, "closed")).closed_as == "written_off"


async def test_a_day_no_calendar_holds_does_not_block_the_case(clinic: Line, time_skipper: TimeSkipper) -> None:
    made = visit("LOSTWAIT1")
    number = made["encounter_id"]
    clinic.send(made)
    await clinic.until_stage(number, "remittance")
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=22))
    item = await clinic.until_item(number, "follow_up")
    assert "year" in await clinic.refusal(item, "keep_waiting", {"until": "9999-12-31"})
    await clinic.decide(item, "write_off")
    await clinic.until_stage(number, "closed")
