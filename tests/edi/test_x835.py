"""The remittance: what the payer said, kept whole, and whether it adds up."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edi.tokens import UnreadableFile
from edi.x835 import Adjustment, ProviderAdjustment, Remittance, balance, balance_claim, read_835, stream_835_claims
from tests.edi.examples import ERA


def read(text: str) -> Remittance:
    (remittance,) = read_835(text)
    return remittance


def codes(text: str) -> list[str]:
    return [problem.code for problem in balance(read(text))]


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_payment() -> None:
    era = read(ERA)
    assert replace(era, claims=(), raw_segments=()) == Remittance(
        payer_name="EXAMPLE HEALTH PLAN",
        payer_id="60054",
        payee_name="CEDAR PHYSICAL THERAPY LLC",
        payee_npi="1234567893",
        payee_tax_id="742345678",
        trace_number="EFT0012345",
        payer_trace_id="1512345678",
        payment_method="ACH",
        handling_code="I",
        credit_debit="C",
        payment_amount=Decimal("111.4"),
        payment_date=date(2026, 2, 3),
        production_date=date(2026, 2, 1),
        provider_adjustments=(
            ProviderAdjustment("1234567893", date(2026, 12, 31), "WO", "PAYERICN009", Decimal(-45), 36),
        ),
        sender_id="PAYERID",
        receiver_id="CEDARPT",
        usage_indicator="P",
        interchange_control_number="000000777",
        group_control_number="777",
        transaction_control_number="0001",
        version="005010X221A1",
        claim_count=3,
        line_count=4,
        claims_paid=Decimal("66.4"),
        segment_number=3,
    )


def test_the_claim_and_its_lines() -> None:
    claim = read(ERA).claims[0]
    assert (claim.patient_control_number, claim.payer_claim_control_number) == ("PT000123-1", "PAYERICN001")
    assert (claim.status_code, claim.filing_indicator, claim.place_of_service, claim.frequency_code) == (
        "1",
        "12",
        "11",
        "1",
    )
    assert (claim.charge, claim.paid, claim.patient_responsibility) == (Decimal(220), Decimal("126.4"), Decimal(25))
    assert (claim.patient_last_name, claim.patient_first_name, claim.member_id) == ("DOE", "JANE", "ABC123456789")
    assert (claim.rendering_npi, claim.remark_codes, claim.segment_number) == ("1679576722", ("MA01",), 12)
    assert (claim.service_date_from, claim.received_date) == (date(2026, 1, 10), date(2026, 1, 16))
    first, second = claim.lines
    assert (first.procedure_code, first.modifiers, first.units) == ("97110", ("GP",), Decimal(2))
    assert (first.charge, first.paid, first.allowed_amount) == (Decimal(150), Decimal("86.4"), Decimal("111.4"))
    assert first.adjustments == (Adjustment("CO", "45", Decimal("38.6")), Adjustment("PR", "3", Decimal(25)))
    assert (first.line_control_number, first.service_date, first.segment_number) == ("123-1-1", date(2026, 1, 10), 18)
    assert (second.modifiers, second.line_control_number) == (("GP", "59"), "123-1-2")


def test_nothing_is_dropped() -> None:
    text = ERA.replace("DTM*050*20260116~", "DTM*050*20260116~\nZZZ*NEW*THING~")
    claim = read(text).claims[0]
    assert "ZZZ*NEW*THING" in claim.raw_segments
    body = [
        line for line in text.replace("~", "").splitlines() if not line.startswith(("ISA", "GS", "SE", "GE", "IEA"))
    ]
    era = read(text)
    kept = [*era.raw_segments, *(raw for claim in era.claims for raw in claim.raw_segments)]
    assert sorted(kept) == sorted(body)


def test_a_reversal_is_named_and_balances_with_its_signs() -> None:
    reversal = read(ERA).claims[1]
    assert reversal.is_reversal
    assert (reversal.charge, reversal.paid, reversal.lines[0].adjustments[0].amount) == tuple(
        map(Decimal, (-150, -60, -90))
    )
    assert balance_claim(reversal) == []


@pytest.mark.parametrize(
    ("change", "crossover"),
    [
        (("CLP*PT000123-1*1*", "CLP*PT000123-1*19*"), True),
        (("NM1*82*1*LEE", "NM1*TT*2*MEDIGAP*****PI*99~\nNM1*82*1*LEE"), True),
        (("MOA***MA01", "MOA***MA18"), True),
        (("MOA***MA01", "MOA***MA01*N130"), False),
    ],
)
def test_crossover_is_seen_so_that_nobody_bills_twice(change: tuple[str, str], crossover: bool) -> None:
    assert read(ERA.replace(*change)).claims[0].crossover is crossover


@pytest.mark.parametrize(
    ("svc", "code", "modifiers", "original"),
    [
        ("SVC*HC:97110GP*150*86.4**2~", "97110", ("GP",), ""),
        ("SVC*HC:97110GP59*150*86.4**2~", "97110", ("GP", "59"), ""),
        ("SVC*97110*150*86.4**2~", "97110", (), ""),
        ("SVC*HC:97110:GP:59:KX:CQ*150*86.4**2~", "97110", ("GP", "59", "KX", "CQ"), ""),
        ("SVC*HC:97112:GP*150*86.4**2*HC:97110:GP*3~", "97112", ("GP",), "97110"),
        ("SVC*ER:XX999*150*86.4~", "XX999", (), ""),
    ],
)
def test_how_payers_write_procedures(svc: str, code: str, modifiers: tuple[str, ...], original: str) -> None:
    line = read(ERA.replace("SVC*HC:97110:GP*150*86.4**2~", svc)).claims[0].lines[0]
    assert (line.procedure_code, line.modifiers, line.original_code) == (code, modifiers, original)
    assert line.units == (1 if svc.startswith("SVC*ER") else 2)


def test_a_cas_holds_six_reasons_and_may_leave_slots_blank() -> None:
    cas = "CAS*CO*45*10**253*1.6*1*59*27~\nCAS*PR*1*5**2*0**3*20*~"
    line = read(ERA.replace("CAS*CO*45*38.6~\nCAS*PR*3*25~", cas)).claims[0].lines[0]
    assert [(a.group_code, a.reason_code, a.amount, a.quantity) for a in line.adjustments] == [
        ("CO", "45", Decimal(10), None),
        ("CO", "253", Decimal("1.6"), Decimal(1)),
        ("CO", "59", Decimal(27), None),
        ("PR", "1", Decimal(5), None),
        ("PR", "2", Decimal(0), None),
        ("PR", "3", Decimal(20), None),
    ]


def test_claim_level_money() -> None:
    claim = read(
        ERA.replace("DTM*232*20260110~\nDTM*050", "CAS*OA*23*0~\nAMT*I*1.25~\nAMT*AU*111.4~\nDTM*050", 1)
    ).claims[0]
    assert (claim.interest_amount, claim.coverage_amount) == (Decimal("1.25"), Decimal("111.4"))
    assert claim.adjustments == (Adjustment("OA", "23", Decimal(0)),)


def test_several_transactions_come_one_at_a_time() -> None:
    first, second = ERA.split("GE*1*777~")[0], ERA[ERA.index("ST*835") : ERA.index("GE*1")].replace("0001~", "0002~")
    eras = list(read_835(first + second + "GE*2*777~\nIEA*1*000000777~\n"))
    assert [era.transaction_control_number for era in eras] == ["0001", "0002"]
    assert eras[0].claims[0].lines == eras[1].claims[0].lines[:0] + tuple(
        line._replace(segment_number=line.segment_number - 35) for line in eras[1].claims[0].lines
    )
    assert [era.problems for era in eras] == [(), ()]


def test_other_transactions_are_passed_over() -> None:
    assert list(read_835(ERA.replace("ST*835", "ST*999"))) == []


# --- bad values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["1E5", "--", "", " ", "NaN", "Infinity", "1_0", "+5", "12,00", "9" * 19, "٣", "1.2.3"]
)
@pytest.mark.parametrize(
    ("segment", "bad"),
    [
        ("CLP*PT000123-1*1*220*", "CLP*PT000123-1*1*{}*"),
        ("CLP*PT000123-1*1*220*126.4*", "CLP*PT000123-1*1*220*{}*"),
        ("SVC*HC:97110:GP*150*86.4", "SVC*HC:97110:GP*{}*86.4"),
        ("SVC*HC:97110:GP*150*86.4", "SVC*HC:97110:GP*150*{}"),
        ("CAS*CO*45*38.6", "CAS*CO*45*{}"),
        ("AMT*B6*111.4", "AMT*B6*{}"),
        ("BPR*I*111.4*", "BPR*I*{}*"),
        ("WO:PAYERICN009*-45", "WO:PAYERICN009*{}"),
    ],
)
def test_an_amount_that_is_none_becomes_a_problem(segment: str, bad: str, value: str) -> None:
    assert segment in ERA
    era = read(ERA.replace(segment, bad.format(value), 1))
    (problem,) = era.problems
    assert problem.code == ("AMOUNT" if value.strip() else "BLANK_AMOUNT")
    assert bad.format(value).rstrip("* ") in problem.segment
    assert problem.segment_number
    assert (value.strip() or "blank") in problem.message
    balance(era)


@pytest.mark.parametrize(
    ("text", "value"), [("-0", "0"), ("0.00", "0.00"), (".5", "0.5"), ("5.", "5"), ("-.01", "-0.01")]
)
def test_odd_but_legal_amounts(text: str, value: str) -> None:
    era = read(ERA.replace("AMT*B6*111.4", f"AMT*B6*{text}"))
    assert era.problems == ()
    amount = era.claims[0].lines[0].allowed_amount
    assert amount == Decimal(value)
    assert not str(amount).startswith("-0") or amount


def test_every_prefix_of_a_file_is_read_or_refused_once() -> None:
    data = ERA.encode()
    for end in range(len(data)):
        try:
            eras = list(read_835(data[:end]))
        except UnreadableFile:
            assert end < ERA.index("GS*"), "only a broken ISA makes a file unreadable"
            continue
        for era in eras:
            balance(era)
            assert end >= ERA.index("SE*35") + 3 or {p.code for p in era.problems} & {"TRUNCATED", "NO_BPR", "COUNT"}


@given(position=st.integers(0, len(ERA) - 1), noise=st.text(min_size=0, max_size=3))
@settings(max_examples=150)
def test_noise_anywhere_never_crashes_the_reader(position: int, noise: str) -> None:
    try:
        for era in read_835(ERA[:position] + noise + ERA[position + 1 :]):
            balance(era)
    except UnreadableFile:
        assert position < 110, "only a broken ISA makes a file unreadable"


# --- balancing ------------------------------------------------------------------------------------------------------


def test_a_good_file_balances() -> None:
    assert balance(read(ERA)) == []


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        # one figure at a time is wrong; the levels that see it say so, with the difference
        ("SVC*HC:97110:GP*150*86.4", "SVC*HC:97110:GP*151*86.4", {"SERVICE_BALANCE": "1", "LINES_TOTAL": "-1"}),
        ("SVC*HC:97110:GP*150*86.4", "SVC*HC:97110:GP*150*86.5", {"SERVICE_BALANCE": "-0.1"}),
        ("CAS*CO*45*38.6", "CAS*CO*45*38.5", {"SERVICE_BALANCE": "0.1", "CLAIM_BALANCE": "0.1"}),
        ("CAS*CO*45*38.6", "CAS*CO*45*-38.6", {"SERVICE_BALANCE": "77.2", "CLAIM_BALANCE": "77.2"}),
        (
            "CAS*PR*3*25",
            "CAS*PR*3*20",
            {"SERVICE_BALANCE": "5", "CLAIM_BALANCE": "5", "PATIENT_RESPONSIBILITY": "5"},
        ),
        ("CAS*PR*3*25~\n", "", {"SERVICE_BALANCE": "25", "CLAIM_BALANCE": "25", "PATIENT_RESPONSIBILITY": "25"}),
        ("CLP*PT000123-1*1*220*", "CLP*PT000123-1*1*230*", {"LINES_TOTAL": "10", "CLAIM_BALANCE": "10"}),
        ("*220*126.4*25*", "*220*126.5*25*", {"CLAIM_BALANCE": "-0.1", "TRANSACTION_BALANCE": "-0.1"}),
        ("*220*126.4*25*", "*220*126.4*24*", {"PATIENT_RESPONSIBILITY": "-1"}),
        ("*220*126.4*25*", "*220*126.4**", {"PATIENT_RESPONSIBILITY": "-25"}),
        ("BPR*I*111.4*", "BPR*I*111.41*", {"TRANSACTION_BALANCE": "0.01"}),
        ("PAYERICN009*-45", "PAYERICN009*45", {"TRANSACTION_BALANCE": "90"}),
        ("PLB*1234567893*20261231*WO:PAYERICN009*-45~\n", "", {"TRANSACTION_BALANCE": "45"}),
        (
            "DTM*050*20260116~",
            "DTM*050*20260116~\nCAS*CO*45*1~",
            {"CLAIM_BALANCE": "-1"},
        ),
    ],
)
def test_each_level_says_where_and_by_how_much(good: str, bad: str, expected: dict[str, str]) -> None:
    assert good in ERA
    problems = balance(read(ERA.replace(good, bad, 1)))
    assert {p.code: p.amount for p in problems} == {code: Decimal(amount) for code, amount in expected.items()}
    for problem in problems:
        assert "off by" in problem.message
        assert problem.segment_number
        assert (problem.claim == "PT000123-1") == (problem.code != "TRANSACTION_BALANCE")
        assert (problem.severity == "warn") == (problem.code == "PATIENT_RESPONSIBILITY")


def test_the_worked_example_of_the_trade() -> None:
    """Claims of 120 and 80, 50 taken back, 1.25 interest paid: 151.25."""
    claims = tuple(read(ERA).claims[0]._replace(paid=Decimal(paid)) for paid in (120, 80))
    taken = ProviderAdjustment("1", None, "WO", "", Decimal(50))
    interest = ProviderAdjustment("1", None, "L6", "", Decimal("-1.25"))
    era = Remittance(payment_amount=Decimal("151.25"), claims=claims, provider_adjustments=(taken, interest))
    assert [p.code for p in balance(era) if p.segment == "BPR"] == []
    wrong = replace(era, payment_amount=Decimal("148.75"))
    assert [p.amount for p in balance(wrong) if p.segment == "BPR"] == [Decimal("-2.50")]


def test_claims_without_lines_balance_at_claim_level() -> None:
    text = ERA[: ERA.index("LX*1")] + "CLP*A*1*100*60*40*12~\nCAS*PR*3*40~\nSE*12*0001~\nGE*1*777~\nIEA*1*000000777~\n"
    assert codes(text.replace("BPR*I*111.4", "BPR*I*60")) == []
    assert codes(text.replace("BPR*I*111.4", "BPR*I*60").replace("PR*3*40", "PR*3*30")) == [
        "CLAIM_BALANCE",
        "PATIENT_RESPONSIBILITY",
    ]


def test_plb_pairs_are_all_counted() -> None:
    text = ERA.replace("WO:PAYERICN009*-45", "WO:PAYERICN009*-40*L6:X*-5*FB*0")
    era = read(text)
    assert [(a.reason_code, a.reference, a.amount) for a in era.provider_adjustments] == [
        ("WO", "PAYERICN009", Decimal(-40)),
        ("L6", "X", Decimal(-5)),
        ("FB", "", Decimal(0)),
    ]
    assert balance(era) == []


# --- large files ----------------------------------------------------------------------------------------------------


def large(claims: int) -> str:
    head, rest = ERA.split("CLP*PT000123-1", 1)
    claim = "CLP*PT000123-1" + rest[: rest.index("CLP*")]
    tail = "SE*0*0001~\nGE*1*777~\nIEA*1*000000777~\n"
    return head.replace("111.4", str(Decimal("126.4") * claims)) + claim * claims + tail


def test_streaming_says_the_same_as_reading() -> None:
    text = large(40)
    streamed = list(stream_835_claims(text))
    era = read(text)
    assert tuple(claim for _, claim in streamed if claim is not None) == era.claims
    closing, last = streamed[-1]
    assert last is None
    assert replace(era, claims=()) == closing
    assert balance(closing) == []
    assert (closing.claim_count, closing.line_count, closing.claims_paid) == (40, 80, Decimal("5056.0"))
    assert streamed[0][0].payer_name == "EXAMPLE HEALTH PLAN"


def test_claims_that_cross_a_window_are_whole() -> None:
    era = read(large(1_000))
    assert len(large(1_000)) > 4 * (1 << 16)
    assert {len(claim.raw_segments) for claim in era.claims} == {16}
    assert balance(era) == []


def test_streaming_holds_one_claim_at_a_time() -> None:
    def peak(claims: int) -> int:
        text = large(claims)
        tracemalloc.start()
        for _ in stream_835_claims(text):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(50)  # fills what is remembered between files
    assert peak(4_000) < 2 * peak(400)
