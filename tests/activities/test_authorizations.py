"""An authorization is spent visit by visit, never twice and never beyond what was granted."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from activities.grants import put_authorization
from billing.practice import AuthorizationRecord
from models.store import authorizations
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow
from models.tables.desk import WorkItemRow
from models.tables.life import OutboxRow
from models.tables.practice import PlanRow
from tests.activities.conftest import Books
from tests.line import TODAY
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, newer, sibling, visit

AT_ONCE = 20


def wanting(member_id: str) -> Visit:
    """A treatment visit with a plan that wants authorization for it."""
    return visit(member_id, COMMERCIAL, like=PREFERRED)


def grant(
    books: Books, patient: str, quantity: int, *, first: int = -60, last: int = 60, number: str = "", **more: Any
) -> UUID:
    record = AuthorizationRecord.model_validate(
        {
            "authorization_id": number or f"A-{patient}",
            "number": more.pop("numbered", number or f"AUTH-{patient}"),
            "patient": patient,
            "plan_id": COMMERCIAL,
            "disciplines": ["PT"],
            "quantity": quantity,
            "effective_from": TODAY + timedelta(days=first),
            "effective_to": TODAY + timedelta(days=last),
            **more,
        }
    )
    with practice_session(books.engine, books.practice_id) as session:
        plan_id = session.scalars(select(PlanRow.id).where(PlanRow.external_id == record.plan_id)).one()
        return put_authorization(session, books.practice_id, record, plan_id)


def left(books: Books, authorization_id: UUID) -> Decimal:
    with practice_session(books.engine, books.practice_id) as session:
        return authorizations.left(session, session.get_one(AuthorizationRow, authorization_id))


def test_a_visit_without_authorization_is_held_for_the_front_desk(books: Books) -> None:
    made = wanting("AUTHNONE1")
    books.send(made)
    assert books.gates(made["encounter_id"]).outcome == "held"
    item = books.item(made["encounter_id"])
    assert item is not None
    assert (item.queue, item.whose_move, item.findings[0]["code"]) == ("authorization", "front_desk", "A1")
    assert item.clears_when == "an authorization of this plan is recorded"


def test_an_authorization_that_ended_before_the_visit_does_not_carry_it(books: Books) -> None:
    made = wanting("AUTHENDED")
    books.send(made)
    grant(books, made["patient"]["patient_id"], 10, first=-300, last=-200)
    assert books.gates(made["encounter_id"]).outcome == "held"
    item = books.item(made["encounter_id"])
    assert item is not None
    assert item.findings[0]["code"] == "A2"


def test_recording_an_authorization_frees_every_held_visit_of_the_patient(books: Books) -> None:
    first = wanting("AUTHFREES")
    second = sibling(first)
    second["date_of_service"] = str(TODAY - timedelta(days=1))
    second["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T09:00:00-06:00"
    books.send(first, second)
    for one in (first, second):
        assert books.gates(one["encounter_id"]).outcome == "held"
    item = books.item(first["encounter_id"])
    assert item is not None
    span = {"effective_from": str(TODAY - timedelta(days=60)), "effective_to": str(TODAY + timedelta(days=60))}
    backwards = {"effective_from": span["effective_to"], "effective_to": span["effective_from"]}
    assert "before" in books.refusal(
        item, "record_authorization", fields={"number": "N1", "quantity": "8", **backwards}
    )
    assert "number" in books.refusal(item, "record_authorization", fields={"quantity": "8", **span})
    assert "whole number" in books.refusal(
        item, "record_authorization", fields={"number": "N1", "quantity": "0", **span}
    )
    books.decide(item, "record_authorization", "front_desk", fields={"number": "N1", "quantity": "8", **span})
    told = {row.workflow_id for row in books.rows(OutboxRow, OutboxRow.signal == "recheck")}
    assert {f"encounter/{books.visit(one['encounter_id']).id}" for one in (first, second)} <= told
    for one in (first, second):
        assert books.gates(one["encounter_id"]).outcome == "clear"
        assert books.item(one["encounter_id"]) is None
        assert books.claims(one["encounter_id"])[0].prior_authorization_number == "N1"


def test_a_quantity_beyond_reason_is_refused_and_blocks_nothing(books: Books) -> None:
    made = wanting("AUTHHUGE1")
    books.send(made)
    books.gates(made["encounter_id"])
    item = books.item(made["encounter_id"])
    assert item is not None
    span = {"effective_from": str(TODAY), "effective_to": str(TODAY)}
    for quantity in ("20000", "\u00b2"):
        assert books.refusal(item, "record_authorization", fields={"number": "N2", "quantity": quantity, **span})
    assert books.refusal(item, "record_authorization", fields={"number": "N" * 60, "quantity": "5", **span})


def test_visits_racing_for_the_last_ones_get_exactly_what_is_left(books: Books) -> None:
    first = wanting("AUTHRACE1")
    papers = {"established_on": str(TODAY - timedelta(days=80)), "certified_on": str(TODAY - timedelta(days=79))}
    first["compliance"]["plan_of_care"] |= papers | {"sent_to_certifier_on": None, "effective_to": None}
    visits = [deepcopy(first) for _ in range(100)]
    for number, one in enumerate(visits):  # other days and episodes, so that no visit is another's duplicate
        day = TODAY - timedelta(days=1 + number % 50)
        one["encounter_id"] = f"RACE-{number:03d}"
        one["date_of_service"] = str(day)
        one["compliance"]["episode"] = {"episode_id": f"RACE-{number}", "started_on": str(day)}
        one["compliance"]["plan_of_care"]["plan_of_care_id"] = f"RACE-{number}"
        one["compliance"]["signatures"][0]["signed_at"] = f"{day}T17:00:00-06:00"
    authorization_id = grant(books, first["patient"]["patient_id"], 10)
    assert all(result.status == "created" for result in books.send(*visits))
    with ThreadPoolExecutor(AT_ONCE) as crowd:
        verdicts = list(crowd.map(lambda one: books.gates(one["encounter_id"]).outcome, visits))
    stuck = Counter(
        f"{item.queue} {item.findings[0]['code']}" for item in books.rows(WorkItemRow) if item.closed_at is None
    )
    assert left(books, authorization_id) == 0, stuck
    uses = books.rows(AuthorizationUseRow, AuthorizationUseRow.authorization_id == authorization_id)
    assert len(uses) == sum(use.quantity for use in uses) == 10
    assert verdicts.count("clear") == 10
    held = books.items("authorization")
    assert verdicts.count("held") == 90
    assert any(item.findings[0]["code"] == "A4" for item in held)


def test_a_cancelled_visit_gives_back_what_it_held(books: Books) -> None:
    made = wanting("AUTHBACK1")
    authorization_id = grant(books, made["patient"]["patient_id"], 1)
    other = sibling(made)
    other["date_of_service"] = str(TODAY - timedelta(days=1))
    other["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T09:00:00-06:00"
    books.send(made, other)
    assert books.gates(made["encounter_id"]).outcome == "clear"
    assert books.gates(other["encounter_id"]).outcome == "held"
    assert left(books, authorization_id) == 0
    books.send(newer(made, lambda gone: gone.update(cancelled=True)))
    assert books.claim_look(made["encounter_id"]) == "closed"
    assert left(books, authorization_id) == 1
    assert books.visit(made["encounter_id"]).closed_as == "cancelled"
    assert books.balance(made["encounter_id"], "payer_receivable") == 0
    assert books.gates(other["encounter_id"]).outcome == "clear"
    with practice_session(books.engine, books.practice_id) as session:  # released by a counter-entry, not by erasing
        query = select(func.count()).where(AuthorizationUseRow.authorization_id == authorization_id)
        assert session.scalar(query) == 3


def test_looking_twice_uses_one_visit(books: Books) -> None:
    made = wanting("AUTHTWICE")
    authorization_id = grant(books, made["patient"]["patient_id"], 5)
    books.send(made)
    for _ in range(3):
        books.gates(made["encounter_id"])
    assert left(books, authorization_id) == 4
    assert len(books.claims(made["encounter_id"])) == 1


def test_a_biller_cannot_give_up_an_unbilled_visit_above_the_limit(books: Books) -> None:
    made = wanting("AUTHLIMIT")
    books.send(made)
    books.gates(made["encounter_id"])
    item = books.item(made["encounter_id"])
    assert item is not None
    assert item.amount > 50
    assert "above your limit" in books.refusal(item, "write_off", "biller")
    books.decide(item, "write_off", "supervisor")
    assert books.gates(made["encounter_id"]).outcome == "closed"
    assert books.visit(made["encounter_id"]).closed_as == "written_off"


def test_a_rejected_claim_that_is_written_off_gives_its_use_back(books: Books) -> None:
    made = wanting("AUTHREJECTED")
    books.send(made)
    granted = grant(books, made["patient"]["patient_id"], 10)
    number = made["encounter_id"]
    assert books.gates(number).outcome == "clear"
    assert left(books, granted) == 9
    books.set_claim(number, status="rejected")
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    books.decide(item, "write_off")
    assert left(books, granted) == 10, "no payer ever counted the visit"
    assert books.claim_look(number) == "closed"
