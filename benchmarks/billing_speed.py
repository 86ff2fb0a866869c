"""How fast the rules answer on one core: ``python benchmarks/billing_speed.py`` from the repository's root.

Prints unit counts per second (three services with an assistant's minutes, steps included) and whole evaluations per
second (a Medicare visit of three codes through every gate), without and with 100 of a practice's own rules (aim: 1,000
a second), and which share of the time goes into making the evaluation plain data for the record (aim: at most 20 %).
Best of many short rounds taken in turn, so that other work on the machine disturbs all of them alike.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from billing import icd10, trace
from billing.practice_rules import RulesFile, made_ready
from billing.rule_set import RuleSet
from billing.units import ServiceMinutes, count_units
from billing.vocabulary import Discipline, UnitMethod
from tests.billing.builders import VISIT, context, encounter, medicare, services

ROUNDS = 100
OWN_RULES = 100
EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "rules.json"
SERVICES = (ServiceMinutes("97110", 33), ServiceMinutes("97140", 7), ServiceMinutes("97112", 13, 23))


def best_seconds(works: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Seconds one call of each takes, best over the rounds; each is given with how often it is called in a round."""
    best = dict.fromkeys(works, inf)
    for _ in range(ROUNDS):
        for name, (work, repeats) in works.items():
            start = perf_counter()
            for _ in range(repeats):
                work()
            best[name] = min(best[name], (perf_counter() - start) / repeats)
    return best


def own_rules() -> RuleSet:
    """The worked examples again and again, each with another id and every scope opened, so that all of them run."""
    shipped = RulesFile.model_validate_json(EXAMPLES.read_text()).rules
    return RuleSet(
        made_ready(
            shipped[number % len(shipped)].model_copy(
                update={"rule_id": f"rule-{number}", "scope": shipped[0].scope.model_copy(update={"payer_ids": ()})}
            )
        )
        for number in range(OWN_RULES)
    )


def counting(method: UnitMethod) -> Callable[[], object]:
    """The sample's units by one method."""
    return lambda: count_units(method, SERVICES, VISIT, Discipline.PT)


def main() -> None:
    """Measure and print."""
    start = perf_counter()
    icd10.load()
    print(f"loading ICD-10-CM        {perf_counter() - start:>10.2f} seconds, once")
    visit = encounter(timing=services(("97110", 33), ("97140", 7), ("97112", 20)))
    facts = context(terms=medicare())
    ruled = replace(facts, practice_rules=own_rules())
    answer = trace.evaluate(visit, ruled)
    works: dict[str, tuple[Callable[[], object], int]] = {
        f"units {method.value}": (counting(method), 200) for method in UnitMethod
    }
    plain, with_rules, as_data = "evaluate", f"  with {OWN_RULES} practice rules", "  its answer as data"
    works[plain] = (lambda: trace.evaluate(visit, facts), 10)
    works[with_rules] = (lambda: trace.evaluate(visit, ruled), 5)
    works[as_data] = (lambda: trace.to_dict(answer), 5)
    best = best_seconds(works)
    for name, seconds in best.items():
        print(f"{name:<25}{1 / seconds:>10,.0f} a second")
    print(f"{with_rules} take {best[with_rules] / best[plain]:.1f} times as long as none")
    print(f"{as_data}: {best[as_data] / (best[with_rules] + best[as_data]):.0%} of the time")


if __name__ == "__main__":
    main()
