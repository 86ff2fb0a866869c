"""A clinician sees the own holds as a list of things to do, and answers; the answer brings the item back."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.life import EventRow, OutboxRow
from models.tables.supervision import ClinicianMessageRow
from tests.web.conftest import Browse, House

UNSIGNED = {
    "code": "D1",
    "severity": "block",
    "owner": "clinician",
    "message": "Nobody signed the note.",
    "clears_when": "the note is signed",
}


def own_hold(house: House, **values: Any) -> UUID:
    encounter = house.encounter(f"CH-{uuid4().hex[:6]}")
    return house.item(
        **{"encounter_id": encounter, "clinician_id": house.clinician_id, "findings": [UNSIGNED], **values}
    )


def answer(kind: str, body: str = "", message_id: str = "") -> dict[str, str]:
    return {"kind": kind, "body": body, "message_id": message_id or str(uuid4())}


def ask(house: House, browse: Browse, item: UUID, body: str = "Please sign, the plan files within 30 days.") -> Any:
    sent = {"version": str(house.read(item).version), "owner_seen": "", "message_id": str(uuid4()), "body": body}
    return browse(Role.BILLER).post(f"/items/{item}/ask", data=sent)


def test_home_lists_own_holds_by_what_to_do_and_nobody_elses(house: House, browse: Browse) -> None:
    mine, other = own_hold(house), own_hold(house, clinician_id=None)
    page = browse(Role.CLINICIAN).get("/").text
    assert f'id="hold-{mine}"' in page
    assert f'id="hold-{other}"' not in page
    assert "Sign the note of" in page
    assert "1 visit cannot be billed" in page
    assert browse(Role.BILLER).get("/holds/list").status_code == 403


def test_several_reasons_of_a_hold_read_as_sentences(house: House, browse: Browse) -> None:
    own_hold(house, findings=[UNSIGNED, {**UNSIGNED, "code": "D5", "message": "The plan of care ended on 2026-03-02"}])
    page = browse(Role.CLINICIAN).get("/").text
    assert ">Nobody signed the note. The plan of care ended on 03/02/2026.<" in page


def test_what_is_the_desks_move_is_not_shown_unless_the_desk_asked(house: House, browse: Browse) -> None:
    item = own_hold(house, whose_move="biller")
    assert f'id="hold-{item}"' not in browse(Role.CLINICIAN).get("/").text
    assert ask(house, browse, item).status_code == 200
    page = browse(Role.CLINICIAN).get("/").text
    assert f'id="hold-{item}"' in page
    assert "the plan files within 30 days" in page


def test_asking_lets_the_item_sleep_and_the_answer_wakes_it(house: House, browse: Browse) -> None:
    item = own_hold(house)
    asked = ask(house, browse, item)
    assert "Asked. It is snoozed until" in asked.text
    asleep = house.read(item).snoozed_until
    assert asleep is not None
    assert asleep > datetime.now(UTC)
    told = browse(Role.CLINICIAN).post(f"/holds/{item}/answer", data=answer("question", "Which note?"))
    assert "Your question is with the billing desk." in told.text
    assert house.read(item).snoozed_until is None
    pane = browse(Role.BILLER).get(f"/queues/documentation/{item}").text
    assert "Which note?" in pane
    assert "asks back" in pane


def test_done_in_the_chart_clears_nothing_but_has_the_visit_checked_again(house: House, browse: Browse) -> None:
    item = own_hold(house)
    with practice_session(house.engine, house.practice_id) as session:
        before = len(session.scalars(select(OutboxRow.id).where(OutboxRow.signal == "recheck")).all())
    sent = answer("done")
    browser = browse(Role.CLINICIAN)
    for _ in range(2):  # a doubled click
        assert browser.post(f"/holds/{item}/answer", data=sent).status_code == 200
    assert house.read(item).closed_at is None
    with practice_session(house.engine, house.practice_id) as session:
        assert len(session.scalars(select(OutboxRow.id).where(OutboxRow.signal == "recheck")).all()) == before + 1
        assert session.scalars(select(ClinicianMessageRow.kind)).all() == ["done"]
        assert "item.answered" in session.scalars(select(EventRow.kind)).all()


def test_an_empty_question_and_a_cleared_hold_are_said_in_a_sentence(house: House, browse: Browse) -> None:
    item = own_hold(house)
    browser = browse(Role.CLINICIAN)
    refused = browser.post(f"/holds/{item}/answer", data=answer("question"))
    assert (refused.status_code, "Write what you want to know" in refused.text) == (409, True)
    closed = own_hold(house, closed_at=datetime.now(UTC), closed_by="re-check passed")
    assert "cleared already" in browser.post(f"/holds/{closed}/answer", data=answer("done")).text
    assert browser.post(f"/holds/{own_hold(house, clinician_id=None)}/answer", data=answer("done")).status_code == 404


def test_only_the_desk_asks_and_only_about_a_clinicians_visit(house: House, browse: Browse) -> None:
    item = own_hold(house)
    sent = {"version": "1", "owner_seen": "", "message_id": str(uuid4()), "body": "x"}
    assert browse(Role.CLINICIAN).post(f"/items/{item}/ask", data=sent).status_code == 403
    nobody = own_hold(house, clinician_id=None)
    assert browse(Role.BILLER).post(f"/items/{nobody}/ask", data=sent).status_code == 409
    assert ask(house, browse, item, body=" ").status_code == 409
