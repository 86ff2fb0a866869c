"""`firstpass worker` or `web`, but it dies at named places, once at each, as if by kill -9 at that very instruction.

    python -m tests.faults.dying worker after-upload between-chunks

Which places were reached is kept under the var directory, so that the next process lives on where this one died.
"""

import faulthandler
import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity

import cli
from activities import files, gates, inbox, intake, posting
from activities.batches import BatchActivities
from activities.gateways.clearinghouse import SftpClearinghouse
from activities.relay import Relay
from workflows import options

DIED_AT = Path(os.environ.get("FIRSTPASS_VAR_DIR", "var")) / "died-at"
CLAIMS_PER_TRANSACTION = 2
MISSED_AFTER = timedelta(seconds=4)  # a test has no 15 seconds for each death


def die(place: str, count: int = 1) -> None:
    """End this process at once, the count-th time somebody comes by, unless one ended here before."""
    DIED_AT.mkdir(exist_ok=True)
    passed = DIED_AT / f"{place}.passed"
    with passed.open("a") as file:
        file.write(".")
    if len(passed.read_text()) >= count and not (DIED_AT / place).exists():
        (DIED_AT / place).touch()
        os._exit(9)


def deaths(died_at: Path) -> set[str]:
    """The places at which processes of a stack died."""
    return {path.name for path in died_at.iterdir() if path.suffix != ".passed"}


def after(owner: Any, name: str, place: str, count: int = 1) -> None:
    """Die when this function has done its work and before anybody hears of it."""
    function: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(function)
    def dying(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        die(place, count)
        return result

    @functools.wraps(function)
    async def dying_later(*args: Any, **kwargs: Any) -> Any:
        result = await function(*args, **kwargs)
        die(place, count)
        return result

    setattr(owner, name, dying_later if inspect.iscoroutinefunction(function) else dying)


async def _upload_half(self: SftpClearinghouse, name: str, content: bytes) -> None:
    async with self._open() as sftp, sftp.open(self._part(name), "wb") as file:
        await file.write(content[: len(content) // 2])
    die("half-an-upload")
    await WHOLE_UPLOAD(self, name, content)


WHOLE_UPLOAD = SftpClearinghouse.upload


def _die_half_way_up() -> None:
    SftpClearinghouse.upload = _upload_half  # type: ignore[method-assign]  # a process that dies in the middle


def _die_between_chunks() -> None:
    posting.CLAIMS_PER_TRANSACTION = CLAIMS_PER_TRANSACTION
    after(posting, "_post_chunk", "inside-a-chunk", count=2)
    after(activity, "heartbeat", "between-chunks", count=2)


PLACES: dict[str, Callable[[], None]] = {
    "before-the-claim-commits": lambda: after(gates, "_use_authorization", "before-the-claim-commits", count=3),
    "before-the-batch-commits": lambda: after(BatchActivities, "_build", "before-the-batch-commits"),
    "half-an-upload": _die_half_way_up,
    "after-upload": lambda: after(SftpClearinghouse, "upload", "after-upload"),
    "after-rename": lambda: after(SftpClearinghouse, "release", "after-rename"),
    "after-fetch": lambda: after(inbox, "keep_file", "after-fetch"),
    "inside-a-277CA": lambda: after(files, "_claim_answer", "inside-a-277CA", count=2),
    "between-chunks": _die_between_chunks,
    "after-delivery": lambda: after(Relay, "_deliver", "after-delivery", count=4),
    "inside-intake": lambda: after(intake, "_keep_version", "inside-intake", count=3),
}

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # where does it hang? kill -USR1 writes it to the log
    for wanted in sys.argv[2:]:
        PLACES[wanted]()
        for profile in (options.PATIENT, options.LONG, options.OUTSIDE):
            profile["heartbeat_timeout"] = MISSED_AFTER
    sys.argv = ["firstpass", sys.argv[1]]
    cli.main()
