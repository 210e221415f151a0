"""The schema, for SQLite and PostgreSQL alike. The comments here are its documentation.

Conventions: integer keys inside, references (``kind:value`` text) only at the edge; every moment is a BIGINT of
microseconds since 1970 UTC; mappings are canonical JSON text; floats are double precision, and what a double cannot
say (NaN on SQLite, large integers) stands in a text column beside it.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from contexta.scalars import from_microseconds, to_microseconds

SCHEMA_VERSION = "0002"
VERSION_TABLE = "contexta_schema"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

Key = BigInteger().with_variant(Integer(), "sqlite")  # SQLite aliases its row id only under the name INTEGER


class Moment(TypeDecorator[str]):
    """A canonical timestamp text outside, microseconds since 1970 inside."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else from_microseconds(value)


class Json(TypeDecorator[Any]):
    """Any JSON value outside, canonical text inside: what can be stored, both databases store alike.

    Not the databases' own JSON types: PostgreSQL's refuses NUL, reorders keys and has no NaN.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return encode_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else decode_json(value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def encode_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, no spaces, ASCII only; NaN and infinities as Python writes them."""
    return _ENCODER.encode(value)


def decode_json(text: str) -> Any:
    """The inverse of encode_json. Raises ValueError for text that is no JSON."""
    return json.loads(text)


def _ref() -> Column[Any]:
    return Column("ref", Text, nullable=False, unique=True, comment="kind:value, the name outside")


def _of(parent: str, *, nullable: bool = False, index: bool = False) -> Column[Any]:
    return Column(f"{parent}_id", Key, ForeignKey(f"{parent}.id"), nullable=nullable, index=index)


def _moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Moment, nullable=nullable)


def _json(name: str) -> Column[Any]:
    return Column(name, Json, nullable=False)


def _text(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=nullable)


project = Table(
    "project",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _text("name"),
    _moment("created_at"),
    _text("description", nullable=True),
    _json("tags"),
)

run = Table(
    "run",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("project"),
    Column("slug", Text, nullable=False, comment="the run's own component of ref; selectors look it up by prefix"),
    Column("name", Text, nullable=False, index=True, comment="display name, need not be unique"),
    _text("status"),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    _text("description", nullable=True),
    _json("tags"),
    _json("metadata"),
    Index(None, "slug"),
    Index(None, "project_id", "started_at", "id"),  # the latest runs of a project
    Index(None, "started_at", "id"),  # the latest runs of all
)

stage = Table(
    "stage",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    _text("stage_name"),
    _text("status"),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    Column("order_index", BigInteger),
)

batch = Table(
    "batch",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    _of("stage", index=True),
    _text("batch_name"),
    _text("status"),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    Column("order_index", BigInteger),
)

sample = Table(
    "sample",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    _of("stage", index=True),
    _of("batch", nullable=True, index=True),
    _text("sample_name"),
    _moment("observed_at"),
    _text("retention_class", nullable=True),
    _text("redaction_profile", nullable=True),
)

operation = Table(
    "operation",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    _of("stage", index=True),
    _of("batch", nullable=True, index=True),
    _text("operation_name"),
    _moment("observed_at"),
)

deployment = Table(
    "deployment",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("project", index=True),
    _of("run", nullable=True, index=True),
    _text("deployment_name"),
    _text("status"),
    _moment("started_at"),
    _moment("ended_at", nullable=True),
    Column("order_index", BigInteger),
    _text("artifact_ref", nullable=True),  # kept as text: the artifact may be described later, or elsewhere
    _text("environment_snapshot_ref", nullable=True),  # likewise
)

artifact = Table(
    "artifact",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    _of("deployment", nullable=True),
    _of("stage", nullable=True),
    _of("batch", nullable=True),
    _of("sample", nullable=True),
    _of("operation", nullable=True),
    _text("artifact_kind"),
    _moment("created_at"),
    _text("producer_ref"),
    _text("location_ref"),
    _text("hash_value", nullable=True),
    Column("size_bytes", BigInteger),
    _json("attributes"),
)

relation = Table(
    "relation",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),  # the run in the relation's own reference
    _text("relation_type"),
    Column("source_ref", Text, nullable=False, index=True),  # text: an edge may join things that are not stored here
    Column("target_ref", Text, nullable=False, index=True),
    _moment("recorded_at"),
    _text("origin_marker"),
    _text("confidence_marker"),
    _of("operation", nullable=True),
    _json("evidence_refs"),
)

provenance = Table(
    "provenance",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("relation", index=True),
    _text("assertion_mode"),
    _moment("asserted_at"),
    _text("formation_context_ref", nullable=True),
    _text("policy_ref", nullable=True),
    _text("evidence_bundle_ref", nullable=True),
)

# One row per distinct environment, however many runs share it. The body itself is the object of that digest.
environment_body = Table(
    "environment_body",
    metadata,
    Column("id", Key, primary_key=True),
    Column("digest", Text, nullable=False, unique=True, comment="sha256 of the body's bytes, hex"),
    _text("python_version"),
    _text("platform"),
    Column("package_count", Integer, nullable=False),
)

environment = Table(
    "environment",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    Column("environment_body_id", Key, ForeignKey("environment_body.id"), nullable=False, index=True),
    _moment("captured_at"),
    Column(
        "own",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="whether it is that of the process that did the run's work, where several processes took part",
    ),
)

# Which environments hold which version of what; answers "which runs used torch 2.1.0?" by index.
environment_distribution = Table(
    "environment_distribution",
    metadata,
    Column("environment_body_id", Key, ForeignKey("environment_body.id"), primary_key=True),
    Column("name", Text, primary_key=True, comment="normalised by PEP 503"),
    _text("version"),
    Index(None, "name", "version"),
    sqlite_with_rowid=False,
)

# Records as they were appended, whole: the identity that makes appending twice harmless, and the content.
record = Table(
    "record",
    metadata,
    Column("id", Key, primary_key=True),
    _ref(),
    _of("run", index=True),
    _text("record_type"),
    Column("digest", LargeBinary, nullable=False, comment="first 16 bytes of the sha256 of body; the conflict check"),
    Column("body", Text, nullable=False, comment="the record as canonical JSON"),
)

# One metric of one run, in one stage (or of the run itself), of the whole or of one slice of the data.
metric_series = Table(
    "metric_series",
    metadata,
    Column("id", Key, primary_key=True),
    _of("run"),
    _of("stage", nullable=True),
    _text("metric_key"),
    Column("slice_ref", Text, nullable=False, comment="empty for the whole"),
    Column("points", BigInteger, nullable=False, comment="how many points the series has; the next point's number"),
    # The last point by step, then time, then arrival: kept here so that comparing never reads the points.
    Column("last_step", BigInteger),
    Column("last_at", BigInteger),
    Column("last_value", Double),
    Column("last_exact", Text),
)
# A stage is NULL for the run's own metrics, and NULLs are distinct in a unique constraint: hence the expression.
Index(
    "uq_metric_series",
    metric_series.c.run_id,
    func.coalesce(metric_series.c.stage_id, 0),
    metric_series.c.metric_key,
    metric_series.c.slice_ref,
    unique=True,
)

metric_point = Table(
    "metric_point",
    metadata,
    Column("series_id", Key, ForeignKey("metric_series.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, comment="0, 1, 2 ... in order of arrival"),
    Column("step", BigInteger),
    Column("observed_at", BigInteger, nullable=False, comment="microseconds since 1970 UTC"),
    Column("value", Double, comment="the nearest double; NULL for NaN"),
    Column("exact", Text, comment="the value where it is no double: an integer in decimal, nan, -0.0; else NULL"),
    sqlite_with_rowid=False,
)

param = Table(
    "param",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    _json("value"),
    sqlite_with_rowid=False,
)

# What could not be captured or was adjusted, and why.
note = Table(
    "note",
    metadata,
    Column("id", Key, primary_key=True),
    _of("run", index=True),
    _moment("noted_at"),
    _text("topic"),
    _text("text"),
)

# How far each journal file has been taken in; moved on in the same transaction as the rows that came from it.
journal = Table(
    "journal",
    metadata,
    Column("id", Key, primary_key=True),
    _of("run", nullable=True, index=True),
    Column("name", Text, nullable=False, comment="file name in the journal directory"),
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
    UniqueConstraint("name"),
)
