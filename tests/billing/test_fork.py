"""The fork: which of extension, write-off and patient-pay is open for a visit beyond its limit, and why not."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.coding import code_claim
from billing.fork import Excess, ForkFacts, Notice, estimate, excess_of, notice_helps, ways
from billing.vocabulary import BeneficiaryChoice, FinancialNotice, SignatureState
from tests.billing.builders import VISIT, context, encounter, terms

SIGNED = Notice(FinancialNotice.WAIVER, Decimal("180.00"), VISIT, SignatureState.SIGNED, VISIT)


def facts(plan: dict[str, Any] | None = None, **overrides: Any) -> ForkFacts:
    """A visit of $180 beyond its authorization, its notice signed that day."""
    usual: dict[str, Any] = {
        "terms": terms(**(plan or {})),
        "excess": Excess.AUTHORIZATION,
        "date_of_service": VISIT,
        "charge": Decimal("180.00"),
        "notice": SIGNED,
    }
    return ForkFacts(**(usual | overrides))


def notice(**overrides: Any) -> Notice:
    """The signed notice, changed."""
    return Notice(**{name: overrides.get(name, getattr(SIGNED, name)) for name in Notice.__slots__})


def open_ways(of: ForkFacts) -> set[str]:
    return {way.key for way in ways(of) if way.allowed}


def why_not(of: ForkFacts) -> str:
    """The sentence with which the patient may not pay."""
    [pays] = [way for way in ways(of) if way.key == "patient_pay"]
    assert not pays.allowed
    return pays.why


def test_beyond_an_authorization_with_a_signed_notice_all_three_ways_are_open() -> None:
    assert open_ways(facts()) == {"extension", "write_off", "patient_pay"}


def test_no_authorization_extends_a_contract_exclusion_but_a_soft_limit_can_be_extended() -> None:
    assert "extension" not in open_ways(facts(excess=Excess.HARD_LIMIT))
    assert "extension" in open_ways(facts(excess=Excess.SOFT_LIMIT))


@pytest.mark.parametrize(
    ("codes", "excess"),
    [
        (["A1"], Excess.AUTHORIZATION),
        (["A4", "B2"], Excess.SOFT_LIMIT),
        (["B2", "B1", "A1"], Excess.HARD_LIMIT),
        (["P-7"], None),
        ([], None),
    ],
)
def test_the_hardest_excess_names_the_fork(codes: list[str], excess: Excess | None) -> None:
    assert excess_of(codes) is excess


def test_the_contract_may_forbid_billing_the_patient_whatever_was_signed() -> None:
    forbidden = facts({"patient_may_be_billed_beyond_limit": False, "source": "contract 4.2"})
    assert "forbids billing the patient" in why_not(forbidden)
    assert "contract 4.2" in why_not(forbidden)
    assert open_ways(forbidden) == {"extension", "write_off"}
    assert not notice_helps(forbidden)
    assert notice_helps(facts(notice=None))


@pytest.mark.parametrize("group", ["CO", "PI", "OA"])
def test_only_pr_lets_a_payers_answer_reach_the_patient(group: str) -> None:
    assert group in why_not(facts(group_code=group, claim_is_out=True))
    assert "patient_pay" in open_ways(facts(group_code="PR", claim_is_out=True, notice=None))


def test_before_the_payers_answer_a_claim_that_is_out_keeps_the_patient_out() -> None:
    assert "already out" in why_not(facts(claim_is_out=True))


@pytest.mark.parametrize(
    ("given_notice", "sentence"),
    [
        (None, "none was made"),
        (notice(signature_state=SignatureState.UNSIGNED, signed_on=None), "not signed"),
        (notice(signature_state=SignatureState.UNSIGNED, signed_on=None, presented_on=None), "not presented yet"),
        (notice(signature_state=SignatureState.REFUSED, signed_on=None), "refused to sign"),
        (notice(signed_on=VISIT + timedelta(days=1)), "after the visit"),
        (notice(kind=FinancialNotice.ABN), "none was made"),
    ],
)
def test_without_the_notice_the_plan_wants_the_patient_does_not_pay(given_notice: Notice | None, sentence: str) -> None:
    assert sentence in why_not(facts(notice=given_notice))


def test_a_plan_may_want_no_notice_or_take_a_late_signature() -> None:
    assert "patient_pay" in open_ways(facts({"financial_notice": "none"}, notice=None))
    late = notice(signed_on=VISIT + timedelta(days=1))
    assert "patient_pay" in open_ways(facts({"financial_notice_in_advance": False}, notice=late))


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [(BeneficiaryChoice.BILL_MEDICARE, "GA on the lines"), (BeneficiaryChoice.NO_SERVICE, "not to have the service")],
)
def test_an_abn_lets_the_patient_pay_only_with_option_2(choice: BeneficiaryChoice, sentence: str) -> None:
    medicare = {"financial_notice": "abn"}
    assert sentence in why_not(facts(medicare, notice=notice(kind=FinancialNotice.ABN, choice=choice)))
    option_2 = notice(kind=FinancialNotice.ABN, choice=BeneficiaryChoice.DO_NOT_BILL)
    assert "patient_pay" in open_ways(facts(medicare, notice=option_2))


def test_an_estimate_binds_within_a_hundred_dollars_or_a_quarter() -> None:
    assert "patient_pay" in open_ways(facts(charge=Decimal("280.00")))
    assert "Make a new notice" in why_not(facts(charge=Decimal("280.01")))
    told_1000 = notice(estimate=Decimal("1000.00"))
    assert "patient_pay" in open_ways(facts(charge=Decimal("1250.00"), notice=told_1000))
    assert "Make a new notice" in why_not(facts(charge=Decimal("1250.01"), notice=told_1000))


def test_a_write_off_above_ones_limit_is_a_supervisors() -> None:
    assert "write_off" not in open_ways(facts(write_off_limit=Decimal("50.00")))
    assert "write_off" in open_ways(facts(write_off_limit=Decimal("180.00")))


def test_the_estimate_is_the_charges_line_by_line() -> None:
    total, steps = estimate(code_claim(encounter(), context()))
    assert total == Decimal("178.00")
    assert [step.text for step in steps][:2] == ["97110: 2 x $60.00 = $120.00", "97140: 1 x $58.00 = $58.00"]
    assert "would have allowed" in steps[-1].text


@given(
    forbidden=st.booleans(),
    out=st.booleans(),
    group=st.sampled_from(["", "CO", "PR", "PI", "OA"]),
    state=st.sampled_from(SignatureState),
    late=st.integers(-2, 2),
    excess=st.sampled_from(Excess),
    charge=st.decimals(1, 2000, places=2),
)
def test_the_patient_never_pays_where_contract_group_or_signature_forbid(
    forbidden: bool, out: bool, group: str, state: SignatureState, late: int, excess: Excess, charge: Decimal
) -> None:
    signed_on = date.fromordinal(VISIT.toordinal() + late) if state is SignatureState.SIGNED else None
    given_notice = notice(signature_state=state, signed_on=signed_on, estimate=charge)
    plan = {"patient_may_be_billed_beyond_limit": not forbidden}
    found = ways(facts(plan, excess=excess, charge=charge, notice=given_notice, claim_is_out=out, group_code=group))
    assert [way.key for way in found] == ["extension", "write_off", "patient_pay"]
    assert all(way.why for way in found)
    if found[2].allowed:
        assert not forbidden
        assert group in ("", "PR")
        assert group == "PR" or (not out and state is SignatureState.SIGNED and late <= 0)
