"""Appeal letters: every root of denial has its argument, and every fact given stands in the letter."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing.appeals import AppealFacts, days_late, deadline, draft, lateness, zip_code
from billing.vocabulary import DenialCategory
from tests.billing.builders import terms

FACTS = AppealFacts(
    written_on=date(2026, 5, 4),
    practice_name="Example Therapy",
    practice_address=("1 Main St", "Austin, TX 78701"),
    practice_npi="1234567893",
    payer_name="Example Health",
    patient_name="Ada Example",
    member_id="W123456789",
    claim_number="FP-1",
    payer_claim_control_number="2026123",
    date_of_service=date(2026, 3, 2),
    denied_on=date(2026, 4, 20),
    amount=Decimal("1178.00"),
    category=DenialCategory.MEDICAL_NECESSITY,
    reason_codes=("50",),
    remark_codes=("N115",),
    lines=(("97110", ("GP",), 2, Decimal("120.00")), ("97140", ("GP", "59"), 1, Decimal("58.00"))),
    diagnoses=("M25.561",),
    clinician_name="C. Therapist, PT",
    accepted_by_payer_on=date(2026, 3, 4),
    evidence=("Knee flexion rose from 70 to 95 degrees.",),
    arguments="The patient lives alone on the third floor.",
)


@pytest.mark.parametrize("category", list(DenialCategory))
def test_every_root_has_its_argument(category: DenialCategory) -> None:
    letter = draft(replace(FACTS, category=category))
    assert "Why the denial should be overturned" in letter
    assert "Enclosures:" in letter
    assert "None" not in letter


def test_facts_stand_in_the_letter() -> None:
    letter = draft(FACTS)
    for fact in (
        "May 4, 2026", "Ada Example", "W123456789", "2026123", "$1,178.00", "not held to be medically necessary",
        "N115", "97140 GP 59: 1 unit, $58.00", "97110 GP: 2 units", "Jimmo", "rose from 70", "third floor",
        "accepted on 2026-03-04", "C. Therapist, PT",
    ):  # fmt: skip
        assert fact in letter
    assert max(len(line) for line in letter.splitlines() if line.startswith("  ")) < 120


def test_what_is_not_known_leaves_no_empty_row() -> None:
    bare = replace(FACTS, lines=(), diagnoses=(), authorization_number="", clinician_name="", evidence=())
    letter = draft(bare)
    assert "Authorization:" not in letter
    assert "Services:" not in letter
    assert letter.count("Example Therapy") == 2


@pytest.mark.parametrize(("kept", "written"), [("787041200", "78704-1200"), ("78704", "78704"), ("", "")])
def test_a_zip_code_is_written_as_on_an_envelope(kept: str, written: str) -> None:
    assert zip_code(kept) == written


def test_deadline_is_the_plans() -> None:
    assert deadline(date(2026, 4, 20), terms(appeal_days=120)) == date(2026, 8, 18)


@pytest.mark.parametrize(
    ("on", "last_day", "days"),
    [
        (date(2026, 8, 18), date(2026, 8, 18), 0),
        (date(2026, 8, 19), date(2026, 8, 18), 1),
        (date(2026, 1, 1), date(2026, 8, 18), 0),
        (date(2026, 8, 19), None, 0),
    ],
)
def test_the_last_day_itself_is_in_time(on: date, last_day: date | None, days: int) -> None:
    assert days_late(on, last_day) == days


def test_a_late_letter_asks_for_good_cause_before_it_argues_and_cites_the_rule_to_medicare_only() -> None:
    late = replace(FACTS, deadline=date(2026, 5, 1), late_because="The office was flooded on April 28.")
    letter = draft(late)
    assert "after the last day to file it, 2026-05-01. We ask you to accept it for good cause:" in letter
    assert letter.index("The office was flooded") < letter.index("We appeal the denial")
    assert "42 CFR 405.942(b)" not in letter
    assert "for good cause (42 CFR 405.942(b)):" in draft(replace(late, of_medicare=True))
    assert "good cause" not in draft(replace(FACTS, deadline=date(2026, 5, 1), of_medicare=True))
    assert (lateness(1, "08/18/2026"), lateness(2, "x")[:6]) == ("1 day after its deadline of 08/18/2026", "2 days")
