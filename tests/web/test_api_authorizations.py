"""The API of authorizations and bookings: once however often sent, and told at once what lies beyond the limit."""

import json
from datetime import UTC, datetime, time
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import select

from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow, BookingRow
from models.tables.practice import PlanTermsRow, PracticeRow
from tests.web.conftest import API_KEY, EXAMPLES, Browse, House, move_in
from tests.web.grants import ahead

KEY = {"Authorization": f"Bearer {API_KEY}-one"}


def granted(**changes: Any) -> dict[str, Any]:
    told = json.loads((EXAMPLES / "authorization.json").read_text())
    span = {"effective_from": str(ahead(-10)), "effective_to": str(ahead(60)), "quantity": 2}
    return {**told, **span, **changes}


def booked(days: int, **changes: Any) -> dict[str, Any]:
    told = json.loads((EXAMPLES / "booking.json").read_text())
    starts = datetime.combine(ahead(days), time(17), UTC).isoformat()
    return {**told, "booking_id": f"APPT-{days}", "starts_at": starts, **changes}


@pytest.fixture(autouse=True)
def _wants_authorization(house: House) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        for terms in session.scalars(select(PlanTermsRow)):
            terms.terms = {**terms.terms, "authorization_need": "before_evaluation"}
        session.get_one(PracticeRow, house.practice_id).revision += 1


def post(browse: Browse, what: str, *told: dict[str, Any]) -> Response:
    body = told[0] if len(told) == 1 else {what: list(told)}
    answer: Response = browse(None).post(f"/api/v1/{what}", json=body, headers=KEY)
    return answer


def test_an_authorization_is_taken_once_and_a_higher_version_changes_it(house: House, browse: Browse) -> None:
    first = post(browse, "authorizations", granted(number=""))
    assert first.status_code == 202
    told = {"authorization_id": "AU-2026-118", "version": 1, "status": "created", "errors": [], "no_longer_carried": []}
    assert first.json()["results"] == [told]
    again = post(browse, "authorizations", granted(number=""))
    assert (again.status_code, again.json()["counts"]) == (200, {"unchanged": 1})
    changed = post(browse, "authorizations", granted(version=2, quantity=5))
    assert changed.json()["counts"] == {"updated": 1}
    late = post(browse, "authorizations", granted(number="", quantity=1))
    assert late.json()["counts"] == {"unchanged": 1}, "an older version arrives late and harms nothing"
    with practice_session(house.engine, house.practice_id) as session:
        [row] = session.scalars(select(AuthorizationRow))
        assert row.number == "CCHP-2026-4471"
        assert row.quantity == 5


def test_one_that_makes_no_sense_is_refused_alone_with_its_field(house: House, browse: Browse) -> None:
    backwards = granted(authorization_id="B", effective_to=str(ahead(-20)))
    unknown = granted(authorization_id="C", plan_id="nowhere")
    answer = post(browse, "authorizations", granted(), backwards, unknown, granted(authorization_id="D", quantity=0))
    assert answer.status_code == 202
    statuses = {result["authorization_id"]: result for result in answer.json()["results"]}
    assert statuses["AU-2026-118"]["status"] == "created"
    assert {statuses[name]["status"] for name in "BCD"} == {"refused"}
    assert statuses["C"]["errors"][0]["field"] == "plan_id"
    assert post(browse, "authorizations", unknown).status_code == 422


def test_a_booking_beyond_the_limit_says_so_at_once_why_and_what_can_be_offered(house: House, browse: Browse) -> None:
    post(browse, "authorizations", granted())
    answer = post(browse, "bookings", booked(2), booked(4), booked(9))
    assert answer.status_code == 202
    first, second, third = answer.json()["results"]
    assert first["covered_by"] == {
        "authorization_id": "AU-2026-118",
        "number": "CCHP-2026-4471",
        "left": "0 visits",
    }
    assert [one["beyond_limit"] for one in (first, second, third)] == [False, False, True]
    assert third["why"]
    assert [offer["key"] for offer in third["offered"]] == ["wait_for_payer", "patient_pays"]
    soon = post(browse, "bookings", booked(3, booking_id="SOON")).json()["results"][0]
    assert soon["beyond_limit"] is False, "the earlier day comes first"
    last = browse(None).get("/api/v1/bookings/APPT-4", headers=KEY).json()
    assert last["beyond_limit"] is True
    assert {"key": "later_day", "on": str(ahead(7))}.items() <= last["offered"][1].items()


def test_moved_cancelled_and_missed_free_what_was_reserved_in_any_order_and_twice(house: House, browse: Browse) -> None:
    post(browse, "authorizations", granted())
    post(browse, "bookings", booked(2), booked(4), booked(9))
    moved = booked(4, version=2, starts_at=booked(11)["starts_at"])
    for _ in range(2):
        post(browse, "bookings", moved)
    assert post(browse, "bookings", booked(4)).json()["results"][0]["status"] == "unchanged"
    api = browse(None)
    assert api.get("/api/v1/bookings/APPT-9", headers=KEY).json()["beyond_limit"] is False
    assert api.get("/api/v1/bookings/APPT-4", headers=KEY).json()["beyond_limit"] is True
    cancelled = post(browse, "bookings", booked(2, version=2, state="cancelled")).json()["results"][0]
    assert (cancelled["status"], cancelled["beyond_limit"], cancelled["covered_by"]) == ("updated", False, None)
    assert api.get("/api/v1/bookings/APPT-4", headers=KEY).json()["beyond_limit"] is False
    with practice_session(house.engine, house.practice_id) as session:
        assert len(session.scalars(select(BookingRow)).all()) == 3


def test_an_authorization_read_back_tells_balance_forecast_and_visits_but_no_patients_name(
    house: House, browse: Browse
) -> None:
    house.encounter()
    post(browse, "authorizations", granted(quantity=5, used_before_firstpass=1))
    post(browse, "bookings", booked(2), booked(4))
    answer = browse(None).get("/api/v1/authorizations/AU-2026-118", headers=KEY)
    told = answer.json()
    assert told["balance"] == {"used": 1, "reserved": 2, "left": 2}
    assert told["status"] == "active"
    assert told["quantity"] == 5
    assert told["covered_visits"] == []
    assert told["forecast"]["booked_beyond"] == 0
    assert told["forecast"]["steps"]
    assert "Emberquill" not in answer.text
    assert browse(None).get("/api/v1/authorizations/unknown", headers=KEY).status_code == 404


def test_dollars_are_texts_with_two_places(house: House, browse: Browse) -> None:
    post(browse, "authorizations", granted(unit_of_measure="dollars", quantity="1200.50"))
    told = browse(None).get("/api/v1/authorizations/AU-2026-118", headers=KEY).json()
    assert (told["quantity"], told["balance"]["left"]) == ("1200.50", "1200.50")


def test_a_thousand_at_once_and_no_more(house: House, browse: Browse) -> None:
    many: dict[str, Any] = {"bookings": [{}] * 1001}
    answer = browse(None).post("/api/v1/bookings", json=many, headers=KEY)
    assert answer.status_code == 400
    assert "1,001 objects" in answer.json()["error"]["message"]


def test_strangers_and_other_practices_see_nothing(house: House, browse: Browse) -> None:
    post(browse, "authorizations", granted())
    post(browse, "bookings", booked(2))
    move_in(house.engine, "two")
    theirs = {"Authorization": f"Bearer {API_KEY}-two"}
    for address in ("authorizations/AU-2026-118", "bookings/APPT-2"):
        assert browse(None).get(f"/api/v1/{address}", headers=theirs).status_code == 404
        assert browse(None).get(f"/api/v1/{address}").status_code == 401
    for address in ("authorizations", "bookings"):
        assert browse(None).post(f"/api/v1/{address}", json={}).status_code == 401


def test_the_shapes_are_served_and_the_examples_fit_them(house: House, browse: Browse) -> None:
    api = browse(None)
    assert api.get("/api/v1/schemas/authorization").json()["title"] == "AuthorizationRecord"
    assert api.get("/api/v1/schemas/booking").json()["title"] == "Booking"
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/authorizations", "/api/v1/bookings"} <= set(paths)
    for what in ("authorization", "booking"):
        example = json.loads((EXAMPLES / f"{what}.json").read_text())
        assert post(browse, f"{what}s", example).status_code == 202
