"""A denial has its category at receipt, and every way out of it ends where it should."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

from temporalio.testing import TimeSkipper

from models.store import ledger
from models.tables.authorizations import AuthorizationCaseRow
from models.tables.desk import WorkItemRow
from models.tables.remittances import AppealRow, DenialRow
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, MEDICARE, PREFERRED, visit

WORLD = {
    "scripted": {
        "DENAUTH": "denied:CO-197",
        "NONENEED1": "denied:CO-197",
        "DENDOC": "denied:CO-16+M135",
        "DENCODE": "denied:CO-4+N822",
        "DENNEED": "denied:CO-50+N115",
        "DENELIG": "denied:CO-22",
        "DENTECH": "denied:CO-29",
        "FIXPPO": ["denied:CO-4+N822", "paid"],
        "1FX0FX0FX00": ["denied:CO-4+N822", "paid"],
        "SAMEAGAIN": "denied:CO-4+N822",
        "APPEALED": "denied:CO-50+N115",
        "FORGOTTEN": "denied:CO-50+N115",
        "SENTLATE": "denied:CO-50+N115",
        "1FX0FX0FX11": "denied:CO-50+N115",
        "DROPPED": "denied:CO-50+N115",
        "WRITEOFF": "denied:CO-50+N115",
        "BILLPR": "denied:PR-27",
        "BILLCO": "denied:CO-197",
        "PARTLY": {"outcome": "partial", "reason": "CO-97"},
    }
}

CATEGORIES = {
    "DENAUTH": "authorization",
    "DENDOC": "documentation",
    "DENCODE": "coding",
    "DENNEED": "medical_necessity",
    "DENELIG": "eligibility",
    "DENTECH": "technical",
}


async def denied(clinic: Line, member_id: str, plan: str = PREFERRED) -> str:
    """A visit of that member, with its denial in the queue."""
    made = visit(member_id, plan)
    clinic.send(made)
    await clinic.until_item(made["encounter_id"], "denials")
    return str(made["encounter_id"])


async def until_kind(clinic: Line, number: str, kind: str) -> WorkItemRow:
    """Wait until a person is asked just that about the visit."""
    await clinic.until(lambda: (found := clinic.item(number)) is not None and found.kind == kind)
    return await clinic.until_item(number, "denials")


async def to_send(clinic: Line, number: str) -> WorkItemRow:
    """The item that asks to send the visit's appeal."""
    return await until_kind(clinic, number, "appeal_to_send")


def denial_of(clinic: Line, number: str) -> DenialRow:
    return clinic.rows(DenialRow, DenialRow.encounter_id == clinic.visit(number).id)[-1]


def settled(clinic: Line, number: str) -> bool:
    accounts = (ledger.PAYER_RECEIVABLE, ledger.PATIENT_RECEIVABLE)
    return all(clinic.balance(number, account) == 0 for account in accounts) and clinic.ledger_is_balanced()


async def test_a_denial_is_categorised_at_receipt_and_put_before_a_person(clinic: Line) -> None:
    visits = {member_id: visit(member_id) for member_id in CATEGORIES}
    clinic.send(*visits.values())
    for member_id, category in CATEGORIES.items():
        number = visits[member_id]["encounter_id"]
        item = await clinic.until_item(number, "denials")
        denial = denial_of(clinic, number)
        assert (denial.category, denial.state, item.denial_id) == (category, "open", denial.id)
        assert denial.reason in item.reason
        assert item.amount == denial.amount > 0
        assert clinic.visit(number).stage == "denial"
        # what was denied stays owed until a person decides
        assert clinic.balance(number, ledger.PAYER_RECEIVABLE) == denial.amount


async def test_a_correction_replaces_the_claim_where_the_plan_takes_replacements(clinic: Line) -> None:
    number = await denied(clinic, "FIXPPO")
    item = await clinic.until_item(number, "denials")
    line = clinic.claims(number)[0].coded["lines"][0]["code"]
    await clinic.decide(item, "correct", {"line_code": line, "modifier": "59"})
    row = await clinic.until_stage(number, "closed")
    first, second = clinic.claims(number)
    assert (first.frequency_code, second.frequency_code) == ("1", "7")
    assert second.original_reference
    assert first.patient_control_number != second.patient_control_number
    assert (row.closed_as, denial_of(clinic, number).state) == ("paid", "corrected")
    assert settled(clinic, number)


async def test_a_correction_is_a_new_claim_where_the_plan_takes_none(clinic: Line) -> None:
    number = await denied(clinic, "1FX0FX0FX00", MEDICARE)
    item = await clinic.until_item(number, "denials")
    line = clinic.claims(number)[0].coded["lines"][0]["code"]
    await clinic.decide(item, "correct", {"line_code": line, "modifier": "59"})
    await clinic.until_stage(number, "closed")
    first, second = clinic.claims(number)
    assert (first.frequency_code, second.frequency_code) == ("1", "1")
    assert second.original_reference is None
    assert settled(clinic, number)


async def test_the_same_claim_is_not_sent_again_uncorrected(clinic: Line) -> None:
    number = await denied(clinic, "SAMEAGAIN")
    item = await clinic.until_item(number, "denials")
    assert "what is to be corrected" in await clinic.refusal(item, "correct")
    assert "procedure code" in await clinic.refusal(item, "correct", {"modifier": "59"})
    assert "well formed" in await clinic.refusal(item, "correct", {"place_of_service": "office"})
    assert len(clinic.claims(number)) == 1


async def test_an_appeal_drafts_the_letter_with_its_deadline_and_waits(clinic: Line) -> None:
    number = await denied(clinic, "APPEALED")
    item = await clinic.until_item(number, "denials")
    message = await clinic.decide(item, "appeal", {"arguments": "Strength improved from 3 to 4 of 5."})
    [letter] = clinic.rows(AppealRow, AppealRow.denial_id == denial_of(clinic, number).id)
    assert letter.deadline is not None
    assert abs(letter.deadline - (TODAY + timedelta(days=180))) <= timedelta(days=1)  # the plan's appeal window
    assert str(letter.deadline) in message
    assert "Strength improved" in letter.letter
    sending = await to_send(clinic, number)
    assert (sending.amount, sending.denial_id) == (item.amount, item.denial_id)
    assert "waits to be sent" in sending.reason
    assert sending.findings[0]["evidence"]["must reach the payer by"] == str(letter.deadline)
    assert sending.due_at is not None
    assert clinic.visit(number).stage == "denial"
    assert denial_of(clinic, number).state == "appealed"


async def test_an_appeal_is_sent_once_and_the_payers_time_runs_from_that_day(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    number = await denied(clinic, "APPEALED")
    await clinic.decide(await clinic.until_item(number, "denials"), "appeal")
    await to_send(clinic, number)
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=5))
    sending = await to_send(clinic, number)
    sent_on = TODAY + timedelta(days=4)
    fax = {"sent_on": str(sent_on), "sent_how": "fax", "sent_reference": "FX-77"}
    for wrong, why in (
        ({"sent_on": str(TODAY + timedelta(days=9))}, "still to come"),
        ({"sent_on": str(TODAY - timedelta(days=2))}, "drafted on"),
        ({"sent_on": "yesterday"}, "date like"),
        ({"sent_how": "pigeon"}, "portal, fax, mail"),
        ({"sent_how": ""}, "fill in"),
    ):
        assert why in await clinic.refusal(sending, "appeal_sent", fax | wrong)
    once = uuid4()
    for _ in range(2):
        told = await clinic.decide(sending, "appeal_sent", fax, role="biller", command_id=once)
        assert f"sent by fax on {sent_on}, reference FX-77" in told
    await clinic.until(lambda: clinic.item(number) is None)
    [letter] = clinic.rows(AppealRow, AppealRow.denial_id == denial_of(clinic, number).id)
    assert (letter.state, letter.sent_on, letter.sent_how, letter.sent_reference, letter.sent_by) == (
        "sent",
        sent_on,
        "fax",
        "FX-77",
        clinic.user("biller"),
    )
    assert clinic.story(number).count("decision.appeal_sent") == 1
    # 60 days after the payer's denial nobody need ask; 60 days after the sending somebody does
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=57))
    assert clinic.item(number) is None
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=3))
    asked = await clinic.until_item(number, "follow_up")
    assert asked.kind == "unsettled"
    assert f"not answered the appeal, sent by fax on {sent_on}, reference FX-77" in asked.reason


async def test_a_forgotten_letter_stays_in_sight_and_nothing_is_filed_after_its_deadline(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    number = await denied(clinic, "FORGOTTEN")
    await clinic.decide(await clinic.until_item(number, "denials"), "appeal")
    fresh = await to_send(clinic, number)
    assert not fresh.escalated
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=3))
    await clinic.until(lambda: (late := clinic.item(number)) is not None and late.escalated)
    late = await to_send(clinic, number)
    assert (late.id, late.due_at) == (fresh.id, fresh.due_at)
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=185))
    await clinic.until(lambda: (item := clinic.item(number)) is not None and "by its deadline" in item.reason)
    missed = await to_send(clinic, number)
    assert missed.id == fresh.id
    after = {"sent_on": str(TODAY + timedelta(days=186)), "sent_how": "mail"}
    assert "drop the appeal" in await clinic.refusal(missed, "appeal_sent", after)
    await clinic.decide(missed, "appeal_dropped", reason="The deadline passed")
    again = await until_kind(clinic, number, "denial")
    assert "deadline for an appeal was" in await clinic.refusal(again, "appeal")
    await clinic.decide(again, "write_off")
    await clinic.until_stage(number, "closed")
    assert settled(clinic, number)


async def test_a_letter_sent_late_needs_its_good_cause_which_is_kept_with_it(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    number = await denied(clinic, "SENTLATE")
    await clinic.decide(await clinic.until_item(number, "denials"), "appeal")
    deadline = (await to_send(clinic, number)).findings[0]["evidence"]["must reach the payer by"]
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=190))
    await clinic.until(lambda: (item := clinic.item(number)) is not None and "by its deadline" in item.reason)
    missed = await to_send(clinic, number)
    sent_on = date.fromisoformat(deadline) + timedelta(days=6)
    mail = {"sent_on": str(sent_on), "sent_how": "mail"}
    refused = await clinic.refusal(missed, "appeal_sent", mail)
    assert f"The deadline for an appeal was {deadline}; {sent_on} is 6 days after it." in refused
    assert "say under “Good cause” why it is late" in refused
    in_time = mail | {"sent_on": deadline, "late_because": "Flooded."}
    assert "it is not late" in await clinic.refusal(missed, "appeal_sent", in_time)
    told = await clinic.decide(missed, "appeal_sent", mail | {"late_because": " The office was flooded. "})
    assert f"by mail on {sent_on}, 6 days after its deadline of {deadline};" in told
    await clinic.until(lambda: clinic.item(number) is None)
    [letter] = clinic.rows(AppealRow, AppealRow.denial_id == denial_of(clinic, number).id)
    assert (letter.state, letter.late_because) == ("sent", "The office was flooded.")
    assert told.endswith("Good cause: The office was flooded.")  # which is the line of the timeline
    assert clinic.story(number).count("decision.appeal_sent") == 1


async def test_an_appeal_after_the_deadline_is_drafted_with_its_good_cause_and_sent_without_asking_again(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    number = await denied(clinic, "1FX0FX0FX11", MEDICARE)
    item = await clinic.until_item(number, "denials")
    assert "it is not late" in await clinic.refusal(item, "appeal", {"late_because": "Flooded."})
    await time_skipper.fast_forward(clinic.handle(number), timedelta(days=190))
    assert "say under “Good cause”" in await clinic.refusal(item, "appeal")
    told = await clinic.decide(item, "appeal", {"late_because": "The office was flooded."})
    assert "days after its deadline of" in told
    sending = await to_send(clinic, number)
    assert "late for good cause, waits to be sent" in sending.reason
    assert not sending.escalated  # the desk has its usual time, though the deadline is over
    [letter] = clinic.rows(AppealRow, AppealRow.denial_id == denial_of(clinic, number).id)
    assert "We ask you to accept it for good cause (42 CFR 405.942(b)):" in letter.letter
    assert "The office was flooded." in letter.letter
    sent = {"sent_on": str(TODAY + timedelta(days=190)), "sent_how": "fax"}
    assert "Good cause: The office was flooded." in await clinic.decide(sending, "appeal_sent", sent)
    await clinic.until(lambda: clinic.item(number) is None)


async def test_a_dropped_appeal_opens_the_denial_again(clinic: Line) -> None:
    number = await denied(clinic, "DROPPED")
    await clinic.decide(await clinic.until_item(number, "denials"), "appeal")
    sending = await to_send(clinic, number)
    assert "reason" in await clinic.refusal(sending, "appeal_dropped", reason=" ")
    await clinic.decide(sending, "appeal_dropped", reason="The plan wants a corrected claim", role="biller")
    again = await until_kind(clinic, number, "denial")
    denial = denial_of(clinic, number)
    assert (denial.state, denial.decided_at, again.denial_id) == ("open", None, denial.id)
    await clinic.decide(again, "appeal")
    await to_send(clinic, number)
    letters = clinic.rows(AppealRow, AppealRow.denial_id == denial.id)
    assert sorted((one.state, one.dropped_because) for one in letters) == [
        ("drafted", None),
        ("dropped", "The plan wants a corrected claim"),
    ]


async def test_who_said_that_no_authorization_is_needed_stands_on_the_denial_and_in_the_appeal(clinic: Line) -> None:
    made = visit("NONENEED1", COMMERCIAL, like=PREFERRED)
    clinic.send(made)
    await clinic.until_item(made["encounter_id"], "authorization")
    theirs = AuthorizationCaseRow.patient_external_id == made["patient"]["patient_id"]
    await clinic.until(lambda: clinic.rows(AuthorizationCaseRow, theirs))
    await clinic.until(clinic.quiet)  # the case's workflow has begun
    [case] = clinic.rows(AuthorizationCaseRow, theirs)
    [asking] = clinic.rows(WorkItemRow, WorkItemRow.authorization_case_id == case.id)
    said = {"answered_by": "Ann, member services", "reference": "C-4711"}
    await clinic.decide(asking, "none_needed", said, role="front_desk")
    item = await clinic.until_item(made["encounter_id"], "denials")
    proof = item.findings[0]["evidence"]["proof on file"]
    assert "Ann, member services" in proof
    assert "C-4711" in proof
    await clinic.decide(item, "appeal")
    [letter] = clinic.rows(AppealRow, AppealRow.denial_id == denial_of(clinic, made["encounter_id"]).id)
    assert f"- {proof}" in letter.letter


async def test_a_biller_writes_off_up_to_the_limit_and_a_supervisor_above(clinic: Line) -> None:
    number = await denied(clinic, "WRITEOFF")
    item = await clinic.until_item(number, "denials")
    assert item.amount > Decimal("50.00")
    assert "ask a supervisor" in await clinic.refusal(item, "write_off", role="biller")
    assert "reason" in await clinic.refusal(item, "write_off", reason=" ")
    assert "role" in await clinic.refusal(item, "write_off", role="front_desk")
    await clinic.decide(item, "write_off", role="supervisor")
    row = await clinic.until_stage(number, "closed")
    assert (row.closed_as, denial_of(clinic, number).state) == ("written_off", "written_off")
    assert clinic.balance(number, ledger.WRITE_OFF) == item.amount
    assert settled(clinic, number)


async def test_only_what_the_payer_put_on_the_patient_is_billed_to_the_patient(clinic: Line) -> None:
    refused, allowed = await denied(clinic, "BILLCO"), await denied(clinic, "BILLPR")
    item = await clinic.until_item(refused, "denials")
    assert "practice's loss" in await clinic.refusal(item, "bill_patient")
    assert clinic.balance(refused, ledger.PATIENT_RECEIVABLE) == 0

    item = await clinic.until_item(allowed, "denials")
    await clinic.decide(item, "bill_patient")
    await clinic.until_stage(allowed, "patient_balance")
    assert clinic.balance(allowed, ledger.PATIENT_RECEIVABLE) == item.amount
    assert clinic.balance(allowed, ledger.PAYER_RECEIVABLE) == 0
    asked = await clinic.until_item(allowed, "patient_balance")
    await clinic.decide(asked, "record_payment", {"amount": str(item.amount)})
    assert (await clinic.until_stage(allowed, "closed")).closed_as == "paid"
    assert settled(clinic, allowed)


async def test_a_line_denied_among_paid_ones_owes_only_that_line(clinic: Line) -> None:
    number = await denied(clinic, "PARTLY")
    item = await clinic.until_item(number, "denials")
    [claim] = clinic.claims(number)
    assert 0 < item.amount < claim.total_charge
    assert clinic.balance(number, ledger.PAYER_RECEIVABLE) == item.amount
    await clinic.decide(item, "write_off")
    await clinic.until_stage(number, "closed")
    assert settled(clinic, number)
