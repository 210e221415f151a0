"""Parameters and tags of runs, each found by index; for the last values of metrics see metric_series.

A parameter has a number beside its text, so that 0.1 finds a parameter that was given as "0.1". An index holds the
beginning of a text.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Table

from contexta.store.schema.tables.columns import Key, Words, mapping, metadata

param = Table(
    "param",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), primary_key=True),
    Column("name", Words, primary_key=True),
    mapping("value"),
    Column("number", Double, comment="the value, or what its text says, as the nearest double; NULL for no number"),
    Column("words", Words, nullable=False, server_default="", comment="a text itself, else the JSON; its beginning"),
    Index(None, "name", "number", "run_id"),
    Index(None, "name", "words", "run_id"),
    sqlite_with_rowid=False,
)

# The tags of run.tags with the changes of annotation.tags, one row each.
run_tag = Table(
    "run_tag",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("words", Words, nullable=False, comment="the beginning of its value"),
    Index(None, "name", "words", "run_id"),
    sqlite_with_rowid=False,
)
