"""How long a payer may take, whose move a case is, and when an answer is a cut one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.authorization_case import Span, answer_clock, answer_state, disciplines_of, move_of
from billing.vocabulary import AuthorizationCaseState as State
from billing.vocabulary import Discipline, Owner
from tests.billing.builders import terms

SENT_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)  # a Monday
BEFORE_THE_RULE = datetime(2025, 12, 15, 15, tzinfo=UTC)  # a Monday; Christmas lies in the ten business days


@pytest.mark.parametrize(
    ("sent_at", "bound", "urgent", "due"),
    [
        (SENT_AT, True, False, SENT_AT + timedelta(days=7)),
        (SENT_AT, True, True, SENT_AT + timedelta(hours=72)),
        (SENT_AT, False, False, SENT_AT + timedelta(days=14)),  # ten business days
        (SENT_AT, False, True, SENT_AT + timedelta(hours=48)),
        (BEFORE_THE_RULE, True, False, BEFORE_THE_RULE + timedelta(days=15)),
    ],
)
def test_the_payers_clock(sent_at: datetime, bound: bool, urgent: bool, due: datetime) -> None:
    plan = terms(cms_0057_applies=bound, authorization_urgent_hours=48)
    clock = answer_clock(sent_at, sent_at.date(), plan, urgent=urgent)
    assert clock.due_at == due
    assert ("CMS-0057-F" in clock.rule) is (bound and sent_at is SENT_AT)


@pytest.mark.parametrize(
    ("state", "overdue", "escalated", "owner", "asleep"),
    [
        (State.NEEDED, False, False, Owner.FRONT_DESK, False),
        (State.NEEDED, False, True, Owner.SUPERVISOR, False),
        (State.SENT, False, True, Owner.PAYER, True),
        (State.EXTENSION_REQUESTED, False, False, Owner.PAYER, True),
        (State.SENT, True, False, Owner.FRONT_DESK, False),
        (State.INFORMATION_ASKED, False, False, Owner.FRONT_DESK, False),
        (State.DENIED, False, False, Owner.FRONT_DESK, False),
    ],
)
def test_nobody_is_asked_while_the_payers_clock_runs(
    state: State, overdue: bool, escalated: bool, owner: Owner, asleep: bool
) -> None:
    move = move_of(state, overdue=overdue, escalated=escalated)
    assert (move.owner, move.asleep) == (owner, asleep)
    assert move.clears_when


ASKED = Span(Decimal(12), date(2026, 3, 2), date(2026, 5, 31))


@pytest.mark.parametrize(
    ("granted", "state"),
    [
        (ASKED, State.APPROVED),
        (Span(Decimal(16), date(2026, 3, 1), date(2026, 6, 30)), State.APPROVED),
        (Span(Decimal(8), date(2026, 3, 2), date(2026, 5, 31)), State.PARTLY_APPROVED),
        (Span(Decimal(12), date(2026, 3, 9), date(2026, 5, 31)), State.PARTLY_APPROVED),
        (Span(Decimal(12), date(2026, 3, 2), date(2026, 4, 30)), State.PARTLY_APPROVED),
    ],
)
def test_a_cut_answer_is_a_partial_one(granted: Span, state: State) -> None:
    assert answer_state(ASKED, granted) is state
    assert answer_state(Span(None, None, None), granted) is State.APPROVED


def test_disciplines_that_share_a_limit_are_asked_for_together() -> None:
    shared = terms(combined_disciplines=("PT", "OT"))
    assert disciplines_of(Discipline.PT, shared) == (Discipline.OT, Discipline.PT)
    assert disciplines_of(Discipline.SLP, shared) == (Discipline.SLP,)
    assert disciplines_of(Discipline.PT, terms()) == (Discipline.PT,)
