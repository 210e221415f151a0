"""The schema for SQLite and PostgreSQL, one module per topic. Comments at the tables and columns document it.

Rows refer to each other by integer keys; references (``kind:value``) are a column. A time is a BIGINT of microseconds
since 1970 UTC. A mapping is canonical JSON text. A float is double precision; numbers that a double cannot represent
(NaN on SQLite, large integers) have a text in another column. Text compares by its bytes.

The tables are imported when the first of them is used, because they need SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from contexta.store.schema.tables.json_text import decode_json, encode_json

if TYPE_CHECKING:
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
else:
    _TOPICS = ("annotations", "context", "environments", "journals", "query_index", "records")

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"there is no table {name}")
        for topic in _TOPICS:
            import_module(f"{__name__}.{topic}")
        metadata = import_module(f"{__name__}.columns").metadata
        return metadata if name == "metadata" else metadata.tables[name]


SCHEMA_VERSION = "0005"
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
