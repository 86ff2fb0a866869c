"""Minutes become units: one strategy per method, each a named answer to the same question.

cms_total_time ("8-minute rule", CMS Claims Processing Manual ch. 5, 20.2): the timed minutes of the discipline's day
are pooled, the total decides the units, the largest remainders get the extra ones. per_code_midpoint (CPT: more than
half): each code alone. per_code_full: whole periods only. Which one binds is a plan term, never a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Protocol

from billing import codes
from billing.findings import Step
from billing.vocabulary import Discipline, ServiceMode, UnitMethod

QUARTER_HOUR = 15  # minutes of the unit that is pooled under the total-time rule
CREDIT_FROM = 8  # minutes that earn a quarter hour: more than half (CMS ch. 5, 20.2; CPT midpoint)
SUBJECT = "units"
SHAPES_CACHED = 20_000  # code and day


class ServiceMinutes(NamedTuple):
    """One code with the one-on-one minutes given by therapist and assistant.

    Minutes given by both at once belong to the therapist and are listed once (CMS CY2020 PFS). charted_units: what the
    chart counted; it decides nothing but a tie, where the manual leaves the choice to the therapist.
    """

    code: str
    therapist_minutes: int
    assistant_minutes: int = 0
    mode: ServiceMode = ServiceMode.INDIVIDUAL
    charted_units: int = 0


class UnitLine(NamedTuple):
    """Units of one code. ``service`` is the position of the first that asked; an unwritten add-on has its primary's."""

    service: int
    units: int
    code: str


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What the minutes come to.

    total_units: over all lines, untimed ones too; timed_units: those that minutes earned.
    ties: groups of codes of which any could have had the last unit; the chart's choice, else the code number.
    """

    lines: tuple[UnitLine, ...]
    timed_minutes: int
    timed_units: int
    total_units: int
    ties: tuple[tuple[str, ...], ...]
    steps: tuple[Step, ...]


class Shape(NamedTuple):
    """How a timed code counts on a day; times in minutes.

    primary: the code whose further units this one carries. add_on: the code that carries this one's. pooled: whether
    its minutes enter the day's total under the total-time rule.
    """

    code: str
    first: int
    further: int
    full_time_only: bool
    primary: str | None
    add_on: str | None
    pooled: bool


@dataclass(slots=True)
class Ladder:
    """A timed code of the day with the minutes of it and of the add-on that continues it."""

    shape: Shape
    code: str
    index: int
    minutes: int = 0
    add_on_index: int | None = None
    charted: int = 0


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
    shape = ladder.shape
    full = full or shape.full_time_only
    units = earned(ladder.minutes, shape.first, shape.further, full)
    return units, Step(ladder.code, f"{ladder.minutes} min alone -> {units} ({_thresholds(shape, units, full)})")


@lru_cache(maxsize=SHAPES_CACHED)
def _thresholds(shape: Shape, units: int, full: bool) -> str:
    """From which minute on these units are earned, and the next one."""
    first = shape.first if full else shape.first // 2 + 1
    second = shape.first + (shape.further if full else shape.further // 2 + 1)
    following = first if not units else second + (units - 1) * shape.further
    start = first if units < 2 else second + (units - 2) * shape.further
    rule = "whole periods only: " if full else ""
    return f"{rule}{following} min earn the first" if not units else f"{rule}{start}-{following - 1} min"


class _PerCode:
    """Each code by itself; what is left over is not pooled."""

    def __init__(self, full: bool) -> None:
        self.full = full

    def allocate(self, ladders: Sequence[Ladder], discipline: Discipline) -> Allocation:
        """Units by the code's own minutes."""
        counted = [_alone(ladder, self.full) for ladder in ladders]
        return Allocation([units for units, _ in counted], (), [step for _, step in counted])


class _Share(NamedTuple):
    """A pooled code's claim on an extra unit, in the order that decides.

    Remainder, then minutes; in a tie the chart's own choice (1 or 0), else the code number, our default.
    """

    over: int
    minutes: int
    charted: int
    code: str


def _tied(ranked: Sequence[_Share], extra: int) -> tuple[str, ...]:
    """The codes that stand equal on both sides of the cut between the last extra unit and the first without."""
    if extra >= len(ranked) or ranked[extra - 1][:2] != ranked[extra][:2]:
        return ()
    return tuple(sorted(share.code for share in ranked if share[:2] == ranked[extra][:2]))


def _extras(shares: list[_Share], extra: int, steps: list[Step]) -> tuple[list[str], tuple[tuple[str, ...], ...]]:
    """Who gets the units that whole quarter hours leave over, and who could have had the last one as well."""
    if extra <= 0:
        return [], ()
    shares.sort(reverse=True)
    chosen = [share.code for share in shares[:extra]]
    steps.append(Step(SUBJECT, f"{extra} more by largest remainder: {', '.join(chosen)}"))
    tied = _tied(shares, extra)
    if not tied:
        return chosen, ()
    by = "the chart" if shares[extra - 1].charted > shares[extra].charted else "code number"
    steps.append(Step(SUBJECT, f"tie between {', '.join(tied)}: any may have the last unit, chosen by {by}"))
    return chosen, (tied,)


class _TotalTime:
    """The day's pooled minutes decide how many; the largest remainders decide which."""

    def allocate(self, ladders: Sequence[Ladder], discipline: Discipline) -> Allocation:
        """Quarter-hour codes from the pool; codes of another length alone, by the midpoint."""
        units, shares, steps = [], [], []
        total = whole = 0
        for ladder in ladders:
            if not ladder.shape.pooled:
                count, step = _alone(ladder, full=False)
            else:
                minutes = ladder.minutes
                count, over = divmod(minutes, QUARTER_HOUR)
                shares.append(_Share(over, minutes, int(ladder.charted > count), ladder.code))
                total += minutes
                whole += count
                step = Step(ladder.code, f"{minutes} min = {count} x {QUARTER_HOUR} + {over}")
            units.append(count)
            steps.append(step)
        if not shares:
            return Allocation(units, (), steps)
        allowed = total_time_units(total)
        steps.insert(0, Step(SUBJECT, f"{discipline} timed total {total} min -> {allowed} ({bucket(allowed)} min)"))
        extras, ties = _extras(shares, allowed - whole, steps)
        for position, ladder in enumerate(ladders):
            units[position] += ladder.code in extras
        return Allocation(units, ties, steps)


METHOD_WORDS = {
    UnitMethod.CMS_TOTAL_TIME: "units from the day's timed minutes together (8-minute rule)",
    UnitMethod.PER_CODE_MIDPOINT: "units from each code's own minutes, from the midpoint on",
    UnitMethod.PER_CODE_FULL: "units from each code's own minutes, whole periods only",
}  # how a trace names the method
STRATEGIES: dict[UnitMethod, UnitStrategy] = {
    UnitMethod.CMS_TOTAL_TIME: _TotalTime(),
    UnitMethod.PER_CODE_MIDPOINT: _PerCode(full=False),
    UnitMethod.PER_CODE_FULL: _PerCode(full=True),
}


@lru_cache(maxsize=SHAPES_CACHED)
def _shape(code: str, on: date) -> Shape | None:
    """How the code counts that day; None when it is untimed (or unknown, and then one unit is all we can say)."""
    entry = codes.find(code, on)
    if entry is None or entry.minutes_per_unit is None:
        return None
    first = entry.minutes_per_unit
    add_on = codes.find(entry.add_on_code, on) if entry.add_on_code else None
    further = (add_on.minutes_per_unit if add_on else None) or first
    continues = codes.continues(entry)
    # A parallel add-on (0791T) shares the minutes of its primary, so they must not enter the pool a second time.
    parallel = entry.primary_code is not None and not continues
    return Shape(
        code=code,
        first=first,
        further=further,
        full_time_only=entry.full_time_only,
        primary=entry.primary_code if continues else None,
        add_on=add_on.code if add_on else None,
        pooled=first == further == QUARTER_HOUR and not entry.full_time_only and not parallel,
    )


@dataclass(slots=True)
class _Day:
    """The day's services sorted: ladders (timed), untimed codes, and timed codes without one-on-one minutes."""

    on: date
    first: dict[str, int]
    ladders: dict[str, Ladder] = field(default_factory=dict)
    untimed: dict[str, int] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def _sort(services: Sequence[ServiceMinutes], on: date) -> _Day:
    day = _Day(on, {service.code: index for index, service in reversed(list(enumerate(services)))})
    for index, service in enumerate(services):
        shape = _shape(service.code, on)
        if shape is None:
            _place_untimed(day, service.code)
        elif service.mode is not ServiceMode.INDIVIDUAL:
            day.idle.setdefault(service.code, index)
            day.steps.append(Step(service.code, f"{service.mode.value} minutes are not one-on-one: not counted"))
        else:
            ladder = _climb(day, shape, index)
            ladder.minutes += service.therapist_minutes + service.assistant_minutes
            ladder.charted += service.charted_units
    return day


def _place_untimed(day: _Day, code: str) -> None:
    if code not in day.untimed:
        day.untimed[code] = day.first[code]
        day.steps.append(Step(code, "untimed -> 1 a day, whatever the length"))


def _climb(day: _Day, shape: Shape, index: int) -> Ladder:
    """The ladder these minutes stand on: the primary's, where this code continues one that is there; else its own."""
    primary = _shape(shape.primary, day.on) if shape.primary in day.first and shape.primary else None
    base = primary or shape
    ladder = day.ladders.get(base.code)
    if ladder is None:
        ladder = day.ladders[base.code] = Ladder(base, base.code, day.first[base.code])
    if primary is not None and ladder.add_on_index is None:
        ladder.add_on_index = index
    return ladder


def _lines(ladder: Ladder, units: int) -> list[UnitLine]:
    """The ladder's units; beyond the first they are the add-on's, where there is one."""
    add_on = ladder.shape.add_on
    if add_on is None:
        return [UnitLine(ladder.index, units, ladder.code)]
    lines = [UnitLine(ladder.index, min(units, 1), ladder.code)]
    if units > 1 or ladder.add_on_index is not None:
        index = ladder.index if ladder.add_on_index is None else ladder.add_on_index
        lines.append(UnitLine(index, max(units - 1, 0), add_on))
    return lines


def count_units(method: UnitMethod, services: Sequence[ServiceMinutes], on: date, discipline: Discipline) -> UnitResult:
    """Units of one patient's day in one discipline. Minutes in, units per code out, with the arithmetic in words."""
    day = _sort(services, on)
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
