"""Alarms of supervisors, incident tickets for emergency desks, and what an order tells of an emergency."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("emergency", sa.JSON(none_as_null=True)))
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("acknowledged", sa.Double()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("done", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.UniqueConstraint("call", "kind", "line", "nth", name="uq_alarms_call"),
    )
    op.create_index("ix_alarms_acknowledged", "alarms", ["acknowledged", "id"])
    op.create_table(
        "emergency_tickets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text()),
        sa.Column("caller", sa.Text()),
        sa.Column("dialled", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("began", sa.Double(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("connected", sa.Double()),
        sa.Column("confirmed", sa.Double()),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("received", sa.Double()),
        sa.Column("received_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_emergency_tickets"),
        sa.UniqueConstraint("change", name="uq_emergency_tickets_change"),
        sa.UniqueConstraint("call", "number", name="uq_emergency_tickets_call"),
    )
