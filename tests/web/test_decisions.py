"""A decision goes out once, with who, why and what was seen; every answer reaches the person in words."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from billing.vocabulary import Role
from models.messages import Decision, DecisionOutcome
from models.store.session import practice_session
from models.tables.life import OutboxRow
from tests.web.conftest import Browse, Decided, House
from tests.web.test_desk import IN_PANE
from web.commands import ACCEPTED, CLOSED, Answer, TemporalCommands


def asked(**more: str) -> dict[str, str]:
    return {
        "decision": "not_billable",
        "command_id": str(uuid.uuid4()),
        "version": "1",
        "reason": "Courtesy visit.",
        **more,
    }


def test_a_decision_carries_who_why_and_what_was_seen(house: House, browse: Browse, commands: Decided) -> None:
    item = house.item(workflow_id="encounter/x")
    form = asked()
    answer = browse(Role.BILLER).post(f"/items/{item}/decide", data=form, headers=IN_PANE)
    assert answer.status_code == 200
    assert "It closes without a claim." in answer.text
    [(workflow_id, decision)] = commands.asked
    assert workflow_id == "encounter/x"
    assert decision == Decision(
        practice_id=house.practice_id,
        work_item_id=item,
        command_id=uuid.UUID(form["command_id"]),
        user_id=house.users[Role.BILLER],
        decision="not_billable",
        reason="Courtesy visit.",
        fields={},
        seen_version=1,
    )


def test_fields_travel_by_name_and_unknown_ones_do_not(house: House, browse: Browse, commands: Decided) -> None:
    item = house.item(queue="authorization")
    granted = {
        "field.number": "PA-1",
        "field.quantity": "12",
        "field.effective_from": "2026-11-01",
        "field.effective_to": "2027-01-31",
        "field.surprise": "x",
    }
    answer = browse(Role.FRONT_DESK).post(
        f"/items/{item}/decide", data=asked(decision="record_authorization", **granted)
    )
    assert answer.status_code == 200
    assert commands.asked[0][1].fields == {
        "number": "PA-1",
        "quantity": "12",
        "effective_from": "2026-11-01",
        "effective_to": "2027-01-31",
    }


@pytest.mark.parametrize(
    ("role", "form", "status"),
    [
        (Role.BILLER, asked(reason=" "), 422),
        (Role.BILLER, asked(decision="record_payment"), 422),
        (Role.BILLER, asked(command_id="not-an-id"), 422),
        (Role.FRONT_DESK, asked(), 404),
        (Role.AUDITOR, asked(), 403),
        (Role.CLINICIAN, asked(), 403),
    ],
)
def test_what_is_not_offered_is_not_asked(
    house: House, browse: Browse, commands: Decided, role: Role, form: dict[str, str], status: int
) -> None:
    item = house.item(clinician_id=house.clinician_id)
    assert browse(role).post(f"/items/{item}/decide", data=form).status_code == status
    assert commands.asked == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer("refused", "A claim is already out; void it first."), 409),
        (Answer("closed", CLOSED), 409),
        (Answer("accepted", ACCEPTED), 200),
    ],
)
def test_every_answer_is_said(house: House, browse: Browse, commands: Decided, answer: Answer, status: int) -> None:
    commands.answer = answer
    said = browse(Role.BILLER).post(f"/items/{house.item()}/decide", data=asked(), headers=IN_PANE)
    assert said.status_code == status
    assert answer.message in said.text


class Handle:
    """A workflow that answers an update with what it is given."""

    def __init__(self, outcome: DecisionOutcome | Exception) -> None:
        self.outcome = outcome
        self.ids: list[str] = []

    def get_workflow_handle(self, workflow_id: str) -> "Handle":
        return self

    async def execute_update(self, name: str, decision: Decision, *, id: str, **rest: object) -> DecisionOutcome:  # noqa: A002
        self.ids.append(id)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def temporal(engine: Engine, outcome: DecisionOutcome | Exception) -> tuple[TemporalCommands, Handle]:
    handle = Handle(outcome)

    async def connect() -> Client:
        return handle  # type: ignore[return-value]  # only what the page awaits

    return TemporalCommands(engine, connect), handle


def decision(house: House) -> Decision:
    return Decision(
        practice_id=house.practice_id,
        work_item_id=uuid.uuid4(),
        command_id=uuid.uuid4(),
        user_id=house.users[Role.BILLER],
        decision="not_billable",
    )


def waiting(house: House) -> list[OutboxRow]:
    with practice_session(house.engine, house.practice_id) as session:
        return list(session.scalars(select(OutboxRow).where(OutboxRow.signal.startswith("decide/"))))


async def test_done_says_the_workflows_sentence_under_the_command_id(house: House) -> None:
    commands, handle = temporal(house.engine, DecisionOutcome(message="Closed."))
    made = decision(house)
    assert await commands.decide("encounter/x", made) == Answer("done", "Closed.")
    assert handle.ids == [str(made.command_id)]


async def test_refusal_says_what_to_do(house: House) -> None:
    cause = ApplicationError("Void the claim first.", type="Refused")
    commands, _ = temporal(house.engine, WorkflowUpdateFailedError(cause))
    assert await commands.decide("encounter/x", decision(house)) == Answer("refused", "Void the claim first.")


async def test_a_fault_never_shows_its_text(house: House) -> None:
    commands, _ = temporal(house.engine, WorkflowUpdateFailedError(ApplicationError("patient Kim", type="ValueError")))
    answer = await commands.decide("encounter/x", decision(house))
    assert answer.kind == "refused"
    assert "Kim" not in answer.message


async def test_finished_workflow_means_closed(house: House) -> None:
    gone = RPCError("workflow execution already completed", RPCStatusCode.NOT_FOUND, Payload().SerializeToString())
    commands, _ = temporal(house.engine, gone)
    assert (await commands.decide("encounter/x", decision(house))).kind == "closed"
    assert waiting(house) == []


async def test_without_a_worker_the_decision_waits_once(house: House) -> None:
    commands, _ = temporal(house.engine, WorkflowUpdateRPCTimeoutOrCancelledError())
    made = decision(house)
    assert (await commands.decide("encounter/x", made)).kind == "accepted"
    assert (await commands.decide("encounter/x", made)).kind == "accepted"  # the second click of a worried person
    [row] = waiting(house)
    assert (row.workflow_id, row.workflow_type, row.message) == ("encounter/x", "", made.model_dump(mode="json"))
    other = await commands.decide("encounter/x", made.model_copy(update={"command_id": uuid.uuid4()}))
    assert other.kind == "refused"  # two decisions on one item must not be applied blind


async def test_without_temporal_the_decision_waits(house: House) -> None:
    async def no_connection() -> Client:
        raise RuntimeError("nobody there")

    commands = TemporalCommands(house.engine, no_connection)
    assert (await commands.decide("encounter/x", decision(house))).kind == "accepted"
    assert len(waiting(house)) == 1
    assert not await commands.ready()


def test_closed_item_offers_nothing_to_decide(house: House, browse: Browse) -> None:
    item = house.item(closed_at=datetime.now(UTC), closed_by="re-check passed")
    page = browse(Role.BILLER).get(f"/queues/documentation/{item}").text
    assert "Re-check passed" in page
    assert "/decide" not in page


def test_override_is_offered_only_where_a_finding_allows_it(house: House, browse: Browse) -> None:
    finding = {
        "code": "D8",
        "severity": "hold",
        "owner": "biller",
        "message": "Something is odd.",
        "clears_when": "it is not",
        "evidence": {"left": "0"},
        "citation": "practice default",
        "overridable": True,
        "look_again_on": None,
    }
    allowed = house.item(findings=[finding])
    forbidden = house.item(findings=[{**finding, "overridable": False, "severity": "block"}])
    browser = browse(Role.BILLER)
    assert "Override D8" in browser.get(f"/queues/documentation/{allowed}").text
    assert 'value="override"' not in browser.get(f"/queues/documentation/{forbidden}").text
