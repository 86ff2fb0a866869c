"""`python -m simulator`: the simulator without the rest of the house."""

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from simulator.config import SimulatorConfig, SimulatorError, World, load_world
from simulator.server import run


def parser() -> argparse.ArgumentParser:
    """Options are the settings, under their own names; what is not given keeps the setting's default."""
    options = argparse.ArgumentParser("simulator", description="A clearinghouse and payers, over SFTP.")
    options.add_argument("--root", type=Path, required=True, help="directory for inbound, outbound, archive and state")
    options.add_argument("--host", help="address to listen on")
    options.add_argument("--port", type=int)
    options.add_argument("--seed", type=int, help="the same seed is the same world")
    options.add_argument("--host-key", type=Path, help="made when missing")
    options.add_argument("--authorized-user")
    options.add_argument("--password")
    options.add_argument("--authorized-keys", type=Path, help="public keys that may log in, one per line")
    options.add_argument("--answer-seconds", type=float)
    options.add_argument("--adjudicate-seconds", type=float)
    options.add_argument("--late-seconds", type=float)
    options.add_argument("--gather-seconds", type=float)
    options.add_argument("--validate", dest="validation", choices=("pyx12", "envelope"))
    options.add_argument("--world", type=Path, help="JSON file with behaviour, prices and scripted outcomes")
    return options


def main() -> int:
    given = {name: value for name, value in vars(parser().parse_args()).items() if value is not None}
    try:
        world = load_world(given.pop("world")) if "world" in given else World()
        run(SimulatorConfig.model_validate({**given, "world": world}))
    except ValidationError as error:
        first = error.errors()[0]
        print(f"The setting {'.'.join(map(str, first['loc']))} is wrong: {first['msg']}.", file=sys.stderr)  # noqa: T201
        return 2
    except SimulatorError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
