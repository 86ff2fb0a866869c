"""From a decided claim to money: allowed amounts, adjustments and patient share, line by line, always balancing."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict

from simulator.claims import ZERO, ServiceLine, SubmittedClaim
from simulator.config import Outcome, World
from simulator.denials import Denial
from simulator.outcomes import Dice, Verdict

CENT = Decimal("0.01")
SEQUESTRATION = Decimal("0.02")
PART_B_COINSURANCE = Decimal("0.20")
ASSISTANT_REDUCTION = Decimal("0.15")
# The practice-expense share of a therapy code is near a fifth of its price; halving it takes a tenth off.
MULTIPLE_PROCEDURE_REDUCTION = Decimal("0.10")
CORRECTION_FACTOR = Decimal("0.90")
ASSISTANT_MODIFIERS = ("CQ", "CO")
COPAYS = (Decimal("20"), Decimal("25"), Decimal("30"), Decimal("40"))
DEDUCTIBLES_LEFT = (Decimal("15"), Decimal("40"), Decimal("75"), Decimal("400"))
SHARE_KINDS = ("3", "3", "3", "3", "2", "2", "2", "1")  # mostly copays, some coinsurance, now and then a deductible
COINSURANCES = (Decimal("0.10"), Decimal("0.20"), Decimal("0.30"))
STATUS_BY_SEQUENCE = {"P": "1", "S": "2", "T": "3"}
MEMBER_UNKNOWN = "31"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Adjustment(_Record):
    """Why a dollar was not paid."""

    group: str
    reason: str
    amount: Decimal


class RemittedLine(_Record):
    """One SVC."""

    procedure: tuple[str, ...]
    charge: Decimal
    paid: Decimal
    units: Decimal
    date_of_service: str
    control_number: str
    allowed: Decimal | None
    adjustments: tuple[Adjustment, ...]
    remarks: tuple[str, ...] = ()

    def negated(self) -> Self:
        """The same line taken back: every amount with the opposite sign."""
        undone = tuple(item.model_copy(update={"amount": -item.amount}) for item in self.adjustments)
        allowed = None if self.allowed is None else -self.allowed
        return self.model_copy(
            update={"charge": -self.charge, "paid": -self.paid, "allowed": allowed, "adjustments": undone}
        )


class RemittedClaim(_Record):
    """One CLP with its lines."""

    control_number: str
    status: str
    payer_control_number: str
    filing_indicator: str
    place_of_service: str
    frequency: str
    patient: tuple[str, str, str]
    member_id: str
    rendering: tuple[str, str, str]
    received: str
    lines: tuple[RemittedLine, ...]

    @property
    def charge(self) -> Decimal:
        return sum((line.charge for line in self.lines), ZERO)

    @property
    def paid(self) -> Decimal:
        return sum((line.paid for line in self.lines), ZERO)

    @property
    def patient_share(self) -> Decimal:
        shares = (item.amount for line in self.lines for item in line.adjustments if item.group == "PR")
        return sum(shares, ZERO)

    def reversed(self) -> Self:
        """CLP02 22: the mirror image of what was remitted before."""
        return self.model_copy(update={"status": "22", "lines": tuple(line.negated() for line in self.lines)})


class _Ledger:
    """One line being priced: what is left of the charge, and where the rest went."""

    def __init__(self, charge: Decimal) -> None:
        self.rest = charge
        self.adjustments: list[Adjustment] = []

    def take(self, group: str, reason: str, amount: Decimal) -> None:
        """Move up to `amount` of what is left into an adjustment, so that a line can never be overdrawn."""
        taken = min(amount.quantize(CENT, ROUND_HALF_UP), self.rest)
        if taken > 0:
            self.rest -= taken
            self.adjustments.append(Adjustment(group=group, reason=reason, amount=taken))


class Terms:
    """One payer's arithmetic for one claim."""

    def __init__(self, world: World, claim: SubmittedClaim, factor: Decimal = Decimal(1)) -> None:
        payer = world.payer(claim.payer_id)
        medicare = claim.filing_indicator == "MB"
        self.rates = payer.allowed
        self.fraction = payer.allowed_fraction or world.allowed_fraction
        self.factor = factor
        self.medicare = medicare
        self.reduces = medicare if payer.multiple_procedure_reduction is None else payer.multiple_procedure_reduction
        self.sequesters = medicare if payer.sequestration is None else payer.sequestration
        default_share = 0.0 if claim.filing_indicator in ("MC", "WC") else world.patient_share
        self.share = default_share if payer.patient_share is None else payer.patient_share

    def allowed(self, line: ServiceLine) -> Decimal:
        rate = self.rates.get(line.code)
        value = line.charge * self.fraction if rate is None else rate * line.units
        return min((value * self.factor).quantize(CENT, ROUND_HALF_UP), line.charge)


class PatientShare:
    """How much of a claim the plan leaves to the patient: a copay, a coinsurance, a deductible, or nothing."""

    def __init__(self, terms: Terms, dice: Dice) -> None:
        self.kind = "none"
        self.pool = ZERO
        self.rate = ZERO
        if not dice.chance("patient share", terms.share):
            return
        if terms.medicare:
            self.kind, self.rate = "2", PART_B_COINSURANCE
            return
        self.kind = dice.pick("patient share kind", SHARE_KINDS)
        self.rate = dice.pick("coinsurance", COINSURANCES) if self.kind == "2" else ZERO
        self.pool = dice.pick("flat share", COPAYS if self.kind == "3" else DEDUCTIBLES_LEFT)

    def take_from(self, ledger: _Ledger) -> None:
        if self.kind == "2":
            ledger.take("PR", "2", ledger.rest * self.rate)
        elif self.kind in ("1", "3"):
            before = ledger.rest
            ledger.take("PR", self.kind, self.pool)
            self.pool -= before - ledger.rest


def adjudicate(world: World, claim: SubmittedClaim, verdict: Verdict, number: str, received: str) -> RemittedClaim:
    """The remittance of a claim as decided."""
    if verdict.outcome == Outcome.DENIED and verdict.denial:
        lines = [deny(line, verdict.denial) for line in claim.lines]
        unknown = verdict.denial.reason == MEMBER_UNKNOWN
        return _remitted(claim, "4" if unknown else None, number, received, lines)
    lines = price(world, claim, verdict)
    return _remitted(claim, None, number, received, lines)


def correct(world: World, claim: SubmittedClaim, verdict: Verdict, number: str, received: str) -> RemittedClaim:
    """The claim priced again at the lower rate the payer should have used, as after a contract-rate audit."""
    lines = [line.model_copy(update={"remarks": ("MA67",)}) for line in price(world, claim, verdict, CORRECTION_FACTOR)]
    return _remitted(claim, None, number, received, lines)


def price(world: World, claim: SubmittedClaim, verdict: Verdict, factor: Decimal = Decimal(1)) -> list[RemittedLine]:
    """All lines of a claim that is paid at least in part."""
    terms = Terms(world, claim, factor)
    share = PatientShare(terms, verdict.dice)
    full_price = _dearest(claim.lines, terms, verdict.denied_line)
    spill = claim.prior_patient_share
    priced: list[RemittedLine] = []
    for index, line in enumerate(claim.lines):
        if index == verdict.denied_line and verdict.denial:
            priced.append(deny(line, verdict.denial))
        elif claim.payer_sequence in ("S", "T"):
            remitted, spill = pay_after_another(line, spill)
            priced.append(remitted)
        else:
            priced.append(pay(line, terms, share, reduced=terms.reduces and index != full_price))
    return priced


def _dearest(lines: Sequence[ServiceLine], terms: Terms, denied: int | None) -> int:
    """The line the multiple-procedure rule leaves whole: the one worth most per unit."""
    candidates = [index for index in range(len(lines)) if index != denied]
    return max(candidates, key=lambda index: terms.allowed(lines[index]) / max(lines[index].units, CENT), default=-1)


def pay(line: ServiceLine, terms: Terms, share: PatientShare, reduced: bool) -> RemittedLine:
    """One paid line. The order is the payers': contract, procedure reduction, patient, assistant, sequestration."""
    ledger = _Ledger(line.charge)
    allowed = terms.allowed(line)
    ledger.take("CO", "45", line.charge - allowed)
    if terms.reduces:
        units = line.units if reduced else max(line.units - 1, ZERO)
        ledger.take("CO", "59", allowed * MULTIPLE_PROCEDURE_REDUCTION * units / max(line.units, Decimal(1)))
    allowed = ledger.rest
    share.take_from(ledger)
    remarks: tuple[str, ...] = ()
    if terms.medicare and any(modifier in ASSISTANT_MODIFIERS for modifier in line.modifiers):
        ledger.take("CO", "45", ledger.rest * ASSISTANT_REDUCTION)
        remarks = ("N851",)
    if terms.sequesters:
        ledger.take("CO", "253", ledger.rest * SEQUESTRATION)
    return _line(line, ledger, allowed, remarks)


def pay_after_another(line: ServiceLine, spill: Decimal) -> tuple[RemittedLine, Decimal]:
    """A secondary payer pays what the first left to the patient; the rest is the first payer's effect."""
    wanted = line.prior_patient_share + spill
    payable = min(wanted, line.charge)
    ledger = _Ledger(line.charge)
    ledger.take("OA", "23", line.charge - payable)
    return _line(line, ledger, payable, ()), wanted - payable if spill else ZERO


def deny(line: ServiceLine, denial: Denial) -> RemittedLine:
    """The whole charge under one reason; nothing is allowed."""
    ledger = _Ledger(line.charge)
    ledger.take(denial.group, denial.reason, line.charge)
    return _line(line, ledger, None, denial.remarks)


def _line(line: ServiceLine, ledger: _Ledger, allowed: Decimal | None, remarks: tuple[str, ...]) -> RemittedLine:
    return RemittedLine(
        procedure=line.procedure,
        charge=line.charge,
        paid=ledger.rest,
        units=line.units,
        date_of_service=line.date_of_service,
        control_number=line.control_number,
        allowed=allowed,
        adjustments=_merged(ledger.adjustments),
        remarks=remarks,
    )


def _merged(adjustments: list[Adjustment]) -> tuple[Adjustment, ...]:
    """One entry per group and reason: the assistant's reduction joins the contractual one under CO-45."""
    sums: dict[tuple[str, str], Decimal] = {}
    for item in adjustments:
        sums[item.group, item.reason] = sums.get((item.group, item.reason), ZERO) + item.amount
    return tuple(Adjustment(group=group, reason=reason, amount=total) for (group, reason), total in sums.items())


def _remitted(
    claim: SubmittedClaim, status: str | None, number: str, received: str, lines: list[RemittedLine]
) -> RemittedClaim:
    return RemittedClaim(
        control_number=claim.control_number,
        status=status or STATUS_BY_SEQUENCE.get(claim.payer_sequence, "1"),
        payer_control_number=number,
        filing_indicator=claim.filing_indicator,
        place_of_service=claim.place_of_service,
        frequency=claim.frequency,
        patient=(claim.patient.last, claim.patient.first, claim.patient.middle),
        member_id=claim.subscriber.identifier,
        rendering=(claim.rendering.last, claim.rendering.first, claim.rendering.identifier),
        received=received,
        lines=tuple(lines),
    )
