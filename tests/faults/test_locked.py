"""Postgres answers nobody for longer than a look may take: every look is given up, and none is the worse for it later.

A given-up look runs on in its thread. It must not be torn out of it: an exception thrown into the middle of the
connection pool would lose a connection for good, until there is none left and the worker waits for ever.
"""

import asyncio
from pathlib import Path

from sqlalchemy import Engine, QueuePool, text
from temporalio.client import Client

from simulator.clinic import practice, volume
from tests.line import TODAY, line

VISITS = 30
LOCKED_SECONDS = 14.0


async def test_looks_given_up_leave_every_connection_in_the_pool(
    engine: Engine, owner_engine: Engine, temporal: Client, tmp_path: Path
) -> None:
    async with line(engine, temporal, practice(TODAY), tmp_path, validation="envelope") as clinic:
        results = clinic.send(*volume(7, TODAY, VISITS))
        assert {result.status for result in results} == {"created"}
        with owner_engine.begin() as hand_on_the_table:
            hand_on_the_table.execute(text("LOCK TABLE evaluations, claim_versions IN ACCESS EXCLUSIVE MODE"))
            await asyncio.sleep(LOCKED_SECONDS)
        await clinic.until(lambda: clinic.stages() == {"closed": VISITS}, seconds=120)
        assert clinic.ledger_is_balanced()
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0
