"""Ingested journals, and notes about gaps in records."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Table, UniqueConstraint

from contexta.store.schema.tables.columns import Json, Key, Words, belongs_to, content_digest, metadata, moment, words

# Gaps and adjustments in the record of a run, with their reasons.
note = Table(
    "note",
    metadata,
    Column("id", Key, primary_key=True),
    belongs_to("run", index=True),
    moment("noted_at"),
    words("topic"),
    words("text"),
)

# The position of ingestion in each journal, changed in the same transaction as the ingested rows.
journal = Table(
    "journal",
    metadata,
    Column("id", Key, primary_key=True),
    belongs_to("run", nullable=True, index=True),
    Column("name", Words, nullable=False, comment="file name in the journal directory"),
    Column("position", BigInteger, nullable=False, comment="ingested bytes"),
    Column(
        "ended",
        Boolean,
        nullable=False,
        comment="whether it is complete: it has its last record, or its writer is dead",
    ),
    Column("process", Json, nullable=False, comment="its writer, from its first record"),
    Column("first_at", BigInteger, comment="when its first record was written"),
    Column("last_at", BigInteger, comment="when the last ingested record was written"),
    Column("points", BigInteger, nullable=False, server_default="0", comment="number of ingested points"),
    Column("environment_id", Key, ForeignKey("environment.id"), nullable=True),
    Column("bytes_check", BigInteger, comment="CRC-32 of the ingested bytes; NULL if the file was deleted"),
    content_digest(),
    UniqueConstraint("name"),
)
