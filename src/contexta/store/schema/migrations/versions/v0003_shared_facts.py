"""What the third schema does: what many runs have alike lies once.

How runs were called and their source move from ``run.metadata`` to ``shared_fact``, and the digest of what completes an
environment from ``environment`` to ``environment_end``.
"""

import sqlalchemy as sa
from alembic import op

from contexta.store.backends import row_checksums, server_row_checksums
from contexta.store.schema.migrations import content_0003

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NEW = ["shared_fact", "environment_end"]


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _extend()
        server_row_checksums.watch(connection, NEW)
        content_0003.fill(connection)
        op.execute("UPDATE environment SET end_digest = NULL WHERE end_digest IS NOT NULL")  # out of its seals
        op.drop_column("environment", "end_digest")
        return
    with row_checksums.relaid(connection, ["run", "environment"]):
        _extend()
        content_0003.fill(connection)
        _rebuild_environment()
        row_checksums.watch(connection, [*NEW, "environment"])


def _extend() -> None:
    op.create_table(
        "shared_fact",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_fact")),
        sa.UniqueConstraint("digest", name=op.f("uq_shared_fact_digest")),
    )
    op.create_table(
        "environment_end",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment_end")),
        sa.UniqueConstraint("digest", name=op.f("uq_environment_end_digest")),
    )
    for name in ("command_id", "invocation_id", "source_id"):
        op.add_column("run", sa.Column(name, KEY, nullable=True))
    op.add_column("environment", sa.Column("end_id", KEY, nullable=True))


def _rebuild_environment() -> None:
    """Without its column ``end_digest``, which SQLite drops only since 3.35; its triggers go with the old table."""
    op.create_table(
        "environment_0003",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", WORDS, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("environment_body_id", KEY, nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.Column("end_id", KEY, nullable=True),
        sa.Column("own", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_body_id"], ["environment_body.id"], name=op.f("fk_environment_environment_body_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_environment_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment")),
        sa.UniqueConstraint("ref", name=op.f("uq_environment_ref")),
    )
    columns = "id, ref, run_id, environment_body_id, captured_at, end_id, own"
    op.execute(f"INSERT INTO environment_0003 ({columns}) SELECT {columns} FROM environment ORDER BY id")
    op.drop_table("environment")
    op.rename_table("environment_0003", "environment")
    for column in ("run_id", "environment_body_id"):
        op.create_index(op.f(f"ix_environment_{column}"), "environment", [column])
