"""Bookings, files and batches are found by what people look for; the term travels in the body, for it may be a name."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.claims import BatchRow
from models.tables.practice import PayerRow, PlanRow
from models.tables.remittances import InboundFileRow
from tests.web.conftest import Browse, House
from tests.web.grants import TODAY, ahead, book, grant
from tests.web.test_authorization_pages import text_of
from tests.web.told_life import told_life
from web.reads.search import day_of, number_of, typed_in

BOOKINGS = "/authorizations/bookings/search"


def found(browse: Browse, address: str, text: str, role: Role = Role.BILLER, **fields: str) -> str:
    answer = browse(role).post(address, data={"text": text, **fields})
    assert answer.status_code == 200
    assert 'href="/authorizations/bookings?' not in answer.text  # under a search no step is an address
    return text_of(answer.text)


@pytest.fixture
def booked(house: House) -> House:
    """A patient we have seen, in a week and far ahead; one never seen, of another payer."""
    house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        ours = grant(session, house, patient_external_id="P-1")
        book(session, ours, 7, external_id="soon")
        book(session, ours, 40, external_id="far", beyond="The authorization has too little left for this visit.")
        of_practice = {"practice_id": house.practice_id, "external_id": "blue"}
        payer = PayerRow(id=uuid4(), name="Blue Heron", claim_filing_indicator="CI", connection="c", **of_practice)
        session.add(payer)
        session.flush()
        blue = PlanRow(id=uuid4(), payer_id=payer.id, name="One", **of_practice)
        session.add(blue)
        session.flush()
        book(session, ours, 3, patient_external_id="X-2", plan_id=blue.id)
    return house


@pytest.mark.parametrize("typed", ["ember", "OTTILIE ember", "p-1"])
def test_a_patients_bookings_are_found_however_far_ahead(booked: House, browse: Browse, typed: str) -> None:
    shown = found(browse, BOOKINGS, typed, Role.FRONT_DESK)
    assert f"{ahead(40):%m/%d/%Y}" in shown
    assert f"{ahead(7):%m/%d/%Y}" in shown
    assert "X-2" not in shown
    assert "All booked 2" in shown
    assert "Beyond the limit 1" in shown
    beyond = found(browse, BOOKINGS, typed, Role.FRONT_DESK, view="beyond")
    assert f"{ahead(7):%m/%d/%Y}" not in beyond


def test_bookings_are_found_by_payer_and_by_day(booked: House, browse: Browse) -> None:
    by_payer = found(browse, BOOKINGS, "blue heron")
    assert "X-2" in by_payer
    assert "Emberquill" not in by_payer
    for day in (f"{ahead(3):%m/%d/%Y}", f"{ahead(3):%m/%d}", f"{ahead(3)}"):
        by_day = found(browse, BOOKINGS, day)
        assert "X-2" in by_day
        assert "Emberquill" not in by_day
    assert "X-2" not in found(browse, BOOKINGS, f"{ahead(3):%m/%d} ember")


def test_a_search_that_finds_nothing_says_what_was_searched(booked: House, browse: Browse) -> None:
    assert "No booking here fits “100%”" in found(browse, BOOKINGS, "100%")
    assert "No file fits “100%”" in found(browse, "/files", "100%")
    assert "No file of kind 835 fits “_”" in found(browse, "/files", "_", kind="835")
    assert "No batch fits “9999999999”" in found(browse, "/batches", "9999999999")
    assert "No batch fits “12/31/9999”" in found(browse, "/batches", "12/31/9999")


@pytest.mark.parametrize("typed", ["era-1", "eft-77", "medicare eft", "clm000001", "icn9"])
def test_a_remittance_is_found_by_name_payer_trace_or_claim(house: House, browse: Browse, typed: str) -> None:
    told_life(house)
    add_file(house, "other.999", kind="999")
    shown = found(browse, "/files", typed)
    assert "era-1.835" in shown
    assert "other.999" not in shown
    assert "No file of kind 999 fits" in found(browse, "/files", typed, kind="999")


@pytest.mark.parametrize("typed", ["7", "000000007", "clm000001", "medicare"])
def test_a_batch_is_found_by_its_number_a_claims_number_or_a_payer(house: House, browse: Browse, typed: str) -> None:
    told_life(house)
    add_batch(house, 12)
    shown = found(browse, "/batches", typed)
    assert "000000007.837" in shown
    assert "000000012.837" not in shown


def test_a_day_is_the_practices_day(house: House, browse: Browse) -> None:
    """An hour before midnight in Austin it is the day before, though UTC says otherwise."""
    day = TODAY - timedelta(days=40)
    midnight = datetime.combine(day, datetime.min.time(), ZoneInfo("America/Chicago"))
    for hour, name in ((-1, "before"), (1, "after")):
        add_file(house, f"{name}.835", created_at=midnight + timedelta(hours=hour))
        add_batch(house, 20 + hour, created_at=midnight + timedelta(hours=hour), sent_at=None)
    files, batches = (found(browse, address, f"{day:%m/%d/%Y}") for address in ("/files", "/batches"))
    assert "after.835" in files
    assert "before.835" not in files
    assert "000000021.837" in batches
    assert "000000019.837" not in batches


def test_a_search_goes_on_page_by_page_under_its_term(house: House, browse: Browse) -> None:
    for number in range(1, 62):
        add_batch(house, number, created_at=datetime.now(UTC) - timedelta(minutes=number))
    add_batch(house, 700, file_name="another.x12")
    browser = browse(Role.BILLER)
    first = browser.post("/batches", data={"text": ".837"}).text
    assert 'name="cursor"' in first
    cursor = first.split('name="cursor" value="')[1].split('"')[0]
    rest = browser.post("/batches", data={"text": ".837", "cursor": cursor}).text
    pages = [text_of(page) for page in (first, rest)]
    shown = [[number for number in range(1, 62) if f"{number:09}.837" in page] for page in pages]
    assert shown == [list(range(1, 51)), list(range(51, 62))]
    assert "another.x12" not in "".join(pages)


def test_only_who_sees_a_list_may_search_it(house: House, browse: Browse) -> None:
    assert browse(Role.FRONT_DESK).post("/files", data={"text": "a"}).status_code == 403
    assert browse(Role.FRONT_DESK).post("/batches", data={"text": "a"}).status_code == 403
    assert browse(Role.CLINICIAN).post(BOOKINGS, data={"text": "a"}).status_code == 403


def test_what_reads_as_a_day_and_what_does_not() -> None:
    today = date(2026, 12, 30)
    days = {
        "3/2/2026": date(2026, 3, 2),
        "03/02/26": date(2026, 3, 2),
        "2026-03-02": date(2026, 3, 2),
        "1/4": date(2027, 1, 4),
        "12/29": date(2026, 12, 29),
    }
    assert {word: day_of(word, today) for word in days} == days
    for word in ("2/29", "13/1", "2/30/2026", "0000-01-01", "12/31/9999", "2026-1", "7", "a/b", "1/2/3/4", "٣/٢"):
        assert day_of(word, today) is None


def test_control_numbers_fit_the_column_they_are_kept_in() -> None:
    assert [number_of(word) for word in ("007", "2147483647", "2147483648", "7a", "٧")] == [
        7,
        2147483647,
        None,
        None,
        None,
    ]
    assert typed_in("  a b  ") == "a b"


def add_file(house: House, name: str, **changes: Any) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = {"connection": "clearinghouse", "content": b"ISA*", "size_bytes": 4, "kind": "835", "status": "read"}
        row |= {"id": uuid4(), "practice_id": house.practice_id, "file_name": name, "sha256": name} | changes
        session.add(InboundFileRow(**row))


def add_batch(house: House, number: int, **changes: Any) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = {
            "id": uuid4(),
            "practice_id": house.practice_id,
            "connection": "clearinghouse",
            "interchange_control_number": number,
            "file_name": f"{number:09}.837",
            "content": b"ISA*",
            "sha256": "ab" * 32,
            "claim_count": 1,
            "total_charge": Decimal("214.00"),
            "status": "sent",
            "attempts": 1,
        }
        session.add(BatchRow(**row | changes))
