"""The pages about authorizations: one with everything on it, the horizon of those that end, beside every visit."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from billing.vocabulary import Role, UseBucket
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.practice import PlanTermsRow, PracticeRow
from tests.web.conftest import Browse, House, look_later, move_in
from tests.web.grants import PATIENT, ahead, book, case, draw, grant


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.fixture
def told(house: House) -> dict[str, UUID]:
    """An authorization with a predecessor, a covered visit, two bookings (one beyond), and a case that was sent."""
    visit = house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        row = session.get_one(EncounterRow, visit)
        patient = row.facts["patient"]["patient_id"]
        held = {"plan_id": row.plan_id, "patient_external_id": patient}
        new = grant(session, house, number="AU-NEW", **held)
        old = grant(session, house, number="AU-OLD", status="replaced", replaced_by=new.id, **held)
        draw(session, new, {"encounter_id": visit}, ahead(-3), 1, UseBucket.USED)
        kept = book(session, new, 4)
        draw(session, new, {"booking_id": kept.id}, ahead(4), 1, UseBucket.RESERVED)
        book(session, new, 8, beyond="Nothing is left.")
        sent = case(
            session,
            new,
            state="sent",
            sent_at=datetime.now(UTC),
            answer_due_at=datetime.now(UTC) - timedelta(days=1),
            requested_quantity=Decimal(12),
            requested_unit_of_measure="visits",
            requested_from=ahead(31),
            requested_to=ahead(90),
            documents=[{"name": "Plan of care", "reference": "DOC-7"}],
        )
        ids = {"old": old.id, "new": new.id, "case": sent.id, "visit": visit, "booking": kept.id}
    ids["item"] = house.item(
        queue="authorization",
        kind="authorization_case",
        authorization_case_id=ids["case"],
        reason="Ask for the next one",
    )
    return ids


def test_an_authorization_shows_its_course_ledger_chain_papers_and_visits(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    page = browse(Role.FRONT_DESK).get(f"/authorizations/{told['new']}")
    assert page.status_code == 200
    said = text_of(page.text)
    assert "2 used, 1 reserved, 0 left of 3 visits" in said
    assert "Nothing is left." in said
    assert "1 booked visit beyond it" in said
    assert "AU-OLD" in said
    assert "Plan of care (DOC-7)" in said
    assert "12 visits" in said
    assert "Payer overdue 1 d" in said
    assert "CH-1001" in said
    assert '<svg viewBox="0 0 640 232" role="img"' in page.text
    balances = re.findall(r'<td class="number strong">([^<]*)</td>', page.text)
    assert balances == ["1", "0"], "the running balance after each entry"


def test_the_chain_is_walked_from_every_link(house: House, browse: Browse, told: dict[str, UUID]) -> None:
    for one in ("old", "new"):
        page = browse(Role.BILLER).get(f"/authorizations/{told[one]}").text
        chain = re.findall(r'<a class="button" href="/authorizations/([^"]+)"', page)
        assert chain == [str(told["old"]), str(told["new"])]


def test_beside_a_visit_stand_its_authorizations_the_request_and_what_is_booked(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    said = text_of(browse(Role.BILLER).get(f"/encounters/{told['visit']}").text)
    assert "This visit uses 1 visit of it." in said
    assert "Asked for now" in said
    assert "Beyond the limit" in said
    assert said.index("AU-NEW") < said.index("AU-OLD"), "the one in use comes first"


def test_the_list_says_when_each_runs_out_and_what_lies_beyond(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    said = text_of(browse(Role.FRONT_DESK).get("/authorizations").text)
    assert f"{ahead(4):%m/%d/%Y}" in said
    assert "1 booked beyond" in said
    assert "AU-OLD" not in said
    assert "AU-NEW" in text_of(browse(Role.FRONT_DESK).get("/authorizations?view=low").text)


def test_the_horizon_shows_what_ends_by_week_and_by_day_and_hands_out_the_cases(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        grant(session, house, number="AU-FAR", patient_external_id="P-FAR", effective_to=ahead(200))
        grant(session, house, number="AU-OVER", patient_external_id="P-OVER", effective_to=ahead(-2))
    supervisor = browse(Role.SUPERVISOR)
    page = supervisor.get("/authorizations/horizon").text
    said = text_of(page)
    assert "Over already" in said
    assert "runs out with visit 3" in said
    assert "AU-FAR" not in said
    assert str(told["item"]) in page
    assert f"{ahead(4):%a} {ahead(4):%m/%d/%Y}" in text_of(supervisor.get("/authorizations/horizon?by=day").text)

    word = re.search(rf'value="({told["item"]}:[^"]*)"', page)
    assert word is not None
    wish = {"act": "reassign", "reassign.to": str(house.users[Role.BILLER]), "item": word[1], "queue": "authorization"}
    seen = text_of(supervisor.post("/many/preview", data=wish).text)
    assert "Ask for the next one" in seen
    assert house.read(told["item"]).owner_id is None, "a look beforehand moves nothing"
    done = supervisor.post("/many/apply", data={**wish, "tick": str(told["item"]), "action_id": str(uuid4())})
    assert done.status_code == 303
    assert house.read(told["item"]).owner_id == house.users[Role.BILLER]
    assert "Ana Ruiz" in text_of(supervisor.get("/authorizations/horizon").text)


def test_the_horizon_knows_a_case_that_began_with_a_held_visit(house: House, browse: Browse) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        asked = grant(session, house, number="AU-ASKED", patient_external_id="P-ASKED", effective_to=ahead(3))
        case(session, asked, predecessor_id=None, opened_because="visit", state="sent")
        other = grant(session, house, number="AU-OTHER", patient_external_id="P-OTHER", effective_to=ahead(3))
        case(session, other, predecessor_id=None, opened_because="visit", disciplines=["OT"])
    said = text_of(browse(Role.SUPERVISOR).get("/authorizations/horizon").text)
    assert "2 authorizations, 1 asked for" in said
    assert "should have opened" in said  # the other's day went by, and its OT case asks for something else


def test_an_authorization_is_found_by_number_patient_or_name_in_a_search_that_leaves_no_address(
    house: House, browse: Browse
) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        grant(session, house, number="AU-ONE", patient_external_id="P-ONE")
        grant(session, house, number="BU-TWO", patient_external_id="P-TWO")
    desk = browse(Role.FRONT_DESK)
    for typed in ("au-o", "p-one"):
        found = text_of(desk.post("/authorizations", data={"view": "active", "text": typed}).text)
        assert "AU-ONE" in found
        assert "BU-TWO" not in found
    none = desk.post("/authorizations", data={"view": "active", "text": "100%"}).text
    assert "Look under All, too." in none
    assert 'value="100%"' in none


def test_an_empty_horizon_says_so_and_only_a_supervisor_sees_it(house: House, browse: Browse) -> None:
    assert "Nothing ends within six weeks" in browse(Role.SUPERVISOR).get("/authorizations/horizon").text
    for role in (Role.BILLER, Role.FRONT_DESK, Role.CLINICIAN, Role.AUDITOR):
        assert browse(role).get("/authorizations/horizon").status_code == 403


def test_one_practice_never_sees_anothers_authorizations(house: House, browse: Browse) -> None:
    other = move_in(house.engine, "two")
    with practice_session(other.engine, other.practice_id) as session:
        theirs = grant(session, other, number="AU-THEIRS", effective_to=ahead(2)).id
    assert browse(Role.SUPERVISOR).get(f"/authorizations/{theirs}").status_code == 404
    for address in ("/authorizations?view=all", "/authorizations/horizon"):
        assert "AU-THEIRS" not in browse(Role.SUPERVISOR).get(address).text
    with practice_session(other.engine, other.practice_id) as session:
        assert session.get_one(AuthorizationRow, theirs).patient_external_id == PATIENT


def test_the_pane_of_a_case_shows_the_request_the_payers_clock_and_what_waits(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        visit = session.get_one(EncounterRow, told["visit"])
        visit.stage, visit.held_by = "authorization", "A4"
    address = f"/queues/authorization/{told['item']}"
    said = text_of(browse(Role.FRONT_DESK).get(address).text)
    assert "The request" in said
    assert "Payer overdue 1 d" in said
    assert "12 visits" in said
    assert "held: no authorization covers it" in said
    assert "Nothing is left." in said, "the booking beyond waits too"
    for tab, words in (("uses", "Burn-down"), ("timeline", "Nothing happened yet"), ("authorization", "AU-NEW")):
        assert words in text_of(browse(Role.FRONT_DESK).get(f"{address}?tab={tab}").text)


def test_a_row_of_the_queue_says_where_its_case_stands_and_what_is_left(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    house.item(reason="Another queue", queue="scrub", encounter_id=told["visit"])
    page = browse(Role.BILLER).get("/queues/authorization").text
    row = text_of(page.split('id="rows"')[1].split("</ol>")[0])
    assert f"runs out {ahead(4):%m/%d/%Y}, ends {ahead(30):%m/%d/%Y}" in row
    assert "Sent" in row
    assert "Payer overdue 1 d" in row
    assert 'aria-label="2 used, 1 reserved, 0 left of 3 visits"' in page
    assert 'class="balance' not in browse(Role.BILLER).get("/queues/scrub").text


def test_the_states_of_cases_are_chips_that_find_the_case_and_the_visits_that_wait(
    house: House, browse: Browse, told: dict[str, UUID]
) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        visit = session.get_one(EncounterRow, told["visit"])
        visit.stage, visit.held_by = "authorization", "A4"
    house.item(reason="Held for want of one", queue="authorization", encounter_id=told["visit"])
    house.item(reason="Somebody else's", queue="authorization")
    desk = browse(Role.FRONT_DESK)
    assert "/queues/authorization?q=case%3Asent" in desk.get("/queues/authorization").text
    found = text_of(desk.get("/queues/authorization?q=case%3Asent").text.split('id="rows"')[1])
    assert "Ask for the next one" in found
    assert "Held for want of one" in found
    assert "Somebody else" not in found
    assert "Ask for the next one" not in desk.get("/queues/authorization?q=case%3Adenied").text.split('id="rows"')[1]
    with practice_session(house.engine, house.practice_id) as session:
        session.get_one(WorkItemRow, told["item"]).snoozed_until = datetime.now(UTC) + timedelta(days=3)
    look_later(desk, timedelta(seconds=3))
    assert "/queues/authorization?view=snoozed&amp;q=case%3Asent" in desk.get("/queues/authorization").text


@pytest.fixture
def late(house: House) -> tuple[UUID, UUID]:
    """A visit whose plan wants authorization, and one recorded afterwards that covers its day."""
    visit = house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        for terms in session.scalars(select(PlanTermsRow)):
            terms.terms = {**terms.terms, "authorization_need": "before_evaluation"}
        session.get_one(PracticeRow, house.practice_id).revision += 1
        row = session.get_one(EncounterRow, visit)
        held = {"patient_external_id": row.facts["patient"]["patient_id"], "plan_id": row.plan_id}
        day = row.date_of_service
        span = {"effective_from": day - timedelta(days=9), "effective_to": day + timedelta(days=60)}
        made = grant(session, house, number="AU-LATE", **held, **span).id
    return visit, made


def test_a_late_authorization_is_seen_beforehand_and_confirmed_once(
    house: House, browse: Browse, late: tuple[UUID, UUID]
) -> None:
    visit, made = late
    biller = browse(Role.BILLER)
    page = biller.get(f"/authorizations/{made}/late")
    assert "1 visit goes on" in text_of(page.text)
    assert f'name="visit" value="{visit}" checked' in page.text
    done = text_of(biller.post(f"/authorizations/{made}/late", data={"visit": str(visit)}).text)
    assert "Done: 1 visit goes on." in done
    assert "its next check finds AU-LATE" in done
    with practice_session(house.engine, house.practice_id) as session:
        kinds = session.scalars(select(EventRow.kind).where(EventRow.encounter_id == visit)).all()
    assert "authorization.late_goes_on" in kinds


def test_nothing_ticked_anothers_visit_and_the_front_desk_are_refused(
    house: House, browse: Browse, late: tuple[UUID, UUID]
) -> None:
    _, made = late
    assert "No visit was ticked" in browse(Role.BILLER).post(f"/authorizations/{made}/late", data={}).text
    with practice_session(house.engine, house.practice_id) as session:
        stranger = grant(session, house, number="AU-STRANGER", patient_external_id="P-STRANGER").id
    visit, _ = late
    theirs = browse(Role.BILLER).post(f"/authorizations/{stranger}/late", data={"visit": str(visit)})
    assert theirs.status_code == 404
    assert browse(Role.FRONT_DESK).get(f"/authorizations/{made}/late").status_code == 403
    assert browse(Role.BILLER).get(f"/authorizations/{uuid4()}/late").status_code == 404
    assert "No past visit is changed" in browse(Role.BILLER).get(f"/authorizations/{stranger}/late").text


def test_asking_for_an_extension_leads_to_the_case_and_opens_none_twice(house: House, browse: Browse) -> None:
    visit = house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        row = session.get_one(EncounterRow, visit)
        held = {"patient_external_id": row.facts["patient"]["patient_id"], "plan_id": row.plan_id}
        made = grant(session, house, number="AU-SPENT", **held)
        booking = book(session, made, 3, beyond="Nothing is left.").id
    desk = browse(Role.FRONT_DESK)
    page = desk.get(f"/bookings/{booking}/fork").text
    assert f'action="/bookings/{booking}/extension"' in page
    first = desk.post(f"/bookings/{booking}/extension", data={})
    again = desk.post(f"/encounters/{visit}/extension", data={})
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    where = first.headers["location"]
    assert where.endswith("#decide-extension_requested")
    assert 'id="decide-extension_requested"' in desk.get(where.split("#")[0]).text
    assert browse(Role.AUDITOR).post(f"/bookings/{booking}/extension", data={}).status_code == 403
    assert desk.post(f"/bookings/{uuid4()}/extension", data={}).status_code == 404


def test_a_booking_beyond_a_hard_limit_offers_no_extension_and_says_why(house: House, browse: Browse) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        made = grant(session, house, number="AU-HARD")
        more = {"benefit_excess": "hard_limit", "beyond_benefit": "Beyond the plan's limit: 20 of 20 used."}
        booking = book(session, made, 3, **more).id
    desk = browse(Role.FRONT_DESK)
    page = text_of(desk.get(f"/bookings/{booking}/fork").text)
    assert "The contract excludes payment beyond this limit" in page
    assert "20 of 20 used" in page
    assert "Open the authorization case" not in page
    shown = text_of(desk.get("/authorizations/bookings?view=beyond").text)
    assert "20 of 20 used" in shown
    assert "for an authorization; keep the booking" not in shown, "no payer is asked for what the contract excludes"


def test_a_contract_that_forbids_billing_the_patient_is_not_offered_to_the_front_desk(
    house: House, browse: Browse
) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        for terms in session.scalars(select(PlanTermsRow)):
            terms.terms = {**terms.terms, "patient_may_be_billed_beyond_limit": False}
        session.get_one(PracticeRow, house.practice_id).revision += 1
        made = grant(session, house, number="AU-FORBIDS")
        booking = book(session, made, 3, beyond="Nothing is left.").id
    desk = browse(Role.FRONT_DESK)
    assert "The patient may pay" not in desk.get("/authorizations/bookings").text
    assert "forbids billing the patient" in text_of(desk.get(f"/bookings/{booking}/fork").text)
