"""What a list learns while it stands: the rows that changed, how many there are, how many came since."""

import re
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Semaphore
from typing import Any
from uuid import UUID

import psycopg
import pytest
from httpx import Response
from starlette.testclient import TestClient

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from tests.web.conftest import Browse, House
from web.reads.shared import Shared

QUEUE = "/queues/documentation"


@dataclass(frozen=True)
class Drawn:
    """A list as it was drawn, which asks what changed."""

    browser: TestClient
    rows: tuple[str, ...]
    since: str
    known: tuple[str, ...]
    query: str = ""

    def asks(self, *, counts: bool = True, only: UUID | None = None) -> Response:
        rows = [row for row in self.rows if only is None or row.startswith(str(only))]
        form = {"row": rows, "since": self.since, "known": list(self.known)} | ({"counts": "1"} if counts else {})
        answer: Response = self.browser.post(f"{QUEUE}/fresh{self.query}", data=form)
        return answer


def draw(browser: TestClient, query: str = "") -> Drawn:
    page = browser.get(f"{QUEUE}{query}").text
    rows, known = (tuple(re.findall(rf'name="{name}" value="([^"]+)"', page)) for name in ("row", "known"))
    [since] = re.findall(r'name="since" value="([^"]+)"', page)
    return Drawn(browser, rows, since, known, query)


def close(house: House, item: UUID) -> None:
    with practice_session(house.engine, house.practice_id) as session:
        row = session.get_one(WorkItemRow, item)
        row.closed_at, row.closed_by, row.version = datetime.now(UTC), "re-check passed", 2


def test_fresh_counts_new_items_and_greys_closed_ones_without_moving_any(house: House, browse: Browse) -> None:
    stays, closes = house.item(), house.item()
    page = draw(browse(Role.BILLER))
    close(house, closes)
    new = house.item(opened_at=datetime.now(UTC) + timedelta(seconds=1))
    told = page.asks().text
    assert "<span>1</span> new, press" in told
    assert f'class="row closed" id="row-{closes}"' in told
    assert f"row-{stays}" not in told
    assert f"row-{new}" not in told
    assert "2 items" in told


def test_a_page_that_was_told_what_changed_asks_about_that_row_alone(house: House, browse: Browse) -> None:
    first, second = house.item(), house.item()
    page = draw(browse(Role.BILLER))
    close(house, first)
    close(house, second)
    answer = page.asks(counts=False, only=first)
    assert f'id="row-{first}"' in answer.text
    assert f"row-{second}" not in answer.text
    assert not {"#sum", "#chips", "#rail"} & set(re.findall(r'hx-target="(#\w+)"', answer.text))
    assert answer.headers["HX-Reswap"] == "none"  # what was announced stays
    assert "HX-Reswap" not in page.asks().headers


@pytest.mark.parametrize("query", ["", "?view=unassigned", "?view=mine", "?q=age%3C90"])
def test_an_item_opened_before_a_list_was_drawn_but_committed_after_it_is_announced(
    house: House, browse: Browse, query: str
) -> None:
    """Opened inside a transaction that took a moment: by its time it was there, and no list had seen it."""
    owner = {"owner_id": house.users[Role.BILLER], "taken_at": datetime.now(UTC)} if "mine" in query else {}
    just = house.item(opened_at=datetime.now(UTC) - timedelta(seconds=1), **owner)
    page = draw(browse(Role.BILLER), query)
    assert str(just) in page.known
    assert "new, press" not in page.asks().text
    house.item(opened_at=datetime.fromisoformat(page.since) - timedelta(seconds=2), **owner)
    assert "<span>1</span> new, press" in page.asks().text


def test_who_asks_at_once_is_told_one_count_and_mine_is_each_ones_own(house: House, browse: Browse) -> None:
    for role in (Role.BILLER, Role.BILLER, Role.SUPERVISOR):
        house.item(owner_id=house.users[role], taken_at=datetime.now(UTC))
    pages = [draw(browse(role)) for role in (Role.BILLER, Role.SUPERVISOR)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        told = list(pool.map(lambda page: page.asks().text, pages * 4))
    assert all("3 items" in each for each in told)
    assert [re.findall(r"Mine (\d+)", each) for each in told] == [["2"], ["1"]] * 4
    assert all('<span>Documentation</span><span class="count">3</span>' in each for each in told)


def test_nobody_is_given_a_reading_that_began_before_they_asked() -> None:
    shared, reading, may_end = Shared(), Event(), Event()
    read: list[int] = []

    def slow() -> int:
        read.append(len(read))
        mine = len(read)
        reading.set()
        assert may_end.wait(30)
        return mine

    asked = Semaphore(0)

    class Noted(dict[Hashable, Future[Any]]):
        def get(self, of: Hashable, default: Any = None) -> Any:
            asked.release()  # seen here while nobody else can come between
            return super().get(of, default)

    shared._next = Noted()
    with ThreadPoolExecutor(max_workers=9) as pool:
        first = pool.submit(shared.get, "scrub", slow)
        assert reading.wait(30)
        others = [pool.submit(shared.get, "scrub", slow) for _ in range(8)]
        for _ in range(9):
            assert asked.acquire(timeout=30)
        may_end.set()
        assert first.result(30) == 1
        told = {other.result(30) for other in others}
    assert told == {2}
    assert len(read) == 2
    assert not shared._next
    assert not shared._reading


def test_a_reading_that_fails_fails_for_all_who_waited_and_the_next_is_read_anew() -> None:
    shared = Shared()

    def fails() -> int:
        raise OSError("no connection")

    with pytest.raises(OSError, match="no connection"):
        shared.get("scrub", fails)
    assert shared.get("scrub", lambda: 7) == 7


def test_every_change_is_told_but_the_mere_renewal_of_a_lease(house: House) -> None:
    item = house.item(leased_by=house.users[Role.BILLER], leased_at=datetime.now(UTC), leased_until=datetime.now(UTC))
    url = house.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listening:
        listening.execute("LISTEN desk")

        def told_of(**changes: object) -> list[str]:
            with practice_session(house.engine, house.practice_id) as session:
                row = session.get_one(WorkItemRow, item)
                for name, value in changes.items():
                    setattr(row, name, value)
            return [notice.payload.split(":")[1] for notice in listening.notifies(timeout=1, stop_after=2)]

        later = datetime.now(UTC) + timedelta(minutes=5)
        assert told_of(leased_until=later) == []
        assert told_of(leased_until=later + timedelta(minutes=5), version=2) == ["documentation"]
        assert told_of(leased_by=None, leased_at=None, leased_until=None) == ["documentation"]
        assert told_of(queue="denials") == ["documentation", "denials"]
