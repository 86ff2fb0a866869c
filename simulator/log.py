"""Log lines: one JSON object each, counts and numbers only. No name, member id or file name of a client's choosing."""

import json
import logging
import sys
from datetime import UTC, datetime

_LOGGER = logging.getLogger("simulator")


def log(event: str, **facts: int | float | str) -> None:
    """Write one event."""
    _LOGGER.info(json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}))


def log_to_stderr() -> None:
    """For the simulator as a process of its own; as a library it leaves logging to its host."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
