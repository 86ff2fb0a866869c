"""The front desk sees of the documentation queue what waits for the front desk: the same everywhere, nothing else."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from activities.tickets import gravest
from billing.findings import Finding
from billing.vocabulary import Owner, Role, Severity
from models.store.desk import Ticket, put_item
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from models.tables.life import EventRow
from tests.web.conftest import Browse, House, viewer
from tests.web.test_live import screen_reads, told_rows
from web.live import Subscriber, Told
from web.pages.events import _news

QUEUE = "/queues/documentation"
IN_PANE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#pane"}
NO_REFERRAL = {
    "code": "D11",
    "severity": "block",
    "owner": "front_desk",
    "message": "The plan wants a referral and none is on file.",
    "clears_when": "the referral is recorded",
}


def own_move(house: House, **values: object) -> UUID:
    """A hold that waits for the front desk."""
    reason = "The plan wants a referral and none is on file."
    wanted = {"whose_move": "front_desk", "reason": reason, "findings": [NO_REFERRAL], "cause": "D11"}
    return house.item(**{**wanted, **values})


def numbers(page: str) -> tuple[str, ...]:
    """What a queue's page says of the queue: in its summary, beside All open, and in the rail."""
    rail = re.search(r'href="/queues/documentation".*?</a>', page[page.index('id="rail"') :], re.S)
    assert rail is not None
    return (
        re.findall(r"<strong>(\d+) items?</strong>", page)[0],
        re.findall(r"All open (\d+)", page)[0],
        re.findall(r">(\d+)<", rail[0])[0],
    )


def test_list_counts_rail_and_home_agree_and_nobody_elses_change(house: House, browse: Browse) -> None:
    mine, theirs = own_move(house), [house.item(), house.item(whose_move="biller")]
    front = browse(Role.FRONT_DESK)
    page = front.get(QUEUE).text
    assert re.findall(r'id="row-([^"]+)"', page) == [str(mine)]
    assert numbers(page) == ("1", "1", "1")
    assert "1 item waits for a person" in front.get("/").text
    assert "Documentation" in front.get("/queues/authorization").text
    for role in (Role.BILLER, Role.SUPERVISOR, Role.AUDITOR):
        others = browse(role).get(QUEUE).text
        assert {*re.findall(r'id="row-([^"]+)"', others)} == {str(item) for item in (mine, *theirs)}
        assert numbers(others) == ("3", "3", "3")


def test_beside_another_queue_the_rail_counts_the_own_part_for_whom_it_is_a_part(house: House, browse: Browse) -> None:
    """Both look at the same whole queue in the same moment, and what was counted for one is not told to the other."""
    own_move(house)
    house.item()
    for role, said in ((Role.BILLER, "2"), (Role.FRONT_DESK, "1"), (Role.BILLER, "2")):
        page = browse(role).get("/queues/authorization").text
        rail = re.search(r'href="/queues/documentation".*?</a>', page[page.index('id="rail"') :], re.S)
        assert rail is not None
        assert f">{said}<" in rail[0]
        counts = browse(role).post("/queues/authorization/fresh", data={"counts": "1"}).text
        again = re.search(r'href="/queues/documentation".*?</a>', counts, re.S)
        assert again is not None
        assert f">{said}<" in again[0]


def test_get_next_gives_own_moves_only_and_says_when_none_is_left(house: House, browse: Browse) -> None:
    house.item()
    mine = own_move(house)
    front = browse(Role.FRONT_DESK)
    assert f'data-item="{mine}"' in front.post(f"{QUEUE}/next", headers=IN_PANE).text
    assert "Nothing is left for you here" in front.post(f"{QUEUE}/next", headers=IN_PANE).text
    assert front.post("/next").headers["location"] == "/"


def test_the_pane_says_what_clears_it_and_offers_work_but_no_decision_that_is_the_billers(
    house: House, browse: Browse
) -> None:
    mine = own_move(house, encounter_id=house.encounter(), clinician_id=house.clinician_id)
    front = browse(Role.FRONT_DESK)
    page = front.get(f"{QUEUE}/{mine}").text
    assert "the referral is recorded" in page
    assert "There is nothing to decide here." in page
    assert "data-decision" not in page
    sent = {"decision": "not_billable", "command_id": str(uuid4()), "version": "1", "reason": "x"}
    assert front.post(f"/items/{mine}/decide", data=sent).status_code == 403
    assert "There is nothing to decide here." not in browse(Role.BILLER).get(f"{QUEUE}/{mine}").text
    acts = {
        "take": {},
        "note": {"note_id": str(uuid4()), "body": "Called the referrer."},
        "snooze": {"until": "2099-01-01"},
        "ask": {"message_id": str(uuid4()), "body": "Who referred them?"},
        "release": {},
        "skip": {},
    }
    for act, form in acts.items():
        now = house.read(mine)
        seen = {"version": str(now.version), "owner_seen": str(now.owner_id or "")}
        assert front.post(f"/items/{mine}/{act}", data={**seen, **form}, headers=IN_PANE).status_code == 200, act


@pytest.mark.parametrize("whose_move", ["clinician", "biller"])
def test_what_is_anothers_move_is_not_found_however_it_is_asked_for(
    house: House, browse: Browse, whose_move: str
) -> None:
    encounter = house.encounter()
    item = house.item(encounter_id=encounter, clinician_id=house.clinician_id, whose_move=whose_move)
    front = browse(Role.FRONT_DESK)
    for address in (f"{QUEUE}/{item}", f"/items/{item}", f"/news/{item}"):
        assert front.get(address).status_code == 404, address
    version = {"version": "1", "owner_seen": ""}
    for act in ("take", "release", "snooze", "note", "ask", "decide", "skip", "here"):
        form = {**version, "until": "2030-01-01", "note_id": str(uuid4()), "message_id": str(uuid4()), "body": "x"}
        assert front.post(f"/items/{item}/{act}", data=form).status_code == 404, act
    assert house.read(item).owner_id is None
    assert "0 items selected" in front.post("/many", data={"item": [str(item)]}).text
    assert str(item) not in front.post("/many", data={"all": "1", "queue": "documentation"}).text
    assert str(item) not in front.post("/go", data={"text": "CH-1001"}).text
    assert str(item) not in front.get(f"/encounters/{encounter}").text
    for page in (f"/encounters/{encounter}", "/go"):
        biller = browse(Role.BILLER)
        answer = biller.post(page, data={"text": "CH-1001"}) if page == "/go" else biller.get(page)
        assert str(item) in answer.text, page


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.CLINICIAN])
def test_no_act_reaches_an_item_of_a_queue_one_does_not_have(house: House, browse: Browse, role: Role) -> None:
    item = house.item(queue="scrub", encounter_id=house.encounter(), clinician_id=house.clinician_id)
    person = browse(role)
    for act in ("take", "note", "skip", "here"):
        form = {"version": "1", "owner_seen": "", "note_id": str(uuid4()), "body": "x"}
        assert person.post(f"/items/{item}/{act}", data=form).status_code in {403, 404}, act
    assert browse(Role.BILLER).post(f"/items/{item}/take", data={"version": "1", "owner_seen": ""}).status_code == 200


def test_by_cause_only_what_is_theirs_is_counted(house: House, browse: Browse) -> None:
    for _ in range(2):
        own_move(house)
        house.item(cause="D1", findings=[{**NO_REFERRAL, "code": "D1", "owner": "clinician", "message": "Unsigned."}])
    page = browse(Role.FRONT_DESK).get("/groups/documentation").text
    assert "2 items" in page
    assert "Unsigned." not in page
    assert "Unsigned." in browse(Role.BILLER).get("/groups/documentation").text


def test_a_row_whose_move_went_to_somebody_else_says_so_and_nothing_more_of_the_item(
    house: House, browse: Browse
) -> None:
    item = own_move(house)
    with practice_session(house.engine, house.practice_id) as session:
        row = session.get_one(WorkItemRow, item)
        row.whose_move, row.reason, row.version = "clinician", "The note is signed by nobody.", 2
    shown = {"row": f"{item}:1", "counts": "1"}
    answer = browse(Role.FRONT_DESK).post(f"{QUEUE}/fresh", data=shown).text
    assert f'hx-target="#row-{item}"' in answer
    assert "Waits for somebody else now" in answer
    assert "signed by nobody" not in answer
    assert "<strong>0 items</strong>" in answer
    assert "Waits for somebody else now" not in browse(Role.BILLER).post(f"{QUEUE}/fresh", data=shown).text
    strip = browse(Role.FRONT_DESK).get(f"/news/{item}", headers={**IN_PANE, "HX-Target": "div#news"})
    assert (strip.status_code, "It waits for somebody else now" in strip.text) == (404, True)


@pytest.mark.parametrize(("whose_move", "kept"), [("clinician", False), ("front_desk", True)])
@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.BILLER])
def test_what_the_front_desk_had_is_everybodys_once_it_is_anothers_move(
    house: House, role: Role, whose_move: str, kept: bool
) -> None:
    encounter, owner = house.encounter(), house.users[role]
    item = own_move(house, encounter_id=encounter, owner_id=owner, taken_at=datetime.now(UTC), subject="encounter/x")
    now_asked = Ticket("encounter/x", "documentation", "hold", "encounter/x", "Unsigned.", "it is signed", whose_move)
    with practice_session(house.engine, house.practice_id) as session:
        put_item(session, house.practice_id, now_asked, datetime.now(UTC))
        released = session.scalars(select(EventRow.summary).where(EventRow.kind == "item.released")).all()
    kept = kept or role is Role.BILLER
    assert house.read(item).owner_id == (owner if kept else None)
    assert released == ([] if kept else ["Given back to everybody: it is not Lee Park's move any more"])


def test_a_list_of_another_queue_is_not_answered_about_rows_that_are_not_theirs(house: House, browse: Browse) -> None:
    theirs = house.item()
    answer = browse(Role.FRONT_DESK).post("/queues/authorization/fresh", data={"row": f"{theirs}:1"}).text
    assert "signed by nobody" not in answer


def test_no_row_id_or_count_is_told_to_whom_a_part_is_shown(house: House) -> None:
    front = viewer(house, Role.FRONT_DESK)
    news = _news(front, "documentation", told_rows(house, house.item(), own_move(house)))
    assert news == {"queues": ["documentation"], "items": None}
    assert not Subscriber(front, "documentation").is_told_rows
    authorization = Subscriber(front, "authorization")
    assert (authorization.is_told_rows, authorization.is_told_counts) == (True, False)
    whole = house.item(queue="authorization")
    told = replace(told_rows(house, whole), queues=frozenset({"authorization"}))
    assert set(_news(front, "authorization", told)["rows"]) == {str(whole)}
    counts = screen_reads(house).counts(viewer(house), {"authorization"}, [])["authorization"]
    assert _news(front, "authorization", Told(counted=True, counts=counts)) == {"counted": True}


def test_a_mention_on_what_is_not_theirs_is_read_where_it_is_listed(house: House, browse: Browse) -> None:
    item = house.item()
    note = {"note_id": str(uuid4()), "body": "@lee the family called you"}
    browse(Role.BILLER).post(f"/items/{item}/note", data=note, headers=IN_PANE)
    front = browse(Role.FRONT_DESK)
    assert 'unread">1<' in front.get(QUEUE).text
    page = front.get("/mentions").text
    assert "the family called you" in page
    assert f"/items/{item}" not in page
    assert 'unread">' not in front.get(QUEUE).text


def test_an_item_waits_for_the_owner_of_its_gravest_finding_and_of_equals_the_first() -> None:
    def found(code: str, severity: Severity, owner: Owner) -> Finding:
        return Finding(code, severity, owner, "It does not hold.", "it holds")

    unsigned = found("D1", Severity.BLOCK, Owner.CLINICIAN)
    second = found("D13", Severity.HOLD, Owner.CLINICIAN)
    referral = found("D11", Severity.BLOCK, Owner.FRONT_DESK)
    assert gravest([second, referral]).owner is Owner.FRONT_DESK
    assert gravest([unsigned, referral]).owner is Owner.CLINICIAN


def test_a_closed_item_of_theirs_is_still_found(house: House, browse: Browse) -> None:
    closed = own_move(house, closed_at=datetime.now(UTC), closed_by="re-check passed")
    assert browse(Role.FRONT_DESK).get(f"{QUEUE}/{closed}").status_code == 200
