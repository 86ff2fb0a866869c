"""The simulated clearinghouse as `firstpass simulator` runs it, in a world that pays everything, and quickly."""

from commands.processes import simulator_config
from settings import load_settings
from simulator.config import World
from simulator.server import run
from tests.line import ALL_PAID

if __name__ == "__main__":
    quick = {"answer_seconds": 0.05, "adjudicate_seconds": 0.2, "gather_seconds": 0.3}
    run(simulator_config(load_settings()).model_copy(update={**quick, "world": World.model_validate(ALL_PAID)}))
