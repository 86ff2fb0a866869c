"""How fast the rules answer on one core: ``python benchmarks/billing_speed.py`` from the repository's root.

Prints unit counts per second (three services with an assistant's minutes, steps included) and whole evaluations per
second (a Medicare visit of three codes through every gate), without and with 100 of a practice's own rules (aim: 1,000
a second). Best of several rounds, since other work disturbs.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from billing import icd10, trace
from billing.practice_rules import CompiledRule, RulesFile, made_ready
from billing.units import ServiceMinutes, count_units
from billing.vocabulary import Discipline, UnitMethod
from tests.billing.builders import VISIT, context, encounter, medicare, services

ROUNDS = 5
OWN_RULES = 100
EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "rules.json"
SERVICES = (ServiceMinutes("97110", 33), ServiceMinutes("97140", 7), ServiceMinutes("97112", 13, 23))


def per_second(work: Callable[[], object], repeats: int) -> float:
    """Best rate over the rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(repeats):
            work()
        best = max(best, repeats / (perf_counter() - start))
    return best


def own_rules() -> tuple[CompiledRule, ...]:
    """The worked examples again and again, each with another id and every scope opened, so that all of them run."""
    shipped = RulesFile.model_validate_json(EXAMPLES.read_text()).rules
    return tuple(
        made_ready(
            shipped[number % len(shipped)].model_copy(
                update={"rule_id": f"rule-{number}", "scope": shipped[0].scope.model_copy(update={"payer_ids": ()})}
            )
        )
        for number in range(OWN_RULES)
    )


def main() -> None:
    """Measure and print."""
    for method in UnitMethod:

        def count(method: UnitMethod = method) -> object:
            return count_units(method, SERVICES, VISIT, Discipline.PT)

        print(f"units {method.value:<20}{per_second(count, 20_000):>10,.0f} a second")
    start = perf_counter()
    icd10.load()
    print(f"loading ICD-10-CM        {perf_counter() - start:>10.2f} seconds, once")
    visit = encounter(timing=services(("97110", 33), ("97140", 7), ("97112", 20)))
    facts = context(terms=medicare())
    print(f"evaluate                 {per_second(lambda: trace.evaluate(visit, facts), 500):>10,.0f} a second")
    ruled = replace(facts, practice_rules=own_rules())
    print(f"  with {OWN_RULES} practice rules {per_second(lambda: trace.evaluate(visit, ruled), 300):>8,.0f} a second")


if __name__ == "__main__":
    main()
