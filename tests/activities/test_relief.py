"""An authorization that ends is not asked for again while another one of the patient carries on without a gap."""

from typing import Any
from uuid import UUID

import pytest

from activities.authorizations import AuthorizationActivities
from models.messages import LookAtAuthorization
from models.tables.authorizations import AuthorizationCaseRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant


def look(books: Books, authorization_id: UUID) -> None:
    message = LookAtAuthorization(practice_id=books.practice_id, authorization_id=authorization_id, now=books.now)
    AuthorizationActivities(books.engine).review_authorization(message)


def cases_of(books: Books, patient: str) -> list[AuthorizationCaseRow]:
    return list(books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient))


def test_the_next_is_asked_for_only_where_nothing_takes_over(books: Books) -> None:
    alone = grant(books, "RELIEF-ALONE", 10, last=4)
    look(books, alone)
    assert [case.state for case in cases_of(books, "RELIEF-ALONE")] == ["needed"]
    ending = grant(books, "RELIEF-BOTH", 10, last=4, number="RELIEF-1")
    grant(books, "RELIEF-BOTH", 10, first=3, last=90, number="RELIEF-2")
    look(books, ending)
    assert cases_of(books, "RELIEF-BOTH") == []


@pytest.mark.parametrize(
    ("patient", "other"),
    [
        ("RELIEF-GAP", {"first": 9, "last": 90}),
        ("RELIEF-LOW", {"quantity": 3, "last": 90}),
        ("RELIEF-SOON", {"last": 6}),
        ("RELIEF-CODES", {"last": 90, "codes": ["97110"]}),
        ("RELIEF-OT", {"last": 90, "disciplines": ["OT"]}),
    ],
)
def test_one_that_leaves_a_gap_runs_low_or_covers_less_takes_nothing_over(
    books: Books, patient: str, other: dict[str, Any]
) -> None:
    ending = grant(books, patient, 10, last=4, number=f"{patient}-1")
    grant(books, patient, **{"quantity": 10, "number": f"{patient}-2", **other})
    look(books, ending)
    assert len(cases_of(books, patient)) == 1
