"""A later plan's filing limit: what it counts from, what a person may do when it passed, and who is told before."""

from datetime import timedelta
from decimal import Decimal

from models.store import ledger
from tests.activities.conftest import Books
from tests.activities.later_plans import filed, first_pays, later, later_by, receivables, terms_of
from tests.workflows.visits import MILITARY


def late(books: Books) -> str:
    """A visit whose second plan's turn came after its filing limit, which counts from the service."""
    number = first_pays(books, filed(books))
    books.now = books.now + timedelta(days=40)
    assert books.claim_look(number) == "adjudicated"
    assert books.balance_look(number) == "waiting"
    return number


COUNTS_FROM_SERVICE = {"timely_filing_days": 30, "secondary_filing_counts_from": "service"}


def test_a_second_claim_after_its_filing_limit_is_held_until_a_person_names_the_exception(books: Books) -> None:
    with later_by(books, 0), terms_of(books, MILITARY, COUNTS_FROM_SERVICE):
        number = late(books)
        item = books.item(number)
        assert item is not None
        limit = books.visit(number).date_of_service + timedelta(days=30)
        assert (item.kind, item.amount, item.findings[0]["code"]) == ("secondary_late", Decimal(20), "S18")
        assert f"passed on {limit}" in item.reason
        assert item.findings[0]["evidence"]["filing limit"] == limit.isoformat()
        assert "reason" in books.refusal(item, "file_late", reason="")
        assert receivables(books, number) == (0, 0, 20)
        books.decide(item, "file_late", reason="retroactive eligibility, told by the plan")
        assert books.balance_look(number) == "to_claim"
        assert later(books, number).status == "ready"
        assert receivables(books, number) == (0, 20, 0)


def test_the_limit_of_a_second_plan_counts_from_the_remittance_before_it_unless_its_terms_say_otherwise(
    books: Books,
) -> None:
    with later_by(books, 40), terms_of(books, MILITARY, {"timely_filing_days": 30}):
        number = first_pays(books, filed(books))
        books.claim_look(number)
        books.balance_look(number)
        assert later(books, number).status == "ready"


def test_what_came_too_late_for_the_second_plan_is_written_off_and_the_first_plans_claim_stands(books: Books) -> None:
    with later_by(books, 0), terms_of(books, MILITARY, COUNTS_FROM_SERVICE):
        number = late(books)
        item = books.item(number)
        assert item is not None
        books.decide(item, "write_off")
        assert receivables(books, number) == (0, 0, 0)
        assert books.balance(number, ledger.WRITE_OFF) == 20
        assert books.claims(number)[0].status == "paid"
        assert books.balance_look(number) == "settled"


def test_in_the_last_days_of_a_second_plans_limit_nobody_waits_for_a_crossover(books: Books) -> None:
    with terms_of(books, MILITARY, {"timely_filing_days": 32}):
        number = first_pays(books, filed(books), status="19")
        assert books.claim_look(number) == "waiting"
        assert books.item(number) is None
        with later_by(books, 4):
            assert books.claim_look(number) == "waiting"
            item = books.item(number)
    assert item is not None
    assert "28 days are left to file it" in item.reason


def test_what_keeps_a_second_claim_from_being_filed_says_how_long_there_is(books: Books) -> None:
    with terms_of(books, MILITARY, {"timely_filing_days": 12, "secondary_accepts_electronic": False}):
        number = first_pays(books, filed(books))
        books.claim_look(number)
    item = books.item(number)
    assert item is not None
    assert "takes no electronic claims as second plan; 12 days are left to file it" in item.reason
