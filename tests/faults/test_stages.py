"""The worker, or the web, dies at one exact instruction; whoever comes after goes on and does nothing twice."""

from pathlib import Path

import pytest

from simulator.clinic import volume
from tests.faults.clinic import as_of, python, running_stack
from tests.faults.dying import PLACES, deaths

VISITS = 9
IN_THE_WEB = ("inside-intake",)
IN_THE_WORKER = tuple(place for place in PLACES if place not in IN_THE_WEB)

pytestmark = pytest.mark.stack


def test_a_death_at_every_stage_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.stack.RESTART_LIMIT", 1_000)
    monkeypatch.setattr("embedded.stack.RESTART_LONGEST_PAUSE_SECONDS", 0.5)
    visits = list(volume(11, as_of(), VISITS))
    commands = {
        "worker": [*python("dying"), "worker", *IN_THE_WORKER],
        "web": [*python("dying"), "web", *IN_THE_WEB],
    }
    with running_stack(commands, batch_window_seconds=3.0) as (stack, clinic):
        counts = clinic.send(visits)
        assert counts["created"] + counts["unchanged"] == VISITS
        assert counts["unchanged"] >= 2, "what was kept before the third died with the process is known"
        clinic.until_closed(VISITS)
        clinic.is_right(visits)
        assert deaths(Path(stack.settings.var_dir, "died-at")) == {*PLACES, "inside-a-chunk"}
