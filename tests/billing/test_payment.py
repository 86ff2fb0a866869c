"""What should be paid: the arithmetic, and the yearly figures."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import annual
from billing.annual import conversion_factor, fee_schedule_amount, kx_threshold
from billing.payment import PayableLine, allow, expect
from billing.practice import PlanTerms
from tests.billing.builders import terms

ON = date(2024, 6, 1)
CODES = ("97530", "97110", "97140", "97161", "97112")
SCHEDULE = {code: amount for code in CODES if (amount := fee_schedule_amount(code, ON)) is not None}
NO_CHARGES: Mapping[str, Decimal] = {}


def part_b(**overrides: object) -> PlanTerms:
    base: dict[str, object] = {
        "allowed_amounts": SCHEDULE,
        "mppr_percent": Decimal(50),
        "assistant_percent": Decimal(85),
        "sequestration_percent": Decimal(2),
    }
    return terms(**{**base, **overrides})


@pytest.mark.parametrize(
    ("lines", "unreduced", "allowed"),
    [
        ("97530x1 97110x2 97140x1", "122.16", ["36.62", "44.60", "20.80"]),
        ("97161x1 97110x1", "129.49", ["100.20", "22.30"]),
        ("97112x1 97110x2", "92.20", ["33.62", "44.60"]),
    ],
)
def test_multiple_procedure_reduction_of_2024(lines: str, unreduced: str, allowed: list[str]) -> None:
    payable = [PayableLine(*_read(line)) for line in lines.split()]
    amounts, steps = allow(payable, part_b(), NO_CHARGES, ON)
    assert [str(amount) for amount in amounts] == allowed
    assert any("MPPR" in step.text for step in steps)
    full, _ = allow(payable, part_b(mppr_percent=Decimal(0)), NO_CHARGES, ON)
    assert abs(sum(full) - Decimal(unreduced)) <= Decimal("0.01")  # the manual rounds once, we round every unit


def _read(line: str) -> tuple[str, int]:
    code, units = line.split("x")
    return code, int(units)


def test_another_claim_of_the_day_may_hold_the_full_unit() -> None:
    amounts, _ = allow([PayableLine("97110", 1)], part_b(), NO_CHARGES, ON, [PayableLine("97530", 1)])
    assert amounts == (Decimal("22.30"),)
    amounts, _ = allow([PayableLine("97530", 1)], part_b(), NO_CHARGES, ON, [PayableLine("97110", 1)])
    assert amounts == (Decimal("36.62"),)


def test_order_of_cuts_for_an_assistants_line() -> None:
    plan = part_b(allowed_amounts={"97110": Decimal("22.30")}, mppr_percent=Decimal(0))
    expected = expect([PayableLine("97110", 1, assisted=True)], plan, NO_CHARGES, ON)
    assert (expected.allowed, expected.patient, expected.payer) == (Decimal("22.30"), Decimal("4.46"), Decimal("14.86"))
    unsequestered = expect(
        [PayableLine("97110", 1, assisted=True)],
        part_b(allowed_amounts={"97110": Decimal("22.30")}, mppr_percent=Decimal(0), sequestration_percent=Decimal(0)),
        NO_CHARGES,
        ON,
    )
    assert (unsequestered.payer, unsequestered.payer + unsequestered.patient) == (Decimal("15.16"), Decimal("19.62"))


def test_copay_is_taken_once_a_visit() -> None:
    plan = terms(
        copay=Decimal(30),
        coinsurance_percent=Decimal(0),
        allowed_amounts={"97110": Decimal(25), "97140": Decimal(20)},
    )
    expected = expect([PayableLine("97110", 1), PayableLine("97140", 1)], plan, NO_CHARGES, ON)
    assert [line.patient for line in expected.lines] == [Decimal(25), Decimal(5)]
    assert expected.payer == Decimal(15)


PLAIN_TERMS = {"allowed_amounts": {"97110": Decimal(40), "97140": Decimal(30)}}


@pytest.mark.parametrize(
    ("deductible", "patient", "payer"),
    [
        (None, ["8.00", "6.00"], "56.00"),
        ("0.00", ["8.00", "6.00"], "56.00"),
        ("25.00", ["28.00", "6.00"], "36.00"),  # 25 + 20 % of 15; 20 % of 30
        ("40.00", ["40.00", "6.00"], "24.00"),
        ("50.00", ["40.00", "14.00"], "16.00"),  # 40; 10 + 20 % of 20
        ("283.00", ["40.00", "30.00"], "0.00"),
    ],
)
def test_deductible_before_coinsurance(deductible: str | None, patient: list[str], payer: str) -> None:
    lines = [PayableLine("97110", 1), PayableLine("97140", 1)]
    left = Decimal(deductible) if deductible is not None else None
    expected = expect(lines, terms(**PLAIN_TERMS), NO_CHARGES, ON, (), left)
    assert [str(line.patient) for line in expected.lines] == patient
    assert expected.payer == Decimal(payer)
    assert any("not told" in step.text for step in expected.steps) == (deductible is None)


def test_deductible_before_the_assistants_cut_and_sequestration() -> None:
    plan = part_b(allowed_amounts={"97110": Decimal("22.30")}, mppr_percent=Decimal(0))
    expected = expect([PayableLine("97110", 1, assisted=True)], plan, NO_CHARGES, ON, (), Decimal("12.30"))
    # 10.00 left to share: 2.00 coinsurance, 8.00 x 85 % = 6.80, less 2 % = 6.66
    assert (expected.patient, expected.payer) == (Decimal("14.30"), Decimal("6.66"))
    assert any("deductible $12.30 left before, $12.30 met by this visit" in step.text for step in expected.steps)


def test_a_copay_takes_what_the_deductible_leaves() -> None:
    plan = terms(copay=Decimal(30), coinsurance_percent=Decimal(0), **PLAIN_TERMS)
    expected = expect([PayableLine("97110", 1)], plan, NO_CHARGES, ON, (), Decimal(25))
    assert (expected.patient, expected.payer) == (Decimal(40), Decimal(0))


def test_share_of_the_fee_and_never_above_the_charge() -> None:
    assert allow([PayableLine("97110", 2)], terms(), {"97110": Decimal(60)}, ON)[0] == (Decimal("74.40"),)
    dear = terms(allowed_amounts={"97110": Decimal(80)})
    assert allow([PayableLine("97110", 2)], dear, {"97110": Decimal(60)}, ON)[0] == (Decimal(120),)


def test_an_unknown_amount_expects_nothing_and_says_so() -> None:
    amounts, steps = allow([PayableLine("97110", 1)], terms(), NO_CHARGES, ON)
    assert amounts == (Decimal("0.00"),)
    assert "nothing expected" in steps[0].text


@pytest.mark.parametrize(
    ("year", "threshold", "known"),
    [
        (2018, 2010, True),
        (2019, 2040, True),
        (2020, 2080, True),
        (2021, 2110, True),
        (2022, 2150, True),
        (2023, 2230, True),
        (2024, 2330, True),
        (2025, 2410, True),
        (2026, 2480, True),
        (2027, 2480, False),
        (2017, 2010, False),
    ],
)
def test_thresholds_by_year(year: int, threshold: int, known: bool) -> None:
    assert kx_threshold(year) == (Decimal(threshold), known)


@pytest.mark.parametrize(
    ("on", "factor"),
    [
        (date(2022, 12, 31), "34.6062"),
        (date(2023, 1, 1), "33.8872"),
        (date(2024, 3, 8), "32.7442"),
        (date(2024, 3, 9), "33.2875"),
        (date(2025, 7, 1), "32.3465"),
        (date(2026, 1, 1), "33.4009"),
    ],
)
def test_conversion_factor_by_day(on: date, factor: str) -> None:
    assert conversion_factor(on) == Decimal(factor)


def test_fee_schedule_of_an_unpriced_code_is_unknown() -> None:
    assert fee_schedule_amount("97799", ON) is None
    assert fee_schedule_amount("XXXXX", ON) is None
    assert Decimal(3000) == annual.REVIEW_THRESHOLD


lines_of_a_day = st.lists(
    st.builds(PayableLine, st.sampled_from(CODES), st.integers(1, 4), st.booleans()), min_size=1, max_size=6
)


@given(lines_of_a_day)
def test_parts_add_up_and_cuts_only_cut(lines: list[PayableLine]) -> None:
    cut, full = (expect(lines, part_b(mppr_percent=Decimal(p)), NO_CHARGES, ON) for p in (50, 0))
    assert cut.allowed <= full.allowed
    for line in cut.lines:
        assert Decimal(0) <= line.payer <= line.allowed - line.patient
    assert cut.payer == sum(line.payer for line in cut.lines)
    assert expect(lines, part_b(), NO_CHARGES, ON) == cut
