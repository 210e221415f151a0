"""The first schema.

Frozen: this file says what was created then, `store/tables.py` what there is now; a test holds the two together.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "environment_body",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("python_version", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("package_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment_body")),
        sa.UniqueConstraint("digest", name=op.f("uq_environment_body_digest")),
    )
    op.create_table(
        "project",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("ref", name=op.f("uq_project_ref")),
    )
    op.create_table(
        "environment_distribution",
        sa.Column("environment_body_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_body_id"],
            ["environment_body.id"],
            name=op.f("fk_environment_distribution_environment_body_id"),
        ),
        sa.PrimaryKeyConstraint("environment_body_id", "name", name=op.f("pk_environment_distribution")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_environment_distribution_name_version"), "environment_distribution", ["name", "version"], unique=False
    )
    op.create_table(
        "run",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_run_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("ref", name=op.f("uq_run_ref")),
    )
    op.create_index(op.f("ix_run_name"), "run", ["name"], unique=False)
    op.create_index(op.f("ix_run_project_id_started_at_id"), "run", ["project_id", "started_at", "id"], unique=False)
    op.create_index(op.f("ix_run_slug"), "run", ["slug"], unique=False)
    op.create_index(op.f("ix_run_started_at_id"), "run", ["started_at", "id"], unique=False)
    op.create_table(
        "deployment",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("deployment_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("order_index", sa.BigInteger(), nullable=True),
        sa.Column("artifact_ref", sa.Text(), nullable=True),
        sa.Column("environment_snapshot_ref", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_deployment_project_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_deployment_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
        sa.UniqueConstraint("ref", name=op.f("uq_deployment_ref")),
    )
    op.create_index(op.f("ix_deployment_project_id"), "deployment", ["project_id"], unique=False)
    op.create_index(op.f("ix_deployment_run_id"), "deployment", ["run_id"], unique=False)
    op.create_table(
        "environment",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("environment_body_id", KEY, nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.Column("own", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_body_id"], ["environment_body.id"], name=op.f("fk_environment_environment_body_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_environment_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment")),
        sa.UniqueConstraint("ref", name=op.f("uq_environment_ref")),
    )
    op.create_index(op.f("ix_environment_environment_body_id"), "environment", ["environment_body_id"], unique=False)
    op.create_index(op.f("ix_environment_run_id"), "environment", ["run_id"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("environment_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=op.f("fk_journal_environment_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_journal_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sa.UniqueConstraint("name", name=op.f("uq_journal_name")),
    )
    op.create_index(op.f("ix_journal_run_id"), "journal", ["run_id"], unique=False)
    op.create_table(
        "note",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_note_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index(op.f("ix_note_run_id"), "note", ["run_id"], unique=False)
    op.create_table(
        "param",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_param_run_id")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_param")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_record_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("ref", name=op.f("uq_record_ref")),
    )
    op.create_index(op.f("ix_record_run_id"), "record", ["run_id"], unique=False)
    op.create_table(
        "stage",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("stage_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("order_index", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_stage_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage")),
        sa.UniqueConstraint("ref", name=op.f("uq_stage_ref")),
    )
    op.create_index(op.f("ix_stage_run_id"), "stage", ["run_id"], unique=False)
    op.create_table(
        "batch",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("stage_id", KEY, nullable=False),
        sa.Column("batch_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("order_index", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_batch_run_id")),
        sa.ForeignKeyConstraint(["stage_id"], ["stage.id"], name=op.f("fk_batch_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("ref", name=op.f("uq_batch_ref")),
    )
    op.create_index(op.f("ix_batch_run_id"), "batch", ["run_id"], unique=False)
    op.create_index(op.f("ix_batch_stage_id"), "batch", ["stage_id"], unique=False)
    op.create_table(
        "metric_series",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("stage_id", KEY, nullable=True),
        sa.Column("metric_key", sa.Text(), nullable=False),
        sa.Column("slice_ref", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("last_value", sa.Double(), nullable=True),
        sa.Column("last_exact", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_metric_series_run_id")),
        sa.ForeignKeyConstraint(["stage_id"], ["stage.id"], name=op.f("fk_metric_series_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_series")),
    )
    op.create_table(
        "metric_point",
        sa.Column("series_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("exact", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["series_id"], ["metric_series.id"], name=op.f("fk_metric_point_series_id")),
        sa.PrimaryKeyConstraint("series_id", "number", name=op.f("pk_metric_point")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operation",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("stage_id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=True),
        sa.Column("operation_name", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_operation_batch_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_operation_run_id")),
        sa.ForeignKeyConstraint(["stage_id"], ["stage.id"], name=op.f("fk_operation_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("ref", name=op.f("uq_operation_ref")),
    )
    op.create_index(op.f("ix_operation_batch_id"), "operation", ["batch_id"], unique=False)
    op.create_index(op.f("ix_operation_run_id"), "operation", ["run_id"], unique=False)
    op.create_index(op.f("ix_operation_stage_id"), "operation", ["stage_id"], unique=False)
    op.create_table(
        "sample",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("stage_id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=True),
        sa.Column("sample_name", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("retention_class", sa.Text(), nullable=True),
        sa.Column("redaction_profile", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_sample_batch_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_sample_run_id")),
        sa.ForeignKeyConstraint(["stage_id"], ["stage.id"], name=op.f("fk_sample_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample")),
        sa.UniqueConstraint("ref", name=op.f("uq_sample_ref")),
    )
    op.create_index(op.f("ix_sample_batch_id"), "sample", ["batch_id"], unique=False)
    op.create_index(op.f("ix_sample_run_id"), "sample", ["run_id"], unique=False)
    op.create_index(op.f("ix_sample_stage_id"), "sample", ["stage_id"], unique=False)
    op.create_table(
        "artifact",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("deployment_id", KEY, nullable=True),
        sa.Column("stage_id", KEY, nullable=True),
        sa.Column("batch_id", KEY, nullable=True),
        sa.Column("sample_id", KEY, nullable=True),
        sa.Column("operation_id", KEY, nullable=True),
        sa.Column("artifact_kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("producer_ref", sa.Text(), nullable=False),
        sa.Column("location_ref", sa.Text(), nullable=False),
        sa.Column("hash_value", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_artifact_batch_id")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_artifact_deployment_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_artifact_operation_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_artifact_run_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["sample.id"], name=op.f("fk_artifact_sample_id")),
        sa.ForeignKeyConstraint(["stage_id"], ["stage.id"], name=op.f("fk_artifact_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("ref", name=op.f("uq_artifact_ref")),
    )
    op.create_index(op.f("ix_artifact_run_id"), "artifact", ["run_id"], unique=False)
    op.create_table(
        "relation",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("relation_type", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=False),
        sa.Column("target_ref", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("origin_marker", sa.Text(), nullable=False),
        sa.Column("confidence_marker", sa.Text(), nullable=False),
        sa.Column("operation_id", KEY, nullable=True),
        sa.Column("evidence_refs", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_relation_operation_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_relation_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relation")),
        sa.UniqueConstraint("ref", name=op.f("uq_relation_ref")),
    )
    op.create_index(op.f("ix_relation_run_id"), "relation", ["run_id"], unique=False)
    op.create_index(op.f("ix_relation_source_ref"), "relation", ["source_ref"], unique=False)
    op.create_index(op.f("ix_relation_target_ref"), "relation", ["target_ref"], unique=False)
    op.create_table(
        "provenance",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("relation_id", KEY, nullable=False),
        sa.Column("assertion_mode", sa.Text(), nullable=False),
        sa.Column("asserted_at", sa.BigInteger(), nullable=False),
        sa.Column("formation_context_ref", sa.Text(), nullable=True),
        sa.Column("policy_ref", sa.Text(), nullable=True),
        sa.Column("evidence_bundle_ref", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["relation_id"], ["relation.id"], name=op.f("fk_provenance_relation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provenance")),
        sa.UniqueConstraint("ref", name=op.f("uq_provenance_ref")),
    )
    op.create_index(op.f("ix_provenance_relation_id"), "provenance", ["relation_id"], unique=False)
    op.create_index(
        "uq_metric_series",
        "metric_series",
        ["run_id", sa.text("coalesce(stage_id, 0)"), "metric_key", "slice_ref"],
        unique=True,
    )
