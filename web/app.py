"""The web application: middleware, pages, API, and what lives as long as the process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from activities import desk_files
from clients import connect_temporal, make_engine
from settings import Settings
from web import api, api_authorizations, errors, security, templating
from web.commands import Commands, TemporalCommands
from web.live import Live
from web.middleware import BodyLimit, SameOrigin, SecureHeaders
from web.pages import (
    attachments,
    audit,
    authorizations,
    bookings,
    bulk,
    clinician,
    columns,
    cut,
    desk,
    encounters,
    events,
    files,
    fork,
    get_next,
    groups,
    horizon,
    items,
    late,
    login,
    notices,
    own_rules,
    palette,
    queues,
    rules,
    saved_views,
    skips,
    supervisor,
    walk,
)
from web.reads.counts import Counts
from web.reads.told import ScreenReads
from web.security import Attempts
from web.sessions import Limits

STATIC = Path(__file__).parent / "static"
PAGE_BYTES_MAX = 1024 * 1024
FILE_BYTES_MAX = desk_files.FILE_BYTES_MAX + PAGE_BYTES_MAX  # a file with its form
API_BYTES_MAX = 16 * 1024 * 1024
PREPARING_SECONDS = 1.0  # from the start until templates are made ready
PAGES = (
    login,
    desk,
    palette,
    clinician,
    columns,
    queues,
    get_next,
    items,
    attachments,
    saved_views,
    bulk,
    groups,
    events,
    encounters,
    bookings,  # bookings and horizon come before the page of one authorization, whose address theirs would be
    horizon,
    cut,
    late,
    authorizations,
    files,
    skips,
    supervisor,
    walk,
    audit,
    rules,
    own_rules,
    fork,
    notices,
)


def create_app(settings: Settings, *, engine: Engine | None = None, commands: Commands | None = None) -> FastAPI:
    """Everything wired. ``engine`` and ``commands`` are given by tests."""
    app = FastAPI(
        title="Firstpass",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.engine = engine or make_engine(
        settings.app_database_url, pool_size=settings.database_pool_size, application_name="firstpass-web"
    )
    app.state.commands = commands or TemporalCommands(app.state.engine, lambda: connect_temporal(settings))
    app.state.clock = security.now

    def clock() -> datetime:
        now: datetime = app.state.clock()  # looked up each time: tests move it
        return now

    live = Live(_conninfo(app.state.engine), clock)
    app.state.counts = Counts(app.state.engine, lambda: live.moment, clock)
    live.reads = ScreenReads(app.state.engine, app.state.counts)
    app.state.live = live
    app.state.limits = Limits(
        timedelta(minutes=settings.session_idle_minutes), timedelta(minutes=settings.session_absolute_minutes)
    )
    app.state.https = settings.web_url.startswith("https://")
    app.state.attempts = Attempts()
    for module in PAGES:
        app.include_router(module.router)
    app.include_router(api.router)
    app.include_router(api_authorizations.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/healthz", healthy, include_in_schema=False)
    app.add_api_route("/readyz", ready, include_in_schema=False)
    errors.install(app)
    app.add_middleware(errors.NothingHalfSaid)
    app.add_middleware(
        BodyLimit, page_bytes_max=PAGE_BYTES_MAX, api_bytes_max=API_BYTES_MAX, file_bytes_max=FILE_BYTES_MAX
    )
    app.add_middleware(SameOrigin)
    app.add_middleware(SecureHeaders, https=app.state.https)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    listening = asyncio.create_task(app.state.live.run())
    connecting = asyncio.create_task(app.state.commands.ready())  # so that the first decision does not wait for it
    preparing = asyncio.create_task(_prepare())
    try:
        yield
    finally:
        for task in (listening, connecting, preparing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        app.state.engine.dispose()


async def _prepare() -> None:
    """Make the templates ready, so that few first clicks wait for them; once we serve, which is waited for more."""
    await asyncio.sleep(PREPARING_SECONDS)
    await asyncio.to_thread(templating.load)


def _conninfo(engine: Engine) -> str:
    """The same address as a plain connection: LISTEN needs one of its own, outside the pool."""
    return make_url(engine.url).set(drivername="postgresql").render_as_string(hide_password=False)


async def healthy() -> Response:
    """The process lives."""
    return PlainTextResponse("ok")


async def ready(request: Request) -> Response:
    """Whether a load balancer should send people here. Temporal being away delays decisions, it does not stop pages."""
    database = await run_in_threadpool(_database_answers, request.app.state.engine)
    temporal = await request.app.state.commands.ready()
    told: dict[str, Any] = {"database": database, "temporal": temporal}
    return JSONResponse(told, status_code=200 if database else 503)


def _database_answers(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception:
        return False
    return True
