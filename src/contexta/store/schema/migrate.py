"""Create or upgrade the schema of a database with Alembic. Imported only for a new or older database."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_lock = Lock()  # Alembic keeps the running migration in a global of its module
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Run all missing migrations, in the transaction of the connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with _lock:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
