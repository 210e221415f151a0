"""What the second schema adds to the first."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Everything the next release changes goes in here, table by table."""
