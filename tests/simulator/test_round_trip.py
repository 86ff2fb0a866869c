"""Upload, then 999, 277CA and 835, over a real SFTP connection; and what the mailbox refuses."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from simulator.ledger import decisions, inbox
from simulator.server import Simulator
from tests.simulator.support import (
    USER,
    Claim,
    Desk,
    assert_balanced,
    guide_problems,
    read_835,
    segments,
    world_config,
    write_837,
)


async def test_a_clean_claim_is_acknowledged_accepted_and_paid(tmp_path: Path) -> None:
    claim = Claim("PT1", "ABC123456789")
    sent = write_837([claim], 101)
    async with Simulator(world_config(tmp_path)) as world, Desk(world.port) as desk:
        await desk.upload("MONDAY.837", sent)
        await desk.until(lambda desk: len(desk.fetched) == 3)
        assert await desk.sftp.listdir("/inbound") == [".", ".."]

    (syntax,), (receipt,), (remittance,) = desk.of("999"), desk.of("277ca"), desk.of("835")
    for answer in (syntax, receipt, remittance):
        assert guide_problems(answer) == []
    assert ["AK2", "837", "0001", "005010X222A1"] in segments(syntax)
    assert ["IK5", "A"] in segments(syntax)
    assert ["AK9", "A", "1", "1", "1"] in segments(syntax)
    assert ["TRN", "2", "PT1"] in segments(receipt)
    payer_number = next(item[2] for item in segments(receipt) if item[:2] == ["REF", "1K"])

    assert_balanced(remittance)
    (paid,) = read_835(remittance).claims
    assert (paid.number, paid.payer_number, paid.charge) == ("PT1", payer_number, claim.charge)
    assert paid.line_numbers == ["PT1L1", "PT1L2"]
    assert paid.paid > 0

    (archived,) = tmp_path.joinpath("archive").iterdir()
    assert archived.read_bytes() == sent.encode()
    (received,) = inbox(tmp_path)
    assert (received.control_number, received.member_id, received.dos) == ("PT1", "ABC123456789", "20260110")
    assert [item.outcome for item in decisions(tmp_path)] == ["paid"]


async def test_one_remittance_gathers_the_claims_of_many_uploads(tmp_path: Path) -> None:
    config = world_config(tmp_path, gather_seconds=1.0, validation="envelope")
    async with Simulator(config) as world, Desk(world.port) as desk:
        for batch in range(4):
            claims = [Claim(f"PT{batch}-{index}", f"M{batch}{index}") for index in range(5)]
            await desk.upload(f"B{batch}.837", write_837(claims, 200 + batch))
        await desk.until(lambda desk: len(desk.payments()) == 20)
    assert len(desk.of("835")) == 1


async def test_only_renamed_uploads_are_taken_and_the_rest_of_the_disk_is_out_of_reach(tmp_path: Path) -> None:
    async with Simulator(world_config(tmp_path, validation="envelope")) as world, Desk(world.port) as desk:
        async with desk.sftp.open("/inbound/SLOW.837.part", "wb") as file:
            await file.write(write_837([Claim("PT1", "M1")], 1)[:300].encode())
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await desk.sftp.open("/inbound/DIRECT.837", "wb")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await desk.sftp.open("/outbound/FORGED.835.part", "wb")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await desk.sftp.symlink("/etc/passwd", "/inbound/LINK.837")
        for outside in ("/state/journal.jsonl", "/archive", "../../etc/passwd", "/inbound/../state/host_key"):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await desk.sftp.stat(outside)
        with pytest.raises(asyncssh.SFTPError):
            await desk.sftp.rename("/inbound/SLOW.837.part", "/state/journal.jsonl")
        assert sorted(await desk.sftp.listdir("/")) == [".", "..", "inbound", "outbound"]
        await desk.upload("DONE.837", write_837([Claim("PT2", "M2")], 2))
        await desk.until(lambda desk: bool(desk.of("835")))
    assert [claim.control_number for claim in inbox(tmp_path)] == ["PT2"]


async def test_log_in_by_key_or_password_and_nothing_else(tmp_path: Path) -> None:
    mine, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    keys = tmp_path / "keys"
    keys.write_bytes(mine.export_public_key())
    async with Simulator(world_config(tmp_path / "root", authorized_keys=keys)) as world:
        async with Desk(world.port, username=USER, client_keys=[mine]) as desk:
            assert await desk.sftp.exists("/outbound")
        for wrong in (
            {"username": USER, "client_keys": [other]},
            {"username": USER, "password": "guess"},
            {"username": "root", "client_keys": [mine]},
        ):
            with pytest.raises(asyncssh.PermissionDenied):
                await Desk(world.port, **wrong).__aenter__()


async def test_the_same_interchange_twice_is_refused_and_not_paid_again(tmp_path: Path) -> None:
    sent = write_837([Claim("PT1", "M1")], 101)
    config = world_config(tmp_path, validation="envelope")
    async with Simulator(config) as world, Desk(world.port) as desk:
        await desk.upload("A.837", sent)
        await desk.until(lambda desk: bool(desk.of("835")))
    async with Simulator(config) as world, Desk(world.port) as desk:  # and a restart does not make it forget
        await desk.upload("B.837", sent)
        await desk.upload("C.837", write_837([Claim("PT2", "M2")], 101, sender="SOMEONEELSE"))
        await desk.until(lambda desk: len(desk.of("835")) == 2 and bool(desk.of("ta1")))
    (refusal,) = desk.of("ta1")
    assert ["TA1", "000000101", "260115", "1200", "R", "025"] in segments(refusal)
    assert [paid.number for paid in desk.payments()] == ["PT1", "PT2"]
    assert [claim.control_number for claim in inbox(tmp_path)] == ["PT1", "PT1", "PT2"]


async def test_bad_uploads_are_answered_and_good_ones_still_pass(tmp_path: Path) -> None:
    good = write_837([Claim("PT1", "M1"), Claim("PT2", "M2")], 300)
    half_bad = good.replace("SV1*HC:97110:GP*150", "SV1*HC:97110:GP:1:2:3:4:5:6*150", 1)  # crashes pyx12
    wrong_code = write_837([Claim("PT3", "M3", filing="QQ"), Claim("PT4", "M4")], 301)
    uploads = {
        "1GARBAGE": "not an interchange at all \x00\xff",
        "2EMPTY": "",
        "3CUT": good[: len(good) // 2].replace("000000300", "000000302"),
        "4COUNT": good.replace("IEA*1*000000300", "IEA*1*000000999").replace("*000000300*0", "*000000303*0"),
        "5HALF": half_bad,
        "6CODE": wrong_code,
        "7VERSION": write_837([Claim("PT5", "M5")], 304).replace("X222A1", "X222A2"),
    }
    async with Simulator(world_config(tmp_path)) as world, Desk(world.port) as desk:
        for name, content in uploads.items():
            await desk.upload(f"{name}.837", content)
        await desk.until(lambda desk: len(desk.payments()) == 2 and len(desk.of("999")) == 3)
    notes = [item[5] for text in desk.of("ta1") for item in segments(text) if item[0] == "TA1"]
    assert notes == ["022", "022", "023", "001"]
    verdicts = [item[1] for text in desk.of("999") for item in segments(text) if item[0] == "AK9"]
    assert verdicts == ["P", "P", "R"]
    assert {paid.number for paid in desk.payments()} == {"PT2", "PT4"}
    code = desk.of("999")[1]
    assert ["IK4", "9", "1032", "7", "QQ"] in segments(code)
    assert all(guide_problems(text) == [] for text in desk.of("999"))
