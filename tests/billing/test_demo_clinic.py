"""Four weeks of the demo clinic: every planted problem is found at its gate, and no other visit is held.

The clinic is written by the simulator, which knows nothing of these rules; what it says it planted is the judge.
"""

import json
from datetime import date

import pytest

from billing.cli_scrub import evaluate_visits, read_visits
from billing.practice import Practice
from billing.vocabulary import Stage
from simulator.clinic import generate

AS_OF = date(2026, 11, 20)
GATES = {Stage.DOCUMENTATION, Stage.AUTHORIZATION, Stage.SCRUB}


@pytest.mark.parametrize("seed", [7, 11])
def test_planted_problems_are_found_and_nothing_else_is_held(seed: int) -> None:
    clinic = generate(seed, AS_OF)
    practice = Practice.model_validate_json(json.dumps(clinic.practice))
    visits = read_visits(json.dumps(encounter) for encounter in clinic.encounters)
    evaluations = evaluate_visits(practice, visits, AS_OF)
    for visit in visits:
        assert visit.encounter is not None, visit.error
        planted = clinic.expected.get(visit.encounter.encounter_id)
        queue = planted["queue"] if planted else None
        gate = evaluations[visit.number].gate
        assert gate == (queue if queue in GATES else None), (visit.encounter.encounter_id, planted)
