"""Appended records, and the metric series of appended records and live runs. Each number is stored once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, LargeBinary, Table, false, func, text

from contexta.store.schema.tables.columns import Key, Words, belongs_to, metadata, partial_index, words

# Appended records by name, which makes appending twice harmless, in order of number.
# A metric record is a form (the fields that similar records share), a point and its own fields; others are a body.
record = Table(
    "record",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), primary_key=True),
    Column("name", Words, primary_key=True, comment="the record's own component of its reference"),
    Column("number", BigInteger, nullable=False, comment="0, 1, 2 ... in order of arrival in the run"),
    Column("form_id", Key, ForeignKey("record_form.id"), comment="NULL except for metrics"),
    Column("series_id", Key, comment="of a metric: its point in metric_point"),
    Column("point", BigInteger, comment="the number of that point"),
    Column("recorded_at", BigInteger, comment="of a metric: microseconds since 1970 UTC"),
    Column("digest", LargeBinary, comment="first 16 bytes of the sha256 of body; NULL for a metric"),
    Column("body", Words, comment="the record as canonical JSON; NULL for a metric"),
    sqlite_with_rowid=False,
)

# A metric record without its name, times, step and value, as canonical JSON. Most runs have one per metric.
record_form = Table(
    "record_form",
    metadata,
    Column("id", Key, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="first 16 bytes of the sha256 of body"),
    words("body"),
)

# One metric of one run, in one stage (or of the run itself), of all data or of one slice.
metric_series = Table(
    "metric_series",
    metadata,
    Column("id", Key, primary_key=True),
    belongs_to("run"),
    belongs_to("stage", nullable=True),
    words("metric_key"),
    Column("slice_ref", Words, nullable=False, comment="empty for all data"),
    Column("points", BigInteger, nullable=False, comment="how many points the series has; the next point's number"),
    # The last point by step, then time, then arrival: lists and comparisons read it here, not among the points.
    Column("last_step", BigInteger),
    Column("last_at", BigInteger),
    Column("last_value", Double),
    Column("last_exact", Words),
    Column("points_check", LargeBinary, comment="running checksum of its points; NULL for none"),
    Column(
        "is_last",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="whether it has the last value of the metric in the run, of any stage, without slices",
    ),
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

# A query uses a partial index only if it has the same condition, as SQLAlchemy writes it for each database.
partial_index(
    "ix_metric_series_last",  # which runs ended with a value
    metric_series.c.metric_key,
    metric_series.c.last_value,
    metric_series.c.run_id,
    sqlite=text("is_last = 1"),
    postgresql=text("is_last"),
)
partial_index(
    "ix_metric_series_last_of_run",  # the value that a run ended with
    metric_series.c.run_id,
    metric_series.c.metric_key,
    metric_series.c.last_value,
    sqlite=text("is_last = 1"),
    postgresql=text("is_last"),
)

metric_point = Table(
    "metric_point",
    metadata,
    Column("series_id", Key, ForeignKey("metric_series.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, comment="0, 1, 2 ... in order of arrival"),
    Column("step", BigInteger),
    Column("observed_at", BigInteger, nullable=False, comment="microseconds since 1970 UTC"),
    Column("value", Double, comment="the nearest double; NULL for NaN"),
    Column("exact", Words, comment="the value where it is no double: an integer in decimal, nan, -0.0; else NULL"),
    sqlite_with_rowid=False,
)
