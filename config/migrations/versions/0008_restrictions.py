"""Restrictions of abusive callers: decisions, evidence, warnings, appeals."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "restrictions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.Double(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", sa.Double()),
        sa.Column("decided_why", sa.Text()),
        sa.Column("lifted_by", sa.Text()),
        sa.Column("lifted_at", sa.Double()),
        sa.Column("lifted_why", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_restrictions"),
    )
    proposed, confirmed = sa.text("decision = 'proposed'"), sa.text("decision = 'confirmed'")
    op.create_index(
        "uq_restrictions_proposed",
        "restrictions",
        ["caller"],
        unique=True,
        sqlite_where=proposed,
        postgresql_where=proposed,
    )
    op.create_index("ix_restrictions_caller", "restrictions", ["caller"])
    op.create_index(
        "ix_restrictions_confirmed", "restrictions", ["ends"], sqlite_where=confirmed, postgresql_where=confirmed
    )
    op.create_table(
        "restriction_calls",
        sa.Column("restriction", _ID, autoincrement=False, nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("arrived", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("restriction", "call", name="pk_restriction_calls"),
        sa.ForeignKeyConstraint(
            ["restriction"], ["restrictions.id"], name="fk_restriction_calls_restriction_restrictions"
        ),
    )
    op.create_index("ix_restriction_calls_call", "restriction_calls", ["call"])
    op.create_table(
        "restriction_warnings",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restriction_warnings"),
    )
    op.create_index("ix_restriction_warnings_caller", "restriction_warnings", ["caller", "at"])
    op.create_table(
        "restriction_appeals",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("restriction", _ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("call", sa.Text()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", sa.Double()),
        sa.Column("decided_why", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_restriction_appeals"),
        sa.UniqueConstraint("call", name="uq_restriction_appeals_call"),
        sa.ForeignKeyConstraint(
            ["restriction"], ["restrictions.id"], name="fk_restriction_appeals_restriction_restrictions"
        ),
    )
    op.create_index("ix_restriction_appeals_restriction", "restriction_appeals", ["restriction"])
