"""From visit to claim lines: codes, units, modifiers, charges, and what coding itself finds missing."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing import modifiers
from billing.coding import CodedClaim, code_claim, kx_due
from billing.context import PriorVisit
from billing.vocabulary import Discipline
from tests.billing.builders import context, encounter, fees, medicare, service, services, terms


def coded(visit: dict[str, Any] | None = None, **facts: Any) -> CodedClaim:
    return code_claim(encounter(**(visit or {})), context(**facts))


def shown(claim: CodedClaim) -> list[str]:
    return [f"{' '.join((line.code, *line.modifiers))} x{line.units}" for line in claim.lines]


def codes_found(claim: CodedClaim) -> list[str]:
    return [finding.code for finding in claim.findings]


def test_a_clean_visit() -> None:
    claim = coded()
    assert shown(claim) == ["97110 GP x2", "97140 GP x1"]
    assert [line.charge for line in claim.lines] == [Decimal("120.00"), Decimal("58.00")]
    assert claim.total_charge == Decimal("178.00")
    assert claim.diagnoses == ("M25.561", "M62.81")
    assert [line.line_number for line in claim.lines] == [1, 2]
    assert claim.findings == ()


def test_the_plans_method_decides_the_units() -> None:
    visit = {"timing": services(("97110", 33), ("97140", 7))}
    assert shown(coded(visit)) == ["97110 GP x2"]
    assert shown(coded(visit, terms=terms(unit_method="cms_total_time"))) == ["97110 GP x2", "97140 GP x1"]


@pytest.mark.parametrize(
    ("discipline", "by", "modifier"), [("PT", "pt-1", "GP"), ("OT", "ot-1", "GO"), ("SLP", "slp-1", "GN")]
)
def test_discipline_modifier(discipline: str, by: str, modifier: str) -> None:
    visit = {"discipline": discipline, "timing": services(service("97535", 15, by=by))}
    assert shown(coded(visit)) == [f"97535 {modifier} x1"]
    assert shown(coded(visit, terms=terms(discipline_modifier_required=False))) == ["97535 x1"]


def shared(**overrides: Any) -> dict[str, Any]:
    minutes = [{"clinician_id": "pt-1", "minutes": 13}, {"clinician_id": "pta-1", "minutes": 23, **overrides}]
    return {"timing": services(service("97110", minutes=0) | {"minutes": minutes}, ("97140", 30))}


def test_assistants_units_stand_on_their_own_line_where_the_plan_asks() -> None:
    assert shown(coded(shared(), terms=medicare())) == ["97110 GP x1", "97110 GP CQ x1", "97140 GP x2"]
    assert shown(coded(shared())) == ["97110 GP x2", "97140 GP x2"]


def test_minutes_together_with_the_therapist_are_the_therapists() -> None:
    together = shared(together_with_therapist=True)
    assert shown(coded(together, terms=medicare())) == ["97110 GP x2", "97140 GP x2"]


@pytest.mark.parametrize(
    ("minutes", "lines"),
    [
        ([("pt-1", 15, False), ("pta-1", 15, True)], ["97110 GP x1"]),  # fifteen minutes on the clock, not thirty
        ([("pta-1", 15, True)], ["97110 GP x1"]),  # told by the assistant's entry alone
        ([("pt-1", 25, False), ("pta-1", 15, True), ("pta-1", 15, False)], ["97110 GP x2", "97110 GP CQ x1"]),
        ([("pt-1", 15, False), ("spt-1", 15, True)], ["97110 GP x1"]),
        ([("pt-1", 15, False), ("pta-1", 15, True), ("spt-1", 15, True)], ["97110 GP x1"]),
    ],
)
def test_minutes_given_together_are_counted_once(minutes: list[tuple[str, int, bool]], lines: list[str]) -> None:
    people = [
        {"clinician_id": who, "minutes": long, "together_with_therapist": beside} for who, long, beside in minutes
    ]
    visit = {"timing": services(service("97110", 0) | {"minutes": people})}
    assert shown(coded(visit, terms=medicare())) == lines


def test_a_students_own_minutes_do_not_count() -> None:
    minutes = [{"clinician_id": "pt-1", "minutes": 15}, {"clinician_id": "spt-1", "minutes": 30}]
    visit = {"timing": services(service("97110", 0) | {"minutes": minutes})}
    assert shown(coded(visit)) == ["97110 GP x1"]


def test_the_code_the_plan_takes() -> None:
    visit = {"timing": services(("97014", 15), ("97110", 30))}
    assert shown(coded(visit)) == ["97014 GP x1", "97110 GP x2"]
    claim = coded(visit, terms=medicare())
    assert shown(claim) == ["G0283 GP x1", "97110 GP x2"]
    assert codes_found(claim) == ["S09"]


# --- KX: 2026 threshold 2,480 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accrued", "allowed", "per_line", "expected"),
    [
        ("2410.00", ["44.60", "20.80", "36.62"], True, [False, False, True]),
        ("2410.00", ["44.60", "20.80", "36.62"], False, [True, True, True]),
        ("2480.00", ["22.30"], True, [True]),
        ("2457.70", ["22.30"], True, [False]),
        ("2457.70", ["22.30"], False, [False]),
        ("1500.00", ["990.00"], True, [True]),
        ("1500.00", ["22.30"], True, [False]),
    ],
)
def test_kx_from_the_crossing_on(accrued: str, allowed: list[str], per_line: bool, expected: list[bool]) -> None:
    due = kx_due(Decimal(accrued), [Decimal(amount) for amount in allowed], Decimal(2480), per_line)
    assert list(due) == expected


def test_kx_on_the_claim_and_never_beside_ga() -> None:
    accrued = Decimal("2475.00")
    assert shown(coded(terms=medicare(), therapy_accrued=accrued)) == ["97110 GP KX x2", "97140 GP KX x1"]
    assert shown(coded(therapy_accrued=accrued)) == ["97110 GP x2", "97140 GP x1"]
    with_ga = {"timing": services(service("97110", 30, modifiers=["GA"]))}
    assert shown(coded(with_ga, terms=medicare(), therapy_accrued=accrued)) == ["97110 GP GA x2"]


def test_an_unknown_year_says_so() -> None:
    claim = coded({"date_of_service": date(2027, 1, 5)}, terms=medicare(), today=date(2027, 1, 6))
    assert codes_found(claim) == ["S39"]


# --- distinct services ---------------------------------------------------------------------------------------


def group_and_exercise(**overrides: Any) -> dict[str, Any]:
    return {"timing": services(service("97150", 30, mode="group"), service("97110", 15, **overrides))}


def test_a_separate_block_earns_the_distinct_modifier_on_column_two() -> None:
    assert shown(coded(group_and_exercise())) == ["97150 GP x1", "97110 GP x1"]
    assert shown(coded(group_and_exercise(separate_block=True))) == ["97150 GP x1", "97110 GP 59 x1"]
    x = coded(group_and_exercise(separate_block=True), terms=terms(distinct_modifier="XU"))
    assert shown(x) == ["97150 GP x1", "97110 GP XU x1"]


def test_a_modifier_the_clinician_stated_is_enough() -> None:
    stated = coded(group_and_exercise(separate_block=True, modifiers=["XE"]))
    assert shown(stated) == ["97150 GP x1", "97110 GP XE x1"]


def test_no_modifier_opens_a_pair_that_never_goes_together() -> None:
    visit = {"timing": services(service("97140", 15), service("97124", 15, separate_block=True))}
    assert shown(coded(visit)) == ["97140 GP x1", "97124 GP x1"]


@pytest.mark.parametrize("pair", [("97140", "97530"), ("97161", "97140"), ("97530", "97116")])
def test_edits_that_are_no_more_want_nothing(pair: tuple[str, str]) -> None:
    visit = {"timing": services(*(service(code, 15, separate_block=True) for code in pair))}
    assert not any("59" in line.modifiers for line in coded(visit).lines)


# --- telehealth, order, wanted modifiers ---------------------------------------------------------------------


@pytest.mark.parametrize(("way", "modifier"), [("audio_video", "95"), ("audio_only", "93")])
def test_telehealth_modifier(way: str, modifier: str) -> None:
    visit = {"administrative": {"modality": way, "place_of_service": "10"}, "timing": services(("97110", 15))}
    claim = coded(visit)
    assert shown(claim) == [f"97110 GP {modifier} x1"]
    assert claim.place_of_service == claim.lines[0].place_of_service == "10"
    assert shown(coded(visit, terms=terms(telehealth_modifier_required=False))) == ["97110 GP x1"]


def test_order_is_the_plans() -> None:
    given = {"KX", "59", "GP", "CQ", "95", "RT"}
    assert modifiers.ordered(given, terms()) == ("GP", "CQ", "KX", "59", "95", "RT")
    first = terms(modifier_order=("distinct", "discipline"))
    assert modifiers.ordered(given, first)[:2] == ("59", "GP")


def test_what_the_plan_wants_for_a_code() -> None:
    wanted = terms(required_modifiers={"97140": "97"})
    assert shown(coded(terms=wanted)) == ["97110 GP x2", "97140 GP 97 x1"]


def test_modifiers_of_every_row_of_a_code_are_kept() -> None:
    visit = {"timing": services(("97110", 8), service("97110", 7, modifiers=["RT"]))}
    assert shown(coded(visit)) == ["97110 GP RT x1"]


def test_a_stated_discipline_does_not_double() -> None:
    visit = {"timing": services(service("97110", 15, modifiers=["GP", "RT"]))}
    assert shown(coded(visit)) == ["97110 GP RT x1"]


# --- what is missing -----------------------------------------------------------------------------------------


def test_a_missing_fee_is_a_finding() -> None:
    claim = coded(fees=tuple(fee for fee in fees() if fee.code != "97140"))
    assert codes_found(claim) == ["S32"]
    assert claim.total_charge == Decimal("120.00")


def test_a_fee_counts_on_its_days_only() -> None:
    ended = tuple(fee.model_copy(update={"effective_to": date(2025, 12, 31)}) for fee in fees())
    assert codes_found(coded(fees=ended)) == ["S32", "S32"]


def test_no_terms_and_nothing_to_bill_are_findings() -> None:
    assert codes_found(coded(terms=None)) == ["S33"]
    assert codes_found(coded({"timing": services(("97110", 7))})) == ["S34"]


def test_a_tie_is_shown() -> None:
    claim = coded({"timing": services(("97112", 20), ("97110", 20))}, terms=medicare())
    assert codes_found(claim) == ["S35"]


def test_the_chart_settles_a_tie_as_the_therapist_chose() -> None:
    chosen = (service("97112", 20, units=1), service("97110", 20, units=2))
    claim = coded({"timing": services(*chosen)}, terms=medicare())
    assert shown(claim) == ["97112 GP x1", "97110 GP x2"]
    assert codes_found(claim) == []
    assert any("chosen by the chart" in step.text for step in claim.steps)


def test_the_chart_settles_nothing_but_a_tie() -> None:
    wished = (service("97112", 24, units=1), service("97110", 23, units=2))
    assert shown(coded({"timing": services(*wished)}, terms=medicare())) == ["97112 GP x2", "97110 GP x1"]


def test_pointers_by_rank_and_by_default() -> None:
    diagnoses = [{"code": "M25.561", "rank": 1}, {"code": "M62.81", "rank": 3}]
    clinical = {"diagnoses": diagnoses}
    stated = {"clinical": clinical, "timing": services(service("97110", 15, diagnosis_pointers=[3]))}
    assert coded(stated).lines[0].diagnosis_pointers == (2,)
    unstated = {**stated, "timing": services(service("97110", 15, diagnosis_pointers=[]))}
    assert coded(unstated).lines[0].diagnosis_pointers == (1, 2)


@pytest.mark.parametrize(("checked_on", "payer"), [(date(2026, 3, 1), "0.00"), (date(2025, 12, 31), "88.29")])
def test_a_deductible_told_this_year_is_expected_from_the_patient(checked_on: date, payer: str) -> None:
    eligibility = {"checked_on": checked_on, "active": True, "deductible_remaining": "283.00"}
    coverage = {"plan_id": "plan-1", "rank": 1, "member_id": "W123456789", "eligibility": eligibility}
    told = encounter(administrative={"coverages": [coverage]})
    claim = code_claim(told, context(coverage=told.administrative.primary))
    assert claim.expected_payment == Decimal(payer)


@pytest.mark.parametrize(("habilitative", "mark"), [(True, {"96"}), (False, {"97"}), (None, set())])
def test_care_is_marked_where_the_plan_counts_it_apart(habilitative: bool | None, mark: set[str]) -> None:
    visit = encounter(clinical={"habilitative": habilitative})
    for wanted in (True, False):
        claim = code_claim(visit, context(terms=terms(habilitative_modifier_required=wanted)))
        assert all(set(line.modifiers) & {"96", "97"} == (mark if wanted else set()) for line in claim.lines)


def test_other_claims_of_the_day_share_the_reduction() -> None:
    other = PriorVisit("visit-9", date(2026, 3, 2), Discipline.OT, "episode-2", "ot-1", (("97530", ("GO",), 1),))
    alone, shared_day = coded(terms=medicare()), coded(terms=medicare(), prior_visits=(other,))
    assert shared_day.expected_payment < alone.expected_payment
