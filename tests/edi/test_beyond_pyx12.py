"""What pyx12 accepts wrongly, or cannot judge: each of its gaps has a check of ours, and nothing slips through both.

The first table runs every bad claim past pyx12 alone and then past our gate. If pyx12 learns to see one, the test says
so, and the check may go. Crashes, silence and the two map errors are in test_judge.py; a TA1 beside a group, on which
pyx12 stumbles too, is in test_acks.py.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from edi.judge import judge
from edi.tokens import read_segments
from edi.x837p import Attachment, Claim837, LineAdjudication, OtherPayer, check_batch, read_837p, write_837p
from edi.x837p_gate import refusals
from tests.edi.examples import BATCH, CLAIM, ERA, PRIMARY
from tests.edi.test_x837p import MUTATIONS, SECONDARY

WRONGLY_ACCEPTED = frozenset(
    {"ACCIDENT_DATE", "ACCIDENT_STATE", "ACCIDENT_TYPE", "ADDRESS", "BILLING_PO_BOX", "BILLING_ZIP", "BIRTH_DATE"}
    | {"CENTS", "CHARGE_TOTAL", "CHARSET", "CLAIM_ID_LONG", "DATE_RANGE", "DIAGNOSIS_FORMAT", "DIAGNOSIS_TWICE"}
    | {"FREQUENCY", "LINE_CONTROL_LONG", "LINE_CONTROL_TWICE", "MODIFIER_COUNT", "MODIFIER_TWICE", "NEGATIVE"}
    | {"NPI_INVALID", "NPI_MISSING", "ONSET_DATE", "ORIGINAL_REFERENCE", "OTHER_PAYER", "PATIENT_PAID"}
    | {"PAYER_SEQUENCE", "POINTER", "POINTER_TWICE", "PROCEDURE_FORMAT", "TAXONOMY", "TAX_ID", "UNITS"}
)
BAD = [(code, replace(CLAIM, **change)) for code, change in MUTATIONS if code in WRONGLY_ACCEPTED]  # type: ignore[arg-type]


def with_primary(other: OtherPayer) -> Claim837:
    return replace(SECONDARY, other_payers=(other,))


def first_line(**change: object) -> tuple[LineAdjudication, ...]:
    return (replace(PRIMARY.lines[0], **change), PRIMARY.lines[1])  # type: ignore[arg-type]


BAD = [(code, claim) for code, claim in BAD if all(0 not in line.diagnosis_pointers for line in claim.lines)]
BAD += [
    ("COB_BALANCE", with_primary(replace(PRIMARY, lines=first_line(paid=Decimal(80))))),
    ("COB_PAID", with_primary(replace(PRIMARY, paid_amount=Decimal(100)))),
    ("ATTACHMENT", replace(CLAIM, attachments=(Attachment("OZ", "EL"),))),
]


@pytest.mark.parametrize(("code", "claim"), BAD, ids=[f"{n}-{code}" for n, (code, _) in enumerate(BAD)])
def test_a_bad_claim_that_pyx12_accepts_is_kept_back(code: str, claim: Claim837) -> None:
    assert judge(write_837p(replace(BATCH, claims=(claim,)))) == [], "pyx12 has learned it"
    [reasons] = refusals(BATCH, [claim])
    assert reasons, code


def test_every_code_of_the_table_is_tried() -> None:
    assert {code for code, _ in BAD} >= WRONGLY_ACCEPTED


def test_two_claims_of_one_number_in_a_file_are_found() -> None:
    batch = replace(BATCH, claims=(CLAIM, CLAIM))
    assert judge(write_837p(batch)) == []
    assert "CLAIM_ID_TWICE" in {problem.code for problem in check_batch(batch)}


def test_transactions_of_a_file_never_share_their_number() -> None:
    many = tuple(replace(CLAIM, patient_control_number=f"PT{n}") for n in range(12))
    numbers = [
        segment.get(2) for segment in read_segments(write_837p(replace(BATCH, claims=many))) if segment.id == "ST"
    ]
    assert len(set(numbers)) == len(many)


def test_a_guide_pyx12_has_no_map_for_is_read_by_us() -> None:
    text = write_837p(BATCH).replace("005010X222A1", "005010X222A2")
    assert [problem.code for problem in judge(text)] == ["NO_MAP"]
    assert read_837p(text)[0].claims == BATCH.claims


def test_a_remittance_is_judged_although_pyx12_cannot_acknowledge_one() -> None:
    assert judge(ERA.replace("CLP*PT000123-1*1*220", "CLP*PT000123-1*99*220"))
