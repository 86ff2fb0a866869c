"""Postgres goes away for longer than the quick tries last; no life is cut short by it."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from temporalio.client import Client

from simulator.clinic import practice, volume
from tests.line import TODAY, line

VISITS = 3
TRIES_WITHOUT_POSTGRES = 12  # the quick profile gives up after six


async def test_postgres_away_for_longer_than_the_quick_tries_is_waited_out(
    engine: Engine, temporal: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from activities import gates

    asked: list[str] = []
    judge = gates.judge

    def away(*args: object) -> object:
        asked.append("")
        if len(asked) <= VISITS * TRIES_WITHOUT_POSTGRES:
            raise OperationalError("connect", {}, OSError("the database system is starting up"))
        return judge(*args)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(gates, "judge", away)
    async with line(engine, temporal, practice(TODAY), tmp_path, validation="envelope") as clinic:
        clinic.send(*volume(7, TODAY, VISITS))
        await clinic.until(lambda: clinic.stages() == {"closed": VISITS}, seconds=120)
