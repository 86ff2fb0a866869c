"""The files around the code: they name only what exists, and hold nothing of one machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from cli import app
from embedded import ROOT
from settings import Settings, variable

COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # typer promises a Command, and gives a Group for an app of several


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def compose() -> str:
    return (ROOT / "docker-compose.yml").read_text()


def test_compose_runs_commands_that_exist() -> None:
    named = {json.loads(found)[0] for found in re.findall(r"^    command: (\[.*\])$", compose(), re.MULTILINE)}
    assert named == {"migrate", "worker", "web", "simulator"}
    assert named <= COMMANDS


def test_compose_and_dockerfile_set_variables_that_exist() -> None:
    known = {variable(name) for name in Settings.model_fields}
    text = compose() + (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^\s+(FIRSTPASS_[A-Z_]+):", text, re.MULTILINE)) <= known
    assert set(re.findall(r"(FIRSTPASS_[A-Z_]+)=", text)) <= known


def test_compose_never_hands_the_owner_of_the_tables_to_the_app() -> None:
    assert compose().count("DATABASE_URL: postgresql://firstpass_owner") == 1


def test_make_calls_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert set(re.findall(r"\$\(BIN\)/firstpass ([a-z]+)", makefile)) <= COMMANDS


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`{variable(name)}`" in page, f"docs/operations.md does not mention {variable(name)}"


@pytest.mark.parametrize("python", ["old", "absent"])
def test_a_python_too_old_is_told_in_a_sentence(tmp_path: Path, python: str) -> None:
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac\n')
    old.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "requirements-static.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    command = ["make", "setup", f"PYTHON={tmp_path / python}"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # no part of `make test`
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    found = f"{old} (3.9)" if python == "old" else "none"
    assert done.stderr.startswith(f"Firstpass needs Python 3.11 or newer, and found: {found}.")
    assert not (tmp_path / ".venv").exists()


def test_plain_make_lists_every_target(tmp_path: Path) -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "up", "test", "lint", "types", "bench", "lock", "clean", "screenshots"):
        assert f"make {target} " in listed


def test_no_tracked_file_names_this_machine_or_a_package_index() -> None:
    # put together here, so that this file names none either
    places = ("/".join(("", "work", "main")), "/".join(("", "work", "shared")), "/".join(("", "root", "")))
    indexes = (
        "--" + "index-url",
        "--extra-" + "index-url",
        "py" + "pi.org",
        "py" + "pi.python",
        "files.python" + "hosted",
    )
    forbidden = re.compile("|".join(re.escape(name) for name in (*places, *indexes)))
    for path in tracked_files():
        if path.suffix not in {".webp", ".woff2"}:
            found = forbidden.search(path.read_text(errors="replace"))
            assert not found, f"{path.relative_to(ROOT)} says {found.group() if found else ''}"


def test_no_browser_code_of_others_is_tracked() -> None:
    assert not [path for path in tracked_files() if "vendor" in path.parts or path.name.startswith("htmx")]
