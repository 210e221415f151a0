"""Projects, runs, and all other entities that have a reference and that users may write."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table

from contexta.store.schema.tables.columns import (
    Json,
    Key,
    Words,
    belongs_to,
    content_digest,
    mapping,
    metadata,
    moment,
    partial_index,
    reference,
    refers_to,
    words,
)

project = Table(
    "project",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    words("name"),
    moment("created_at"),
    words("description", nullable=True),
    mapping("tags"),
    content_digest(),
)

run = Table(
    "run",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("project"),
    Column("slug", Words, nullable=False, comment="the run's own component of ref; selectors look it up by prefix"),
    Column("name", Words, nullable=False, index=True, comment="display name, need not be unique"),
    words("status"),
    moment("started_at"),
    moment("ended_at", nullable=True),
    words("description", nullable=True),
    mapping("tags"),
    Column("metadata", Json, nullable=False, comment="recorded facts of this run alone: see shared_facts.py"),
    Column(
        "environment_body_id",
        Key,
        ForeignKey("environment_body.id"),
        comment="the environment of the run: its own, else the oldest; updated by every write of an environment",
    ),
    Column("records", BigInteger, nullable=False, server_default="0", comment="the number of the next record"),
    Column("records_check", LargeBinary, comment="running checksum of its records; NULL for none"),
    refers_to("command_id", "shared_fact"),
    refers_to("invocation_id", "shared_fact"),
    refers_to("source_id", "shared_fact"),
    content_digest(),
    Index(None, "slug"),
    Index(None, "project_id", "started_at", "id"),  # the latest runs of a project
    Index(None, "started_at", "id"),  # the latest runs of all
    Index(None, "status", "started_at", "id"),
    Index(None, "environment_body_id", "started_at", "id"),  # which runs used a version
)
_has_no_digest = run.c.content_digest.is_(None)
partial_index("ix_run_without_digest", run.c.id, sqlite=_has_no_digest, postgresql=_has_no_digest)
Index("ix_run_duration", run.c.ended_at - run.c.started_at, run.c.id)

# Facts that many runs share: their command line and their source.
shared_fact = Table(
    "shared_fact",
    metadata,
    Column("id", Key, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="first 16 bytes of the sha256 of body"),
    Column("body", Words, nullable=False, comment="the fact as canonical JSON"),
)

stage = Table(
    "stage",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),
    words("stage_name"),
    words("status"),
    moment("started_at"),
    moment("ended_at", nullable=True),
    Column("order_index", BigInteger),
)

batch = Table(
    "batch",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),
    belongs_to("stage", index=True),
    words("batch_name"),
    words("status"),
    moment("started_at"),
    moment("ended_at", nullable=True),
    Column("order_index", BigInteger),
)

sample = Table(
    "sample",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),
    belongs_to("stage", index=True),
    belongs_to("batch", nullable=True, index=True),
    words("sample_name"),
    moment("observed_at"),
    words("retention_class", nullable=True),
    words("redaction_profile", nullable=True),
)

operation = Table(
    "operation",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),
    belongs_to("stage", index=True),
    belongs_to("batch", nullable=True, index=True),
    words("operation_name"),
    moment("observed_at"),
)

deployment = Table(
    "deployment",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("project", index=True),
    belongs_to("run", nullable=True, index=True),
    words("deployment_name"),
    words("status"),
    moment("started_at"),
    moment("ended_at", nullable=True),
    Column("order_index", BigInteger),
    words("artifact_ref", nullable=True),  # kept as text: the artifact may be described later, or elsewhere
    words("environment_snapshot_ref", nullable=True),  # likewise
    content_digest(),
)

artifact = Table(
    "artifact",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),
    belongs_to("deployment", nullable=True),
    belongs_to("stage", nullable=True),
    belongs_to("batch", nullable=True),
    belongs_to("sample", nullable=True),
    belongs_to("operation", nullable=True),
    words("artifact_kind"),
    moment("created_at"),
    words("producer_ref"),
    words("location_ref"),
    words("hash_value", nullable=True),
    Column("size_bytes", BigInteger),
    mapping("attributes"),
)

relation = Table(
    "relation",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("run", index=True),  # the run in the relation's own reference
    words("relation_type"),
    Column("source_ref", Words, nullable=False, index=True),  # text: an edge may join things that are not stored here
    Column("target_ref", Words, nullable=False, index=True),
    moment("recorded_at"),
    words("origin_marker"),
    words("confidence_marker"),
    belongs_to("operation", nullable=True),
    mapping("evidence_refs"),
)

provenance = Table(
    "provenance",
    metadata,
    Column("id", Key, primary_key=True),
    reference(),
    belongs_to("relation", index=True),
    words("assertion_mode"),
    moment("asserted_at"),
    words("formation_context_ref", nullable=True),
    words("policy_ref", nullable=True),
    words("evidence_bundle_ref", nullable=True),
    content_digest(),
)
