"""A plain recount of authorizations, by hand and from nothing of the engine: what is used, and what bookings reserve.

Everything is told by what people and payers see: the grants, the chart's units, the number on the claim.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

FEES = {"97110": Decimal("62.00"), "97140": Decimal("58.00")}  # the demo clinic's charges per unit, in dollars
SHARE_ALLOWED = Decimal("0.61")  # of the charge, with the plan of these stories
UNTOLD_UNITS, UNTOLD_DOLLARS = Decimal(4), Decimal(0)  # of a booking nobody said anything about, before the first visit


@dataclass(frozen=True)
class Grant:
    """What a payer granted: days as numbers, both included; per_code: units by code, where they are granted so."""

    number: str
    first: int
    last: int
    disciplines: tuple[str, ...]
    measure: str
    quantity: int
    per_code: Mapping[str, int] = field(default_factory=dict)
    same_day: str = "per_discipline"

    @property
    def total(self) -> int:
        return sum(self.per_code.values()) or self.quantity

    def carries(self, day: int, discipline: str) -> bool:
        return self.first <= day <= self.last and discipline in self.disciplines


@dataclass(frozen=True)
class Care:
    """A visit or a booking. units: by code; None where a booking does not say. number: on the visit's claim."""

    name: str
    day: int
    discipline: str
    units: Mapping[str, int] | None
    number: str = ""


def price(code: str) -> Decimal:
    """What the plan allows for a unit."""
    return (FEES[code] * SHARE_ALLOWED).quantize(Decimal("0.01"))


def cost(grant: Grant, care: Care, usual: Decimal) -> dict[str, Decimal]:
    """What it takes of a grant, by code where the grant counts so; ``usual``: where a booking does not say."""
    if grant.measure == "visits":
        return {"": Decimal(1)}
    if care.units is None:
        return {"": usual}
    if grant.measure == "units":
        return {"": Decimal(sum(care.units.values()))}
    if grant.measure == "dollars":
        return {"": sum((price(code) * units for code, units in care.units.items()), Decimal(0))}
    return {code: Decimal(units) for code, units in care.units.items()}


def usual(grant: Grant, billed: Iterable[Care]) -> Decimal:
    """What a visit billed to it took on average."""
    taken = [
        sum(cost(grant, visit, Decimal(0)).values(), Decimal(0)) for visit in billed if visit.number == grant.number
    ]
    if taken:
        return (sum(taken, Decimal(0)) / len(taken)).quantize(Decimal("0.01"))
    return UNTOLD_DOLLARS if grant.measure == "dollars" else UNTOLD_UNITS


def _counted_day(grant: Grant, care: Care) -> tuple[int, str] | None:
    """The day under the name it counts once by; None where each visit counts."""
    if grant.measure != "visits" or grant.same_day == "per_visit":
        return None
    return care.day, care.discipline if grant.same_day == "per_discipline" else ""


class Purse:
    """What is left of one grant while it is spent."""

    def __init__(self, grant: Grant) -> None:
        self.grant, self.left, self.per_code = grant, Decimal(grant.total), dict(grant.per_code)
        self.days: set[tuple[int, str]] = set()

    def affords(self, care: Care, taken: Mapping[str, Decimal]) -> bool:
        if _counted_day(self.grant, care) in self.days:
            return True
        by_code = all(self.per_code[code] >= units for code, units in taken.items() if code)
        return by_code and sum(taken.values()) <= self.left

    def spend(self, care: Care, taken: Mapping[str, Decimal]) -> None:
        day = _counted_day(self.grant, care)
        if day in self.days:
            return
        self.left -= sum(taken.values())
        for code, units in taken.items():
            if code:
                self.per_code[code] -= int(units)
        if day is not None:
            self.days.add(day)


def spent(grants: Iterable[Grant], billed: Sequence[Care]) -> dict[str, Purse]:
    """The grants after the visits billed under their numbers."""
    purses = {grant.number: Purse(grant) for grant in grants}
    for visit in billed:
        if visit.number:
            purse = purses[visit.number]
            purse.spend(visit, cost(purse.grant, visit, Decimal(0)))
    return purses


def fits(purses: Mapping[str, Purse], care: Care, billed: Sequence[Care]) -> Purse | None:
    """The grant that ends first of those that carry it and have enough left."""
    carrying = [purse for purse in purses.values() if purse.grant.carries(care.day, care.discipline)]
    for purse in sorted(carrying, key=lambda one: one.grant.last):
        if purse.affords(care, cost(purse.grant, care, usual(purse.grant, billed))):
            return purse
    return None


def reserve(
    grants: Sequence[Grant], billed: Sequence[Care], booked: Sequence[Care]
) -> tuple[dict[str, tuple[str, dict[str, Decimal]]], set[str]]:
    """What each booking reserves, of which grant, the earliest day first; and the bookings nothing covers."""
    purses, reserved, beyond = spent(grants, billed), {}, set()
    for care in sorted(booked, key=lambda one: (one.day, one.name)):
        purse = fits(purses, care, billed)
        if purse is None:
            beyond.add(care.name)
            continue
        taken = cost(purse.grant, care, usual(purse.grant, billed))
        purse.spend(care, taken)
        reserved[care.name] = purse.grant.number, {code: amount for code, amount in taken.items() if amount}
    return {name: found for name, found in reserved.items() if found[1]}, beyond
