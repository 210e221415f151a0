"""Find runs without a digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contexta.store.schema.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection

RUNS_WITHOUT = "SELECT id FROM run WHERE content_digest IS NULL ORDER BY id"


def has_missing(connection: Connection) -> bool:
    """Whether a run has no digest."""
    return bool(fetch(connection, f"{RUNS_WITHOUT} LIMIT 1"))
