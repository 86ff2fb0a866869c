"""How Firstpass reaches Postgres and Temporal, and how it seals everything it tells Temporal."""

from __future__ import annotations

import dataclasses
import os
import select
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import sql
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec
from temporalio.runtime import Runtime
from temporalio.service import TLSConfig

from settings import APP_ROLE, Problem, Settings

CONNECT_SECONDS = 5
POOL_WAIT_SECONDS = 10
POOL_RECYCLE_SECONDS = 30 * 60
POOL_TRUSTED_SECONDS = 30
NONCE_BYTES = 12
ENCODING = b"binary/firstpass-aes256gcm"
KEY_ID = "firstpass-key"
IDLE_IN_TRANSACTION_SECONDS = 120
KEEPALIVE_SECONDS = 15


def psycopg_url(url: str) -> URL:
    """The URL with our driver named, whichever of the usual spellings it came in."""
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def make_engine(url: str, *, pool_size: int = 20, application_name: str = "firstpass") -> Engine:
    """A pool of exactly `pool_size` connections: a worker runs as many activities at once, so nobody queues twice."""
    if not url:
        raise Problem(
            "No database address is set, and no embedded one runs here. "
            "Start `firstpass up` in another terminal, or set DATABASE_URL and FIRSTPASS_APP_DATABASE_URL."
        )
    engine = create_engine(
        psycopg_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_recycle=POOL_RECYCLE_SECONDS,
        pool_use_lifo=True,  # the few that are enough have their statements planned; by turns, all plan them again
        hide_parameters=True,  # an error must not quote the names and notes it was about
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": application_name,
            # a worker that froze, or whose network went away, must not sit on rows that others wait for
            "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS * 1000}"
            " -c plan_cache_mode=force_generic_plan",
            "prepare_threshold": 0,  # both: planned at its first use in a connection, and not again (_keep_plans)
            "keepalives_idle": KEEPALIVE_SECONDS,
            "keepalives_interval": KEEPALIVE_SECONDS,
            "keepalives_count": 3,
            "tcp_user_timeout": 4 * KEEPALIVE_SECONDS * 1000,
        },
    )
    _ask_only_the_doubtful(engine)
    _keep_plans(engine)
    return engine


def _ask_only_the_doubtful(engine: Engine) -> None:
    """Have a pooled connection asked whether it lives before it is used, but only where that is in doubt.

    After a restart of Postgres the first request must not be the one that notices. A server that goes says so, or its
    system closes the socket: either can be seen without a round trip, because nobody else speaks on an idle connection.
    Only a silent network is not seen, so one that lay idle for long is asked too. (SQLAlchemy's own pre-ping asks at
    every use, which was a third of the round trips of a page.)
    """

    @event.listens_for(engine, "checkin")
    def laid_aside(connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken_up(connection: Any, entry: ConnectionPoolEntry, proxy: Any) -> None:
        idle_since = entry.info.get("idle_since")
        if idle_since is None:
            return  # made this moment
        if time.monotonic() - idle_since < POOL_TRUSTED_SECONDS and not _was_said_something(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as gone:
            raise InvalidatePoolError("the database went away") from gone


def _keep_plans(engine: Engine) -> None:
    """Have a statement planned once in a connection: planning takes most of them longer than running.

    Left to themselves, psycopg has one planned five times before it keeps the plan, and Postgres five times more before
    it trusts a plan for all values. A connection that only serves while others are busy thus goes on planning for
    hours, and whoever meets it waits (docs/operations.md has the figures). So every statement is prepared at its first
    use, with one plan for all values: nearly all are of one practice and by index, where the values change nothing.

    For the same reason we roll back beside psycopg, which then has Postgres forget every statement it has planned. It
    does so because a table made in the transaction might be made anew; here only migrations make tables. Foreseeing a
    decision ends in a rollback, and so does whatever is refused. Where a migration did change what a statement answers,
    Postgres refuses the old plan, and then all connections are made anew.
    """

    @event.listens_for(engine, "rollback")
    def rolled_back(connection: Connection) -> None:
        if connection.invalidated:
            return  # given up already
        beneath: Any = connection.connection.driver_connection
        if beneath.pgconn.transaction_status == TransactionStatus.INTRANS:
            beneath.pgconn.exec_(b"ROLLBACK")  # psycopg then finds nothing to roll back; or that nobody answered

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, psycopg.errors.FeatureNotSupported):  # a plan that is too old
            context.is_disconnect = True


def _was_said_something(connection: psycopg.Connection[Any]) -> bool:
    """Whether something waits to be read, or the other side is gone."""
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


class SealedPayloads(PayloadCodec):
    """AES-256-GCM over every payload. The namespace is authenticated too, so a payload cannot be moved elsewhere."""

    def __init__(self, ring: dict[str, bytes], current: str, namespace: str) -> None:
        if current not in ring:
            raise Problem(
                "No key for sealing Temporal payloads is set, so nothing was sent. "
                "Set FIRSTPASS_CODEC_KEYS, or start `firstpass up`, which generates one."
            )
        self._ciphers = {key_id: AESGCM(key) for key_id, key in ring.items()}
        self._current = current
        self._bound_to = namespace.encode()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, payload.SerializeToString(), self._bound_to)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: self._current.encode()}, data=nonce + sealed)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload  # written before sealing, or by Temporal itself
        key_id = payload.metadata[KEY_ID].decode()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Problem(
                f"A payload was sealed with key {key_id!r}, which is not in FIRSTPASS_CODEC_KEYS. Add it back."
            )
        try:
            plain = cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], self._bound_to)
        except InvalidTag:
            raise Problem(
                f"A payload sealed with key {key_id!r} does not open: it was changed, or belongs to another namespace."
            ) from None
        return Payload.FromString(plain)


def data_converter(settings: Settings) -> DataConverter:
    """One converter for client, worker and replayer: pydantic messages, sealed, failures included.

    The failure converter matters: with a codec alone an exception's text stays readable in history.
    """
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=SealedPayloads(settings.codec_ring, settings.current_codec_key, settings.temporal_namespace),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect_temporal(settings: Settings, *, runtime: Runtime | None = None, identity: str = "") -> Client:
    """A connected client. `identity` stands in clear text in every history, so it never is a host or user name."""
    if not settings.temporal_address:
        raise Problem(
            "No Temporal address is set, and no embedded one runs here. "
            "Start `firstpass up` in another terminal, or set TEMPORAL_ADDRESS."
        )
    api_key = settings.temporal_api_key.get_secret_value() or None
    try:
        return await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=data_converter(settings),
            api_key=api_key,
            tls=TLSConfig() if settings.temporal_tls or api_key else False,
            identity=identity or f"firstpass-{os.getpid()}",
            runtime=runtime,
            connect_timeout=timedelta(seconds=CONNECT_SECONDS),
        )
    except (RuntimeError, TimeoutError) as error:
        raise Problem(
            f"Temporal does not answer at {settings.temporal_address}, so no workflow can be started or moved. "
            "Check that it runs and that TEMPORAL_ADDRESS is right."
        ) from error


def ensure_app_role(owner_url: str, app_url: str) -> None:
    """Create the role the app connects as, with the password its own address names, unless it is already there."""
    role, password = make_url(app_url).username, make_url(app_url).password
    if not role or not password:
        raise Problem(
            f"FIRSTPASS_APP_DATABASE_URL names no role and password, so the app could not log in. "
            f"Give it the form postgresql://{APP_ROLE}:<password>@<host>/<database>."
        )
    with psycopg.connect(_libpq(owner_url), connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        if connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone():
            return
        statement = sql.SQL("create role {} login password {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
