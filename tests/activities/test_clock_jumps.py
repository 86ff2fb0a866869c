"""A clock that jumps, ahead or back (a time server's correction, a machine restored): nothing is done twice or lost."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, Engine, delete, select

from activities.authorizations import AuthorizationActivities
from activities.bookings import receive_bookings
from activities.nudges import nudge
from activities.reconcile import _restart_authorizations
from activities.relay import LEASE, Relay
from activities.reservations import reassess
from models.messages import AuthorizationProgress, LookAtAuthorization
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow, OutboxRow
from models.tables.notices import NoticeRow
from models.tables.practice import PracticeRow
from tests.activities.conftest import Books
from tests.activities.test_authorization_cases import case_of, decide, held, look
from tests.activities.test_authorizations import grant, wanting
from tests.activities.test_bookings import booking
from tests.models.test_guards import a_practice

WALKS = settings(  # not shrunk: each walk takes a second
    phases=[Phase.explicit, Phase.generate],
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_walks = count(1)


def review(books: Books, authorization_id: UUID, now: datetime) -> AuthorizationProgress:
    message = LookAtAuthorization(practice_id=books.practice_id, authorization_id=authorization_id, now=now)
    return AuthorizationActivities(books.engine).review_authorization(message)


def life_of(books: Books, authorization_id: UUID) -> Counter[str]:
    return kinds(books, EventRow.authorization_id == authorization_id)


def kinds(books: Books, about: ColumnElement[bool]) -> Counter[str]:
    """How often each kind of event was written."""
    with practice_session(books.engine, books.practice_id) as session:
        return Counter(session.scalars(select(EventRow.kind).where(about)))


def row_of(books: Books, authorization_id: UUID) -> AuthorizationRow:
    return books.rows(AuthorizationRow, AuthorizationRow.id == authorization_id)[0]


def unwatched(books: Books) -> set[UUID]:
    """Whom the watchman would have looked at again, if no workflow ran."""
    with practice_session(books.engine, books.practice_id) as session:
        session.execute(delete(OutboxRow))
        _restart_authorizations(session, books.practice_id, datetime.now(UTC), set())
        session.flush()
        told = session.scalars(select(OutboxRow.message["authorization_id"].astext)).all()
        return {UUID(authorization_id) for authorization_id in told}


@WALKS
@given(
    days=st.lists(st.integers(-3, 24), min_size=2, max_size=8), quantity=st.integers(1, 5), beyond=st.integers(1, 15)
)
def test_however_the_day_jumps_there_is_one_case_one_letter_of_a_kind_and_each_flag_once(
    books: Books, days: list[int], quantity: int, beyond: int
) -> None:
    made = wanting(f"WALK{next(_walks)}")
    patient = made["patient"]["patient_id"]
    made["patient"]["email"] = "walk@patients.example"
    books.send(made)
    authorization_id = grant(books, patient, quantity, first=-60, last=20)
    books.gates(made["encounter_id"])
    ahead = booking(f"{patient}-B", patient, beyond + 5)  # some within the authorization, some after its end
    receive_bookings(books.engine, books.practice_id, "schedule", [ahead])
    for day in days:
        now = books.now + timedelta(days=day)
        with practice_session(books.engine, books.practice_id) as session:
            reassess(session, session.get_one(PracticeRow, books.practice_id), patient, now)
        review(books, authorization_id, now)
        for case in books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient):
            look(books, case, timedelta(days=day))
        cases = books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient)
        assert sum(case.closed_at is None for case in cases) <= 1
        assert sum(case.state != "withdrawn" for case in cases) <= 1
    letters = Counter(row.kind for row in books.rows(NoticeRow, NoticeRow.authorization_id == authorization_id))
    assert set(letters.values()) <= {1}
    lived = life_of(books, authorization_id)
    assert all(lived[flag] <= 1 for flag in ("authorization.left_3", "authorization.left_2", "authorization.escalated"))


def test_an_authorization_a_fast_clock_ended_is_watched_again_and_ends_once_more_on_its_day(books: Books) -> None:
    authorization_id = grant(books, "P-AHEAD1", 20, first=-60, last=20)
    assert review(books, authorization_id, books.now + timedelta(days=400)).ended == "expired"
    assert authorization_id in unwatched(books), "nobody would look at it again"
    back = review(books, authorization_id, books.now)
    assert back.ended is None
    assert back.look_again_at is not None
    row = row_of(books, authorization_id)
    assert (row.status, row.ended_at) == ("active", None)
    assert review(books, authorization_id, books.now + timedelta(days=14)).ended is None  # asks for the next
    assert review(books, authorization_id, books.now + timedelta(days=22)).ended == "expired"
    assert row_of(books, authorization_id).status == "expired"
    lived = life_of(books, authorization_id)
    assert (lived["authorization.expired"], lived["authorization.watched_again"]) == (2, 1)


def test_a_look_that_comes_too_early_asks_nobody_and_looks_again_on_the_day(books: Books) -> None:
    authorization_id = grant(books, "P-EARLY1", 20, first=-60, last=20)
    first = review(books, authorization_id, books.now)
    assert first.look_again_at is not None
    early = review(books, authorization_id, first.look_again_at - timedelta(hours=12))
    assert early.look_again_at == first.look_again_at
    assert not books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == "P-EARLY1")
    late = review(books, authorization_id, first.look_again_at + timedelta(days=1))
    assert late.ended is None
    cases = books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == "P-EARLY1")
    assert [case.opened_because for case in cases] == ["reauthorization"]


def test_a_case_a_fast_clock_called_overdue_is_the_payers_again_when_the_clock_is_set_back(books: Books) -> None:
    visit = held(books, "CLOCKBACK1")
    decide(books, case_of(books, visit), "mark_sent", requested_quantity="12")
    look(books, case_of(books, visit), timedelta(days=60))
    assert case_of(books, visit).overdue
    again = look(books, case_of(books, visit), timedelta(hours=1))
    case = case_of(books, visit)
    assert (case.overdue, again.look_again_at) == (False, case.answer_due_at)
    look(books, case, timedelta(days=60))
    assert case_of(books, visit).overdue
    lived = kinds(books, EventRow.authorization_case_id == case.id)
    assert (lived["authorization_case.overdue"], lived["authorization_case.not_overdue"]) == (2, 1)


def test_word_taken_by_a_clock_that_was_ahead_is_carried_all_the_same(engine: Engine) -> None:
    practice_id = a_practice(engine, "one")
    relay = Relay(engine, None, "nowhere", None)  # type: ignore[arg-type]  # no word is sent, so neither client nor log is asked
    with practice_session(engine, practice_id) as session:
        row = session.query(EncounterRow).first()
        assert row is not None
        nudge(session, row)
    [word] = [parcel for parcel in relay._take() if parcel.signal == "recheck"]
    assert not [parcel for parcel in relay._take() if parcel.signal == "recheck"]  # it is on its way
    with practice_session(engine, practice_id) as session:
        sent = session.get_one(OutboxRow, word.id)
        assert sent.taken_at is not None
        sent.taken_at += timedelta(days=1) + LEASE  # the process died, and the clock was set back by a day
    assert [parcel.id for parcel in relay._take() if parcel.signal == "recheck"] == [word.id]
