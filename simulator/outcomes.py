"""What becomes of a claim: a hash of what it says, so that the same seed is the same world in any order, on any day."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from simulator import denials
from simulator.claims import SubmittedClaim
from simulator.config import DenialReason, Duplicate, Outcome, PayerWorld, Script, World
from simulator.denials import Denial, Rejection

T = TypeVar("T")

VOID, REPLACEMENT = "8", "7"
# An earlier claim that ended so leaves the visit open: what comes next is read as its correction.
UNSETTLED = (Outcome.DENIED, Outcome.REJECTED, Outcome.LOST)


class Dice:
    """Fair draws that depend only on the seed and the key; each question has its own label, hence its own draw."""

    def __init__(self, *key: object) -> None:
        self.key = "|".join(str(part) for part in key)

    def draw(self, label: str) -> float:
        digest = hashlib.sha256(f"{self.key}|{label}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    def chance(self, label: str, share: float) -> bool:
        return self.draw(label) < share

    def pick(self, label: str, choices: Sequence[T]) -> T:
        return choices[int(self.draw(label) * len(choices))]

    def weighted(self, label: str, weights: Mapping[T, float]) -> T:
        point = self.draw(label) * sum(weights.values())
        for choice, weight in weights.items():
            point -= weight
            if point < 0:
                return choice
        return max(weights, key=lambda choice: weights[choice])


def claim_dice(seed: int, claim: SubmittedClaim) -> Dice:
    """Never the claim number, the file, the clock or the order: a claim resent under another number fares alike."""
    dates = ",".join(claim.dates)
    return Dice(seed, claim.member_id, dates, f"{claim.charge:.2f}", claim.codes, claim.frequency)


class Earlier(BaseModel):
    """What is remembered of a claim for the same member and day."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    discipline: str
    content: str
    void: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one claim, before money is counted."""

    outcome: Outcome
    dice: Dice = field(compare=False)
    denial: Denial | None = None
    rejection: Rejection | None = None
    denied_line: int | None = None
    duplicate: Duplicate | None = None


def content_of(claim: SubmittedClaim) -> str:
    """What two claims share when one is an exact copy of the other."""
    lines = sorted(f"{':'.join(line.procedure)}={line.charge}x{line.units}" for line in claim.lines)
    return hashlib.sha256(f"{claim.charge}|{'|'.join(lines)}".encode()).hexdigest()[:16]


def decide(
    world: World, seed: int, claim: SubmittedClaim, earlier: Sequence[Earlier], script: Script | None
) -> Verdict:
    """Data errors first, then the script, then the visit's history, then the dice."""
    dice = claim_dice(seed, claim)
    payer = world.payer(claim.payer_id)
    error = data_error(claim, payer)
    if error:
        return Verdict(Outcome.REJECTED, dice, rejection=error)
    if script:
        return _detailed(world, payer, claim, dice, script)
    if claim.frequency in (REPLACEMENT, VOID):
        return Verdict(Outcome.PAID, dice)
    same_care = _since_void([past for past in earlier if _same_care(past, claim)])
    if same_care:
        return _after(same_care[-1], claim, dice) or _drawn(world, payer, claim, dice)
    return _drawn(world, payer, claim, dice)


def data_error(claim: SubmittedClaim, payer: PayerWorld) -> Rejection | None:
    """What a payer's front-end edits refuse whatever the dice say."""
    replaces = payer.accepts_replacement if payer.accepts_replacement is not None else claim.filing_indicator != "MB"
    corrects = claim.frequency in (REPLACEMENT, VOID)
    checks = [
        (not claim.member_id, denials.MEMBER_ID_MISSING),
        (sum(line.charge for line in claim.lines) != claim.charge, denials.CHARGES_DO_NOT_ADD),
        (corrects and not replaces, denials.FREQUENCY_NOT_ACCEPTED),
        (corrects and not claim.original_reference, denials.ORIGINAL_REFERENCE_MISSING),
    ]
    return next((rejection for wrong, rejection in checks if wrong), None)


def _same_care(past: Earlier, claim: SubmittedClaim) -> bool:
    """A missing therapy modifier matches any, since adding it may be the very correction."""
    return past.discipline == claim.discipline or not past.discipline or not claim.discipline


def _since_void(earlier: Sequence[Earlier]) -> Sequence[Earlier]:
    """What was voided is as if it had never been sent."""
    voids = [place for place, past in enumerate(earlier) if past.void and past.outcome not in UNSETTLED]
    return earlier[voids[-1] + 1 :] if voids else earlier


def _after(past: Earlier, claim: SubmittedClaim, dice: Dice) -> Verdict | None:
    """A correction is paid; an exact copy of something settled is a duplicate; anything else is a claim of its own."""
    changed = past.content != content_of(claim)
    if past.outcome in UNSETTLED or (changed and past.outcome == Outcome.PARTIAL):
        return Verdict(Outcome.PAID, dice)
    if changed:
        return None
    return Verdict(Outcome.DENIED, dice, denial=denials.EXACT_DUPLICATE)


def _drawn(world: World, payer: PayerWorld, claim: SubmittedClaim, dice: Dice) -> Verdict:
    mix = payer.mix or world.mix
    return _detailed(world, payer, claim, dice, Script(outcome=dice.weighted("outcome", mix.weights())))


def _detailed(world: World, payer: PayerWorld, claim: SubmittedClaim, dice: Dice, script: Script) -> Verdict:
    """Fill in what the outcome leaves open: which denial, which rejection, which line."""
    outcome = script.outcome
    if outcome == Outcome.PARTIAL and len(claim.lines) < 2:
        outcome = Outcome.PAID if not script.reason else Outcome.DENIED  # one line cannot be denied in part
    denial = rejection = line = None
    if outcome in (Outcome.DENIED, Outcome.PARTIAL):
        denial = _denial_for(world, payer, dice, script.reason, outcome)
    if outcome == Outcome.PARTIAL:
        line = min(script.line or len(claim.lines), len(claim.lines)) - 1
    if outcome == Outcome.REJECTED:
        rejection = denials.rejection_named(script.reason) or dice.pick("rejection", denials.REJECTIONS)
    return Verdict(outcome, dice, denial, rejection, line, script.duplicate)


def _denial_for(world: World, payer: PayerWorld, dice: Dice, reason: str, outcome: Outcome) -> Denial:
    """Codes spelled out, a named reason, or a draw among the payer's own reasons."""
    table = denials.LINE_DENIALS if outcome == Outcome.PARTIAL else denials.CLAIM_DENIALS
    spelled = denials.denial_named(reason)
    if spelled:
        return spelled
    named = DenialReason(reason) if reason in list(DenialReason) else None
    weights = payer.denials or world.denials
    return dice.pick("denial", table[named or dice.weighted("reason", weights)])
