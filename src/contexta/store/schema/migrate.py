"""Bringing a database to the schema of this version, by Alembic. Imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

_one_at_a_time = Lock()  # Alembic keeps the migration that runs in a module global
_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Run every migration that is still to be run, in one transaction."""
    with engine.begin() as connection:
        run(connection)


def run(connection: Connection, to: str = "head") -> None:
    """The same, in the transaction that the connection is in."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with _one_at_a_time:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
