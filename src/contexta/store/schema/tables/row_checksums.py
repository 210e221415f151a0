"""What tells damage from content: a digest of each row, or of the rows of one run where they have no key of their own.

Points and records, which are many, have running checks instead (see ``checks.py``). On SQLite a row that is written is
first noted as unsealed by a trigger, so no writer can forget it, and sealed when its transaction ends; PostgreSQL's
triggers seal it themselves.
"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table

from contexta.store.schema.tables.columns import Key, Words, metadata

seal = Table(
    "seal",
    metadata,
    Column("part", Words, primary_key=True, comment="the table"),
    Column("number", Key, primary_key=True, autoincrement=False, comment="the row's id, else its first key column"),
    Column("digest", LargeBinary, nullable=False, comment="see seals.py and server_seals.py"),
    sqlite_with_rowid=False,
)

unsealed = Table(
    "unsealed",
    metadata,
    Column("part", Words, primary_key=True),
    Column("number", Key, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
