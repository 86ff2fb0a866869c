"""The clinic's schedule ahead: visits booked on the authorizations that are running, some beyond what is left."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Json = dict[str, Any]

PATIENTS_MAX = 40
DAYS_AHEAD = (2, 4, 9, 11, 16, 18)  # twice a week for three weeks
OPENING = time(15, tzinfo=UTC)  # morning at the clinic
EVERY_CANCELLED = 7  # so many bookings, and one of them is cancelled again


def schedule(authorizations: Sequence[Json], as_of: date) -> list[Json]:
    """Bookings as the schedule sends them, cancellations as a second version. The same arguments give the same."""
    running = [grant for grant in authorizations if grant["effective_to"] >= as_of.isoformat()]
    made = [one for grant in running[:PATIENTS_MAX] for one in _booked(grant, as_of)]
    cancelled = [one | {"version": 2, "state": "cancelled"} for one in made[EVERY_CANCELLED - 1 :: EVERY_CANCELLED]]
    return made + cancelled


def _booked(grant: Json, as_of: date) -> Iterator[Json]:
    for number, days in enumerate(DAYS_AHEAD):
        day = as_of + timedelta(days=days)
        yield {
            "booking_id": f"BOOK-{grant['authorization_id']}-{number}",
            "version": 1,
            "patient": grant["patient"],
            "plan_id": grant["plan_id"],
            "discipline": grant["disciplines"][0],
            "starts_at": datetime.combine(day, OPENING).isoformat(),
        }
