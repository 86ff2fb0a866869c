"""The files a command is given: every one is looked at or named, in whatever encoding and whatever its rights."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import app
from embedded import ROOT
from tests.platform.test_cli import GOOD

EXAMPLES = ROOT / "docs" / "examples"
VISIT = (EXAMPLES / "encounter.json").read_text()
PRACTICE = ("--practice", str(EXAMPLES / "practice.json"))
CLEAN = "1 of 1 visits clean\n"
run = CliRunner().invoke


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a remittance, and a folder below it that nobody may look into (whoever runs the tests)."""
    (tmp_path / "good.835").write_text(GOOD)
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return tmp_path


@pytest.mark.parametrize("command", ["era", "x12"])
def test_a_folder_that_cannot_be_looked_into_is_told_and_not_taken_for_empty(command: str, closed: Path) -> None:
    done = run(app, [command, str(closed)])
    assert done.exit_code == 2
    assert "good.835" in done.stdout
    assert done.stderr == f"firstpass: {closed}/closed cannot be opened (permission denied).\n"


@pytest.mark.parametrize("command", ["era", "x12"])
def test_a_program_hears_of_every_file_also_of_one_that_is_not_there(command: str, tmp_path: Path) -> None:
    (tmp_path / "good.835").write_text(GOOD)
    done = run(app, [command, "--json", str(tmp_path / "good.835"), str(tmp_path / "none"), str(tmp_path / "none2")])
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert done.exit_code == 2
    assert [bool(row["error"]) for row in rows] == [False, True, True]
    assert rows[1]["error"] == "This cannot be opened (no such file or directory)."
    assert set(rows[0]) == set(rows[1])


def test_the_byte_order_mark_of_windows_is_no_fault_of_the_first_line(tmp_path: Path) -> None:
    line = json.dumps(json.loads(VISIT))
    for name, text in (("one.json", VISIT), ("lines.jsonl", f"{line}\r\n{{\r\n")):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert run(app, ["scrub", str(tmp_path / "one.json"), *PRACTICE]).stdout.endswith(CLEAN)
    lines = run(app, ["scrub", str(tmp_path / "lines.jsonl"), *PRACTICE]).stdout.splitlines()
    assert lines[0].startswith("CH-1001 2026-11-16: clean")
    assert lines[1].startswith("line 2: unreadable: Invalid JSON")


def test_a_line_ends_only_where_a_line_ends(tmp_path: Path) -> None:
    """JSON may hold a line separator of Unicode as it is (RFC 8259)."""
    visit = json.loads(VISIT)
    visit["timing"]["services"][0]["intervention"] = "squats\u2028lunges\x85steps"
    (tmp_path / "v.jsonl").write_text(json.dumps(visit, ensure_ascii=False) + "\n{\n", encoding="utf-8")
    assert run(app, ["scrub", str(tmp_path / "v.jsonl"), *PRACTICE]).stdout.splitlines()[-1] == "1 of 2 visits clean"


@pytest.mark.parametrize("command", ["scrub", "claim"])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"[" * 100_000, "it is nested too deeply to be a visit"),
        (b"\xd0\xf1\x00\xff" * 500, "it is not JSON"),
        (VISIT.replace('"version"', "version").encode(), "it is not JSON"),
    ],
)
def test_a_file_without_a_visit_is_one_sentence(command: str, data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(data)
    done = run(app, [command, str(tmp_path / "v"), *PRACTICE])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"firstpass: {tmp_path / 'v'} cannot be read: {why}")
    assert done.stderr.count("\n") == 1


def test_a_question_for_programs_that_cannot_be_answered_is_answered_in_json() -> None:
    done = run(app, ["units", "--json", "--on", "2026-03-02", "97110=x"])
    assert (done.exit_code, done.stderr) == (2, "")
    assert "not a number of minutes" in json.loads(done.stdout)["error"]


def test_claims_that_cannot_be_written_are_said_and_not_taken_for_written(tmp_path: Path) -> None:
    out = tmp_path / "none" / "claims.837"
    done = run(app, ["claim", str(EXAMPLES / "encounter.json"), *PRACTICE, "--out", str(out)])
    assert done.exit_code == 2
    assert done.stderr == f"firstpass: {out} cannot be written (no such file or directory).\n"
