"""What a plan should pay, in the order payers cut: allowed, therapy MPPR, charge, deductible, coinsurance, assistant,
sequestration.

MPPR (42 CFR 414.1405; Medicare 50 % since 2013): of the patient's day, over all disciplines of one billing NPI, the
unit with the highest practice expense is paid in full; of every other always-therapy unit the practice expense is cut.
The relative values are those of 2024. What is left of a deductible only the payer knows: it is taken off where an
eligibility answer told it, and said to be unknown where not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from billing import codes
from billing.findings import Step
from billing.practice import Fee, PlanTerms

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
HUNDRED = Decimal(100)


class PayableLine(NamedTuple):
    """One claim line as far as money cares."""

    code: str
    units: int
    assisted: bool = False


class ExpectedLine(NamedTuple):
    """Dollars of one line: what the plan allows, what the patient owes of it, what the plan pays in the end."""

    allowed: Decimal
    patient: Decimal
    payer: Decimal


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """Dollars of a claim; the fields are the sums of the lines."""

    lines: tuple[ExpectedLine, ...]
    allowed: Decimal
    patient: Decimal
    payer: Decimal
    steps: tuple[Step, ...]


class _Unit(NamedTuple):
    """One unit of an always-therapy code in the day's ranking."""

    practice_expense: Decimal
    allowed: Decimal
    line: int


def cents(amount: Decimal) -> Decimal:
    """Dollars to the cent, half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def fees_on(fees: Sequence[Fee], on: date) -> dict[str, Decimal]:
    """The charge of one unit by code, in dollars, as of that day."""
    return {
        fee.code: fee.amount
        for fee in fees
        if fee.effective_from <= on and (fee.effective_to is None or on <= fee.effective_to)
    }


def allowed_per_unit(code: str, terms: PlanTerms, charges: Mapping[str, Decimal]) -> Decimal | None:
    """What the plan allows for one unit before any cut: its own amount, or its percentage of our fee, or unknown."""
    if code in terms.allowed_amounts:
        return terms.allowed_amounts[code]
    if code not in charges:
        return None
    return cents(charges[code] * terms.allowed_percent_of_fee / HUNDRED)


def _share(code: str, on: date) -> Decimal | None:
    """The part of a code's amount that is practice expense, for codes the therapy MPPR cuts."""
    entry = codes.find(code, on)
    if entry is None or not entry.mppr or not entry.practice_expense:
        return None
    return entry.practice_expense / ((entry.work or 0) + entry.practice_expense + (entry.malpractice or 0))


def _first(units: Sequence[_Unit]) -> int:
    """The line that holds the day's one unreduced unit; -1 when it is on another claim of the day."""
    return max(units, key=lambda unit: (unit.practice_expense, unit.allowed, -unit.line)).line


def _ranked(lines: Sequence[PayableLine], rates: Mapping[str, Decimal | None], on: date, place: int) -> list[_Unit]:
    units = []
    for number, line in enumerate(lines):
        entry, rate = codes.find(line.code, on), rates.get(line.code)
        if entry is not None and entry.mppr and entry.practice_expense and rate is not None and line.units:
            units.append(_Unit(entry.practice_expense, rate, number if place >= 0 else -1))
    return units


def _reduced(rate: Decimal, code: str, terms: PlanTerms, on: date) -> Decimal:
    """One unit with its practice expense cut."""
    share = _share(code, on)
    return rate if share is None else cents(rate - rate * share * terms.mppr_percent / HUNDRED)


def allow(
    lines: Sequence[PayableLine],
    terms: PlanTerms,
    charges: Mapping[str, Decimal],
    on: date,
    same_day: Sequence[PayableLine] = (),
) -> tuple[tuple[Decimal, ...], tuple[Step, ...]]:
    """Allowed dollars per line after MPPR, never above the charge. ``same_day``: lines of the day's other claims."""
    rates = {line.code: allowed_per_unit(line.code, terms, charges) for line in (*lines, *same_day)}
    units = _ranked(lines, rates, on, 0) + _ranked(same_day, rates, on, -1) if terms.mppr_percent else []
    first = _first(units) if units else -1
    allowed: list[Decimal] = []
    steps: list[Step] = []
    for number, line in enumerate(lines):
        amount, step = _line_allowed(line, number == first, bool(units), rates[line.code], terms, on)
        charge = charges.get(line.code)
        allowed.append(amount if charge is None else min(amount, charge * line.units))
        steps.append(step)
    return tuple(allowed), tuple(steps)


def _line_allowed(
    line: PayableLine, is_first: bool, ranked: bool, rate: Decimal | None, terms: PlanTerms, on: date
) -> tuple[Decimal, Step]:
    if rate is None:
        return ZERO, Step(line.code, "no allowed amount and no fee known: nothing expected")
    cut = _reduced(rate, line.code, terms, on) if ranked else rate
    if cut == rate:
        return rate * line.units, Step(line.code, f"{line.units} x ${rate} = ${rate * line.units} allowed")
    full = 1 if is_first and line.units else 0
    amount = full * rate + (line.units - full) * cut
    parts = [f"{full} x ${rate}"] if full else []
    parts += [f"{line.units - full} x ${cut} (MPPR)"] if line.units > full else []
    return amount, Step(line.code, f"{' + '.join(parts)} = ${amount} allowed")


def _pay(line: PayableLine, allowed: Decimal, deductible: Decimal, copay: Decimal, terms: PlanTerms) -> ExpectedLine:
    """Deductible and copay are dollars of this line's allowed amount, both the patient's before coinsurance."""
    patient = deductible + copay + cents((allowed - deductible - copay) * terms.coinsurance_percent / HUNDRED)
    payer = allowed - patient
    if line.assisted:
        payer = cents(payer * terms.assistant_percent / HUNDRED)
    return ExpectedLine(allowed, patient, payer - cents(payer * terms.sequestration_percent / HUNDRED))


def expect(
    lines: Sequence[PayableLine],
    terms: PlanTerms,
    charges: Mapping[str, Decimal],
    on: date,
    same_day: Sequence[PayableLine] = (),
    deductible: Decimal | None = None,
) -> ExpectedPayment:
    """What the plan should pay for these lines of one day, in dollars.

    deductible: what was left to be met, line after line; None when nobody told, and then nothing is taken off.
    """
    amounts, steps = allow(lines, terms, charges, on, same_day)
    copay_left, deductible_left = terms.copay, deductible or ZERO
    paid: list[ExpectedLine] = []
    for line, allowed in zip(lines, amounts, strict=True):
        met = min(deductible_left, allowed)
        copay = min(copay_left, allowed - met)
        deductible_left -= met
        copay_left -= copay
        paid.append(_pay(line, allowed, met, copay, terms))
    return ExpectedPayment(
        lines=tuple(paid),
        allowed=sum((line.allowed for line in paid), ZERO),
        patient=sum((line.patient for line in paid), ZERO),
        payer=sum((line.payer for line in paid), ZERO),
        steps=(*steps, _deductible_told(deductible, deductible_left), *_told(paid, lines, terms)),
    )


def _deductible_told(deductible: Decimal | None, left: Decimal) -> Step:
    if deductible is None:
        return Step("patient", "what is left of the deductible was not told: none taken off")
    return Step("patient", f"deductible ${deductible} left before, ${deductible - left} met by this visit")


def _told(paid: Sequence[ExpectedLine], lines: Sequence[PayableLine], terms: PlanTerms) -> list[Step]:
    """The cuts after the allowed amount, in the order they are made."""
    patient = sum((line.patient for line in paid), ZERO)
    steps = [
        Step(
            "patient",
            f"copay ${terms.copay}, coinsurance {terms.coinsurance_percent}% of the rest: patient's share ${patient}",
        )
    ]
    if terms.assistant_percent != HUNDRED and any(line.assisted for line in lines):
        steps.append(Step("payer", f"assistant's lines at {terms.assistant_percent}% of the plan's part"))
    if terms.sequestration_percent:
        steps.append(Step("payer", f"sequestration {terms.sequestration_percent}% off the plan's part"))
    steps.append(Step("payer", f"the plan should pay ${sum((line.payer for line in paid), ZERO)}"))
    return steps


def shortfall(terms: PlanTerms, codes_billed: Iterable[str], expected: Decimal, answered: Decimal) -> Decimal | None:
    """By how many dollars an answer falls short of the contract, or None within the plan's tolerance.

    expected, answered: what the plan and the patient pay together, so that what is left of a deductible, which only
    the payer knows, changes nothing. Compared only where the plan's own amount is on file for every code: a percentage
    of our fee is a guess at what is allowed, and no contract (practice default after domain rule: paid less than
    expected beyond a tolerance is an exception of posting).
    """
    if terms.underpayment_tolerance is None or not all(code in terms.allowed_amounts for code in codes_billed):
        return None
    short = expected - answered
    return short if short > terms.underpayment_tolerance else None
