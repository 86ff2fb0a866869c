"""Log-ins: passwords are Argon2 hashes, a session is a random token in a cookie of which we keep only the hash."""

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pwdlib import PasswordHash
from sqlalchemy import Engine, text, update

from billing.desk import rights
from billing.vocabulary import Role
from models.store.life import audit
from models.store.session import practice_session
from models.tables.access import SessionRow, UserRow
from web.viewer import Viewer

TOKEN_BYTES = 32
TOUCH_SECONDS = 60  # a session's last_seen_at is this exact at most, so that reading pages seldom writes
HASHES_AT_ONCE = 4  # each takes 64 MiB
EMAIL_LENGTH_MAX = 200
PASSWORD_LENGTH_MAX = 200

FIND_SESSION = text("SELECT * FROM find_session(:hash)")  # with who it is, in one round trip: every request asks this

_passwords = PasswordHash.recommended()
_hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)
_nobodys_hash = _passwords.hash(secrets.token_urlsafe(TOKEN_BYTES))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a log-in lasts."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Opened:
    """A fresh session: the token goes into the cookie and nowhere else."""

    token: str
    practice_id: UUID
    user_id: UUID


def hash_token(token: str) -> str:
    """What is kept of a session's or an integration's secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def log_in(engine: Engine, email: str, password: str, now: datetime, limits: Limits) -> Opened | None:
    """A new session, or nothing. Takes as long for an unknown address as for a wrong password."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT * FROM find_login(:email)"), {"email": email.strip()}).one_or_none()
    known = found is not None and found.password_hash and not found.disabled
    fits, rehashed = _verify(password, found.password_hash if found is not None and known else _nobodys_hash)
    if found is None:
        return None
    with practice_session(engine, found.practice_id) as session:
        if not (known and fits):
            audit(session, found.practice_id, email, "login.refused", f"user/{found.user_id}")
            return None
        if rehashed:
            session.execute(update(UserRow).where(UserRow.id == found.user_id).values(password_hash=rehashed))
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session.add(
            SessionRow(
                practice_id=found.practice_id,
                token_hash=hash_token(token),
                user_id=found.user_id,
                csrf_token=secrets.token_urlsafe(TOKEN_BYTES),
                last_seen_at=now,
                expires_at=now + limits.absolute,
                revoked_at=None,
            )
        )
        audit(session, found.practice_id, email, "login.opened", f"user/{found.user_id}")
    return Opened(token, found.practice_id, found.user_id)


def _verify(password: str, kept: str) -> tuple[bool, str | None]:
    with _hashing:
        return _passwords.verify_and_update(password, kept)


def log_out(engine: Engine, viewer: Viewer) -> None:
    """Ends the session on the server, so that a copied cookie is worth nothing."""
    with practice_session(engine, viewer.practice_id) as session:
        session.execute(update(SessionRow).where(SessionRow.id == viewer.session_id).values(revoked_at=viewer.now))
        audit(session, viewer.practice_id, viewer.email, "login.closed", f"user/{viewer.user_id}")


def find_viewer(engine: Engine, token: str, now: datetime, limits: Limits) -> Viewer | None:
    """Who holds this token, if the session still lives."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found = connection.execute(FIND_SESSION, {"hash": hash_token(token)}).one_or_none()
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        return None
    if now - found.last_seen_at > limits.idle:
        return None
    return Viewer(
        session_id=found.session_id,
        user_id=found.user_id,
        practice_id=found.practice_id,
        practice_name=found.practice_name,
        practice_revision=found.practice_revision,
        name=found.name,
        email=found.email,
        role=Role(found.role),
        rights=rights(Role(found.role)),
        clinician_id=found.clinician_id,
        csrf_token=found.csrf_token,
        zone=ZoneInfo(found.time_zone),
        seen_at=found.last_seen_at,
        now=now,
    )


def is_due_to_be_kept(viewer: Viewer) -> bool:
    """Whether it is time to note again that the person is there."""
    return (viewer.now - viewer.seen_at).total_seconds() > TOUCH_SECONDS


def keep(engine: Engine, viewer: Viewer) -> None:
    """The session goes on: only for what a person did, never for polling."""
    with practice_session(engine, viewer.practice_id) as session:
        session.execute(update(SessionRow).where(SessionRow.id == viewer.session_id).values(last_seen_at=viewer.now))
