"""One line per module: its clearinghouse follows the module's WORLD, its practice the module's PRACTICE."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio.client import Client

from clients import make_engine
from embedded import Postgres
from simulator.clinic import practice
from tests.conftest import fresh_database
from tests.histories.recorder import record_histories
from tests.line import ALL_PAID, TODAY, Line, line


@pytest.fixture(scope="module")
async def clinic(
    request: pytest.FixtureRequest,
    postgres: Postgres,
    _sweeper: ThreadPoolExecutor,
    temporal: Client,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Line]:
    """The line this module's tests share; each test has patients of its own."""
    world = {**ALL_PAID, **getattr(request.module, "WORLD", {})}
    wanted = {**practice(TODAY), **getattr(request.module, "PRACTICE", {})}
    with fresh_database(postgres, _sweeper) as database:
        engine = make_engine(database.app_url, pool_size=20)
        directory = tmp_path_factory.mktemp("line")
        # our own judge reads every file with pyx12 already; the clearinghouse need not do it again
        async with line(engine, temporal, wanted, directory, world=world, validation="envelope") as running:
            yield running
            if request.config.getoption("--record-histories"):
                await record_histories(temporal)
        engine.dispose()
