"""The same visit, however often and however many at once, is one visit; what is wrong is named field by field."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

from models.tables.encounters import EncounterRow, EncounterVersionRow
from models.tables.life import OutboxRow
from tests.activities.conftest import Books
from tests.workflows.visits import newer, visit


def test_the_same_version_again_changes_nothing(books: Books) -> None:
    made = visit("INTAKESAME")
    assert [result.status for result in books.send(made, made)] == ["created", "unchanged"]
    reordered = dict(reversed(made.items()))
    assert books.send(reordered)[0].status == "unchanged"
    row = books.visit(made["encounter_id"])
    assert len(books.rows(EncounterVersionRow, EncounterVersionRow.encounter_id == row.id)) == 1


def test_the_same_version_with_other_facts_is_refused(books: Books) -> None:
    made = visit("INTAKEOTHER")
    books.send(made)
    other = newer(made)
    other |= {"version": 1, "cancelled": True}
    [result] = books.send(other)
    assert (result.status, result.errors[0].field) == ("refused", "version")
    assert "higher version" in result.errors[0].message
    assert books.visit(made["encounter_id"]).facts["cancelled"] is False


def test_an_older_version_does_not_step_back(books: Books) -> None:
    made = visit("INTAKEOLDER")
    books.send(made)
    books.send(newer(newer(made)))
    assert books.send(newer(made))[0].status == "unchanged"
    assert books.visit(made["encounter_id"]).version == 3


def test_every_wrong_field_is_named_and_no_value_is_repeated(books: Books) -> None:
    made = visit("INTAKEWRONG")
    made["patient"]["birth_date"] = "Quillfeather"
    made["timing"]["services"][0]["code"] = "9711"
    made["minuets"] = 15
    [result] = books.send(made)
    assert result.status == "refused"
    fields = {error.field for error in result.errors}
    assert {"patient.birth_date", "timing.services.0.code", "minuets"} <= fields
    assert "Quillfeather" not in str(result.errors)


def test_an_unknown_plan_and_clinician_are_named(books: Books) -> None:
    made = visit("INTAKENAMES", plan="lantern-ppo")
    made["administrative"]["coverages"][0]["plan_id"] = "no-such-plan"
    made["compliance"]["rendering_clinician_id"] = "nobody"
    [result] = books.send(made)
    errors = {error.field: error.message for error in result.errors}
    assert "'no-such-plan'" in errors["administrative.coverages.0.plan_id"]
    assert "'nobody'" in errors["compliance.rendering_clinician_id"]


def test_a_bad_visit_does_not_keep_the_others_out(books: Books) -> None:
    good, unstorable = visit("INTAKEGOOD1"), visit("INTAKENULL1")
    unstorable["patient"]["first_name"] = "A\x00B"
    results = books.send("not a visit", unstorable, good)
    assert [result.status for result in results] == ["refused", "refused", "created"]
    [error] = results[1].errors
    assert error.field == "patient.first_name"
    assert "cannot be stored" in error.message


def test_the_same_visit_posted_many_times_at_once_is_created_once(books: Books) -> None:
    made = visit("INTAKECROWD")
    with ThreadPoolExecutor(12) as crowd:
        results = [result for [result] in crowd.map(lambda _: books.send(deepcopy(made)), range(12))]
    assert sorted(result.status for result in results) == ["created"] + ["unchanged"] * 11
    assert len(books.rows(EncounterRow, EncounterRow.external_id == made["encounter_id"])) == 1
    workflow_id = f"encounter/{books.visit(made['encounter_id']).id}"
    assert len(books.rows(OutboxRow, OutboxRow.workflow_id == workflow_id)) == 1
