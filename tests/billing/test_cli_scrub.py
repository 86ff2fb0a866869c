"""``firstpass scrub``: visits and a practice file in, findings out."""

import json
from datetime import date, timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from billing.cli_scrub import scrub_command
from tests.billing.builders import FEES, NPI_PRACTICE, VISIT, clinicians, payload

TODAY = date(2026, 3, 20)


def practice(**terms: Any) -> str:
    address = {"line1": "1 Main St", "city": "Austin", "state": "TX", "postal_code": "787010001"}
    plan = {"plan_id": "plan-1", "name": "Plan", "terms": [{"effective_from": "2020-01-01", **terms}]}
    file = {
        "schema": "firstpass/practice/1",
        "practice_id": "example", "name": "Example Therapy", "npi": NPI_PRACTICE, "tax_id": "123456789",
        "taxonomy": "261QP2000X", "address": address, "phone": "5125550100",
        "submitter_id": "SUB", "receiver_id": "REC",
        "locations": [{"location_id": "main", "name": "Main", "address": address}],
        "clinicians": [clinician.model_dump(mode="json") for clinician in clinicians().values()],
        "payers": [{"payer_id": "12345", "name": "Payer", "claim_filing_indicator": "CI", "plans": [plan]}],
        "fees": [{"code": code, "amount": amount, "effective_from": "2020-01-01"} for code, amount in FEES.items()],
        "authorizations": [
            {
                "authorization_id": "auth-1", "number": "A-100", "patient": "patient-1", "plan_id": "plan-1",
                "disciplines": ["PT"], "quantity": 2, "effective_from": "2026-01-01", "effective_to": "2026-12-31",
            }
        ],
    }  # fmt: skip
    return json.dumps(file)


def line(number: int = 1, **overrides: Any) -> str:
    day = VISIT + timedelta(days=number - 1)
    base = {"encounter_id": f"visit-{number}", "date_of_service": day}
    signed = {"compliance": {"signatures": [{"clinician_id": "pt-1", "signed_at": f"{day}T18:00:00Z"}]}}
    return json.dumps(to_jsonable_python(payload(**{**base, **signed, **overrides})))


def test_clean_visits_end_with_0() -> None:
    answer = scrub_command([line(1), line(2)], practice(), today=TODAY)
    assert answer.exit_code == 0
    assert "visit-1 2026-03-02: clean; 97110 GP x2, 97140 GP x1; $178.00" in answer.text
    assert answer.text.endswith("2 of 2 visits clean")


def test_what_no_database_keeps_is_refused_with_its_place() -> None:
    """As the API refuses it (tests/activities/test_intake.py); Postgres keeps no NUL in a text."""
    unkept = json.loads(line(2))
    unkept["patient"]["first_name"] = "A\0B"
    answer = scrub_command([line(1), json.dumps(unkept)], practice(), today=TODAY)
    assert answer.exit_code == 1
    assert "line 2: unreadable: patient.first_name: a text holds a character that cannot be stored" in answer.text
    broken = json.loads(practice())
    broken["clinicians"][0]["last_name"] = "O\0"
    answer = scrub_command([line(1)], json.dumps(broken), today=TODAY)
    assert answer.exit_code == 2
    assert "clinicians.0.last_name: a text holds a character that cannot be stored" in answer.text


def test_a_held_visit_ends_with_1_and_says_why() -> None:
    answer = scrub_command([line(compliance={"signatures": []})], practice(), today=TODAY)
    assert answer.exit_code == 1
    assert "held in documentation" in answer.text
    assert "block  D1   The note is signed by nobody." in answer.text


def test_the_same_as_data() -> None:
    answer = scrub_command([line(1), "{"], practice(), today=TODAY, as_json=True)
    clean, unreadable = (json.loads(row) for row in answer.text.splitlines())
    assert answer.exit_code == 1
    assert (clean["encounter_id"], clean["gate"]) == ("visit-1", None)
    assert unreadable["line"] == 2
    assert unreadable["error"]


def test_an_unreadable_visit_names_the_field() -> None:
    answer = scrub_command([line(discipline="DC")], practice(), today=TODAY)
    assert answer.exit_code == 1
    assert "line 1: unreadable: discipline" in answer.text


def test_an_unreadable_practice_is_2() -> None:
    answer = scrub_command([line()], "{}", today=TODAY)
    assert answer.exit_code == 2
    assert "practice file" in answer.text


def test_visits_of_one_file_know_each_other() -> None:
    lines = [line(number) for number in (3, 1, 2)]
    held = scrub_command(lines, practice(authorization_need="before_evaluation"), today=TODAY, as_json=True)
    gates = {row["encounter_id"]: row["gate"] for row in map(json.loads, held.text.splitlines())}
    assert gates == {"visit-1": None, "visit-2": None, "visit-3": "authorization"}  # two visits were granted
    reports = scrub_command(lines, practice(progress_report_every_days=2), today=TODAY, as_json=True)
    gates = {row["encounter_id"]: row["gate"] for row in map(json.loads, reports.text.splitlines())}
    assert gates["visit-3"] == "documentation"


def test_an_unknown_plan_is_held() -> None:
    other = {"coverages": [{"plan_id": "plan-x", "rank": 1, "member_id": "W1"}]}
    answer = scrub_command([line(administrative=other)], practice(), today=TODAY)
    assert "S33" in answer.text
    assert answer.exit_code == 1


def test_an_empty_file_is_clean() -> None:
    assert scrub_command([], practice(), today=TODAY) == ("0 of 0 visits clean", 0)


def test_what_is_no_object_is_said_without_a_place() -> None:
    answer = scrub_command(['{"a":', "5", line(1)], practice(), today=TODAY)
    first, second = answer.text.splitlines()[:2]
    assert first.startswith("line 1: unreadable: Invalid JSON: ")
    assert second == "line 2: unreadable: Input should be an object"
    assert "read: Invalid JSON" in scrub_command([line(1)], "", today=TODAY).text


def test_a_name_in_another_encoding_is_said_and_not_billed_with_a_mark_in_its_place() -> None:
    named = line(1, patient={"last_name": "Munoz"})
    answer = scrub_command([named.replace("Munoz", "Mu\xf1oz").encode("latin-1")], practice(), today=TODAY)
    assert answer.exit_code == 1
    assert "line 1: unreadable: Invalid JSON: invalid unicode code point" in answer.text


def test_a_visit_told_twice_counts_once_in_its_newest_version() -> None:
    """A file of amendments: the later version uses the authorization once, and no duplicate is seen."""
    amended = line(1, version=2)
    answer = scrub_command([amended, line(1)], practice(), today=TODAY)
    assert answer.exit_code == 0
    assert "visit-1 2026-03-02: passed over, line 1 has this visit in version 2" in answer.text
    assert answer.text.endswith("1 of 1 visits clean")
    rows = scrub_command([line(1), amended], practice(), today=TODAY, as_json=True).text.splitlines()
    assert json.loads(rows[0])["passed_over"]
    assert json.loads(rows[1])["gate"] is None


def test_a_finding_names_its_source() -> None:
    answer = scrub_command([line(compliance={"signatures": []})], practice(), today=TODAY)
    assert "\n         source: " in answer.text


def test_a_version_beyond_what_is_kept_is_refused_by_its_name() -> None:
    answer = scrub_command([line(1, version=2**31)], practice(), today=TODAY)
    assert "line 1: unreadable: version: " in answer.text


def test_one_wrong_field_is_one_complaint() -> None:
    """Pydantic also complains of the list that the wrong item left empty, and calls our own words a value error."""
    good = json.loads(line(1))
    [service] = good["timing"]["services"] = good["timing"]["services"][:1]
    untold = {**service, "minutes": [{**service["minutes"][0], "minutes": -5}]}
    twice = [{"code": "M25.561", "rank": 1}, {"code": "M62.81", "rank": 1}]
    negative = json.dumps({**good, "timing": {"services": [untold]}})
    empty = json.dumps({**good, "timing": {"services": []}})
    ranked = json.dumps({**good, "clinical": {**good["clinical"], "diagnoses": twice}})
    said = scrub_command([negative, empty, ranked], practice(), today=TODAY).text.splitlines()
    assert said[0].endswith("timing.services.0.minutes.0.minutes: Input should be greater than or equal to 0")
    assert said[1].endswith("timing.services: Tuple should have at least 1 item after validation, not 0")
    assert said[2].endswith("clinical: two diagnoses have the same rank")
