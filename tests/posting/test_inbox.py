"""What lies in the mailbox comes in: names used again, files caught half written, files not given out, mixed files."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select

from activities.files import FileActivities
from activities.gateways.clearinghouse import RemoteFile
from activities.inbox import FILES_PER_FETCH_MAX, TRIES_UNTIL_TOLD, InboxActivities
from activities.practice_file import load_practice
from billing.practice import Practice
from models.messages import ConnectionRef, LookAtFile
from models.store.session import practice_session
from models.tables.claims import AcknowledgementRow, BatchRow
from models.tables.desk import WorkItemRow
from models.tables.ledger import LedgerEntryRow
from models.tables.remittances import InboundCopyRow, InboundFileRow, RemittanceRow
from simulator.clinic import practice
from tests.line import TODAY
from tests.posting.many_claims import many_claims, numbers
from tests.posting.remittance import envelope, remittance

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Box:
    """A mailbox in memory: name -> (bytes, time); bytes of None are listed and not given out."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes | None, datetime]] = {}

    def put(self, name: str, content: bytes | None, at: datetime = NOON) -> None:
        self.files[name] = content, at

    async def waiting_files(self) -> list[RemoteFile]:
        return [RemoteFile(name, len(content or b"x"), at) for name, (content, at) in sorted(self.files.items())]

    async def fetch(self, names: list[str]) -> dict[str, bytes]:
        return {name: content for name in names if (content := self.files[name][0]) is not None}


class Desk:
    """A practice, its mailbox, and what came of it."""

    def __init__(self, engine: Engine, practice_id: UUID) -> None:
        self.engine, self.practice_id, self.box = engine, practice_id, Box()
        self.connection = ConnectionRef(
            practice_id=practice_id, connection="clearinghouse", window_seconds=1, poll_seconds=1
        )

    def look(self) -> int:
        """One look into the mailbox, and every new file read."""
        came = asyncio.run(InboxActivities(self.engine, self.box).fetch_files(self.connection))
        for row in self.files():
            FileActivities(self.engine).read_file(
                LookAtFile(practice_id=self.practice_id, inbound_file_id=row.id, now=NOON)
            )
        return came

    def files(self) -> Sequence[InboundFileRow]:
        """Everything that came, oldest first."""
        with practice_session(self.engine, self.practice_id) as session:
            return session.scalars(select(InboundFileRow).order_by(InboundFileRow.created_at)).all()

    def items(self) -> list[str]:
        """The kinds of the open items."""
        with practice_session(self.engine, self.practice_id) as session:
            open_items = select(WorkItemRow.kind).where(WorkItemRow.closed_at.is_(None), WorkItemRow.queue == "posting")
            return list(session.scalars(open_items))

    def cash(self) -> str:
        """What was posted."""
        with practice_session(self.engine, self.practice_id) as session:
            cash = select(func.sum(LedgerEntryRow.amount)).where(LedgerEntryRow.account == "cash")
            return str(session.scalar(cash) or 0)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """A practice with three claims at the payer, and an empty mailbox."""
    practice_id = load_practice(
        engine, Practice.model_validate(practice(TODAY)), batch_window_seconds=1, inbox_poll_seconds=1
    )
    many_claims(engine, practice_id, 3)
    return Desk(engine, practice_id)


def test_a_name_used_again_is_fetched_again(desk: Desk) -> None:
    one, two, _ = numbers(3)
    desk.box.put("era.835", remittance([(one, "10.00")], trace="A"))
    assert (desk.look(), desk.look()) == (1, 0)
    desk.box.put("era.835", remittance([(two, "20.00")], trace="B"), NOON + timedelta(days=7))
    assert (desk.look(), desk.look()) == (1, 0)
    assert desk.cash() == "30.00"
    assert desk.items() == []


def test_the_very_file_with_another_time_is_no_second_payment(desk: Desk) -> None:
    content = remittance([(numbers(1)[0], "10.00")])
    desk.box.put("era.835", content)
    desk.look()
    desk.box.put("era.835", content, NOON + timedelta(hours=1))
    assert (desk.look(), desk.look()) == (1, 0)
    assert desk.cash() == "10.00"
    assert desk.items() == []
    with practice_session(desk.engine, desk.practice_id) as session:
        assert session.scalars(select(InboundCopyRow)).all() == []


@pytest.mark.parametrize("written", [0.1, 0.5, 0.97])
def test_a_file_caught_half_written_is_read_when_it_is_whole(desk: Desk, written: float) -> None:
    whole = remittance([(number, "10.00") for number in numbers(3)])
    desk.box.put("era.835", whole[: int(len(whole) * written)])
    desk.look()
    assert desk.cash() == "0"
    assert len(desk.items()) == 1, "a person is told of the half"
    desk.box.put("era.835", whole, NOON + timedelta(seconds=1))
    desk.look()
    assert desk.cash() == "30.00"
    assert desk.items() == [], "nobody need look at the half any more"
    half, came = desk.files()
    assert (half.status, came.status, came.continues) == ("superseded", "read", half.id)


def test_what_was_posted_from_the_first_part_is_no_duplicate(desk: Desk) -> None:
    one, two, _ = numbers(3)
    first, second = remittance([(one, "10.00")], trace="A"), remittance([(two, "20.00")], trace="B", control=2)
    desk.box.put("era.835", first)
    desk.look()
    desk.box.put("era.835", first + second, NOON + timedelta(seconds=30))
    desk.look()
    assert desk.cash() == "30.00"
    assert desk.items() == []
    with practice_session(desk.engine, desk.practice_id) as session:
        assert sorted(session.scalars(select(RemittanceRow.status))) == ["duplicate", "posted", "posted"]


def test_files_that_are_not_given_out_starve_no_other_and_are_told_once(desk: Desk) -> None:
    for number in range(FILES_PER_FETCH_MAX + 5):
        desk.box.put(f"a-{number:02}.835", None)
    desk.box.put("z.835", remittance([(numbers(1)[0], "10.00")]))
    desk.look()
    desk.look()
    assert desk.cash() == "10.00"
    for _ in range(2 * TRIES_UNTIL_TOLD + 4):
        desk.look()
    assert desk.items() == ["file_problem"] * (FILES_PER_FETCH_MAX + 5)
    desk.box.put("a-00.835", remittance([(numbers(2)[1], "5.00")], trace="LATE"))
    desk.box.files = {name: desk.box.files[name] for name in ("a-00.835", "z.835")}
    desk.look()
    assert desk.cash() == "15.00", "it is still asked for, and read when it comes"
    assert len(desk.items()) == FILES_PER_FETCH_MAX + 4


def test_every_transaction_of_a_mixed_file_reaches_its_reader(desk: Desk) -> None:
    """Acknowledgement, remittance and an answer we do not work with, in two interchanges; the first names the file."""
    with practice_session(desk.engine, desk.practice_id) as session:
        sent = BatchRow(
            practice_id=desk.practice_id, connection="clearinghouse", interchange_control_number=7, file_name="7.837",
            content=b"", sha256="0", claim_count=1, total_charge=1, status="sent", attempts=1,
        )  # fmt: skip
        session.add(sent)
    accepted = ["AK1*HC*7*005010X222A1", "AK2*837*0001*005010X222A1", "IK5*A", "AK9*A*1*1*1"]
    answered = envelope("FA", "999", "005010X231A1", accepted, 5, "20261120")
    paid = remittance([(numbers(1)[0], "10.00")], trace="A")
    inquiry = ["BHT*0010*08*1*20261120*0900*DG", "HL*1**20*1"]
    status = envelope("HN", "277", "005010X212", inquiry, 6, "20261120")
    # the payment and the acknowledgement in one interchange, the other in one of its own
    group_of_payment = paid[paid.index(b"GS*") : paid.index(b"IEA*")]
    mixed = answered.replace(b"IEA*1*", group_of_payment + b"IEA*2*") + status
    desk.box.put("mixed.edi", mixed)
    desk.look()
    [file] = desk.files()
    assert [(part["kind"], part["count"], part["outcome"]) for part in file.contents] == [
        ("999", 1, "read"),
        ("835", 1, "read"),
        ("277", 1, "kept"),
    ]
    assert desk.cash() == "10.00"
    assert desk.items() == ["file_problem"], "a person knows of the 277"
    with practice_session(desk.engine, desk.practice_id) as session:
        assert session.scalars(select(AcknowledgementRow.kind)).all() == ["999"]
        assert session.scalars(select(BatchRow.status)).all() == ["acknowledged"]
    desk.look()
    with practice_session(desk.engine, desk.practice_id) as session:
        assert session.scalars(select(AcknowledgementRow.kind)).all() == ["999"], "read once"
