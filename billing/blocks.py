"""One person's one-on-one time on the clock, over all patients of a day.

One-on-one minutes cannot be given to two patients at once (CMS Claims Processing Manual ch. 5, 20.2; Medicare Benefit
Policy Manual ch. 15, 230.A). Blocks may overlap, as long as the minutes given within any stretch of the clock fit into
it: half an hour each within the same hour is possible, forty minutes each is not.
"""

from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import NamedTuple

from billing import codes
from billing.encounter import Service
from billing.vocabulary import ServiceMode

EVALUATIONS = frozenset({codes.CodeKind.EVALUATION, codes.CodeKind.RE_EVALUATION})


class Block(NamedTuple):
    """Minutes one person gave one patient between two points of the day (minutes after midnight)."""

    encounter_id: str
    clinician_id: str
    start: int
    stop: int
    minutes: int


class Crowd(NamedTuple):
    """A stretch of the clock with more one-on-one minutes in it than it has."""

    clinician_id: str
    start: int
    stop: int
    minutes: int
    encounter_ids: tuple[str, ...]


def blocks(encounter_id: str, services: Iterable[Service], on: date) -> tuple[Block, ...]:
    """The one-on-one time of a visit, as far as its services have start and stop times."""
    return tuple(
        Block(encounter_id, person.clinician_id, start, stop, min(person.minutes, stop - start))
        for service in services
        if service.start_time and service.stop_time and _one_on_one(service, on)
        for start, stop in [(_minute(service.start_time), _minute(service.stop_time))]
        if stop > start
        for person in service.minutes
        if person.minutes
    )


def _one_on_one(service: Service, on: date) -> bool:
    """Timed codes and evaluations given to one patient alone; a supervised modality leaves the hands free."""
    entry = codes.find(service.code, on)
    alone = service.mode is ServiceMode.INDIVIDUAL
    return alone and entry is not None and (entry.timed or entry.kind in EVALUATIONS)


def _minute(of: time) -> int:
    return of.hour * 60 + of.minute


def crowded(own: Sequence[Block], others: Sequence[Block]) -> tuple[Crowd, ...]:
    """Per person, the shortest stretch that holds too much and some of this visit in it."""
    found = []
    for person in dict.fromkeys(block.clinician_id for block in own):
        mine = [block for block in own if block.clinician_id == person]
        near = _reached(mine, [block for block in others if block.clinician_id == person])
        stretches = sorted(
            (stop - start, start, stop)
            for start in {block.start for block in near}
            for stop in {block.stop for block in near}
            if start < stop
        )
        crowds = (_crowd(person, start, stop, near, mine) for _, start, stop in stretches)
        found += [next((crowd for crowd in crowds if crowd is not None), None)]
    return tuple(crowd for crowd in found if crowd is not None)


def _reached(mine: Sequence[Block], others: Sequence[Block]) -> list[Block]:
    """This visit's blocks and those that overlap them, or overlap one that does."""
    reached, left = list(mine), list(others)
    while True:
        more = [one for one in left if any(one.start < two.stop and two.start < one.stop for two in reached)]
        if not more:
            return reached
        reached += more
        left = [one for one in left if one not in more]


def _crowd(person: str, start: int, stop: int, near: Sequence[Block], mine: Sequence[Block]) -> Crowd | None:
    inside = [block for block in near if start <= block.start and block.stop <= stop]
    minutes = sum(block.minutes for block in inside)
    if minutes <= stop - start or not any(block in mine for block in inside):
        return None
    return Crowd(person, start, stop, minutes, tuple(dict.fromkeys(block.encounter_id for block in inside)))


def clock(minute: int) -> str:
    """``9:05`` for a minute of the day."""
    return f"{minute // 60}:{minute % 60:02d}"
