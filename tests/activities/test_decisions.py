"""A decision counts once, is refused when it comes late or from the wrong hands, and always says why."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from models.messages import Decision
from models.store.desk import close_item
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.claims import AcknowledgementRow
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.ledger import LedgerTransactionRow
from models.tables.life import AuditRow
from tests.activities.conftest import Books
from tests.workflows.visits import newer, unsigned, visit


def owing(books: Books, member_id: str) -> tuple[str, WorkItemRow]:
    """A patient who owes the whole charge, with the item that says so."""
    made = visit(member_id)
    number = made["encounter_id"]
    books.send(made)
    books.gates(number)
    books.set_claim(number, status="rejected")
    with practice_session(books.engine, books.practice_id) as session:
        session.add(
            AcknowledgementRow(
                practice_id=books.practice_id,
                claim_version_id=books.claims(number)[0].id,
                kind="277CA",
                accepted=False,
                code="A7:164",
                message="The member id is not known.",
            )
        )
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    return number, item


def test_the_same_command_counts_once_and_answers_the_same(books: Books) -> None:
    number, item = owing(books, "DECIDEONCE")
    command = books.command(item, "write_off")
    first = books.apply(command)
    assert books.apply(command) == first
    assert len(books.rows(DecisionRow, DecisionRow.command_id == command.command_id)) == 1
    row = books.visit(number)
    written = (LedgerTransactionRow.encounter_id == row.id, LedgerTransactionRow.kind == "write_off")
    assert len(books.rows(LedgerTransactionRow, *written)) == 1


def test_two_people_deciding_at_once_one_wins_and_the_other_is_told(books: Books) -> None:
    _, item = owing(books, "DECIDETWO1")
    commands = [books.command(item, "write_off"), books.command(item, "resubmit")]

    def attempt(command: Decision) -> str:
        try:
            books.apply(command)
        except ApplicationError as refused:
            return refused.message
        return "done"

    with ThreadPoolExecutor(2) as people:
        answers = sorted(people.map(attempt, commands))
    assert answers[1] == "done"
    assert "changed since you opened it" in answers[0]
    assert len(books.rows(DecisionRow, DecisionRow.work_item_id == item.id)) == 1


def test_a_decision_on_what_one_saw_earlier_is_refused(books: Books) -> None:
    _, item = owing(books, "DECIDEOLD1")
    assert "changed since" in books.refusal(item, "resubmit", seen_version=item.version - 1)


def test_a_closed_item_takes_no_decision(books: Books) -> None:
    _, item = owing(books, "DECIDELATE")
    with practice_session(books.engine, books.practice_id) as session:
        close_item(session, books.practice_id, item.subject, "re-check passed", books.now)
    assert "closed meanwhile (re-check passed)" in books.refusal(item, "resubmit")


@pytest.mark.parametrize("role", ["auditor", "clinician", "front_desk"])
def test_a_role_without_the_right_is_refused(books: Books, role: str) -> None:
    _, item = owing(books, f"DECIDE{role[:4].upper()}")
    assert "Your role may not" in books.refusal(item, "write_off", role)
    assert books.rows(DecisionRow, DecisionRow.work_item_id == item.id) == []


def test_somebody_elses_item_is_theirs_except_for_a_supervisor(books: Books) -> None:
    _, item = owing(books, "DECIDEMINE")
    bianca, boris = books.rows(UserRow, UserRow.role == "biller")[:2]
    with practice_session(books.engine, books.practice_id) as session:
        session.get_one(WorkItemRow, item.id).owner_id = bianca.id
    assert f"{bianca.name} has this item" in books.refusal(item, "resubmit", user_id=boris.id)
    books.decide(item, "resubmit")


def test_an_override_counts_for_the_version_it_was_made_for(books: Books) -> None:
    made = visit("DECIDEOVER", kind="evaluation")
    number = made["encounter_id"]
    other = visit("DECIDEOVER", kind="evaluation")  # a second evaluation of the episode is an overridable finding
    other["patient"], other["compliance"] = made["patient"], made["compliance"]
    other["date_of_service"] = made["date_of_service"]
    books.send(made)
    books.gates(number)
    books.send(other)
    again = other["encounter_id"]
    assert books.gates(again).outcome == "held"
    item = books.item(again)
    assert item is not None
    if not any(finding["overridable"] for finding in item.findings):
        assert "None of these findings may be overridden" in books.refusal(item, "override")
        return
    books.decide(item, "override")
    books.gates(again)
    before = books.visit(again).held_by
    books.send(newer(other))
    books.gates(again)
    assert books.visit(again).held_by == item.findings[0]["code"] != before


def test_every_decision_is_in_the_audit_chain_with_who_decided(books: Books) -> None:
    _, item = owing(books, "DECIDEAUDI")
    command = books.command(item, "resubmit")
    books.apply(command)
    with practice_session(books.engine, books.practice_id) as session:
        entries = session.query(AuditRow).filter(AuditRow.action == "decided.resubmit").all()
    assert str(command.command_id) in {entry.detail["command"] for entry in entries}
    assert f"user/{command.user_id}" in {entry.actor for entry in entries}


def test_what_cannot_be_stored_is_refused_and_not_tried_for_ever(books: Books) -> None:
    _, item = owing(books, "DECIDENULL")
    assert "not be well formed" in books.refusal(item, "resubmit", fields={"member_id": "A\x00B"}, command_id=uuid4())
    assert "as typed" in books.refusal(item, "resubmit", reason="A\x00B", command_id=uuid4())


def test_a_write_off_of_a_claim_being_filed_again_leaves_no_balance(books: Books) -> None:
    number, item = owing(books, "DECIDEBACK")
    books.decide(item, "resubmit")
    held = newer(visit("DECIDEBACK"))
    held |= {"encounter_id": number, "patient": books.visit(number).facts["patient"]}
    books.send(unsigned(held))
    assert books.claim_look(number) == "to_gates"
    assert books.gates(number).outcome == "held"
    asked = books.item(number)
    assert asked is not None
    books.decide(asked, "not_billable")
    assert books.gates(number).outcome == "closed"
    assert books.balance(number, "payer_receivable") == 0
    assert books.balance(number, "revenue") == 0
    assert books.ledger_total() == 0
