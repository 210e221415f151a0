"""The schema, for SQLite and PostgreSQL alike; a module a topic. The comments there are its documentation.

Conventions: integer keys inside, references (``kind:value`` text) only at the edge; every moment is a BIGINT of
microseconds since 1970 UTC; mappings are canonical JSON text; floats are double precision, and what a double cannot
say (NaN on SQLite, large integers) stands in a text column beside it; text compares by its bytes.
"""

from contexta.store.schema.tables.annotations import annotation
from contexta.store.schema.tables.columns import decode_json, encode_json, metadata
from contexta.store.schema.tables.context import (
    artifact,
    batch,
    deployment,
    operation,
    project,
    provenance,
    relation,
    run,
    sample,
    shared_fact,
    stage,
)
from contexta.store.schema.tables.environments import (
    environment,
    environment_body,
    environment_distribution,
    environment_end,
)
from contexta.store.schema.tables.journals import journal, note
from contexta.store.schema.tables.query_index import param, run_tag
from contexta.store.schema.tables.records import metric_point, metric_series, record, record_form

SCHEMA_VERSION = "0004"
VERSION_TABLE = "contexta_schema"

__all__ = [
    "SCHEMA_VERSION",
    "VERSION_TABLE",
    "annotation",
    "artifact",
    "batch",
    "decode_json",
    "deployment",
    "encode_json",
    "environment",
    "environment_body",
    "environment_distribution",
    "environment_end",
    "journal",
    "metadata",
    "metric_point",
    "metric_series",
    "note",
    "operation",
    "param",
    "project",
    "provenance",
    "record",
    "record_form",
    "relation",
    "run",
    "run_tag",
    "sample",
    "shared_fact",
    "stage",
]
