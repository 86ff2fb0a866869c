"""A process that takes in one booking and dies after it was reserved, before the commit. Run by test_booking_faults."""

import json
import os
import sys
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine

from activities.bookings import receive_bookings
from models.store import authorizations


def main() -> None:
    """Reads where and what from standard input; never comes back."""
    told: dict[str, Any] = json.load(sys.stdin)
    reserve = authorizations.set_reservations

    def reserve_and_die(*given: Any) -> set[UUID]:
        changed = reserve(*given)
        if changed:
            os._exit(9)
        return changed

    authorizations.set_reservations = reserve_and_die  # type: ignore[assignment]  # a process that dies in the middle
    receive_bookings(create_engine(told["url"]), UUID(told["practice_id"]), "schedule", [told["booking"]])


if __name__ == "__main__":
    main()
