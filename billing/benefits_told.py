"""What a payer's eligibility answer says of a benefit limit, turned into what other clinics used of it.

A payer that says how much is left (271, EB01 F with EB06 29) or used counts our own claims too: what it paid us is
taken off, the rest was used elsewhere. Claims of ours it has not paid yet are not taken off, so that nothing is
promised twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing import benefits
from billing.context import LimitUse
from billing.practice import BenefitLimit
from billing.vocabulary import Discipline, LimitMeasure

LIMITATION, VISITS, USED = "F", "VS", "99"  # EB01; EB09: visits, quantity used (X12 element 673)
REMAINING, YEAR_TO_DATE = "29", "24"  # EB06 (X12 element 615)
WHOLE_PERIOD = ("22", "23", "25")  # EB06: service year, calendar year, contract
THERAPIES: Mapping[str, tuple[Discipline, ...]] = {  # EB03 (X12 element 1365)
    "PT": (Discipline.PT,),
    "AE": (Discipline.PT,),  # physical medicine: the payers that say so mean PT (practice default)
    "AD": (Discipline.OT,),
    "AF": (Discipline.SLP,),
    "A9": (Discipline.PT, Discipline.OT, Discipline.SLP),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One limitation as the payer states it: a quantity of visits, or dollars, for therapies named by service type."""

    information_code: str
    service_types: tuple[str, ...]
    time_period: str
    quantity_qualifier: str
    quantity: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a payer says of one limit of its plan. left, used, total: None where not said."""

    left: Decimal | None
    used: Decimal | None
    total: Decimal | None


@dataclass(frozen=True, slots=True)
class Learned:
    """What others used of a limit by the payer's answer, with the arithmetic for a person."""

    used_elsewhere: Decimal
    arithmetic: str


def answered(limit: BenefitLimit, discipline: Discipline, statements: Iterable[Statement]) -> Answered | None:
    """What the statements say of a limit (for one discipline, where each has the quantity for itself).

    None where they say nothing of what is left or used. Raises ValueError where two of them contradict each other.
    """
    sharing = benefits.pool(limit, discipline)
    said: dict[str, set[Decimal]] = {"left": set(), "used": set(), "total": set()}
    for one in statements:
        named = {each for code in one.service_types for each in THERAPIES.get(code, ())}
        kind, value = _reading(limit, one)
        if one.information_code == LIMITATION and named & set(sharing) and kind and value is not None:
            said[kind].add(value)
    if not said["left"] and not said["used"]:
        return None
    several = [kind for kind, values in said.items() if len(values) > 1]
    if several:
        raise ValueError(f"it names several quantities {' and '.join(several)}")
    left, used, total = (next(iter(said[kind]), None) for kind in ("left", "used", "total"))
    return Answered(left, used, total)


def _reading(limit: BenefitLimit, one: Statement) -> tuple[str, Decimal | None]:
    """Which of the three it is, and how much, in the limit's measure; "" where it is none of them."""
    dollars = limit.measure is LimitMeasure.DOLLARS
    value = one.amount if dollars else one.quantity
    if not dollars and one.quantity_qualifier == USED:
        return "used", value
    if not dollars and one.quantity_qualifier != VISITS:
        return "", None
    kind = {REMAINING: "left", YEAR_TO_DATE: "used"} | dict.fromkeys(WHOLE_PERIOD, "total")
    return kind.get(one.time_period, ""), value


def learned(limit: BenefitLimit, answer: Answered, paid_here: Sequence[LimitUse], as_of: date) -> Learned:
    """What was used elsewhere. paid_here: our visits of the period and pool that the payer has paid by that day."""
    total = answer.total if answer.total is not None else limit.quantity
    used = answer.used if answer.used is not None else total - (answer.left or Decimal(0))
    here = benefits.summed(limit, paid_here)
    elsewhere = max(used - here, Decimal(0))
    figures = [benefits.amount(limit, figure) for figure in (here, elsewhere)]
    if answer.left is not None:
        said = f"{benefits.amount(limit, answer.left)} of {benefits.amount(limit, total)} left"
    else:
        said = f"{benefits.amount(limit, used)} used"
    text = f"payer says {said} on {as_of:%m/%d/%Y}; ours known to it: {figures[0]}; so elsewhere: {figures[1]}"
    return Learned(elsewhere, text)
