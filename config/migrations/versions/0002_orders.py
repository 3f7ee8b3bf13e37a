"""Orders, their append-only history, and the places given on each day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("call_back", sa.Boolean(), nullable=False),
        sa.Column("caller", sa.Text()),
        sa.Column("call", sa.Text()),
        sa.Column("dialled", sa.Text()),
        sa.Column("arrived", sa.Double()),
        sa.Column("answered", sa.Double()),
        sa.Column("closed", sa.Double()),
        sa.Column("outcome", sa.Text()),
        sa.Column("talk_s", sa.Double()),
        sa.Column("agents", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_orders"),
        sa.UniqueConstraint("call", name="uq_orders_call"),
    )
    op.create_index("ix_orders_opened", "orders", ["opened", "number"])
    op.create_index("ix_orders_status", "orders", ["status", "opened"])
    op.create_table(
        "order_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_order_changes"),
        sa.ForeignKeyConstraint(["number"], ["orders.number"], name="fk_order_changes_number_orders"),
    )
    op.create_index("ix_order_changes_number", "order_changes", ["number"])
    op.create_table(
        "order_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_order_days"),
    )
    _make_append_only("order_changes")


def _make_append_only(table: str) -> None:
    """Whatever the product's code does, the database refuses to change or take away what happened."""
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )
