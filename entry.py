"""`firstpass` as it is started: Ctrl-C ends it with one plain line, also while its commands are still being loaded."""

import os
import signal
import sys

INTERRUPTED = 128 + signal.SIGINT  # as shells report it
WORDS = "firstpass: Interrupted. Nothing was left running.\n"


def main() -> None:
    """The entry point."""
    # a shell has it ignored by what it runs in the background
    listens = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if listens:
        signal.signal(signal.SIGINT, _leave)  # nothing was begun yet that would have to be ended
    try:
        import cli

        if listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.main()
    except KeyboardInterrupt:
        _leave_in_order(listens)
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        _leave_in_order(listens)


def _leave(*_: object) -> None:
    _say()
    os._exit(INTERRUPTED)


def _leave_in_order(listens: bool) -> None:
    if listens:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # we are leaving already
    _say()
    sys.exit(INTERRUPTED)


def _say() -> None:
    begin = "\n" if sys.stderr.isatty() else ""  # the terminal has written ^C into the line
    os.write(sys.stderr.fileno(), f"{begin}{WORDS}".encode())


if __name__ == "__main__":
    main()
