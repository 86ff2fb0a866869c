"""Taking, releasing, snoozing, noting, reassigning: what changes, what is refused, what is written down."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.desk import WorkItemNoteRow
from models.tables.life import AuditRow, EventRow
from tests.web.conftest import Browse, House

IN_PANE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#pane"}


def form(version: int = 1, owner: UUID | None = None, **more: str) -> dict[str, str]:
    return {"version": str(version), "owner_seen": str(owner or ""), **more}


def audited(house: House) -> list[tuple[str, str]]:
    with practice_session(house.engine, house.practice_id) as session:
        return [
            (action, subject)
            for action, subject in session.execute(select(AuditRow.action, AuditRow.subject).order_by(AuditRow.id))
        ]


def test_take_makes_it_mine_and_writes_it_down(house: House, browse: Browse) -> None:
    visit = house.encounter()
    item = house.item(encounter_id=visit)
    answer = browse(Role.BILLER).post(f"/items/{item}/take", data=form(), headers=IN_PANE)
    assert answer.status_code == 200
    assert "It is yours now." in answer.text
    assert f'hx-target="#row-{item}"' in answer.text  # the row beside it is drawn anew, in its place
    assert "<html" not in answer.text
    assert house.read(item).owner_id == house.users[Role.BILLER]
    assert ("item.taken", f"work_item/{item}") in audited(house)
    with practice_session(house.engine, house.practice_id) as session:
        assert (
            "Ana Ruiz took it" in session.scalars(select(EventRow.summary).where(EventRow.encounter_id == visit)).all()
        )


def test_without_script_the_whole_page_answers(house: House, browse: Browse) -> None:
    answer = browse(Role.BILLER).post(f"/items/{house.item()}/take", data=form())
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert "It is yours now." in answer.text


def test_somebody_elses_item_is_refused_to_a_biller_and_given_to_a_supervisor(house: House, browse: Browse) -> None:
    front_desk = house.users[Role.FRONT_DESK]
    item = house.item(owner_id=front_desk, taken_at=datetime.now(UTC))
    refused = browse(Role.BILLER).post(f"/items/{item}/take", data=form(owner=front_desk), headers=IN_PANE)
    assert refused.status_code == 409
    assert "Lee Park has this item" in refused.text
    taken = browse(Role.SUPERVISOR).post(f"/items/{item}/take", data=form(owner=front_desk))
    assert taken.status_code == 200
    assert house.read(item).owner_id == house.users[Role.SUPERVISOR]


def test_stale_page_is_refused_not_obeyed(house: House, browse: Browse) -> None:
    item = house.item(version=3)
    answer = browse(Role.BILLER).post(f"/items/{item}/take", data=form(version=2), headers=IN_PANE)
    assert answer.status_code == 409
    assert "changed since you opened it" in answer.text
    assert house.read(item).owner_id is None


def test_a_second_click_finds_its_wish_fulfilled(house: House, browse: Browse) -> None:
    item = house.item()
    biller = browse(Role.BILLER)
    for _ in range(2):
        answer = biller.post(f"/items/{item}/take", data=form(), headers=IN_PANE)
        assert answer.status_code == 200
        assert "It is yours now." in answer.text
    mine = form() | {"owner_seen": str(house.users[Role.BILLER])}
    for _ in range(2):
        answer = biller.post(f"/items/{item}/release", data=mine, headers=IN_PANE)
        assert answer.status_code == 200
        assert "Released" in answer.text
    assert [act for act, _ in audited(house)].count("item.taken") == 1


def test_a_note_that_is_refused_stays_in_its_field(house: House, browse: Browse) -> None:
    item = house.item()
    note = {"note_id": str(uuid4()), "body": "too long " * 500}
    answer = browse(Role.BILLER).post(f"/items/{item}/note", data=note, headers=IN_PANE)
    assert answer.status_code == 409
    assert "Shorten it" in answer.text
    assert note["body"].strip() in answer.text


def test_taken_meanwhile_names_who_has_it(house: House, browse: Browse) -> None:
    item = house.item(owner_id=house.users[Role.FRONT_DESK], taken_at=datetime.now(UTC))
    answer = browse(Role.SUPERVISOR).post(f"/items/{item}/take", data=form(), headers=IN_PANE)
    assert answer.status_code == 409
    assert "Lee Park has this item now" in answer.text


def test_closed_item_says_so(house: House, browse: Browse) -> None:
    item = house.item(closed_at=datetime.now(UTC), closed_by="re-check passed")
    answer = browse(Role.BILLER).post(f"/items/{item}/take", data=form(), headers=IN_PANE)
    assert answer.status_code == 409
    assert "was closed meanwhile (re-check passed)" in answer.text


def test_release_gives_it_back(house: House, browse: Browse) -> None:
    me = house.users[Role.BILLER]
    item = house.item(owner_id=me, taken_at=datetime.now(UTC))
    assert browse(Role.BILLER).post(f"/items/{item}/release", data=form(owner=me)).status_code == 200
    assert house.read(item).owner_id is None


def test_snooze_hides_it_until_six_in_the_morning_of_that_day(house: House, browse: Browse) -> None:
    item = house.item()
    browser = browse(Role.BILLER)
    until = (datetime.now(UTC) + timedelta(days=3)).date()
    assert browser.post(f"/items/{item}/snooze", data=form(until=until.isoformat())).status_code == 200
    kept = house.read(item).snoozed_until
    assert kept is not None
    assert kept - datetime.now(UTC) > timedelta(days=1)
    assert f"row-{item}" not in browser.get("/queues/documentation").text
    assert f"row-{item}" in browser.get("/queues/documentation?view=snoozed").text
    assert browser.post(f"/items/{item}/snooze", data=form(until="wake")).status_code == 200
    assert f"row-{item}" in browser.get("/queues/documentation").text


def test_snooze_wants_a_day_to_come(house: House, browse: Browse) -> None:
    item = house.item()
    browser = browse(Role.BILLER)
    assert browser.post(f"/items/{item}/snooze", data=form(until="2020-01-01")).status_code == 409
    assert browser.post(f"/items/{item}/snooze", data=form(until="day", until_day="")).status_code == 422


def test_the_same_note_sent_twice_is_one_note(house: House, browse: Browse) -> None:
    item = house.item()
    browser = browse(Role.CLINICIAN)
    item = house.item(clinician_id=house.clinician_id)
    sent = {"note_id": str(uuid4()), "body": "Signed on paper, scan follows."}
    for _ in range(2):
        assert browser.post(f"/items/{item}/note", data=sent).status_code == 200
    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(WorkItemNoteRow.body)).all() == ["Signed on paper, scan follows."]
    assert [action for action, _ in audited(house)].count("item.noted") == 1


def test_empty_note_is_refused(house: House, browse: Browse) -> None:
    answer = browse(Role.BILLER).post(f"/items/{house.item()}/note", data={"note_id": str(uuid4()), "body": "  "})
    assert answer.status_code == 409


def test_only_a_supervisor_reassigns(house: House, browse: Browse) -> None:
    item = house.item()
    biller = browse(Role.BILLER)
    assert biller.get("/supervisor").status_code == 403
    assert biller.post(f"/items/{item}/reassign", data={"to": ""}).status_code == 403
    assert biller.post("/supervisor/reassign", data={"to": "", "item": str(item)}).status_code == 403
