"""A late authorization: which past visits and which of their claims it changes, oldest first, as far as it reaches."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from billing.authorization import EXHAUSTED, Wanted, less, named, narrow, usage
from billing.context import AuthorizationBalance

WITH_THE_PAYER = ("batched", "sent", "accepted")


class Action(StrEnum):
    """What happens to a visit."""

    GOES_ON = "goes_on"  # nothing is out yet: its next check finds the authorization
    FILE_AGAIN = "file_again"  # ready but not sent, without the number
    CORRECT = "correct"  # denied for want of it: a corrected claim
    CORRECT_AFTER_ANSWER = "correct_after_answer"  # with the payer, without the number
    LINK = "link"  # settled: only the ledger of use changes
    BEYOND = "beyond"  # nothing is left for it


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit as far as a late authorization cares.

    needed: whether plan terms want authorization for it. claim_status: None before the first claim; number: what the
    claim said. denied: an undecided denial for want of authorization. uses: the living authorization it counts against
    already. given_up: a person ended it without a claim. charge: dollars.
    """

    encounter_id: str
    day: date
    wanted: Wanted
    needed: bool
    claim_status: str | None
    number: str
    denied: bool
    uses: str | None
    given_up: bool
    charge: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """What the authorization changes for one visit, in words; by_code: what it uses of it more."""

    encounter_id: str
    day: date
    action: Action
    reason: str
    charge: Decimal
    by_code: dict[str, Decimal]


def changes(balance: AuthorizationBalance, visits: Iterable[PastVisit]) -> tuple[Change, ...]:
    """What recording this authorization changes, oldest visit first. ``balance``: with what visits use already off.

    A visit that counts against another living authorization, or that the plan needs none for, is left alone, unless
    the payer denied it for want of one.
    """
    pocket, found = balance, []
    for visit in sorted(visits, key=lambda one: (one.day, one.encounter_id)):
        if not _concerned(visit, pocket):
            continue
        if visit.uses == pocket.authorization_id:  # its number came after the claim was made
            found.append(Change(visit.encounter_id, visit.day, *_action(visit, named(pocket)), visit.charge, {}))
            continue
        fitting, missing = narrow([pocket], visit.wanted)
        if missing is not None:
            if missing.code == EXHAUSTED.id:
                reason = f"{named(balance)} has nothing left for it"
                found.append(Change(visit.encounter_id, visit.day, Action.BEYOND, reason, visit.charge, {}))
            continue
        action, reason = _action(visit, named(balance))
        taken = usage(fitting[0], visit.wanted)
        found.append(Change(visit.encounter_id, visit.day, action, reason, visit.charge, taken))
        pocket = less(pocket, visit.wanted, taken)
    return tuple(found)


def _concerned(visit: PastVisit, balance: AuthorizationBalance) -> bool:
    if visit.given_up or visit.claim_status == "withdrawn":
        return False
    if visit.uses == balance.authorization_id:
        number_is_new = bool(balance.number) and visit.number != balance.number
        return number_is_new and (visit.denied or visit.claim_status == "ready")
    return visit.denied or (visit.needed and visit.uses is None)


def _action(visit: PastVisit, number: str) -> tuple[Action, str]:
    if visit.denied:
        return Action.CORRECT, f"denied for want of authorization; a corrected claim goes out under {number}"
    if visit.claim_status in (None, "refiling", "correcting", "rejected"):
        return Action.GOES_ON, f"not billed yet; its next check finds {number}"
    if visit.claim_status == "ready":
        return Action.FILE_AGAIN, f"ready without the number; made anew under {number} before it is sent"
    if visit.claim_status in WITH_THE_PAYER:
        said = f"sent under {visit.number}" if visit.number else "sent without the number"
        return Action.CORRECT_AFTER_ANSWER, f"{said}; counted now, corrected if the payer denies it"
    return Action.LINK, f"answered by the payer; counted against {number}, the claim stays"
