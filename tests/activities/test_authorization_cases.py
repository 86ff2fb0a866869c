"""The case of asking a payer: opened by a held visit, sent, answered; what it covers goes on by itself."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from activities.authorization_cases import AuthorizationCaseActivities
from models.messages import AuthorizationCaseProgress, LookAtAuthorizationCase
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.life import OutboxRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant, wanting
from tests.line import TODAY
from tests.workflows.visits import Visit, newer

SPAN = {"effective_from": str(TODAY - timedelta(days=60)), "effective_to": str(TODAY + timedelta(days=60))}


def held(books: Books, member_id: str) -> Visit:
    made = wanting(member_id)
    books.send(made)
    assert books.gates(made["encounter_id"]).outcome == "held"
    return made


def case_of(books: Books, visit: Visit) -> AuthorizationCaseRow:
    patient = visit["patient"]["patient_id"]
    return books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == patient)[-1]


def item_of(books: Books, case: AuthorizationCaseRow) -> WorkItemRow:
    return books.rows(WorkItemRow, WorkItemRow.authorization_case_id == case.id)[-1]


def decide(books: Books, case: AuthorizationCaseRow, decision: str, **fields: str) -> str:
    return books.decide(item_of(books, case), decision, "front_desk", reason="because", fields=fields)


def look(books: Books, case: AuthorizationCaseRow, later: timedelta = timedelta(0)) -> AuthorizationCaseProgress:
    now = books.now + later
    message = LookAtAuthorizationCase(practice_id=books.practice_id, authorization_case_id=case.id, now=now)
    return AuthorizationCaseActivities(books.engine).review_authorization_case(message)


def test_a_held_visit_opens_one_case_and_says_where_it_stands(books: Books) -> None:
    first = held(books, "CASEOPEN1")
    second = newer(first)
    second["encounter_id"], second["version"] = "CASEOPEN1-2", 1
    second["date_of_service"] = str(TODAY - timedelta(days=2))
    second["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T01:00:00-06:00"
    books.send(second)
    assert books.gates("CASEOPEN1-2").outcome == "held"
    cases = books.rows(AuthorizationCaseRow, AuthorizationCaseRow.patient_external_id == first["patient"]["patient_id"])
    assert [(case.opened_because, case.state) for case in cases] == [("visit", "needed")]
    item = books.item(first["encounter_id"])
    assert item is not None
    assert "Authorization case: needed" in item.reason
    look(books, cases[0])
    assert item_of(books, cases[0]).findings[0]["evidence"]["visits held"].count("-") == 4


def test_while_the_payers_clock_runs_the_case_sleeps_and_comes_back_overdue(books: Books) -> None:
    visit = held(books, "CASESENT1")
    case = case_of(books, visit)
    decide(books, case, "start_packet")
    said = decide(
        books, case, "mark_sent", requested_quantity="12", requested_from=SPAN["effective_from"],
        requested_to=SPAN["effective_to"], document="plan of care", document_reference="fax 12",
    )  # fmt: skip
    assert "answer is due" in said
    case, item = case_of(books, visit), item_of(books, case)
    assert (case.state, case.documents) == ("sent", [{"name": "plan of care", "reference": "fax 12"}])
    assert (item.whose_move, item.snoozed_until, item.due_at) == ("payer", case.answer_due_at, case.answer_due_at)
    progress = look(books, case)
    assert progress.look_again_at == case.answer_due_at
    late = look(books, case, timedelta(days=30))
    assert (late.ended, late.look_again_at) == (None, None)
    case, item = case_of(books, visit), item_of(books, case)
    assert case.overdue
    assert (item.whose_move, item.snoozed_until, item.escalated) == ("front_desk", None, True)
    decide(books, case, "information_asked", question="the initial evaluation")
    assert item_of(books, case).findings[0]["evidence"]["the payer asks"] == "the initial evaluation"
    decide(books, case, "mark_sent")
    assert not case_of(books, visit).overdue


def test_a_partial_approval_keeps_request_and_grant_apart_and_frees_the_visit(books: Books) -> None:
    visit = held(books, "CASEPART1")
    case = case_of(books, visit)
    decide(books, case, "mark_sent", requested_quantity="12")
    decide(books, case, "record_answer", outcome="granted", number="N-8", quantity="8", reference="call 7", **SPAN)
    case = case_of(books, visit)
    [granted] = books.rows(AuthorizationRow, AuthorizationRow.number == "N-8")
    assert (case.state, case.granted_id, case.requested_quantity) == ("partly_approved", granted.id, Decimal(12))
    assert granted.quantity == 8
    assert item_of(books, case).closed_at is not None
    told = {row.workflow_id for row in books.rows(OutboxRow, OutboxRow.signal == "recheck")}
    assert f"encounter/{books.visit(visit['encounter_id']).id}" in told
    assert books.gates(visit["encounter_id"]).outcome == "clear"
    assert look(books, case).ended == "partly_approved"


def test_an_approval_by_phone_waits_for_its_number(books: Books) -> None:
    visit = held(books, "CASEPHONE")
    patient = visit["patient"]["patient_id"]
    decide(books, case_of(books, visit), "record_answer", outcome="granted", quantity="8", **SPAN)
    assert books.gates(visit["encounter_id"]).outcome == "held"
    item = books.item(visit["encounter_id"])
    assert item is not None
    assert item.findings[0]["code"] == "A7"
    [row] = books.rows(AuthorizationRow, AuthorizationRow.patient_external_id == patient)
    grant(books, patient, 8, number=row.external_id, version=2)  # told again, now with a number
    assert books.gates(visit["encounter_id"]).outcome == "clear"


def test_none_needed_is_kept_as_proof_and_lets_the_visit_go(books: Books) -> None:
    visit = held(books, "CASENONE1")
    case = case_of(books, visit)
    assert "reference" in books.refusal(
        item_of(books, case), "none_needed", "front_desk", reason="r", fields={"answered_by": "Ann"}
    )
    decide(books, case, "none_needed", answered_by="Ann, member services", reference="C-77")
    assert books.gates(visit["encounter_id"]).outcome == "clear"
    case = case_of(books, visit)
    assert (case.state, case.answered_by, case.answer_reference) == ("none_needed", "Ann, member services", "C-77")


def test_a_denial_stays_open_with_its_reason_and_may_be_asked_again(books: Books) -> None:
    visit = held(books, "CASEDENY1")
    case = case_of(books, visit)
    decide(books, case, "mark_sent")
    item = item_of(books, case)
    assert "reason" in books.refusal(item, "record_answer", "front_desk", reason="r", fields={"outcome": "denied"})
    decide(books, case, "record_answer", outcome="denied", denial_reason="not medically necessary")
    assert (case_of(books, visit).state, item_of(books, case).closed_at) == ("denied", None)
    decide(books, case, "mark_sent", document="letter of necessity")
    books.decide(item_of(books, case), "patient_pay", "supervisor", reason="denied twice", fields={})
    assert case_of(books, visit).state == "patient_pay"
    assert books.gates(visit["encounter_id"]).outcome == "held"  # each visit is decided; nothing is asked anew
    assert case_of(books, visit).state == "patient_pay"
    item_of_visit = books.item(visit["encounter_id"])
    assert item_of_visit is not None
    assert "patient-pay only" in item_of_visit.reason


def test_a_case_nobody_began_withdraws_when_nothing_wants_it_any_more(books: Books) -> None:
    visit = held(books, "CASEGONE1")
    case = case_of(books, visit)
    assert look(books, case).ended is None
    books.send(newer(visit, lambda gone: gone.update(cancelled=True)))
    books.gates(visit["encounter_id"])
    assert look(books, case).ended == "withdrawn"
    assert item_of(books, case).closed_at is not None


def test_a_case_that_was_not_sent_in_time_is_the_supervisors(books: Books) -> None:
    case = case_of(books, held(books, "CASELATE1"))
    assert look(books, case).look_again_at == case.due_at
    look(books, case, timedelta(days=2))
    assert (item_of(books, case).whose_move, item_of(books, case).escalated) == ("supervisor", True)


def _answers(books: Books, visit: Visit, **fields: Any) -> str:
    case = case_of(books, visit)
    given = {"outcome": "granted", "number": "N1", "quantity": "8", **SPAN, **fields}
    return books.refusal(item_of(books, case), "record_answer", "front_desk", reason="r", fields=given)


def test_what_cannot_be_recorded_is_refused_in_words(books: Books) -> None:
    visit = held(books, "CASEWORDS")
    assert "before the first" in _answers(books, visit, effective_to=str(TODAY - timedelta(days=90)))
    assert "97110=24" in _answers(books, visit, unit_of_measure="units_per_code", code_quantities="97110")
    assert "Choose what is granted" in _answers(books, visit, unit_of_measure="miles")
    assert "granted or denied" in _answers(books, visit, outcome="perhaps")
    item = item_of(books, case_of(books, visit))
    assert "no authorization to extend" in books.refusal(item, "extension_requested", "front_desk", reason="r")
