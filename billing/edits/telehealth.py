"""Edits that look at where and how patient and clinician met."""

from collections.abc import Iterator

from billing import codes
from billing.checks import Problem
from billing.coding import CodedClaim, terms_of
from billing.context import VisitContext
from billing.edits.common import SCRUB, entry_of, family_of
from billing.encounter import Encounter
from billing.vocabulary import Modality, Owner, Severity

TELEHEALTH_PLACES = frozenset({"02", "10"})


HANDS_ON_KINDS = frozenset({codes.CodeKind.ATTENDED_MODALITY, codes.CodeKind.SUPERVISED_MODALITY})


HANDS_ON_CODES = frozenset({"97113", "97124", "97140"})  # hands or a pool are what these codes name


TELEHEALTH_SOURCE = "Medicare telehealth list; Pub. L. of 2026-02-03 (through 2027-12-31); plan terms"


@SCRUB.check(
    "S10",
    "Place, way and telehealth agree",
    why="A virtual visit with an office place, or the reverse, is denied or paid at the wrong rate (CARC 5).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source=TELEHEALTH_SOURCE,
)
def telehealth(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Place 02 or 10 if and only if the visit was virtual; the plan takes telehealth, and of these codes."""
    virtual = encounter.administrative.modality is not Modality.IN_PERSON
    evidence = {"way": encounter.administrative.modality.value, "place of service": claim.place_of_service}
    if virtual != (claim.place_of_service in TELEHEALTH_PLACES):
        yield Problem(
            message="The place of service and the way patient and clinician met do not agree.",
            clears_when="a virtual visit has place 02 or 10, and any other visit another",
            evidence=evidence,
        )
    if not virtual:
        if any(family_of(line, "telehealth") for line in claim.lines):
            yield Problem("A telehealth modifier stands on a visit in person.", "the chart drops it", evidence)
        return
    if not terms_of(encounter, context).telehealth_allowed:
        yield Problem(
            message="The plan does not pay for telehealth.",
            clears_when="the visit is marked not billable or paid by the patient",
            evidence=evidence,
            severity=Severity.BLOCK,
        )
    yield from _not_listed(claim)


def _not_listed(claim: CodedClaim) -> Iterator[Problem]:
    for line in claim.lines:
        entry = entry_of(line)
        if entry is not None and not entry.telehealth(line.service_date) and not _remote(entry):
            hands_on = entry.kind in HANDS_ON_KINDS or entry.code in HANDS_ON_CODES
            yield Problem(
                message=f"{line.code} {'cannot be given' if hands_on else 'is not listed for payment'} by telehealth.",
                clears_when="the code or the way of the visit is corrected"
                + ("" if hands_on else ", or the plan pays it"),
                evidence={"code": line.code},
                severity=Severity.BLOCK if hands_on else None,
                overridable=not hands_on,
            )


def _remote(entry: codes.TherapyCode) -> bool:
    """Codes that are remote by nature and need no telehealth listing."""
    return entry.kind in (codes.CodeKind.COMMUNICATION, codes.CodeKind.REMOTE_MONITORING) or entry.code == "98981"
