"""The simulator as a process: killed, restarted, stopped, misconfigured."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from embedded import Service
from simulator.config import SimulatorError, load_world
from simulator.ledger import inbox
from simulator.server import Simulator
from tests.simulator.support import PASSWORD, USER, Claim, Desk, segments, world_config, write_837

ROOM = Path(__file__).resolve().parents[2]
CALM = {"mix": {"paid": 1, "partial": 0, "denied": 0, "rejected": 0, "lost": 0, "late": 0, "reversed": 0}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(root: Path, port: int, *options: str) -> asyncio.subprocess.Process:
    command = ["--root", str(root), "--port", str(port), "--authorized-user", USER, "--password", PASSWORD, *options]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *command, cwd=ROOM, stderr=asyncio.subprocess.PIPE
    )


async def listening(process: asyncio.subprocess.Process) -> None:
    assert process.stderr
    line = await process.stderr.readline()
    assert json.loads(line)["event"] == "listening"


async def test_killed_at_any_moment_it_still_sends_every_answer_exactly_once(tmp_path: Path) -> None:
    """The client deletes what it fetched, so a second copy would show as a second file with the same content."""
    root, world = tmp_path / "root", tmp_path / "world.json"
    world.write_text(json.dumps({**CALM, "duplicate_share": 0}))
    port = free_port()
    options = (
        "--world",
        str(world),
        "--validate",
        "envelope",
        "--answer-seconds",
        "0.1",
        "--adjudicate-seconds",
        "0.3",
    )
    wanted = [Claim(f"PT{batch}-{index}", f"M{batch}-{index}") for batch in range(6) for index in range(10)]
    fetched: dict[str, str] = {}
    for batch, pause in enumerate((0.0, 0.03, 0.15, 0.3, 0.45, 0.8)):
        process = await start(root, port, *options)
        await listening(process)
        async with Desk(port) as desk:
            desk.fetched = fetched
            await desk.upload(f"B{batch}.837", write_837(wanted[batch * 10 : batch * 10 + 10], batch + 1))
            await asyncio.sleep(pause)
            await desk.fetch(remove=True)
            process.kill()
            await process.wait()
    process = await start(root, port, *options)
    async with asyncio.timeout(60):
        await listening(process)
    async with Desk(port) as desk:
        desk.fetched = fetched
        await desk.until(lambda desk: len(desk.payments()) >= 60, remove=True)
        await asyncio.sleep(0.5)
        await desk.fetch(remove=True)
    process.terminate()
    await process.wait()
    numbers = Counter(claim.number for claim in wanted)
    assert Counter(paid.number for paid in desk.payments()) == numbers
    assert Counter(claim.control_number for claim in inbox(root)) == numbers
    traced = Counter(item[2] for text in desk.of("277ca") for item in segments(text) if item[:2] == ["TRN", "2"])
    assert all(traced[number] == 1 for number in numbers)
    assert Counter(item[2] for text in desk.of("999") for item in segments(text) if item[0] == "AK1") == Counter(
        "123456"
    )
    controls = [segments(text)[0][13] for text in fetched.values()]
    assert len(controls) == len(set(controls))


async def test_it_stops_when_asked_and_its_log_names_nobody(tmp_path: Path) -> None:
    port = free_port()
    process = await start(tmp_path, port, "--answer-seconds", "0", "--adjudicate-seconds", "0")
    await listening(process)
    async with Desk(port) as desk:
        await desk.upload("QUILLFEATHER.837", write_837([Claim("PT1", "SECRETMEMBER")], 1))
        await desk.until(lambda desk: bool(desk.of("999")))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert time.monotonic() - began < Service.STOP_SECONDS, "nobody had to kill it"
    assert b"upload_answered" in log
    assert b"SECRETMEMBER" not in log
    assert b"QUILLFEATHER" not in log


async def test_a_taken_port_a_bad_root_and_a_second_simulator_are_one_sentence_each(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    async with Simulator(world_config(tmp_path / "a", validation="envelope")) as world:
        with pytest.raises(SimulatorError, match=r"^Port \d+ on 127.0.0.1 cannot be used: Address already in use\.$"):
            await Simulator(world_config(tmp_path / "b", port=world.port)).__aenter__()
        with pytest.raises(SimulatorError, match=r"^Another simulator is already using the root"):
            await Simulator(world_config(tmp_path / "a")).__aenter__()
    with pytest.raises(SimulatorError, match=r"^The root .* cannot be written to: Not a directory\.$"):
        await Simulator(world_config(file / "root")).__aenter__()
    with pytest.raises(SimulatorError, match=r"^Nobody could log in"):
        await Simulator(world_config(tmp_path / "c", password=None)).__aenter__()


def test_a_wrong_world_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text('{"scripted": {"M1": "vanished"}}')
    with pytest.raises(SimulatorError, match=r"wrong at scripted\.M1"):
        load_world(path)
