"""An authorization is watched to its end: asked for anew in time, escalated when nobody moved, ended once."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import TimeSkipper

from models.ids import authorization_workflow_id
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.life import EventRow, OutboxRow
from tests.line import TODAY, Line
from tests.workflows.visits import COMMERCIAL, PREFERRED, sibling, visit

LENGTH = 30


def _grant(number: str, patient: str, quantity: int, first: int = -60, last: int = LENGTH) -> dict[str, Any]:
    return {
        "authorization_id": number,
        "number": f"N-{number}",
        "patient": patient,
        "plan_id": COMMERCIAL,
        "disciplines": ["PT"],
        "quantity": quantity,
        "effective_from": str(TODAY + timedelta(days=first)),
        "effective_to": str(TODAY + timedelta(days=last)),
    }


PRACTICE = {
    "authorizations": [
        _grant("EXPIRES", "LIFE-1", 20),
        _grant("REPLACED", "LIFE-2", 20),
        _grant("FLAGS", "LIFE-3", 4),
        _grant("CAREENDS", "LIFE-4", 20, last=3),
    ]
}


def _row(clinic: Line, number: str) -> AuthorizationRow:
    return clinic.rows(AuthorizationRow, AuthorizationRow.external_id == number)[0]


def _handle(clinic: Line, number: str) -> Any:
    return clinic.client.get_workflow_handle(authorization_workflow_id(_row(clinic, number).id))


async def _all_started(clinic: Line) -> None:
    """Word of every authorization has reached Temporal."""
    await clinic.until(lambda: not clinic.rows(OutboxRow, OutboxRow.state != "done"))


def _item(clinic: Line, number: str) -> WorkItemRow | None:
    which = (WorkItemRow.authorization_id == _row(clinic, number).id, WorkItemRow.closed_at.is_(None))
    found = clinic.rows(WorkItemRow, *which)
    return found[0] if found else None


def _story(clinic: Line, number: str) -> list[str]:
    with practice_session(clinic.engine, clinic.practice_id) as session:
        rows = session.query(EventRow).filter(EventRow.authorization_id == _row(clinic, number).id)
        return [row.kind for row in rows.order_by(EventRow.id)]


async def _is_over(clinic: Line, number: str) -> None:
    described = None
    for _ in range(100):
        described = await _handle(clinic, number).describe()
        if described.status is WorkflowExecutionStatus.COMPLETED:
            return
        await clinic.until(lambda: True)
    raise AssertionError(f"still {described.status if described else 'unknown'}")


async def test_the_next_is_asked_for_seven_days_ahead_escalated_at_five_and_ends_with_the_day(
    clinic: Line, time_skipper: TimeSkipper
) -> None:
    await _all_started(clinic)
    await clinic.until(lambda: "authorization.recorded" in _story(clinic, "EXPIRES"))
    handle = _handle(clinic, "EXPIRES")
    await time_skipper.fast_forward(handle, timedelta(days=LENGTH - 9))
    assert _item(clinic, "EXPIRES") is None
    await time_skipper.fast_forward(handle, timedelta(days=2, hours=12))
    item = await clinic.until(lambda: _item(clinic, "EXPIRES"))
    assert (item.queue, item.kind, item.whose_move, item.escalated) == (
        "authorization",
        "authorization_case",
        "front_desk",
        False,
    )
    assert item.due_at.date() == TODAY + timedelta(days=LENGTH - 5)
    await time_skipper.fast_forward(handle, timedelta(days=2))
    await clinic.until(lambda: (found := _item(clinic, "EXPIRES")) is not None and found.escalated)
    escalated = _item(clinic, "EXPIRES")
    assert escalated is not None
    assert escalated.whose_move == "supervisor"
    assert _story(clinic, "EXPIRES").count("authorization.escalated") == 1
    await time_skipper.fast_forward(handle, timedelta(days=7))
    await clinic.until(lambda: _row(clinic, "EXPIRES").status == "expired")
    await clinic.until(lambda: _item(clinic, "EXPIRES") is None)  # nothing is booked, nothing is held: care is over
    await _is_over(clinic, "EXPIRES")


async def test_recording_the_next_replaces_the_old_one(clinic: Line, time_skipper: TimeSkipper) -> None:
    await _all_started(clinic)
    handle = _handle(clinic, "REPLACED")
    await time_skipper.fast_forward(handle, timedelta(days=LENGTH - 6))
    item = await clinic.until(lambda: _item(clinic, "REPLACED"))
    await _all_started(clinic)
    span = {"effective_from": str(TODAY), "effective_to": str(TODAY + timedelta(days=90))}
    answer = {"outcome": "granted", "number": "N-NEXT", "quantity": "12", "reference": "call 4471", **span}
    await clinic.decide(item, "record_answer", answer, role="front_desk")
    await clinic.until(lambda: _row(clinic, "REPLACED").ended_at is not None)
    old = _row(clinic, "REPLACED")
    [new] = clinic.rows(AuthorizationRow, AuthorizationRow.number == "N-NEXT")
    assert (old.status, old.replaced_by, new.patient_external_id) == ("replaced", new.id, "LIFE-2")
    assert _item(clinic, "REPLACED") is None
    await _is_over(clinic, "REPLACED")


async def _flags_are(clinic: Line, flags: list[str]) -> None:
    await clinic.until(lambda: _row(clinic, "FLAGS").flags == flags)


async def test_low_visits_are_flagged_at_three_and_two_once_each_and_care_without_visits_ends_it(clinic: Line) -> None:
    await _all_started(clinic)
    first = visit("LIFEFLAGS", COMMERCIAL, like=PREFERRED)
    first["patient"]["patient_id"] = "LIFE-3"
    visits = [first]
    for days in (1, 2, 3):
        another = sibling(first)
        another["date_of_service"] = str(TODAY - timedelta(days=days))
        another["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T06:00:00-06:00"
        visits.append(another)
    expected = [["left_3"], ["left_3", "left_2"], ["left_3", "left_2"]]
    for one, flags in zip(visits, expected, strict=False):
        clinic.send(one)
        await clinic.until_stage(one["encounter_id"], "closed")
        await _flags_are(clinic, flags)
    assert _story(clinic, "FLAGS").count("authorization.left_3") == 1
    item = await clinic.until(lambda: _item(clinic, "FLAGS"))
    assert item.escalated  # two left and nobody asked
    clinic.send(visits[3])
    await clinic.until_stage(visits[3]["encounter_id"], "closed")
    await clinic.until(lambda: _row(clinic, "FLAGS").status == "exhausted")


async def test_where_care_ends_nobody_is_asked_again(clinic: Line) -> None:
    await _all_started(clinic)
    item = await clinic.until(lambda: _item(clinic, "CAREENDS"))
    await _all_started(clinic)
    assert item.escalated
    await clinic.decide(item, "not_continuing", reason="discharged", role="front_desk")
    await clinic.until(lambda: _row(clinic, "CAREENDS").status == "not_continued" and not _item(clinic, "CAREENDS"))
    await _is_over(clinic, "CAREENDS")
