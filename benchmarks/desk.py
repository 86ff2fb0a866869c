"""The desk under load: 100,000 open items, 50 operators, each figure beside the same SQL run bare.

`python -m benchmarks.desk [items] [operators]` starts Postgres, fills it, and serves the web application from one
process. Then, in this order:

1. one operator alone, request after request: what an answer costs;
2. all operators at a human pace: each opens the list, gets the next, decides, and thinks between two clicks
   (exponential, 8 seconds in the mean), while every open screen listens and fetches what it is told of, as a browser
   does. This is what the aims are about. The first 15 seconds are shown apart: a connection that is used for the first
   time plans its statements, as it does once after each start of the application;
3. all operators without a pause, for what the process can carry at most: there a time is mostly a queue, no aim.

Server time is what the application itself measures, from the request to the beginning of its answer; the time at the
operator's has the network, the queue before the process and reading the answer in it. Bare is the SQL of the very same
requests, recorded and run again on one connection without anything around it: turn by turn in 1, the list's during 2;
the ratio is of medians. A decision is measured as people have it: foreseen in full, then kept for the seconds in which
it may be taken back. Operators, application and Postgres share the machine, so read the ratios; with fifty of them the
operators' side runs at a lower priority, as it would on machines of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import Connection, Engine, event, select, text

from benchmarks.bare_sql import Bare, Statement
from benchmarks.desk_house import CSRF, QUEUE, READY_SECONDS, House, Served, fill, served
from clients import make_engine
from embedded import LOCALHOST, Postgres
from models.migrations import upgrade
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from settings import APP_ROLE, OWNER_ROLE, Settings
from web.app import create_app

ITEMS, OPERATORS = 100_000, 50
PASSWORD = "only-in-benchmarks"
ALONE = 40  # requests of each kind
WARMING_SECONDS, HUMAN_SECONDS, THINKING_SECONDS = 15.0, 75.0, 8.0
CLOSED_SECONDS = 15.0
HEARD, HEARD_EVERY_SECONDS = 40, 1.0
KEPT_ALIVE_SECONDS = 2.0  # less than the server's, so that no request meets a connection that is being closed
SEED = 7
VACUUMS_MAX = 30
COUNTS_SECONDS = 2.0  # web/static/live.js
YIELDING = 10  # niceness of fifty browsers beside the server: elsewhere they have machines of their own
AIMS_MS = {"list": 50, "get next": 25, "decide": 120, "heard": 300}
NAMES = {
    "list": "list page",
    "get next": "get next, with its item",
    "decide": "decide, with its answer",
    "fresh": "what changed in a list",
    "news": "what happened to an item",
    "heard": "commit to another browser",
}
HEADERS = {"X-CSRF-Token": CSRF, "Sec-Fetch-Site": "same-origin"}
SHOWN = re.compile(r'name="row" value="([^":]+):([^"]+)"')
SINCE = re.compile(r'name="since" value="([^"]+)"')
STREAM = re.compile(r'hx-sse:connect="([^"]+)"')


@dataclass
class Times:
    """Seconds by kind of request: in the server, and at the operator's."""

    server: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    operator: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    leased: list[str] = field(default_factory=list)

    def taken(self) -> Times:
        """What was measured so far, which is forgotten here; leases are not."""
        taken = Times(self.server, self.operator)
        self.server, self.operator = defaultdict(list), defaultdict(list)
        return taken


def main() -> None:
    """Fill, serve, ask, print."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    operators = int(sys.argv[2]) if len(sys.argv) > 2 else OPERATORS
    with tempfile.TemporaryDirectory(prefix="firstpass-bench-") as directory:
        server = Postgres(Path(directory) / "data", Path(directory) / "log", password=PASSWORD, durable=True)
        server.start()
        try:
            _measure(server, items, operators)
        finally:
            server.stop()


def _measure(server: Postgres, items: int, operators: int) -> None:
    for role in (OWNER_ROLE, APP_ROLE):
        server.ensure_role(role, PASSWORD)
    server.ensure_database("bench", OWNER_ROLE)
    upgrade(server.url("bench", OWNER_ROLE))
    url = server.url("bench", APP_ROLE)
    engine = make_engine(url, pool_size=4)
    began = time.perf_counter()
    house = fill(engine, items, operators, visits=2 * ALONE + 8 * operators)
    owner = make_engine(server.url("bench", OWNER_ROLE), pool_size=1)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _vacuum(connection)
    owner.dispose()
    _write_out(server)
    print(f"{items} open items, {house.visits} of them to decide on, {operators} operators", end="")
    print(f" (loaded in {time.perf_counter() - began:.0f} s)")
    settings = Settings(app_database_url=url, undo_seconds=10, temporal_address=f"{LOCALHOST}:1")
    recorded = asyncio.run(_record(settings, house))
    with served(settings) as application:
        _wait(application)
        bare = Bare(make_engine(url, pool_size=1), house.practice_id, recorded)
        alone = asyncio.run(_alone(application, house, bare))
        _print("one operator alone", alone, bare.times, ())
        bare = Bare(make_engine(url, pool_size=1), house.practice_id, recorded)
        os.nice(YIELDING)
        with bare.beside("list"):
            warming, paced = asyncio.run(_at_a_human_pace(application, house, engine))
        _print(f"the first {WARMING_SECONDS:.0f} s of {operators} operators", warming, {}, ())
        _print(f"{operators} operators at a human pace, {HUMAN_SECONDS:.0f} s", paced, bare.times, tuple(AIMS_MS))
        asyncio.run(_without_a_pause(application, house))
    given = [item for item, times in Counter(alone.leased + paced.leased).items() if times > 1]
    print(f"\nitems leased: {len(alone.leased + paced.leased)}, leased twice: {len(given)}")
    assert not given, "an item was leased twice"
    engine.dispose()


def _vacuum(connection: Connection) -> None:
    """As autovacuum leaves a desk of some days; it may itself be at work just now, and then a vacuum marks nothing."""
    for _ in range(VACUUMS_MAX):
        connection.execute(text("VACUUM ANALYZE"))
        if connection.scalar(text("SELECT relallvisible = relpages FROM pg_class WHERE relname = 'work_items'")):
            return
        time.sleep(1)
    print(" (not vacuumed whole: something kept it)", end="")


def _write_out(server: Postgres) -> None:
    """What loading left to be written is written now: the disk would write it later, while commits wait."""
    with server.connect() as connection:
        connection.execute("CHECKPOINT")
    os.sync()


def _wait(application: Served) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{application.address}/healthz").status_code == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("the application did not come up")


# --- the same SQL, bare -----------------------------------------------------------------------------------------


async def _record(settings: Settings, house: House) -> dict[str, list[Statement]]:
    """The statements of one request of each kind, from an application in this process."""
    engine = make_engine(settings.app_database_url, pool_size=4)
    heard: list[Statement] = []

    @event.listens_for(engine, "before_cursor_execute")
    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        heard.append((statement, parameters, many))

    recorded: dict[str, list[Statement]] = {}
    transport = httpx.ASGITransport(create_app(settings, engine=engine))
    async with _client("http://bench", house.tokens[0], transport) as client:
        operator = Operator(client, Times())
        for _ in range(2):  # the first look of a process reads what is kept
            for kind, act in (("list", operator.list), ("get next", operator.get_next), ("decide", operator.decide)):
                heard.clear()
                await act()
                recorded[kind] = list(heard)
    engine.dispose()
    return recorded


# --- what operators do ------------------------------------------------------------------------------------------


def _client(address: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=address,
        cookies={"firstpass": token},
        headers=HEADERS,
        timeout=60,
        transport=transport,
        verify=False,
        limits=httpx.Limits(keepalive_expiry=KEPT_ALIVE_SECONDS),
    )


class Operator:
    """One person with one open screen."""

    def __init__(self, client: httpx.AsyncClient, times: Times) -> None:
        self._client, self._times = client, times
        self.shown: dict[str, str] = {}  # the rows on the screen: a number each, that changes with what it looks like
        self.since = ""
        self.stream = "/events"
        self.item = ""
        self.row: tuple[str, str] | None = None  # the item's, as the pane came with it
        self._fetching: set[str] = set()
        self._changed: set[str] = set()
        self._counts = False
        self._counted = -COUNTS_SECONDS
        self.left = False

    async def list(self) -> None:
        """Open the queue; the page before says that it left its item."""
        if self.item:
            await self._ask("left", "POST", f"/items/{self.item}/left", data={"left": "1"})
            self.item, self.row = "", None
        page = await self._ask("list", "GET", f"/queues/{QUEUE}")
        self.shown = dict(SHOWN.findall(page.text))
        self.since = SINCE.findall(page.text)[0]
        self.stream = html.unescape(STREAM.findall(page.text)[0])

    async def get_next(self) -> None:
        """Press n: the item comes into the pane."""
        target = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#pane"}
        answer = await self._ask("get next", "POST", f"/queues/{QUEUE}/next", headers=target)
        self.item = answer.headers["HX-Push-Url"].partition("?")[0].rsplit("/", 1)[1]
        self._times.leased.append(self.item)
        self._drawn(answer)

    async def decide(self) -> None:
        """Send the first decision."""
        target = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#pane"}
        form = {"decision": "not_billable", "reason": "bench", "version": "1", "command_id": str(uuid4())}
        self._drawn(await self._ask("decide", "POST", f"/items/{self.item}/decide", headers=target, data=form))

    def _drawn(self, answer: httpx.Response) -> None:
        """An act's answer brings the row of its item, if the list shows it."""
        drawn = SHOWN.findall(answer.text)
        self.shown |= {item: looks for item, looks in drawn if item in self.shown}
        self.row = next((row for row in drawn if row[0] == self.item), None)

    async def listen(self) -> None:
        """What an open screen does by itself: told what changed, it fetches what it shows of it and is not given."""
        async with self._client.stream("GET", self.stream) as stream, asyncio.TaskGroup() as group:
            self._timer = asyncio.get_running_loop().call_later(0, lambda: None)
            async for line in stream.aiter_lines():
                if self.left:
                    return
                if line.startswith("data: "):
                    self._told(group, json.loads(line.removeprefix("data: ")))

    def _told(self, group: asyncio.TaskGroup, news: dict[str, Any]) -> None:
        given = dict(SHOWN.findall("".join(news.get("rows", {}).values())))
        same = given.items() & {*self.shown.items(), self.row}
        self.shown |= {item: looks for item, looks in given.items() if item in self.shown}
        if QUEUE in news.get("queues", ()):
            asked = self.shown.keys() - given.keys()
            self._changed |= asked if news["items"] is None else asked & set(news["items"])
        self._counts = self._counts or (news.get("counted", False) and "counts" not in news)
        if self.since:
            self._look(group)
        changed = "items" in news and (news["items"] is None or self.item in news["items"])
        if changed and self.item and self.item not in dict(same):
            self._fetch(group, "news", "GET", f"/news/{self.item}?version=1&leased=1")

    def _look(self, group: asyncio.TaskGroup) -> None:
        """As web/static/live.js: the rows that changed at once, counts every other second, one question at a time."""
        owed = self._counted + COUNTS_SECONDS - time.monotonic()
        counts = self._counts and owed <= 0
        if "fresh" in self._fetching or not (counts or self._changed):
            if self._counts and "fresh" not in self._fetching:
                self._timer.cancel()
                self._timer = asyncio.get_running_loop().call_later(owed, self._look, group)
            return
        rows = [f"{item}:{looks}" for item, looks in self.shown.items() if item in self._changed]
        form = {"row": rows, "since": self.since, "text": ""} | ({"counts": "1"} if counts else {})
        self._changed = set()
        if counts:
            self._counts, self._counted = False, time.monotonic()
        self._fetch(group, "fresh", "POST", f"/queues/{QUEUE}/fresh", data=form)

    def _fetch(self, group: asyncio.TaskGroup, kind: str, method: str, path: str, **more: Any) -> None:
        if kind in self._fetching or self.left:
            return  # as htmx: while a part is on its way, it is not asked for again
        self._fetching.add(kind)
        if kind == "news":
            self.row = None

        async def fetch() -> None:
            try:
                await self._ask(kind, method, path, **more)
            finally:
                self._fetching.discard(kind)
            if kind == "fresh" and not self.left:
                self._look(group)

        group.create_task(fetch())

    async def _ask(self, kind: str, method: str, path: str, **more: Any) -> httpx.Response:
        began = time.perf_counter()
        answer = await self._client.request(method, path, **more)
        self._times.operator[kind].append(time.perf_counter() - began)
        assert answer.status_code < 400, f"{kind}: {answer.status_code} {answer.text[:300]}"
        if timed := answer.headers.get("server-timing"):
            self._times.server[kind].append(float(timed.partition("dur=")[2]) / 1000)
        return answer


async def _alone(application: Served, house: House, bare: Bare) -> Times:
    times = Times()
    async with _client(application.address, house.tokens[0]) as client:
        operator = Operator(client, times)
        for _ in range(ALONE):
            for kind, act in (("list", operator.list), ("get next", operator.get_next), ("decide", operator.decide)):
                await act()
                bare.again(kind)
    return times


async def _at_a_human_pace(application: Served, house: House, engine: Engine) -> tuple[Times, Times]:
    times, chance = Times(), random.Random(SEED)
    over = time.monotonic() + WARMING_SECONDS + HUMAN_SECONDS

    async def work(token: str) -> None:
        async with _client(application.address, token) as client, _client(application.address, token) as ear:
            operator = Operator(client, times)
            screen = Operator(ear, times)
            acts = (operator.list, operator.get_next, operator.decide)
            turn = chance.randrange(2)  # some begin with the list, some with the first item
            await asyncio.sleep(chance.uniform(0, THINKING_SECONDS))
            listening = asyncio.create_task(screen.listen())
            while time.monotonic() < over:
                await acts[turn % 3]()
                if turn % 3 == 0:  # a page: its predecessor's connection is closed, its own is made
                    await _closed(screen, listening)
                    screen = Operator(ear, times)
                    screen.stream = operator.stream
                    listening = asyncio.create_task(screen.listen())
                screen.shown, screen.since = operator.shown, operator.since
                screen.item, screen.row = operator.item, operator.row
                turn += 1
                await asyncio.sleep(chance.expovariate(1 / THINKING_SECONDS))
            await _closed(screen, listening)

    async def hear() -> tuple[Times, float]:
        await asyncio.sleep(WARMING_SECONDS)
        warming, used = times.taken(), application.processor_seconds()
        times.operator["heard"] = await _hear(application, house, engine)
        return warming, used

    hearing = asyncio.create_task(hear())
    await asyncio.gather(*(work(token) for token in house.tokens))
    warming, used = await hearing
    asked = sum(len(each) for each in times.server.values())
    busy = (application.processor_seconds() - used) / HUMAN_SECONDS
    print(f"\n{asked / HUMAN_SECONDS:.0f} requests a second; the process was busy {busy:.0%} of one core")
    return warming, times


async def _closed(screen: Operator, listening: asyncio.Task[None]) -> None:
    screen.left = True
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def _hear(application: Served, house: House, engine: Engine) -> list[float]:
    """From a commit to the changed row in another browser's stream, while all the others work too."""
    heard: list[float] = []
    changed: dict[str, asyncio.Event] = {}

    async def listen() -> None:
        address = f"/events?queue={QUEUE}"
        async with _client(application.address, house.tokens[0]) as client, client.stream("GET", address) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    for item in json.loads(line.removeprefix("data: ")).get("rows", ()):
                        if item in changed:
                            changed[item].set()

    def change(item_id: UUID) -> float:
        with practice_session(engine, house.practice_id) as session:
            session.get_one(WorkItemRow, item_id).version += 1
        return time.perf_counter()

    with practice_session(engine, house.practice_id) as session:
        bench = WorkItemRow.subject.startswith("bench/")
        chosen = session.scalars(select(WorkItemRow.id).where(bench, WorkItemRow.queue == QUEUE).limit(HEARD)).all()
    listening = asyncio.create_task(listen())
    for item_id in chosen:
        changed[str(item_id)] = asyncio.Event()
        committed = await asyncio.to_thread(change, item_id)
        await asyncio.wait_for(changed[str(item_id)].wait(), 30)
        heard.append(time.perf_counter() - committed)
        await asyncio.sleep(HEARD_EVERY_SECONDS)
    listening.cancel()
    return heard


async def _without_a_pause(application: Served, house: House) -> None:
    times, over = Times(), time.monotonic() + CLOSED_SECONDS
    used = application.processor_seconds()

    async def work(token: str) -> None:
        async with _client(application.address, token) as client:
            operator = Operator(client, times)
            while time.monotonic() < over:
                await operator.list()

    await asyncio.gather(*(work(token) for token in house.tokens))
    pages = len(times.server["list"])
    each = (application.processor_seconds() - used) / pages
    print(f"\n{len(house.tokens)} operators without a pause: {pages / CLOSED_SECONDS:.0f} list pages a second,")
    print(f"  {each * 1000:.1f} ms of processor time in the process for each")
    _line("list", times.server["list"], times.operator["list"], [], aim=False)


# --- what was measured ------------------------------------------------------------------------------------------


def _print(title: str, times: Times, bare: dict[str, list[float]], aims: Sequence[str]) -> None:
    print(f"\n{title}{'':<{max(0, 42 - len(title))}}server ms      at the operator's   SQL alone")
    print(f"{'':<42}p50    p95     p50    p95         p50   ratio")
    for kind in NAMES:
        if times.operator[kind]:
            _line(kind, times.server[kind], times.operator[kind], bare.get(kind, []), aim=kind in aims)


def _line(kind: str, server: Sequence[float], operator: Sequence[float], bare: Sequence[float], *, aim: bool) -> None:
    told = f"  {NAMES[kind]:<30} n {len(operator):<5}"
    told += f"{_ms(server, 0.5)} {_ms(server, 0.95)} {_ms(operator, 0.5)} {_ms(operator, 0.95)}"
    if bare:
        told += f"     {_ms(bare, 0.5)} {statistics.median(server) / statistics.median(bare):6.1f}x"
    if aim and kind in AIMS_MS:
        reached = _quantile(server or operator, 0.95) * 1000
        told += f"   aim p95 < {AIMS_MS[kind]}: {'reached' if reached < AIMS_MS[kind] else 'missed'}"
    print(told)


def _ms(seconds: Sequence[float], share: float) -> str:
    return f"{_quantile(seconds, share) * 1000:7.1f}" if seconds else "       "


def _quantile(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main()
