"""A booked visit that passes a benefit limit says so, with the arithmetic, and offers what the contract leaves open."""

from collections.abc import Iterator
from typing import Any

import pytest

from activities import financial_notices
from activities.bookings import receive_bookings
from activities.financial_notices import Writer
from activities.refusals import Refused
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationCaseRow, BookingRow
from models.tables.practice import PracticeRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant
from tests.activities.test_benefits import LIMIT, days_of, limit_plan, outcomes, tell
from tests.activities.test_bookings import booking
from tests.workflows.visits import PREFERRED, visit


@pytest.fixture(autouse=True)
def three_visits_a_year(books: Books) -> Iterator[None]:
    """The preferred plan pays for three."""
    limit_plan(books, LIMIT)
    yield
    limit_plan(books)


def book(books: Books, number: str, patient: str, days: int, **more: Any) -> None:
    sent = booking(number, patient, days, **({"plan_id": PREFERRED} | more))
    [kept] = receive_bookings(books.engine, books.practice_id, "schedule", [sent])
    assert kept.status in ("created", "updated")


def excess(books: Books, *numbers: str) -> list[str]:
    found = {row.external_id: row for row in books.rows(BookingRow)}
    return [found[number].benefit_excess for number in numbers]


def row_of(books: Books, number: str) -> BookingRow:
    return books.rows(BookingRow, BookingRow.external_id == number)[0]


def test_bookings_count_after_visits_and_the_earliest_first_whatever_order_they_come_in(books: Books) -> None:
    first = visit("LIMITAHEAD1")
    patient = first["patient"]["patient_id"]
    visits = days_of(first, 2)
    books.send(*visits)
    outcomes(books, visits)
    book(books, "LA-late", patient, 5)
    assert excess(books, "LA-late") == [""]
    book(books, "LA-early", patient, 2)
    assert excess(books, "LA-early", "LA-late") == ["", "hard_limit"]
    assert "2 here" in row_of(books, "LA-late").beyond_benefit or "3 here" in row_of(books, "LA-late").beyond_benefit
    book(books, "LA-early", patient, 2, version=2, state="cancelled")
    assert excess(books, "LA-late") == [""]
    tell(books, visits[0]["encounter_id"], "1")
    assert excess(books, "LA-late") == ["hard_limit"], "what others used counts as soon as it is told"


def test_a_hard_limit_opens_no_case_and_the_notice_says_which_limit(books: Books) -> None:
    first = visit("LIMITAHEAD2")
    patient = first["patient"]["patient_id"]
    visits = days_of(first, 3)
    books.send(*visits)
    outcomes(books, visits)
    book(books, "LH-1", patient, 3, expected={"97110": 2})
    assert excess(books, "LH-1") == ["hard_limit"]
    assert not books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient)
    with practice_session(books.engine, books.practice_id) as session:
        writer = Writer(session.get_one(PracticeRow, books.practice_id), "Frida", books.now)
        made = financial_notices.make_for_booking(session, writer, session.merge(row_of(books, "LH-1")))
        assert "it is beyond what your plan pays for in this period" in made.body
    book(books, "LH-1", patient, 3, version=2, state="cancelled")
    with practice_session(books.engine, books.practice_id) as session:
        writer = Writer(session.get_one(PracticeRow, books.practice_id), "Frida", books.now)
        with pytest.raises(Refused, match="is covered"):
            financial_notices.make_for_booking(session, writer, session.merge(row_of(books, "LH-1")))


def test_a_soft_limit_yields_to_an_authorization(books: Books) -> None:
    limit_plan(books, LIMIT | {"hard": False})
    first = visit("LIMITAHEAD3")
    patient = first["patient"]["patient_id"]
    visits = days_of(first, 3)
    books.send(*visits)
    outcomes(books, visits)
    book(books, "LS-1", patient, 3)
    assert excess(books, "LS-1") == ["soft_limit"]
    grant(books, patient, 5, plan_id=PREFERRED)
    book(books, "LS-1", patient, 3, version=2)
    assert excess(books, "LS-1") == [""]


def test_a_visit_beyond_a_soft_limit_goes_out_under_an_authorization_its_terms_alone_would_not_want(
    books: Books,
) -> None:
    limit_plan(books, LIMIT | {"hard": False})
    first = visit("LIMITAHEAD4")
    visits = days_of(first, 4)
    books.send(*visits)
    assert outcomes(books, visits) == ["clear", "clear", "clear", "held"]
    grant(books, first["patient"]["patient_id"], 5, plan_id=PREFERRED, number="EXTENDS")
    assert outcomes(books, visits[3:]) == ["clear"]
    assert books.claims(visits[3]["encounter_id"])[-1].prior_authorization_number == "EXTENDS"
