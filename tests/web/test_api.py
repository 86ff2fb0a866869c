"""Integrations: what is taken, what is refused, and how the answer says so."""

import json
from typing import Any

from billing.vocabulary import Role
from tests.web.conftest import API_KEY, EXAMPLES, Browse, House, move_in

KEY = {"Authorization": f"Bearer {API_KEY}-one"}


def visit(external_id: str = "CH-1001", **changes: Any) -> dict[str, Any]:
    return {**json.loads((EXAMPLES / "encounter.json").read_text()), "encounter_id": external_id, **changes}


def test_a_visit_is_taken_and_sending_it_again_changes_nothing(house: House, browse: Browse) -> None:
    api = browse(None)
    first = api.post("/api/v1/encounters", json=visit(), headers=KEY)
    assert first.status_code == 202
    assert first.json()["results"] == [{"encounter_id": "CH-1001", "version": 1, "status": "created", "errors": []}]
    again = api.post("/api/v1/encounters", json=visit(), headers=KEY)
    assert (again.status_code, again.json()["counts"]) == (200, {"unchanged": 1})


def test_bad_visits_are_refused_with_their_fields_and_good_ones_kept(house: House, browse: Browse) -> None:
    batch = {"encounters": [visit("A"), visit("B", discipline="XX"), visit("C", surprise=1)]}
    answer = browse(None).post("/api/v1/encounters", json=batch, headers=KEY)
    assert answer.status_code == 202
    statuses = {result["encounter_id"]: result for result in answer.json()["results"]}
    assert statuses["A"]["status"] == "created"
    assert statuses["B"]["errors"][0]["field"] == "discipline"
    assert statuses["C"]["errors"][0]["field"] == "surprise"


def test_all_refused_is_422(house: House, browse: Browse) -> None:
    answer = browse(None).post("/api/v1/encounters", json=visit(discipline="XX"), headers=KEY)
    assert answer.status_code == 422


def test_malformed_json_names_the_place(house: House, browse: Browse) -> None:
    def said(body: bytes) -> str:
        answer = browse(None).post("/api/v1/encounters", content=body, headers=KEY)
        assert answer.status_code == 400
        message: str = answer.json()["error"]["message"]
        return message

    assert "line 2, column 3" in said(b'{"encounter_id": "x",\n  oops}')
    assert "not UTF-8 (byte 1)" in said(b'"\xff"')
    assert "NaN" in said(b'{"version": NaN}')
    assert "stands twice" in said(b'{"version": 1, "version": 2}')
    assert "nested too deeply" in said(b"[" * 200_000)
    assert "at least one object" in said(b'{"encounters": []}')
    assert "must be a JSON object" in said(b'{"encounters": ["x"]}')
    assert "must be a JSON object" in said(b"[1, 2]")
    assert "1,001 objects" in said(json.dumps({"encounters": [{}] * 1001}).encode())


def test_wrong_or_missing_key_is_401(house: House, browse: Browse) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
        answer = browse(None).post("/api/v1/encounters", json=visit(), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_browsers_session_opens_no_api(house: House, browse: Browse) -> None:
    assert browse(Role.ADMINISTRATOR).post("/api/v1/encounters", json=visit()).status_code == 401


def test_too_large_is_413_in_json(house: House, browse: Browse) -> None:
    answer = browse(None).post("/api/v1/encounters", content=b" " * (16 * 1024 * 1024 + 1), headers=KEY)
    assert answer.status_code == 413
    assert "16 MB" in answer.json()["error"]["message"]


def test_status_tells_stage_and_story_but_no_patient(house: House, browse: Browse) -> None:
    encounter_id = house.encounter("CH/7 x")
    house.item(encounter_id=encounter_id)
    answer = browse(None).get("/api/v1/encounters/CH/7 x", headers=KEY)
    told = answer.json()
    assert told["stage"] == "intake"
    assert told["open_items"][0]["reason"] == "The note is signed by nobody."
    assert told["events"][0]["summary"] == "Visit received from chart"
    assert "Emberquill" not in answer.text
    assert browse(None).get("/api/v1/encounters/unknown", headers=KEY).status_code == 404


def test_one_practices_key_never_reads_anothers_visit(house: House, browse: Browse) -> None:
    other = move_in(house.engine, "two")
    other.encounter("THEIRS")
    assert browse(None).get("/api/v1/encounters/THEIRS", headers=KEY).status_code == 404
    theirs = {"Authorization": f"Bearer {API_KEY}-two"}
    assert browse(None).get("/api/v1/encounters/THEIRS", headers=theirs).status_code == 200


def test_payments_are_posted_once(house: House, browse: Browse) -> None:
    house.encounter()
    paid = {"payment_id": "P1", "encounter_id": "CH-1001", "amount": "25.00", "received_on": "2026-11-20"}
    api = browse(None)
    assert api.post("/api/v1/payments", json=paid, headers=KEY).status_code == 202
    assert api.post("/api/v1/payments", json={"payments": [paid]}, headers=KEY).json()["counts"] == {"unchanged": 1}
    assert api.post("/api/v1/payments", json={**paid, "amount": "-1"}, headers=KEY).status_code == 422


def test_a_payment_that_cannot_be_stored_is_refused_and_the_others_are_posted(house: House, browse: Browse) -> None:
    house.encounter()
    paid = {"payment_id": "P1", "encounter_id": "CH-1001", "amount": "25.00", "received_on": "2026-11-20"}
    sent = {"payments": [{**paid, "payment_id": "P\x00"}, paid]}
    answer = browse(None).post("/api/v1/payments", json=sent, headers=KEY)
    assert (answer.status_code, answer.json()["counts"]) == (202, {"refused": 1, "posted": 1})
    assert "cannot be stored" in answer.json()["results"][0]["errors"][0]["message"]


def test_schemas_rules_and_openapi_are_served_without_a_page_of_scripts(house: House, browse: Browse) -> None:
    api = browse(None)
    assert api.get("/api/v1/schemas/encounter").json()["title"] == "Encounter"
    assert api.get("/api/v1/schemas/practice").json()["title"] == "Practice"
    rules = api.get("/api/v1/rules", headers=KEY).json()["rules"]
    assert {"code", "gate", "severity", "source"} <= set(rules[0])
    assert "/api/v1/encounters" in api.get("/api/v1/openapi.json").json()["paths"]
    assert api.get("/docs").status_code == 404
