"""Benefit limits: what is left of them for a visit, who is warned, who is held, and that nothing is miscounted."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing import benefits
from billing.authorization import AuthorizationChoice
from billing.benefits import Standing, limits_on, period_of, standing
from billing.context import LimitReport, LimitUse
from billing.practice import BenefitLimit
from billing.trace import evaluate
from billing.vocabulary import Care, Discipline, LimitSource, Stage
from tests.billing.builders import VISIT, context, encounter, medicare, service, services, terms

PT, OT, SLP = Discipline.PT, Discipline.OT, Discipline.SLP
NO_AUTHORIZATION = AuthorizationChoice(None, Decimal(0), (), ())


def limit(**overrides: Any) -> BenefitLimit:
    """Twenty PT visits a calendar year, nothing beyond."""
    usual: dict[str, Any] = {"limit_id": "visits", "quantity": 20, "disciplines": ["PT"]}
    return BenefitLimit.model_validate(usual | overrides)


def use(days_before: int, discipline: Discipline = PT, dollars: str = "80.00", **facts: Any) -> LimitUse:
    """Another visit of the patient."""
    day = VISIT - timedelta(days=days_before)
    name = f"{discipline}-{days_before}"
    return LimitUse(encounter_id=name, date_of_service=day, discipline=discipline, dollars=Decimal(dollars), **facts)


def told(quantity: str, of: str = "visits", discipline: Discipline | None = None) -> LimitReport:
    """What others used since 1 January."""
    source = LimitSource.ENTERED
    return LimitReport(of, discipline, date(VISIT.year, 1, 1), Decimal(quantity), VISIT, source)


THIS = LimitUse("this", VISIT, PT, Decimal("80.00"))


def stands(
    of: BenefitLimit, *uses: LimitUse, reports: tuple[LimitReport, ...] = (), visit: LimitUse = THIS
) -> Standing:
    """The limit for the visit, which must fall under it."""
    found = standing(of, visit, uses, reports)
    assert found is not None
    return found


def codes(of: BenefitLimit, *uses: LimitUse, reports: tuple[LimitReport, ...] = (), **facts: Any) -> list[str]:
    """The findings of the clean visit under this limit."""
    around = context(terms=terms(benefit_limits=(of,)), limit_uses=uses, limit_reports=reports, **facts)
    return [finding.code for finding in evaluate(encounter(), around).authorization.findings]


def test_the_twentieth_of_twenty_visits_is_within_the_limit_and_the_next_is_not() -> None:
    nineteen = [use(n) for n in range(1, 20)]
    assert not stands(limit(), *nineteen).exceeded
    assert stands(limit(), *nineteen).left_after == 0
    assert stands(limit(), *nineteen, use(20)).exceeded


def test_what_other_clinics_used_counts_and_the_steps_say_who_told() -> None:
    found = stands(limit(), use(1), use(2), reports=(told("17"),))
    assert (int(found.used), int(found.left), found.exceeded) == (19, 1, False)
    [step] = found.steps
    assert step.text == (
        "visits: PT 2026-01-01 to 2026-12-31: 2 here + 17 elsewhere (entered, as of 2026-03-02) = 19 of 20 visits; "
        "this visit 1 -> 0 left"
    )
    assert stands(limit(), use(1), use(2), reports=(told("17"), told("18"))).exceeded


def test_a_report_about_another_period_or_limit_says_nothing_about_this_one() -> None:
    other = LimitReport("visits", None, date(VISIT.year - 1, 1, 1), Decimal(20), VISIT, LimitSource.ENTERED)
    assert stands(limit(), reports=(other, told("20", of="speech"))).used_elsewhere is None


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"disciplines": ["PT", "OT"]}, 3),
        ({"disciplines": ["PT", "OT"], "combined": False}, 2),
        ({"disciplines": ["PT", "OT"], "day_counts_once": True}, 2),
        ({"disciplines": ["PT"]}, 2),
    ],
)
def test_disciplines_share_a_limit_or_have_each_their_own(overrides: dict[str, Any], expected: int) -> None:
    assert stands(limit(**overrides), use(1), use(2), use(2, OT)).used_here == expected


def test_each_discipline_has_its_own_report_where_it_has_its_own_quantity() -> None:
    each = limit(disciplines=["PT", "OT"], combined=False)
    reports = (told("5", discipline=PT), told("9", discipline=OT))
    assert stands(each, reports=reports).used_elsewhere == 5


def test_a_second_visit_of_the_day_and_discipline_uses_nothing_more() -> None:
    full = [use(n) for n in range(20)]
    assert stands(limit(), *full).this_visit == 0
    assert not stands(limit(), *full).exceeded


def test_habilitative_and_rehabilitative_care_are_limited_apart() -> None:
    habilitative = limit(care="habilitative")
    assert standing(habilitative, THIS, [], []) is None
    visit = LimitUse("this", VISIT, PT, Decimal(80), care=Care.HABILITATIVE)
    found = stands(habilitative, use(1), use(2, care=Care.HABILITATIVE), visit=visit)
    assert found.used_here == 1
    marked = encounter(timing=services(service("97110", modifiers=["96"])))
    assert benefits.care_of(marked) is Care.HABILITATIVE
    assert benefits.care_of(encounter(clinical={"habilitative": True})) is Care.HABILITATIVE
    assert benefits.care_of(encounter()) is Care.REHABILITATIVE


def test_evaluations_count_or_not_as_the_plan_has_it() -> None:
    evaluation = use(1, is_evaluation=True)
    assert stands(limit(), evaluation).used_here == 1
    assert stands(limit(evaluations_count=False), evaluation).used_here == 0


@pytest.mark.parametrize(
    ("on", "first", "last"),
    [
        (date(2026, 9, 30), date(2025, 10, 1), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 10, 1), date(2027, 9, 30)),
        (date(2028, 2, 29), date(2027, 10, 1), date(2028, 9, 30)),
    ],
)
def test_a_plan_year_begins_on_its_own_day(on: date, first: date, last: date) -> None:
    assert period_of(limit(period="plan_year", plan_year_month=10), on) == (first, last)


def test_only_visits_of_the_period_count() -> None:
    assert stands(limit(), use(VISIT.timetuple().tm_yday)).used_here == 0  # 31 December
    assert stands(limit(), use(VISIT.timetuple().tm_yday - 1)).used_here == 1  # 1 January


def test_a_visit_beyond_a_hard_limit_is_held_and_nobody_overrides_it() -> None:
    full = tuple(use(n) for n in range(1, 21))
    answer = evaluate(encounter(), context(terms=terms(benefit_limits=(limit(),)), limit_uses=full))
    assert answer.gate is Stage.AUTHORIZATION
    [finding] = answer.authorization.findings
    assert (finding.code, finding.overridable) == ("B1", False)
    assert finding.evidence["used here"] == "20"
    assert finding.evidence["used elsewhere"] == "nobody has told"


def test_a_visit_beyond_a_soft_limit_needs_a_reason_or_an_authorization() -> None:
    full = tuple(use(n) for n in range(1, 21))
    assert codes(limit(hard=False), *full) == ["B2"]
    around = context(terms=terms(benefit_limits=(limit(hard=False),)), limit_uses=full, overridden=frozenset({"B2"}))
    assert evaluate(encounter(), around).gate is not Stage.AUTHORIZATION
    claim = evaluate(encounter(), around).claim
    granted = AuthorizationChoice("a-1", Decimal(1), (), (), "N-1")
    assert benefits.check(encounter(), around, claim, granted).findings == ()
    assert [finding.code for finding in benefits.check(encounter(), around, claim, NO_AUTHORIZATION).findings] == ["B2"]


def test_people_are_warned_when_little_is_left_and_nothing_is_stopped() -> None:
    assert codes(limit(), *(use(n) for n in range(1, 16))) == []  # four left after this visit
    assert codes(limit(), *(use(n) for n in range(1, 17))) == ["B3"]  # three
    assert codes(limit(warn_left=5), *(use(n) for n in range(1, 15))) == ["B3"]
    warned = context(terms=terms(benefit_limits=(limit(quantity=1),)))
    assert evaluate(encounter(), warned).gate is None


def test_dollars_are_counted_as_allowed_and_a_visit_partly_beyond_is_beyond() -> None:
    dollars = limit(measure="dollars", quantity="200.00")
    assert not stands(dollars, use(1, dollars="120.00")).exceeded
    assert stands(dollars, use(1, dollars="120.01")).exceeded
    assert codes(dollars, use(1, dollars="199.00")) == ["B1"]


def test_pt_and_slp_share_medicares_threshold_and_ot_has_its_own() -> None:
    uses = [use(1, PT, "1500.00"), use(2, SLP, "990.00"), use(3, OT, "700.00")]
    assert benefits.accrued(SLP, VISIT, uses, []) == Decimal("2490.00")
    assert benefits.accrued(OT, VISIT, uses, []) == Decimal("700.00")


def test_other_clinics_use_moves_kx() -> None:
    uses = (use(1, PT, "400.00"),)
    reports = (told("2100.00", of="therapy-threshold-pt-slp"),)
    accrued = benefits.accrued(PT, VISIT, uses, reports)
    assert accrued == Decimal("2500.00")
    answer = evaluate(
        encounter(), context(terms=medicare(), limit_uses=uses, limit_reports=reports, therapy_accrued=accrued)
    )
    assert all("KX" in line.modifiers for line in answer.claim.lines)
    assert not any(finding.code.startswith("B") for finding in answer.authorization.findings)
    assert any("2,500.00" in step.text for step in answer.steps if step.subject == benefits.SUBJECT)


def test_above_the_medical_review_threshold_a_warning_says_to_have_the_records_ready() -> None:
    around = context(
        terms=medicare(),
        limit_uses=(use(1, PT, "1000.00"),),
        limit_reports=(told("1990.00", of="therapy-threshold-pt-slp"),),
    )
    answer = evaluate(encounter(), around)
    assert [finding.code for finding in answer.authorization.findings] == ["B4"]
    assert answer.gate is not Stage.AUTHORIZATION
    assert not limits_on(terms(), VISIT)


def test_a_limit_of_half_a_visit_or_two_limits_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="counted whole"):
        limit(quantity="7.5")
    with pytest.raises(ValidationError, match="same limit_id"):
        terms(benefit_limits=(limit(), limit()))


DAYS = st.integers(0, 60)


@given(
    uses=st.lists(st.tuples(DAYS, st.sampled_from(Discipline)), max_size=40),
    quantity=st.integers(1, 30),
    elsewhere=st.integers(0, 30),
    combined=st.booleans(),
)
def test_a_plain_recount_agrees(
    uses: list[tuple[int, Discipline]], quantity: int, elsewhere: int, combined: bool
) -> None:
    of = limit(quantity=quantity, disciplines=["PT", "OT"], combined=combined)
    report = told(str(elsewhere), discipline=None if combined else PT)
    found = stands(of, *(use(days, discipline) for days, discipline in uses), reports=(report,))
    pooled = {PT, OT} if combined else {PT}
    seen = {(days, discipline) for days, discipline in uses if discipline in pooled}
    adds = 0 if (0, PT) in seen else 1
    assert found.used_here == len(seen)
    assert found.this_visit == adds
    assert found.left == max(0, quantity - elsewhere - len(seen))
    assert found.exceeded == (adds == 1 and len(seen) + elsewhere + 1 > quantity)
    assert found.left_after >= 0
