"""Whether the claim itself would pass: S01 to S40, each one small function (S09 and S32-S35, S39 arise in coding.py).

Not possible yet, because no fact in the shapes carries them: S15 benefit counters and S22 protected (QMB) patients and
S23 nursing-facility or home-health overlap (need eligibility answers), S25 frequency code (belongs to the claim
version, not to the coded claim), S28 habilitative limits by plan, S27 beyond birth date (age limits, EPSDT), S19 across
patients (needs the clinician's whole day), S30 (the workflow sees a new version after billing). Told elsewhere: S08
across the episode is D13, S13 is D7-D10, S14 is A1-A5. S16 holds by construction: a line has one date.
"""

from billing.checks import Rule
from billing.coding import CodedClaim
from billing.context import VisitContext
from billing.edits import claim as _claim
from billing.edits import codes as _codes
from billing.edits import modifiers as _modifiers
from billing.edits import telehealth as _telehealth
from billing.edits import units as _units
from billing.edits.common import SCRUB
from billing.encounter import Encounter
from billing.findings import Finding

EDITS = (_modifiers, _units, _codes, _telehealth, _claim)  # importing them registers their checks


def check(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> tuple[Finding, ...]:
    """All findings about the claim as coded; what coding itself found stands on the claim."""
    return tuple(SCRUB.findings(encounter, context, claim))


def rules() -> tuple[Rule, ...]:
    """Every check of this gate, by id."""
    return tuple(SCRUB.rules)
