"""The order of a queue: earlier by dollars, chance and escalation; the same at every moment; explained in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.practice import DeskSettings
from billing.priority import Stake, rank

ZONE = ZoneInfo("America/Chicago")
OPENED = datetime(2026, 11, 20, 15, tzinfo=UTC)
DUE = datetime(2026, 11, 24, 14, tzinfo=UTC)
HOLD = Stake("authorization", "authorization_hold", Decimal("184.00"), DUE, OPENED, escalated=False)
SETTINGS = DeskSettings()

amounts = st.decimals(0, 100_000, places=2)


def test_an_item_says_why_it_stands_where_it_stands() -> None:
    ranked = rank(replace(HOLD, escalated=True), SETTINGS, ZONE)
    assert ranked.steps == (
        "due 11/24 08:00",
        "$184.00 at stake, 70% likely to be paid: 8 h earlier",
        "escalated: 48 h earlier",
        "ranks as if due 11/22 00:17",
    )
    assert ranked.at == DUE - timedelta(hours=48, minutes=7 * 60 + 43)


def test_a_deadline_alone_is_the_rank() -> None:
    ranked = rank(replace(HOLD, amount=Decimal("0.00")), SETTINGS, ZONE)
    assert ranked.at == DUE
    assert ranked.steps == ("due 11/24 08:00",)


def test_without_a_deadline_it_comes_up_after_the_practices_days() -> None:
    ranked = rank(replace(HOLD, due_at=None, amount=Decimal("0.00")), SETTINGS, ZONE)
    assert ranked.at == OPENED + timedelta(days=SETTINGS.rank_days_without_deadline)


def test_the_practices_own_chance_replaces_ours_by_kind_before_queue() -> None:
    own = DeskSettings(chance_paid={"authorization": 10, "authorization_hold": 100})
    assert "100% likely" in rank(HOLD, own, ZONE).steps[1]
    assert "10% likely" in rank(replace(HOLD, kind="reauthorization"), own, ZONE).steps[1]


@given(amounts, amounts, st.booleans())
def test_more_dollars_never_come_later_and_never_move_more_than_the_most(
    one: Decimal, other: Decimal, escalated: bool
) -> None:
    less, more = sorted((one, other))
    ranks = [rank(replace(HOLD, amount=amount, escalated=escalated), SETTINGS, ZONE).at for amount in (less, more)]
    assert ranks[1] <= ranks[0] <= DUE
    moved = timedelta(hours=SETTINGS.rank_hours_max + (SETTINGS.rank_hours_escalated if escalated else 0))
    assert DUE - ranks[1] <= moved


@given(st.timedeltas(timedelta(0), timedelta(days=90)), amounts)
def test_of_two_alike_the_one_due_earlier_comes_first(later: timedelta, amount: Decimal) -> None:
    first = replace(HOLD, amount=amount)
    second = replace(first, due_at=DUE + later)
    assert rank(first, SETTINGS, ZONE).at <= rank(second, SETTINGS, ZONE).at
