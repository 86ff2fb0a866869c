"""Benefit limits on real tables: counted from the patient's visits, moved by what others tell, freed by what ends."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from activities.benefits import Told, enter_report
from activities.refusals import Refused
from billing.vocabulary import LimitSource
from models.store.session import practice_session
from models.store.visits import limits_of
from models.tables.benefits import BenefitReportRow
from models.tables.life import OutboxRow
from models.tables.practice import PlanRow, PlanTermsRow, PracticeRow
from tests.activities.conftest import Books
from tests.line import TODAY
from tests.workflows.visits import PREFERRED, Visit, sibling, visit

YEAR_BEGAN = (TODAY - timedelta(days=60)).replace(day=1)  # in January too, all visits below lie in one year
LIMIT = {
    "limit_id": "visits",
    "quantity": "3",
    "disciplines": ["PT"],
    "hard": True,
    "period": "plan_year",
    "plan_year_month": YEAR_BEGAN.month,
}


@pytest.fixture(autouse=True)
def three_visits_a_year(books: Books) -> Iterator[None]:
    """The preferred plan pays for three."""
    limit_plan(books, LIMIT)
    yield
    limit_plan(books)


def limit_plan(books: Books, *limits: dict[str, Any]) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        plan = session.query(PlanRow).filter(PlanRow.external_id == PREFERRED).one()
        for row in session.query(PlanTermsRow).filter(PlanTermsRow.plan_id == plan.id):
            row.terms = row.terms | {"benefit_limits": list(limits)}
        session.get_one(PracticeRow, books.practice_id).revision += 1


def days_of(first: Visit, count: int) -> list[Visit]:
    """Visits of one patient on so many days, the last one today."""
    made = []
    for back in reversed(range(count)):
        other = sibling(first)
        day = TODAY - timedelta(days=back)
        other["date_of_service"] = str(day)
        other["compliance"]["signatures"][0]["signed_at"] = f"{day}T18:00:00-06:00"
        made.append(other)
    return made


def tell(books: Books, number: str, used: str, **facts: Any) -> str:
    said: dict[str, Any] = {
        "limit_id": "visits",
        "as_of": TODAY,
        "source": LimitSource.ENTERED,
        "told_by": "Frida",
    } | facts
    with practice_session(books.engine, books.practice_id) as session:
        practice = session.get_one(PracticeRow, books.practice_id)
        row = session.get_one(type(books.visit(number)), books.visit(number).id)
        return enter_report(session, practice, row, Told(used_elsewhere=Decimal(used), **said), TODAY)


def outcomes(books: Books, visits: list[Visit]) -> list[str]:
    return [books.gates(one["encounter_id"]).outcome for one in visits]


def test_the_visit_beyond_the_limit_waits_and_takes_the_place_of_one_that_ended(books: Books) -> None:
    visits = days_of(visit("LIMITFOUR"), 4)
    books.send(*visits)
    assert outcomes(books, visits) == ["clear", "clear", "clear", "held"]
    item = books.item(visits[3]["encounter_id"])
    assert item is not None
    assert (item.queue, item.findings[0]["code"]) == ("authorization", "B1")

    cancelled = deepcopy(visits[1]) | {"version": 2, "cancelled": True}
    books.send(cancelled)
    books.claim_look(visits[1]["encounter_id"])
    freed = books.visit(visits[3]["encounter_id"])
    word = books.rows(OutboxRow, OutboxRow.signal == "recheck", OutboxRow.state == "pending")
    assert any(str(freed.id) in row.workflow_id for row in word), "the held visit was not told"
    assert books.gates(visits[3]["encounter_id"]).outcome == "clear"


def test_of_held_visits_the_earlier_go_first_whatever_came_in_first(books: Books) -> None:
    visits = days_of(visit("LIMITLATE"), 5)
    books.send(*reversed(visits))
    assert outcomes(books, list(reversed(visits))) == ["held", "held", "clear", "clear", "clear"]


def test_what_other_clinics_used_holds_and_a_newer_report_lets_go(books: Books) -> None:
    [made] = days_of(visit("LIMITELSE"), 1)
    books.send(made)
    assert "being checked again" in tell(books, made["encounter_id"], "3")
    assert outcomes(books, [made]) == ["held"]
    assert books.item(made["encounter_id"]) is not None
    tell(books, made["encounter_id"], "2")
    assert outcomes(books, [made]) == ["clear"]
    reports = books.rows(BenefitReportRow, BenefitReportRow.patient_id == books.visit(made["encounter_id"]).patient_id)
    assert [row.used_elsewhere for row in reports] == [3, 2]


@pytest.mark.parametrize(
    ("used", "facts", "sentence"),
    [
        ("2.5", {}, "whole visits"),
        ("-1", {}, "zero or more"),
        ("1", {"as_of": TODAY + timedelta(days=1)}, "future"),
        ("1", {"as_of": YEAR_BEGAN - timedelta(days=1)}, "before the limit's period"),
        ("1", {"limit_id": "nonsense"}, "no such limit"),
    ],
)
def test_an_impossible_report_is_refused_with_a_sentence(
    books: Books, used: str, facts: dict[str, Any], sentence: str
) -> None:
    [made] = days_of(visit("LIMITWRONG"), 1)
    books.send(made)
    with pytest.raises(Refused, match=sentence):
        tell(books, made["encounter_id"], used, **facts)


def test_a_held_visit_is_shown_with_the_dollars_it_would_add(books: Books) -> None:
    limit_plan(books, LIMIT | {"measure": "dollars", "quantity": "1.00"})
    [made] = days_of(visit("LIMITSHOWN"), 1)
    books.send(made)
    assert outcomes(books, [made]) == ["held"]
    with practice_session(books.engine, books.practice_id) as session:
        practice, row = session.get_one(PracticeRow, books.practice_id), books.visit(made["encounter_id"])
        [stands] = limits_of(session, practice, row)
    assert stands.exceeded
    assert stands.this_visit > 1


def test_habilitative_visits_use_only_the_habilitative_limit(books: Books) -> None:
    limit_plan(books, LIMIT | {"quantity": "1", "care": "habilitative"})
    rehabilitative, charted, marked = days_of(visit("LIMITCARE"), 3)
    charted["clinical"]["habilitative"] = True
    marked["timing"]["services"][0]["modifiers"] = ["96"]
    books.send(rehabilitative, charted, marked)
    assert outcomes(books, [rehabilitative, charted, marked]) == ["clear", "clear", "held"]
    limit_plan(books, LIMIT | {"quantity": "2", "care": "habilitative"})
    assert books.gates(marked["encounter_id"]).outcome == "clear"


def test_a_soft_limit_yields_to_a_reason_and_a_hard_one_to_nobody(books: Books) -> None:
    visits = days_of(visit("LIMITSOFT"), 4)
    books.send(*visits)
    outcomes(books, visits)
    held = books.item(visits[3]["encounter_id"])
    assert held is not None
    assert "hard limit yields to nobody" in books.refusal(held, "exceed_limit")
    limit_plan(books, LIMIT | {"hard": False})
    assert books.gates(visits[3]["encounter_id"]).outcome == "held"
    soft = books.item(visits[3]["encounter_id"])
    assert soft is not None
    assert soft.findings[0]["code"] == "B2"
    assert "with a reason" in books.decide(soft, "exceed_limit", reason="complex fracture, see note")
    assert books.gates(visits[3]["encounter_id"]).outcome == "clear"


def test_reports_are_never_changed(books: Books) -> None:
    engine: Engine = books.engine
    with pytest.raises(ProgrammingError), practice_session(engine, books.practice_id) as session:
        session.query(BenefitReportRow).update({"used_elsewhere": 0})
