"""A practice's published rules in the order they run, and which of them a visit is in the scope of.

Scope and dates are the same for every visit of one plan, discipline and day, so the choice is made once for those and
kept; a publication makes a new set.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from billing.practice_rules import CompiledRule
from billing.vocabulary import Discipline

SELECTIONS_KEPT = 2_000  # plan, discipline and day


class Selection(NamedTuple):
    """The rules a visit is in the scope of, in order, and what they have to be shown: names by part of the view."""

    rules: tuple[CompiledRule, ...]
    needs: dict[str, frozenset[str]]


class RuleSet:
    """Rules of whatever scope and dates. Higher priority first, then rule id."""

    def __init__(self, rules: Iterable[CompiledRule] = ()) -> None:
        self.rules = tuple(sorted(rules, key=lambda one: (-one.rule.priority, one.rule.rule_id)))
        self.selected = lru_cache(maxsize=SELECTIONS_KEPT)(self._select)

    def _select(self, payer_id: str, plan_id: str, discipline: Discipline, on: date) -> Selection:
        """Those meant for a visit, by payer, plan, discipline and date of service."""
        chosen = tuple(
            one
            for one in self.rules
            if one.rule.scope.covers(payer_id, plan_id, discipline) and one.rule.applies_on(on)
        )
        needs: dict[str, set[str]] = {}
        for root, name in (need for one in chosen for need in one.needs):
            needs.setdefault(root, set()).add(name)
        return Selection(chosen, {root: frozenset(names) for root, names in needs.items()})


NO_RULES = RuleSet()
