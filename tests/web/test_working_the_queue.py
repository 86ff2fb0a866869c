"""The desk as pages answer: next, skip, snooze until news, undo, decisions that wait, files, mentions, views."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from billing.vocabulary import Role
from models.store.desk import Ticket, put_item
from models.store.life import record
from models.store.session import practice_session
from models.tables.desk import WorkItemPauseRow, WorkItemSkipRow
from models.tables.life import OutboxRow
from tests.web.conftest import Browse, Decided, House
from web.reads import desk

IN_PANE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#pane"}
QUEUE = "/queues/documentation"


def seen(house: House, item: object, **more: str) -> dict[str, str]:
    return {"version": "1", "owner_seen": "", **more}


def test_next_opens_the_best_item_and_says_so_in_the_address(house: House, browse: Browse) -> None:
    later = house.item(rank_at=datetime(2026, 12, 9, tzinfo=UTC))
    best = house.item(rank_at=datetime(2026, 12, 1, tzinfo=UTC))
    biller = browse(Role.BILLER)
    answer = biller.post(f"{QUEUE}/next", headers=IN_PANE)
    assert answer.headers["HX-Push-Url"] == f"{QUEUE}/{best}"
    assert f'data-item="{best}"' in answer.text
    plain = browse(Role.FRONT_DESK).post("/queues/authorization/next")  # without script: the list, nothing is left
    assert (plain.status_code, plain.headers["Location"]) == (303, "/queues/authorization")
    again = biller.post(f"{QUEUE}/next")
    assert again.headers["Location"] == f"{QUEUE}/{later}"
    nothing = biller.post(f"{QUEUE}/next", headers=IN_PANE)
    assert "Nothing is left for you here" in nothing.text


def test_next_of_all_queues_and_under_a_filter(house: House, browse: Browse) -> None:
    house.item(queue="scrub", rank_at=datetime(2026, 12, 1, tzinfo=UTC), amount=10)
    dear = house.item(queue="scrub", rank_at=datetime(2026, 12, 9, tzinfo=UTC), amount=900)
    supervisor = browse(Role.SUPERVISOR)
    filtered = supervisor.post("/queues/scrub/next?q=amount%3E100")
    assert filtered.headers["Location"].startswith(f"/queues/scrub/{dear}")
    assert browse(Role.BILLER).post("/next").headers["Location"].startswith("/queues/scrub/")


def test_an_item_on_somebodys_screen_names_who_has_it(house: House, browse: Browse) -> None:
    item = house.item()
    browse(Role.BILLER).post(f"{QUEUE}/next", headers=IN_PANE)
    page = browse(Role.SUPERVISOR).get(f"{QUEUE}/{item}").text
    assert "Ana Ruiz is working on it" in page
    assert "/decide" in page  # a supervisor may step in


def test_somebody_elses_item_can_be_looked_at_and_not_acted_on(house: House, browse: Browse) -> None:
    item = house.item(queue="authorization", owner_id=house.users[Role.FRONT_DESK], taken_at=datetime.now(UTC))
    page = browse(Role.BILLER).get(f"/queues/authorization/{item}").text
    assert "Lee Park has it" in page
    assert "You may look, not act" in page
    assert f"/items/{item}/decide" not in page
    assert f"/items/{item}/snooze" not in page


def test_a_skip_is_kept_with_its_reason_and_undone_within_seconds(house: House, browse: Browse) -> None:
    item, other = house.item(), house.item(rank_at=datetime(2027, 1, 1, tzinfo=UTC))
    biller = browse(Role.BILLER)
    answer = biller.post(f"/items/{item}/skip", data={"reason": "needs_call"}, headers=IN_PANE)
    assert f'data-item="{other}"' in answer.text
    action_id = answer.text.partition('name="action_id" value="')[2].partition('"')[0]
    with practice_session(house.engine, house.practice_id) as session:
        kept = session.scalars(select(WorkItemSkipRow).where(WorkItemSkipRow.work_item_id == item)).one()
        assert (kept.reason, kept.undone_at) == ("needs_call", None)
    undone = biller.post(f"/items/{item}/undo", data={"action_id": action_id}, headers=IN_PANE)
    assert "Undone: passed over for today." in undone.text
    other_person = browse(Role.SUPERVISOR).post(f"/items/{item}/undo", data={"action_id": action_id}, headers=IN_PANE)
    assert other_person.status_code == 409


def test_snoozed_until_news_it_wakes_when_that_news_comes_and_its_clock_stood_meanwhile(
    house: House, browse: Browse
) -> None:
    visit = house.encounter()
    item = house.item(encounter_id=visit, subject=f"encounter/{visit}")
    answer = browse(Role.BILLER).post(
        f"/items/{item}/snooze", data=seen(house, item, wakes_on="payer"), headers=IN_PANE
    )
    assert "or until the payer answers" in answer.text
    row = house.read(item)
    assert row.snoozed_until is not None
    fallback = row.snoozed_until - datetime.now(UTC)
    assert timedelta(days=12) < fallback < timedelta(days=15)

    def recheck() -> None:
        with practice_session(house.engine, house.practice_id) as session:
            same = Ticket(
                row.subject,
                row.queue,
                row.kind,
                row.workflow_id,
                row.reason,
                row.clears_when,
                row.whose_move,
                row.amount,
            )
            put_item(session, house.practice_id, same, datetime.now(UTC))

    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(WorkItemPauseRow)).one().waiting_on == "payer"
        record(session, house.practice_id, "encounter.updated", "the chart changed", encounter_id=visit)
    recheck()
    assert house.read(item).snoozed_until is not None  # other news does not wake it
    with practice_session(house.engine, house.practice_id) as session:
        record(session, house.practice_id, "claim.denied", "the payer answered", encounter_id=visit)
    recheck()
    assert house.read(item).snoozed_until is None
    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(WorkItemPauseRow)).one().ended_at is not None


def test_an_empty_queue_says_when_the_next_wakes(house: House, browse: Browse) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for days in (0, 3):
        house.item(snoozed_until=tomorrow + timedelta(days=days))
    page = browse(Role.BILLER).get(QUEUE).text
    assert "2 items snoozed; the next wakes at" in page


@pytest.fixture
def patient_app(app: FastAPI) -> FastAPI:
    """The application as people have it: a decision waits ten seconds."""
    app.state.settings = app.state.settings.model_copy(update={"undo_seconds": 10})
    return app


def decide(item: object, **more: str) -> dict[str, str]:
    form = {"decision": "not_billable", "reason": "courtesy", "version": "1", "command_id": str(uuid4())}
    return form | more


def test_a_decision_waits_is_shown_and_can_be_taken_back(
    patient_app: FastAPI, house: House, browse: Browse, commands: Decided
) -> None:
    visit = house.encounter()
    item = house.item(encounter_id=visit, subject=f"encounter/{visit}", kind="documentation_hold", amount=20)
    biller, form = browse(Role.BILLER), decide(item)
    for _ in range(2):  # a second click is the same decision
        answer = biller.post(f"/items/{item}/decide", data=form, headers=IN_PANE)
        assert answer.status_code == 200
        assert "will be applied at" in answer.text
    with practice_session(house.engine, house.practice_id) as session:
        waiting = session.scalars(select(OutboxRow).where(OutboxRow.signal == f"decide/{item}")).one()
        assert waiting.not_before is not None
    assert commands.asked == []
    others = browse(Role.SUPERVISOR).post(
        f"/items/{item}/undo", data={"command_id": form["command_id"]}, headers=IN_PANE
    )
    assert others.status_code == 409  # somebody else's decision is not theirs to take back
    undone = biller.post(f"/items/{item}/undo", data={"command_id": form["command_id"]}, headers=IN_PANE)
    assert "nothing was applied" in undone.text
    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(OutboxRow).where(OutboxRow.signal == f"decide/{item}")).all() == []


def test_what_can_be_refused_is_refused_at_once_and_what_was_typed_stays(
    patient_app: FastAPI, house: House, browse: Browse
) -> None:
    visit = house.encounter()
    item = house.item(encounter_id=visit, subject=f"encounter/{visit}", kind="documentation_hold", amount=20, version=2)
    answer = browse(Role.BILLER).post(f"/items/{item}/decide", data=decide(item), headers=IN_PANE)
    assert answer.status_code == 409
    assert "changed since you opened it" in answer.text
    assert ">courtesy</textarea>" in answer.text
    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(OutboxRow).where(OutboxRow.signal.startswith("decide"))).all() == []


def test_a_file_is_kept_served_safely_and_taken_away(house: House, browse: Browse) -> None:
    item = house.item()
    biller = browse(Role.BILLER)
    page = b"<html><script>alert(1)</script>"
    refused = biller.post(f"/items/{item}/files", files={"file": ("letter.html", page)}, headers=IN_PANE)
    assert refused.status_code == 409
    assert "no kind of file kept here" in refused.text
    disguised = biller.post(f"/items/{item}/files", files={"file": ("letter.pdf", page)}, headers=IN_PANE)
    assert "not what its name says" in disguised.text
    for said in ("File added.", "there already"):
        added = biller.post(f"/items/{item}/files", files={"file": ("a letter.pdf", b"%PDF-1.4 x")}, headers=IN_PANE)
        assert said in added.text
    href = "/attachments/" + added.text.partition('href="/attachments/')[2].partition('"')[0]
    served = biller.get(href)
    assert served.content == b"%PDF-1.4 x"
    assert served.headers["Content-Disposition"] == "inline; filename*=UTF-8''a%20letter.pdf"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert served.headers["Cache-Control"] == "no-store"
    assert browse(Role.CLINICIAN).get(href).status_code == 404
    assert browse(None).get(href).status_code == 303
    assert "taken away" in biller.post(f"{href}/remove", headers=IN_PANE).text
    assert biller.get(href).status_code == 404


def test_a_file_that_is_too_large_is_refused(house: House, browse: Browse) -> None:
    big = b"%PDF-" + bytes(9 * 1024 * 1024)
    answer = browse(Role.BILLER).post(f"/items/{house.item()}/files", files={"file": ("big.pdf", big)}, headers=IN_PANE)
    assert answer.status_code in (409, 413)


def test_who_is_named_finds_the_note_until_it_was_read(house: House, browse: Browse) -> None:
    item = house.item()
    note = {"note_id": str(uuid4()), "body": "@sam please look; mail me at x@lee.example"}
    browse(Role.BILLER).post(f"/items/{item}/note", data=note, headers=IN_PANE)
    sam = browse(Role.SUPERVISOR)
    assert 'unread">1<' in sam.get(QUEUE).text
    assert "@sam please look" in sam.get("/mentions").text
    assert "@sam" not in browse(Role.FRONT_DESK).get("/mentions").text
    sam.get(f"{QUEUE}/{item}")
    assert 'unread">' not in sam.get(QUEUE).text


def test_a_view_is_kept_without_the_searched_name_for_oneself_or_by_a_supervisor_for_all(
    house: House, browse: Browse
) -> None:
    biller = browse(Role.BILLER)
    kept = biller.post(f"{QUEUE}/views", data={"name": "Dear ones", "q": "amount>100", "text": "kim", "for": "me"})
    assert kept.headers["Location"] == f"{QUEUE}?q=amount%3E100"
    assert "Dear ones" in biller.get(QUEUE).text
    assert "Dear ones" not in browse(Role.SUPERVISOR).get(QUEUE).text
    assert biller.post(f"{QUEUE}/views", data={"name": "All", "for": "team"}).status_code == 409
    browse(Role.SUPERVISOR).post(f"{QUEUE}/views", data={"name": "Team view", "q": "age>5", "for": "team"})
    page = biller.get(QUEUE).text
    assert "Team view" in page
    view_id = page.partition("delete-")[2].partition('"')[0]
    assert biller.post(f"/views/{view_id}/delete").status_code == 303
    assert "Dear ones" not in biller.get(QUEUE).text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("amount>100", "dear"),
        ("amount<100", "cheap"),
        ("owner:me", "cheap"),
        ("owner:nobody", "dear"),
        ("-owner:me", "dear"),
        ("rule:s12", "dear"),
        ("carc:197", "cheap"),
        ("gate:poc", "dear"),
        ("waiting:payer", "cheap"),
        ("age>5", "dear"),
        ("due:overdue", "cheap"),
        ("is:escalated", "dear"),
        ("payer:demonstration,bcbs discipline:pt", "dear"),
        ("site:zzz", ""),
    ],
)
def test_every_term_narrows_the_list(house: House, browse: Browse, asked: str, found: str) -> None:
    visit = house.encounter()
    now = datetime.now(UTC)
    names = {
        house.item(
            queue="scrub",
            encounter_id=visit,
            amount=900,
            reason="The plan of care expired.",
            findings=[{"code": "S12"}],
            opened_at=now - timedelta(days=9),
            escalated=True,
        ): "dear",
        house.item(
            queue="scrub",
            amount=9,
            owner_id=house.users[Role.BILLER],
            taken_at=now,
            findings=[{"code": "CO-197"}],
            whose_move="payer",
            opened_at=now,
            due_at=now - timedelta(days=1),
        ): "cheap",
    }
    page = browse(Role.BILLER).get("/queues/scrub", params={"q": asked}).text
    shown = [name for item, name in names.items() if f'id="row-{item}"' in page]
    assert " ".join(shown) == found


def test_the_rail_counts_as_far_as_it_shows_and_says_so(
    house: House, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "RAIL_COUNT_MAX", 2)
    now = datetime.now(UTC)
    for days in (-1, 1, 1):
        house.item(queue="documentation", due_at=now + timedelta(days=days))
    house.item(queue="documentation", snoozed_until=now + timedelta(days=1))
    for _ in range(2):
        house.item(queue="scrub")
    fresh = browse(Role.BILLER).post("/queues/scrub/fresh", data={"counts": "1"}).text
    rail = fresh.partition('hx-target="#rail"')[2]
    told = dict(re.findall(r"/queues/(\w+)\".*?<span class=\"count\">(\S+?)</span>", rail, re.S))
    assert (told["documentation"], told["scrub"], told["posting"]) == ("2+", "2", "0")
    assert re.findall(r"! (\S+) overdue", rail) == ["1"]
    assert re.findall(r"/queues/(\w+)\" aria-current", rail) == ["scrub"]


def test_a_clinicians_rail_counts_the_own_only(house: House, browse: Browse) -> None:
    house.item(queue="documentation", clinician_id=house.clinician_id)
    house.item(queue="documentation")
    rail = browse(Role.CLINICIAN).post("/queues/documentation/fresh", data={"counts": "1"}).text
    assert re.findall(r"<span class=\"count\">(\S+?)</span>", rail)[0] == "1"


def test_count_dollars_age_and_chips_tell_of_the_same_items(house: House, browse: Browse) -> None:
    now, me = datetime.now(UTC), house.users[Role.BILLER]
    house.item(amount=Decimal("10.00"), opened_at=now - timedelta(days=9), due_at=now - timedelta(days=1))
    house.item(amount=Decimal("20.00"), opened_at=now - timedelta(days=3), owner_id=me)
    house.item(amount=Decimal("70.00"), snoozed_until=now + timedelta(days=1))
    house.item(amount=Decimal("500.00"), closed_at=now)
    biller = browse(Role.BILLER)
    for view, told in {
        "open": "<strong>2 items</strong> · $30.00 · oldest 9 d",
        "mine": "<strong>1 item</strong> · $20.00 · oldest 3 d",
        "snoozed": "<strong>1 item</strong> · $70.00",
    }.items():
        page = biller.get(f"/queues/documentation?view={view}").text
        assert told in page
        chips = re.findall(r">(All open|Mine|Unassigned|Due today|Snoozed) (\d+)</a>", page)
        assert dict(chips) == {"All open": "2", "Mine": "1", "Unassigned": "1", "Due today": "1", "Snoozed": "1"}
