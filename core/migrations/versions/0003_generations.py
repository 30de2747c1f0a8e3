"""Generations that are asked golden questions, rolled back to, and leave nothing behind."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the change."""
    # Plain statements: a batch would copy the tables on SQLite, and lose their AUTOINCREMENT.
    op.add_column("collections", sa.Column("golden", sa.JSON(), nullable=True))
    op.add_column("generations", sa.Column("activated_at", sa.Float(precision=53), nullable=True))
    op.add_column("jobs", sa.Column("golden", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("report", sa.JSON(), nullable=True))
    op.create_table(
        "doomed_blobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doomed_blobs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_doomed_blobs_sha256"), "doomed_blobs", ["sha256"], unique=False)
    # Whatever has answered so far began to when it was made, for all that is known.
    op.execute("UPDATE generations SET activated_at = created_at WHERE state IN ('active', 'retired')")


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("doomed_blobs")
    op.drop_column("jobs", "report")
    op.drop_column("jobs", "golden")
    op.drop_column("generations", "activated_at")
    op.drop_column("collections", "golden")
