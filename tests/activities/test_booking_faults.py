"""Bookings under a crowd, and under a process that dies between reserving and committing."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from activities.bookings import receive_bookings
from models.tables.authorizations import AuthorizationCaseRow, BookingRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant
from tests.activities.test_bookings import book, booking, numbers

AT_ONCE = 16


def test_bookings_racing_for_the_last_ones_get_exactly_what_is_left(books: Books) -> None:
    patient = "P-BOOKRACE"
    made = grant(books, patient, 10, last=200)
    sent = [booking(f"R{number}", patient, 1 + number) for number in range(40)]
    with ThreadPoolExecutor(AT_ONCE) as crowd:
        results = list(
            crowd.map(lambda one: receive_bookings(books.engine, books.practice_id, "schedule", [one])[0], sent * 2)
        )
    assert Counter(result.status for result in results) == {"created": 40, "unchanged": 40}
    assert numbers(books, made) == (0, 10, 10)
    rows = books.rows(BookingRow, BookingRow.patient_external_id == patient)
    covered = sorted(row.service_date for row in rows if not row.beyond_limit)
    assert covered == sorted(row.service_date for row in rows)[:10]  # the earliest days, whoever came first
    assert len(books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient)) == 1


def test_a_process_that_dies_after_reserving_leaves_nothing_half_done(books: Books) -> None:
    patient = "P-BOOKDIES"
    made = grant(books, patient, 3)
    sent = booking("DIES", patient)
    url = books.engine.url.render_as_string(hide_password=False)
    told = json.dumps({"url": url, "practice_id": str(books.practice_id), "booking": sent})
    died = subprocess.run(
        [sys.executable, "-m", "tests.activities.dying_booking"], input=told, text=True, check=False, timeout=60
    )
    assert died.returncode == 9
    assert (numbers(books, made), books.rows(BookingRow, BookingRow.external_id == "DIES")) == ((0, 0, 3), [])
    assert book(books, sent) == ["created"]  # sent again, as every sender does without an answer
    assert numbers(books, made) == (0, 1, 3)
