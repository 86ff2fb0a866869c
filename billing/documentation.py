"""Whether the chart carries the claim: D0 to D16, each one small function.

Timing rules follow the Medicare Benefit Policy Manual ch. 15, 220 where a plan asks for them; the plan's terms decide
whether and with which numbers. Days of certification are counted as calendar days after the first treatment day: day 30
after 2026-03-02 is 2026-04-01, day 90 is 2026-05-31.

An addendum after billing (D15) is no check of its own: the workflow sees the new version and asks again; billing.desk
has the kind ``chart_changed_after_billing``.
"""

from billing.chart import note as _note
from billing.chart import people as _people
from billing.chart import plan_of_care as _plan_of_care
from billing.chart.common import DOCUMENTATION
from billing.checks import Rule
from billing.context import VisitContext
from billing.encounter import Encounter
from billing.findings import Finding

CHART = (_note, _people, _plan_of_care)  # importing them registers their checks


def check(encounter: Encounter, context: VisitContext) -> tuple[Finding, ...]:
    """All findings about the chart, in the order of the checks."""
    return tuple(DOCUMENTATION.findings(encounter, context))


def rules() -> tuple[Rule, ...]:
    """Every check of this gate, by id."""
    return tuple(DOCUMENTATION.rules)
