"""How values look on every screen: money, dates, instants, ages, deadlines. One place, so they look the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

MINUTES_PER_HOUR = 60
HOURS_PER_DAY = 24
CALM_AFTER_DAYS = 3
NOTHING = "–"
ZERO = Decimal("0.00")
HYPHENATED = {"follow_up": "Follow-up", "api_key": "API key"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A short statement whose tone is said by word and sign, and only then by colour.

    tone: bad | warn | good | calm | info.
    """

    tone: str
    sign: str
    text: str
    title: str = ""


def money(amount: Decimal | None) -> str:
    """``$1,284.50``; a negative amount carries a real minus sign."""
    if amount is None:
        return NOTHING
    sign = "−" if amount < 0 else ""
    return f"{sign}${abs(amount):,.2f}"


def day(value: date | None) -> str:
    """``06/02/2026``, the way the trade's forms write it."""
    return NOTHING if value is None else f"{value:%m/%d/%Y}"


def instant(value: datetime | None, zone: ZoneInfo) -> str:
    """Date and time of day in the practice's zone."""
    return NOTHING if value is None else f"{value.astimezone(zone):%m/%d/%Y %H:%M}"


def time_of_day(value: datetime, zone: ZoneInfo) -> str:
    """``14:05`` in the practice's zone."""
    return f"{value.astimezone(zone):%H:%M}"


def today(now: datetime, zone: ZoneInfo) -> date:
    """The practice's calendar day."""
    return now.astimezone(zone).date()


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that still says something."""
    if since is None:
        return NOTHING
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes == 0:
        return "< 1 min"
    if minutes < MINUTES_PER_HOUR:
        return f"{minutes} min"
    hours = minutes // MINUTES_PER_HOUR
    if hours < HOURS_PER_DAY:
        return f"{hours} h"
    return f"{hours // HOURS_PER_DAY} d"


def due_chip(due_at: datetime | None, now: datetime, zone: ZoneInfo) -> Chip:
    """How much time is left, in words, with a sign and a tone."""
    if due_at is None:
        return Chip("calm", "○", "No deadline")
    title = f"Due {instant(due_at, zone)}"
    if due_at < now:
        return Chip("bad", "!", f"Overdue {age(due_at, now)}", title)
    days = (today(due_at, zone) - today(now, zone)).days
    if days == 0:
        return Chip("warn", "◔", f"Due today {time_of_day(due_at, zone)}", title)
    if days == 1:
        return Chip("warn", "◔", f"Due tomorrow {time_of_day(due_at, zone)}", title)
    if days <= CALM_AFTER_DAYS:
        return Chip("info", "◑", f"Due in {days} d", title)
    return Chip("calm", "○", f"Due {day(today(due_at, zone))}", title)


def words(key: str | None) -> str:
    """``patient_balance`` -> ``Patient balance``."""
    if not key:
        return NOTHING
    return HYPHENATED.get(key) or sentence(key.replace("_", " "))


def check_name(code: str) -> str:
    """``D8``, ``CO-197`` and ``277CA`` as they are; a kind such as ``credit_balance`` or ``DUPLICATE`` in words."""
    if code == "AUTHCASE":
        return "Authorization case"
    return words(code.lower()) if code.replace("_", "").isalpha() else code


def counted_once(names: Sequence[str]) -> str:
    """``S17 (2 times), S4``: what is named more than once says how often."""
    return ", ".join(
        name if names.count(name) == 1 else f"{name} ({names.count(name)} times)" for name in dict.fromkeys(names)
    )


def same_once(one: str, other: str) -> str:
    """``Lone Mesa Medicaid``, ``Juniper Valley, Juniper Valley HMO``: a payer and its plan, one name said once."""
    return one if one == other or not other else f"{one}, {other}"


def sentence(text: str) -> str:
    """Begins with a capital."""
    return text[:1].upper() + text[1:]


CLAIM_STATUSES = {
    "1": "processed as primary",
    "2": "processed as secondary",
    "3": "processed as tertiary",
    "4": "denied",
    "19": "processed as primary, forwarded",
    "20": "processed as secondary, forwarded",
    "21": "processed as tertiary, forwarded",
    "22": "reversal of an earlier payment",
    "23": "not our claim, forwarded",
    "25": "predetermination only",
}  # CLP02 of the 835, in our words


def claim_status(code: str) -> str:
    """What a payer's status code says."""
    return f"{code}, {CLAIM_STATUSES[code]}" if code in CLAIM_STATUSES else code


def person(first_name: str | None, last_name: str | None) -> str:
    """``Kim, Rosa``: sortable, as on every chart."""
    return ", ".join(part for part in (last_name, first_name) if part) or NOTHING


def initials(name: str) -> str:
    """``Ana Ruiz`` -> ``AR``."""
    parts = [part for part in name.replace(",", " ").split() if part[:1].isalpha()]
    return "".join(part[0].upper() for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)) or "?"


def plural(number: int, one: str, many: str = "") -> str:
    """``1 visit``, ``3 visits``, ``1,204 visits``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(size_bytes: int) -> str:
    """Bytes in a unit a person reads."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    if size_bytes < 1024 * 1024:
        return f"{size_bytes / 1024:.1f} KB"
    return f"{size_bytes / 1024 / 1024:.1f} MB"
