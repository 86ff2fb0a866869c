"""A claim refused on receipt was never adjudicated: it is mended and filed again, under a number of its own."""

from collections import Counter

from models.tables.claims import BatchRow, ClaimVersionRow
from simulator.ledger import inbox
from tests.line import Line
from tests.workflows.visits import visit

WORLD = {
    "scripted": {
        "WRONGID01": "rejected:A7:164:IL",
        "GIVENUP01": "rejected:A7:562:82",
        "SYNTAX999": ["lost", "paid"],
        "ENVELOPE1": ["lost", "paid"],
    }
}


async def test_ready_claims_travel_together_and_every_number_is_used_once(clinic: Line) -> None:
    visits = [visit(f"TOGETHER{number}") for number in range(6)]
    clinic.send(*visits)
    for one in visits:
        await clinic.until_stage(one["encounter_id"], "closed")
    claims = [clinic.claims(one["encounter_id"])[0] for one in visits]
    batches = Counter(claim.batch_id for claim in claims)
    assert len(batches) < len(visits)
    assert len({claim.patient_control_number for claim in claims}) == len(visits)
    received = Counter(claim.control_number for claim in inbox(clinic.simulator_root))
    assert {received[claim.patient_control_number] for claim in claims} == {1}
    numbers = [batch.interchange_control_number for batch in clinic.rows(BatchRow)]
    assert len(set(numbers)) == len(numbers)
    for batch in clinic.rows(BatchRow):
        inside = clinic.rows(ClaimVersionRow, ClaimVersionRow.batch_id == batch.id)
        assert batch.total_charge == sum(claim.total_charge for claim in inside)
        assert sorted(claim.batch_position or 0 for claim in inside) == list(range(1, batch.claim_count + 1))


async def test_a_claim_our_own_check_refuses_stays_in_the_building_and_the_others_go(clinic: Line) -> None:
    bad, good = visit("OWNCHECK01"), visit("OWNCHECK02")
    bad["patient"]["last_name"] = "\u738b\u5c0f\u660e"  # no character set of X12 holds it
    clinic.send(bad, good)
    assert (await clinic.until_stage(good["encounter_id"], "closed")).closed_as == "paid"
    item = await clinic.until_item(bad["encounter_id"], "rejections")
    assert "Our own check refused the claim" in item.reason
    assert item.clears_when
    [claim] = clinic.claims(bad["encounter_id"])
    assert (claim.status, claim.batch_id) == ("rejected", None)
    assert claim.patient_control_number not in {sent.control_number for sent in inbox(clinic.simulator_root)}


async def test_a_rejected_claim_is_sent_again_with_the_right_member_id_and_paid(clinic: Line) -> None:
    wrong = visit("WRONGID01")
    number = wrong["encounter_id"]
    clinic.send(wrong)
    item = await clinic.until_item(number, "rejections")
    assert "A7:164" in str(item.findings)
    assert item.whose_move == "biller"
    await clinic.decide(item, "resubmit", {"member_id": "RIGHTID01"}, role="biller")
    row = await clinic.until_stage(number, "closed")
    first, second = clinic.claims(number)
    assert (first.status, second.status) == ("superseded", "paid")
    assert (first.frequency_code, second.frequency_code, second.original_reference) == ("1", "1", None)
    sent = {claim.control_number: claim.member_id for claim in inbox(clinic.simulator_root)}
    assert sent[first.patient_control_number] == "WRONGID01"
    assert sent[second.patient_control_number] == "RIGHTID01"
    assert (row.closed_as, row.touched) == ("paid", True)
    assert clinic.ledger_is_balanced()
    # the chart stays as it was told
    assert row.facts["administrative"]["coverages"][0]["member_id"] == "WRONGID01"


async def test_a_rejected_claim_may_be_written_off(clinic: Line) -> None:
    given_up = visit("GIVENUP01")
    clinic.send(given_up)
    item = await clinic.until_item(given_up["encounter_id"], "rejections")
    await clinic.decide(item, "write_off")
    assert (await clinic.until_stage(given_up["encounter_id"], "closed")).closed_as == "written_off"
    assert clinic.balance(given_up["encounter_id"], "payer_receivable") == 0


def _batch_of(clinic: Line, number: str) -> BatchRow:
    [claim] = clinic.claims(number)
    [batch] = clinic.rows(BatchRow, BatchRow.id == claim.batch_id)
    return batch


def _answer(version: str, kind: str, segments: list[str]) -> str:
    """An interchange from the clearinghouse."""
    isa = "ISA*00*          *00*          *ZZ*DEMOCLEARING   *ZZ*CEDARHOLLOW    *261120*1200*^*00501*000009001*0*T*:~"
    if not kind:
        return isa + "".join(f"{segment}~" for segment in segments) + "IEA*0*000009001~"
    body = "".join(f"{segment}~" for segment in (f"ST*999*0001*{version}", *segments))
    group = f"GS*{kind}*DEMOCLEARING*CEDARHOLLOW*20261120*1200*9001*X*{version}~{body}"
    return f"{isa}{group}SE*{len(segments) + 2}*0001~GE*1*9001~IEA*1*000009001~"


async def _silent(clinic: Line, member_id: str) -> tuple[str, BatchRow]:
    """A claim its payer has lost: the next answer is ours to write."""
    made = visit(member_id)
    clinic.send(made)
    number = made["encounter_id"]
    await clinic.until_stage(number, "remittance")
    return number, _batch_of(clinic, number)


async def test_a_999_that_refuses_a_transaction_brings_its_claim_back(clinic: Line) -> None:
    number, batch = await _silent(clinic, "SYNTAX999")
    control = str(batch.interchange_control_number)
    [claim] = clinic.claims(number)
    refused = [f"AK2*837*{claim.batch_position:04d}*005010X222A1", "IK3*NM1*8*2010*8", "IK5*R*5"]
    answer = _answer("005010X231A1", "FA", [f"AK1*HC*{control}*005010X222A1", *refused, "AK9*P*2*2*1"])
    clinic.leave_in_mailbox("late.999", answer)
    item = await clinic.until_item(number, "rejections")
    assert "NM1" in item.reason
    await clinic.decide(item, "resubmit", role="biller")
    assert (await clinic.until_stage(number, "closed")).closed_as == "paid"


async def test_a_ta1_that_refuses_the_file_brings_every_claim_of_it_back(clinic: Line) -> None:
    number, batch = await _silent(clinic, "ENVELOPE1")
    control = f"{batch.interchange_control_number:09d}"
    clinic.leave_in_mailbox("late.ta1", _answer("", "", [f"TA1*{control}*261120*1200*R*024"]))
    item = await clinic.until_item(number, "rejections")
    assert control in item.reason
    [refused] = clinic.rows(BatchRow, BatchRow.id == batch.id)
    assert refused.status == "rejected"
    await clinic.decide(item, "resubmit", role="biller")
    assert (await clinic.until_stage(number, "closed")).closed_as == "paid"


async def test_an_answer_to_something_we_never_sent_is_put_before_a_person(clinic: Line) -> None:
    clinic.leave_in_mailbox("stray.ta1", _answer("", "", ["TA1*000777777*261120*1200*R*024"]))
    [item] = await clinic.until(lambda: [item for item in clinic.items("posting") if "777777" in item.reason])
    await clinic.decide(item, "dismiss", reason="not ours")
    await clinic.until(lambda: item.id not in {open_.id for open_ in clinic.items("posting")})
