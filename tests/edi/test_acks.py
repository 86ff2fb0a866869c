"""Acknowledgements: what became of the envelope, the syntax and the claim."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from edi.acks import read_277ca, read_999, read_ta1
from edi.x837p import batch_reference
from tests.edi.examples import BATCH

ENVELOPE = (
    "ISA*00*          *00*          *ZZ*RECEIVERID     *ZZ*SUBMITTERID    *260115*1300*^*00501*000000555*0*T*:~\n"
)
TRAILER = "GE*1*555~\nIEA*1*000000555~\n"

ACK_999 = (
    ENVELOPE
    + """GS*FA*RECEIVERID*SUBMITTERID*20260115*1300*555*X*005010X231A1~
ST*999*0001*005010X231A1~
AK1*HC*101*005010X222A1~
AK2*837*0001*005010X222A1~
IK5*A~
AK2*837*0002*005010X222A1~
IK3*SBR*13*2000B*8~
CTX*CLM01:PT000124-1~
IK4*9*1032*7*ZQ~
IK3*NM1*20*2010BB*3~
IK5*R*5*I5~
AK2*837*0003*005010X222A1~
IK3*SV1*31*2400*8~
IK4*1:2*234*I12*9711~
IK5*E*5~
AK9*P*3*3*2~
SE*15*0001~
"""
    + TRAILER
)

CA_277 = (
    ENVELOPE
    + """GS*HN*RECEIVERID*SUBMITTERID*20260115*1300*555*X*005010X214~
ST*277*0001*005010X214~
BHT*0085*08*277CA0001*20260115*1300*TH~
HL*1**20*1~
NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054~
TRN*1*SRC0001~
DTP*050*D8*20260115~
HL*2*1*21*1~
NM1*41*2*CEDAR THERAPY BILLING*****46*SUBMITTERID~
TRN*2*0000001010001~
STC*A1:19:PR*20260115*WQ*220~
QTY*90*1~
HL*3*2*19*1~
NM1*85*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893~
HL*4*3*PT~
NM1*QC*1*DOE*JANE*Q***MI*ABC123456789~
TRN*2*PT000123-1~
STC*A2:20:PR*20260115*WQ*220~
REF*1K*PAYERICN001~
REF*D9*CLM0000000123~
DTP*472*D8*20260110~
TRN*2*PT000123-2~
STC*A2:20:PR*20260115*WQ*70~
HL*5*3*PT~
NM1*QC*1*ROE*RICK****MI*XYZ1~
TRN*2*PT000124-1~
STC*A3:21:82*20260115*U*150******A3:562:82**CALL US~
SE*27*0001~
"""
    + TRAILER
)


# --- TA1 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ta1", "accepted", "message"),
    [
        ("TA1*000000101*260115*1200*A*000", True, "Interchange 000000101: accepted."),
        (
            "TA1*000000101*260115*1200*R*025",
            False,
            "Interchange 000000101: rejected; this control number was used before.",
        ),
        (
            "TA1*000000101*260115*1200*E*022",
            True,
            "Interchange 000000101: accepted, but errors were noted; the control",
        ),
        ("TA1*101", False, "Interchange 101: code (blank)."),
    ],
)
def test_ta1(ta1: str, accepted: bool, message: str) -> None:
    (ack,) = read_ta1(f"{ENVELOPE}{ta1}~\nIEA*0*000000555~\n")
    assert (ack.accepted, ack.interchange_control_number) == (accepted, ta1.split("*")[1])
    assert ack.message.startswith(message)


def test_a_ta1_before_a_999_is_found_beside_it() -> None:
    both = ACK_999.replace("GS*FA", "TA1*000000101*260115*1200*A*000~\nGS*FA")
    assert [ack.accepted for ack in read_ta1(both)] == [True]
    assert len(read_999(both)) == 1


# --- 999 ------------------------------------------------------------------------------------------------------------


def test_a_999_answers_each_claim_of_the_batch() -> None:
    (ack,) = read_999(ACK_999)
    assert (ack.group_control_number, ack.accepted, ack.code, ack.functional_id) == ("101", True, "P", "HC")
    assert (ack.transactions_included, ack.transactions_received, ack.transactions_accepted) == (3, 3, 2)
    assert [(t.control_number, t.accepted, t.code) for t in ack.transactions] == [
        ("0001", True, "A"),
        ("0002", False, "R"),
        ("0003", True, "E"),
    ]
    assert ack.transactions[0].errors == ()
    assert ack.transactions[1].errors == (
        "SBR (segment 13 in loop 2000B): the segment has faulty elements.",
        "Found near CLM01 PT000124-1.",
        'SBR09: the code is not valid. Value: "ZQ".',
        "NM1 (segment 20 in loop 2010BB): a required segment is missing.",
        "The transaction: one or more segments are faulty.",
        "The transaction: the guide's rules are broken in one or more segments.",
    )
    assert 'SV101-2: the pattern of the value does not follow the guide. Value: "9711".' in ack.transactions[2].errors


@pytest.mark.parametrize(
    ("ak9", "accepted"), [("A", True), ("E", True), ("P", True), ("R", False), ("X", False), ("", False)]
)
def test_the_group_verdict(ak9: str, accepted: bool) -> None:
    (ack,) = read_999(ACK_999.replace("AK9*P", f"AK9*{ak9}"))
    assert ack.accepted is accepted


def test_an_answer_cut_off_counts_as_not_accepted() -> None:
    (ack,) = read_999(ACK_999[: ACK_999.index("IK5*R")])
    assert [t.accepted for t in ack.transactions] == [True, False]
    assert not ack.accepted
    assert ack.errors == ("the acknowledgement has no AK9: it was cut off",)


def test_an_old_997_is_read_too() -> None:
    old = ACK_999.replace("IK3", "AK3").replace("IK4", "AK4").replace("IK5", "AK5").replace("ST*999", "ST*997")
    assert [t.accepted for t in read_999(old)[0].transactions] == [True, False, True]


def test_unknown_codes_are_named_by_number() -> None:
    (ack,) = read_999(ACK_999.replace("IK4*9*1032*7*ZQ", "IK4*9*1032*77*ZQ"))
    assert 'SBR09: code 77. Value: "ZQ".' in ack.transactions[1].errors


# --- 277CA ----------------------------------------------------------------------------------------------------------


def test_a_277ca_answers_batch_and_claims() -> None:
    batch, jane, jane2, rick = read_277ca(CA_277)
    assert (batch.level, batch.accepted, batch.batch_reference) == ("receiver", True, batch_reference(BATCH, 0))
    assert batch.patient_control_number == ""
    assert (jane.level, jane.accepted, jane.patient_control_number) == ("claim", True, "PT000123-1")
    assert (jane.payer_claim_control_number, jane.clearinghouse_trace_number) == ("PAYERICN001", "CLM0000000123")
    assert (jane.charge, jane.service_date, jane.status_date) == (Decimal(220), date(2026, 1, 10), date(2026, 1, 15))
    assert (jane.provider_npi, jane.responder_name, jane.responder_id) == ("1234567893", "EXAMPLE HEALTH PLAN", "60054")
    assert (jane2.patient_control_number, jane2.member_id, jane2.charge) == ("PT000123-2", "ABC123456789", Decimal(70))
    assert jane2.payer_claim_control_number == ""
    assert (rick.accepted, rick.category_code, rick.status_code, rick.entity) == (False, "A3", "21", "82")
    assert [s.status_code for s in rick.statuses] == ["21", "562"]
    assert rick.message == (
        "returned as not processable: information is missing or invalid (the rendering provider) [A3:21:82]; "
        "returned as not processable: NPI (the rendering provider) [A3:562:82]. CALL US"
    )


@pytest.mark.parametrize(
    ("stc", "accepted"),
    [
        ("A0:16:PR*20260115*WQ*220", True),
        ("A1:19:PR*20260115*WQ*220", True),
        ("A2:20:PR*20260115*WQ*220", True),
        ("A5:17:PR*20260115*WQ*220", True),
        ("A3:21:85*20260115*U*220", False),
        ("A4:35:PR*20260115*U*220", False),
        ("A6:164:IL*20260115*U*220", False),
        ("A7:453*20260115*U*220", False),
        ("A8:732*20260115*U*220", False),
        ("A2:20:PR*20260115*U*220", False),
        ("A7:562:85*20260115*WQ*220", False),
        ("A2:20:PR*20260115*WQ*220******A7:507", False),
    ],
)
def test_which_answers_mean_rejection(stc: str, accepted: bool) -> None:
    answers = read_277ca(CA_277.replace("A2:20:PR*20260115*WQ*220", stc))
    claim = next(a for a in answers if a.patient_control_number == "PT000123-1")
    assert claim.accepted is accepted
    if not accepted and stc[:2] != "A2":
        assert claim.category_code == stc[:2]


def test_a_whole_batch_may_be_rejected_without_naming_claims() -> None:
    text = (
        CA_277[: CA_277.index("HL*3")].replace("A1:19:PR*20260115*WQ", "A8:496:85*20260115*U").replace("21*1", "21*0")
    )
    (answer,) = read_277ca(text + "SE*11*0001~\n" + TRAILER)
    assert (answer.level, answer.accepted, answer.category_code) == ("receiver", False, "A8")
    assert "not approved to send claims" in answer.message


def test_a_provider_may_be_rejected_with_and_without_trace() -> None:
    for trace in ("TRN*1*0~\n", ""):
        text = CA_277.replace("XX*1234567893~\n", f"XX*1234567893~\n{trace}STC*A8:24:85**U*220~\n")
        provider = next(a for a in read_277ca(text) if a.level == "provider")
        assert (provider.accepted, provider.patient_control_number, provider.provider_npi) == (False, "", "1234567893")


def test_a_number_of_zeros_is_no_number() -> None:
    answers = read_277ca(CA_277.replace("TRN*2*PT000124-1", "TRN*2*000000"))
    assert answers[-1].patient_control_number == ""


def test_odd_content_never_raises() -> None:
    odd = CA_277.replace("*WQ*220", "*WQ*1E5").replace("D8*20260110", "D8*2026")
    jane = read_277ca(odd)[1]
    assert (jane.charge, jane.service_date) == (None, None)
    for end in range(0, len(CA_277), 7):
        if end > len(ENVELOPE):
            read_277ca(CA_277[:end])
            read_999(ACK_999[:end])


def test_charge_is_decimal() -> None:
    assert read_277ca(CA_277.replace("WQ*220", "WQ*220.10"))[1].charge == Decimal("220.10")


def test_a_claim_status_response_is_no_acknowledgement() -> None:
    assert read_277ca(CA_277.replace("005010X214", "005010X212")) == []
