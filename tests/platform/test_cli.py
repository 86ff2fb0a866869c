"""The command line: quick to help, one sentence for what a person can put right, telling exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import ROOT
from tests.conftest import Database

BALANCED_835 = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*CLINIC         *261101*1200*^*00501*000000001*0*P*:~"
    "GS*HP*PAYER*CLINIC*20261101*1200*1*X*005010X221A1~ST*835*0001~"
    "BPR*I*80*C*ACH*CCP*01*999999999*DA*1*1999999999**01*999999999*DA*2*20261101~TRN*1*T1*1999999999~"
    "N1*PR*ACME HEALTH~N3*1 MAIN~N4*ALBANY*NY*12207~N1*PE*CLINIC*XX*1234567893~LX*1~"
    "CLP*C1*1*100*80*20*12*P1*11~CAS*PR*2*20~NM1*QC*1*DOE*J****MI*M1~DTM*232*20261001~"
    "{line}SE*{count}*0001~GE*1*1~IEA*1*000000001~"
)
GOOD = BALANCED_835.format(line="", count=13)
BAD = GOOD.replace("BPR*I*80*", "BPR*I*85*")


def firstpass(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "FIRSTPASS_VAR_DIR": "var-of-no-test", "COLUMNS": "120", **environment},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command() -> None:
    shown = firstpass("--help")
    assert shown.returncode == 0
    for command in (
        "up",
        "demo",
        "worker",
        "web",
        "simulator",
        "mail",
        "migrate",
        "import",
        "era",
        "x12",
        "units",
        "scrub",
        "claim",
    ):
        assert f" {command} " in shown.stdout


def test_era_of_a_balanced_file_ends_with_zero() -> None:
    done = firstpass("era", "-", stdin=GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ACME HEALTH" in done.stdout


def test_era_looks_at_a_directory_and_the_worst_file_decides(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "good.835").write_text(GOOD)
    assert firstpass("era", str(tmp_path)).returncode == 0
    (tmp_path / "bad.835").write_text(BAD)
    assert firstpass("era", str(tmp_path)).returncode == 1
    (tmp_path / "none.835").write_text("Dear provider, enclosed please find")
    done = firstpass("era", str(tmp_path))
    assert done.returncode == 2
    assert "DOES NOT BALANCE" in done.stdout
    assert "Traceback" not in done.stderr


def test_era_for_programs() -> None:
    report = json.loads(firstpass("era", "--json", "-", stdin=GOOD).stdout)
    assert report["transactions"][0]["payment"] == "80.00"


def test_a_missing_file_is_a_sentence() -> None:
    done = firstpass("era", "/nowhere/at/all.835")
    assert done.returncode == 2
    assert done.stderr == "firstpass: /nowhere/at/all.835 cannot be opened (no such file or directory).\n"


def test_x12_shows_a_tree_and_refuses_what_is_none(tmp_path: Path) -> None:
    assert "CLP" in firstpass("x12", "-", stdin=GOOD).stdout
    done = firstpass("x12", "-", stdin="{}")
    assert done.returncode == 2
    assert done.stderr.startswith("firstpass: standard input cannot be read:")


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["worker"], {}, "No Temporal address is set, and no embedded one runs here. Start `firstpass up`"),
        (["migrate"], {}, "No database is named, so nothing was migrated. Set DATABASE_URL"),
        (
            ["up"],
            {"FIRSTPASS_WEB_PORT": "eighty"},
            "The settings are not usable, so nothing was started. FIRSTPASS_WEB",
        ),
        (
            ["worker"],
            {"FIRSTPASS_ENVIRONMENT": "production"},
            "The settings are not usable, so nothing was started. pro",
        ),
        (
            ["migrate"],
            {
                "DATABASE_URL": "postgresql://a:hush-hush@127.0.0.1:1/x",
                "FIRSTPASS_APP_DATABASE_URL": "postgresql://firstpass_app:hush-hush@127.0.0.1:1/x",
            },
            "The database does not answer, so nothing was done.",
        ),
    ],
)
def test_what_a_person_can_put_right_is_one_sentence(
    arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    done = firstpass(*arguments, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith(f"firstpass: {expected}"), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "hush-hush" not in done.stderr


def test_units_shows_its_arithmetic() -> None:
    done = firstpass("units", "97110=33", "97112=13+23a", "--on", "2026-03-02")
    assert done.returncode == 0, done.stderr
    assert "97110" in done.stdout
    done = firstpass("units", "97110=soon")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_scrub_reads_the_examples_of_the_manual() -> None:
    visit = json.dumps(json.loads((ROOT / "docs/examples/encounter.json").read_text()))
    done = firstpass("scrub", "-", "--practice", "docs/examples/practice.json", stdin=visit)
    assert done.returncode in {0, 1}, done.stderr
    assert "of 1 visits clean" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("units", "--batch", "/nowhere/requests.jsonl"),
        ("scrub", "/nowhere/visits.jsonl", "--practice", "docs/examples/practice.json"),
        ("claim", "/nowhere/visits.jsonl", "--practice", "docs/examples/practice.json"),
        ("scrub", "docs", "--practice", "docs/examples/practice.json"),
    ],
)
def test_a_file_that_cannot_be_opened_ends_with_2_and_is_named(command: tuple[str, ...]) -> None:
    done = firstpass(*command)
    assert done.returncode == 2
    assert "cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr


def test_scrub_tells_a_held_visit_from_a_practice_file_it_cannot_read(tmp_path: Path) -> None:
    visit = json.loads(Path("docs/examples/encounter.json").read_text())
    held, broken = tmp_path / "held.jsonl", tmp_path / "practice.json"
    held.write_text(json.dumps(visit | {"compliance": visit["compliance"] | {"signatures": []}}))
    broken.write_bytes(b"\xff\x00 not json")
    assert firstpass("scrub", str(held), "--practice", "docs/examples/practice.json").returncode == 1
    unread = firstpass("scrub", str(held), "--practice", str(broken))
    assert unread.returncode == 2
    assert "the practice file does not read" in unread.stderr + unread.stdout


def test_import_takes_in_the_practice_and_its_visits_once(database: Database) -> None:
    where = {"FIRSTPASS_APP_DATABASE_URL": database.app_url}
    visits = firstpass("import", "docs/examples/encounter.json", **where)
    assert visits.returncode == 1
    assert "There are 0 practices here" in visits.stderr
    first = firstpass("import", "docs/examples/practice.json", "docs/examples/encounter.json", **where)
    assert first.returncode == 0, first.stderr
    assert "1 visits created" in first.stdout
    again = firstpass("import", "docs/examples/encounter.json", "--practice", "small-clinic", **where)
    assert again.returncode == 0, again.stderr
    assert "1 visits unchanged" in again.stdout
    wrong = firstpass("import", "-", stdin='{"encounter_id": "CH-9"}', **where)
    assert wrong.returncode == 1
    assert "visit CH-9 refused: " in wrong.stderr
