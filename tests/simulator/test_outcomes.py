"""What becomes of claims: by script, by history and by seed, and that the money always adds up."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from simulator.adjudication import adjudicate
from simulator.claims import SubmittedClaim, parse_claims
from simulator.config import DenialReason, Outcome, OutcomeMix, PayerWorld, World
from simulator.ledger import decisions
from simulator.outcomes import decide
from simulator.server import Simulator
from simulator.x12 import read
from tests.simulator.support import (
    Claim,
    Desk,
    assert_balanced,
    guide_problems,
    read_835,
    segments,
    world_config,
    write_837,
)

EVERY_DENIAL = [f"denied:{reason}" for reason in DenialReason] + [f"partial:{reason}" for reason in DenialReason]


def submitted(*claims: Claim) -> list[SubmittedClaim]:
    return parse_claims(read(write_837(list(claims), 1)))


async def test_every_outcome_makes_files_the_guide_accepts_and_that_balance(tmp_path: Path) -> None:
    outcomes = [*EVERY_DENIAL, "rejected", "rejected:A7:562:82", "lost", "late", "reversed", "denied:CO-16+M135+N706"]
    script = {f"M{index}": outcome for index, outcome in enumerate(outcomes)}
    claims = [Claim(f"PT{index}", f"M{index}") for index in range(len(outcomes) + 12)]
    claims += [
        Claim(
            "MB1", "MB1", filing="MB", payer="MEDIC", lines=(("97110:GP:CQ", "90.10", "3"), ("97530:GP", "88.8", "2"))
        )
    ]
    expected = len(claims) - 3 + 2  # two rejected, one lost, and the reversed one comes three times
    async with Simulator(world_config(tmp_path, world={"scripted": script})) as world, Desk(world.port) as desk:
        await desk.upload("ALL.837", write_837(claims, 1))
        await desk.until(lambda desk: len(desk.payments()) == expected)
    for kind in ("999", "277ca", "835"):
        for text in desk.of(kind):
            assert guide_problems(text) == []
    for text in desk.of("835"):
        assert_balanced(text)
    rejected = [item for text in desk.of("277ca") for item in segments(text) if item[0] == "STC" and item[3] == "U"]
    assert len(rejected) == 2
    assert "A7:562:82" in [item[1] for item in rejected]
    last = desk.payments()
    medicare = next(paid for paid in last if paid.number == "MB1")
    assert {"CO-45", "CO-59", "CO-253"} <= medicare.reasons
    assert "N851" in medicare.remarks
    reasons = {reason for paid in last for reason in paid.reasons}
    assert {"CO-197", "CO-16", "CO-50", "PR-204"} <= reasons


async def test_a_script_tells_a_story_claim_by_claim(tmp_path: Path) -> None:
    scripted = {"M1": ["denied:authorization", "denied:documentation"], "M2@20260110": "rejected:A7:164:IL"}
    config = world_config(tmp_path, validation="envelope", world={"scripted": scripted})
    first = Claim("A1", "M1")
    async with Simulator(config) as world, Desk(world.port) as desk:
        await desk.upload("1.837", write_837([first, Claim("B1", "M2"), Claim("B2", "M2", dos="20260112")], 1))
        await desk.until(lambda desk: len(desk.payments()) == 2)
        await desk.upload("2.837", write_837([first.again("A2")], 2))
        await desk.until(lambda desk: len(desk.payments()) == 3)
        await desk.upload("3.837", write_837([first.again("A3")], 3))
        await desk.until(lambda desk: len(desk.payments()) == 4)
    paid = {item.number: item for item in desk.payments()}
    assert (paid["A1"].reasons, paid["A1"].remarks) == ({"CO-197"}, ["N54", "N54"])
    assert paid["A2"].reasons == {"CO-16"}
    assert paid["A3"].paid + paid["A3"].share > 0
    assert paid["B2"].paid + paid["B2"].share > 0
    assert [item.outcome for item in decisions(tmp_path)] == ["denied", "rejected", "paid", "denied", "paid"]


async def test_a_replacement_takes_the_first_payment_back_and_a_void_all_of_it(tmp_path: Path) -> None:
    config = world_config(tmp_path, validation="envelope", world={"scripted": {"M1": ["partial:coding"]}})
    first = Claim("A1", "M1")
    async with Simulator(config) as world, Desk(world.port) as desk:
        await desk.upload("1.837", write_837([first], 1))
        await desk.until(lambda desk: len(desk.payments()) == 1)
        number = desk.payments()[0].payer_number
        replacement = first.again("A2", frequency="7", original=number)
        await desk.upload("2.837", write_837([replacement], 2))
        await desk.until(lambda desk: len(desk.payments()) == 3)
        void = first.again("A3", frequency="8", original=number)
        await desk.upload("3.837", write_837([void], 3))
        await desk.until(lambda desk: len(desk.payments()) == 4)
        await desk.upload("4.837", write_837([first.again("A4", frequency="7")], 4))
        await desk.until(lambda desk: len(desk.of("277ca")) == 4)
    original, back, paid, void_answer = desk.payments()
    assert [item.status for item in desk.payments()] == ["1", "22", "1", "22"]
    assert (back.number, back.payer_number, back.paid) == ("A1", number, -original.paid)
    assert paid.number == "A2"
    assert (void_answer.number, void_answer.paid) == ("A2", -paid.paid)
    assert "A6:464" in desk.of("277ca")[3]
    for text in desk.of("835"):
        assert_balanced(text)
        assert guide_problems(text) == []


async def test_an_exact_copy_of_a_paid_claim_is_a_duplicate(tmp_path: Path) -> None:
    claim = Claim("A1", "M1")
    async with Simulator(world_config(tmp_path, validation="envelope")) as world, Desk(world.port) as desk:
        await desk.upload("1.837", write_837([claim, claim.again("A2")], 1))
        await desk.until(lambda desk: len(desk.payments()) == 2)
    assert [(item.number, item.reasons == {"CO-18"}) for item in desk.payments()] == [("A1", False), ("A2", True)]


async def test_a_payment_can_come_back_under_another_name_or_another_interchange(tmp_path: Path) -> None:
    scripted = {
        "M1": {"outcome": "paid", "duplicate": "identical"},
        "M2": {"outcome": "paid", "duplicate": "reissued"},
    }
    config = world_config(tmp_path, validation="envelope", world={"scripted": scripted})
    claims = [Claim("A1", "M1", payer="ONE"), Claim("A2", "M2", payer="TWO")]
    async with Simulator(config) as world, Desk(world.port) as desk:
        await desk.upload("1.837", write_837(claims, 1))
        await desk.until(lambda desk: len(desk.of("835")) == 4)
    one, two = ([text for name, text in sorted(desk.fetched.items()) if payer in name] for payer in ("ONE", "TWO"))
    assert one[0] == one[1]
    assert two[0] != two[1]
    assert read_835(two[0]) == read_835(two[1])
    assert segments(two[0])[0][13] != segments(two[1])[0][13]


async def test_provider_level_money_is_carried_until_it_is_settled(tmp_path: Path) -> None:
    """Reversals larger than the payment: nothing is paid, and the debt follows into the next file."""
    config = world_config(tmp_path, validation="envelope", world={"scripted": {"M2": "late"}})
    first = Claim("A1", "M1")
    async with Simulator(config) as world, Desk(world.port) as desk:
        await desk.upload("1.837", write_837([first], 1))
        await desk.until(lambda desk: len(desk.payments()) == 1)
        void = first.again("A2", frequency="8", original=desk.payments()[0].payer_number)
        await desk.upload("2.837", write_837([void], 2))
        await desk.until(lambda desk: len(desk.payments()) == 2)
        await desk.upload("3.837", write_837([Claim("A3", "M2", lines=(("97110:GP", "900", "2"),))], 3))
        await desk.until(lambda desk: len(desk.payments()) == 3)
    _, second, third = (read_835(text) for text in desk.of("835"))
    debt = -second.claims[0].paid
    assert (second.total, second.provider_level) == (Decimal(0), [("FB", -debt)])
    assert ("FB", debt) in third.provider_level
    assert [reason for reason, value in third.provider_level if value < 0] == ["L6"]
    for text in desk.of("835"):
        assert_balanced(text)
        assert guide_problems(text) == []


async def test_a_take_back_may_wait_one_file_as_a_recoupment(tmp_path: Path) -> None:
    """Six contract-rate corrections: some are taken at once, the deferred ones as WO, first given and then taken."""
    scripted = {f"M{index}": "reversed" for index in range(6)}
    config = world_config(tmp_path, validation="envelope", world={"scripted": scripted})
    async with Simulator(config) as world, Desk(world.port) as desk:
        await desk.upload("1.837", write_837([Claim(f"A{index}", f"M{index}") for index in range(6)], 1))
        await desk.until(lambda desk: len(desk.payments()) == 18)
        await desk.upload("2.837", write_837([Claim("B1", "M9", lines=(("97110:GP", "900", "2"),))], 2))
        await desk.until(lambda desk: len(desk.payments()) == 19)
    deferred = [value for text in desk.of("835") for _, value in read_835(text).provider_level]
    assert min(deferred) < 0 < max(deferred)
    assert sum(deferred) == 0
    for text in desk.of("835"):
        assert_balanced(text)
        assert guide_problems(text) == []


def test_the_outcome_depends_on_what_a_claim_says_and_on_nothing_else() -> None:
    world = World()
    claims = [Claim(f"PT{index}", f"M{index}", dos=f"202601{1 + index % 28:02d}") for index in range(400)]

    def outcomes(order: list[Claim], seed: int) -> dict[str, tuple[Outcome, Decimal]]:
        found: dict[str, tuple[Outcome, Decimal]] = {}
        for claim in submitted(*order):
            verdict = decide(world, seed, claim, [], None)
            found[claim.member_id] = (verdict.outcome, adjudicate(world, claim, verdict, "1", "20260201").paid)
        return found

    renumbered = [claim.again(f"X{index}") for index, claim in enumerate(reversed(claims))]
    assert outcomes(claims, 1) == outcomes(renumbered, 1)
    assert outcomes(claims, 1) != outcomes(claims, 2)


async def all_remitted(desk: Desk, root: Path, claims: int) -> None:
    await desk.until(lambda _: len(decisions(root)) == claims)
    due = Counter(item.outcome for item in decisions(root))
    expected = claims - due[Outcome.REJECTED] - due[Outcome.LOST] + 2 * due[Outcome.REVERSED]
    await desk.until(lambda desk: len(desk.payments()) == expected)


async def test_two_worlds_of_one_seed_answer_alike_in_any_order(tmp_path: Path) -> None:
    claims = [Claim(f"PT{index}", f"M{index}") for index in range(60)]
    results = []
    for run, order in enumerate((claims, claims[::-1])):
        config = world_config(tmp_path / str(run), validation="envelope", seed=7, late_seconds=0.1, world={"mix": {}})
        async with Simulator(config) as world, Desk(world.port) as desk:
            for batch in range(0, 60, 20 + 10 * run):
                await desk.upload(f"{batch}.837", write_837(order[batch : batch + 20 + 10 * run], batch + 1))
            await all_remitted(desk, config.root, len(claims))
        results.append(sorted((paid.number, paid.status, paid.paid, paid.share) for paid in desk.payments()))
    assert results[0] == results[1]


def test_the_default_mix_is_mostly_clean_payment() -> None:
    world = World()
    claims = submitted(*(Claim(f"PT{index}", f"M{index}") for index in range(4000)))
    counts = Counter(decide(world, 1, claim, [], None).outcome for claim in claims)
    shares = {outcome: round(100 * count / 4000) for outcome, count in counts.items()}
    assert all(abs(shares[outcome] - share) <= 2 for outcome, share in OutcomeMix().weights().items()), shares


def test_prices_come_from_the_payer_and_shares_from_the_plan() -> None:
    world = World(
        mix=OutcomeMix(partial=0, denied=0, rejected=0, lost=0, late=0, reversed=0),
        payers={"60054": PayerWorld(allowed={"97110": Decimal("30.40")}, patient_share=0)},
    )
    (claim,) = submitted(Claim("PT1", "M1"))
    remitted = adjudicate(world, claim, decide(world, 1, claim, [], None), "1", "20260201")
    assert [(line.allowed, line.paid) for line in remitted.lines] == [
        (Decimal("60.80"), Decimal("60.80")),  # two units at the agreed rate
        (Decimal("43.40"), Decimal("43.40")),  # no agreed rate: 62 % of the charge
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"member": ""}, "164"), ({"frequency": "7", "original": "1", "filing": "MB"}, "535")],
)
def test_front_end_edits_reject_what_no_payer_could_process(change: dict[str, str], status: str) -> None:
    (claim,) = submitted(Claim("PT1", "M1").again("PT1", **change))
    verdict = decide(World(), 1, claim, [], None)
    assert verdict.rejection
    assert verdict.rejection.status == status
