"""Every page in its states: with work, without, for each role, and never across practices."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from billing.vocabulary import Queue, Role
from models.store import life
from models.store.session import practice_session
from models.tables.encounters import EncounterRow
from models.tables.life import AuditRow
from models.tables.remittances import (
    RemittanceRow,
)
from tests.web.conftest import Browse, House, move_in
from tests.web.told_life import told_life
from web import app as web_app
from web.routes import Page, asks_for
from web.security import Person, Posted, PostedWatching, Watcher

LIST = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#list"}
PANE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#pane"}
PAGES = ("/", "/encounters", "/authorizations", "/files", "/batches", "/supervisor", "/audit", "/rules")
SEES = {
    Role.BILLER: {"/", "/encounters", "/authorizations", "/files", "/batches", "/rules"},
    Role.SUPERVISOR: set(PAGES),
    Role.CLINICIAN: {"/", "/encounters"},
    Role.FRONT_DESK: {"/", "/encounters", "/authorizations"},
    Role.AUDITOR: {"/", "/encounters", "/authorizations", "/files", "/batches", "/audit", "/rules"},
    Role.ADMINISTRATOR: set(PAGES),
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_pages_and_no_other_empty(house: House, browse: Browse, role: Role) -> None:
    browser = browse(role)
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == (200 if path in SEES[role] else 403), path
    links = set(re.findall(r'<a href="(/[a-z]*)"', browser.get("/").text))
    assert links & set(PAGES) == SEES[role]


@pytest.mark.parametrize("queue", list(Queue))
def test_every_queue_draws_its_empty_states(house: House, browse: Browse, queue: Queue) -> None:
    browser = browse(Role.ADMINISTRATOR)
    for view in ("open", "mine", "unassigned", "due", "snoozed"):
        answer = browser.get(f"/queues/{queue}?view={view}&sort=dollars&payer=none")
        assert answer.status_code == 200
        assert "Nothing fits the filter" in answer.text


def test_a_life_fully_told_on_every_page(house: House, browse: Browse) -> None:
    ids = told_life(house)
    browser = browse(Role.SUPERVISOR)
    item = f"/queues/denials/{ids['item']}"
    expected = {
        item: ("CO-197", "The payer found no authorization.", "may not be billed", "Dear payer"),
        f"{item}?tab=claim": ("97110", "GP KX", "CLM000001", "$124.00"),
        f"{item}?tab=why": ("45 min → 3 units (38-52)", "Two left."),
        f"{item}?tab=money": ("$214.00", "Payer receivable", "CO-197", "prior authorization or notification is absent"),
        f"{item}?tab=authorization": ("PA-1", "2 left of 12 visits"),
        f"{item}?tab=timeline": ("Visit received from chart",),
        f"{item}?tab=files": ("Sent once", "abab", "Accepted", "EFT-77"),
        f"/encounters/{ids['encounter']}": ("Emberquill, Ottilie", "Denial", "Sent once", "97110"),
        f"/authorizations/{ids['authorization']}": ("Used before Firstpass", "Two visits left"),
        "/authorizations?view=low": ("PA-1",),
        f"/files/{ids['file']}": (
            "The payer&#39;s name is missing. (N1*PR)",
            "EFT-77",
            "by control number",
            "1 of 1 posted",
            "2 × Eligibility (271): kept, not worked with",
        ),
        "/files?kind=835": ("era-1.835", "1 problem"),
        f"/batches/{ids['batch']}": ("Sent once", "CLM000001", "999"),
        "/batches": ("000000007.837",),
        f"/appeals/{ids['appeal']}": ("<title>Appeal, level 1</title>", "Dear payer"),
        "/supervisor": ("Nobody yet",),
        "/encounters?stage=denial": ("CH-1001",),
    }
    for path, texts in expected.items():
        answer = browser.get(path)
        assert answer.status_code == 200, path
        for text in texts:
            assert text in answer.text, (path, text)
        assert "style=" not in answer.text, path  # the content security policy forbids it
        assert "onclick" not in answer.text, path


@pytest.mark.parametrize("role", list(Role))
def test_no_role_is_shown_a_link_it_may_not_follow(house: House, browse: Browse, role: Role) -> None:
    ids = told_life(house)
    item = house.item(queue="authorization", encounter_id=ids["encounter"], inbound_file_id=ids["file"])
    browser = browse(role)
    tabs = ("", "?tab=claim", "?tab=money", "?tab=authorization", "?tab=timeline", "?tab=files")
    browse(Role.BILLER).get(f"/authorizations/{ids['authorization']}/late")  # leaves a line in the audit log
    shown = ["/audit", f"/encounters/{ids['encounter']}", *(f"/queues/authorization/{item}{tab}" for tab in tabs)]
    seen = [page.text for page in map(browser.get, shown) if page.status_code == 200]
    links = {link for page in seen for link in re.findall(r'<a [^>]*href="(/[^"#]*)', page)}
    refused = {link for link in links if browser.get(unescape(link)).status_code == 403}
    assert links
    assert not refused


def test_the_pane_alone_and_the_list_alone_are_fragments(house: House, browse: Browse) -> None:
    item = house.item(encounter_id=house.encounter())
    browser = browse(Role.BILLER)
    pane = browser.get(f"/queues/documentation/{item}", headers=PANE)
    assert "<html" not in pane.text
    assert f'data-item="{item}"' in pane.text
    listed = browser.get("/queues/documentation?view=unassigned", headers=LIST)
    assert "<html" not in listed.text
    assert f"row-{item}" in listed.text
    back = browser.get(f"/queues/documentation/{item}", headers={**PANE, "HX-History-Restore-Request": "true"})
    assert "<html" in back.text


def test_rows_say_why_who_when_how_much_and_until_when(house: House, browse: Browse) -> None:
    now = datetime.now(UTC)
    house.item(encounter_id=house.encounter(), due_at=now - timedelta(days=2), opened_at=now - timedelta(days=5))
    row = browse(Role.BILLER).get("/queues/documentation", headers=LIST).text
    for text in ("The note is signed by nobody.", "Emberquill, Ottilie", "11/16/2026", "PT", "$140.00", "5 d"):
        assert text in row
    assert "Overdue 2 d" in row
    assert "<strong>1 item</strong> · $140.00" in row


def test_a_searched_name_never_stands_in_an_address(house: House, browse: Browse) -> None:
    mine = house.item(encounter_id=house.encounter())
    other = house.item()
    browser = browse(Role.BILLER)
    found = browser.post("/queues/documentation/find", data={"text": "emberq", "view": "open"}, headers=LIST)
    assert f"row-{mine}" in found.text
    assert f"row-{other}" not in found.text
    assert found.headers["HX-Push-Url"] == "/queues/documentation"
    assert not re.search(r'(href|action|hx-get|hx-post)="[^"]*emberq', found.text, re.IGNORECASE)
    filtered = browser.post("/queues/documentation/find", data={"text": "", "discipline": "PT"})
    assert (filtered.status_code, filtered.headers["location"]) == (303, "/queues/documentation?discipline=PT")
    assert "CH-1001" in browser.post("/encounters", data={"text": "EMBER"}).text


@pytest.mark.parametrize("sort", ["due", "age", "dollars"])
def test_paging_shows_every_item_once_in_order(house: House, browse: Browse, sort: str) -> None:
    now = datetime.now(UTC)
    made = {
        house.item(
            amount=Decimal(number % 7),
            opened_at=now - timedelta(hours=number % 5),
            due_at=None if number % 3 == 0 else now + timedelta(hours=number % 4),
        )
        for number in range(120)
    }
    browser, seen, path = browse(Role.BILLER), list[str](), f"/queues/documentation?sort={sort}"
    while path:
        page = browser.get(path, headers=LIST).text
        seen += re.findall(r'id="row-([0-9a-f-]{36})"', page)
        more = re.search(r'class="button" href="([^"]+cursor=[^"]+)"', page)
        path = more.group(1).replace("&amp;", "&") if more else ""
    assert len(seen) == 120
    assert {UUID(found) for found in seen} == made


def test_a_clinician_sees_own_holds_only(house: House, browse: Browse) -> None:
    mine, others = house.item(clinician_id=house.clinician_id), house.item()
    browser = browse(Role.CLINICIAN)
    page = browser.get("/queues/documentation").text
    assert f"row-{mine}" in page
    assert f"row-{others}" not in page
    assert browser.get(f"/queues/documentation/{others}").status_code == 404
    assert browser.get("/queues/denials").status_code == 404
    assert browser.post(f"/items/{others}/note", data={"note_id": str(uuid4()), "body": "x"}).status_code == 404


def test_an_auditor_reads_everything_and_acts_on_nothing(house: House, browse: Browse) -> None:
    item = house.item()
    browser = browse(Role.AUDITOR)
    page = browser.get(f"/queues/documentation/{item}").text
    assert "your role is read-only here" in page
    assert f"/items/{item}/" not in page
    for verb in ("take", "release", "snooze", "note", "reassign", "decide"):
        assert browser.post(f"/items/{item}/{verb}", data={"version": "1"}).status_code == 403


def test_a_payment_being_posted_shows_how_far_it_has_come(house: House, browse: Browse) -> None:
    ids = told_life(house)
    browser = browse(Role.BILLER)
    path = f"/files/{ids['file']}"
    assert "/progress" not in browser.get(path).text
    with practice_session(house.engine, house.practice_id) as session:
        payment = session.scalars(select(RemittanceRow)).one()
        payment.status, payment.claim_count = "posting", 20_000
    assert f'hx-get="{path}/progress"' in browser.get(path).text
    progress = browser.get(f"{path}/progress").text
    assert "1 of 20,000 claims" in progress
    assert 'hx-trigger="every 2s"' in progress
    with practice_session(house.engine, house.practice_id) as session:
        session.scalars(select(RemittanceRow)).one().status = "posted"
    done = browser.get(f"{path}/progress").text
    assert "hx-trigger" not in done
    assert f'href="{path}"' in done


def test_one_practice_never_sees_another(house: House, browse: Browse) -> None:
    other = move_in(house.engine, "two")
    ids = told_life(other)
    browser = browse(Role.ADMINISTRATOR)
    theirs = {
        f"/queues/denials/{ids['item']}",
        f"/items/{ids['item']}",
        f"/encounters/{ids['encounter']}",
        f"/authorizations/{ids['authorization']}",
        f"/files/{ids['file']}",
        f"/files/{ids['file']}/progress",
        f"/batches/{ids['batch']}",
    }
    for path in theirs:
        assert browser.get(path).status_code == 404
        assert browse(Role.ADMINISTRATOR, of=other).get(path).status_code in {200, 303}
    for path in (*PAGES, "/queues/denials", "/queues/documentation"):
        assert "Emberquill" not in browser.get(path).text
    assert browser.post(f"/items/{ids['item']}/take", data={"version": "1"}).status_code == 404


def test_looking_at_a_patient_leaves_a_line_in_the_audit_log(house: House, browse: Browse) -> None:
    encounter = house.encounter()
    item = house.item(encounter_id=encounter)
    browser = browse(Role.BILLER)
    browser.get(f"/encounters/{encounter}")
    browser.get(f"/queues/documentation/{item}", headers=PANE)
    with practice_session(house.engine, house.practice_id) as session:
        viewed = session.scalars(select(AuditRow).where(AuditRow.action == "page.viewed")).all()
    assert [(row.actor, row.subject) for row in viewed] == [("biller@one.example", f"encounter/{encounter}")] * 2
    audit = browse(Role.AUDITOR).get("/audit?action=page.viewed")
    assert "nothing was changed or removed" in audit.text
    assert f"/encounters/{encounter}" in audit.text


def test_the_audit_log_names_people_visits_and_acts_not_their_codes(house: House, browse: Browse) -> None:
    encounter, biller = house.encounter(), f"user/{house.users[Role.BILLER]}"
    browse(Role.BILLER).get(f"/encounters/{encounter}")
    with practice_session(house.engine, house.practice_id) as session:
        life.audit(
            session, house.practice_id, biller, "decided.mark_sent", f"work-item/{uuid4()}", {"queue": "denials"}
        )
        number = session.get_one(EncounterRow, encounter).external_id
    auditor = browse(Role.AUDITOR)
    log = auditor.get("/audit?actor=biller@one.example").text
    for told in ("Decided: mark sent", "Page: viewed", f"Visit {number}"):
        assert told in log
    cells = re.sub(r"<[^>]*>", " ", log)
    assert biller not in cells
    assert str(encounter) not in cells


def test_errors_speak_and_quote_nothing(
    browse: Browse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    browser = browse(Role.BILLER)
    assert "There is nothing here" in browser.get("/no-such-page").text
    assert browser.get("/encounters/not-an-id").status_code == 404
    assert browser.get("/items/take").status_code == 404

    def breaks(*_: object) -> None:
        raise RuntimeError("Emberquill, Ottilie")

    monkeypatch.setattr("web.reads.items.visible_item", breaks)
    answer = browser.get(f"/items/{uuid4()}")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "Emberquill" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "Emberquill" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_every_page_wants_a_log_in_and_every_posting_page_a_form_token() -> None:
    posting = []
    for module in web_app.PAGES:
        for route in module.router.routes:
            assert isinstance(route, Page), module
            asked = route.asked
            assert asks_for(asked, Person, Watcher) or route.path == "/login", route.path
            if "POST" in (route.methods or ()) and route.path != "/login":
                posting.append(route.path)
                checks_itself = route.path == "/items/{item_id}/files"  # its form comes with a file
                assert asks_for(asked, Posted, PostedWatching) or checks_itself, route.path
    assert len(posting) > 40


def test_a_file_is_refused_without_the_form_token(browse: Browse, house: House) -> None:
    browser = browse(Role.BILLER)
    del browser.headers["X-CSRF-Token"]
    answer = browser.post(f"/items/{uuid4()}/files", files={"file": ("a.pdf", b"%PDF-")})
    assert answer.status_code == 403
    assert "not made for your session" in answer.text


def test_an_endpoint_outside_a_page_router_is_told_no_viewer(app: FastAPI, browse: Browse) -> None:
    @app.get("/outside")
    def outside(viewer: Person) -> str:
        return viewer.name

    assert browse(Role.ADMINISTRATOR).get("/outside").status_code == 500


def test_a_text_that_cannot_be_kept_is_refused_with_a_sentence(house: House, browse: Browse) -> None:
    item = house.item(queue="scrub", encounter_id=house.encounter())
    form = {"note_id": str(uuid4()), "body": "A\0B"}
    for address in (f"/items/{item}/note", "/batches"):
        answer = browse(Role.BILLER).post(address, data=form | {"text": "A\0B"})
        assert answer.status_code == 422
        assert "NUL character" in answer.text


def test_health(browse: Browse) -> None:
    assert browse(None).get("/healthz").text == "ok"
    assert browse(None).get("/readyz").json() == {"database": True, "temporal": True}
