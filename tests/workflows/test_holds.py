"""A hold ends when a re-check passes, or by a decision the rules allow; nobody ticks a problem away."""

from tests.line import Line
from tests.workflows.visits import newer, sibling, unsigned, visit


async def test_an_unsigned_note_waits_for_the_clinician_and_leaves_by_itself_when_signed(clinic: Line) -> None:
    signed = visit("HOLDSIGN1")
    number = signed["encounter_id"]
    clinic.send(unsigned(signed))
    item = await clinic.until_item(number, "documentation")
    assert "sign" in item.reason.lower()
    assert "sign" in item.clears_when.lower()
    assert item.whose_move == "clinician"
    assert item.due_at is not None
    row = clinic.visit(number)
    assert (row.stage, row.held_by) == ("documentation", item.findings[0]["code"])

    clinic.send(newer(signed))
    row = await clinic.until_stage(number, "closed")
    assert (row.closed_as, row.touched) == ("paid", True)
    assert "hold.cleared" in clinic.story(number)
    assert clinic.item(number) is None


async def test_a_missing_signature_cannot_be_overridden(clinic: Line) -> None:
    number = (note := unsigned(visit("HOLDSIGN2")))["encounter_id"]
    clinic.send(note)
    item = await clinic.until_item(number, "documentation")
    assert "may be overridden" in await clinic.refusal(item, "override")
    assert "does not fit" in await clinic.refusal(item, "write_off")
    assert clinic.visit(number).stage == "documentation"


async def test_not_billable_closes_without_a_claim(clinic: Line) -> None:
    number = (note := unsigned(visit("HOLDSIGN3")))["encounter_id"]
    clinic.send(note)
    item = await clinic.until_item(number, "documentation")
    assert "reason" in await clinic.refusal(item, "not_billable", reason="  ")
    await clinic.decide(item, "not_billable", reason="courtesy visit")
    row = await clinic.until_stage(number, "closed")
    assert row.closed_as == "not_billable"
    assert not [kind for kind in clinic.story(number) if kind.startswith("claim.")]


async def test_a_claim_that_would_not_pass_waits_in_scrub_until_the_chart_is_right(clinic: Line) -> None:
    right = visit("HOLDSCRUB1")
    wrong = newer(right, lambda made: made["clinical"]["diagnoses"][0].update(code="M54.5"))
    wrong["version"] = 1
    clinic.send(wrong)
    item = await clinic.until_item(right["encounter_id"], "scrub")
    assert item.whose_move in ("biller", "clinician")
    clinic.send(newer(right))
    assert (await clinic.until_stage(right["encounter_id"], "closed")).closed_as == "paid"


async def test_the_same_visit_under_another_id_is_held_as_a_duplicate(clinic: Line) -> None:
    first = visit("HOLDDOUBLE")
    second = sibling(first)
    clinic.send(first)
    await clinic.until_stage(first["encounter_id"], "closed")
    clinic.send(second)
    item = await clinic.until_item(second["encounter_id"], "scrub")
    assert first["encounter_id"] in str(item.findings)
    await clinic.decide(item, "not_billable", reason="sent twice by the chart")
    assert (await clinic.until_stage(second["encounter_id"], "closed")).closed_as == "not_billable"
