"""The journal: entries, calls, followers' positions, rule versions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_journal"),
        sa.UniqueConstraint("call", "seq", name="uq_journal_call"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "calls",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("opened", sa.Double(), nullable=False),
        sa.Column("closed", sa.Double()),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_calls"),
    )
    still_open = sa.text("closed IS NULL")
    op.create_index("ix_calls_worker_open", "calls", ["worker"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_index("ix_calls_opened", "calls", ["opened"])
    op.create_table(
        "followers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_followers"),
    )
    op.create_table(
        "rules",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("first_used", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_rules"),
    )
