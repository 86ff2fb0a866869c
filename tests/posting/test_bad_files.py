"""Files as they should not be, through the real mailbox: nothing is posted wrongly, and a person is told in words."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select
from temporalio.client import Client

from activities.posting import post_file
from models.messages import LookAtFile
from models.store.session import practice_session
from models.tables.claims import ClaimVersionRow
from models.tables.ledger import LedgerEntryRow
from models.tables.remittances import InboundFileRow, RemittanceRow
from simulator.clinic import practice, volume
from tests.line import ALL_PAID, TODAY, Line, line
from tests.posting.remittance import envelope, remittance

ONE_LOST_CLAIM = {**ALL_PAID, "mix": {**ALL_PAID["mix"], "paid": 0, "lost": 1}}


@pytest.fixture
async def desk(engine: Engine, temporal: Client, tmp_path: Path) -> AsyncIterator[Line]:
    """A running line with one claim at a payer that never answers by itself."""
    async with line(engine, temporal, practice(TODAY), tmp_path, world=ONE_LOST_CLAIM, validation="envelope") as clinic:
        [visit] = volume(7, TODAY, 1)
        clinic.send(visit)
        await clinic.until_stage(visit["encounter_id"], "remittance")
        yield clinic


def claim_of(desk: Line) -> ClaimVersionRow:
    """The one claim."""
    with practice_session(desk.engine, desk.practice_id) as session:
        return session.scalars(select(ClaimVersionRow)).one()


def drop(desk: Line, name: str, content: bytes) -> None:
    """The clearinghouse puts a file out for us, whole."""
    staged = desk.simulator_root / name
    staged.write_bytes(content)
    staged.rename(desk.simulator_root / "outbound" / name)


def file(desk: Line, name: str) -> InboundFileRow | None:
    """What is known of a file."""
    with practice_session(desk.engine, desk.practice_id) as session:
        return session.scalars(select(InboundFileRow).where(InboundFileRow.file_name == name)).one_or_none()


def keep(desk: Line, name: str, content: bytes) -> LookAtFile:
    """A file as if fetched, with nobody reading it."""
    row = InboundFileRow(id=uuid4(), practice_id=desk.practice_id, connection="none", file_name=name, content=content)
    row.size_bytes, row.sha256, row.kind, row.status, row.problems = len(content), name, "835", "read", []
    with practice_session(desk.engine, desk.practice_id) as session:
        session.add(row)
    return LookAtFile(practice_id=desk.practice_id, inbound_file_id=row.id, now=datetime.now(UTC))


async def until_read(desk: Line, name: str) -> str:
    """Wait until a file was looked at; returns what became of it."""

    def became() -> str:
        row = file(desk, name)
        return row.status if row is not None and row.status not in ("received", "too_large") else ""

    return str(await desk.until(became))


def paid_entries(desk: Line) -> int:
    """Ledger entries other than the charge."""
    with practice_session(desk.engine, desk.practice_id) as session:
        cash = select(func.count()).select_from(LedgerEntryRow).where(LedgerEntryRow.account == "cash")
        return session.scalar(cash) or 0


def words(desk: Line, kind: str) -> list[str]:
    """The reasons of the open Posting items of a kind."""
    return [item.reason for item in desk.items("posting") if item.kind == kind]


def words_about(desk: Line, name: str) -> list[str]:
    """The reasons of the open items about a file."""
    return [reason for reason in words(desk, "file_problem") if reason.startswith(name)]


async def still_works(desk: Line) -> None:
    """The next good remittance is posted and the visit closed: the worker and the mailbox are well."""
    claim = claim_of(desk)
    drop(desk, "good.835", remittance([(claim.patient_control_number, str(claim.total_charge))], trace="GOOD"))
    await desk.until(lambda: desk.stages() == {"closed": 1})
    assert desk.ledger_is_balanced()


UNREADABLE = {
    "binary.835": (bytes(range(256)) * 40, "zero bytes"),
    "empty.835": (b"", "This file is empty"),
    "web-page.835": (b"<html><body>Please log in</body></html>", "XML or HTML, not X12"),
    "zeros.835": (remittance([("F1", "10.00")]).replace(b"DOE", b"D\0E"), "zero bytes"),
    "envelope-only.835": (remittance([("F1", "10.00")]).split(b"ST*835")[0], "not an X12 file we know"),
    "huge-amount.835": (remittance([("F1", "99999999999999.00")]), "no amount of dollars and cents"),
    "half-cent.835": (remittance([("F1", "10.005")]), "no amount of dollars and cents"),
}


async def test_what_cannot_be_read_is_said_in_words_and_stops_nobody(desk: Line) -> None:
    for name, (content, _) in UNREADABLE.items():
        drop(desk, name, content)
    for name, (_, reason) in UNREADABLE.items():
        assert await until_read(desk, name) == "unreadable", name
        told = await desk.until(partial(words_about, desk, name))
        assert len(told) == 1
        assert reason in told[0], told
    assert paid_entries(desk) == 0
    await still_works(desk)


@pytest.mark.parametrize("cut", [0.35, 0.6, 0.8, 0.95])
async def test_a_remittance_cut_off_on_the_way_posts_nothing(desk: Line, cut: float) -> None:
    claim = claim_of(desk)
    whole = remittance([(claim.patient_control_number, str(claim.total_charge)), ("F2", "10.00")], trace="CUT")
    drop(desk, "cut.835", whole[: int(len(whole) * cut)])
    assert await until_read(desk, "cut.835") in ("read", "unreadable")
    await desk.until(lambda: desk.items("posting"))
    assert paid_entries(desk) == 0
    drop(desk, "whole.835", whole)
    await desk.until(lambda: desk.stages() == {"closed": 1})
    assert desk.ledger_is_balanced()
    assert words(desk, "duplicate_remittance") == [], "what was cut off is no earlier payment"


async def test_a_remittance_that_does_not_add_up_waits_and_the_right_one_takes_its_place(desk: Line) -> None:
    claim = claim_of(desk)
    number, charge = claim.patient_control_number, claim.total_charge
    drop(desk, "wrong.835", remittance([(number, str(charge - 5))], trace="EFT9", off_by="5.00"))
    await until_read(desk, "wrong.835")
    [reason] = await desk.until(lambda: words(desk, "unbalanced_remittance"))
    assert "5.00" in reason
    assert paid_entries(desk) == 0
    drop(desk, "right.835", remittance([(number, str(charge))], trace="EFT9", control=2))
    await desk.until(lambda: desk.stages() == {"closed": 1})
    assert desk.items("posting") == []
    with practice_session(desk.engine, desk.practice_id) as session:
        statuses = session.scalars(select(RemittanceRow.status).order_by(RemittanceRow.created_at)).all()
    assert statuses == ["dismissed", "posted"]
    assert desk.ledger_is_balanced()


async def test_the_same_payment_is_posted_once_however_often_and_dressed_it_comes(desk: Line) -> None:
    claim = claim_of(desk)
    paid = [(claim.patient_control_number, str(claim.total_charge))]
    same, again = remittance(paid, control=1), remittance(paid, control=2)
    for name, content in {"first.835": same, "copy.835": same, "reissued.835": again, "reissued-2.835": again}.items():
        drop(desk, name, content)
    await desk.until(lambda: desk.stages() == {"closed": 1})
    told = await desk.until(lambda: len(found := words(desk, "duplicate_remittance")) == 3 and found)
    assert all("posted again" in reason for reason in told), told
    assert paid_entries(desk) == 1
    assert desk.ledger_is_balanced()


async def test_two_readings_of_one_payment_at_the_same_moment_post_it_once(desk: Line) -> None:
    """Two files, two threads, no luck involved: each opens its transaction before the other has committed."""
    claim = claim_of(desk)
    paid = [(claim.patient_control_number, str(claim.total_charge))]
    contents = [remittance(paid, control=control) for control in range(1, 7)]
    looks = [keep(desk, f"{control}.835", content) for control, content in enumerate(contents)]
    with ThreadPoolExecutor(6) as threads:
        begun = [threads.submit(post_file, desk.engine, *read) for read in zip(looks, contents, strict=True)]
        for reading in begun:
            reading.result()
    with practice_session(desk.engine, desk.practice_id) as session:
        statuses = sorted(session.scalars(select(RemittanceRow.status)))
    assert statuses == [*["duplicate"] * 5, "posted"]
    assert paid_entries(desk) == 1


async def test_a_claim_number_that_is_not_ours_waits_for_a_person_while_the_rest_is_posted(desk: Line) -> None:
    claim = claim_of(desk)
    drop(
        desk,
        "mixed.835",
        remittance([(claim.patient_control_number, str(claim.total_charge)), ("SOMEBODY-ELSES", "7.00")]),
    )
    await desk.until(lambda: desk.stages() == {"closed": 1})
    [reason] = await desk.until(lambda: words(desk, "unmatched_claim"))
    assert "SOMEBODY-ELSES" in reason
    assert paid_entries(desk) == 1


async def test_an_acknowledgement_of_what_we_never_sent_is_said(desk: Line) -> None:
    body = ["AK1*HC*999999*005010X222A1", "AK2*837*0001*005010X222A1", "IK5*A", "AK9*A*1*1*1"]
    drop(desk, "stranger.999", envelope("FA", "999", "005010X231A1", body, 5, "20261120"))
    assert await until_read(desk, "stranger.999") == "read"
    [reason] = await desk.until(lambda: words(desk, "file_problem"))
    assert "999999" in reason
    assert "did not send" in reason
    await still_works(desk)


async def test_a_file_larger_than_the_limit_is_left_where_it_is(desk: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.inbox.FILE_BYTES_MAX", 5_000)
    drop(desk, "large.835", b"x" * 6_000)
    assert await until_read(desk, "large.835") == "unreadable"
    [reason] = await desk.until(lambda: words(desk, "file_problem"))
    assert "larger" in reason
    row = file(desk, "large.835")
    assert row is not None
    assert (row.content, row.size_bytes) == (b"", 6_000)
    await still_works(desk)


async def test_what_else_lies_in_the_mailbox_keeps_no_file_from_coming_in(desk: Line) -> None:
    outbound = desk.simulator_root / "outbound"
    (outbound / "a-folder").mkdir()
    (outbound / "a-half.835.part").write_bytes(b"half")
    with open(bytes(outbound) + b"/a-\xff-name.835", "wb") as strange:
        strange.write(b"in another encoding")
    (outbound / "a-dangling-link.835").symlink_to(outbound / "nowhere")
    await still_works(desk)
