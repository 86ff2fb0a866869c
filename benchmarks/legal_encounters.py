"""Random legal encounters, all the way to the 837P, before the judge: pyx12 and our own checks accept every claim.

`python -m benchmarks.legal_encounters [--count 1000] [--seed 1]` makes visits of the demo clinic, gives them at random
what few visits have (second and third plans, accidents, attachments, notes, referrals, reasons for delay, replacements,
voids), files each with its first plan and, where there is one, with the second after a random decision of the first.
Prints how many claims were made and refused, and the refusals; the exit status is 1 when there is any.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.cli_scrub import evaluate_visits, read_visits
from billing.practice import Practice
from edi import cli_claim
from edi.filing import Filing, Sender, claim_record, envelope, prior_decision
from edi.values import Adjustment
from edi.x835 import RemittanceClaim, RemittanceLine
from edi.x837p import Claim837
from edi.x837p_gate import refusals
from simulator import clinic_payers as payers
from simulator.clinic import practice, volume

DAY = date(2026, 11, 20)
CLAIMS_PER_FILE = 100
BEHIND = (payers.SUPPLEMENT, payers.MILITARY, payers.MEDICAID)
CENT = Decimal("0.01")


def claims(count: int, seed: int) -> Iterator[Claim837]:
    """The claims of so many random visits; a visit with a second plan has two."""
    rng = random.Random(seed)
    loaded = Practice.model_validate(practice(DAY))
    sender = cli_claim._sender(loaded)
    lines = [json.dumps(_varied(rng, visit)) for visit in volume(seed, DAY, count)]
    visits = read_visits(lines)
    evaluations = evaluate_visits(loaded, visits, DAY)
    for visit in visits:
        if visit.encounter is None:
            raise ValueError(f"a visit of our own does not read: {visit.error}")
        evaluation = evaluations[visit.number]
        if evaluation.claim.lines:
            filing = _frequency(rng, cli_claim._filing(visit.encounter, evaluation))
            yield from _filed(rng, sender, filing)


def _filed(rng: random.Random, sender: Sender, filing: Filing) -> Iterator[Claim837]:
    yield claim_record(sender, filing)
    if len(filing.facts["administrative"]["coverages"]) > 1:
        decision = _decided(rng, filing)
        again = replace(filing, rank=2, prior_decisions=(decision,), prior_authorization_number="")
        yield claim_record(sender, replace(again, patient_control_number=f"S{filing.patient_control_number[1:]}"))


def _frequency(rng: random.Random, filing: Filing) -> Filing:
    if rng.random() < 0.8:
        return filing
    return replace(filing, frequency_code=rng.choice("78"), original_reference=f"ICN{rng.randrange(10**8)}")


def _varied(rng: random.Random, visit: dict[str, Any]) -> dict[str, Any]:
    office = visit["administrative"]
    first = office["coverages"][0]["plan_id"]
    if len(office["coverages"]) == 1 and rng.random() < 0.4:
        names = rng.sample([plan for plan in BEHIND if plan != first], rng.choice((1, 1, 2)))
        office["coverages"] += [
            {"plan_id": plan, "rank": rank, "member_id": f"B{rng.randrange(10**8):08d}"}
            for rank, plan in enumerate(names, start=2)
        ]
    if rng.random() < 0.2:
        kind = rng.choice(("auto", "employment", "other"))
        happened = visit["compliance"]["episode"]["started_on"]
        office["accident"] = {"kind": kind, "happened_on": happened, "claim_number": f"WC{rng.randrange(10**6)}"}
        office["accident"]["state"] = "TX" if kind == "auto" else ""
    if rng.random() < 0.2:
        numbers = [f"ATT{rng.randrange(10**6)}" for _ in range(rng.randrange(1, 11))]
        office["attachments"] = [{"transmission": rng.choice(("EL", "FX", "BM")), "control_number": n} for n in numbers]
    office["claim_note"] = rng.choice(("", "", "SEE RECORDS", "PT AND OT ON ONE DAY, NO OVERLAP"))
    office["referral_number"] = rng.choice(("", "", f"REF{rng.randrange(10**6)}"))
    office["delay_reason"] = rng.choice(("", "", "3", "7", "11"))
    office["patient_paid"] = rng.choice(("0.00", "0.00", "20.00"))
    for service in visit["timing"]["services"]:
        service["description"] = rng.choice(("", "", "CUSTOM ORTHOSIS"))
    return visit


def _decided(rng: random.Random, filing: Filing) -> dict[str, Any]:
    """A first plan's word on every line: contract, patient's share, now and then nothing paid at all."""
    lines = [_decided_line(rng, line) for line in filing.coded["lines"]]
    said = RemittanceClaim(
        patient_control_number=filing.patient_control_number,
        status_code="1",
        charge=filing.charge,
        paid=sum((line.paid for line in lines), Decimal("0.00")),
        patient_responsibility=Decimal("0.00"),
        payer_claim_control_number=f"ICN{rng.randrange(10**8)}",
        remark_codes=rng.choice(((), ("MA01",), ("MA01", "N1"))),
        lines=tuple(lines),
    )
    return prior_decision(1, DAY, said, [line["line_number"] for line in filing.coded["lines"]])


def _decided_line(rng: random.Random, line: dict[str, Any]) -> RemittanceLine:
    rest = charge = Decimal(line["charge"])
    adjustments = []
    for group, reason in (("CO", "45"), ("CO", "253"), ("PR", rng.choice("123")), ("OA", "94")):
        amount = (rest * Decimal(rng.randrange(0, 101)) / 100).quantize(CENT)
        if amount and rng.random() < 0.7:
            rest -= amount
            adjustments.append(Adjustment(group, reason, amount))
    return RemittanceLine(
        procedure_code=line["code"],
        modifiers=tuple(line["modifiers"]),
        charge=charge,
        paid=rest,
        units=Decimal(line["units"]),
        adjustments=tuple(adjustments),
    )


def refused(made: list[Claim837], number: int) -> list[str]:
    """What our own checks and pyx12 say against the claims of one file."""
    loaded = Practice.model_validate(practice(DAY))
    around = envelope(cli_claim._sender(loaded), number, "T", datetime(2026, 11, 20, 8, tzinfo=UTC))
    return [message for messages in refusals(around, made) for message in messages]


def main() -> int:
    """Make, judge, say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    made = list(claims(arguments.count, arguments.seed))
    said: list[str] = []
    for number, start in enumerate(range(0, len(made), CLAIMS_PER_FILE), start=1):
        said += refused(made[start : start + CLAIMS_PER_FILE], number)
    later = sum(claim.subscriber.payer_responsibility != "P" for claim in made)
    seconds = time.monotonic() - started
    print(f"{arguments.count} encounters, {len(made)} claims ({later} to a second plan), {seconds:.0f} s")
    print(f"refused by pyx12 or our own checks: {len(said)}")
    print("\n".join(said[:20]))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
