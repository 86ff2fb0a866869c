"""Who may be made to pay for a visit beyond its limit: decided on real tables, with the notice and its signature."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities import financial_notices
from activities.financial_notices import Writer
from activities.refusals import Refused
from billing.vocabulary import BeneficiaryChoice
from models.store import ledger
from models.store.session import practice_session
from models.tables.authorizations import BookingRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.notices import FinancialNoticeRow
from models.tables.practice import PlanRow, PlanTermsRow, PracticeRow
from tests.activities.conftest import Books
from tests.line import TODAY
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, sibling, unsigned, visit

Act = Callable[[Any, Writer, FinancialNoticeRow], object]


def held(books: Books, member_id: str) -> tuple[Visit, WorkItemRow]:
    """A visit without the authorization its plan wants, today."""
    made = visit(member_id, COMMERCIAL, like=PREFERRED)
    made["date_of_service"] = str(TODAY)
    made["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T12:00:00-06:00"
    books.send(made)
    assert books.gates(made["encounter_id"]).outcome == "held"
    return made, item_of(books, made)


def item_of(books: Books, made: Visit) -> WorkItemRow:
    item = books.item(made["encounter_id"])
    assert item is not None
    return item


def make(books: Books, made: Visit) -> FinancialNoticeRow:
    with practice_session(books.engine, books.practice_id) as session:
        writer = Writer(session.get_one(PracticeRow, books.practice_id), "Frida", books.now)
        row = session.get_one(EncounterRow, books.visit(made["encounter_id"]).id)
        return financial_notices.make(session, writer, row)


def answer(books: Books, notice: FinancialNoticeRow, act: Act) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        writer = Writer(session.get_one(PracticeRow, books.practice_id), "Frida", books.now)
        act(session, writer, financial_notices.locked(session, notice.id))


def signed(on: date = TODAY, choice: BeneficiaryChoice | None = None) -> Act:
    return lambda session, writer, row: financial_notices.mark_signed(session, writer, row, on, choice)


def refused() -> Act:
    return lambda session, writer, row: financial_notices.mark_refused(session, writer, row, TODAY)


def presented() -> Act:
    return lambda session, writer, row: financial_notices.mark_presented(session, writer, row, TODAY)


def set_terms(books: Books, **terms: Any) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        plan = session.query(PlanRow).filter(PlanRow.external_id == COMMERCIAL).one()
        for row in session.query(PlanTermsRow).filter(PlanTermsRow.plan_id == plan.id):
            row.terms = row.terms | terms
        session.get_one(PracticeRow, books.practice_id).revision += 1


def test_the_patient_pays_once_the_notice_is_signed_and_not_before(books: Books) -> None:
    made, item = held(books, "FORKSIGN")
    assert "none was made" in books.refusal(item, "patient_pay")
    notice = make(books, made)
    assert notice.estimate == item.amount
    assert made["patient"]["first_name"] in notice.body
    assert made["patient"]["last_name"] not in notice.body + notice.subject
    assert "not signed" in books.refusal(item, "patient_pay")
    answer(books, notice, signed())
    assert "now the patient's" in books.decide(item, "patient_pay")
    assert books.gates(made["encounter_id"]).outcome == "patient_pays"
    assert books.balance_look(made["encounter_id"]) == "waiting"
    assert books.claims(made["encounter_id"]) == []
    assert books.balance(made["encounter_id"], ledger.PATIENT_RECEIVABLE) == notice.estimate
    with practice_session(books.engine, books.practice_id) as session:
        told = session.query(EventRow).filter(EventRow.encounter_id == books.visit(made["encounter_id"]).id)
        assert {"notice.made", "notice.signed", "decision.patient_pay"} <= {row.kind for row in told}


def test_a_patient_who_refuses_to_sign_is_not_billed(books: Books) -> None:
    made, item = held(books, "FORKREFUSE")
    notice = make(books, made)
    answer(books, notice, refused())
    assert "refused to sign" in books.refusal(item, "patient_pay")
    with pytest.raises(Refused, match="answered this notice already"):
        answer(books, notice, signed())


def test_a_contract_that_forbids_it_is_stronger_than_a_signature(books: Books) -> None:
    made, item = held(books, "FORKCONTRACT")
    answer(books, make(books, made), signed())
    set_terms(books, patient_may_be_billed_beyond_limit=False)
    try:
        assert "forbids billing the patient" in books.refusal(item, "patient_pay")
    finally:
        set_terms(books, patient_may_be_billed_beyond_limit=True)


def test_medicares_form_needs_the_option_the_patient_ticked(books: Books) -> None:
    set_terms(books, financial_notice="abn")
    try:
        made, item = held(books, "FORKABN")
        notice = make(books, made)
        assert "CMS-R-131" in notice.body
        with pytest.raises(Refused, match="which option"):
            answer(books, notice, signed())
        answer(books, notice, signed(choice=BeneficiaryChoice.BILL_MEDICARE))
        assert "Medicare is billed first" in books.refusal(item, "patient_pay")
    finally:
        set_terms(books, financial_notice="waiver")


@pytest.mark.parametrize(
    ("on", "sentence"), [(TODAY + timedelta(days=1), "future"), (TODAY - timedelta(days=9), "presented on")]
)
def test_a_signature_on_an_impossible_day_is_refused(books: Books, on: date, sentence: str) -> None:
    made, _ = held(books, "FORKDAYS")
    notice = make(books, made)
    answer(books, notice, presented())
    with pytest.raises(Refused, match=sentence):
        answer(books, notice, signed(on))


def test_a_notice_signed_at_booking_stands_for_the_visit_that_came_of_it(books: Books) -> None:
    first, _ = held(books, "FORKBOOKED")
    answer(books, make(books, first), signed())
    twin = sibling(first)
    books.send(twin)
    assert books.gates(twin["encounter_id"]).outcome == "held"
    assert "now the patient's" in books.decide(item_of(books, twin), "patient_pay")


def booked(books: Books, first: Visit, expected: dict[str, int]) -> BookingRow:
    """A visit of the patient tomorrow that no authorization covers."""
    starts_at = datetime.now(UTC) + timedelta(days=1)
    booking = BookingRow(
        practice_id=books.practice_id,
        external_id=f"B-{first['encounter_id']}",
        version=1,
        patient_external_id=first["patient"]["patient_id"],
        plan_id=books.visit(first["encounter_id"]).plan_id,
        discipline="PT",
        starts_at=starts_at,
        service_date=starts_at.date(),
        expected=expected,
        state="booked",
        beyond_limit="No authorization is on file.",
        source="test",
        sha256="",
    )
    with practice_session(books.engine, books.practice_id) as session:
        session.add(booking)
        session.flush()
        session.expunge(booking)
    return booking


def make_ahead(books: Books, booking: BookingRow) -> FinancialNoticeRow:
    with practice_session(books.engine, books.practice_id) as session:
        writer = Writer(session.get_one(PracticeRow, books.practice_id), "Frida", books.now)
        return financial_notices.make_for_booking(session, writer, session.merge(booking))


def test_a_booked_visit_is_estimated_from_what_the_schedule_expects_or_as_last_time(books: Books) -> None:
    made, _ = held(books, "FORKAHEAD")
    notice = make_ahead(books, booked(books, made, {"97110": 2, "97140": 1}))
    assert notice.estimate == Decimal("182.00")  # the demo clinic charges 62.00 and 58.00
    assert notice.steps[0]["text"] == "97110: 2 x $62.00 = $124.00"
    assert (notice.encounter_id, notice.signature_state) == (None, "unsigned")

    stranger, _ = held(books, "FORKNOCODES")
    with pytest.raises(Refused, match="nothing can be estimated"):
        make_ahead(books, booked(books, stranger, {}))

    paid = visit("FORKLASTTIME")
    books.send(paid)
    books.gates(paid["encounter_id"])
    again = make_ahead(books, booked(books, paid, {}))
    assert again.estimate == books.claims(paid["encounter_id"])[0].total_charge


def test_a_visit_within_its_limits_needs_no_notice(books: Books) -> None:
    made = visit("FORKWITHIN")
    books.send(made)
    with pytest.raises(Refused, match="within its authorization"):
        make(books, made)


def test_closing_a_visit_as_not_billable_gives_up_money_and_has_the_same_limit_as_a_write_off(books: Books) -> None:
    made = unsigned(visit("FORKLIMIT"))
    books.send(made)
    books.gates(made["encounter_id"])
    item = item_of(books, made)
    assert item.amount > 50
    assert "above your limit" in books.refusal(item, "not_billable", role="biller")
    assert books.decide(item, "not_billable", role="supervisor")
