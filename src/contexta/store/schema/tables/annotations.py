"""Annotations that users add to recorded runs. The recorded content of a run stays unchanged."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Table, false

from contexta.store.schema.tables.columns import Key, Words, content_digest, mapping, metadata, words

# At most one row per run; the columns of the run itself keep what was recorded.
annotation = Table(
    "annotation",
    metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", Key, ForeignKey("run.id"), nullable=False, unique=True),
    Column("name", Words, index=True, comment="the name of the run instead of run.name; NULL: as recorded"),
    mapping("tags"),  # changes of run.tags: name -> value, or null for a removed tag
    words("note", nullable=True),
    Column("archived", Boolean, nullable=False, server_default=false(), comment="whether lists leave the run out"),
    Column("pinned", Boolean, nullable=False, server_default=false(), comment="whether gc and delete keep the run"),
    content_digest(),
)
