"""The database's history: one file per step under versions/, applied by `upgrade`."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Bring the tables to `revision`, as their owner. The app's role gets its rights on them in env.py."""
    command.upgrade(configuration(owner_url), revision)


def configuration(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["owner_url"] = owner_url
    return config
