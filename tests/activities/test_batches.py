"""A batch takes what is ready, whole, and leaves nothing behind unheard."""

from datetime import UTC, datetime

from sqlalchemy import select

from activities.batches import BatchActivities
from models.messages import BatchRef
from models.store.session import practice_session
from models.tables.claims import BatchRow, ClaimVersionRow
from tests.activities.conftest import Books
from tests.workflows.visits import newer, visit


def ready(books: Books, member_id: str) -> str:
    made = visit(member_id)
    books.send(made)
    assert books.gates(made["encounter_id"]).outcome == "clear"
    return str(made["encounter_id"])


def finish(books: Books) -> BatchRef:
    built = books.build_batch()
    batch = BatchRef(practice_id=books.practice_id, batch_id=built.batch_id)
    BatchActivities(books.engine, "T").record_sent(batch)
    return batch


def test_a_ready_claim_somebody_is_looking_at_is_not_forgotten(books: Books) -> None:
    looked_at, other = ready(books, "BATCHLOOK1"), ready(books, "BATCHLOOK2")
    with practice_session(books.engine, books.practice_id) as session:
        held = books.claims(looked_at)[0].id
        session.scalars(select(ClaimVersionRow).where(ClaimVersionRow.id == held).with_for_update()).one()
        built = books.build_batch()
        assert books.claims(other)[0].batch_id == built.batch_id
        assert built.more, "the claim left behind would wait for the next visit's call"
    BatchActivities(books.engine, "T").record_sent(BatchRef(practice_id=books.practice_id, batch_id=built.batch_id))
    finish(books)
    assert books.claims(looked_at)[0].status == "sent"
    assert not books.build_batch().more


def test_a_batch_begun_and_not_sent_goes_first_with_the_same_bytes(books: Books) -> None:
    ready(books, "BATCHSAME1")
    first = books.build_batch()
    ready(books, "BATCHSAME2")
    assert books.build_batch().batch_id == first.batch_id
    BatchActivities(books.engine, "T").record_sent(BatchRef(practice_id=books.practice_id, batch_id=first.batch_id))
    second = finish(books)
    assert second.batch_id != first.batch_id
    one, two = (books.rows(BatchRow, BatchRow.id == batch_id)[0] for batch_id in (first.batch_id, second.batch_id))
    assert two.interchange_control_number == one.interchange_control_number + 1


def test_an_answer_that_comes_before_our_own_record_loses_nothing(books: Books) -> None:
    number = ready(books, "BATCHEARLY")
    built = books.build_batch()
    with practice_session(books.engine, books.practice_id) as session:
        session.get_one(BatchRow, built.batch_id).status = "acknowledged"
        session.get_one(ClaimVersionRow, books.claims(number)[0].id).status = "accepted"
    batches = BatchActivities(books.engine, "T")
    batches.record_sent(BatchRef(practice_id=books.practice_id, batch_id=built.batch_id))
    claim = books.claims(number)[0]
    assert claim.status == "accepted"
    assert claim.sent_at is not None
    assert claim.sent_at <= datetime.now(UTC)


def test_a_claim_not_yet_sent_is_simply_replaced_by_the_newer_chart(books: Books) -> None:
    made = visit("BATCHNEWER")
    number = made["encounter_id"]
    books.send(made)
    books.gates(number)
    books.send(newer(made, lambda later: later["clinical"]["diagnoses"].append({"code": "M25.561", "rank": 9})))
    assert books.claim_look(number) == "to_gates"
    assert books.gates(number).outcome == "clear"
    first, second = books.claims(number)
    assert (first.status, second.status, second.frequency_code) == ("superseded", "ready", "1")
    assert second.encounter_version == 2
    assert books.balance(number, "payer_receivable") == second.total_charge
    assert books.item(number) is None
    finish(books)
    assert books.claims(number)[0].batch_id is None
    assert books.claims(number)[1].status == "sent"
