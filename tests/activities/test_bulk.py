"""Many at once goes the way of one: the same refusals, foreseen without a trace, one batch, and a way back."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from activities import bulk
from activities.bulk import Wish
from activities.desk import Actor, Seen
from activities.refusals import Refused
from models.messages import Decision
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.desk import DecisionRow, WorkItemRow
from models.tables.life import EventRow, OutboxRow
from models.tables.supervision import BulkActionRow, BulkEntryRow
from tests.activities.conftest import Books
from tests.workflows.visits import unsigned, visit

REASON = "courtesy visit"


def held(books: Books, *members: str) -> list[WorkItemRow]:
    """Visits without a signature, each with its item."""
    visits = [unsigned(visit(member)) for member in members]
    books.send(*visits)
    items = []
    for made in visits:
        books.gates(made["encounter_id"])
        item = books.item(made["encounter_id"])
        assert item is not None
        items.append(item)
    return items


def actor(books: Books, role: str = "biller", place: int = 0) -> Actor:
    user = books.rows(UserRow, UserRow.role == role)[place]
    return Actor(books.practice_id, user.id, user.name, user.email, supervises=role == "supervisor")


def seen(*items: WorkItemRow) -> list[Seen]:
    return [Seen(item.id, item.version, item.owner_id) for item in items]


def read(books: Books, item: WorkItemRow) -> WorkItemRow:
    return books.rows(WorkItemRow, WorkItemRow.id == item.id)[0]


def life_of(books: Books, item: WorkItemRow) -> list[str]:
    with practice_session(books.engine, books.practice_id) as session:
        return list(session.scalars(select(EventRow.kind).where(EventRow.encounter_id == item.encounter_id)))


def entries(books: Books, action_id: UUID) -> dict[UUID, BulkEntryRow]:
    found = books.rows(BulkEntryRow, BulkEntryRow.bulk_action_id == action_id)
    return {entry.work_item_id: entry for entry in found}


def test_a_foreseen_decision_says_what_one_would_say_and_leaves_no_trace(books: Books) -> None:
    one, two = held(books, "MANYLOOK1", "MANYLOOK2")
    books.decide(two, "not_billable")  # somebody was quicker
    wish = Wish("decide", "not_billable", reason=REASON)
    fates = bulk.preview(books.engine, actor(books, "supervisor"), wish, seen(one, two), books.now)
    assert [fate.refused for fate in fates] == [False, True]
    assert fates[0].said == "The visit is closed as not billable."
    assert fates[1].said == books.refusal(two, "not_billable", seen_version=two.version)
    assert read(books, one).version == one.version
    assert not books.rows(DecisionRow, DecisionRow.work_item_id == one.id)
    assert "decision.not_billable" not in life_of(books, one)
    assert books.decide(one, "not_billable", reason=REASON) == fates[0].said


def test_decisions_of_a_batch_wait_in_the_outbox_each_under_its_own_id(books: Books) -> None:
    one, two = held(books, "MANYSEND1", "MANYSEND2")
    wish, action_id = Wish("decide", "not_billable", reason=REASON), uuid4()
    for _ in range(2):  # a doubled click
        bulk.apply(books.engine, actor(books, "supervisor"), wish, seen(one, two), action_id, "Not billable", books.now)
    waiting = entries(books, action_id)
    assert {entry.state for entry in waiting.values()} == {"waiting"}
    assert len(books.rows(BulkActionRow, BulkActionRow.id == action_id)) == 1
    for item in (one, two):
        signal = f"decide/{item.id}"
        [word] = books.rows(OutboxRow, OutboxRow.signal == signal)
        command = Decision.model_validate(word.message)
        assert (word.workflow_id, command.work_item_id) == (item.workflow_id, item.id)
        said = books.apply(command)
        bulk.answered(books.engine, command, said, refused=False)
    assert {entry.state for entry in entries(books, action_id).values()} == {"done"}


def test_items_are_taken_together_and_anothers_is_refused(books: Books) -> None:
    mine, theirs = held(books, "MANYTAKE1", "MANYTAKE2")
    other = actor(books, "supervisor")
    bulk.apply(books.engine, other, Wish("take"), seen(theirs), uuid4(), "Take", books.now)
    theirs = read(books, theirs)
    fates = bulk.preview(books.engine, actor(books), Wish("take"), seen(mine, theirs), books.now)
    assert [fate.refused for fate in fates] == [False, True]
    assert other.name in fates[1].said
    assert read(books, mine).owner_id is None
    action_id = bulk.apply(books.engine, actor(books), Wish("take"), seen(mine, theirs), uuid4(), "Take", books.now)
    assert read(books, mine).owner_id == actor(books).user_id
    assert read(books, theirs).owner_id == other.user_id
    assert entries(books, action_id)[theirs.id].state == "refused"


def test_a_batch_is_taken_back_but_not_over_somebody_who_acted_since(books: Books) -> None:
    one, two, three = held(books, "MANYBACK1", "MANYBACK2", "MANYBACK3")
    supervisor, biller = actor(books, "supervisor"), actor(books)
    wish = Wish("reassign", to={item.id: biller.user_id for item in (one, two, three)})
    action_id = bulk.apply(books.engine, supervisor, wish, seen(one, two, three), uuid4(), "Move", books.now)
    assert read(books, one).owner_id == biller.user_id
    snooze = Wish("snooze", until=books.now + timedelta(days=2))
    bulk.apply(books.engine, biller, snooze, seen(read(books, two)), uuid4(), "Snooze", books.now)
    books.decide(read(books, three), "not_billable")
    with practice_session(books.engine, books.practice_id) as session:
        back, stayed = bulk.revert(session, supervisor, action_id, books.now + timedelta(minutes=29))
    assert (back, stayed) == (2, 1)  # a decision does not move an item: its owner is put back all the same
    assert read(books, one).owner_id is None
    assert read(books, two).owner_id == biller.user_id
    assert entries(books, action_id)[two.id].said == "somebody acted on it since"
    with practice_session(books.engine, books.practice_id) as session, pytest.raises(Refused, match="already"):
        bulk.revert(session, supervisor, action_id, books.now)


def test_after_half_an_hour_or_by_another_biller_nothing_is_taken_back(books: Books) -> None:
    [one] = held(books, "MANYLATE1")
    action_id = bulk.apply(books.engine, actor(books), Wish("take"), seen(one), uuid4(), "Take", books.now)
    for who, later, why in (
        (actor(books), timedelta(minutes=31), "More than 30 minutes"),
        (actor(books, place=1), timedelta(minutes=1), "Only whoever did it"),
    ):
        with practice_session(books.engine, books.practice_id) as session, pytest.raises(Refused, match=why):
            bulk.revert(session, who, action_id, books.now + later)


def test_decisions_are_never_taken_back_in_one_go(books: Books) -> None:
    [one] = held(books, "MANYDECID")
    wish = Wish("decide", "not_billable", reason=REASON)
    action_id = bulk.apply(books.engine, actor(books), wish, seen(one), uuid4(), "Not billable", books.now)
    with practice_session(books.engine, books.practice_id) as session, pytest.raises(Refused, match="claims and money"):
        bulk.revert(session, actor(books), action_id, books.now)


def test_a_batch_has_an_end(books: Books) -> None:
    [one] = held(books, "MANYLIMIT")
    with pytest.raises(Refused, match="501 items are more than 500"):
        bulk.preview(books.engine, actor(books), Wish("take"), seen(one) * 501, books.now)
    with pytest.raises(Refused, match="Nothing is selected"):
        bulk.preview(books.engine, actor(books), Wish("take"), [], books.now)
