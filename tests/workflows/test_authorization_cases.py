"""A payer is asked through people: the case sleeps while the payer's clock runs, and its answer frees visits."""

from datetime import timedelta
from typing import Any

from temporalio.testing import TimeSkipper

from models.ids import authorization_case_workflow_id
from models.tables.authorizations import AuthorizationCaseRow
from models.tables.desk import WorkItemRow
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, visit

SPAN = {"effective_from": str(TODAY - timedelta(days=90)), "effective_to": str(TODAY + timedelta(days=90))}


def _case(clinic: Line, made: Visit) -> AuthorizationCaseRow:
    which = AuthorizationCaseRow.patient_external_id == made["patient"]["patient_id"]
    return clinic.rows(AuthorizationCaseRow, which)[-1]


def _item(clinic: Line, made: Visit) -> WorkItemRow:
    return clinic.rows(WorkItemRow, WorkItemRow.authorization_case_id == _case(clinic, made).id)[-1]


async def _held(clinic: Line, member_id: str) -> tuple[Visit, Any]:
    made = visit(member_id, COMMERCIAL, like=PREFERRED)
    clinic.send(made)
    await clinic.until_item(made["encounter_id"], "authorization")
    await clinic.until(clinic.quiet)
    return made, clinic.client.get_workflow_handle(authorization_case_workflow_id(_case(clinic, made).id))


async def test_it_is_escalated_when_not_sent_overdue_when_not_answered_and_the_answer_frees_the_visit(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    made, handle = await _held(clinic, "CASELINE1")
    await time_skipper.fast_forward(handle, timedelta(hours=25))
    await clinic.until(lambda: _item(clinic, made).whose_move == "supervisor")
    await clinic.decide(_item(clinic, made), "mark_sent", {"requested_quantity": "12"}, role="front_desk")
    assert (_item(clinic, made).whose_move, _item(clinic, made).escalated) == ("payer", False)
    await time_skipper.fast_forward(handle, timedelta(days=9))
    assert not _case(clinic, made).overdue
    await time_skipper.fast_forward(handle, timedelta(days=15))
    await clinic.until(lambda: _case(clinic, made).overdue)
    await clinic.until(lambda: "answer was due" in (clinic.item(made["encounter_id"]) or _item(clinic, made)).reason)
    answer = {"outcome": "granted", "number": "N-12", "quantity": "12", "answered_by": "Ann", **SPAN}
    await clinic.decide(_item(clinic, made), "record_answer", answer, role="front_desk")
    await clinic.until_stage(made["encounter_id"], "closed")
    assert clinic.claims(made["encounter_id"])[-1].prior_authorization_number == "N-12"
    assert _case(clinic, made).state == "approved"
    await handle.result()


async def test_a_case_nothing_wants_any_more_ends_by_itself(clinic: Line) -> None:
    made, handle = await _held(clinic, "CASELINE2")
    clinic.send({**made, "version": made["version"] + 1, "cancelled": True})
    await clinic.until_stage(made["encounter_id"], "closed")
    await clinic.until(lambda: _case(clinic, made).closed_at is not None)
    assert _case(clinic, made).state == "withdrawn"
    await handle.result()
