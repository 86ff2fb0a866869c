"""Whether the claim itself would pass: S01 to S42, each one small function (S09 and S32-S35, S39 arise in coding.py).

Told elsewhere: S08 across the episode is D13, S13 is D7-D10, S14 is A1-A5, S15 the benefit limits, S25 (frequency code
of the claim version) the correction's own checks, S30 the workflow that sees a new version after billing. S16 holds by
construction: a line has one date. S22, S23 and S41 speak only where the payer's eligibility answer was sent with the
visit.
"""

from billing.checks import Rule
from billing.coding import CodedClaim
from billing.context import VisitContext
from billing.edits import claim as _claim
from billing.edits import codes as _codes
from billing.edits import coverage as _coverage
from billing.edits import modifiers as _modifiers
from billing.edits import telehealth as _telehealth
from billing.edits import units as _units
from billing.edits.common import SCRUB
from billing.encounter import Encounter
from billing.findings import Finding

EDITS = (_modifiers, _units, _codes, _telehealth, _coverage, _claim)  # importing them registers their checks


def check(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> tuple[Finding, ...]:
    """All findings about the claim as coded; what coding itself found stands on the claim."""
    return tuple(SCRUB.findings(encounter, context, claim))


def rules() -> tuple[Rule, ...]:
    """Every check of this gate, by id."""
    return tuple(SCRUB.rules)
