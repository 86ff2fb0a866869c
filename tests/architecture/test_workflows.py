"""What the import contracts cannot see: names across Temporal, and that nobody's name ever gets there."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any, get_args, get_origin
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from temporalio import activity

from activities import catalog
from activities.catalog import Wiring
from models import ids, messages
from models.messages import Decision, Message
from tests.histories.recorder import HERE, readable
from workflows.catalog import ALL_WORKFLOWS

ROOT = Path(__file__).parents[2]
ID_LIKE = (UUID,)
PLAIN = {"datetime", "date", "int", "float", "bool", "NoneType", "UUID"}
WORDS = {  # text fields that carry a word of ours, never a fact about a person
    "GateVerdict.outcome",
    "ClaimProgress.outcome",
    "BalanceProgress.outcome",
    "Outcome.closed_as",
    "AuthorizationProgress.ended",
    "AuthorizationCaseProgress.ended",
    "NoticeProgress.outcome",
    "ConnectionRef.connection",
    "Decision.decision",
}
TYPED_BY_A_PERSON = {"Decision.reason", "Decision.fields", "DecisionOutcome.message"}  # sealed like all payloads


def _activities() -> set[str]:
    wiring: Any = Wiring(None, None, None, 0.0, "T")  # type: ignore[arg-type]  # nothing of it is called
    made = (*catalog.inside(wiring), *catalog.outside(wiring))
    definitions = [activity._Definition.must_from_callable(method) for method in made]
    return {str(definition.name) for definition in definitions}


def _referenced() -> set[str]:
    """Every `SomethingActivities.some_method` in the workflows."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "workflows").glob("*.py")]
    named = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in named if isinstance(node.value, ast.Name) and node.value.id.endswith("Activities")}


def test_every_activity_a_workflow_asks_for_is_in_the_catalog_and_none_is_there_for_nobody() -> None:
    assert _referenced() == _activities()


def test_every_workflow_is_in_the_catalog() -> None:
    written = set()
    for path in (ROOT / "workflows").glob("*.py"):
        written |= set(re.findall(r"@workflow\.defn\nclass (\w+)", path.read_text()))
    assert {workflow.__name__ for workflow in ALL_WORKFLOWS} == written


def _all_messages() -> list[type[BaseModel]]:
    return [
        member
        for _, member in inspect.getmembers(messages, inspect.isclass)
        if issubclass(member, Message) and member is not Message
    ]


@pytest.mark.parametrize("message", _all_messages(), ids=lambda message: message.__name__)
def test_messages_carry_ids_instants_and_decisions_only(message: type[BaseModel]) -> None:
    for name, field in message.model_fields.items():
        kinds = get_args(field.annotation) if get_origin(field.annotation) else (field.annotation,)
        full = f"{message.__name__}.{name}"
        if full in WORDS | TYPED_BY_A_PERSON:
            continue
        assert {kind.__name__ for kind in kinds} <= PLAIN, f"{full} could carry a fact about a person"
        assert not re.search(r"name|member|birth|note|diagnos|address|phone|email", name), full


def test_the_only_free_text_comes_with_a_decision() -> None:
    assert {"reason", "fields"} <= set(Decision.model_fields)
    takers = {message.__name__ for message in _all_messages() if "reason" in message.model_fields}
    assert takers == {"Decision"}


def test_workflow_ids_are_made_of_opaque_ids() -> None:
    made = [
        ids.encounter_workflow_id(uuid4(), 2),
        ids.authorization_workflow_id(uuid4()),
        ids.authorization_case_workflow_id(uuid4()),
        ids.batch_workflow_id(uuid4(), "clearinghouse"),
        ids.inbox_workflow_id(uuid4(), "clearinghouse"),
        ids.file_workflow_id(uuid4()),
        ids.reconcile_workflow_id(),
    ]
    opaque = re.compile(r"^(reconcile|[a-z-]+/[0-9a-f-]{36}(/[a-z0-9-]+)?)$")
    assert all(opaque.match(one) for one in made)
    for function in (ids.encounter_workflow_id, ids.authorization_workflow_id, ids.file_workflow_id):
        first = next(iter(inspect.signature(function).parameters.values()))
        assert first.annotation in ID_LIKE


def test_recorded_histories_hold_no_readable_fact() -> None:
    """The payloads are sealed: not one word of a patient, a member id or a sentence can be read in them."""
    recorded = sorted(HERE.glob("*/*.json"))
    assert recorded
    for path in recorded:
        seen = readable(path.read_text())
        for word in ("Quillfeather", "quillfeather", "member_id", "Strength improved", "FINDME", "P-000"):
            assert word not in seen, f"{path.name} tells {word}"
