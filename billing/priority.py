"""Which item is worked first: an instant per item, its deadline moved earlier by what is at stake. Smaller comes first.

The instant does not depend on when it is read, so a queue's best item is the first of an index and nothing has to be
computed anew as time passes: every item grows more urgent at the same pace. All weights are practice defaults and
settings.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.practice import DeskSettings

HUNDRED = Decimal(100)
# How likely the money at stake comes in once the item is worked (practice defaults; DeskSettings.chance_paid overrides)
CHANCE_PAID: dict[str, int] = {
    "documentation": 95,
    "authorization": 70,
    "scrub": 95,
    "rejections": 90,
    "follow_up": 80,
    "posting": 95,
    "denials": 50,
    "patient_balance": 60,
}
CHANCE_UNKNOWN = 75


@dataclass(frozen=True, slots=True)
class Stake:
    """What a rank rests on. amount: dollars at stake."""

    queue: str
    kind: str
    amount: Decimal
    due_at: datetime | None
    opened_at: datetime
    escalated: bool


@dataclass(frozen=True, slots=True)
class Rank:
    """Where an item stands in its queue, and the steps that led there, in words."""

    at: datetime
    steps: tuple[str, ...]


def rank(stake: Stake, settings: DeskSettings, zone: ZoneInfo) -> Rank:
    """The deadline (or the day an item without one should be looked at), earlier by dollars, chance and escalation."""
    at, steps = _deadline(stake, settings, zone)
    for earlier, words in (_dollars(stake, settings), _escalation(stake, settings)):
        if earlier:
            at -= earlier
            steps.append(words)
    if len(steps) > 1:
        steps.append(f"ranks as if due {_said(at, zone)}")
    return Rank(at, tuple(steps))


def chance_paid(queue: str, kind: str, settings: DeskSettings) -> int:
    """Percent of the dollars at stake that usually come in: the practice's own figure by kind, by queue, or ours."""
    own = settings.chance_paid
    return own.get(kind, own.get(queue, CHANCE_PAID.get(queue, CHANCE_UNKNOWN)))


def _deadline(stake: Stake, settings: DeskSettings, zone: ZoneInfo) -> tuple[datetime, list[str]]:
    if stake.due_at is not None:
        return stake.due_at, [f"due {_said(stake.due_at, zone)}"]
    at = stake.opened_at + timedelta(days=settings.rank_days_without_deadline)
    return at, [f"no deadline: counted as due {settings.rank_days_without_deadline} days after it came"]


def _dollars(stake: Stake, settings: DeskSettings) -> tuple[timedelta, str]:
    chance = chance_paid(stake.queue, stake.kind, settings)
    likely = stake.amount * chance / HUNDRED
    hours = min(likely * settings.rank_hours_per_100_dollars / HUNDRED, Decimal(settings.rank_hours_max))
    if hours <= 0:
        return timedelta(0), ""
    capped = " (the most)" if hours == settings.rank_hours_max else ""
    earlier = timedelta(minutes=int(hours * 60))
    return earlier, f"${stake.amount:,.2f} at stake, {chance}% likely to be paid: {_hours(earlier)} earlier{capped}"


def _escalation(stake: Stake, settings: DeskSettings) -> tuple[timedelta, str]:
    if not stake.escalated:
        return timedelta(0), ""
    earlier = timedelta(hours=settings.rank_hours_escalated)
    return earlier, f"escalated: {_hours(earlier)} earlier"


def _hours(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    return f"{round(minutes / 60)} h" if minutes >= 60 else f"{minutes} min"


def _said(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%m/%d %H:%M}"
