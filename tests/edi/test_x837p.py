"""The professional claim: what we write is what the guide wants, what we read back is what we wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edi.findings import ERROR
from edi.judge import judge
from edi.tokens import read_segments
from edi.x837p import (
    CROSSWALK,
    Address,
    Adjustment,
    Attachment,
    Batch837,
    Claim837,
    OtherPayer,
    PatientRecord,
    Person,
    Provider,
    ServiceLine,
    check_batch,
    check_claim,
    read_837p,
    render_crosswalk,
    split_claim,
    write_837p,
)
from edi.x837p_crosswalk import render_page
from tests.edi.examples import BATCH, CLAIM, JANE, PRIMARY, batches, claims

SECONDARY = replace(CLAIM, subscriber=replace(CLAIM.subscriber, payer_responsibility="S"), other_payers=(PRIMARY,))
CHILD = PatientRecord(replace(JANE, first_name="TIM", birth_date=date(2019, 5, 1), sex="M"), "19")


def written(claim: Claim837) -> list[str]:
    return write_837p(replace(BATCH, claims=(claim,))).removesuffix("~\n").split("~\n")


# --- writing --------------------------------------------------------------------------------------------------------


def test_a_therapy_claim_reads_like_the_guide() -> None:
    assert written(CLAIM) == [
        "ISA*00*          *00*          *ZZ*SUBMITTERID    *ZZ*RECEIVERID     *260115*1200*^*00501*000000101*0*T*:",
        "GS*HC*SUBMITTERID*RECEIVERID*20260115*120000*101*X*005010X222A1",
        "ST*837*0001*005010X222A1",
        "BHT*0019*00*0000001010001*20260115*120000*CH",
        "NM1*41*2*CEDAR THERAPY BILLING*****46*SUBMITTERID",
        "PER*IC*BILLING OFFICE*TE*5125550100",
        "NM1*40*2*EXAMPLE CLEARINGHOUSE*****46*RECEIVERID",
        "HL*1**20*1",
        "PRV*BI*PXC*261QP2000X",
        "NM1*85*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893",
        "N3*100 MAIN ST STE 4",
        "N4*AUSTIN*TX*787010000",
        "REF*EI*742345678",
        "HL*2*1*22*0",
        "SBR*P*18*******CI",
        "NM1*IL*1*DOE*JANE*Q***MI*ABC123456789",
        "N3*22 OAK LN",
        "N4*AUSTIN*TX*78702",
        "DMG*D8*19800214*F",
        "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054",
        "CLM*PT000123-1*220***11:B:1*Y*A*Y*Y",
        "DTP*431*D8*20251220",
        "DTP*454*D8*20260102",
        "REF*G1*AUTH98765",
        "REF*D9*CLM0000000123",
        "HI*ABK:M5450*ABF:M6281",
        "NM1*DN*1*SMITH*ROBERT****XX*1245319599",
        "NM1*82*1*LEE*CHRIS****XX*1679576722",
        "PRV*PE*PXC*225100000X",
        "LX*1",
        "SV1*HC:97110:GP*150*UN*2***1:2",
        "DTP*472*D8*20260110",
        "REF*6R*123-1-1",
        "LX*2",
        "SV1*HC:97140:GP:59*70*UN*1***1",
        "DTP*472*D8*20260110",
        "REF*6R*123-1-2",
        "SE*36*0001",
        "GE*1*101",
        "IEA*1*000000101",
    ]


def test_every_segment_ends_with_tilde_and_line_break() -> None:
    text = write_837p(BATCH)
    assert text.endswith("~\n")
    assert text.count("~") == text.count("~\n") == len(written(CLAIM))


def test_each_claim_gets_its_own_transaction_so_that_a_999_rejects_single_claims() -> None:
    second = replace(CLAIM, patient_control_number="PT2")
    text = write_837p(replace(BATCH, claims=(CLAIM, second)))
    starts = [s.get(2) for s in read_segments(text) if s.id == "ST"]
    assert starts == ["0001", "0002"]
    assert "GE*2*101~" in text
    assert judge(text) == []


def test_data_cannot_break_the_file() -> None:
    claim = replace(CLAIM, note="walks 5*10~ steps: ok^", billing=replace(CLAIM.billing, name="Cédar & Søn's"))
    lines = written(claim)
    assert "NTE*ADD*WALKS 5 10 STEPS OK" in lines
    assert "NM1*85*2*CEDAR & SON'S*****XX*1234567893" in lines


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"frequency_code": "7", "original_claim_number": "ICN9"},
            ["CLM*PT000123-1*220***11:B:7*Y*A*Y*Y", "REF*F8*ICN9"],
        ),
        (
            {"accident_type": "AA", "accident_date": date(2025, 12, 1), "accident_state": "TX"},
            ["CLM*PT000123-1*220***11:B:1*Y*A*Y*Y**AA:::TX", "DTP*439*D8*20251201"],
        ),
        ({"patient_paid": Decimal("25.50")}, ["AMT*F5*25.5"]),
        ({"delay_reason": "3"}, ["CLM*PT000123-1*220***11:B:1*Y*A*Y*Y***********3"]),
        ({"diagnoses": ("M54.50", "M62.81")}, ["HI*ABK:M5450*ABF:M6281"]),
        ({"patient": CHILD}, ["HL*2*1*22*1", "SBR*P********CI", "HL*3*2*23*0", "PAT*19", "DMG*D8*20190501*M"]),
        ({"supervising": CLAIM.rendering}, ["NM1*DQ*1*LEE*CHRIS****XX*1679576722"]),
        (
            {"service_facility": Provider("1245319599", "NORTH POOL", address=CLAIM.billing.address)},
            ["NM1*77*2*NORTH POOL*****XX*1245319599"],
        ),
        (
            {"attachments": (Attachment("OZ", "EL", "ATT1"), Attachment("03", "AA"))},
            ["PWK*OZ*EL***AC*ATT1", "PWK*03*AA"],
        ),
        ({"epsdt_conditions": ("NU",)}, ["CRC*ZZ*N*NU"]),
        ({"disability_from": date(2026, 1, 2), "disability_to": date(2026, 2, 1)}, ["DTP*314*RD8*20260102-20260201"]),
        ({"last_worked_date": date(2026, 1, 2)}, ["DTP*297*D8*20260102"]),
        ({"special_program": "05"}, ["CLM*PT000123-1*220***11:B:1*Y*A*Y*Y***05"]),
        ({"service_authorization_exception": "3"}, ["REF*4N*3"]),
        ({"pay_to": Address("PO BOX 7", "AUSTIN", "TX", "787010007")}, ["NM1*87*2", "N3*PO BOX 7"]),
    ],
)
def test_what_a_claim_may_carry(change: dict[str, object], expected: list[str]) -> None:
    claim = replace(CLAIM, **change)  # type: ignore[arg-type]
    lines = written(claim)
    for segment in expected:
        assert segment in lines
    assert judge(write_837p(replace(BATCH, claims=(claim,)))) == []


def test_a_secondary_claim_tells_what_the_primary_decided() -> None:
    lines = written(SECONDARY)
    start = lines.index("SBR*P*01*******BL")
    assert lines[start : start + 6] == [
        "SBR*P*01*******BL",
        "AMT*D*126.4",
        "AMT*EAF*25",
        "OI***Y***Y",
        "NM1*IL*1*DOE*JOHN****MI*P777",
        "NM1*PR*2*PRIMARY PLAN*****PI*12345",
    ]
    decision = lines.index("SVD*12345*86.4*HC:97110:GP**2")
    assert lines[decision + 1 : decision + 4] == ["CAS*CO*45*38.6", "CAS*PR*3*25", "DTP*573*D8*20260201"]
    assert judge("~\n".join(lines) + "~\n") == []
    assert check_claim(SECONDARY) == []


def test_line_extras() -> None:
    line = replace(
        CLAIM.lines[0],
        modifiers=("GP", "59", "KX", "CQ"),
        description="CUSTOM SPLINT",
        place_of_service="12",
        prior_authorization_number="A2",
        note="EXTRA",
    )
    lines = written(replace(CLAIM, lines=(line, CLAIM.lines[1])))
    assert "SV1*HC:97110:GP:59:KX:CQ:CUSTOM SPLINT*150*UN*2*12**1:2" in lines
    assert lines[lines.index("LX*1") + 3 : lines.index("LX*2")] == ["REF*G1*A2", "REF*6R*123-1-1", "NTE*ADD*EXTRA"]


# --- reading back ---------------------------------------------------------------------------------------------------


def test_secondary_and_dependent_claims_come_back_whole() -> None:
    batch = replace(BATCH, claims=(CLAIM, SECONDARY, replace(CLAIM, patient=CHILD)))
    assert read_837p(write_837p(batch)) == [batch]


@given(batch=batches())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_written_is_what_is_read(batch: Batch837) -> None:
    assert read_837p(write_837p(batch)) == [batch]


@given(claim=claims())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_legal_claims_pass_our_checks_and_pyx12(claim: Claim837) -> None:
    assert [p for p in check_claim(claim) if p.severity == ERROR] == []
    assert judge(write_837p(replace(BATCH, claims=(claim,)))) == []


@given(garbage=st.text(max_size=40))
@settings(max_examples=50)
def test_whatever_a_field_holds_the_file_stays_whole(garbage: str) -> None:
    claim = replace(CLAIM, note=garbage, billing=replace(CLAIM.billing, name=garbage), medical_record_number=garbage)
    plain = [s.id for s in read_segments(write_837p(BATCH)) if s.id not in ("NTE", "REF")]
    ours = [s.id for s in read_segments(write_837p(replace(BATCH, claims=(claim,)))) if s.id not in ("NTE", "REF")]
    assert ours == plain


def test_unknown_segments_of_a_claim_are_kept() -> None:
    text = write_837p(BATCH).replace("HI*ABK", "K3*STATE DATA~\nHI*ABK")
    assert read_837p(text)[0].claims[0].unread == ("K3*STATE DATA",)


def test_an_amount_that_is_none_becomes_a_problem() -> None:
    batch = read_837p(write_837p(BATCH).replace("CLM*PT000123-1*220*", "CLM*PT000123-1*1E5*"))[0]
    assert batch.claims[0].charge == 0
    assert [(p.code, p.claim) for p in batch.problems] == [("AMOUNT", "PT000123-1")]


# --- splitting ------------------------------------------------------------------------------------------------------


def test_more_than_fifty_lines_become_several_claims() -> None:
    lines = tuple(replace(CLAIM.lines[0], charge=Decimal(n), line_control_number=f"L{n}") for n in range(1, 121))
    decisions = tuple(replace(PRIMARY.lines[0], line_number=n, paid=Decimal(n), adjustments=()) for n in range(1, 121))
    primary = replace(PRIMARY, lines=decisions, paid_amount=Decimal(7260))
    long = replace(
        SECONDARY,
        patient_control_number="A" * 20,
        charge=Decimal(7260),
        lines=lines,
        other_payers=(primary,),
        patient_paid=Decimal(10),
    )
    parts = split_claim(long)
    assert [len(part.lines) for part in parts] == [50, 50, 20]
    assert [part.patient_control_number for part in parts] == ["A" * 18 + "-1", "A" * 18 + "-2", "A" * 18 + "-3"]
    assert sum(part.charge for part in parts) == long.charge
    assert sum(part.other_payers[0].paid_amount or 0 for part in parts) == primary.paid_amount
    assert [part.patient_paid for part in parts] == [Decimal(10), None, None]
    assert [p for part in parts for p in check_claim(part)] == []


def test_a_claim_that_fits_is_not_split() -> None:
    assert split_claim(CLAIM) == (CLAIM,)


# --- checks ---------------------------------------------------------------------------------------------------------

LINE = CLAIM.lines[0]


def line_with(**change: object) -> dict[str, object]:
    return {"lines": (replace(LINE, **change), CLAIM.lines[1])}  # type: ignore[arg-type]


MUTATIONS: list[tuple[str, dict[str, object]]] = [
    ("CHARGE_TOTAL", {"charge": Decimal(221)}),
    ("CLAIM_ID_LONG", {"patient_control_number": "X" * 21}),
    ("CLAIM_ID_BLANK", {"patient_control_number": " "}),
    ("CHARSET", {"patient_control_number": "PT*1"}),
    ("CHARSET", {"prior_authorization_number": "ÄB"}),
    ("FREQUENCY", {"frequency_code": "6"}),
    ("ORIGINAL_REFERENCE", {"frequency_code": "7"}),
    ("ORIGINAL_REFERENCE", {"frequency_code": "8"}),
    ("ORIGINAL_REFERENCE_UNUSED", {"original_claim_number": "ICN"}),
    ("PLACE_OF_SERVICE", {"place_of_service": "1"}),
    ("DELAY_REASON", {"delay_reason": "12"}),
    ("SPECIAL_PROGRAM", {"special_program": "01"}),
    ("AUTHORIZATION_EXCEPTION", {"service_authorization_exception": "8"}),
    ("EPSDT", {"epsdt_conditions": ("XX",)}),
    ("EPSDT", {"epsdt_conditions": ("NU", "AV")}),
    ("ATTACHMENT", {"attachments": (Attachment("OZ", "EL"),)}),
    ("ATTACHMENT", {"attachments": (Attachment("OZ", "AA", "N1"),)}),
    ("ATTACHMENT", {"attachments": (Attachment("OZ", "XX", "N1"),)}),
    ("ATTACHMENT_COUNT", {"attachments": (Attachment("OZ", "AA"),) * 11}),
    ("NPI_INVALID", {"billing": replace(CLAIM.billing, npi="1234567890")}),
    ("NPI_INVALID", {"rendering": Provider("123456789", "LEE", "CHRIS", is_person=True)}),
    ("NPI_MISSING", {"referring": Provider("", "SMITH", "ROBERT", is_person=True)}),
    ("TAXONOMY", {"billing": replace(CLAIM.billing, taxonomy="261QP")}),
    ("TAX_ID", {"billing": replace(CLAIM.billing, tax_id="74234567")}),
    ("BILLING_ZIP", {"billing": replace(CLAIM.billing, address=Address("1 A ST", "AUSTIN", "TX", "78701"))}),
    ("BILLING_PO_BOX", {"billing": replace(CLAIM.billing, address=Address("P.O. Box 1", "AUSTIN", "TX", "787010000"))}),
    ("BILLING_ADDRESS", {"billing": replace(CLAIM.billing, address=None)}),
    ("FACILITY_ADDRESS", {"service_facility": Provider("1245319599", "POOL")}),
    ("MEMBER_ID", {"subscriber": replace(CLAIM.subscriber, member_id="")}),
    ("FILING_INDICATOR", {"subscriber": replace(CLAIM.subscriber, claim_filing_indicator="XX")}),
    ("BIRTH_DATE", {"subscriber": replace(CLAIM.subscriber, person=replace(JANE, birth_date=None))}),
    ("BIRTH_DATE", {"subscriber": replace(CLAIM.subscriber, person=replace(JANE, birth_date=date(2026, 2, 1)))}),
    ("SEX", {"subscriber": replace(CLAIM.subscriber, person=replace(JANE, sex="X"))}),
    ("ADDRESS", {"subscriber": replace(CLAIM.subscriber, person=replace(JANE, address=None))}),
    ("RELATIONSHIP", {"patient": PatientRecord(JANE, "18")}),
    ("PAYER_ID", {"payer": replace(CLAIM.payer, identifier="")}),
    ("DIAGNOSIS_COUNT", {"diagnoses": ()}),
    ("DIAGNOSIS_COUNT", {"diagnoses": tuple(f"M{n}" for n in range(100, 113))}),
    ("DIAGNOSIS_FORMAT", {"diagnoses": ("5450", "M6281")}),
    ("DIAGNOSIS_TWICE", {"diagnoses": ("M54.50", "M5450")}),
    ("ACCIDENT_DATE", {"accident_type": "EM"}),
    ("ACCIDENT_STATE", {"accident_type": "AA", "accident_date": date(2025, 1, 1)}),
    ("ACCIDENT_TYPE", {"accident_date": date(2025, 1, 1)}),
    ("ONSET_DATE", {"onset_date": date(2026, 1, 11)}),
    ("PATIENT_PAID", {"patient_paid": Decimal(221)}),
    ("NEGATIVE", {"patient_paid": Decimal(-1)}),
    ("NOTE_LONG", {"note": "N" * 81}),
    ("LINE_COUNT", {"lines": (), "charge": Decimal(0)}),
    ("LINE_COUNT", {"lines": (LINE,) * 51}),
    ("LINE_CONTROL_TWICE", {"lines": (LINE, LINE)}),
    ("LINE_CONTROL_LONG", line_with(line_control_number="C" * 31)),
    ("LINE_CONTROL_BLANK", line_with(line_control_number="")),
    ("PROCEDURE_FORMAT", line_with(procedure_code="9711")),
    ("UNITS", line_with(units=Decimal("1.5"))),
    ("UNITS", line_with(units=Decimal(0))),
    ("CENTS", line_with(charge=Decimal("150.001"))),
    ("MODIFIER_TWICE", line_with(modifiers=("GP", "GP"))),
    ("MODIFIER_COUNT", line_with(modifiers=("GP", "59", "KX", "CQ", "95"))),
    ("MODIFIER_FORMAT", line_with(modifiers=("GPX",))),
    ("POINTER", line_with(diagnosis_pointers=(3,))),
    ("POINTER", line_with(diagnosis_pointers=(0,))),
    ("POINTER_COUNT", line_with(diagnosis_pointers=())),
    ("POINTER_TWICE", line_with(diagnosis_pointers=(1, 1))),
    ("DATE_RANGE", line_with(service_date_end=date(2026, 1, 9))),
    ("OTHER_PAYER", {"subscriber": replace(CLAIM.subscriber, payer_responsibility="S")}),
    ("PAYER_SEQUENCE", {"other_payers": (PRIMARY,)}),
]


def test_a_good_claim_has_no_problem() -> None:
    assert check_claim(CLAIM) == []


@pytest.mark.parametrize(("code", "change"), MUTATIONS, ids=[f"{n}-{code}" for n, (code, _) in enumerate(MUTATIONS)])
def test_a_bad_claim_is_found(code: str, change: dict[str, object]) -> None:
    problems = check_claim(replace(CLAIM, **change))  # type: ignore[arg-type]
    assert code in {problem.code for problem in problems}
    assert all(problem.message.endswith((".", "?")) for problem in problems)


@pytest.mark.parametrize(
    ("member_id", "mutation", "codes"),
    [
        ("1EG4TE5MK73", {}, set()),
        ("1EG4-TE5-MK73", {}, {"MBI"}),
        ("1EG4TE5MK7", {}, {"MBI"}),
        ("1EG4TE5MKS3", {}, {"MBI"}),  # no S, L, O, I, B, Z
        ("0EG4TE5MK73", {}, {"MBI"}),
        ("123456789A", {}, {"MBI"}),  # the number before 2020
        ("1EG4TE5MK73", {"referring": None}, {"REFERRING_MISSING"}),
    ],
)
def test_medicare_wants_its_own_number_and_who_certifies(
    member_id: str, mutation: dict[str, Any], codes: set[str]
) -> None:
    insured = replace(CLAIM.subscriber, claim_filing_indicator="MB", member_id=member_id)
    problems = check_claim(replace(CLAIM, subscriber=insured, **mutation))
    assert {problem.code for problem in problems if problem.severity == ERROR} == codes
    assert not check_claim(replace(CLAIM, **mutation)), "other payers have numbers of their own"


def primary_with(**change: object) -> OtherPayer:
    return replace(PRIMARY, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "other", "off"),
    [
        ("COB_BALANCE", primary_with(lines=(replace(PRIMARY.lines[0], paid=Decimal(80)), PRIMARY.lines[1])), "6.4"),
        ("COB_PAID", primary_with(paid_amount=Decimal(100)), "-26.4"),
        ("COB_LINE", primary_with(lines=(*PRIMARY.lines, replace(PRIMARY.lines[0], line_number=3))), None),
        ("COB_BOTH_LEVELS", primary_with(adjustments=(Adjustment("CO", "45", Decimal(1)),)), None),
    ],
)
def test_a_primary_decision_that_does_not_add_up(code: str, other: OtherPayer, off: str | None) -> None:
    problems = {p.code: p for p in check_claim(replace(SECONDARY, other_payers=(other,)))}
    assert code in problems
    if off is not None:
        assert problems[code].amount == Decimal(off)


def test_the_charge_problem_says_by_how_much() -> None:
    (problem,) = check_claim(replace(CLAIM, charge=Decimal("221.50")))
    assert problem.amount == Decimal("1.50")
    assert problem.message == "The claim charges 221.50, its lines charge 220 together: off by 1.50."
    assert problem.claim == "PT000123-1"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("CLAIM_ID_TWICE", {"claims": (CLAIM, CLAIM)}),
        ("NO_CLAIMS", {"claims": ()}),
        ("USAGE", {"usage_indicator": "X"}),
        ("ENVELOPE_ID", {"sender_id": "S" * 16}),
        ("CONTROL_NUMBER", {"interchange_control_number": 10**9}),
    ],
)
def test_a_bad_batch_is_found(code: str, change: dict[str, object]) -> None:
    assert code in {problem.code for problem in check_batch(replace(BATCH, **change))}  # type: ignore[arg-type]


# --- judge ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("SBR*P*18", "SBR*ZQ*18"),
        ("HI*ABK:M5450*ABF:M6281~\n", "HI*ABK:M5450*ABF:M6281~\nHI*ABK:M5450~\n"),
        ("SE*36*", "SE*35*"),
        ("N4*AUSTIN*TX*787", "N4*AUSTIN*ZZ*787"),
        ("NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054~\n", ""),
        ("SV1*HC:97110:GP", "SV1*HC:97110:GP:A1:A2:A3:D:E:F"),
    ],
)
def test_pyx12_finds_what_the_guide_forbids_and_recovers(good: str, bad: str) -> None:
    text = write_837p(BATCH)
    assert judge(text) == []
    problems = judge(text.replace(good, bad))
    assert problems
    assert all(problem.message for problem in problems)
    assert judge(text) == []


@pytest.mark.parametrize("wrap", ["\ufeff{}", "\n{}"])
def test_what_makes_pyx12_silent_does_not_reach_it(wrap: str) -> None:
    assert judge(wrap.format(write_837p(BATCH))) == []


def test_what_is_no_x12_is_no_crash() -> None:
    assert [p.code for p in judge("hello")] == ["NOT_X12"]
    assert [p.code for p in judge(write_837p(BATCH).replace("005010X222A1", "005010X999"))] == ["NO_MAP"]


# --- crosswalk ------------------------------------------------------------------------------------------------------


def test_the_crosswalk_names_fields_that_exist() -> None:
    records = {r.__name__: r for r in (Batch837, Claim837, OtherPayer, ServiceLine, PatientRecord, Person)}
    for row in CROSSWALK:
        record, _, field = row.field.split(",")[0].partition(".")
        if record in records and field:
            assert field.split(".")[0] in records[record].__dataclass_fields__, row


def test_the_crosswalk_renders_as_a_table() -> None:
    lines = render_crosswalk().splitlines()
    assert len(lines) == len(CROSSWALK) + 2
    assert all(line.count("|") == 6 for line in lines)
    assert (
        "| ServiceLine.line_control_number | 2400 | REF*6R | REF02 | always; the 835 returns it in 2110 REF*6R |"
        in lines
    )


def test_the_page_for_people_is_current() -> None:
    """`python -m edi.x837p_crosswalk` writes it anew."""
    assert (Path(__file__).parents[2] / "docs" / "crosswalk.md").read_text() == render_page()
