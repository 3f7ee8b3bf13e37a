"""What transfers came to: a row for each target rung, and the same within the order of the call."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("transfers", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("orders", sa.Column("appeal", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_table(
        "transfers",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("began", sa.Double(), nullable=False),
        sa.Column("answered", sa.Double()),
        sa.Column("ended", sa.Double()),
        sa.Column("result", sa.Text()),
        sa.PrimaryKeyConstraint("call", "seq", name="pk_transfers"),
    )
    op.create_index("ix_transfers_began", "transfers", ["began", "call", "seq"])
    op.create_index("ix_transfers_line", "transfers", ["line", "began"])
