"""S01 to S42: for each check a claim that passes and one that does not. The clean visit's claim passes all of them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing import icd10, ncci
from billing.blocks import Block
from billing.coding import CodedClaim, code_claim, with_lines
from billing.context import PriorVisit, VisitContext
from billing.edits import claim as claim_edits
from billing.edits.claim import npi_is_valid
from billing.encounter import Encounter
from billing.findings import Finding
from billing.scrub import check, rules
from billing.vocabulary import Discipline, Owner, Severity
from tests.billing.builders import VISIT, context, encounter, medicare, service, services, terms

HOLD, BLOCK, WARN = Severity.HOLD, Severity.BLOCK, Severity.WARN


def findings(visit: Encounter, facts: VisitContext, claim: CodedClaim | None = None) -> list[Finding]:
    return list(check(visit, facts, claim or code_claim(visit, facts)))


def visit_of(*given: dict[str, Any] | tuple[str, int], **overrides: Any) -> Encounter:
    return encounter(timing=services(*given), **overrides)


def exercise(minutes: int = 30, **overrides: Any) -> Encounter:
    return visit_of(service("97110", minutes, **overrides))


def other(code: str, *marks: str, units: int = 1, by: str = "pt-1", on: date = VISIT) -> PriorVisit:
    return PriorVisit("visit-0", on, Discipline.PT, "episode-1", by, ((code, marks, units),))


PLAIN = context()
OFFICE_VIDEO = {"modality": "audio_video"}
HOME_VIDEO = {"modality": "audio_video", "place_of_service": "10"}
GROUP = service("97150", 30, mode="group")


def answered(**eligibility: Any) -> VisitContext:
    """The payer was asked on the day before the visit."""
    told = {"checked_on": date(2026, 3, 1), "active": True, "reference": "271-77", **eligibility}
    coverage = {"plan_id": "plan-1", "rank": 1, "member_id": "W123456789", "eligibility": told}
    return context(coverage=encounter(administrative={"coverages": [coverage]}).administrative.primary)


def stay(kind: str, started_on: date, ended_on: date | None = None) -> VisitContext:
    return answered(other_care=[{"kind": kind, "started_on": started_on, "ended_on": ended_on}])


def aged(from_age: int, to_age: int) -> VisitContext:
    return context(terms=terms(age_limits=({"codes": ("97110",), "from_age": from_age, "to_age": to_age},)))


def limited(at_most: int, *others: PriorVisit, **limit: Any) -> VisitContext:
    return context(
        terms=terms(frequency_limits=({"codes": ("97110", "97530"), "at_most": at_most, **limit},)),
        prior_visits=others,
    )


def clocked(start: str, stop: str, minutes: int, **overrides: Any) -> dict[str, Any]:
    return service("97110", minutes, start_time=start, stop_time=stop, **overrides)


def beside(start: int, stop: int, minutes: int, by: str = "pt-1") -> VisitContext:
    """Another patient's visit of that day: minutes of the clock from midnight."""
    return context(other_blocks=(Block("visit-9", by, start, stop, minutes),))


NINE, TEN = 9 * 60, 10 * 60
HABILITATIVE = context(terms=terms(habilitative_modifier_required=True))
BORN_ON_THE_DAY = {"birth_date": date(2005, 3, 2)}  # 21 on the date of service
PREGNANT = {"diagnoses": [{"code": "O26.841", "rank": 1}]}

FAILING: list[tuple[str, Encounter, VisitContext, list[Severity]]] = [
    ("S01", exercise(modifiers=["GO"]), PLAIN, [BLOCK]),
    ("S01", exercise(modifiers=["GO"]), context(terms=terms(discipline_modifier_required=False)), [BLOCK]),
    ("S02", exercise(modifiers=["CO"]), PLAIN, [BLOCK]),
    ("S02", exercise(modifiers=["CQ"]), context(terms=medicare()), [WARN]),
    ("S03", exercise(modifiers=["KX", "GA"]), PLAIN, [BLOCK]),
    ("S04", exercise(30, units=3), PLAIN, [HOLD]),
    ("S04", exercise(30, units=1), PLAIN, [WARN]),
    ("S05", exercise(110), PLAIN, [WARN]),
    ("S05", exercise(60), context(prior_visits=(other("97110", "GP", units=3, by="pt-2"),)), [WARN]),
    ("S05", visit_of(service("97161", 30)), context(prior_visits=(other("97161", "GP", by="pt-2"),)), [BLOCK]),
    ("S06", visit_of(GROUP, ("97110", 15)), PLAIN, [HOLD]),
    ("S06", visit_of(("97140", 15), ("97124", 15)), PLAIN, [BLOCK]),
    ("S06", visit_of(("97161", 30), ("97750", 15)), PLAIN, [BLOCK]),
    ("S06", visit_of(("97164", 30), ("97035", 15)), PLAIN, [HOLD]),
    ("S06", visit_of(GROUP, service("97110", 15, modifiers=["59"])), PLAIN, [WARN]),
    ("S06", exercise(), context(prior_visits=(other("97150", "GP"),)), [HOLD]),
    ("S07", visit_of(("97130", 15)), PLAIN, [BLOCK]),
    ("S08", visit_of(("97161", 30), ("97164", 20)), PLAIN, [BLOCK]),
    ("S10", encounter(administrative=OFFICE_VIDEO, timing=services(("97110", 30))), PLAIN, [HOLD]),
    ("S10", encounter(administrative={"place_of_service": "10"}), PLAIN, [HOLD]),
    ("S10", exercise(modifiers=["95"]), PLAIN, [HOLD]),
    ("S10", encounter(administrative=HOME_VIDEO, timing=services(("97140", 15))), PLAIN, [BLOCK]),
    *(
        ("S10", encounter(administrative=HOME_VIDEO, timing=services((code, 15))), PLAIN, [BLOCK])
        for code in ("97012", "97035", "G0283", "97124", "97113")
    ),
    ("S10", encounter(administrative=HOME_VIDEO, timing=services(("97533", 15))), PLAIN, [HOLD]),
    (
        "S10",
        encounter(administrative=HOME_VIDEO, timing=services(("97110", 15))),
        context(terms=terms(telehealth_allowed=False)),
        [BLOCK],
    ),
    ("S11", encounter(), context(practice_npi="1234567890"), [BLOCK]),
    ("S11", encounter(administrative={"referral": {"npi": "1234567890"}}), PLAIN, [BLOCK]),
    ("S12", encounter(clinical={"diagnoses": [{"code": "M25.56", "rank": 1}]}), PLAIN, [BLOCK]),
    ("S12", encounter(clinical={"diagnoses": [{"code": "QQQ", "rank": 1}]}), PLAIN, [HOLD]),
    ("S12", visit_of(("99999", 15)), PLAIN, [HOLD]),
    ("S12", encounter(date_of_service=date(2027, 1, 4), timing=services(("92507", 30))), PLAIN, [HOLD]),
    ("S17", exercise(), context(prior_visits=(other("97110", "GP"),)), [HOLD]),
    ("S18", encounter(), context(today=date(2026, 8, 30)), [HOLD]),
    ("S18", encounter(), context(today=date(2026, 8, 29)), [WARN]),
    ("S18", encounter(), context(today=date(2026, 7, 30)), [WARN]),
    ("S18", encounter(), context(today=date(2026, 4, 2), terms=terms(corrected_claim_days=30), corrects=True), [HOLD]),
    ("S18", encounter(), context(today=date(2026, 4, 1), terms=terms(corrected_claim_days=30), corrects=True), [WARN]),
    ("S19", encounter(timing={"total_treatment_minutes": 40}), PLAIN, [HOLD]),
    ("S19", visit_of(clocked("09:00", "09:30", 30)), beside(NINE + 15, NINE + 45, 30), [HOLD]),
    ("S19", visit_of(clocked("09:00", "10:00", 40)), beside(NINE, TEN, 21), [HOLD]),
    ("S19", visit_of(clocked("09:00", "09:30", 30), clocked("09:20", "09:50", 30)), PLAIN, [HOLD]),
    ("S21", exercise(75), context(terms=terms(timed_units_per_day_max=4)), [WARN]),
    ("S21", visit_of(("97012", 10), ("97035", 10)), context(terms=terms(modalities_per_day_max=1)), [WARN]),
    ("S22", encounter(administrative={"patient_paid": "20.00"}), answered(protected=True), [HOLD]),
    ("S23", encounter(), stay("home_health", date(2026, 2, 1)), [HOLD]),
    ("S23", encounter(), stay("skilled_nursing", date(2026, 2, 1), VISIT), [HOLD]),
    ("S23", encounter(), stay("hospice", VISIT), [HOLD]),
    ("S26", exercise(modifiers=["RT", "KX", "59", "22"]), PLAIN, [HOLD]),
    ("S27", encounter(patient={"birth_date": date(2026, 3, 3)}), PLAIN, [BLOCK]),
    ("S27", exercise(), aged(0, 20), [HOLD]),
    ("S27", exercise(), aged(66, 130), [HOLD]),
    ("S27", encounter(patient=BORN_ON_THE_DAY), aged(0, 20), [HOLD]),
    ("S27", encounter(patient={"sex": "M"}, clinical=PREGNANT), PLAIN, [HOLD]),
    ("S27", encounter(clinical={"diagnoses": [{"code": "N40.1", "rank": 1}]}), PLAIN, [HOLD]),
    ("S28", exercise(modifiers=["96", "97"]), PLAIN, [BLOCK]),
    ("S28", encounter(), HABILITATIVE, [HOLD, HOLD]),
    (
        "S29",
        visit_of(("97530", 15), ("97140", 15)),
        context(terms=terms(bundled_pairs=(("97530", "97140"),))),
        [WARN],
    ),
    ("S31", exercise(), context(terms=terms(excluded_codes=("97110",))), [HOLD]),
    ("S36", exercise(diagnosis_pointers=[1, 4]), PLAIN, [BLOCK]),
    ("S37", visit_of(("97039", 15)), PLAIN, [BLOCK]),
    ("S38", exercise(modifiers=["25"]), PLAIN, [HOLD]),
    ("S40", visit_of(("92507", 30)), PLAIN, [WARN]),
    ("S40", visit_of(("97165", 30)), PLAIN, [HOLD]),
    ("S41", encounter(), answered(active=False), [HOLD]),
    ("S41", encounter(), answered(effective_to=date(2026, 3, 1)), [HOLD]),
    ("S41", encounter(), answered(effective_from=date(2026, 3, 3)), [HOLD]),
    ("S41", encounter(), context(terms=terms(eligibility_check_days=2)), [WARN]),
    (
        "S41",
        encounter(),
        replace(answered(checked_on=date(2026, 2, 27)), terms=terms(eligibility_check_days=2)),
        [WARN],
    ),
    ("S42", exercise(), limited(1, other("97110", "GP", by="pt-2", on=date(2026, 1, 1))), [HOLD]),
    ("S42", exercise(), limited(1, other("97530", "GP", on=date(2026, 2, 1)), days=30), [HOLD]),
    ("S42", exercise(45), limited(2, counts="units", days=1), [HOLD]),
    ("S42", exercise(30), limited(3, other("97530", "GP", units=2), counts="units", calendar="month"), [HOLD]),
]


@pytest.mark.parametrize(("code", "visit", "facts", "expected"), FAILING)
def test_what_fails(code: str, visit: Encounter, facts: VisitContext, expected: list[Severity]) -> None:
    found = [finding for finding in findings(visit, facts) if finding.code == code]
    assert [finding.severity for finding in found] == expected
    for finding in found:
        assert finding.message.endswith(".")
        assert finding.clears_when
        assert finding.overridable <= (finding.severity is HOLD)


PASSING: list[tuple[str, Encounter, VisitContext]] = [
    ("S01", exercise(modifiers=["GP"]), PLAIN),
    ("S03", exercise(modifiers=["GA"]), context(terms=medicare(), therapy_accrued=Decimal(2480))),
    ("S04", exercise(30, units=2), PLAIN),
    ("S05", exercise(97), PLAIN),
    ("S05", exercise(110), context(terms=terms(ncci_applies=False))),
    ("S05", visit_of(("97010", 15), ("97110", 15)), PLAIN),
    ("S06", visit_of(GROUP, service("97110", 15, separate_block=True)), PLAIN),
    ("S06", visit_of(("97161", 30), ("97140", 15)), PLAIN),
    ("S06", visit_of(("97530", 15), ("97140", 15)), PLAIN),
    ("S06", visit_of(("97140", 15), ("97124", 15)), context(terms=terms(ncci_applies=False))),
    ("S06", visit_of(("97140", 15), ("97124", 15)), context(pairs=ncci.PairTable(()))),
    ("S07", visit_of(("97129", 30)), PLAIN),
    ("S08", visit_of(("97161", 30)), PLAIN),
    ("S10", encounter(administrative=HOME_VIDEO, timing=services(("97110", 30))), PLAIN),
    ("S17", exercise(), context(prior_visits=(other("97110", "GP", by="pt-2"),))),
    ("S17", exercise(), context(prior_visits=(other("97110", "GP", "76"),))),
    ("S17", exercise(), context(prior_visits=(other("97110", "GP", on=date(2026, 2, 27)),))),
    ("S18", encounter(), context(today=date(2026, 7, 29))),
    ("S18", encounter(), context(today=date(2026, 8, 30), terms=terms(corrected_claim_days=365), corrects=True)),
    ("S18", encounter(), context(terms=medicare(), today=date(2027, 1, 30))),
    ("S19", encounter(timing={"total_treatment_minutes": 45}), PLAIN),
    ("S19", visit_of(clocked("09:00", "09:30", 30)), beside(NINE + 30, TEN, 30)),
    ("S19", visit_of(clocked("09:00", "10:00", 30)), beside(NINE, TEN, 30)),
    ("S19", visit_of(clocked("09:00", "09:30", 30)), beside(NINE, TEN, 60, by="pt-2")),
    ("S19", visit_of(clocked("09:00", "09:30", 30, mode="group")), beside(NINE, NINE + 30, 30)),
    ("S21", exercise(60), context(terms=terms(timed_units_per_day_max=4))),
    ("S21", visit_of(("97012", 10), ("97110", 30)), context(terms=terms(modalities_per_day_max=1))),
    ("S22", encounter(administrative={"patient_paid": "20.00"}), answered()),
    ("S22", encounter(), answered(protected=True)),
    ("S23", encounter(), stay("home_health", date(2026, 2, 1), date(2026, 3, 1))),
    ("S23", encounter(), stay("skilled_nursing", date(2026, 3, 3))),
    ("S27", exercise(), aged(65, 65)),
    ("S27", encounter(patient={"birth_date": date(2005, 3, 3)}), aged(0, 20)),
    ("S27", visit_of(("97530", 15)), aged(0, 20)),
    ("S27", encounter(clinical=PREGNANT), PLAIN),
    ("S27", encounter(patient={"sex": "U"}, clinical=PREGNANT), PLAIN),
    ("S28", encounter(clinical={"habilitative": False}), HABILITATIVE),
    ("S28", exercise(modifiers=["96"]), HABILITATIVE),
    (
        "S29",
        visit_of(("97530", 15), service("97140", 15, modifiers=["59"])),
        context(terms=terms(bundled_pairs=(("97530", "97140"),))),
    ),
    ("S36", exercise(diagnosis_pointers=[2, 1]), PLAIN),
    ("S37", visit_of(service("97039", 15, description="Scrambler therapy")), PLAIN),
    ("S41", encounter(), answered()),
    ("S41", encounter(), answered(active=False, effective_to=VISIT)),  # it ended since, and covered the visit
    ("S41", encounter(), replace(answered(checked_on=date(2026, 2, 28)), terms=terms(eligibility_check_days=2))),
    ("S42", exercise(), limited(2, other("97110", "GP", by="pt-2", on=date(2026, 1, 1)))),
    ("S42", exercise(), limited(1, other("97110", "GP", on=date(2025, 12, 31)))),
    ("S42", exercise(), limited(1, other("97530", "GP", on=date(2026, 1, 31)), days=30)),
    ("S42", exercise(), limited(1, replace(other("97110", on=date(2026, 2, 27)), same_plan=False))),
    ("S42", visit_of(("97140", 15)), limited(1, other("97110", on=date(2026, 2, 27)))),
]


@pytest.mark.parametrize(("code", "visit", "facts"), PASSING)
def test_what_passes(code: str, visit: Encounter, facts: VisitContext) -> None:
    assert [finding for finding in findings(visit, facts) if finding.code == code] == []


@pytest.mark.parametrize("facts", [context(), context(terms=medicare())])
def test_the_clean_claim_has_no_findings(facts: VisitContext) -> None:
    assert findings(encounter(), facts) == []


# --- guards over claims that a person or another program changed ---------------------------------------------


def tampered(**changes: Any) -> CodedClaim:
    claim = code_claim(encounter(), PLAIN)
    return replace(claim, lines=(replace(claim.lines[0], **changes), *claim.lines[1:]))


@pytest.mark.parametrize(
    ("code", "claim"),
    [
        ("S01", tampered(modifiers=())),
        ("S02", tampered(modifiers=("GP", "CO"))),
        ("S20", tampered(code="G0283", units=2, charge=Decimal("50.00"))),
        ("S24", tampered(charge=Decimal("119.00"))),
        ("S24", replace(code_claim(encounter(), PLAIN), total_charge=Decimal(1))),
        ("S26", tampered(modifiers=("GP", "GP"))),
    ],
)
def test_guards(code: str, claim: CodedClaim) -> None:
    found = {finding.code for finding in findings(encounter(), PLAIN, claim)}
    assert code in found


def test_lines_may_be_replaced_with_their_total() -> None:
    claim = code_claim(encounter(), PLAIN)
    shorter = with_lines(claim, claim.lines[:1])
    assert shorter.total_charge == Decimal("120.00")
    assert findings(encounter(), PLAIN, shorter) == []


def test_every_check_has_a_failing_example() -> None:
    assert {code for code, *_ in FAILING} | {"S20", "S24"} == {rule.id for rule in rules()}


def test_filing_guard_says_when_to_look_again() -> None:
    (finding,) = [f for f in findings(encounter(), context(today=date(2026, 8, 1))) if f.code == "S18"]
    assert finding.look_again_on == date(2026, 8, 30)


@pytest.mark.parametrize(
    ("npi", "valid"),
    [("1234567893", True), ("1234567890", False), ("123456789", False), ("12345678a3", False), ("1003000126", True)],
)
def test_check_digit_of_provider_numbers(npi: str, valid: bool) -> None:
    assert npi_is_valid(npi) is valid


def test_boundary_would_notice_a_wrong_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_edits, "NPI_PREFIX", "80841")
    assert not npi_is_valid("1234567893")


# --- the tables beneath --------------------------------------------------------------------------------------

PAIRS = [
    ("97150", "97110", VISIT, 1),
    ("97110", "97150", VISIT, 1),
    ("97140", "97124", VISIT, 0),
    ("97161", "97750", VISIT, 0),
    ("97035", "97164", VISIT, 1),
    ("97163", "97161", VISIT, 0),
    ("92523", "92522", VISIT, 0),
    ("92507", "97530", VISIT, 1),
    ("97161", "97140", VISIT, None),
    ("97530", "97140", VISIT, None),
    ("97530", "97116", VISIT, None),
    ("97140", "97530", date(2019, 12, 31), 1),
    ("97530", "97535", date(2021, 12, 31), 1),
    ("97530", "97535", date(2022, 1, 1), None),
]


# CMS practitioner table of 2024-07-01, codes of our own set: column 1 | with a modifier | never
_RE_EVALUATIONS = "97164 97168"
_BEFORE_RE_EVALUATIONS = (
    "97032 97033 97034 97035 97036 97039 97124 97129 97130 97139 97533 97535 97537 97542 97545 G0283"
)
_NEVER_BESIDE_EVALUATION = "97750 97755 97763 95851 95852"
ACTIVE = f"""
97150 | 97110 97112 97113 97116 97124 97140 97530 97533 97535 97537 97542 97760 97761 97763 | 95851
97530 | 97537 97542 97750 | 95851 95852
97140 | 95851 95852 97018 97750 | 97124
97112 | 97022 97036 |
97113 | 97022 97110 | 97036
97012 | 97018 97140 {_RE_EVALUATIONS} |
97016 | 97018 97026 {_RE_EVALUATIONS} |
97018 | 97022 {_RE_EVALUATIONS} |
97022 | 97602 {_RE_EVALUATIONS} |
97024 | 97018 97026 {_RE_EVALUATIONS} |
97026 | 97018 97022 {_RE_EVALUATIONS} |
97028 | 97018 97022 97026 {_RE_EVALUATIONS} |
G0283 | 97032 |
97545 | | 97140
97161 | 96105 96125 | 97164 {_NEVER_BESIDE_EVALUATION}
97162 | 96105 96125 | 97161 97164 {_NEVER_BESIDE_EVALUATION}
97163 | 96105 96125 | 97161 97162 97164 {_NEVER_BESIDE_EVALUATION}
97164 | 96105 96125 | {_NEVER_BESIDE_EVALUATION}
97165 | 96105 96125 | 97168 {_NEVER_BESIDE_EVALUATION}
97166 | 96105 96125 | 97165 97168 {_NEVER_BESIDE_EVALUATION}
97167 | 96105 96125 | 97165 97166 97168 {_NEVER_BESIDE_EVALUATION}
97168 | 96105 96125 | {_NEVER_BESIDE_EVALUATION}
97750 | | 97150 95851 95852 97169 97170 97171 97172
97755 | 97035 97110 97112 97140 97530 97533 97535 97537 97542 97545 97760 97761 97763 | 97750
97760 | 97016 97110 97112 97116 97124 97140 97164 97168 | 97763
97761 | 97016 97110 97112 97116 97124 97140 97164 97168 97760 | 97763
97763 | 97016 97110 97112 97116 97124 97140 |
92507 | 97110 97112 97129 97150 97530 97533 |
92508 | 92507 97110 97112 97129 97150 97530 97533 |
92526 | 92520 97110 97112 97150 97530 | 97032 G0283
92523 | 96105 96125 | 92522
92521 | 96105 96125 |
92522 | 96105 96125 |
92524 | 96105 96125 |
92607 | 92507 92508 92521 92522 92523 92524 92609 | 92597 97755
92609 | 92507 92508 92521 92522 92523 92524 | 97755
95992 | 97110 97112 97140 97530 |
90912 | 97032 97110 97112 97530 97535 97750 | 90901
90913 | 97032 97110 97112 97530 97535 97750 | 90901
98980 | | 97750
98981 | | 97750
"""


def test_active_pairs_of_the_reference_table() -> None:
    wanted = {
        (column1.strip(), column2): indicator
        for column1, *by_indicator in (row.split("|") for row in ACTIVE.strip().splitlines())
        for indicator, second in zip((1, 0), by_indicator, strict=True)
        for column2 in second.split()
    } | {(column1, column2): 1 for column1 in _BEFORE_RE_EVALUATIONS.split() for column2 in _RE_EVALUATIONS.split()}
    pairs = {pair: ncci.TABLE.active(*pair, VISIT) for pair in wanted}
    told = {pair: None if one is None else one.indicator for pair, one in pairs.items()}
    assert told == wanted


_EVALUATIONS = ("97161", "97162", "97163", "97165", "97166", "97167")
ENDED = [
    *((evaluation, other) for evaluation in _EVALUATIONS for other in ("97140", "97530", "97150")),
    *(
        (other, again)
        for other in ("97110", "97112", "97113", "97116", "97140", "97150", "97530")
        for again in ("97164", "97168")
    ),
    ("97140", "97530"), ("97530", "97116"), ("97530", "97535"), ("97530", "97533"), ("97530", "97113"),
    ("97161", "97165"), ("97163", "97167"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "second"), ENDED)
def test_edits_people_still_know_are_none_any_more(code: str, second: str) -> None:
    assert ncci.TABLE.active(code, second, VISIT) is None


@pytest.mark.parametrize(("code", "second", "on", "indicator"), PAIRS)
def test_pairs_of_the_ncci_table(code: str, second: str, on: date, indicator: int | None) -> None:
    pair = ncci.TABLE.active(code, second, on)
    assert (pair.indicator if pair else None) == indicator


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("M25.561", "ok"),
        ("m25561", "ok"),
        ("W19.XXXA", "ok"),
        ("M25.56", "not specific"),
        ("S83.511", "not specific"),
        ("M00-M99", "not in"),
        ("1", "not in"),
        ("ZZZ", "not in"),
    ],
)
def test_diagnoses_to_full_specificity(code: str, expected: str) -> None:
    assert expected in icd10.validity(code, VISIT)


def test_diagnoses_before_the_switch_and_as_people_write_them() -> None:
    assert "not in use" in icd10.validity("M25.561", date(2015, 9, 30))
    assert icd10.dotted("m25561") == "M25.561"
    assert icd10.dotted("R52") == "R52"


def test_a_plan_that_wants_certification_wants_the_certifier_on_the_claim() -> None:
    """Medicare returns therapy claims without a referring provider."""
    visit = encounter(administrative={"referral": None})
    [found] = [one for one in findings(visit, context(terms=terms(certification_required=True))) if one.code == "S11"]
    assert (found.severity, found.owner) == (HOLD, Owner.FRONT_DESK)
    assert not [one for one in findings(visit, context()) if one.code == "S11"]
