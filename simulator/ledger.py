"""For tests: what arrived, read from the archive, and what was decided, read from the journal."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from simulator.claims import parse_claims
from simulator.config import Outcome
from simulator.journal import Judged, events
from simulator.x12 import MalformedInterchangeError, decode, read


@dataclass(frozen=True, slots=True)
class ReceivedClaim:
    """One claim of one upload, also when the upload was refused: what a client really sent."""

    control_number: str
    frequency: str
    file: str
    charge: Decimal
    member_id: str
    dos: str
    payer_id: str
    interchange: str


@dataclass(frozen=True, slots=True)
class DecidedClaim:
    """What the simulator made of a claim it took in."""

    control_number: str
    payer_control_number: str
    frequency: str
    outcome: Outcome


def inbox(root: Path) -> list[ReceivedClaim]:
    """Every claim of every readable upload, in order of arrival."""
    return [claim for path in sorted((root / "archive").iterdir()) for claim in _claims_of(path)]


def _claims_of(path: Path) -> list[ReceivedClaim]:
    try:
        interchange = read(decode(path.read_bytes()))
    except MalformedInterchangeError:
        return []
    number = interchange.header.control
    return [
        ReceivedClaim(
            control_number=claim.control_number,
            frequency=claim.frequency,
            file=path.name,
            charge=claim.charge,
            member_id=claim.member_id,
            dos=claim.dates[0],
            payer_id=claim.payer_id,
            interchange=number,
        )
        for claim in parse_claims(interchange)
    ]


def decisions(root: Path) -> list[DecidedClaim]:
    """Every decision, in order; refused uploads have none."""
    judged = [event for event in events(root / "state" / "journal.jsonl") if isinstance(event, Judged)]
    return [
        DecidedClaim(item.control_number, item.payer_control_number, item.frequency, item.outcome)
        for event in judged
        for item in event.decisions
    ]
