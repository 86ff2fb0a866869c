"""D0 to D16: for each check a visit that passes and one that does not. The clean visit passes all of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing.chart import plan_of_care
from billing.chart.plan_of_care import certified_until, days_since_report
from billing.context import PriorVisit, VisitContext
from billing.documentation import check, rules
from billing.encounter import Encounter
from billing.findings import Finding
from billing.vocabulary import Discipline, Severity
from tests.billing.builders import context, encounter, medicare, payload, service, services, terms


def found(code: str, visit: Encounter, facts: VisitContext) -> list[Finding]:
    return [finding for finding in check(visit, facts) if finding.code == code]


def severities(code: str, visit: Encounter, facts: VisitContext | None = None) -> list[Severity]:
    return [finding.severity for finding in found(code, visit, facts or context())]


HOLD, BLOCK, WARN = Severity.HOLD, Severity.BLOCK, Severity.WARN
DAY = date(2026, 3, 2)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 18, tzinfo=UTC)


def signed_by(*people: str, day: date = DAY) -> dict[str, Any]:
    return {"signatures": [{"clinician_id": person, "signed_at": at(day)} for person in people]}


def poc(**overrides: Any) -> dict[str, Any]:
    return {"plan_of_care": overrides}


def evaluation(**overrides: Any) -> Encounter:
    return encounter(
        clinical={"visit_kind": "evaluation", **overrides},
        timing=services(("97161", 30)),
        compliance={"episode": {"started_on": DAY}},
    )


def helped(**compliance: Any) -> Encounter:
    return encounter(timing=services(service("97110", 30, by="pta-1")), compliance=compliance)


@pytest.mark.parametrize("facts", [context(), context(terms=medicare()), context(terms=None)])
def test_the_clean_visit_has_no_findings(facts: VisitContext) -> None:
    assert check(encounter(), facts) == ()


FAILING: list[tuple[str, Encounter, VisitContext, list[Severity]]] = [
    ("D0", encounter(cancelled=True), context(), [BLOCK]),
    ("D1", encounter(compliance={"signatures": []}), context(), [BLOCK]),
    ("D1", encounter(compliance=signed_by("spt-1")), context(), [BLOCK]),
    ("D1", encounter(compliance=signed_by("stranger")), context(), [BLOCK]),
    ("D1", encounter(compliance=signed_by("pt-1", day=DAY - timedelta(days=1))), context(), [BLOCK]),
    ("D1", encounter(compliance=signed_by("pt-1", day=DAY + timedelta(days=31))), context(), [HOLD]),
    ("D2", encounter(clinical={"diagnoses": []}), context(), [BLOCK]),
    ("D2", encounter(clinical={"diagnoses": [{"code": "M25.561", "rank": 2}]}), context(), [BLOCK]),
    ("D3", encounter(timing=services(("97110", 0))), context(), [BLOCK]),
    ("D3", encounter(timing={"total_timed_minutes": 44}), context(), [BLOCK]),
    ("D3", encounter(timing={"total_treatment_minutes": 44}), context(), [BLOCK]),
    ("D3", encounter(), context(terms=terms(treatment_minutes_required=True)), [BLOCK]),
    ("D4", encounter(), context(terms=terms(start_stop_times_required=True)), [BLOCK, BLOCK]),
    (
        "D4",
        encounter(timing=services(service("97110", 30, start_time="09:00", stop_time="09:29"))),
        context(),
        [BLOCK],
    ),
    ("D5", encounter(timing=services(service("97110", 30, by="stranger"))), context(), [BLOCK]),
    ("D5", encounter(compliance={"rendering_clinician_id": "pta-1"}), context(), [BLOCK]),
    ("D5", encounter(compliance={"rendering_clinician_id": "ot-1"}), context(), [BLOCK]),
    ("D5", helped(), context(), [BLOCK]),
    ("D5", helped(supervising_clinician_id="pta-1"), context(), [BLOCK]),
    (
        "D5",
        encounter(
            timing=services(service("97161", 30, by="pta-1")), compliance={"supervising_clinician_id": "pt-1"}
        ),
        context(),
        [BLOCK],
    ),
    (
        "D5",
        encounter(
            timing=services(service("97110", 30, by="spt-1")), compliance={"supervising_clinician_id": "pt-1"}
        ),
        context(),
        [WARN],
    ),
    ("D6", encounter(administrative={"location_id": "elsewhere"}), context(), [HOLD]),
    ("D6", encounter(administrative={"place_of_service": "41"}), context(), [HOLD]),
    ("D7", encounter(compliance={"plan_of_care": None}), context(), [BLOCK]),
    ("D7", encounter(compliance=poc(established_on=date(2026, 3, 3))), context(), [BLOCK]),
    ("D11", encounter(administrative={"referral": None}), context(terms=terms(referral_required=True)), [BLOCK]),
    (
        "D11",
        encounter(administrative={"referral": {"expires_on": date(2026, 3, 1)}}),
        context(terms=terms(referral_required=True)),
        [BLOCK],
    ),
    (
        "D11",
        encounter(administrative={"referral": {"ordered_on": date(2026, 3, 3)}}),
        context(terms=terms(referral_required=True)),
        [BLOCK],
    ),
    ("D12", evaluation(objective_measures=[]), context(), [BLOCK]),
    ("D12", evaluation(goals=[]), context(), [BLOCK]),
    ("D12", evaluation(goals=[{"description": "Feel better", "measurable": False}]), context(), [BLOCK]),
    ("D13", encounter(clinical={"visit_kind": "re_evaluation"}), context(), [HOLD]),
    ("D14", encounter(timing=services(service("97110", 30, mode="group"))), context(), [WARN]),
    ("D14", encounter(timing=services(service("97150", 30))), context(), [WARN]),
    ("D16", encounter(compliance=signed_by("pta-1")), context(), [HOLD]),
    ("D16", helped(supervising_clinician_id="pt-1", **signed_by("pta-1")), context(), [HOLD]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "visit", "facts", "expected"), FAILING)
def test_what_fails(code: str, visit: Encounter, facts: VisitContext, expected: list[Severity]) -> None:
    assert severities(code, visit, facts) == expected
    for finding in found(code, visit, facts):
        assert finding.message.endswith(".")
        assert finding.clears_when
        assert finding.overridable <= (finding.severity is HOLD)


PASSING: list[tuple[str, Encounter, VisitContext]] = [
    ("D1", encounter(compliance=signed_by("pta-1", "pt-1")), context()),
    ("D1", encounter(compliance=signed_by("pt-1", day=DAY + timedelta(days=30))), context()),
    ("D3", encounter(timing={"total_timed_minutes": 45, "total_treatment_minutes": 45}), context()),
    (
        "D4",
        encounter(timing=services(service("97110", 30, start_time="09:00", stop_time="09:30"))),
        context(terms=terms(start_stop_times_required=True)),
    ),
    ("D5", helped(supervising_clinician_id="pt-1"), context()),
    ("D7", encounter(compliance={"plan_of_care": None}), context(terms=terms(plan_of_care_required=False))),
    ("D11", encounter(), context(terms=terms(referral_required=True))),
    (
        "D11",
        encounter(administrative={"referral": {"ordered_on": DAY, "expires_on": DAY}}),
        context(terms=terms(referral_required=True)),
    ),
    ("D12", evaluation(), context()),
    ("D13", evaluation(), context()),
    (
        "D13",
        encounter(clinical={"visit_kind": "re_evaluation", "re_evaluation_reason": "New knee pain"}),
        context(),
    ),
    ("D14", encounter(timing=services(service("97150", 30, mode="group"))), context()),
    ("D16", encounter(compliance=signed_by("pta-1", "pt-1")), context()),
    ("D16", encounter(compliance=signed_by("pta-1")), context(terms=terms(co_signature_required=False))),
]


@pytest.mark.parametrize(("code", "visit", "facts"), PASSING)
def test_what_passes(code: str, visit: Encounter, facts: VisitContext) -> None:
    assert found(code, visit, facts) == []


def test_every_check_has_a_failing_example() -> None:
    tried = {code for code, *_ in FAILING} | {"D8", "D9", "D10"}
    assert tried == {rule.id for rule in rules()}


def test_an_evaluation_without_plan_of_care_only_warns() -> None:
    first = encounter(
        clinical={"visit_kind": "evaluation"}, timing=services(("97161", 30)), compliance={"plan_of_care": None}
    )
    assert severities("D7", first) == [WARN]


# --- certification: evaluated 2026-03-02, due by 2026-04-01, ends 2026-05-31 ---------------------------------

START = {"episode": {"started_on": DAY}}


def under(plan: dict[str, Any], on: date = DAY, **overrides: Any) -> Encounter:
    base = {"established_on": DAY, "certified_on": None, **plan}
    return encounter(date_of_service=on, compliance={**START, "plan_of_care": base}, **overrides)


@pytest.mark.parametrize(
    ("today", "severity", "look_again"),
    [
        (date(2026, 3, 3), WARN, date(2026, 4, 2)),
        (date(2026, 4, 1), WARN, date(2026, 4, 2)),
        (date(2026, 4, 2), HOLD, None),
    ],
)
def test_uncertified_warns_until_day_30_and_holds_after(
    today: date, severity: Severity, look_again: date | None
) -> None:
    (finding,) = found("D8", under({}), context(terms=medicare(), today=today))
    assert (finding.severity, finding.look_again_on) == (severity, look_again)


def test_uncertified_does_not_matter_where_the_plan_does_not_ask() -> None:
    assert severities("D8", under({}), context(today=date(2026, 6, 1))) == []


def test_late_certification_warns() -> None:
    late = under({"certified_on": date(2026, 4, 10)})
    assert severities("D8", late, context(terms=medicare(), today=date(2026, 4, 11))) == [WARN]


@pytest.mark.parametrize(
    ("sent", "on", "ordered", "allowed", "expected"),
    [
        (date(2026, 4, 1), DAY, date(2026, 2, 10), True, []),
        (date(2026, 4, 2), DAY, date(2026, 2, 10), True, [HOLD]),  # sent too late
        (None, DAY, date(2026, 2, 10), True, [HOLD]),  # no proof that it was sent
        (date(2026, 3, 5), DAY, None, True, [HOLD]),  # the order is not dated
        (date(2026, 3, 5), DAY, date(2026, 2, 10), False, [HOLD]),  # the plan does not grant it
    ],
)
def test_order_exception_of_2025(
    sent: date | None, on: date, ordered: date | None, allowed: bool, expected: list[Severity]
) -> None:
    visit = under({"sent_to_certifier_on": sent}, on, administrative={"referral": {"ordered_on": ordered}})
    facts = context(terms=medicare(certification_order_exception=allowed), today=date(2026, 5, 1))
    assert severities("D8", visit, facts) == expected


def test_order_exception_needs_an_order_and_2025() -> None:
    facts = context(terms=medicare(), today=date(2026, 5, 1))
    plan = {"sent_to_certifier_on": date(2026, 3, 5)}
    assert severities("D8", under(plan, administrative={"referral": None}), facts) == [HOLD]
    old = encounter(
        date_of_service=date(2024, 12, 30),
        compliance={
            "episode": {"started_on": date(2024, 12, 30)},
            "plan_of_care": {"established_on": date(2024, 12, 30), "certified_on": None,
                             "sent_to_certifier_on": date(2024, 12, 31)},
        },
    )  # fmt: skip
    assert severities("D8", old, facts) == [HOLD]


@pytest.mark.parametrize(
    ("on", "expected"),
    [(date(2026, 5, 20), []), (date(2026, 5, 21), [WARN]), (date(2026, 5, 31), [WARN]), (date(2026, 6, 1), [BLOCK])],
)
def test_ninety_days_end_the_certified_time(on: date, expected: list[Severity]) -> None:
    visit = under({"certified_on": date(2026, 3, 5)}, on)
    assert severities("D9", visit, context(terms=medicare(), today=on)) == expected


def test_stated_duration_ends_it_earlier_and_recertification_later() -> None:
    facts = context(terms=medicare(), today=date(2026, 6, 20))
    stated = {"certified_on": date(2026, 3, 5), "effective_to": date(2026, 4, 15)}
    assert severities("D9", under(stated, date(2026, 4, 16)), facts) == [BLOCK]
    assert severities("D9", under({**stated, "recertified_on": date(2026, 4, 16)}, date(2026, 6, 1)), facts) == []
    visit = under({**stated, "recertified_on": date(2026, 5, 30)}, date(2026, 6, 1))
    plan = visit.compliance.plan_of_care
    assert plan is not None
    assert certified_until(visit, plan, 90) == date(2026, 8, 28)


def test_stated_duration_binds_without_certification_too() -> None:
    visit = under({"effective_to": date(2026, 4, 15)}, date(2026, 4, 16))
    assert severities("D9", visit, context(today=date(2026, 4, 17))) == [BLOCK]
    assert severities("D9", under({}, date(2026, 12, 1)), context(today=date(2026, 12, 2))) == []


# --- progress report: every ten treatment days ---------------------------------------------------------------

DAYS = tuple(DAY + timedelta(days=n) for n in range(40))


def on_day(number: int, reports: tuple[date, ...] = (), before: int = 0) -> tuple[Encounter, VisitContext]:
    visit = encounter(
        date_of_service=DAYS[number - 1],
        compliance={"episode": {"started_on": DAY, "treatment_days_before_firstpass": before}},
    )
    facts = context(
        terms=medicare(), treatment_days=DAYS[:number], progress_reports=reports, today=DAYS[number - 1] + timedelta(9)
    )
    return visit, facts


@pytest.mark.parametrize(
    ("number", "reports", "before", "expected"),
    [
        (9, (), 0, []),
        (10, (), 0, [WARN]),
        (11, (), 0, [BLOCK]),
        (10, (DAYS[9],), 0, []),  # written on the tenth day itself
        (11, (DAYS[9],), 0, []),
        (20, (DAYS[9],), 0, [WARN]),
        (21, (DAYS[9],), 0, [BLOCK]),
        (11, (DAYS[11],), 0, [WARN]),  # written two days late: the period is covered after all
        (5, (), 6, [BLOCK]),
        (4, (), 6, [WARN]),
        (3, (), 6, []),
        (5, (DAY - timedelta(days=20),), 6, [BLOCK]),  # a report older than all we know does not hide what we never saw
        (5, (DAY,), 6, []),  # a report since then does
    ],
)
def test_progress_report_by_treatment_day(
    number: int, reports: tuple[date, ...], before: int, expected: list[Severity]
) -> None:
    visit, facts = on_day(number, reports, before)
    assert severities("D10", visit, facts) == expected


def test_days_are_counted_after_the_last_report() -> None:
    visit, facts = on_day(13, (DAYS[9],))
    assert days_since_report(visit, facts) == (3, DAYS[9])


def test_no_report_is_due_where_the_plan_does_not_ask() -> None:
    visit, _ = on_day(30)
    assert severities("D10", visit, context(treatment_days=DAYS[:30], today=DAYS[31])) == []


# --- one evaluation per episode ------------------------------------------------------------------------------


def earlier(episode: str = "episode-1", is_evaluation: bool = True, encounter_id: str = "visit-0") -> PriorVisit:
    return PriorVisit(
        encounter_id=encounter_id,
        date_of_service=date(2026, 2, 16),
        discipline=Discipline.PT,
        episode_id=episode,
        rendering_clinician_id="pt-1",
        is_evaluation=is_evaluation,
    )


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        (earlier(), [HOLD]),
        (earlier(episode="episode-0"), []),
        (earlier(is_evaluation=False), []),
        (earlier(encounter_id="visit-1"), []),
    ],
)
def test_second_evaluation_of_an_episode(visit: PriorVisit, expected: list[Severity]) -> None:
    assert severities("D13", evaluation(), context(prior_visits=(visit,))) == expected


@pytest.mark.parametrize("constant", ["TRANSMITTED_WITHIN_DAYS", "RECERTIFICATION_WARNING_DAYS"])
def test_tables_would_notice_a_wrong_constant(monkeypatch: pytest.MonkeyPatch, constant: str) -> None:
    monkeypatch.setattr(plan_of_care, constant, getattr(plan_of_care, constant) - 1)
    facts = context(terms=medicare(), today=date(2026, 5, 1))
    sent_on_the_last_day = under({"sent_to_certifier_on": date(2026, 4, 1)})
    warned_on_the_first = under({"certified_on": date(2026, 3, 5)}, date(2026, 5, 21))
    assert (severities("D8", sent_on_the_last_day, facts), severities("D9", warned_on_the_first, facts)) != ([], [WARN])


def test_the_builder_is_json() -> None:
    assert Encounter.model_validate(payload()) == encounter()
