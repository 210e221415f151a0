"""The first schema: the tables as ``store/schema/tables`` describes them.

The first revision after this one must freeze this one: replace ``create_all`` by the statements it runs today.
Revisions 0001 to 0004 belonged to development versions that were never released.
"""

from alembic import op

from contexta.store.schema import tables

revision = "0005"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables.metadata.create_all(op.get_bind())
