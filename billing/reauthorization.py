"""When the next authorization is asked for: the day a re-authorization opens and is due, flags, and the end."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing.authorization import SUBJECT
from billing.findings import Step

REOPEN_DAYS = 7  # before expiry the re-authorization opens (founding playbook; practice default)
DUE_DAYS = 5  # before expiry it must be sent (founding playbook; practice default)
FLAGS_AT = (3, 2)  # what is left when a flag goes up (founding playbook; practice default)


@dataclass(frozen=True, slots=True)
class AuthorizationOutlook:
    """What an authorization will need, and when.

    flags: ``left_3`` and ``left_2`` as they are passed. open_now: a re-authorization should be begun and none is open.
    escalate: it is due and nobody has begun. ended: ``expired``, ``exhausted`` or None. next_look_on: when time alone
    changes this answer; None when it cannot any more.
    """

    flags: tuple[str, ...]
    reauthorization_opens_on: date
    due_on: date
    open_now: bool
    escalate: bool
    ended: str | None
    next_look_on: date | None
    steps: tuple[Step, ...]


def reauthorization_days(effective_to: date, runs_out_on: date | None, lead_days: int) -> tuple[date, date]:
    """The days a re-authorization opens and is due. ``lead_days``: the payer's time to answer.

    It opens 7 days before expiry and is due 5 days before; a payer that takes longer moves both forward. Where booked
    visits (or the usual frequency) use it up earlier, it opens that day less the payer's time to answer, and is due two
    days later (founding playbook; practice default).
    """
    opens_on = effective_to - timedelta(days=max(REOPEN_DAYS, lead_days))
    if runs_out_on is not None:
        opens_on = min(opens_on, runs_out_on - timedelta(days=lead_days))
    return opens_on, opens_on + timedelta(days=REOPEN_DAYS - DUE_DAYS)


def outlook(
    left: Decimal,
    effective_to: date,
    today: date,
    lead_days: int,
    open_reauthorization: bool,
    runs_out_on: date | None = None,
) -> AuthorizationOutlook:
    """What an authorization will need next. ``left``: in visits; ``lead_days``: the payer's time to answer.

    ``runs_out_on``: where booked visits (or the usual frequency) use it up.
    """
    opens_on, due_on = reauthorization_days(effective_to, runs_out_on, lead_days)
    ended = "expired" if today > effective_to else "exhausted" if left <= 0 else None
    flags = tuple(f"left_{count}" for count in FLAGS_AT if ended is None and left <= count)
    wanted = ended is None and (today >= opens_on or bool(flags)) and not open_reauthorization
    return AuthorizationOutlook(
        flags=flags,
        reauthorization_opens_on=opens_on,
        due_on=due_on,
        open_now=wanted,
        escalate=wanted and (today >= due_on or left <= min(FLAGS_AT)),
        ended=ended,
        next_look_on=_next_look(today, opens_on, due_on, effective_to) if ended != "expired" else None,
        steps=(_outlook_step(left, effective_to, opens_on, due_on, ended),),
    )


def _next_look(today: date, opens_on: date, due_on: date, effective_to: date) -> date:
    """Once more the day after its end, also where nothing is left: a visit given back lets it live again."""
    return min(day for day in (opens_on, due_on, effective_to + timedelta(days=1)) if day > today)


def _outlook_step(left: Decimal, effective_to: date, opens_on: date, due_on: date, ended: str | None) -> Step:
    text = f"{left:f} left until {effective_to}; re-authorization opens {opens_on}, due {due_on}"
    return Step(SUBJECT, f"{text}; {ended}" if ended else text)
