"""How Alembic reaches the database: as the owner of the tables, one migration per transaction, never waiting long."""

import os
import pkgutil
from importlib import import_module

from alembic import context
from sqlalchemy import Connection, MetaData, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from models import tables
from models.tables.base import Base

APP_ROLE = "firstpass_app"
# A migration that cannot get its lock gives up instead of queueing everyone behind it.
LOCK_TIMEOUT = "4s"


def target_metadata() -> MetaData:
    """The tables as the code describes them, for `alembic check` and `--autogenerate`."""
    for module in pkgutil.iter_modules(tables.__path__, "models.tables."):
        import_module(module.name)
    return Base.metadata


def owner_url() -> str:
    return str(context.config.attributes.get("owner_url") or os.environ["DATABASE_URL"])


def run_online() -> None:
    url = make_url(owner_url())
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        let_app_role_in(connection)
        connection.commit()
        context.configure(connection=connection, target_metadata=target_metadata(), transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
        keep_history_from_app_role(connection)
        connection.commit()


def let_app_role_in(connection: Connection) -> None:
    """Tables created from here on are the app's to read and write; a migration takes back what must only grow."""
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}"))
    for rights, kind in (("SELECT, INSERT, UPDATE, DELETE", "TABLES"), ("USAGE, SELECT", "SEQUENCES")):
        connection.execute(text(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {kind} TO {APP_ROLE}"))


def keep_history_from_app_role(connection: Connection) -> None:
    if connection.scalar(text("SELECT to_regclass('alembic_version')")):
        connection.execute(text(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {APP_ROLE}"))


def run_offline() -> None:
    """`alembic upgrade head --sql`: the statements, for those who apply them by hand."""
    context.configure(url=owner_url(), target_metadata=target_metadata(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
