"""The work of asking a payer: whose move it is in each state, how long the payer may take, what a case asks of whom."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

from billing.deadlines import add_business_days
from billing.practice import PlanTerms
from billing.vocabulary import AuthorizationCaseState as State
from billing.vocabulary import Discipline, Owner

Amount = TypeVar("Amount", Decimal, date)

CMS_0057_FROM = date(2026, 1, 1)  # 42 CFR 422.568(b), 438.210(d), 457.495(d), CMS-0057-F (2024)
CMS_0057_DAYS = 7  # calendar days for a standard decision
CMS_0057_URGENT_HOURS = 72
PACKET_HOURS = 24  # a case somebody's visit waits for is sent within a day (practice default)

TO_DO = (State.NEEDED, State.BUILDING)
WAITING = (State.SENT, State.EXTENSION_REQUESTED)
OPEN = (*TO_DO, *WAITING, State.INFORMATION_ASKED, State.DENIED)
WORDS = {
    State.NEEDED: "needed",
    State.BUILDING: "packet being built",
    State.SENT: "sent to the payer",
    State.INFORMATION_ASKED: "the payer asked for more information",
    State.EXTENSION_REQUESTED: "extension requested",
    State.DENIED: "denied",
    State.PATIENT_PAY: "patient-pay only",
    State.APPROVED: "approved",
    State.PARTLY_APPROVED: "approved in part",
    State.NONE_NEEDED: "none needed, said the payer",
    State.NOT_CONTINUING: "care does not continue",
    State.WITHDRAWN: "not needed any more",
}
CLEARS = {
    State.NEEDED: "the request is sent to the payer, or an authorization that covers it is recorded",
    State.BUILDING: "the packet is sent to the payer",
    State.SENT: "the payer answers",
    State.EXTENSION_REQUESTED: "the payer answers",
    State.INFORMATION_ASKED: "what the payer asked for is sent",
    State.DENIED: "the request is sent anew, the patient pays, or care ends",
}


class AnswerClock(NamedTuple):
    """Until when the payer owes an answer, and by which rule, in words."""

    due_at: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class Move:
    """Whose move it is, in words for the queue. asleep: nobody at the practice has to look before the due time."""

    owner: Owner
    clears_when: str
    asleep: bool


def answer_clock(sent_at: datetime, sent_on: date, terms: PlanTerms | None, *, urgent: bool) -> AnswerClock:
    """When the payer's answer is due. ``sent_on``: the practice's day of ``sent_at``.

    Payers under CMS-0057-F (Medicare Advantage, Medicaid, CHIP: a plan term) owe a standard decision within 7 calendar
    days and an urgent one within 72 hours, for requests from 2026-01-01 on. Elsewhere the plan's own business days or
    urgent hours hold.
    """
    bound = terms is not None and terms.cms_0057_applies and sent_on >= CMS_0057_FROM
    if urgent:
        hours = CMS_0057_URGENT_HOURS if bound or terms is None else terms.authorization_urgent_hours
        return AnswerClock(sent_at + timedelta(hours=hours), f"{hours} hours, urgent" + _source(bound))
    if bound:
        return AnswerClock(sent_at + timedelta(days=CMS_0057_DAYS), f"{CMS_0057_DAYS} calendar days{_source(bound)}")
    days = terms.authorization_answer_business_days if terms else 10
    later = add_business_days(sent_on, days) - sent_on
    return AnswerClock(sent_at + later, f"{days} business days{_source(bound)}")


def _source(bound: bool) -> str:
    return " (CMS-0057-F, 2026)" if bound else " (plan terms)"


def move_of(state: State, *, overdue: bool, escalated: bool) -> Move:
    """Whose move a case is. While the payer's clock runs nobody at the practice is asked; afterwards somebody is."""
    if state in WAITING and not overdue:
        return Move(Owner.PAYER, CLEARS[state], asleep=True)
    owner = Owner.SUPERVISOR if escalated and state in TO_DO else Owner.FRONT_DESK
    clears = (
        "the payer is called, and its answer recorded" if state in WAITING else CLEARS.get(state, "nothing is left")
    )
    return Move(owner, clears, asleep=False)


def disciplines_of(discipline: Discipline, terms: PlanTerms | None) -> tuple[Discipline, ...]:
    """Which disciplines are asked for together: those that share one authorization with this plan, else it alone."""
    combined = terms.combined_disciplines if terms else ()
    return tuple(sorted(combined)) if discipline in combined else (discipline,)


class Span(NamedTuple):
    """How much for which days. None: not said."""

    quantity: Decimal | None
    first: date | None
    last: date | None


def answer_state(requested: Span, granted: Span) -> State:
    """Approved in part where the payer cut quantity or days of what was asked for."""
    cut = (
        _below(granted.quantity, requested.quantity)
        or _below(requested.first, granted.first)
        or _below(granted.last, requested.last)
    )
    return State.PARTLY_APPROVED if cut else State.APPROVED


def _below(one: Amount | None, other: Amount | None) -> bool:
    return one is not None and other is not None and one < other
