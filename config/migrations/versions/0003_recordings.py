"""The ledger of recordings: what is expected, what is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("call", sa.Text()),
        sa.Column("began", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("expected_s", sa.Double()),
        sa.Column("path", sa.Text()),
        sa.Column("sha256", sa.Text()),
        sa.Column("bytes", sa.BigInteger()),
        sa.Column("seconds", sa.Double()),
        sa.Column("stored_at", sa.Double()),
        sa.Column("keep_until", sa.Date()),
        sa.Column("keep_source", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_recordings"),
    )
    op.create_index("ix_recordings_call", "recordings", ["call"])
    op.create_index("ix_recordings_began", "recordings", ["began", "name"])
    unsettled = sa.text("state != 'stored'")
    op.create_index(
        "ix_recordings_unsettled", "recordings", ["state"], sqlite_where=unsettled, postgresql_where=unsettled
    )
