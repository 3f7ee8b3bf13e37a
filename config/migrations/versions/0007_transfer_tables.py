"""Transfer tables: bodies, versions, revisions, and one lock per city."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "transfer_bodies",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_transfer_bodies"),
    )
    op.create_table(
        "transfer_heads",
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("city", name="pk_transfer_heads"),
    )
    _versions()
    op.create_index("ix_transfer_tables_effective", "transfer_tables", ["city", "effective_at", "place"])
    op.create_table(
        "transfer_revisions",
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("city", "number", "revision", name="pk_transfer_revisions"),
        sa.ForeignKeyConstraint(["body"], ["transfer_bodies.hash"], name="fk_transfer_revisions_body_transfer_bodies"),
        sa.ForeignKeyConstraint(
            ["city", "number"],
            ["transfer_tables.city", "transfer_tables.number"],
            name="fk_transfer_revisions_city_number_transfer_tables",
        ),
    )
    for table in ("transfer_bodies", "transfer_revisions"):
        _make_append_only(table)


def _versions() -> None:
    op.create_table(
        "transfer_tables",
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("base", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("errors", sa.Integer()),
        sa.Column("warnings", sa.Integer()),
        sa.Column("findings", sa.Text()),
        sa.Column("checked_at", sa.Double()),
        sa.Column("checked_by", sa.Text()),
        sa.Column("confirmed_at", sa.Double()),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("approved_at", sa.Double()),
        sa.Column("approved_by", sa.Text()),
        sa.Column("effective_at", sa.Double()),
        sa.Column("place", sa.Integer()),
        sa.Column("restores", sa.Integer()),
        sa.PrimaryKeyConstraint("city", "number", name="pk_transfer_tables"),
        sa.ForeignKeyConstraint(["body"], ["transfer_bodies.hash"], name="fk_transfer_tables_body_transfer_bodies"),
        sa.UniqueConstraint("city", "place", name="uq_transfer_tables_city"),
    )


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
