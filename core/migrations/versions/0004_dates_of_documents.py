"""A document's dates are when it first came and when its revision did: no third one beside them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the change."""
    # Not in a batch: SQLite would make the table anew, and drop every revision with the old one.
    op.drop_column("documents", "updated_at")


def downgrade() -> None:
    """Undo the change."""
    op.add_column("documents", sa.Column("updated_at", sa.Float(precision=53), nullable=False, server_default="0"))
    op.execute("UPDATE documents SET updated_at = created_at")
