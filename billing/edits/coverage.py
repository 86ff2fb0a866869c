"""Edits that look at what the payer answered about the coverage. Where nobody was asked, they say nothing."""

from collections.abc import Iterator
from datetime import date

from billing.checks import Problem
from billing.coding import CodedClaim, terms_of
from billing.context import VisitContext
from billing.edits.common import SCRUB
from billing.encounter import Eligibility, Encounter
from billing.vocabulary import Owner, Severity

OTHER_CARE = {
    "home_health": "a home-health episode",
    "skilled_nursing": "a stay in a skilled nursing facility",
    "hospice": "hospice care",
}


@SCRUB.check(
    "S22",
    "Protected patient",
    why="A qualified Medicare beneficiary owes no deductible, coinsurance or copay; billing one breaks the law.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="42 USC 1396a(n)(3); 42 USC 1395cc(a)(1)(A); RARC N781 to N783",
    overridable=True,
)
def protected(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Nothing was taken at the desk from a patient whose coverage says that they owe no share."""
    answer, paid = context.coverage.eligibility, encounter.administrative.patient_paid
    if answer is not None and answer.protected and paid:
        yield Problem(
            message=f"The patient is a qualified Medicare beneficiary and paid {paid} at the desk.",
            clears_when="the payment is given back and the visit sent without it",
            evidence={"paid": str(paid), **_told(answer)},
        )


@SCRUB.check(
    "S23",
    "Care paid elsewhere",
    why="The payment of such care covers therapy; anybody else's claim is denied (CARC 190, RARC N88, N116).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="42 USC 1395y(a)(18); 42 CFR 411.15(p); 42 CFR 409.100 (consolidated billing)",
    overridable=True,
)
def paid_elsewhere(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """The visit lies in no stay or episode, known from eligibility, whose own payment covers therapy."""
    answer, on = context.coverage.eligibility, encounter.date_of_service
    for care in answer.other_care if answer is not None else ():
        if answer is not None and care.started_on <= on and (care.ended_on is None or on <= care.ended_on):
            until = f"until {care.ended_on}" if care.ended_on else "and still goes on"
            yield Problem(
                message=f"The patient was in {OTHER_CARE[care.kind]}, which began on {care.started_on} {until}.",
                clears_when="its end before the visit is recorded, or whoever gives that care pays for the visit",
                evidence={"care": care.kind.replace("_", " "), "began": care.started_on.isoformat(), **_told(answer)},
            )


@SCRUB.check(
    "S41",
    "Coverage active on the day",
    why="A claim to a coverage that had ended is denied (CARC 27), and the right one may be late by then.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="the payer's eligibility answer (X12 271, EB01); plan terms",
    overridable=True,
)
def active(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Where eligibility was asked, the coverage was active on the day; it was asked within the days the terms set."""
    answer, on = context.coverage.eligibility, encounter.date_of_service
    if answer is not None and not _active_on(answer, on):
        yield Problem(
            message=f"The payer says that this coverage was not active on {on}.",
            clears_when="the coverage is corrected, or a newer answer says that it was active",
            evidence={"from": _day(answer.effective_from), "to": _day(answer.effective_to), **_told(answer)},
        )
    days = terms_of(encounter, context).eligibility_check_days
    if days is not None and (answer is None or (on - answer.checked_on).days > days):
        yield Problem(
            message=f"Eligibility was not asked within {days} days before the visit.",
            clears_when="the payer is asked and the answer recorded",
            evidence=_told(answer) if answer is not None else {"asked on": "never"},
            severity=Severity.WARN,
        )


def _active_on(answer: Eligibility, on: date) -> bool:
    """Its dates decide where they are told: what has ended since may still have covered the visit."""
    if answer.effective_from is None and answer.effective_to is None:
        return answer.active
    return (answer.effective_from or date.min) <= on <= (answer.effective_to or date.max)


def _day(day: date | None) -> str:
    return day.isoformat() if day is not None else "not told"


def _told(answer: Eligibility) -> dict[str, str]:
    return {"asked on": answer.checked_on.isoformat(), "answer": answer.reference or "no reference"}
