"""A version of Contexta with one more schema revision, to test upgrades of workspaces of this version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contexta.store.schema import migrate, sqlite_ddl, tables

VERSION = "0006"
_REVISION = """
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE TABLE novelty AS SELECT * FROM metric_point")
    op.execute("ALTER TABLE note ADD COLUMN novelty TEXT")
"""


@contextmanager
def later_version(folder: Path) -> Iterator[None]:
    """Make this process the later version. folder: its migrations are written there."""
    scripts = folder / "later-migrations"
    if not (scripts / "versions" / "v0006_later.py").exists():
        shutil.copytree(migrate.SCRIPTS, scripts, dirs_exist_ok=True)
        (scripts / "versions" / "v0006_later.py").write_text(_REVISION, encoding="utf-8")
    before = migrate.SCRIPTS, tables.SCHEMA_VERSION
    migrate.SCRIPTS, tables.SCHEMA_VERSION = scripts, VERSION
    sqlite_ddl.expected_definitions.cache_clear()
    try:
        yield
    finally:
        migrate.SCRIPTS, tables.SCHEMA_VERSION = before
        sqlite_ddl.expected_definitions.cache_clear()
