"""Environments of runs, and the distributions in them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, false

from contexta.store.schema.tables.columns import (
    Key,
    Words,
    belongs_to,
    content_digest,
    metadata,
    moment,
    reference,
    refers_to,
    words,
)

# One row per distinct environment, however many runs share it. The body itself is the object of that digest.
environment_body = Table(
    "environment_body",
    metadata,
    Column("id", Key, primary_key=True),
    Column("digest", Words, nullable=False, unique=True, comment="sha256 of the body's bytes, hex"),
    words("python_version"),
    Column("python_order", LargeBinary, index=True, comment="bytes that sort as the version does; NULL for no version"),
    Column("platform", Words, nullable=False, index=True),
    Column("package_count", Integer, nullable=False),
    content_digest(),
)

environment = Table(
    "environment",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),
    Column("environment_body_id", Key, ForeignKey("environment_body.id"), nullable=False, index=True),
    moment("captured_at"),
    refers_to("end_id", "environment_end"),
    Column(
        "own",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="whether it is the environment of the process that did the work of a run with several processes",
    ),
)

# One row per distinct object of the facts that are collected at the end: imports, libraries, GPUs.
environment_end = Table(
    "environment_end",
    metadata,
    Column("id", Key, primary_key=True),
    Column("digest", Words, nullable=False, unique=True, comment="sha256 of the object's bytes, hex"),
)

# The versions of distributions in environments; answers "which runs used torch 2.1.0?" by index.
environment_distribution = Table(
    "environment_distribution",
    metadata,
    Column("environment_body_id", Key, ForeignKey("environment_body.id"), primary_key=True),
    Column("name", Words, primary_key=True, comment="normalised by PEP 503"),
    words("version"),
    Column("version_order", LargeBinary, comment="bytes that sort as the version does by PEP 440; NULL for no version"),
    Index(None, "name", "version"),
    Index(None, "name", "version_order"),
    sqlite_with_rowid=False,
)
