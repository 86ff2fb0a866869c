"""Questions about coverage and claims, and the payers' answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from edi.envelope import Outgoing
from edi.interchanges import read_interchanges
from edi.x270 import PHYSICAL_THERAPY, EligibilityInquiry, write_270
from edi.x271 import read_271
from edi.x276 import StatusInquiry, write_276
from edi.x277 import read_277
from edi.x837p import Party, PatientRecord
from tests.edi.examples import BILLING, CLAIM, JANE, SAMPLES

OUT = Outgoing("CEDARPT", "PAYERID", "T", 7, 7, datetime(2026, 1, 15, 12, 0))  # noqa: DTZ001 - X12 states no zone
ELIGIBILITY = EligibilityInquiry(
    trace_number="TRACE1",
    originator_id="9742345678",
    payer=CLAIM.payer,
    provider=BILLING,
    subscriber=JANE,
    member_id="ABC123456789",
    service_date=date(2026, 1, 20),
    service_types=("30", PHYSICAL_THERAPY),
)
STATUS = StatusInquiry(
    trace_number="TRACE2",
    payer=CLAIM.payer,
    receiver=Party("CEDAR THERAPY BILLING", "CEDARPT", "46"),
    provider=BILLING,
    subscriber=JANE,
    member_id="ABC123456789",
    charge=Decimal(220),
    service_date_from=date(2026, 1, 10),
    service_date_to=date(2026, 1, 10),
    patient_control_number="PT000123-1",
)


def body(text: str) -> list[str]:
    (interchange,) = read_interchanges(text)
    (transaction,) = interchange.transactions
    assert (*interchange.problems, *transaction.problems) == ()
    return [segment.text() for segment in transaction.segments]


def test_an_eligibility_question() -> None:
    assert body(write_270(OUT, (ELIGIBILITY,))) == [
        "ST*270*0001*005010X279A1",
        "BHT*0022*13*TRACE1*20260115*120000",
        "HL*1**20*1",
        "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054",
        "HL*2*1*21*1",
        "NM1*1P*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893",
        "HL*3*2*22*0",
        "TRN*1*TRACE1*9742345678",
        "NM1*IL*1*DOE*JANE*Q***MI*ABC123456789",
        "DMG*D8*19800214*F",
        "DTP*291*D8*20260120",
        "EQ*30",
        "EQ*PT",
        "SE*14*0001",
    ]


def test_an_eligibility_question_about_a_child() -> None:
    child = PatientRecord(replace(JANE, first_name="TIM"), "19")
    lines = body(write_270(OUT, (replace(ELIGIBILITY, patient=child),)))
    assert lines[lines.index("HL*3*2*22*1") + 1 :][:5] == [
        "NM1*IL*1*DOE*JANE*Q***MI*ABC123456789",
        "DMG*D8*19800214*F",
        "HL*4*3*23*0",
        "TRN*1*TRACE1*9742345678",
        "NM1*03*1*DOE*TIM*Q",
    ]


def test_a_status_question() -> None:
    assert body(write_276(OUT, (STATUS,)))[3:] == [
        "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054",
        "HL*2*1*21*1",
        "NM1*41*2*CEDAR THERAPY BILLING*****46*CEDARPT",
        "HL*3*2*19*1",
        "NM1*1P*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893",
        "HL*4*3*22*0",
        "DMG*D8*19800214*F",
        "NM1*IL*1*DOE*JANE*Q***MI*ABC123456789",
        "TRN*1*TRACE2",
        "REF*EJ*PT000123-1",
        "AMT*T3*220",
        "DTP*472*D8*20260110",
        "SE*16*0001",
    ]


# --- answers --------------------------------------------------------------------------------------------------------

ANSWER = """ISA*00*          *00*          *ZZ*PAYERID        *ZZ*CEDARPT        *260115*1201*^*00501*000000008*0*T*:~
GS*HB*PAYERID*CEDARPT*20260115*1201*8*X*005010X279A1~
ST*271*0001*005010X279A1~
BHT*0022*11*TRACE1*20260115*1201~
HL*1**20*1~
NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054~
HL*2*1*21*1~
NM1*1P*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893~
HL*3*2*22*0~
TRN*2*TRACE1*9742345678~
NM1*IL*1*DOE*JANE*Q***MI*ABC123456789~
REF*6P*GRP1~
DMG*D8*19800214*F~
DTP*346*D8*20260101~
EB*1*IND*30**GOLD PLAN~
EB*B*IND*PT^AD*****25*****Y~
MSG*PER VISIT~
EB*F*IND*PT***23***VS*20*Y*Y~
DTP*292*RD8*20260101-20261231~
EB*A*IND*PT*****.2~
SE*19*0001~
GE*1*8~
IEA*1*000000008~
"""


def test_an_eligibility_answer() -> None:
    (answer,) = read_271(ANSWER.replace("EB*B*IND*PT^AD*****25*****Y", "EB*B*IND*PT^AD***27*25*****Y"))
    assert (answer.active, answer.trace_number, answer.member_id) == (True, "TRACE1", "ABC123456789")
    assert (answer.payer_id, answer.provider_npi, answer.group_number) == ("60054", "1234567893", "GRP1")
    assert (answer.birth_date, answer.plan_begin, answer.plan_end) == (date(1980, 2, 14), date(2026, 1, 1), None)
    active, copay, limit, coinsurance = answer.benefits
    assert (active.plan, active.message) == ("GOLD PLAN", "active coverage for the plan as a whole")
    assert (copay.amount, copay.service_types, copay.messages) == (Decimal(25), ("PT", "AD"), ("PER VISIT",))
    assert (limit.quantity, limit.quantity_qualifier, limit.authorization_required) == (Decimal(20), "VS", "Y")
    assert limit.dates == (("292", "20260101-20261231"),)
    assert (coinsurance.percent, coinsurance.message) == (Decimal("0.2"), "coinsurance for physical therapy")


@pytest.mark.parametrize(
    ("benefit", "active"),
    [("EB*1*IND*30", True), ("EB*6*IND*30", False), ("EB*6", False), ("EB*V", None), ("EB*1*IND*PT", True)],
)
def test_whether_the_patient_is_covered(benefit: str, active: bool | None) -> None:
    start, end = ANSWER.index("EB*1"), ANSWER.index("SE*19")
    (answer,) = read_271(f"{ANSWER[:start]}{benefit}~\n{ANSWER[end:]}")
    assert answer.active is active


def test_the_plan_outweighs_a_single_service() -> None:
    (answer,) = read_271(ANSWER.replace("EB*1*IND*30", "EB*1*IND*88~\nEB*6*IND*30"))
    assert answer.active is False


def test_a_refusal_says_who_and_why() -> None:
    (answer,) = read_271(ANSWER[: ANSWER.index("DTP*346")] + "AAA*N**72*C~\n" + ANSWER[ANSWER.index("SE*19") :])
    assert answer.active is None
    assert [(r.level, r.code, r.follow_up, r.message) for r in answer.rejections] == [
        ("subscriber", "72", "C", "member id is missing or invalid [72]")
    ]
    (above,) = read_271(ANSWER[: ANSWER.index("HL*2")] + "AAA*Y**42*R~\n" + ANSWER[ANSWER.index("SE*19") :])
    assert (above.active, above.rejections[0].level) == (None, "source")


STATUS_ANSWER = (
    ANSWER[: ANSWER.index("GS*")]
    + """GS*HN*PAYERID*CEDARPT*20260115*1201*8*X*005010X212~
ST*277*0001*005010X212~
BHT*0010*08*1*20260115*1201*DG~
HL*1**20*1~
NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054~
HL*2*1*21*1~
NM1*41*2*CEDAR THERAPY BILLING*****46*CEDARPT~
HL*3*2*19*1~
NM1*1P*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893~
HL*4*3*22*0~
NM1*IL*1*DOE*JANE*Q***MI*ABC123456789~
TRN*2*TRACE2~
STC*F1:65*20260201**220*126.4*20260130**20260203*EFT0012345~
REF*1K*PAYERICN001~
REF*EJ*PT000123-1~
DTP*472*D8*20260110~
SVC*HC:97110:GP*150*86.4****2~
STC*F1:65*20260201~
REF*FJ*123-1-1~
TRN*2*TRACE3~
STC*P3:95:1P*20260201**70~
SE*20*0001~
GE*1*8~
IEA*1*000000008~
"""
)


def test_a_status_answer() -> None:
    paid, pending = read_277(STATUS_ANSWER)
    assert (paid.trace_number, paid.finished, paid.patient_control_number) == ("TRACE2", True, "PT000123-1")
    assert (paid.payer_claim_control_number, paid.charge, paid.paid) == ("PAYERICN001", Decimal(220), Decimal("126.4"))
    assert (paid.payment_trace_number, paid.payment_date) == ("EFT0012345", date(2026, 2, 3))
    assert (paid.decision_date, paid.service_date) == (date(2026, 1, 30), date(2026, 1, 10))
    assert paid.message == "finished: paid: the claim or line was paid [F1:65]."
    assert [(line.procedure, line.line_control_number, len(line.statuses)) for line in paid.lines] == [
        ("HC:97110:GP", "123-1-1", 1)
    ]
    assert (pending.trace_number, pending.finished, pending.last_name) == ("TRACE3", False, "DOE")
    assert pending.message == (
        "pending: provider must send information: requested information was not received (the provider) [P3:95:1P]."
    )


def test_truncated_answers_never_raise() -> None:
    for end in range(110, len(ANSWER)):
        read_271(ANSWER[:end])
    for end in range(110, len(STATUS_ANSWER)):
        read_277(STATUS_ANSWER[:end])


@pytest.mark.skipif(not SAMPLES.exists(), reason="the public sample files are not here")
def test_public_answers_are_read() -> None:
    answers = {path.name: read_271(path.read_bytes()) for path in SAMPLES.rglob("*271*") if path.is_file()}
    assert len(answers) >= 10
    assert all(found for name, found in answers.items() if "270" not in name)
    assert answers["271_rejected_subscriber.x12"][0].rejections[0].code == "72"
    assert len(answers["gainwell_271_redacted.edi"]) == 153
    (folder,) = SAMPLES.glob("imsweb*")
    status = read_277(next(folder.rglob("x12_277_x212.txt")).read_bytes())
    assert {claim.patient_control_number for claim in status} >= {"12345", "12346"}
