"""What the second schema adds to the first: whatever lets a question be answered by index.

Metric records lie in columns instead of a body of JSON; parameters, tags, final metric values and versions can be
filtered and sorted by index; points and records carry running checks. Text compares by its bytes on PostgreSQL too.
"""

import sqlalchemy as sa
from alembic import op

from contexta.store.backends import row_checksums, server_row_checksums
from contexta.store.schema.migrations import content_0002

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

SEALED = (
    *("environment_body", "environment_distribution", "project", "record_form", "run", "artifact", "batch"),
    *("deployment", "environment", "journal", "metric_series", "note", "operation", "param", "provenance"),
    *("relation", "run_metric", "run_tag", "sample", "stage"),
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _compare_by_bytes(connection)
    _extend_runs()
    _extend_environments()
    _add_questions()
    _replace_records(connection.dialect.name)
    op.add_column("metric_series", sa.Column("points_check", sa.LargeBinary(), nullable=True))
    content_0002.fill(connection)
    op.drop_table("record_0001")
    op.add_column("journal", sa.Column("bytes_check", sa.BigInteger(), nullable=True))
    _add_seals(connection)


def _compare_by_bytes(connection: sa.Connection) -> None:
    inspector = sa.inspect(connection)
    for table in sorted(inspector.get_table_names()):
        for column in inspector.get_columns(table):
            if isinstance(column["type"], sa.Text):
                op.alter_column(table, column["name"], type_=sa.Text(collation="C"))


def _extend_runs() -> None:
    key = KEY.dialect_impl(op.get_bind().dialect).compile(op.get_bind().dialect)
    op.execute(  # in words: as an operation it would add the constraint apart, which SQLite cannot
        f"ALTER TABLE run ADD COLUMN environment_body_id {key} "
        "CONSTRAINT fk_run_environment_body_id REFERENCES environment_body (id)"
    )
    op.add_column("run", sa.Column("records", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("run", sa.Column("records_check", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_run_status_started_at_id"), "run", ["status", "started_at", "id"])
    op.create_index(
        op.f("ix_run_environment_body_id_started_at_id"), "run", ["environment_body_id", "started_at", "id"]
    )
    op.create_index("ix_run_duration", "run", [sa.text("(ended_at - started_at)"), "id"])


def _extend_environments() -> None:
    op.add_column("environment", sa.Column("end_digest", WORDS, nullable=True))
    op.add_column("environment_body", sa.Column("python_order", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_environment_body_python_order"), "environment_body", ["python_order"])
    op.create_index(op.f("ix_environment_body_platform"), "environment_body", ["platform"])
    op.add_column("environment_distribution", sa.Column("version_order", sa.LargeBinary(), nullable=True))
    op.create_index(
        op.f("ix_environment_distribution_name_version_order"), "environment_distribution", ["name", "version_order"]
    )


def _add_questions() -> None:
    op.add_column("param", sa.Column("number", sa.Double(), nullable=True))
    op.add_column("param", sa.Column("words", WORDS, server_default="", nullable=False))
    op.create_index(op.f("ix_param_name_number_run_id"), "param", ["name", "number", "run_id"])
    op.create_index(op.f("ix_param_name_words_run_id"), "param", ["name", "words", "run_id"])
    op.create_table(
        "run_tag",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("words", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_tag_run_id")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_run_tag_name_words_run_id"), "run_tag", ["name", "words", "run_id"])
    op.create_table(
        "run_metric",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("metric_key", WORDS, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("exact", WORDS, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_metric_run_id")),
        sa.PrimaryKeyConstraint("run_id", "metric_key", name=op.f("pk_run_metric")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_run_metric_metric_key_value_run_id"), "run_metric", ["metric_key", "value", "run_id"])


def _replace_records(dialect: str) -> None:
    op.rename_table("record", "record_0001")
    if dialect == "postgresql":  # names of constraints are one space there
        for name in ("pk_record", "uq_record_ref", "fk_record_run_id"):
            op.execute(f"ALTER TABLE record_0001 RENAME CONSTRAINT {name} TO {name}_0001")
    op.create_table(
        "record_form",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_form")),
        sa.UniqueConstraint("digest", name=op.f("uq_record_form_digest")),
    )
    op.create_table(
        "record",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("form_id", KEY, nullable=True),
        sa.Column("series_id", KEY, nullable=True),
        sa.Column("point", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("body", WORDS, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_record_run_id")),
        sa.ForeignKeyConstraint(["form_id"], ["record_form.id"], name=op.f("fk_record_form_id")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_record")),
        sqlite_with_rowid=False,
    )


def _add_seals(connection: sa.Connection) -> None:
    op.create_table(
        "seal",
        sa.Column("part", WORDS, nullable=False),
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("part", "number", name=op.f("pk_seal")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unsealed",
        sa.Column("part", WORDS, nullable=False),
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("part", "number", name=op.f("pk_unsealed")),
        sqlite_with_rowid=False,
    )
    if connection.dialect.name == "sqlite":
        row_checksums.watch(connection, SEALED)
    else:
        server_row_checksums.prepare(connection)
        server_row_checksums.watch(connection, SEALED)
