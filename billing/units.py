"""Minutes become units: one strategy per method, each a named answer to the same question.

cms_total_time ("8-minute rule", CMS Claims Processing Manual ch. 5, 20.2): the timed minutes of the discipline's day
are pooled, the total decides the units, the largest remainders get the extra ones. per_code_midpoint (CPT: more than
half): each code alone. per_code_full: whole periods only. Which one binds is a plan term, never a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from billing import codes
from billing.findings import Step
from billing.vocabulary import Discipline, ServiceMode, UnitMethod

QUARTER_HOUR = 15  # minutes of the unit that is pooled under the total-time rule
CREDIT_FROM = 8  # minutes that earn a quarter hour: more than half (CMS ch. 5, 20.2; CPT midpoint)
SUBJECT = "units"


class ServiceMinutes(NamedTuple):
    """One code with the one-on-one minutes given by therapist and assistant.

    Minutes given by both at once belong to the therapist and are listed once (CMS CY2020 PFS).
    """

    code: str
    therapist_minutes: int
    assistant_minutes: int = 0
    mode: ServiceMode = ServiceMode.INDIVIDUAL


class UnitLine(NamedTuple):
    """Units of one code. ``service`` is the position of the first that asked; an unwritten add-on has its primary's."""

    service: int
    units: int
    code: str


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What the minutes come to.

    total_units: over all lines, untimed ones too; timed_units: those that minutes earned.
    ties: groups of codes of which any could have had the last unit; we chose the higher code number.
    """

    lines: tuple[UnitLine, ...]
    timed_minutes: int
    timed_units: int
    total_units: int
    ties: tuple[tuple[str, ...], ...]
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Ladder:
    """A timed code and, where the set has one, the add-on that carries its further units; times in minutes."""

    code: str
    index: int
    first: int
    further: int
    full_time_only: bool
    add_on: str | None = None
    add_on_index: int = -1
    pooled: bool = False
    minutes: int = 0


class Allocation(NamedTuple):
    """Units per ladder, in the ladders' order, and the reasoning."""

    units: list[int]
    ties: tuple[tuple[str, ...], ...]
    steps: list[Step]


class UnitStrategy(Protocol):
    """A way to turn the minutes of a discipline's day into units."""

    def allocate(self, ladders: Sequence[Ladder], discipline: Discipline) -> Allocation:
        """Units for every ladder."""
        ...


def earned(minutes: int, first: int, further: int, full: bool) -> int:
    """Units one code earns alone: more than half of each period (or, if full, all of it). Times in minutes."""
    if minutes < (first if full else first // 2 + 1):
        return 0
    over = minutes - first - (further if full else further // 2 + 1)
    return 1 if over < 0 else 2 + over // further


def total_time_units(minutes: int) -> int:
    """Units the pooled timed minutes of a day allow: 8-22 one, 23-37 two, and so on (CMS ch. 5, 20.2)."""
    return (minutes + QUARTER_HOUR - CREDIT_FROM) // QUARTER_HOUR


def bucket(units: int) -> str:
    """The minutes that allow so many units, as the manual prints them: ``38-52`` for 3."""
    if units == 0:
        return "under 8"
    start = QUARTER_HOUR * units - (QUARTER_HOUR - CREDIT_FROM)
    return f"{start}-{start + QUARTER_HOUR - 1}"


def _alone(ladder: Ladder, full: bool) -> tuple[int, Step]:
    full = full or ladder.full_time_only
    units = earned(ladder.minutes, ladder.first, ladder.further, full)
    rule = "whole periods only" if full else f"{ladder.first // 2 + 1} min earn the first"
    return units, Step(ladder.code, f"{ladder.minutes} min alone -> {units} ({rule})")


class _PerCode:
    """Each code by itself; what is left over is not pooled."""

    def __init__(self, full: bool) -> None:
        self.full = full

    def allocate(self, ladders: Sequence[Ladder], discipline: Discipline) -> Allocation:
        """Units by the code's own minutes."""
        counted = [_alone(ladder, self.full) for ladder in ladders]
        return Allocation([units for units, _ in counted], (), [step for _, step in counted])


def _rank(ladder: Ladder) -> tuple[int, int, str]:
    """Who gets an extra unit first: larger remainder, then more minutes, then (our default in a tie) higher code."""
    return ladder.minutes % QUARTER_HOUR, ladder.minutes, ladder.code


def _tied(ranked: Sequence[Ladder], extra: int) -> tuple[str, ...]:
    """The codes that stand equal on both sides of the cut between the last extra unit and the first without."""
    last, next_one = ranked[extra - 1], ranked[extra]
    if _rank(last)[:2] != _rank(next_one)[:2]:
        return ()
    return tuple(sorted(ladder.code for ladder in ranked if _rank(ladder)[:2] == _rank(last)[:2]))


class _TotalTime:
    """The day's pooled minutes decide how many; the largest remainders decide which."""

    def allocate(self, ladders: Sequence[Ladder], discipline: Discipline) -> Allocation:
        """Quarter-hour codes from the pool; codes of another length alone, by the midpoint."""
        units = [0] * len(ladders)
        steps: list[Step] = []
        pool = [ladder for ladder in ladders if ladder.pooled]
        extras, ties = self._extras(pool, discipline, steps)
        for position, ladder in enumerate(ladders):
            if ladder.pooled:
                units[position] = ladder.minutes // QUARTER_HOUR + (ladder.code in extras)
            else:
                units[position], step = _alone(ladder, full=False)
                steps.append(step)
        return Allocation(units, ties, steps)

    def _extras(
        self, pool: Sequence[Ladder], discipline: Discipline, steps: list[Step]
    ) -> tuple[frozenset[str], tuple[tuple[str, ...], ...]]:
        if not pool:
            return frozenset(), ()
        total = sum(ladder.minutes for ladder in pool)
        allowed = total_time_units(total)
        whole = sum(ladder.minutes // QUARTER_HOUR for ladder in pool)
        steps.append(Step(SUBJECT, f"{discipline.value} timed total {total} min -> {allowed} ({bucket(allowed)} min)"))
        steps.extend(
            Step(lad.code, f"{lad.minutes} min = {lad.minutes // QUARTER_HOUR} x 15 + {lad.minutes % QUARTER_HOUR}")
            for lad in pool
        )
        extra = allowed - whole
        if extra <= 0:
            return frozenset(), ()
        return self._share(sorted(pool, key=_rank, reverse=True), extra, steps)

    def _share(
        self, ranked: Sequence[Ladder], extra: int, steps: list[Step]
    ) -> tuple[frozenset[str], tuple[tuple[str, ...], ...]]:
        chosen = [ladder.code for ladder in ranked[:extra]]
        steps.append(Step(SUBJECT, f"{extra} more by largest remainder: {', '.join(chosen)}"))
        tied = _tied(ranked, extra) if extra < len(ranked) else ()
        if not tied:
            return frozenset(chosen), ()
        steps.append(Step(SUBJECT, f"tie between {', '.join(tied)}: any may have the last unit, chosen by code number"))
        return frozenset(chosen), (tied,)


STRATEGIES: dict[UnitMethod, UnitStrategy] = {
    UnitMethod.CMS_TOTAL_TIME: _TotalTime(),
    UnitMethod.PER_CODE_MIDPOINT: _PerCode(full=False),
    UnitMethod.PER_CODE_FULL: _PerCode(full=True),
}


def _climb(entry: codes.TherapyCode, index: int, on: date) -> Ladder:
    """The ladder a timed code begins."""
    first = entry.minutes_per_unit or QUARTER_HOUR
    add_on = codes.find(entry.add_on_code, on) if entry.add_on_code else None
    further = (add_on.minutes_per_unit if add_on else None) or first
    # A parallel add-on (0791T) shares the minutes of its primary, so they must not enter the pool a second time.
    parallel = entry.primary_code is not None and not codes.continues(entry)
    return Ladder(
        code=entry.code,
        index=index,
        first=first,
        further=further,
        full_time_only=entry.full_time_only,
        add_on=add_on.code if add_on else None,
        pooled=first == further == QUARTER_HOUR and not entry.full_time_only and not parallel,
    )


class _Sorted:
    """The day's services sorted into ladders (timed) and single units (untimed)."""

    def __init__(self, services: Sequence[ServiceMinutes], on: date) -> None:
        self.ladders: dict[str, Ladder] = {}
        self.untimed: dict[str, int] = {}
        self.idle: dict[str, int] = {}
        self.steps: list[Step] = []
        self._on = on
        self._present = {service.code for service in services}
        for index, service in enumerate(services):
            self._place(index, service)

    def _place(self, index: int, service: ServiceMinutes) -> None:
        entry = codes.find(service.code, self._on)
        if entry is None or entry.minutes_per_unit is None:
            if service.code not in self.untimed:
                self.untimed[service.code] = index
                self.steps.append(Step(service.code, "untimed -> 1 a day, whatever the length"))
        elif service.mode is not ServiceMode.INDIVIDUAL:
            self.idle.setdefault(service.code, index)
            self.steps.append(Step(service.code, f"{service.mode.value} minutes are not one-on-one: not counted"))
        else:
            self._add(index, service, entry)

    def _add(self, index: int, service: ServiceMinutes, entry: codes.TherapyCode) -> None:
        primary = entry.primary_code
        if primary in self._present and codes.continues(entry):
            ladder = self._ladder(primary, index)
            if ladder.add_on_index < 0:
                ladder.add_on_index = index
        else:
            ladder = self._ladder(entry.code, index)
            ladder.index = min(ladder.index, index)
        ladder.minutes += service.therapist_minutes + service.assistant_minutes

    def _ladder(self, code: str | None, index: int) -> Ladder:
        """The ladder of a code, begun at this service unless another began it."""
        name = code or ""
        ladder = self.ladders.get(name)
        if ladder is None:
            entry = codes.find(name, self._on)
            ladder = _climb(entry, index, self._on) if entry else Ladder(name, index, QUARTER_HOUR, QUARTER_HOUR, False)
            self.ladders[name] = ladder
        return ladder


def _lines(ladder: Ladder, units: int) -> list[UnitLine]:
    """The ladder's units; beyond the first they are the add-on's, where there is one."""
    if ladder.add_on is None:
        return [UnitLine(ladder.index, units, ladder.code)]
    lines = [UnitLine(ladder.index, min(units, 1), ladder.code)]
    if units > 1 or ladder.add_on_index >= 0:
        index = ladder.add_on_index if ladder.add_on_index >= 0 else ladder.index
        lines.append(UnitLine(index, max(units - 1, 0), ladder.add_on))
    return lines


def count_units(method: UnitMethod, services: Sequence[ServiceMinutes], on: date, discipline: Discipline) -> UnitResult:
    """Units of one patient's day in one discipline. Minutes in, units per code out, with the arithmetic in words."""
    day = _Sorted(services, on)
    ladders = list(day.ladders.values())
    allocation = STRATEGIES[method].allocate(ladders, discipline)
    lines = [UnitLine(index, 1, code) for code, index in day.untimed.items()]
    lines += [UnitLine(index, 0, code) for code, index in day.idle.items() if code not in day.ladders]
    for ladder, units in zip(ladders, allocation.units, strict=True):
        lines += _lines(ladder, units)
    lines.sort()
    timed_units = sum(allocation.units)
    return UnitResult(
        lines=tuple(lines),
        timed_minutes=sum(ladder.minutes for ladder in ladders),
        timed_units=timed_units,
        total_units=timed_units + len(day.untimed),
        ties=allocation.ties,
        steps=tuple(allocation.steps + day.steps),
    )
