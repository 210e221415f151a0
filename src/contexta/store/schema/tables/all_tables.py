"""All tables of the schema."""

from contexta.store.schema.tables.annotations import annotation
from contexta.store.schema.tables.columns import metadata
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

__all__ = [
    "annotation",
    "artifact",
    "batch",
    "deployment",
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
