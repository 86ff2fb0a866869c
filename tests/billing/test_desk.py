"""The desk's catalog: every queue has decisions, every decision somebody who may take it."""

from decimal import Decimal

import pytest

from billing.desk import (
    APPEAL_TO_SEND,
    AUTHORIZATION_CASE,
    CHART_CHANGED,
    QUEUES,
    decision,
    decisions,
    may_write_off,
    rights,
)
from billing.vocabulary import Queue, Role

KEYS = [
    (Queue.DOCUMENTATION, "", {"not_billable", "override"}),
    (
        Queue.AUTHORIZATION,
        "",
        {"record_authorization", "link_authorization", "none_needed", "exceed_limit", "patient_pay", "write_off"},
    ),
    (
        Queue.AUTHORIZATION,
        AUTHORIZATION_CASE,
        {
            "start_packet",
            "mark_sent",
            "information_asked",
            "extension_requested",
            "record_answer",
            "link_authorization",
            "none_needed",
            "patient_pay",
            "not_continuing",
            "escalate",
        },
    ),
    (Queue.SCRUB, "", {"override", "not_billable"}),
    (Queue.SCRUB, CHART_CHANGED, {"correct_claim", "keep_claim"}),
    (Queue.REJECTIONS, "", {"resubmit", "write_off"}),
    (Queue.FOLLOW_UP, "", {"resubmit", "keep_waiting", "write_off"}),
    (Queue.FOLLOW_UP, "underpayment", {"accept_payment", "keep_waiting"}),
    (Queue.POSTING, "", {"dismiss"}),
    (Queue.POSTING, "unbalanced_remittance", {"post_anyway", "dismiss"}),
    (Queue.POSTING, "unmatched_claim", {"match_claim", "dismiss"}),
    (Queue.PATIENT_BALANCE, "credit_balance", {"refund"}),
    (Queue.DENIALS, "", {"correct", "appeal", "write_off", "bill_patient"}),
    (Queue.DENIALS, APPEAL_TO_SEND, {"appeal_sent", "appeal_dropped"}),
    (Queue.PATIENT_BALANCE, "", {"record_payment", "write_off", "statement_sent"}),
]


@pytest.mark.parametrize(("queue", "kind", "keys"), KEYS)
def test_decisions_of_each_queue(queue: Queue, kind: str, keys: set[str]) -> None:
    offered = decisions(queue, kind)
    assert {one.key for one in offered} == keys
    for one in offered:
        assert one.effect.endswith(".")
        assert one.roles
        assert decision(queue, kind, one.key) == one


def test_every_queue_says_what_it_is_for() -> None:
    assert set(QUEUES) == set(Queue)
    assert all(info.title and info.purpose.endswith(".") for info in QUEUES.values())
    assert decision(Queue.SCRUB, "", "write_off") is None


def test_fields_of_the_decisions_that_need_facts() -> None:
    recorded = decision(Queue.AUTHORIZATION, "", "record_authorization")
    assert recorded is not None
    assert recorded.fields == ("number", "quantity", "effective_from", "effective_to")
    assert Role.FRONT_DESK in recorded.roles
    corrected = decision(Queue.DENIALS, "", "correct")
    assert corrected is not None
    assert "authorization_number" in corrected.optional


def test_rights() -> None:
    assert rights(Role.CLINICIAN) == {"holds.own"}
    assert "desk.reassign" not in rights(Role.BILLER)
    assert rights(Role.AUDITOR) == {"audit.read", "rules.read"}
    assert "admin" in rights(Role.ADMINISTRATOR)
    assert all(rights(role) for role in Role)


@pytest.mark.parametrize(
    ("role", "amount", "allowed"),
    [
        (Role.BILLER, "50.00", True),
        (Role.BILLER, "50.01", False),
        (Role.SUPERVISOR, "5000.00", True),
        (Role.FRONT_DESK, "1.00", False),
        (Role.CLINICIAN, "1.00", False),
    ],
)
def test_writing_off(role: Role, amount: str, allowed: bool) -> None:
    assert may_write_off(role, Decimal(amount)) is allowed
