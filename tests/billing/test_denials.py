"""Denials: every code of the table, what remarks change, who may be billed, and what a person may decide."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.denials import (
    AUTO_POST,
    CATEGORY_OF_CAUSE,
    REASONS,
    REMARKS,
    Path,
    assess,
    explain_carc,
    explain_group,
    explain_rarc,
)
from billing.vocabulary import DenialCategory

FULL = Decimal("100.00")


def of(*adjustments: str, remarks: Sequence[str] = (), replaces: bool = True) -> tuple[bool, str, str, bool, str]:
    parsed = [(group, code, FULL) for group, code in (text.split("-") for text in adjustments)]
    answer = assess(parsed, remarks, replaces)
    return (
        answer.is_denial,
        answer.category.value,
        answer.path.value,
        answer.patient_may_be_billed,
        " ".join(answer.decisions),
    )


CASES = [
    (("CO-197",), (), "authorization", "retro_authorization", False, "correct appeal write_off"),
    (("CO-198",), (), "authorization", "retro_authorization", False, "correct appeal write_off"),
    (("CO-50",), (), "medical_necessity", "appeal", False, "appeal write_off"),
    (("PR-50",), (), "medical_necessity", "appeal", True, "appeal write_off bill_patient"),
    (("CO-4",), (), "coding", "replacement", False, "correct appeal write_off"),
    (("CO-16",), (), "technical", "new_claim", False, "correct appeal write_off"),
    (("CO-16",), ("MA130",), "technical", "new_claim", False, "correct write_off"),
    (("CO-16",), ("M127",), "documentation", "send_records", False, "correct appeal write_off"),
    (("CO-16",), ("N822",), "coding", "new_claim", False, "correct appeal write_off"),
    (("CO-16",), ("M62",), "authorization", "new_claim", False, "correct appeal write_off"),
    (("CO-4",), ("N185",), "coding", "replacement", False, "appeal write_off"),
    (("CO-50",), ("MA44",), "medical_necessity", "appeal", False, "write_off"),
    (("CO-96",), ("N115",), "medical_necessity", "appeal", False, "correct appeal write_off"),
    (("CO-236",), (), "coding", "replacement", False, "correct appeal write_off"),
    (("PR-236",), (), "coding", "replacement", False, "correct appeal write_off"),
    (("PR-97",), (), "coding", "replacement", False, "correct appeal write_off"),
    (("PR-204",), (), "eligibility", "bill_patient", True, "write_off bill_patient"),
    (("PR-27",), (), "eligibility", "verify_coverage", True, "correct appeal write_off bill_patient"),
    (("CO-29",), (), "technical", "appeal", False, "appeal write_off"),
    (("CO-22",), (), "eligibility", "fix_coordination", False, "correct appeal write_off"),
    (("OA-133",), (), "technical", "wait", False, "write_off"),
    (("PR-119",), (), "eligibility", "replacement", True, "correct appeal write_off bill_patient"),
    (("CO-151",), ("N362",), "coding", "replacement", False, "correct appeal write_off"),
    (("CO-999",), (), "technical", "replacement", False, "correct appeal write_off"),
]


@pytest.mark.parametrize(("adjustments", "remarks", "category", "path", "patient", "decisions"), CASES)
def test_denials(
    adjustments: tuple[str, ...], remarks: tuple[str, ...], category: str, path: str, patient: bool, decisions: str
) -> None:
    assert of(*adjustments, remarks=remarks) == (True, category, path, patient, decisions)


@pytest.mark.parametrize("code", sorted(AUTO_POST))
def test_what_merely_posts_is_no_denial(code: str) -> None:
    assert of(f"CO-{code}")[0] is False


def test_the_list_of_what_posts() -> None:
    assert (
        frozenset(["1", "2", "3", "23", "44", "45", "59", "94", "131", "144", "187", "237", "253", "P12"]) == AUTO_POST
    )


@pytest.mark.parametrize("text", ["PR-1", "PR-2", "PR-3"])
def test_patients_share(text: str) -> None:
    assert of(text)[3] is True


@pytest.mark.parametrize("text", ["CO-45", "PR-45", "CO-2", "PR-253"])
def test_what_is_not_the_patients(text: str) -> None:
    assert of(text)[3] is False


@pytest.mark.parametrize("remark", ["N781", "N782", "N783", "N192"])
def test_protected_beneficiaries_are_never_billed(remark: str) -> None:
    assert of("PR-2", remarks=(remark,))[3:] == (False, "")
    assert of("PR-204", remarks=(remark,))[3] is False


def test_where_replacements_are_not_taken_it_is_a_reopening() -> None:
    assert of("CO-4", replaces=False)[2] == Path.REOPENING
    assert of("CO-16", replaces=False)[2] == Path.NEW_CLAIM


def test_the_largest_denial_decides() -> None:
    answer = assess([("CO", "45", Decimal(60)), ("CO", "16", Decimal(10)), ("CO", "197", Decimal(30))], (), True)
    assert (answer.root_code, answer.root_cause) == ("197", "authorization")
    assert answer.category is DenialCategory.AUTHORIZATION


def test_nothing_adjusted_is_no_denial() -> None:
    assert of() == (False, "technical", "post", False, "")


def test_words_for_people() -> None:
    answer = assess([("CO", "197", FULL)], ("N54",), True)
    assert "authorization or notification is absent" in answer.explanation
    assert "patient may not be billed" in answer.explanation
    assert "N54" in answer.explanation
    assert explain_carc("45") == "above the contracted or maximum fee"
    assert explain_carc("999") == "a code we do not know"
    assert "patient owes" in explain_group("pr")
    assert explain_group("ZZ") == "a group code we do not know"
    assert explain_rarc("MA130").startswith("claim could not be processed")
    assert explain_rarc("X1").startswith("a remark without")


def test_the_tables_are_whole() -> None:
    assert len(REASONS) == 160
    for reason in REASONS.values():
        assert reason.cause in CATEGORY_OF_CAUSE
        assert reason.paths
        assert reason.paraphrase
    for remark in REMARKS.values():
        assert remark.cause in {*CATEGORY_OF_CAUSE, ""}
        assert remark.effect in {"", "no_appeal", "no_resubmit", "no_patient", "no_next_payer"}


texts = st.tuples(st.sampled_from(["CO", "PR", "OA", "PI"]), st.sampled_from(sorted(REASONS)), st.just(FULL))


@given(st.lists(texts, max_size=4), st.lists(st.sampled_from(sorted(REMARKS)), max_size=3), st.booleans())
def test_only_the_payers_pr_can_reach_the_patient(
    adjustments: list[tuple[str, str, Decimal]], remarks: list[str], replaces: bool
) -> None:
    answer = assess(adjustments, remarks, replaces)
    assert answer == assess(adjustments, remarks, replaces)
    if answer.patient_may_be_billed:
        assert any(group == "PR" for group, _, _ in adjustments)
    assert answer.patient_may_be_billed == ("bill_patient" in answer.decisions)
    assert answer.is_denial == any(not REASONS[code].posts for _, code, _ in adjustments)
    assert not answer.is_denial or "write_off" in answer.decisions
