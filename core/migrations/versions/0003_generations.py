"""Generations that are asked golden questions, rolled back to, and leave nothing behind."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("collections", schema=None) as batch_op:
        batch_op.add_column(sa.Column("golden", sa.JSON(), nullable=True))
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("activated_at", sa.Float(precision=53), nullable=True))
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("golden", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("report", sa.JSON(), nullable=True))
    op.create_table(
        "doomed_blobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doomed_blobs")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("doomed_blobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_doomed_blobs_sha256"), ["sha256"], unique=False)
    # Whatever has answered so far began to when it was made, for all that is known.
    op.execute("UPDATE generations SET activated_at = created_at WHERE state IN ('active', 'retired')")


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("doomed_blobs")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("report")
        batch_op.drop_column("golden")
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_column("activated_at")
    with op.batch_alter_table("collections", schema=None) as batch_op:
        batch_op.drop_column("golden")
