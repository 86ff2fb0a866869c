"""Which units an assistant gave: CQ (PT) and CO (OT).

Source: 42 USC 1395m(v), CMS CY2020-2022 physician fee schedule rules: due when the assistant's own minutes exceed 10 %
of the service; per billed unit for timed codes; since 2022 a final unit of which the therapist alone gave 8 minutes or
more is the therapist's. Minutes given together with the therapist are the therapist's.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from billing import codes
from billing.findings import Step
from billing.units import QUARTER_HOUR, ServiceMinutes, UnitLine
from billing.vocabulary import Discipline

DE_MINIMIS_PERCENT = 10  # CMS CY2020 PFS: more than a tenth is "in part"
MODIFIERS = {Discipline.PT: "CQ", Discipline.OT: "CO"}  # none for SLP (42 USC 1395m(v))


class Split(NamedTuple):
    """Units without and with the assistant's modifier."""

    without: int
    assisted: int


class AssistedLine(NamedTuple):
    """Units of one code, all by the therapist or all by the assistant in CMS's sense."""

    service: int
    code: str
    units: int
    assisted: bool


def more_than_a_tenth(therapist_minutes: int, assistant_minutes: int) -> bool:
    """Whether the assistant's own minutes exceed the de minimis tenth of the service."""
    return assistant_minutes * 100 > DE_MINIMIS_PERCENT * (therapist_minutes + assistant_minutes)


class _Periods(NamedTuple):
    """Whole periods of each, the units still to be given away, and the minutes of each that are left for them."""

    therapist: int
    assistant: int
    left: int
    therapist_minutes: int
    assistant_minutes: int


def _periods(units: int, therapist_minutes: int, assistant_minutes: int, per_unit: int) -> _Periods:
    therapist = min(therapist_minutes // per_unit, units)
    assistant = min(assistant_minutes // per_unit, units - therapist)
    own, assisted = therapist_minutes - therapist * per_unit, assistant_minutes - assistant * per_unit
    return _Periods(therapist, assistant, units - therapist - assistant, own, assisted)


def split_timed(units: int, therapist_minutes: int, assistant_minutes: int, per_unit: int = QUARTER_HOUR) -> Split:
    """Share the units of a timed code: whole periods to whoever gave them, then the one or two that are left.

    One left: the therapist's from the midpoint on, else the assistant's when above a tenth. Two left: one each.
    """
    therapist, assistant, left, own, assisted = _periods(units, therapist_minutes, assistant_minutes, per_unit)
    if left >= 2:
        return Split(therapist + left - 1, assistant + 1)
    if left == 1:
        if own < per_unit // 2 + 1 and more_than_a_tenth(own, assisted):
            return Split(therapist, assistant + 1)
        return Split(therapist + 1, assistant)
    return Split(therapist, assistant)


def split_whole(units: int, therapist_minutes: int, assistant_minutes: int) -> Split:
    """Share a service that is judged as a whole (untimed, or periods of unequal length)."""
    if more_than_a_tenth(therapist_minutes, assistant_minutes):
        return Split(0, units)
    return Split(units, 0)


def _whole_key(code: str, on: date) -> tuple[str, int | None]:
    """The code whose minutes decide for this one, and the minutes of its units when they are all alike."""
    entry = codes.find(code, on)
    if entry is None or entry.minutes_per_unit is None:
        return code, None
    primary = codes.find(entry.primary_code, on) if entry.primary_code and codes.continues(entry) else None
    base = primary or entry
    add_on = codes.find(base.add_on_code, on) if base.add_on_code else None
    alike = add_on is None or add_on.minutes_per_unit == base.minutes_per_unit
    return base.code, base.minutes_per_unit if alike else None


def _split(per_unit: int | None, units: int, therapist: int, assistant: int) -> Split:
    if per_unit is None:
        return split_whole(units, therapist, assistant)
    return split_timed(units, therapist, assistant, per_unit)


def split_lines(
    services: Sequence[ServiceMinutes], lines: Sequence[UnitLine], on: date, discipline: Discipline
) -> tuple[tuple[AssistedLine, ...], tuple[Step, ...]]:
    """Cut every line into the therapist's and the assistant's units, the therapist's first, in the lines' order.

    Speech-language pathology has no assistant's modifier, so its lines stay whole.
    """
    modifier = MODIFIERS.get(discipline)
    if modifier is None or not any(service.assistant_minutes for service in services):
        return tuple(AssistedLine(line.service, line.code, line.units, False) for line in lines), ()
    minutes: dict[str, list[int]] = {}
    for service in services:
        given = minutes.setdefault(_whole_key(service.code, on)[0], [0, 0])
        given[0] += service.therapist_minutes
        given[1] += service.assistant_minutes
    return _cut(lines, minutes, on, modifier)


def _cut(
    lines: Sequence[UnitLine], minutes: dict[str, list[int]], on: date, modifier: str
) -> tuple[tuple[AssistedLine, ...], tuple[Step, ...]]:
    cut: list[AssistedLine] = []
    steps: list[Step] = []
    therapists_left: dict[str, int] = {}
    for line in lines:
        key, per_unit = _whole_key(line.code, on)
        if key not in therapists_left:
            total = sum(other.units for other in lines if _whole_key(other.code, on)[0] == key)
            therapist, assistant = minutes[key]
            split = _split(per_unit, total, therapist, assistant)
            therapists_left[key] = split.without
            if assistant and total:
                why = _why(per_unit, total, therapist, assistant)
                given = f"therapist {therapist} min, assistant {assistant} min"
                shared = f"{split.without} without and {split.assisted} with {modifier}"
                steps.append(Step(key, f"{given} -> {shared}: {why}"))
        own = min(line.units, therapists_left[key])
        therapists_left[key] -= own
        if own or not line.units:
            cut.append(AssistedLine(line.service, line.code, own, False))
        if line.units > own:
            cut.append(AssistedLine(line.service, line.code, line.units - own, True))
    return tuple(cut), tuple(steps)


def _why(per_unit: int | None, units: int, therapist: int, assistant: int) -> str:
    """Which of the rules decided, with the minutes it looked at."""
    if per_unit is None:
        return _tenth(therapist, assistant)
    whole = _periods(units, therapist, assistant, per_unit)
    counted = f"whole {per_unit}-minute periods: therapist {whole.therapist}, assistant {whole.assistant}"
    if whole.left > 1:
        return f"{counted}; the {whole.left} units left are shared, the last one the assistant's"
    if not whole.left:
        return counted
    rest = f"{counted}; for the last unit therapist {whole.therapist_minutes}, assistant {whole.assistant_minutes} min"
    midpoint = per_unit // 2 + 1
    if whole.therapist_minutes >= midpoint:
        return f"{rest}: the therapist alone gave {midpoint} or more"
    return f"{rest}: {_tenth(whole.therapist_minutes, whole.assistant_minutes)}"


def _tenth(therapist: int, assistant: int) -> str:
    """How the assistant's minutes stand to the de minimis tenth."""
    above = "more than" if more_than_a_tenth(therapist, assistant) else "not more than"
    return f"the assistant's {assistant} of {therapist + assistant} min are {above} a tenth"
