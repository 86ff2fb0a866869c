"""What goes wrong in a clinic: each function spoils one visit in one way; a table says how often, for which queue."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from random import Random
from typing import Any

from simulator import clinic_payers as plans
from simulator.clinic_episodes import Visit, count_minutes, service, service_minutes, visit_has_assistant

Json = dict[str, Any]
Spoil = Callable[[Visit], None]
Suits = Callable[[Visit], bool]

DOCUMENTATION, AUTHORIZATION, SCRUB = "documentation", "authorization", "scrub"
PER_VISITS = 400  # the counts below are for so many visits


def unsigned(visit: Visit) -> None:
    """The note waits for its signature."""
    visit.body["compliance"]["signatures"] = []


def no_co_signature(visit: Visit) -> None:
    """The assistant signed, the therapist did not."""
    visit.body["compliance"]["signatures"] = visit.body["compliance"]["signatures"][:1]


def minutes_missing(visit: Visit) -> None:
    """A timed code without a minute."""
    visit.body["timing"]["services"][0]["minutes"][0]["minutes"] = 0
    count_minutes(visit)


def minutes_contradict(visit: Visit) -> None:
    """The note's total is not the sum of its codes."""
    visit.body["timing"]["total_timed_minutes"] -= 12


def no_diagnosis(visit: Visit) -> None:
    """Nobody chose a diagnosis."""
    visit.body["clinical"]["diagnoses"] = []
    for item in visit.body["timing"]["services"]:
        item["diagnosis_pointers"] = []


def no_measures(visit: Visit) -> None:
    """An evaluation that measured nothing and wants nothing."""
    visit.body["clinical"]["objective_measures"] = []
    visit.body["clinical"]["goals"] = []


def no_goals(visit: Visit) -> None:
    """An evaluation that measured and set no goal."""
    visit.body["clinical"]["goals"] = []


def no_referral(visit: Visit) -> None:
    """The plan wants a referral; the chart has none."""
    visit.body["administrative"].pop("referral")


def diagnosis_invalid(visit: Visit) -> None:
    """A code no edition of ICD-10-CM ever had."""
    visit.body["clinical"]["diagnoses"][0]["code"] = "M99.999"


def diagnosis_incomplete(visit: Visit) -> None:
    """A category where a code to full length is wanted (M54.5 ended on 2021-10-01)."""
    visit.body["clinical"]["diagnoses"][0]["code"] = "M54.5"


def pointer_dangles(visit: Visit) -> None:
    """A service points to a diagnosis the visit does not have."""
    visit.body["timing"]["services"][0]["diagnosis_pointers"] = [1, 4]
    visit.body["clinical"]["diagnoses"] = visit.body["clinical"]["diagnoses"][:2]
    for item in visit.body["timing"]["services"][1:]:
        item["diagnosis_pointers"] = [1]


def place_contradicts(visit: Visit) -> None:
    """The visit was by video; the charge sheet says office."""
    visit.body["administrative"]["place_of_service"] = "11"


def massage_beside_manual(visit: Visit) -> None:
    """97124 beside 97140: a pair no modifier opens."""
    giver = visit.episode.therapist
    first = visit.body["timing"]["services"]
    manual = next(item for item in first if item["code"] == "97140")
    manual["minutes"] = [{"clinician_id": giver, "minutes": 15}]
    first.append(service("97124", [(giver, 15)], len(manual["diagnosis_pointers"])))
    count_minutes(visit)


def code_unknown(visit: Visit) -> None:
    """A typing mistake that looks like a code."""
    services = visit.body["timing"]["services"]
    services[-1] = services[-1] | {"code": "97199"}
    count_minutes(visit)


def code_of(visit: Visit) -> list[str]:
    """Codes of the visit."""
    return [item["code"] for item in visit.body["timing"]["services"]]


def is_treatment(visit: Visit) -> bool:
    """Any treatment, individual, in person, that nobody planned otherwise."""
    alone = all("mode" not in item for item in visit.body["timing"]["services"])
    return visit.kind == "treatment" and alone and visit.body["administrative"]["modality"] == "in_person"


def is_evaluation(visit: Visit) -> bool:
    """An evaluation."""
    return visit.kind == "evaluation"


def wants_co_signature(visit: Visit) -> bool:
    """An assistant took part and the plan wants both names."""
    signatures = visit.body["compliance"]["signatures"]
    return (
        is_treatment(visit)
        and visit_has_assistant(visit)
        and len(signatures) == 2
        and visit.episode.plan_id != plans.MEDICARE
    )


def has_timed_codes(visit: Visit) -> bool:
    """Two or more timed services, so that one can lose its minutes."""
    return is_treatment(visit) and visit.body["timing"]["total_timed_minutes"] > 30 and len(code_of(visit)) > 1


def is_video(visit: Visit) -> bool:
    """Telehealth."""
    return bool(visit.body["administrative"]["modality"] == "audio_video")


def has_manual_therapy(visit: Visit) -> bool:
    """97140 with room for two more units, under a plan that follows the national pairs."""
    return is_treatment(visit) and "97140" in code_of(visit) and "97035" not in code_of(visit)


def has_back_pain(visit: Visit) -> bool:
    """So that M54.5 is what a tired therapist would type."""
    return is_treatment(visit) and visit.body["clinical"]["diagnoses"][0]["code"] == "M54.59"


def has_three_diagnoses(visit: Visit) -> bool:
    """Enough to lose one."""
    return is_treatment(visit) and len(visit.body["clinical"]["diagnoses"]) == 3


def is_hmo(visit: Visit) -> bool:
    """A plan that wants a referral."""
    return visit.episode.plan_id == plans.HMO


@dataclass(frozen=True, slots=True)
class Problem:
    """A way to spoil a visit, where it must be caught, and how many of PER_VISITS suffer it."""

    name: str
    queue: str
    count: int
    suits: Suits
    spoil: Spoil


SINGLE_PROBLEMS = (
    Problem("evaluation without measures", DOCUMENTATION, 2, is_evaluation, no_measures),
    Problem("evaluation without goals", DOCUMENTATION, 1, is_evaluation, no_goals),
    Problem("co-signature missing", DOCUMENTATION, 3, wants_co_signature, no_co_signature),
    Problem("place of service contradicts telehealth", SCRUB, 2, is_video, place_contradicts),
    Problem("massage beside manual therapy", SCRUB, 2, has_manual_therapy, massage_beside_manual),
    Problem("diagnosis incomplete", SCRUB, 2, has_back_pain, diagnosis_incomplete),
    Problem("pointer to a missing diagnosis", SCRUB, 2, has_three_diagnoses, pointer_dangles),
    Problem("referral missing", DOCUMENTATION, 2, is_hmo, no_referral),
    Problem("minutes missing", DOCUMENTATION, 3, has_timed_codes, minutes_missing),
    Problem("minutes contradict the total", DOCUMENTATION, 3, has_timed_codes, minutes_contradict),
    Problem("no diagnosis", DOCUMENTATION, 3, is_treatment, no_diagnosis),
    Problem("diagnosis invalid", SCRUB, 2, is_treatment, diagnosis_invalid),
    Problem("unknown procedure code", SCRUB, 2, is_treatment, code_unknown),
    Problem("note not signed", DOCUMENTATION, 7, is_treatment, unsigned),
)
DUPLICATES = 2


def shares(counts: Sequence[int], visits: int) -> list[int]:
    """Counts for PER_VISITS visits, for so many visits: the total is kept, so small clinics get some of each kind."""
    reached = [round(total * visits / PER_VISITS) for total in accumulate(counts)]
    return [now - before for before, now in zip([0, *reached], reached, strict=False)]


def spoil_some(rng: Random, visits: list[Visit]) -> None:
    """Give every single-visit problem its share, each to different patients where there are enough."""
    hurt: set[str] = set()
    counts = shares([problem.count for problem in SINGLE_PROBLEMS], len(visits))
    for problem, count in zip(SINGLE_PROBLEMS, counts, strict=True):
        for visit in choose(rng, visits, problem.suits, count, hurt):
            problem.spoil(visit)
            visit.plant(problem.queue, problem.name)


def choose(rng: Random, visits: list[Visit], suits: Suits, count: int, hurt: set[str]) -> Iterator[Visit]:
    """Free visits that suit, patients not yet hurt first."""
    free = [visit for visit in visits if visit.is_free and suits(visit)]
    rng.shuffle(free)
    free.sort(key=lambda visit: visit.episode.person.patient_id in hurt)
    for visit in free[:count]:
        hurt.add(visit.episode.person.patient_id)
        yield visit


def duplicate_some(rng: Random, visits: list[Visit], count: int) -> list[Visit]:
    """The same visit typed twice, the second an hour later under its own number."""
    originals = choose(rng, visits, is_treatment, count, set())
    return [_twin(visit) for visit in originals]


def _twin(visit: Visit) -> Visit:
    twin = copy.deepcopy(visit.body)
    visit.episode.told = True  # neither of the two is touched again
    return Visit(twin, visit.episode, visit.starts + timedelta(minutes=1), visit.kind, SCRUB, "visit sent twice")


def shift_minutes(visit: Visit, minutes: int) -> None:
    """Give the first service so many minutes more (or fewer), and keep the totals true."""
    part = visit.body["timing"]["services"][0]["minutes"][0]
    part["minutes"] = max(part["minutes"] + minutes, 8)
    count_minutes(visit)
    assert service_minutes(visit.body["timing"]["services"][0]) > 0
