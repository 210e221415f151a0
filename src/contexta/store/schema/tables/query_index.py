"""Parameters and tags of runs, with indexes. The last values of metrics are in ``metric_series``.

A parameter has a number and a text, so that 0.1 finds a parameter with the text "0.1". An index contains the start of a
text.
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
    Column("number", Double, comment="the nearest double of a number or of a text with a number, else NULL"),
    Column(
        "words",
        Words,
        nullable=False,
        server_default="",
        comment="the start of a text, or of the JSON of another value",
    ),
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
    Column("words", Words, nullable=False, comment="the start of its value"),
    Index(None, "name", "words", "run_id"),
    sqlite_with_rowid=False,
)
