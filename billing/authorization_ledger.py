"""What the ledger of use says of an authorization: used, reserved, left. Always summed, never remembered."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from billing.vocabulary import SameDayCounting, UnitOfMeasure, UseBucket

NOTHING = Decimal(0)
DayKey = tuple[str, str]


class Entry(NamedTuple):
    """What one visit or booking holds of an authorization, its entries and counter-entries summed.

    subject: the visit's or booking's id. quantity: in the unit of measure, above zero. code: "" for the whole.
    """

    subject: str
    bucket: UseBucket
    quantity: Decimal
    code: str
    service_date: date
    discipline: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An authorization's numbers, in its unit of measure.

    used: by visits made ready to bill, and before Firstpass. reserved: by bookings, beyond what is used.
    left: not used; asked before a visit is billed, because its own reservation becomes its use.
    bookable: neither used nor reserved; asked before one more visit is booked.
    code_left, code_bookable: the same per code, where units are granted per code.
    counted: days that count already, so that another visit of the day is free (same_day).
    """

    used: Decimal
    reserved: Decimal
    left: Decimal
    bookable: Decimal
    code_left: Mapping[str, Decimal] = field(default_factory=dict)
    code_bookable: Mapping[str, Decimal] = field(default_factory=dict)
    counted: frozenset[DayKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Measured:
    """What of a grant counting rests on."""

    unit_of_measure: UnitOfMeasure
    quantity: Decimal
    used_before: Decimal = NOTHING
    code_quantities: Mapping[str, Decimal] = field(default_factory=dict)
    same_day: SameDayCounting = SameDayCounting.PER_DISCIPLINE


def day_key(same_day: SameDayCounting, measure: UnitOfMeasure, day: date, discipline: str) -> DayKey | None:
    """Under which name a day counts once; None where every visit counts (and of units and dollars every one does)."""
    if measure is not UnitOfMeasure.VISITS or same_day is SameDayCounting.PER_VISIT:
        return None
    return (day.isoformat(), discipline if same_day is SameDayCounting.PER_DISCIPLINE else "")


def costs(grant: Measured, entries: Iterable[Entry]) -> list[Entry]:
    """The entries as they count: of several visits of one counted day one counts, a used one before a reserved one."""
    counted: set[DayKey] = set()
    kept = []
    for entry in sorted(entries, key=lambda one: (one.bucket is UseBucket.RESERVED, one.service_date, one.subject)):
        key = day_key(grant.same_day, grant.unit_of_measure, entry.service_date, entry.discipline)
        if key is None or key not in counted:
            kept.append(entry)
        if key is not None:
            counted.add(key)
    return kept


def standing(grant: Measured, entries: Iterable[Entry]) -> Standing:
    """Used, reserved and left of a grant."""
    counting = costs(grant, entries)
    used = [entry for entry in counting if entry.bucket is UseBucket.USED]
    reserved = [entry for entry in counting if entry.bucket is UseBucket.RESERVED]
    total_used, total_reserved = _total(used) + grant.used_before, _total(reserved)
    left = grant.quantity - total_used
    code_left = {code: granted - _of(code, used) for code, granted in grant.code_quantities.items()}
    keys = (day_key(grant.same_day, grant.unit_of_measure, one.service_date, one.discipline) for one in used)
    return Standing(
        used=total_used,
        reserved=total_reserved,
        left=left,
        bookable=left - total_reserved,
        code_left=code_left,
        code_bookable={code: amount - _of(code, reserved) for code, amount in code_left.items()},
        counted=frozenset(key for key in keys if key is not None),
    )


def _total(entries: Iterable[Entry]) -> Decimal:
    return sum((entry.quantity for entry in entries), NOTHING)


def _of(code: str, entries: Iterable[Entry]) -> Decimal:
    return _total(entry for entry in entries if entry.code == code)


def typical(entries: Iterable[Entry]) -> Decimal | None:
    """What a visit has used of it on average; None before the first. For what a booking says nothing of."""
    used = [entry for entry in entries if entry.bucket is UseBucket.USED]
    visits = {entry.subject for entry in used}
    if not visits:
        return None
    return (_total(used) / len(visits)).quantize(Decimal("0.01"))


def overdrawn(grant: Measured, entries: Iterable[Entry], firm: Collection[str]) -> tuple[str, ...]:
    """Which visits give way where more is used than is granted: the latest day first, until the others fit.

    firm: visits that cannot, because a payer has their claims.
    """
    used = [entry for entry in entries if entry.bucket is UseBucket.USED]
    gone: list[str] = []
    yielding = sorted(
        (entry for entry in used if entry.subject not in firm), key=lambda one: (one.service_date, one.subject)
    )
    while yielding and not _fits(grant, used):
        last = yielding[-1].subject
        gone.append(last)
        used = [entry for entry in used if entry.subject != last]
        yielding = [entry for entry in yielding if entry.subject != last]
    return tuple(gone)


def _fits(grant: Measured, used: Iterable[Entry]) -> bool:
    stands = standing(grant, used)
    return stands.left >= 0 and all(left >= 0 for left in stands.code_left.values())
