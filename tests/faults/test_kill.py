"""Worker, web, Temporal and Postgres are killed at random while visits come in, and nothing is lost or done twice.

FIRSTPASS_KILL_VISITS=300 for a long run; FIRSTPASS_KILL_SEED for other dice.
"""

import os
import threading
import time
from collections import Counter
from random import Random

import pytest

from embedded import Stack
from simulator.clinic import volume
from tests.faults.clinic import as_of, python, running_stack

VISITS = int(os.environ.get("FIRSTPASS_KILL_VISITS", "80"))
SEED = int(os.environ.get("FIRSTPASS_KILL_SEED", "1"))
VICTIMS = ("worker", "web", "temporal", "postgres")
SENT_AT_ONCE = 5
PAUSE_BETWEEN_KILLS_SECONDS = (1.0, 4.0)
PAUSE_BETWEEN_SENDING_SECONDS = 1.2

pytestmark = pytest.mark.stack


def murder(stack: Stack, enough: threading.Event, kills: Counter[str]) -> None:
    """Kill one part after the other until it is enough; the stack brings each back."""
    rng = Random(SEED)
    while not enough.wait(rng.uniform(*PAUSE_BETWEEN_KILLS_SECONDS)):
        victim = rng.choice(VICTIMS)
        if stack.alive(victim):
            stack.kill(victim)
            kills[victim] += 1


def test_nothing_is_lost_or_doubled_while_everything_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.stack.RESTART_LIMIT", 1_000)  # it is us who keep killing
    monkeypatch.setattr("embedded.stack.RESTART_LONGEST_PAUSE_SECONDS", 1.0)
    visits = list(volume(7, as_of(), VISITS))
    kills: Counter[str] = Counter()
    enough = threading.Event()
    with running_stack({"worker": [*python("dying"), "worker"]}) as (stack, clinic):
        began = time.monotonic()
        murderer = threading.Thread(target=murder, args=(stack, enough, kills))
        murderer.start()
        try:
            for start in range(0, VISITS, SENT_AT_ONCE):
                clinic.send(visits[start : start + SENT_AT_ONCE])
                time.sleep(PAUSE_BETWEEN_SENDING_SECONDS)
        finally:
            enough.set()
            murderer.join()
        sending = time.monotonic() - began
        settling = clinic.until_closed(VISITS)
        assert stack.failure is None
        clinic.is_right(visits)
    assert set(kills) == set(VICTIMS)
    killed = ", ".join(f"{name} {kills[name]}" for name in VICTIMS)
    print(f"\n{VISITS} visits, seed {SEED}: killed {killed}; {sending:.0f} s of killing, {settling:.0f} s to settle")
