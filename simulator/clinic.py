"""The demo clinic: plays the chart system of three disciplines, with its good days and its bad ones.

Writes plain JSON as any chart system would. ``python -m simulator.clinic --seed 7 --as-of 2026-11-20 --out DIR``.
"""

import argparse
import copy
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count as counter
from pathlib import Path
from random import Random
from typing import Any

from simulator import clinic_care as care
from simulator import clinic_payers as plans
from simulator import clinic_problems as problems
from simulator import clinic_roster as roster
from simulator import clinic_stories as stories
from simulator.clinic_bookings import schedule
from simulator.clinic_care import CONDITIONS, Condition
from simulator.clinic_episodes import (
    CLINIC_TIME,
    PATTERNS,
    Desk,
    Episode,
    Visit,
    authorize,
    count_minutes,
    needs_authorization,
    open_episode,
    sign,
    stamp,
    treat,
)
from simulator.clinic_stories import Story

Json = dict[str, Any]

CAST_SHARE = 0.6  # of all visits, at most, belong to the stories and courses of trouble
VOLUME_PLANS = (plans.MEDICARE, plans.PREFERRED, plans.MILITARY)  # no authorization to run out of
VOLUME_DAYS = 28
DISCIPLINES = ("PT",) * 11 + ("OT",) * 5 + ("SLP",) * 4
# Each plan's share of the visits, in percent.
PLAN_SHARES = {
    plans.MEDICARE: 32,
    plans.ADVANTAGE: 14,
    plans.PREFERRED: 15,
    plans.COMMERCIAL: 12,
    plans.MEDICAID: 11,
    plans.MILITARY: 5,
    plans.COMPENSATION: 5,
    plans.HMO: 6,
}
MEDICARE_AGE = 66
LONG_COURSE = 4  # visits in the four weeks, from which a re-evaluation or a discharge is worth telling
FOR_THE_ELDERLY = (plans.MEDICARE, plans.ADVANTAGE)
SECOND_DISCIPLINE = {"an arm after a stroke": ("PT", "falls"), "Parkinson's disease": ("OT", "an arm after a stroke")}

# outcome of the clearinghouse simulator -> how many of PER_VISITS clean visits meet it
OUTCOMES: tuple[tuple[Any, int], ...] = (
    (["denied:authorization", "paid"], 2),
    (["denied:documentation", "paid"], 2),
    (["denied:coding", "paid"], 2),
    (["denied:necessity", "denied:necessity"], 2),
    (["denied:eligibility", "paid"], 2),
    (["denied:technical", "paid"], 2),
    (["denied:benefit_limit", "denied:benefit_limit"], 2),
    (["rejected:A7:164:IL", "paid"], 2),
    (["rejected:A7:562:82", "paid"], 2),
    (["lost", "paid"], 1),
    (["late"], 3),
    (["reversed"], 2),
    (["partial:coding", "paid"], 2),
)


@dataclass(frozen=True, slots=True)
class Clinic:
    """Everything the demo needs. expected: encounter id -> the queue and the problem planted there."""

    practice: Json
    encounters: list[Json]
    world: Json
    stories: list[Story]
    amendments: list[Json] = field(default_factory=list)
    expected: dict[str, Json] = field(default_factory=dict)
    bookings: list[Json] = field(default_factory=list)


def generate(seed: int, as_of: date, visits: int = problems.PER_VISITS) -> Clinic:
    """Four weeks of a clinic, seen from the morning of as_of. The same arguments give the same bytes.

    Few visits leave out some stories and problems; all fit from about 250 on.
    """
    desk = Desk(Random(f"clinic/{seed}/{as_of.isoformat()}"), as_of)  # noqa: S311  (a play, not a secret)
    cast = stories.cast(desk, round(visits * CAST_SHARE))
    written = [visit for episode in cast.episodes for visit in episode.visits]
    (duplicates,) = problems.shares([problems.DUPLICATES], visits)
    written += _ordinary(desk, written, visits - duplicates - len(written))
    problems.spoil_some(desk.rng, written)
    written += problems.duplicate_some(desk.rng, written, duplicates)
    _number(written)
    _decide_outcomes(desk.rng, written)
    return Clinic(
        practice=practice(as_of, desk.authorizations),
        encounters=[visit.body for visit in written],
        world=_world(written),
        stories=stories.tell(cast),
        amendments=_amendments(desk, written),
        expected={visit.encounter_id: _expectation(visit) for visit in written if visit.queue},
        bookings=schedule(desk.authorizations, as_of),
    )


def practice(as_of: date, authorizations: Sequence[Json] = ()) -> Json:
    """The practice file."""
    place = {
        "line1": "2200 Fixture Street",
        "line2": "Suite 100",
        "city": "Austin",
        "state": "TX",
        "postal_code": "787041200",
    }
    return {
        "schema": "firstpass/practice/1",
        "practice_id": "cedar-hollow",
        "name": "Cedar Hollow Therapy Group",
        "npi": roster.npi(1),
        "tax_id": "960000042",
        "taxonomy": "261QR0400X",
        "address": place,
        "phone": "5125550142",
        "time_zone": "America/Chicago",
        "submitter_id": "CEDARHOLLOW",
        "receiver_id": "DEMOCLEARING",
        "receiver_name": "DEMO CLEARINGHOUSE",
        "locations": roster.locations(),
        "clinicians": roster.clinicians(),
        "payers": plans.payers(as_of),
        "fees": plans.fees(as_of),
        "users": roster.users(),
        "authorizations": list(authorizations),
    }


def volume(seed: int, as_of: date, count: int) -> Iterator[dict[str, Any]]:
    """Clean visits only, as many as wanted, one after the other; practice(as_of) is their practice file."""
    desk = Desk(Random(f"volume/{seed}/{as_of.isoformat()}"), as_of)  # noqa: S311  (a play, not a secret)
    for number, visit in zip(range(count), _endless(desk), strict=False):
        visit.body = {"encounter_id": f"VOL-{number + 1:07d}"} | visit.body
        yield visit.body


def _endless(desk: Desk) -> Iterator[Visit]:
    for number in counter():
        plan_id = VOLUME_PLANS[number % len(VOLUME_PLANS)]
        condition = _condition_for(desk.rng, plan_id, desk.rng.choice(DISCIPLINES))
        start = plans.window_start(desk.as_of) + timedelta(days=desk.rng.randrange(4))
        pattern = PATTERNS[number % len(PATTERNS)]
        episode = open_episode(desk, condition, plan_id, start, pattern, last=desk.as_of, assistant=number % 3 == 0)
        episode.days = [day for day in episode.days if day >= plans.window_start(desk.as_of)]
        yield from treat(desk, episode)


def _ordinary(desk: Desk, cast: list[Visit], wanted: int) -> list[Visit]:
    """Ordinary courses of care until there are exactly so many visits."""
    written: list[Visit] = []
    shares = Counter(dict.fromkeys(PLAN_SHARES, 0))
    shares.update(visit.episode.plan_id for visit in cast)
    while len(written) < wanted:
        scarce = min(PLAN_SHARES, key=lambda plan_id: shares[plan_id] / PLAN_SHARES[plan_id])
        episode = _ordinary_episode(desk, scarce)
        before = len(written)
        episode.days = episode.days[: wanted - before]
        if needs_authorization(episode.plan_id):
            left, days = desk.rng.choice(((2, 12), (3, 20), (5, 33), (6, 45), (8, 60)))
            authorize(desk, episode, left, desk.as_of + timedelta(days=days))
        written += treat(desk, episode)
        if episode.condition.words in SECOND_DISCIPLINE and len(written) < wanted:
            written += treat(desk, _second_episode(desk, episode, wanted - len(written)))
        shares.update(visit.episode.plan_id for visit in written[before:])
    return written


def _second_episode(desk: Desk, first: Episode, room: int) -> Episode:
    """The same patient under a second discipline, on days of its own."""
    condition = care.of(*SECOND_DISCIPLINE[first.condition.words])
    start = first.started_on + timedelta(days=1)
    last = min(first.days[-1] + timedelta(days=1), desk.as_of)
    pattern = tuple(day for day in range(5) if day not in {visit.day.weekday() for visit in first.visits})[:2]
    episode = open_episode(
        desk, condition, first.plan_id, start, pattern, last=last, person=first.person, coverages=first.coverages
    )
    episode.days = episode.days[:room]
    if needs_authorization(episode.plan_id):
        authorize(desk, episode, 5, desk.as_of + timedelta(days=33))
    return episode


def _ordinary_episode(desk: Desk, plan_id: str) -> Episode:
    rng = desk.rng
    condition = _condition_for(rng, plan_id, rng.choice(DISCIPLINES))
    youngest, oldest = condition.ages
    elderly = plan_id in FOR_THE_ELDERLY
    ages = (max(youngest, MEDICARE_AGE), oldest) if elderly else (youngest, min(oldest, MEDICARE_AGE - 1))
    start = desk.as_of - timedelta(days=rng.randrange(3, 60))
    pattern = rng.choice(PATTERNS)
    last = max(start, desk.as_of - timedelta(days=rng.choice((1, 1, 1, 3, 8, 14))))
    helped = rng.random() < 0.45 and (condition.discipline != "SLP" or plan_id == plans.MEDICAID)
    person = desk.person(ages)
    episode = open_episode(desk, condition, plan_id, start, pattern, last=last, person=person, assistant=helped)
    if len(episode.days) >= LONG_COURSE and condition.discipline != "SLP" and rng.random() < 0.2:
        episode.re_evaluated_on = episode.days[LONG_COURSE // 2]
    if len(episode.days) >= LONG_COURSE and last < desk.as_of - timedelta(days=7):
        episode.discharged_on = episode.days[-1]
    return episode


def _condition_for(rng: Random, plan_id: str, discipline: str) -> Condition:
    """Something the plan's members come for; the injured worker comes to physical or occupational therapy."""
    if plan_id in FOR_THE_ELDERLY:
        return rng.choice([item for item in CONDITIONS if item.discipline == discipline and item.ages[1] > 78])
    injured = plan_id == plans.COMPENSATION
    discipline = "PT" if injured and discipline == "SLP" else discipline
    youngest = 16 if injured else 0
    fitting = [item for item in CONDITIONS if item.discipline == discipline and youngest <= item.ages[0] < 60]
    return rng.choice(fitting)


def _number(visits: list[Visit]) -> None:
    """Sort as they happened and give every visit its id."""
    visits.sort(key=lambda visit: (visit.starts, visit.episode.number))
    for number, visit in enumerate(visits, 1):
        visit.body = {"encounter_id": f"CH-{visit.day:%y%m%d}-{number:04d}"} | visit.body


def _decide_outcomes(rng: Random, visits: list[Visit]) -> None:
    """Forced answers for some clean visits, at most one for a patient."""
    hurt: set[str] = set()
    counts = problems.shares([count for _, count in OUTCOMES], len(visits))
    for (outcome, _), wanted in zip(OUTCOMES, counts, strict=True):
        suits = _has_two_lines if "partial" in outcome[0] else problems.is_treatment
        for visit in problems.choose(rng, visits, suits, wanted, hurt):
            visit.outcome = outcome


def _has_two_lines(visit: Visit) -> bool:
    return problems.is_treatment(visit) and len(problems.code_of(visit)) > 1


def _world(visits: list[Visit]) -> Json:
    """What the clearinghouse simulator reads: everybody pays to contract, except where the script says otherwise."""
    return {
        "mix": {"paid": 100, "partial": 0, "denied": 0, "rejected": 0, "lost": 0, "late": 0, "reversed": 0},
        "duplicate_share": 0,
        "payers": plans.behaviour(),
        "scripted": {
            f"{visit.episode.member_id}@{visit.day:%Y%m%d}": visit.outcome
            for visit in visits
            if visit.outcome is not None
        },
    }


def _expectation(visit: Visit) -> Json:
    return {"queue": visit.queue, "problem": visit.problem}


def _amendments(desk: Desk, visits: list[Visit]) -> list[Json]:
    """What the chart system sends the same day: newer versions of some visits."""
    newer = [_repaired(desk, visit) for visit in visits if visit.problem in _REPAIRS]
    billed = [visit for visit in visits if visit.is_free and problems.has_timed_codes(visit)]
    changed = desk.rng.sample(billed, min(3, len(billed)))
    newer += [_lengthened(visit) for visit in changed[:2]]
    newer += [_next_version(visit) | {"cancelled": True} for visit in changed[2:]]
    sent_at = stamp(datetime.combine(desk.as_of, time(12, 15), CLINIC_TIME))
    return [body | {"sent_at": sent_at} for body in newer]


def _next_version(visit: Visit) -> Json:
    body = copy.deepcopy(visit.body)
    return body | {"version": body["version"] + 1}


def _lengthened(visit: Visit) -> Json:
    """Fifteen minutes more on the first service, found after the claim went out."""
    copy_of = Visit(_next_version(visit), visit.episode, visit.starts, visit.kind)
    problems.shift_minutes(copy_of, 15)
    return copy_of.body


def _repaired(desk: Desk, visit: Visit) -> Json:
    """The visit as it is once its clinician has done what was asked."""
    copy_of = Visit(_next_version(visit), visit.episode, visit.starts, visit.kind)
    _REPAIRS[visit.problem](desk, copy_of)
    return copy_of.body


def _sign_now(desk: Desk, visit: Visit) -> None:
    sign(visit, 0, datetime.combine(desk.as_of, time(7, 40), CLINIC_TIME))


def _give_minutes(desk: Desk, visit: Visit) -> None:
    part = visit.body["timing"]["services"][0]["minutes"][0]
    part["minutes"] = max(part["minutes"], 15)
    count_minutes(visit)
    _sign_now(desk, visit)


def _give_diagnoses(desk: Desk, visit: Visit) -> None:
    codes = visit.episode.condition.diagnoses
    visit.body["clinical"]["diagnoses"] = [{"code": code, "rank": rank} for rank, code in enumerate(codes, 1)]
    for item in visit.body["timing"]["services"]:
        item["diagnosis_pointers"] = list(range(1, len(codes) + 1))
    _sign_now(desk, visit)


def _give_measures(desk: Desk, visit: Visit) -> None:
    condition = visit.episode.condition
    visit.body["clinical"]["goals"] = [{"description": words, "term": "long"} for words in condition.goals]
    visit.body["clinical"]["objective_measures"] = [
        {"name": name, "value": value} | ({"unit": unit} if unit else {}) for name, value, unit in condition.measures
    ]
    _sign_now(desk, visit)


def _certify(desk: Desk, visit: Visit) -> None:
    visit.body["compliance"]["plan_of_care"]["certified_on"] = (desk.as_of - timedelta(days=1)).isoformat()


def _report(desk: Desk, visit: Visit) -> None:
    visit.body["compliance"]["progress_reports"].append((desk.as_of - timedelta(days=1)).isoformat())


_REPAIRS = {
    "note not signed": _sign_now,
    "co-signature missing": _sign_now,
    "minutes missing": _give_minutes,
    "minutes contradict the total": _give_minutes,
    "no diagnosis": _give_diagnoses,
    "evaluation without measures": _give_measures,
    "plan of care not certified": _certify,
    "progress report due": _report,
}


def write(clinic: Clinic, directory: Path) -> None:
    """The files of the demo, the same bytes every time."""
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / "practice.json", json.dumps(clinic.practice, indent=2))
    _write(directory / "encounters.jsonl", "\n".join(map(json.dumps, clinic.encounters)))
    _write(directory / "amendments.jsonl", "\n".join(map(json.dumps, clinic.amendments)))
    _write(directory / "bookings.jsonl", "\n".join(map(json.dumps, clinic.bookings)))
    _write(directory / "world.json", json.dumps(clinic.world, indent=2))
    _write(directory / "expected.json", json.dumps(clinic.expected, indent=2))
    _write(directory / "stories.md", stories.as_markdown(clinic.stories))


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a clinic, or only a volume of clean visits with its practice file."""
    parser = argparse.ArgumentParser(prog="python -m simulator.clinic", description="Write a synthetic therapy clinic.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, help="the morning the clinic is seen from")
    parser.add_argument("--visits", type=int, default=problems.PER_VISITS)
    parser.add_argument("--volume", action="store_true", help="clean visits only, for benchmarks")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    if not given.volume:
        write(generate(given.seed, given.as_of, given.visits), given.out)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    _write(given.out / "practice.json", json.dumps(practice(given.as_of), indent=2))
    with (given.out / "encounters.jsonl").open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(json.dumps(body) + "\n" for body in volume(given.seed, given.as_of, given.visits))


if __name__ == "__main__":
    main()
