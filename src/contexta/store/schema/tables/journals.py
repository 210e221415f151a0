"""What live runs wrote and how far it was taken in; what could not be captured."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Table, UniqueConstraint

from contexta.store.schema.tables.columns import Json, Key, Words, belongs_to, content_digest, metadata, moment, words

# What could not be captured or was adjusted, and why.
note = Table(
    "note",
    metadata,
    Column("id", Key, primary_key=True),
    belongs_to("run", index=True),
    moment("noted_at"),
    words("topic"),
    words("text"),
)

# How far each journal file has been taken in; moved on in the same transaction as the rows that came from it.
journal = Table(
    "journal",
    metadata,
    Column("id", Key, primary_key=True),
    belongs_to("run", nullable=True, index=True),
    Column("name", Words, nullable=False, comment="file name in the journal directory"),
    Column("position", BigInteger, nullable=False, comment="bytes taken in"),
    Column(
        "ended",
        Boolean,
        nullable=False,
        comment="whether nothing follows: its last record, or its dead writer, says so",
    ),
    Column("process", Json, nullable=False, comment="who writes it, as its first record says"),
    Column("first_at", BigInteger, comment="when its first record was written"),
    Column("last_at", BigInteger, comment="when the last record that was taken in was written"),
    Column("points", BigInteger, nullable=False, server_default="0", comment="how many measurements were taken in"),
    Column("environment_id", Key, ForeignKey("environment.id"), nullable=True),
    Column("bytes_check", BigInteger, comment="CRC-32 of the bytes taken in; NULL where the file is no longer kept"),
    content_digest(),
    UniqueConstraint("name"),
)
