"""Prior authorization: when it is needed, which one is used, what is wrong with the others, and what comes next."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.authorization import Billed, choose, required
from billing.authorization_ledger import NOTHING
from billing.context import AuthorizationBalance, PriorVisit
from billing.reauthorization import outlook
from billing.vocabulary import AuthorizationNeed, Discipline, Owner, Severity, UnitOfMeasure
from tests.billing.builders import context, encounter, services, terms

NEEDED = terms(authorization_need="before_evaluation")


def balance(**overrides: Any) -> AuthorizationBalance:
    facts: dict[str, Any] = {
        "authorization_id": "auth-1",
        "number": "A-100",
        "plan_id": "plan-1",
        "disciplines": (Discipline.PT,),
        "unit_of_measure": UnitOfMeasure.VISITS,
        "codes": (),
        "effective_from": date(2026, 2, 1),
        "effective_to": date(2026, 4, 30),
        "left": 5,
    }
    return AuthorizationBalance(**{**facts, **overrides, "left": Decimal(overrides.get("left", 5))})


def billed(units: int) -> list[Billed]:
    return [Billed("97110", units - 1, Decimal(40)), Billed("97140", 1, Decimal(30))]


EVALUATION = {"clinical": {"visit_kind": "evaluation"}, "timing": services(("97161", 30))}


@pytest.mark.parametrize(
    ("need", "exempt", "visit", "needed"),
    [
        ("none", True, {}, False),
        ("before_evaluation", True, EVALUATION, True),
        ("before_evaluation", True, {}, True),
        ("after_evaluation", True, EVALUATION, False),
        ("after_evaluation", False, EVALUATION, False),
        ("after_evaluation", True, {}, True),
    ],
)
def test_when_it_is_needed(need: str, exempt: bool, visit: dict[str, Any], needed: bool) -> None:
    plan = terms(authorization_need=need, evaluation_exempt=exempt)
    answer = required(encounter(**visit), context(terms=plan))
    assert answer.needed is needed
    assert answer.reason


DAYS = (*(date(2026, 2, day) for day in (16, 18, 20, 23, 25)), date(2026, 3, 2))
FIRST = PriorVisit("visit-0", DAYS[0], Discipline.PT, "episode-1", "pt-1", is_evaluation=True)


@pytest.mark.parametrize(
    ("exempt", "free", "needed"), [(True, 5, False), (True, 4, True), (False, 6, False), (False, 5, True)]
)
def test_after_so_many_visits(exempt: bool, free: int, needed: bool) -> None:
    plan = terms(
        authorization_need=AuthorizationNeed.AFTER_VISITS, authorization_after_visits=free, evaluation_exempt=exempt
    )
    facts = context(terms=plan, treatment_days=DAYS, prior_visits=(FIRST,))
    assert required(encounter(), facts).needed is needed


@pytest.mark.parametrize(
    ("balances", "code"),
    [
        ([], "A1"),
        ([balance(plan_id="plan-2")], "A1"),
        ([balance(effective_to=date(2026, 3, 1))], "A2"),
        ([balance(effective_from=date(2026, 3, 3))], "A2"),
        ([balance(disciplines=(Discipline.OT,))], "A3"),
        ([balance(codes=("97110",))], "A3"),
        ([balance(left=0)], "A4"),
        ([balance(unit_of_measure=UnitOfMeasure.UNITS, left=2)], "A4"),
    ],
)
def test_what_is_wrong_with_those_on_file(balances: list[AuthorizationBalance], code: str) -> None:
    choice = choose(encounter(), context(terms=NEEDED, authorizations=tuple(balances)), billed(3))
    (finding,) = choice.findings
    assert (choice.authorization_id, choice.quantity, finding.code) == (None, NOTHING, code)
    assert finding.severity is Severity.HOLD
    assert finding.owner is Owner.FRONT_DESK
    assert finding.overridable


@pytest.mark.parametrize(
    ("fitting", "quantity"),
    [
        (balance(), 1),
        (balance(effective_from=date(2026, 3, 2), effective_to=date(2026, 3, 2)), 1),
        (balance(codes=("97110", "97140")), 1),
        (balance(left=1), 1),
        (balance(unit_of_measure=UnitOfMeasure.UNITS, left=3), 3),
        (balance(disciplines=(Discipline.OT, Discipline.PT)), 1),
    ],
)
def test_what_fits_is_used(fitting: AuthorizationBalance, quantity: int) -> None:
    others = (balance(authorization_id="auth-0", left=0), balance(authorization_id="auth-9", plan_id="plan-2"))
    choice = choose(encounter(), context(terms=NEEDED, authorizations=(*others, fitting)), billed(3))
    assert (choice.authorization_id, choice.quantity, choice.findings) == ("auth-1", Decimal(quantity), ())
    assert "A-100" in choice.steps[-1].text


def test_the_one_that_ends_first_is_used_first_unless_the_chart_names_another() -> None:
    later = balance(authorization_id="auth-2", number="A-200", effective_to=date(2026, 6, 30))
    facts = context(terms=NEEDED, authorizations=(later, balance()))
    assert choose(encounter(), facts, billed(3)).authorization_id == "auth-1"
    named = encounter(administrative={"authorization_number": "A-200"})
    assert choose(named, facts, billed(3)).authorization_id == "auth-2"


def test_another_number_on_the_chart_is_a_finding_beside_the_choice() -> None:
    named = encounter(administrative={"authorization_number": "A-999"})
    choice = choose(named, context(terms=NEEDED, authorizations=(balance(),)), billed(3))
    assert choice.authorization_id == "auth-1"
    assert [finding.code for finding in choice.findings] == ["A5"]


def test_an_exempt_evaluation_code_need_not_be_listed() -> None:
    visit = encounter(timing=services(("97161", 30), ("97110", 15)))
    listed = balance(codes=("97110",))
    lines = [Billed("97161", 1, Decimal(90)), Billed("97110", 1, Decimal(40))]
    assert choose(visit, context(terms=NEEDED, authorizations=(listed,)), lines).authorization_id == "auth-1"
    strict = terms(authorization_need="before_evaluation", evaluation_exempt=False)
    found = choose(visit, context(terms=strict, authorizations=(listed,)), lines).findings
    assert [finding.code for finding in found] == ["A3"]


def test_nothing_is_used_where_none_is_needed() -> None:
    choice = choose(encounter(), context(authorizations=(balance(),)), billed(3))
    assert (choice.authorization_id, choice.quantity, choice.findings) == (None, NOTHING, ())


# --- outlook: expires 2026-04-30, opens 04-23, due 04-25 -----------------------------------------------------

END = date(2026, 4, 30)


@pytest.mark.parametrize(
    ("left", "today", "begun", "flags", "open_now", "escalate", "ended", "next_look"),
    [
        (10, date(2026, 4, 1), False, (), False, False, None, date(2026, 4, 23)),
        (10, date(2026, 4, 22), False, (), False, False, None, date(2026, 4, 23)),
        (10, date(2026, 4, 23), False, (), True, False, None, date(2026, 4, 25)),
        (10, date(2026, 4, 24), False, (), True, False, None, date(2026, 4, 25)),
        (10, date(2026, 4, 25), False, (), True, True, None, date(2026, 5, 1)),
        (10, date(2026, 4, 25), True, (), False, False, None, date(2026, 5, 1)),
        (10, date(2026, 4, 30), False, (), True, True, None, date(2026, 5, 1)),
        (10, date(2026, 5, 1), False, (), False, False, "expired", None),
        (4, date(2026, 4, 1), False, (), False, False, None, date(2026, 4, 23)),
        (3, date(2026, 4, 1), False, ("left_3",), True, False, None, date(2026, 4, 23)),
        (2, date(2026, 4, 1), False, ("left_3", "left_2"), True, True, None, date(2026, 4, 23)),
        (2, date(2026, 4, 1), True, ("left_3", "left_2"), False, False, None, date(2026, 4, 23)),
        (0, date(2026, 4, 1), False, (), False, False, "exhausted", date(2026, 4, 23)),
    ],
)
def test_outlook(
    left: int,
    today: date,
    begun: bool,
    flags: tuple[str, ...],
    open_now: bool,
    escalate: bool,
    ended: str | None,
    next_look: date | None,
) -> None:
    answer = outlook(Decimal(left), END, today, lead_days=7, open_reauthorization=begun)
    assert (answer.reauthorization_opens_on, answer.due_on) == (date(2026, 4, 23), date(2026, 4, 25))
    assert (answer.flags, answer.open_now, answer.escalate, answer.ended) == (flags, open_now, escalate, ended)
    assert answer.next_look_on == next_look


def test_a_slow_payer_is_asked_earlier() -> None:
    slow = outlook(Decimal(10), END, date(2026, 4, 1), lead_days=14, open_reauthorization=False)
    assert (slow.reauthorization_opens_on, slow.due_on) == (date(2026, 4, 16), date(2026, 4, 18))
    quick = outlook(Decimal(10), END, date(2026, 4, 1), lead_days=1, open_reauthorization=False)
    assert (quick.reauthorization_opens_on, quick.due_on) == (date(2026, 4, 23), date(2026, 4, 25))


@given(st.integers(0, 50), st.dates(date(2026, 1, 1), date(2026, 6, 30)), st.integers(0, 30), st.booleans())
def test_the_next_look_is_always_ahead(left: int, today: date, lead: int, begun: bool) -> None:
    answer = outlook(Decimal(left), END, today, lead, begun)
    assert answer.next_look_on is None or answer.next_look_on > today
    assert (answer.next_look_on is None) == (today > END)
    assert not (answer.escalate and answer.ended)
