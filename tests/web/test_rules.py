"""The practice's own rules on the screen: written, tried, approved by somebody else, published, retired."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update

from activities import practice_rules
from activities.decisions import DecisionActivities
from activities.encounters import EncounterActivities
from billing.practice_rules import RulesFile
from billing.vocabulary import Role
from models.messages import Decision, LookAtEncounter
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.claims import ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.life import AuditRow, OutboxRow
from models.tables.rules import PracticeRuleRow
from tests.web.conftest import Browse, House, move_in

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "rules.json"
MESSAGE = "Ask the front desk about the new card"
GOOD = {
    "is_new": "yes",
    "name": "New cards of November",
    "rule_id": "new-cards",
    "why": "The payer sent new cards to everybody in November.",
    "effective_from": "2026-01-01",
    "priority": "100",
    "when": 'visit.discipline == "PT" && claim.units > 1',
    "disciplines": "PT",
    "action-0-kind": "hold",
    "action-0-queue": "scrub",
    "action-0-owner": "front_desk",
    "action-0-message": MESSAGE,
    "action-0-overridable": "yes",
    "test-0-name": "A visit of two codes waits",
    "test-0-held_in": "scrub",
    "test-0-lines": "97110 GP x2",
    "do": "save",
}


def rows(house: House) -> list[PracticeRuleRow]:
    with practice_session(house.engine, house.practice_id) as session:
        return list(session.scalars(select(PracticeRuleRow).order_by(PracticeRuleRow.version)))


def actions(house: House) -> list[tuple[str, str]]:
    with practice_session(house.engine, house.practice_id) as session:
        found = session.execute(select(AuditRow.actor, AuditRow.action).order_by(AuditRow.id))
        return [(actor, action) for actor, action in found if action.startswith("rule.")]


def look(house: House, encounter_id: Any) -> str:
    asked = LookAtEncounter(practice_id=house.practice_id, encounter_id=encounter_id, now=datetime.now(UTC))
    return EncounterActivities(house.engine, 0.1).check_gates(asked).outcome


def item_of(house: House, encounter_id: Any) -> WorkItemRow | None:
    with practice_session(house.engine, house.practice_id) as session:
        return session.scalars(
            select(WorkItemRow).where(WorkItemRow.encounter_id == encounter_id, WorkItemRow.closed_at.is_(None))
        ).one_or_none()


def save(browse: Browse, role: Role = Role.BILLER, **changes: Any) -> Any:
    return browse(role).post("/rules/own/save", data={**GOOD, **changes})


def published(house: House, browse: Browse) -> None:
    assert save(browse).status_code == 303
    supervisor = browse(Role.SUPERVISOR)
    assert supervisor.post("/rules/own/new-cards/1/approve").status_code == 200
    assert supervisor.post("/rules/own/new-cards/1/publish").status_code == 200


def next_version(house: House, browse: Browse, **changes: Any) -> None:
    """Version 2, published in place of the first."""
    seen = rows(house)[0].updated_at.isoformat()
    assert save(browse, is_new="no", seen=seen, **changes).status_code == 303
    supervisor = browse(Role.SUPERVISOR)
    assert supervisor.post("/rules/own/new-cards/2/approve").status_code == 200
    assert "Version 2 is published." in supervisor.post("/rules/own/new-cards/2/publish").text


def test_from_draft_to_retired_and_a_visit_in_between(house: House, browse: Browse) -> None:
    before = house.encounter("CH-1")
    assert look(house, before) == "clear"
    biller, supervisor = browse(Role.BILLER), browse(Role.SUPERVISOR)

    assert save(browse).headers["location"] == "/rules/own/new-cards?said=saved"
    tried = biller.post("/rules/own/new-cards/1/try", data={"try_visit": "CH-1"}).text
    assert "Matched" in tried
    assert MESSAGE in tried
    assert "held in scrub" in tried
    assert item_of(house, before) is None  # trying changes nothing

    assert "Passes" in supervisor.get("/rules/own/new-cards").text
    assert supervisor.post("/rules/own/new-cards/1/publish").status_code == 409  # not approved yet
    assert supervisor.post("/rules/own/new-cards/1/approve").status_code == 200
    assert "Version 1 is published." in supervisor.post("/rules/own/new-cards/1/publish").text

    after = house.encounter("CH-2", patient={**_patient(), "patient_id": "P-2"})
    assert look(house, after) == "held"
    item = item_of(house, after)
    assert item is not None
    assert (item.queue, item.whose_move) == ("scrub", "front_desk")
    assert MESSAGE in item.reason
    why = biller.get(f"/encounters/{after}").text
    assert "Rule new-cards" in why
    assert "version 1: holds in scrub" in why
    assert "visit.discipline = PT" in why
    listed = biller.get("/rules/own").text
    assert "Published" in listed
    assert ">1</td><td>Sam Okafor" in listed  # one visit matched; who

    gone = supervisor.post("/rules/own/new-cards/1/retire", data={"why": "the cards are all in"})
    assert "1 held visits and 1 claims not yet sent are being checked again." in gone.text
    with practice_session(house.engine, house.practice_id) as session:
        assert session.scalars(select(OutboxRow.signal).where(OutboxRow.workflow_id == f"encounter/{after}")).all()
    assert look(house, after) == "clear"
    assert actions(house) == [
        ("biller@one.example", "rule.drafted"),
        ("supervisor@one.example", "rule.approved"),
        ("supervisor@one.example", "rule.published"),
        ("supervisor@one.example", "rule.retired"),
    ]


def claim_look(house: House, encounter_id: Any) -> str:
    reference = LookAtEncounter(practice_id=house.practice_id, encounter_id=encounter_id, now=datetime.now(UTC))
    return EncounterActivities(house.engine, 1).check_claim(reference).outcome


def claim_states(house: House, encounter_id: Any) -> list[str]:
    with practice_session(house.engine, house.practice_id) as session:
        wanted = select(ClaimVersionRow.status).where(ClaimVersionRow.encounter_id == encounter_id)
        return list(session.scalars(wanted.order_by(ClaimVersionRow.version)))


def told(house: House, encounter_id: Any) -> int:
    with practice_session(house.engine, house.practice_id) as session:
        wanted = select(OutboxRow).where(
            OutboxRow.workflow_id == f"encounter/{encounter_id}", OutboxRow.signal == "recheck"
        )
        return len(session.scalars(wanted).all())


def test_a_claim_not_yet_sent_is_judged_anew_when_rules_change_and_a_sent_one_is_not(
    house: House, browse: Browse
) -> None:
    unsent, sent = house.encounter("CH-1"), house.encounter("CH-2", patient={**_patient(), "patient_id": "P-2"})
    assert [look(house, unsent), look(house, sent)] == ["clear", "clear"]
    with practice_session(house.engine, house.practice_id) as session:
        session.execute(
            update(ClaimVersionRow)
            .where(ClaimVersionRow.encounter_id == sent)
            .values(status="sent", sent_at=func.now())
        )
    before = told(house, unsent), told(house, sent)
    published(house, browse)
    assert (told(house, unsent), told(house, sent)) == (before[0] + 1, before[1])

    assert [claim_look(house, unsent), claim_look(house, sent)] == ["to_gates", "waiting"]
    assert look(house, unsent) == "held"
    assert [claim_states(house, unsent), claim_states(house, sent)] == [["refiling"], ["sent"]]

    browse(Role.SUPERVISOR).post("/rules/own/new-cards/1/retire", data={"why": "the cards are all in"})
    assert look(house, unsent) == "clear"
    assert claim_states(house, unsent) == ["superseded", "ready"]
    assert claim_look(house, unsent) == "waiting"


def test_a_rule_that_changes_nothing_leaves_the_unsent_claim_as_it_is(house: House, browse: Browse) -> None:
    visit = house.encounter("CH-1")
    assert look(house, visit) == "clear"
    published(house, browse)
    next_version(house, browse, when="patient.age > 200", **{"test-0-held_in": "", "test-0-matched": "no"})
    assert claim_look(house, visit) == "waiting"
    assert claim_states(house, visit) == ["ready"]
    with practice_session(house.engine, house.practice_id) as session:
        newest = session.scalars(
            select(EvaluationRow.trace)
            .where(EvaluationRow.encounter_id == visit)
            .order_by(EvaluationRow.created_at.desc())
        ).first()
    assert newest is not None
    assert [(one["rule"], one["version"], one["matched"]) for one in newest["practice_rules"]] == [
        ("new-cards", 2, False)
    ]


def test_what_was_overridden_of_one_version_is_asked_anew_by_the_next(house: House, browse: Browse) -> None:
    published(house, browse)
    visit = house.encounter("CH-1")
    assert look(house, visit) == "held"
    item = item_of(house, visit)
    assert item is not None
    with practice_session(house.engine, house.practice_id) as session:
        user = session.scalars(select(UserRow).where(UserRow.role == Role.BILLER.value)).one()
        decided = DecisionActivities(house.engine).apply_decision(
            Decision(
                practice_id=house.practice_id,
                work_item_id=item.id,
                decision="override",
                command_id=uuid4(),
                user_id=user.id,
                reason="the card was seen",
                seen_version=item.version,
            )
        )
    assert "R:new-cards" in decided.message
    assert look(house, visit) == "clear"
    next_version(house, browse, why="The cards of December.")
    assert claim_look(house, visit) == "to_gates"
    assert look(house, visit) == "held"


def test_rules_of_a_file_have_the_file_as_author_and_anybody_with_the_right_approves(
    house: House, browse: Browse
) -> None:
    shipped = RulesFile.model_validate_json(EXAMPLES.read_text()).rules
    with practice_session(house.engine, house.practice_id) as session:
        practice_rules.load_drafts(session, house.practice_id, shipped[:1], "manual.json")
    [row] = rows(house)
    assert (row.author, row.author_id) == ("imported from file manual.json", None)
    assert "imported from file manual.json" in browse(Role.BILLER).get(f"/rules/own/{row.rule_id}").text
    assert browse(Role.SUPERVISOR).post(f"/rules/own/{row.rule_id}/1/approve").status_code == 200


def _patient() -> dict[str, Any]:
    return {
        "patient_id": "P-1",
        "first_name": "Ottilie",
        "last_name": "Emberquill",
        "birth_date": "1951-04-09",
        "sex": "F",
        "address": {"line1": "12 Sampler Lane", "city": "Austin", "state": "TX", "postal_code": "78704"},
    }


def test_nobody_approves_the_own_draft(house: House, browse: Browse) -> None:
    save(browse, Role.SUPERVISOR)
    supervisor = browse(Role.SUPERVISOR)
    assert "Somebody else has to approve your draft." in supervisor.get("/rules/own/new-cards").text
    refused = supervisor.post("/rules/own/new-cards/1/approve")
    assert refused.status_code == 409
    assert "somebody else has to approve it" in refused.text
    assert rows(house)[0].state == "draft"


def test_a_change_after_approval_needs_approval_again(house: House, browse: Browse) -> None:
    save(browse)
    supervisor, biller = browse(Role.SUPERVISOR), browse(Role.BILLER)
    supervisor.post("/rules/own/new-cards/1/approve")
    seen = rows(house)[0].updated_at.isoformat()
    assert save(browse, is_new="no", seen=seen, why="Changed my mind.").status_code == 303
    [row] = rows(house)
    assert (row.state, row.approver, row.version) == ("draft", None, 1)
    stale = save(browse, is_new="no", seen=seen)
    assert stale.status_code == 422
    assert "Somebody changed this rule" in stale.text
    assert biller.post("/rules/own/new-cards/1/approve").status_code == 403


def test_a_new_version_replaces_the_one_before_it(house: House, browse: Browse) -> None:
    published(house, browse)
    seen = rows(house)[0].updated_at.isoformat()
    assert save(browse, is_new="no", seen=seen, priority="7").status_code == 303
    assert [(row.version, row.state) for row in rows(house)] == [(1, "published"), (2, "draft")]
    assert "version 1 in use" in browse(Role.AUDITOR).get("/rules/own").text
    administrator = browse(Role.ADMINISTRATOR)
    administrator.post("/rules/own/new-cards/2/approve")
    administrator.post("/rules/own/new-cards/2/publish")
    assert [(row.version, row.state) for row in rows(house)] == [(1, "retired"), (2, "published")]
    assert rows(house)[0].retired_why == "replaced by version 2"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"when": "claim.units >"}, "Line 1, character 14: it ends too early"),
        ({"when": "claim.unit > 1"}, "Did you mean claim.units?"),
        ({"name": ""}, "Name: is missing or too short"),
        ({"effective_from": "soon"}, "First day: is not a date"),
        ({"effective_to": "2025-01-01"}, "the last day is before the first day"),
        ({"action-0-kind": ""}, "Actions: is missing"),
        ({"action-0-message": ""}, "Action 1, message: is missing"),
        ({"test-0-visit": "{no"}, "this is not JSON"),
        ({"test-0-facts": "note.goals"}, "as field = value"),
        ({"rule_id": "Not Good"}, "small letters, digits and hyphens"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_nothing_typed_is_lost(
    house: House, browse: Browse, changes: dict[str, Any], said: str
) -> None:
    answer = save(browse, Role.BILLER, **changes)
    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'").replace("&gt;", ">")
    assert "A visit of two codes waits" in answer.text
    assert rows(house) == []


def test_the_form_tests_tries_and_grows_without_saving(house: House, browse: Browse) -> None:
    house.encounter("CH-1")
    tested = save(browse, Role.BILLER, do="test", **{"test-1-name": "Hopes too much", "test-1-lines": "97110 GP x9"})
    assert tested.text.count("Passes") == 1
    assert "no line 97110 GP x9 among" in tested.text
    tried = save(browse, do="try", try_visit="CH-1", when="lines[8].units > 1")
    assert "rule could not be evaluated: it asks for an entry the list does not have" in tried.text
    assert "There is no visit of that number" in save(browse, do="try", try_visit="nowhere").text
    more = save(browse, do="more")
    assert 'name="action-3-kind"' in more.text
    assert MESSAGE in more.text
    assert rows(house) == []


def test_a_rule_with_failing_or_no_tests_is_not_published(house: House, browse: Browse) -> None:
    supervisor = browse(Role.SUPERVISOR)
    for number, (changes, said) in enumerate(
        [({"test-0-name": ""}, "no test case"), ({"test-0-lines": "97110 GP x9"}, "1 of 1 test cases fail")]
    ):
        name = f"unproven-{number}"
        assert save(browse, Role.BILLER, rule_id=name, **changes).status_code == 303
        supervisor.post(f"/rules/own/{name}/1/approve")
        refused = supervisor.post(f"/rules/own/{name}/1/publish")
        assert refused.status_code == 409
        assert said in refused.text


@pytest.mark.parametrize("role", list(Role))
def test_who_may_see_write_and_approve(house: House, browse: Browse, role: Role) -> None:
    save(browse)
    client = browse(role)
    sees = role not in (Role.CLINICIAN, Role.FRONT_DESK)
    writes = role in (Role.BILLER, Role.SUPERVISOR, Role.ADMINISTRATOR)
    assert client.get("/rules/own").status_code == (200 if sees else 403)
    assert client.get("/rules/own/new-cards").status_code == (200 if sees else 403)
    assert client.get("/rules/own/new").status_code == (200 if writes else 403)
    assert client.get("/rules/own/new-cards/edit").status_code == (200 if writes else 403)
    assert client.get("/rules/own/nothing").status_code == (404 if sees else 403)
    approves = role in (Role.SUPERVISOR, Role.ADMINISTRATOR)
    assert client.post("/rules/own/new-cards/1/approve").status_code == (200 if approves else 403)


def test_one_practice_never_sees_anothers_rules(house: House, browse: Browse) -> None:
    published(house, browse)
    other = move_in(house.engine, "two")
    assert "new-cards" not in browse(Role.SUPERVISOR, of=other).get("/rules/own").text
    assert browse(Role.SUPERVISOR, of=other).get("/rules/own/new-cards").status_code == 404
    assert look(other, other.encounter("CH-1")) == "clear"
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM practice_rules")) == 0


def test_the_worked_examples_load_once_as_drafts_and_open_in_the_form(house: House, browse: Browse) -> None:
    shipped = RulesFile.model_validate_json(EXAMPLES.read_text()).rules
    with practice_session(house.engine, house.practice_id) as session:
        assert practice_rules.load_drafts(session, house.practice_id, shipped, "rules.json") == (10, [])
    with practice_session(house.engine, house.practice_id) as session:
        assert practice_rules.load_drafts(session, house.practice_id, shipped, "rules.json") == (0, [])
    assert {row.state for row in rows(house)} == {"draft"}
    biller = browse(Role.BILLER)
    for rule in shipped:
        assert "Fails" not in biller.get(f"/rules/own/{rule.rule_id}").text
        assert rule.actions[0].kind in biller.get(f"/rules/own/{rule.rule_id}/edit").text


def test_a_kept_rule_of_an_earlier_form_holds_claims_and_can_be_retired(
    house: House, browse: Browse, owner_engine: Any
) -> None:
    published(house, browse)
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE practice_rules SET body = jsonb_set(body, '{when}', '\"claim.gone > 1\"')"))
        connection.execute(text("UPDATE practices SET revision = revision + 1"))
    visit = house.encounter("CH-1")
    assert look(house, visit) == "held"
    item = item_of(house, visit)
    assert item is not None
    assert item.whose_move == "supervisor"
    assert item.reason.startswith("rule could not be evaluated: New cards of November (There is no field claim.gone.")
    with practice_session(house.engine, house.practice_id) as session:
        [trace] = session.scalars(select(EvaluationRow.trace)).all()
        assert session.get_one(EncounterRow, visit).held_by == "R:new-cards"
    assert trace["practice_rules"][0]["error"]
    browse(Role.SUPERVISOR).post("/rules/own/new-cards/1/retire", data={"why": "broken"})
    assert look(house, visit) == "clear"
