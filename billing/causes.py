"""What held cases share: the cause behind many items, what mends it once, and where.

A cause is the gravest finding's check and the one fact of its evidence that other cases can share (a person, a code, a
plan, a partner's answer). Dates, amounts and patients are never part of it: they differ from case to case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.findings import Finding
from billing.vocabulary import Owner, Queue, Severity

# Evidence that several cases may have in common, the most telling first (labels as the checks write them).
SHARED_EVIDENCE = (
    "practice",
    "rendering",
    "referrer",
    "certifier",
    "clinician",
    "answer",
    "location",
    "place of service",
    "pair",
    "add-on",
    "code",
    "diagnosis",
    "plan",
    "discipline",
    "on file",
)
CLINICIAN, PLAN, FILE = "clinician id", "plan id", "file id"  # labels of the ids that stand in
GRAVITY = (Severity.BLOCK, Severity.HOLD, Severity.WARN, Severity.REPAIR)
VALUE_LENGTH_MAX = 120


@dataclass(frozen=True, slots=True)
class Cause:
    """A fingerprint taken apart: which check, which fact (label and value; both empty where the check says it all)."""

    check: str
    label: str = ""
    value: str = ""

    @property
    def key(self) -> str:
        """As it is stored and addressed. No patient is in it."""
        return "|".join((self.check, self.label, self.value))


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends a cause once, and where that is done."""

    once: str
    where: str


CHART = "the chart"
PRACTICE_BOOK = "the practice file"
PAYER_TERMS = "the payer's terms in the practice file"
OWN_RULES = "Rules"
CLEARINGHOUSE = "the clearinghouse"
DESK = "the desk"

_REMEDIES: dict[str, Remedy] = {
    "D1": Remedy("The clinician signs the notes.", CHART),
    "D5": Remedy("Name the person, with role and license, among the clinicians.", PRACTICE_BOOK),
    "D6": Remedy("Add the location or its place-of-service code.", PRACTICE_BOOK),
    "D8": Remedy("Get the plan of care signed by the referrer and record the day.", CHART),
    "A1": Remedy("Ask the payer once; if it wants no authorization, correct its terms.", PAYER_TERMS),
    "A3": Remedy("Ask the payer to add the discipline or code to the authorization.", DESK),
    "S11": Remedy("Correct the provider number.", PRACTICE_BOOK),
    "S31": Remedy("If the plan pays the code after all, correct its terms.", PAYER_TERMS),
    "S32": Remedy("Add the fee for the code.", PRACTICE_BOOK),
    "S33": Remedy("Add the plan's terms for those days.", PAYER_TERMS),
    "S40": Remedy("Correct the clinician's discipline, or the code in the chart.", PRACTICE_BOOK),
    "999": Remedy("Find out what the file stumbled over, then send all of them again together.", CLEARINGHOUSE),
    "277CA": Remedy("Mend what the answer names, then send all of them again together.", CLEARINGHOUSE),
    "not sent": Remedy("See why the file could not be made, then send all of them again together.", CLEARINGHOUSE),
    "unsent": Remedy("See whether the connection to the clearinghouse stands.", CLEARINGHOUSE),
    "no_acknowledgement": Remedy("Ask the clearinghouse for the missing answers.", CLEARINGHOUSE),
    "silent_payer": Remedy("Ask the payer for the status of all of them in one call.", DESK),
}


def cause_of(queue: Queue, findings: Sequence[Finding], clinician: str = "", plan: str = "") -> Cause | None:
    """The cause of a case: its gravest finding, with the fact it shares with others.

    clinician, plan: opaque ids of the case. They stand in where the evidence has nothing to share: what a clinician
    must do is that clinician's, a denial or a silence is that plan's. None where there is no finding.
    """
    if not findings:
        return None
    gravest = min(findings, key=lambda finding: GRAVITY.index(finding.severity))
    if queue in (Queue.DENIALS, Queue.FOLLOW_UP):
        return Cause(gravest.code, PLAN, plan) if plan else Cause(gravest.code)
    for label in SHARED_EVIDENCE:
        if value := gravest.evidence.get(label):
            return Cause(gravest.code, label, value[:VALUE_LENGTH_MAX])
    if gravest.owner is Owner.CLINICIAN and clinician:
        return Cause(gravest.code, CLINICIAN, clinician)
    return Cause(gravest.code)


def read_key(key: str) -> Cause:
    """A stored fingerprint taken apart again."""
    check, label, value = [*key.split("|", 2), "", ""][:3]
    return Cause(check, label, value)


def remedy(check: str, owner: Owner) -> Remedy:
    """What mends it once. A check without words of its own is mended where its owner works."""
    known = _REMEDIES.get(check)
    if known is not None:
        return known
    if check.startswith("D") and check[1:].isdigit():
        return Remedy("Put it right in the chart; each visit is checked again when the chart sends it anew.", CHART)
    if check.startswith(("CO-", "PR-", "OA-", "PI-")):
        return Remedy("Decide one of them, then decide the others alike.", DESK)
    usual = {
        Owner.CLINICIAN: Remedy("Put it right in the chart.", CHART),
        Owner.FRONT_DESK: Remedy("Complete what the front desk keeps on file.", DESK),
        Owner.PAYER: Remedy("Ask the payer once for all of them.", DESK),
    }
    return usual.get(owner, Remedy("Mend it once where it comes from, or decide all of them together.", DESK))
