"""Clean visits of patients of one's own choosing, to plant problems in."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

from simulator.clinic import volume
from tests.line import TODAY

PREFERRED, MEDICARE, MILITARY = "lantern-ppo", "medicare-b", "eagle-military"
COMMERCIAL = "copper-choice"  # wants authorization after the evaluation

Visit = dict[str, Any]
_numbers = count(1)


@cache
def _templates() -> dict[tuple[str, str], Visit]:
    """A physical-therapy visit with two lines or more, per plan and kind."""
    found: dict[tuple[str, str], Visit] = {}
    for visit in volume(7, TODAY, 400):
        key = visit["administrative"]["coverages"][0]["plan_id"], visit["clinical"]["visit_kind"]
        if visit["discipline"] == "PT" and len(visit["timing"]["services"]) >= 2:
            found.setdefault(key, visit)
    return found


def visit(member_id: str, plan: str = PREFERRED, kind: str = "treatment", like: str = "") -> Visit:
    """A clean visit of a patient nobody else has; ``like``: the plan of the template, where the volume has none."""
    number = next(_numbers)
    made = deepcopy(_templates()[like or plan, kind])
    made["encounter_id"] = f"E-{number:05d}"
    made["patient"] |= {"patient_id": f"P-{number:05d}", "last_name": f"Quillfeather{_letters(number)}"}
    made["compliance"]["episode"]["episode_id"] = f"EP-{number:05d}"
    made["administrative"]["coverages"] = [{"plan_id": plan, "rank": 1, "member_id": member_id}]
    return made


def five_visits(patient: str) -> dict[str, object]:
    """An authorization of five visits around today, as a practice file has it."""
    return {
        "authorization_id": f"FIVE-{patient}",
        "number": f"CCHP-{patient}",
        "patient": patient,
        "plan_id": COMMERCIAL,
        "disciplines": ["PT"],
        "quantity": 5,
        "effective_from": str(TODAY - timedelta(days=60)),
        "effective_to": str(TODAY + timedelta(days=60)),
    }


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def sibling(first: Visit, days: int = 0) -> Visit:
    """Another visit of the same patient."""
    made = deepcopy(first)
    made["encounter_id"] = f"E-{next(_numbers):05d}"
    return made


def newer(visit: Visit, change: Callable[[Visit], object] = lambda _: None) -> Visit:
    """The next version of a visit."""
    made = deepcopy(visit)
    made["version"] += 1
    change(made)
    return made


def unsigned(visit: Visit) -> Visit:
    """The visit before its author signed."""
    made = deepcopy(visit)
    made["compliance"]["signatures"] = []
    return made
