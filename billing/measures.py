"""Quantities of an authorization in words: visits and units are whole, dollars have cents."""

from decimal import Decimal

from billing.vocabulary import UnitOfMeasure

WORDS = {
    UnitOfMeasure.VISITS: ("visit", "visits"),
    UnitOfMeasure.UNITS: ("unit", "units"),
    UnitOfMeasure.UNITS_PER_CODE: ("unit", "units"),
}


def number(quantity: Decimal, measure: UnitOfMeasure) -> str:
    """The bare number as a person writes it: ``8``, or ``$1,200.00``."""
    if measure is UnitOfMeasure.DOLLARS:
        return f"-${-quantity:,.2f}" if quantity < 0 else f"${quantity:,.2f}"
    return f"{int(quantity):,}"


def words(quantity: Decimal, measure: UnitOfMeasure) -> str:
    """The number with what it counts: ``1 visit``, ``32 units``, ``$1,200.00``."""
    if measure is UnitOfMeasure.DOLLARS:
        return number(quantity, measure)
    one, many = WORDS[measure]
    return f"{number(quantity, measure)} {one if quantity == 1 else many}"
