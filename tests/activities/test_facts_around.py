"""What a visit is judged by besides itself: other patients' visits of the day, and the plan's visits of the years."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.store.rules import changed
from models.store.session import practice_session
from models.store.visits import past_visits
from models.tables.claims import ClaimRow
from models.tables.practice import PlanRow, PlanTermsRow
from tests.activities.conftest import Books
from tests.workflows.visits import MILITARY, PREFERRED, Visit, newer, sibling, visit


def clocked(made: Visit, start: str, stop: str) -> Visit:
    """The first service with clock times that its minutes fill."""
    service = made["timing"]["services"][0]
    service |= {"start_time": start, "stop_time": stop}
    return made


def minutes(made: Visit) -> int:
    given: int = made["timing"]["services"][0]["minutes"][0]["minutes"]
    return given


def findings(books: Books, number: str) -> list[dict[str, Any]]:
    item = books.item(number)
    return item.findings if item else []


def at(hour: int, after: int) -> str:
    return f"{hour + after // 60:02d}:{after % 60:02d}"


def test_one_clinician_one_on_one_with_two_patients_at_once_is_held(books: Books) -> None:
    first, second = visit("TWOATONCE1"), visit("TWOATONCE2")
    assert minutes(first) == minutes(second)
    for made in (first, second):
        books.send(clocked(made, at(9, 0), at(9, minutes(made))))
    number, other = str(second["encounter_id"]), str(first["encounter_id"])
    assert books.gates(number).outcome == "held"
    (found,) = findings(books, number)
    assert (found["code"], found["evidence"]["other visits"]) == ("S19", other)
    assert first["patient"]["last_name"] not in str(found)

    later = newer(second, lambda made: clocked(made, at(9, minutes(made)), at(9, 2 * minutes(made))))
    books.send(later)
    assert books.gates(number).outcome != "held"


def test_a_cancelled_visit_took_nobodys_time(books: Books) -> None:
    gone, kept = visit("ATONCEGONE"), visit("ATONCEKEPT")
    for made in (gone, kept):
        books.send(clocked(made, at(14, 0), at(14, minutes(made))))
    books.send(newer(gone, lambda made: made.update(cancelled=True)))
    assert books.gates(str(gone["encounter_id"])).outcome == "closed"
    assert books.gates(str(kept["encounter_id"])).outcome != "held"


def set_terms(books: Books, plan: str, **terms: Any) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        rows = session.scalars(
            select(PlanTermsRow).join(PlanRow, PlanRow.id == PlanTermsRow.plan_id).where(PlanRow.external_id == plan)
        )
        for row in rows:
            row.terms = row.terms | terms
        changed(session, books.practice_id)


def test_a_plans_frequency_is_counted_over_the_turn_of_the_year(books: Books) -> None:
    now = visit("HOWOFTEN", plan=MILITARY)
    on = date.fromisoformat(now["date_of_service"])
    before = sibling(now)
    days = (on - date(on.year - 1, 12, 20)).days
    before["date_of_service"] = (on - timedelta(days=days)).isoformat()
    before["compliance"]["episode"] |= {"episode_id": "EP-LAST-YEAR", "started_on": before["date_of_service"]}
    before["compliance"]["plan_of_care"] |= {"established_on": before["date_of_service"]}
    before["compliance"]["signatures"][0]["signed_at"] = f"{before['date_of_service']}T18:00:00-06:00"
    set_terms(books, MILITARY, timely_filing_days=500)  # at the end of a year, its first visit is more than one ago
    books.send(before)
    books.gates(str(before["encounter_id"]))
    assert books.claims(str(before["encounter_id"])), "the earlier visit has a claim"

    codes = [now["timing"]["services"][0]["code"]]
    set_terms(books, MILITARY, frequency_limits=[{"codes": codes, "at_most": 1, "days": days + 1}])
    books.send(now)
    assert books.gates(str(now["encounter_id"])).outcome == "held"
    assert [found["code"] for found in findings(books, str(now["encounter_id"]))] == ["S42"]

    set_terms(books, MILITARY, frequency_limits=[{"codes": codes, "at_most": 1, "days": days}])
    assert books.gates(str(now["encounter_id"])).outcome != "held"


@pytest.mark.parametrize("way", ["chart", "modifier", "neither"])
def test_habilitative_care_of_another_visit_is_told_apart(books: Books, way: str) -> None:
    before = visit(f"HABILITATIVE{way}", plan=MILITARY)
    now = sibling(before)
    if way == "chart":
        before["clinical"]["habilitative"] = True
    elif way == "modifier":
        before["timing"]["services"][0]["modifiers"] = ["96"]
    books.send(before, now)
    row = books.visit(str(now["encounter_id"]))
    with practice_session(books.engine, books.practice_id) as session:
        (past,) = [one for one in past_visits(session, row, row.date_of_service) if not one.is_this]
    assert past.is_habilitative == (way != "neither")


def test_a_claim_that_replaces_one_the_payer_has_is_judged_by_the_limit_for_corrected_claims(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_terms(books, PREFERRED, timely_filing_days=90, corrected_claim_days=365)
    given, replacing = visit("CORRECTED1", PREFERRED), visit("CORRECTED2", PREFERRED)
    first, second = str(given["encounter_id"]), str(replacing["encounter_id"])
    for made, number in ((given, first), (replacing, second)):
        books.send(made)
        assert books.gates(number).outcome == "clear", findings(books, number)
        books.set_claim(number, status="correcting")
        books.send(newer(made))
    with practice_session(books.engine, books.practice_id) as session:
        session.get_one(ClaimRow, books.claims(second)[-1].claim_id).payer_claim_control_number = "ICN-1"
    monkeypatch.setattr(books, "now", books.now + timedelta(days=200))
    assert books.gates(first).outcome == "held"
    assert "S18" in {found["code"] for found in findings(books, first)}
    assert books.gates(second).outcome == "clear", findings(books, second)
    assert books.claims(second)[-1].frequency_code == "7"
