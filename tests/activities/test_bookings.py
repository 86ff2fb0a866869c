"""Bookings reserve what visits will use; word of them may come in any order and twice."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from activities.bookings import receive_bookings
from models.store import authorizations
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.desk import WorkItemRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant, wanting
from tests.line import TODAY
from tests.workflows.visits import COMMERCIAL, Visit, newer

NOON = time(18, tzinfo=UTC)  # at the practice


YESTERDAY = -1


def recent(member_id: str) -> Visit:
    """Yesterday's visit, signed today."""
    made = wanting(member_id)
    made["date_of_service"] = str(TODAY + timedelta(days=YESTERDAY))
    made["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T02:00:00-06:00"
    return made


def booking(number: str, patient: str, days: int = 3, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "booking_id": number,
        "version": version,
        "patient": patient,
        "plan_id": COMMERCIAL,
        "discipline": "PT",
        "starts_at": datetime.combine(TODAY + timedelta(days=days), NOON).isoformat(),
        **more,
    }


def book(books: Books, *payloads: dict[str, Any]) -> list[str]:
    return [result.status for result in receive_bookings(books.engine, books.practice_id, "schedule", payloads)]


def numbers(books: Books, authorization_id: UUID) -> tuple[int, int, int]:
    """Used, reserved, left."""
    with practice_session(books.engine, books.practice_id) as session:
        stands = authorizations.standing_of(session, session.get_one(AuthorizationRow, authorization_id))
    return int(stands.used), int(stands.reserved), int(stands.left)


def beyond(books: Books, number: str) -> str:
    [row] = books.rows(BookingRow, BookingRow.external_id == number)
    return row.beyond_limit


def test_a_booking_reserves_a_move_takes_it_along_and_a_cancellation_gives_it_back(books: Books) -> None:
    made = grant(books, "P-BOOK1", 5)
    assert book(books, booking("B1", "P-BOOK1"), booking("B2", "P-BOOK1", 4)) == ["created", "created"]
    assert numbers(books, made) == (0, 2, 5)
    assert book(books, booking("B1", "P-BOOK1", 6, version=2)) == ["updated"]
    assert numbers(books, made) == (0, 2, 5)
    assert book(books, booking("B1", "P-BOOK1", 6, version=3, state="cancelled")) == ["updated"]
    assert book(books, booking("B2", "P-BOOK1", 4, version=2, state="no_show")) == ["updated"]
    assert numbers(books, made) == (0, 0, 5)


def test_old_and_equal_versions_change_nothing_whatever_their_order(books: Books) -> None:
    made = grant(books, "P-BOOK2", 5)
    assert book(books, booking("B3", "P-BOOK2", version=2, state="cancelled")) == ["created"]
    assert book(books, booking("B3", "P-BOOK2", version=1), booking("B3", "P-BOOK2", version=2)) == ["unchanged"] * 2
    assert numbers(books, made) == (0, 0, 5)


def test_a_booking_beyond_the_limit_is_kept_marked_and_asked_for(books: Books) -> None:
    grant(books, "P-BOOK3", 1, number="ONLY-ONE")
    book(books, booking("B4", "P-BOOK3", 3), booking("B5", "P-BOOK3", 5))
    assert beyond(books, "B4") == ""
    assert "too little left" in beyond(books, "B5")
    assert "ONLY-ONE" in beyond(books, "B5")
    [case] = books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == "P-BOOK3")
    assert (case.opened_because, case.state, case.disciplines) == ("booking", "needed", ["PT"])
    [item] = books.rows(WorkItemRow, WorkItemRow.authorization_case_id == case.id)
    assert item.kind == "authorization_case"
    assert "bookings beyond" in item.findings[0]["evidence"]
    book(books, booking("B4", "P-BOOK3", 3, version=2, state="cancelled"))
    assert beyond(books, "B5") == ""  # the place that became free is the next one's


def test_the_earlier_day_has_the_place_whichever_was_booked_first(books: Books) -> None:
    grant(books, "P-BOOK4", 1)
    book(books, booking("B6", "P-BOOK4", 9), booking("B7", "P-BOOK4", 3))
    assert (bool(beyond(books, "B6")), beyond(books, "B7")) == (True, "")


def test_a_signed_visit_turns_its_reservation_into_use(books: Books) -> None:
    visit = recent("AUTHBOOK5")
    patient = visit["patient"]["patient_id"]
    made = grant(books, patient, 2)
    book(books, booking("B8", patient, YESTERDAY), booking("B9", patient, 4))
    assert numbers(books, made) == (0, 2, 2)
    visit["booking_id"] = "B8"
    books.send(visit)
    [row] = books.rows(BookingRow, BookingRow.external_id == "B8")
    assert (row.state, row.encounter_id) == ("attended", books.visit(visit["encounter_id"]).id)
    assert numbers(books, made) == (0, 2, 2)  # not billed yet
    assert books.gates(visit["encounter_id"]).outcome == "clear"
    assert numbers(books, made) == (1, 1, 1)
    books.send(newer(visit, lambda gone: gone.update(cancelled=True)))
    assert books.claim_look(visit["encounter_id"]) == "closed"
    assert numbers(books, made) == (0, 1, 2)


def test_a_visit_that_names_no_booking_is_the_one_of_its_day_and_discipline(books: Books) -> None:
    visit = recent("AUTHBOOK6")
    patient = visit["patient"]["patient_id"]
    books.send(visit)  # the visit first, the booking later
    book(books, booking("B10", patient, YESTERDAY), booking("B11", patient, YESTERDAY + 1))
    rows = {row.external_id: row.encounter_id for row in books.rows(BookingRow) if row.patient_external_id == patient}
    assert rows == {"B10": books.visit(visit["encounter_id"]).id, "B11": None}


def test_an_unbooked_visit_takes_what_a_later_booking_had_reserved(books: Books) -> None:
    visit = recent("AUTHBOOK7")
    patient = visit["patient"]["patient_id"]
    made = grant(books, patient, 1)
    book(books, booking("B12", patient, 9))
    books.send(visit)
    assert books.gates(visit["encounter_id"]).outcome == "clear"
    assert numbers(books, made) == (1, 0, 0)
    assert beyond(books, "B12")


def test_an_exempt_evaluation_reserves_nothing(books: Books) -> None:
    made = grant(books, "P-BOOK8", 2)
    book(books, booking("B13", "P-BOOK8", 3, is_evaluation=True))
    assert (numbers(books, made), beyond(books, "B13")) == ((0, 0, 2), "")


def test_a_booking_with_unknown_names_is_refused_with_the_fields(books: Books) -> None:
    wrong = booking("B14", "P-BOOK9") | {"plan_id": "nobodys", "clinician_id": "nobody"}
    [refused] = receive_bookings(books.engine, books.practice_id, "schedule", [wrong])
    assert refused.status == "refused"
    assert [error.field for error in refused.errors] == ["plan_id", "clinician_id"]
    [odd] = receive_bookings(
        books.engine, books.practice_id, "schedule", [booking("B15", "P-BOOK9") | {"state": "odd"}]
    )
    assert [error.field for error in odd.errors] == ["state"]
    assert book(books, booking("B16", "P-BOOK9")) == ["created"]
    [other] = receive_bookings(books.engine, books.practice_id, "schedule", [booking("B16", "P-OTHER", version=2)])
    assert [error.field for error in other.errors] == ["patient"]


def test_what_a_booking_does_not_say_is_what_visits_used_before(books: Books) -> None:
    made = grant(books, "P-BOOK10", 40, unit_of_measure="units")
    book(books, booking("B17", "P-BOOK10"), booking("B18", "P-BOOK10", 5, expected={"97110": 2, "97140": 1}))
    assert numbers(books, made) == (0, 7, 40)  # four units by default, three as planned
    assert Decimal(7) == sum((use.quantity for use in _uses(books, made)), Decimal(0))


def _uses(books: Books, authorization_id: UUID) -> list[AuthorizationUseRow]:
    return books.rows(AuthorizationUseRow, AuthorizationUseRow.authorization_id == authorization_id)


def test_of_two_visits_of_a_day_that_name_a_booking_the_first_by_name_is_it_whichever_was_sent_first(
    books: Books,
) -> None:
    """Found by the stories of test_authorization_histories: ids drawn at random decided, so each run said otherwise."""
    for pair in range(6):
        patient, number = f"P-NAMED{pair}", f"B-NAMED{pair}"
        named = [f"NAMED{pair}-1", f"NAMED{pair}-2"]
        book(books, booking(number, patient, YESTERDAY))
        for name in reversed(named):
            made = recent(f"AUTHNAMED{pair}") | {"encounter_id": name, "booking_id": number}
            made["patient"] |= {"patient_id": patient}
            [kept] = books.send(made)
            assert not kept.errors
        [row] = books.rows(BookingRow, BookingRow.external_id == number)
        assert row.encounter_id == books.visit(named[0]).id
