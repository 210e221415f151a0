"""What runs are asked for by: parameters, tags and final metric values, each found by index.

A number stands beside its text, so that 0.1 finds what was given as "0.1"; what an index holds of a text is its
beginning.
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

# The tags of run.tags, one row each.
run_tag = Table(
    "run_tag",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("words", Words, nullable=False, comment="the beginning of its value"),
    Index(None, "name", "words", "run_id"),
    sqlite_with_rowid=False,
)

# Where each metric of a run ended: of its series that are no slices the one that was logged last, in whichever stage.
run_metric = Table(
    "run_metric",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), primary_key=True),
    Column("metric_key", Words, primary_key=True),
    Column("value", Double, comment="the nearest double; NULL for NaN"),
    Column("exact", Words, comment="as in metric_point"),
    Index(None, "metric_key", "value", "run_id"),
    sqlite_with_rowid=False,
)
