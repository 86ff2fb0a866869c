"""Recorded SQL, run again without anything around it."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from models.store.session import practice_session

BARE_EVERY_SECONDS = 0.5

Statement = tuple[str, Any, bool]  # as psycopg is given it, with its values; whether they are of many rows


class Bare:
    """Runs recorded statements again, each request's in one transaction that is rolled back.

    On a connection of the application's kind, so that it keeps its plans as the application does. Seconds by kind.
    """

    def __init__(self, engine: Engine, practice_id: UUID, recorded: dict[str, list[Statement]]) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self._engine = engine
        self._practice_id = practice_id
        self._recorded = recorded

    def again(self, kind: str) -> None:
        """Once more, timed."""
        with practice_session(self._engine, self._practice_id) as session:
            cursor: Any = session.connection().connection.cursor()
            began = time.perf_counter()
            for statement, parameters, many in self._recorded[kind]:
                (cursor.executemany if many else cursor.execute)(statement.encode(), parameters)
                if not many and cursor.description:
                    cursor.fetchall()
            self.times[kind].append(time.perf_counter() - began)
            session.rollback()

    @contextlib.contextmanager
    def beside(self, kind: str) -> Iterator[None]:
        """Again and again, while something else goes on. For what only reads: others must not wait for its locks."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(BARE_EVERY_SECONDS):
                self.again(kind)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
