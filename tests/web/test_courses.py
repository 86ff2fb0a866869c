"""The course of an authorization as the database tells it: ledger, bookings, habits and prices in a few statements."""

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from billing.vocabulary import UseBucket
from models.store.book import book_of
from models.store.courses import Course, courses
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.practice import PracticeRow
from tests.web.conftest import House
from tests.web.grants import TODAY, ahead, book, draw, grant


def course(session: Session, house: House, row: AuthorizationRow) -> Course:
    practice = session.get_one(PracticeRow, house.practice_id)
    return courses(session, book_of(session, practice), [row], TODAY)[row.id]


@pytest.fixture
def visit(house: House) -> UUID:
    """A visit of the last week, expected to bring $96.40."""
    encounter = house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        session.get_one(EncounterRow, encounter).date_of_service = ahead(-3)
        session.add(
            EvaluationRow(
                practice_id=house.practice_id,
                encounter_id=encounter,
                encounter_version=1,
                rulebook_version="1",
                gate=None,
                trace={},
                sha256="",
                expected_payment=Decimal("96.40"),
            )
        )
    return encounter


def test_use_reservation_and_what_lies_beyond_come_from_the_tables(house: House, visit: UUID) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = grant(session, house, plan_id=session.get_one(EncounterRow, visit).plan_id)
        draw(session, row, {"encounter_id": visit}, ahead(-3), 1, UseBucket.USED)
        kept = book(session, row, 4)
        draw(session, row, {"booking_id": kept.id}, ahead(4), 1, UseBucket.RESERVED)
        book(session, row, 8, beyond="Nothing is left.")
        told = course(session, house, row)
    assert [told.used, told.down.left, told.down.reserved] == [2, 1, 1]
    assert told.ends_on == told.down.runs_out_on == ahead(4)
    assert told.down.runs_out_at_visit == 3
    assert [one.day for one in told.down.beyond] == [ahead(8)]
    assert told.down.dollars_at_risk == Decimal("96.40")


def test_a_counter_entry_takes_a_reservation_off(house: House, visit: UUID) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = grant(session, house)
        moved = book(session, row, 6)
        for day, quantity in ((ahead(4), 1), (ahead(4), -1), (ahead(6), 1)):
            draw(session, row, {"booking_id": moved.id}, day, quantity, UseBucket.RESERVED)
        told = course(session, house, row)
    assert [point.day for point in told.down.points if point.kind == "booked"] == [ahead(6)]


def test_visits_of_a_day_that_counts_once_are_one_step(house: House, visit: UUID) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = grant(session, house, same_day="once", used_before_firstpass=Decimal(0))
        draw(session, row, {"encounter_id": visit}, ahead(-3), 1, UseBucket.USED)
        draw(session, row, {"booking_id": book(session, row, -3).id}, ahead(-3), 1, UseBucket.RESERVED)
        told = course(session, house, row)
    assert [told.used, told.down.reserved, told.down.left_after_booked] == [1, 0, 2]


def test_a_booking_nothing_covers_hangs_on_the_last_authorization_before_it(house: House) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        old = grant(session, house, effective_to=ahead(2))
        new = grant(session, house, effective_from=ahead(3), effective_to=ahead(30))
        replaced = grant(session, house, effective_from=ahead(3), effective_to=ahead(60), status="replaced")
        other = grant(session, house, disciplines=["OT"], effective_to=ahead(60))
        book(session, old, 10, beyond="Nothing is left.")
        book(session, old, 11, beyond="Nothing is left.", state="cancelled")
        beyond = {row.id: len(course(session, house, row).down.beyond) for row in (old, new, replaced, other)}
        assert beyond == {old.id: 0, new.id: 1, replaced.id: 0, other.id: 0}


def test_the_habit_of_the_patient_carries_over_from_the_authorization_before(house: House, visit: UUID) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        patient = session.get_one(EncounterRow, visit).facts["patient"]["patient_id"]
        row = grant(
            session, house, patient_external_id=patient, effective_from=ahead(-1), used_before_firstpass=Decimal(0)
        )
        told = course(session, house, row)
    assert told.down.estimated
    assert told.down.runs_out_on == ahead(21), "one visit a week"


def test_many_authorizations_take_no_more_statements_than_one(house: House) -> None:
    statements: list[str] = []
    with practice_session(house.engine, house.practice_id) as session:
        rows = [grant(session, house) for _ in range(30)]
        booked = book_of(session, session.get_one(PracticeRow, house.practice_id))
        event.listen(house.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
        assert len(courses(session, booked, rows, TODAY)) == 30
    assert len(statements) <= 6
