"""The embedded stack: everything comes up, comes back, and goes away, whatever happens to whom."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from embedded import ROOT, Child, Service, Stack, claim_port, free_port
from settings import Problem, Settings, endpoints_file, load_settings, secrets_file

STAND_IN = [sys.executable, str(ROOT / "tests/platform/stand_in.py")]
COMMANDS = {
    "worker": [sys.executable, "-c", "import time; time.sleep(600)"],
    "web": [*STAND_IN, "FIRSTPASS_WEB_PORT"],
    "simulator": [*STAND_IN, "FIRSTPASS_SFTP_PORT"],
}
HOLD = [sys.executable, "-m", "tests.platform.hold_stack"]

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def used_before() -> Iterator[Path]:
    """A directory some stack ran on earlier; making a database anew for every test costs seconds."""
    directory = Path(tempfile.mkdtemp(prefix="firstpass-test-"))
    with Stack(settings_in(directory / "var"), services=()):
        pass
    yield directory / "var"
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def var_dir(used_before: Path) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="firstpass-test-"))
    # cp keeps the owner: Postgres refuses data that belongs to somebody else
    subprocess.run(["cp", "-a", str(used_before), str(directory)], check=True)
    yield directory / "var"
    shutil.rmtree(directory, ignore_errors=True)


def settings_in(var_dir: Path, **given: object) -> Settings:
    free = {"temporal_port": 0, "web_port": 0, "sftp_port": 0, "smtp_port": 0}
    return load_settings(use_running=False, var_dir=var_dir, **(free | given))


def soon(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def processes_on(var_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command = " ".join(process.info["cmdline"] or [])
        environment = (process.info["environ"] or {}).get("FIRSTPASS_VAR_DIR", "")
        if str(var_dir) in command or environment == str(var_dir):
            found.append(process)
    return found


def _is_back(stack: Stack, name: str, former_pid: int) -> bool:
    return stack.alive(name) and stack.pid(name) != former_pid


def answers(stack: Stack) -> bool:
    with psycopg.connect(stack.settings.app_database_url.replace("+psycopg", "")) as connection:
        return connection.execute("select current_user").fetchone() == ("firstpass_app",)


def test_it_comes_up_comes_back_and_leaves_nothing(var_dir: Path) -> None:
    told: list[str] = []
    with Stack(settings_in(var_dir), commands=COMMANDS, tell=told.append) as stack:
        assert told == [f"{name} is ready" for name in ("postgres", "temporal", "simulator", "mail", "worker", "web")]
        assert answers(stack)
        pids = [stack.pid(name) for name in stack.parts]
        # another terminal finds the running stack without being told
        assert load_settings(var_dir=var_dir).app_database_url == stack.settings.app_database_url

        for name in stack.parts:
            before = stack.pid(name)
            stack.kill(name)
            assert soon(partial(_is_back, stack, name, before)), name
        assert soon(lambda: answers(stack))

        stack.stop("worker")
        time.sleep(1)
        assert not stack.alive("worker"), "what was stopped on purpose stays stopped"
        stack.start("worker")
        stack.restart("postgres")
        assert answers(stack)
        pids += [stack.pid(name) for name in stack.parts]
        began = time.monotonic()
    assert time.monotonic() - began < Service.STOP_SECONDS, "nobody had to be killed"
    assert all(gone(pid) for pid in pids)
    assert processes_on(var_dir) == []
    assert not endpoints_file(var_dir).exists()


def test_data_and_secrets_outlive_it(var_dir: Path) -> None:
    with Stack(settings_in(var_dir), services=()) as stack:
        kept = secrets_file(var_dir).read_text()
        address = stack.settings.app_database_url
    with Stack(settings_in(var_dir), services=()) as stack:
        assert secrets_file(var_dir).read_text() == kept
        assert stack.settings.app_database_url == address
        assert answers(stack)
    assert secrets_file(var_dir).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_it_ends(var_dir: Path, number: signal.Signals) -> None:
    holder = subprocess.Popen([*HOLD, str(var_dir)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert holder.stdout
    word, *pids = holder.stdout.readline().split()
    assert word == "ready"
    holder.send_signal(number)
    holder.wait(60)
    holder.stdout.close()
    assert soon(lambda: all(gone(int(pid)) for pid in pids))
    assert soon(lambda: processes_on(var_dir) == [])
    if number == signal.SIGKILL:
        with Stack(settings_in(var_dir), services=()) as stack:
            assert answers(stack), "and it can be started again at once"


def test_a_second_one_on_the_same_directory_is_refused_in_a_sentence(var_dir: Path) -> None:
    with (
        Stack(settings_in(var_dir), services=()),
        pytest.raises(Problem, match=r"^Firstpass already runs on .* \(process \d+\)\. Use that one"),
    ):
        Stack(settings_in(var_dir), services=()).up()


def test_a_taken_port_is_named_before_anything_starts(var_dir: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        stack = Stack(settings_in(var_dir, web_port=port), commands=COMMANDS)
        with pytest.raises(Problem) as refused:
            stack.up()
    assert str(refused.value).startswith(f"Port {port} is already in use")
    assert (
        f"so the web server cannot start. Stop what uses it, or choose another port: FIRSTPASS_WEB_PORT={port + 1}"
        in (str(refused.value))
    )
    assert stack.parts == ()
    assert processes_on(var_dir) == []


def test_the_command_line_shows_the_sentence_and_no_traceback(var_dir: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = str(squatter.getsockname()[1])
        environment = {"FIRSTPASS_VAR_DIR": str(var_dir), "FIRSTPASS_TEMPORAL_PORT": port, "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-m", "cli", "up"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"firstpass: Port {port} is already in use")
    assert len(done.stderr.splitlines()) == 1


INTERRUPTED = (130, ["firstpass: Interrupted. Nothing was left running."])
# `firstpass`, with Ctrl-C at the moment at which it begins to load a module
PRESS_WHILE_LOADING = """
import os, signal, sys
class Press:
    def find_spec(self, name, *_):
        if name == os.environ["MODULE"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Press())
import entry
entry.main()
"""


def told_by(var_dir: Path, *command: str, when: Callable[[], bool] | None = None, **more: str) -> tuple[int, list[str]]:
    """Exit status of a command on the directory, and what it complains of; when: at which moment Ctrl-C is pressed."""
    free = {f"FIRSTPASS_{name}_PORT": "0" for name in ("TEMPORAL", "WEB", "SFTP", "SMTP")}
    environment = {"FIRSTPASS_VAR_DIR": str(var_dir), "PATH": "/usr/bin:/bin", **free, **more}
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        if when is not None:
            assert soon(when)
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    return process.returncode, said.splitlines()


@pytest.mark.parametrize("module", ["cli", "typer", "pydantic", "embedded.stack", "demo", "temporalio"])
def test_ctrl_c_while_it_is_still_loading_is_one_plain_line(tmp_path: Path, module: str) -> None:
    assert told_by(tmp_path / "var", "-c", PRESS_WHILE_LOADING, "demo", MODULE=module) == INTERRUPTED
    assert processes_on(tmp_path / "var") == []


def test_ctrl_c_while_the_database_is_being_made_leaves_nothing_and_the_next_start_makes_it_anew() -> None:
    """A half-made database has all the looks of a whole one."""
    directory = Path(tempfile.mkdtemp(prefix="firstpass-test-"))
    var_dir, version = directory / "var", directory / "var" / "postgres.new" / "PG_VERSION"
    assert told_by(var_dir, "-m", "entry", "up", when=version.exists) == INTERRUPTED
    assert soon(lambda: processes_on(var_dir) == [], seconds=2)
    version.write_text("18\n")  # as initdb leaves it where it is killed instead
    with Stack(settings_in(var_dir), services=()) as stack:
        assert answers(stack)
    assert not version.parent.exists()
    shutil.rmtree(directory, ignore_errors=True)


def test_what_is_no_database_is_not_overwritten_by_one(var_dir: Path) -> None:
    stranger = var_dir.parent / "another" / "postgres" / "notes.txt"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("mine")
    with pytest.raises(Problem, match="holds something that is no Postgres data"):
        Stack(settings_in(var_dir.parent / "another"), services=()).up()
    assert stranger.read_text() == "mine"


def test_a_part_that_cannot_live_ends_the_stack_with_its_last_words(
    var_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.stack.RESTART_LIMIT", 2)
    commands = COMMANDS | {"worker": [sys.executable, "-c", "import sys; sys.exit('no such table: visits')"]}
    with Stack(settings_in(var_dir), services=("worker",), commands=commands) as stack:
        with pytest.raises(Problem, match=r"(?s)worker ended 3 times within a minute.*no such table: visits"):
            stack.run_until_signal()
        assert stack.alive("postgres")


def test_missing_secrets_are_not_quietly_replaced(var_dir: Path) -> None:
    secrets_file(var_dir).unlink()
    with pytest.raises(Problem, match=r"embedded\.env is missing, and without it the data .* cannot be opened"):
        Stack(settings_in(var_dir), services=()).up()


def test_a_child_that_ignores_requests_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"
    )
    child = Child("stubborn", [sys.executable, "-c", stubborn], tmp_path / "log", stop_seconds=0.3)
    child.spawn()
    assert soon(lambda: "up" in child.last_words())
    child.ask_to_stop()
    child.wait_or_kill()
    assert not child.alive


def test_ports() -> None:
    port = free_port()
    assert claim_port(port, host="127.0.0.1", what="x", setting="web_port") == port
    assert claim_port(0, host="127.0.0.1", what="x", setting="web_port") > 0
