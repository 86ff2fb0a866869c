"""The embedded stack: Postgres, Temporal and our own processes, started, watched and ended on one machine.

    with Stack(load_settings(use_running=False)) as stack:      # everything runs
        stack.settings                         # with the addresses filled in
        stack.kill("worker")                   # it comes back by itself
        stack.stop("postgres"); stack.start("postgres")

Nothing is left behind. Every child asks the kernel to be ended when we end, whichever way we end (Linux), so that even
`kill -9` on this process leaves no server holding a port or a data directory.
"""

from embedded.child import ROOT, Child
from embedded.keys import simulator_host_key
from embedded.ports import LOCALHOST, claim_port, free_port
from embedded.postgres import Postgres
from embedded.stack import Service, Stack
from embedded.temporal import TemporalServer

__all__ = [
    "LOCALHOST",
    "ROOT",
    "Child",
    "Postgres",
    "Service",
    "Stack",
    "TemporalServer",
    "claim_port",
    "free_port",
    "simulator_host_key",
]
