"""Who may enter: users, sessions, API keys. Secrets are kept as hashes only."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, ListedByPractice, OfPractice


class UserRow(ListedByPractice, Base):
    """Somebody who logs in."""

    __tablename__ = "users"
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str | None]
    clinician_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinicians.id"))
    disabled_at: Mapped[datetime | None]
    daily_capacity: Mapped[int | None]  # items a working day, as the supervisor set it; None: as measured


class SessionRow(OfPractice, Base):
    """A log-in. The cookie carries a random token; only its SHA-256 is kept, so a copy of the table opens no door."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    csrf_token: Mapped[str]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiKeyRow(OfPractice, Base):
    """One integration's key."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("practice_id", "name"),)
    name: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
