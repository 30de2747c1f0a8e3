"""Vectors are kept by what they were made from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "vectors",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vectors")),
        sa.UniqueConstraint("content_hash", "fingerprint", name=op.f("uq_vectors_content_hash")),
        sqlite_autoincrement=True,
    )
    # Plain statements: a batch would copy the tables on SQLite, and lose their AUTOINCREMENT.
    op.add_column("chunks", sa.Column("content_hash", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_chunks_content_hash"), "chunks", ["content_hash"], unique=False)
    op.add_column("index_deletions", sa.Column("content_hash", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("index_deletions", "content_hash")
    op.drop_index(op.f("ix_chunks_content_hash"), "chunks")
    op.drop_column("chunks", "content_hash")
    op.drop_table("vectors")
