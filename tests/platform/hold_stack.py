"""A process that runs a stack until it is ended, for the tests that end it the hard way."""

import sys
from pathlib import Path

from embedded import Stack
from settings import Problem, load_settings
from tests.platform.test_stack import COMMANDS

if __name__ == "__main__":
    settings = load_settings(
        use_running=False, var_dir=Path(sys.argv[1]), temporal_port=0, web_port=0, sftp_port=0, smtp_port=0
    )
    try:
        with Stack(settings, commands=COMMANDS) as stack:
            print("ready", *(stack.pid(name) for name in stack.parts), flush=True)
            stack.run_until_signal()
    except Problem as problem:
        print(problem, flush=True)
        sys.exit(1)
