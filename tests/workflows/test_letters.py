"""A letter that cannot be sent waits for a person to print it, and ends when that is done."""

from temporalio.client import WorkflowExecutionStatus

from models.ids import notice_workflow_id
from models.tables.desk import WorkItemRow
from models.tables.notices import NoticeRow
from tests.line import Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, five_visits, visit

PRACTICE = {
    "desk": {"print_notices": True},
    "authorizations": [five_visits("LETTER-1"), five_visits("LETTER-2")],
}


def _patient(member_id: str, patient_id: str, email: str | None = None) -> Visit:
    made = visit(member_id, COMMERCIAL, like=PREFERRED)
    made["patient"] |= {"patient_id": patient_id, "email": email}
    return made


async def _asked(clinic: Line, state: str) -> tuple[NoticeRow, WorkItemRow]:
    await clinic.until(lambda: clinic.rows(NoticeRow, NoticeRow.state == state))
    [letter] = clinic.rows(NoticeRow, NoticeRow.state == state)
    subject = f"notice/{letter.id}"
    found = await clinic.until(
        lambda: clinic.rows(WorkItemRow, WorkItemRow.subject == subject, WorkItemRow.closed_at.is_(None))
    )
    return letter, found[0]


async def _is_over(clinic: Line, letter: NoticeRow) -> None:
    handle = clinic.client.get_workflow_handle(notice_workflow_id(letter.id))
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_without_e_mail_the_front_desk_prints_and_the_letter_is_done(clinic: Line) -> None:
    clinic.send(_patient("LETTERONE", "LETTER-1"))
    letter, item = await _asked(clinic, "no_address")
    assert "Print it" in item.reason
    assert "done" in await clinic.decide(item, "printed", role="front_desk")
    await _is_over(clinic, letter)
    [after] = clinic.rows(NoticeRow, NoticeRow.id == letter.id)
    assert after.state == "printed"
    [closed] = clinic.rows(WorkItemRow, WorkItemRow.id == item.id)
    assert closed.closed_at is not None


async def test_a_letter_no_server_takes_is_asked_to_be_printed_and_may_be_told_otherwise(clinic: Line) -> None:
    clinic.send(_patient("LETTERTWO", "LETTER-2", email="two@home.example"))
    letter, item = await _asked(clinic, "failed")
    assert "FIRSTPASS_SMTP_HOST" in item.reason
    assert "reason" in await clinic.refusal(item, "told_otherwise", reason=" ")
    assert "Noted" in await clinic.decide(item, "told_otherwise", reason="told on the phone", role="front_desk")
    await _is_over(clinic, letter)
