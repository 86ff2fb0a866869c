"""The front desk's page: what is booked beyond its limit says so at once; bookings by hand are moved and cancelled."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.authorizations import BookingRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PlanRow, PlanTermsRow, PracticeRow
from tests.web.conftest import Browse, House
from tests.web.grants import TODAY, ahead, book, grant
from tests.web.test_authorization_pages import text_of

PAGE = "/authorizations/bookings"


@pytest.fixture
def patient(house: House) -> str:
    """A patient we know, whose plan wants authorization and has granted two visits."""
    visit = house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        for terms in session.scalars(select(PlanTermsRow)):
            terms.terms = {**terms.terms, "authorization_need": "before_evaluation"}
        session.get_one(PracticeRow, house.practice_id).revision += 1
        row = session.get_one(EncounterRow, visit)
        row.date_of_service = TODAY - timedelta(days=60)
        name: str = row.facts["patient"]["patient_id"]
        grant(
            session,
            house,
            patient_external_id=name,
            plan_id=row.plan_id,
            quantity=Decimal(2),
            used_before_firstpass=Decimal(0),
        )
    return name


def entry(patient: str, days: int, **changes: str) -> dict[str, str]:
    """What the front desk types."""
    return {"patient": patient, "discipline": "PT", "day": str(ahead(days)), "time": "10:30", **changes}


def notice(page: str) -> str:
    found = re.search(r'<div class="notice.*?</div>', page, re.DOTALL)
    assert found is not None, "the page says nothing"
    return text_of(found[0])


def rows(house: House) -> list[BookingRow]:
    with practice_session(house.engine, house.practice_id) as session:
        return list(session.scalars(select(BookingRow).order_by(BookingRow.starts_at)))


def change(page: str, act: str, **changes: str) -> dict[str, str]:
    """The change form of the page's first booking by hand."""
    fields = dict(
        re.findall(r'<input type="hidden" name="(booking_id|version)" value="([^"]*)">', page.split("<tbody>")[1])
    )
    return {**fields, "act": act, **changes}


def test_the_third_of_two_visits_says_at_once_that_it_is_beyond_and_what_can_be_done(
    house: House, browse: Browse, patient: str
) -> None:
    desk = browse(Role.FRONT_DESK)
    first = notice(desk.post(PAGE, data=entry(patient, 3)).text)
    assert "Reserved on AU-1, 1 visit left." in first
    assert "Reserved on AU-1, 0 visits left." in notice(desk.post(PAGE, data=entry(patient, 5)).text)
    third = desk.post(PAGE, data=entry(patient, 7))
    said = notice(third.text)
    assert "but beyond the limit" in said
    assert "keep the booking" in said
    assert "Book it on or after" not in said, "the payer has answered by then"
    assert "The patient may pay for it" in said
    assert text_of(third.text).count("Beyond the limit") >= 2, "the list shows it first"


def test_too_soon_for_the_payer_the_day_of_its_answer_is_offered(house: House, browse: Browse, patient: str) -> None:
    desk = browse(Role.FRONT_DESK)
    for days in (1, 2):
        desk.post(PAGE, data=entry(patient, days))
    assert f"Book it on or after {ahead(7):%m/%d/%Y}" in notice(desk.post(PAGE, data=entry(patient, 3)).text)


def test_a_cancelled_visit_frees_its_place_for_the_one_beyond(house: House, browse: Browse, patient: str) -> None:
    desk = browse(Role.FRONT_DESK)
    for days in (3, 5, 9):
        desk.post(PAGE, data=entry(patient, days))
    assert [bool(row.beyond_limit) for row in rows(house)] == [False, False, True]
    page = desk.get(f"{PAGE}?view=all").text
    told = notice(desk.post(f"{PAGE}/change", data=change(page, "cancel")).text)
    assert "Cancelled" in told
    assert "free again" in told
    assert [bool(row.beyond_limit) for row in rows(house)] == [False, False, False]


def test_a_booking_is_moved_and_the_second_click_changes_nothing(house: House, browse: Browse, patient: str) -> None:
    desk = browse(Role.FRONT_DESK)
    desk.post(PAGE, data=entry(patient, 3))
    form = change(desk.get(f"{PAGE}?view=all").text, "move", day=str(ahead(4)), time="08:00")
    assert "Reserved" in notice(desk.post(f"{PAGE}/change", data=form).text)
    assert [row.service_date for row in rows(house)] == [ahead(4)]
    again = desk.post(f"{PAGE}/change", data=form)
    assert again.status_code == 409
    assert "Somebody changed this booking meanwhile" in notice(again.text)


def test_a_booking_of_the_schedules_feed_is_not_changed_by_hand(house: House, browse: Browse, patient: str) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = grant(session, house, patient_external_id=patient, plan_id=session.scalars(select(PlanRow.id)).first())
        made = book(session, row, 3, external_id="FEED-1", source="schedule")
        version = made.version
    page = browse(Role.FRONT_DESK).get(f"{PAGE}?view=all").text
    assert "in schedule" in text_of(page)
    form = {"booking_id": "FEED-1", "version": str(version), "act": "cancel"}
    refused = browse(Role.FRONT_DESK).post(f"{PAGE}/change", data=form)
    assert refused.status_code == 422
    assert "Change it there" in refused.text


def test_what_is_missing_is_said_and_nothing_typed_is_lost(house: House, browse: Browse, patient: str) -> None:
    desk = browse(Role.FRONT_DESK)
    unknown = desk.post(PAGE, data=entry("P-NEW", 3))
    assert unknown.status_code == 422
    assert "Choose the plan that pays first" in notice(unknown.text)
    assert 'value="P-NEW"' in unknown.text
    wrong = desk.post(PAGE, data=entry(patient, 3, day="soon"))
    assert wrong.status_code == 422
    assert "starts at" in notice(wrong.text)
    assert rows(house) == []


def test_the_same_form_sent_twice_books_once(house: House, browse: Browse, patient: str) -> None:
    desk = browse(Role.FRONT_DESK)
    form = entry(patient, 3, booking_id="hand-7")
    desk.post(PAGE, data=form)
    assert "Nothing changed" in notice(desk.post(PAGE, data=form).text)
    assert len(rows(house)) == 1


def test_an_id_of_the_feed_is_not_taken_from_the_form(house: House, browse: Browse, patient: str) -> None:
    browse(Role.FRONT_DESK).post(PAGE, data=entry(patient, 3, booking_id="FEED-9"))
    assert [row.external_id.startswith("hand-") for row in rows(house)] == [True]


@pytest.mark.parametrize(
    ("role", "sees", "enters"),
    [(Role.FRONT_DESK, 200, 422), (Role.BILLER, 200, 422), (Role.AUDITOR, 200, 403), (Role.CLINICIAN, 403, 403)],
)
def test_who_sees_and_who_enters(house: House, browse: Browse, role: Role, sees: int, enters: int) -> None:
    assert browse(role).get(PAGE).status_code == sees
    answer = browse(role).post(PAGE, data=entry("P-NEW", 3))
    assert answer.status_code == enters


def test_an_empty_page_says_what_comes_here(house: House, browse: Browse) -> None:
    page = text_of(browse(Role.FRONT_DESK).get(PAGE).text)
    assert "Nothing is booked for the next two weeks" in page
    assert "Nothing is booked beyond a limit" in text_of(browse(Role.FRONT_DESK).get(f"{PAGE}?view=beyond").text)
