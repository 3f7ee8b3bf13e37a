"""The tables of restrictions. Their migration is ``config/migrations/versions/0008_restrictions.py``.

``caller`` is the keyed hash of a number (`routing.restrictions.callers`), ``shown`` its masked form; no table here
holds a number.
"""

from sqlalchemy import BigInteger, Column, Date, Double, ForeignKey, Index, Integer, Table, Text

from config.database import metadata

_ID = BigInteger().with_variant(Integer(), "sqlite")

restrictions = Table(
    "restrictions",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("caller", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begins", Date, nullable=False),
    Column("ends", Date, nullable=False),  # the last day
    Column("decision", Text, nullable=False),  # see `routing.restrictions.model.Decision`
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Double, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Double),
    Column("decided_why", Text),
    Column("lifted_by", Text),
    Column("lifted_at", Double),
    Column("lifted_why", Text),
)
_proposed, _confirmed = restrictions.c.decision == "proposed", restrictions.c.decision == "confirmed"
# Only one proposal for a number at a time: those who confirm see all there is about it.
Index(
    "uq_restrictions_proposed",
    restrictions.c.caller,
    unique=True,
    sqlite_where=_proposed,
    postgresql_where=_proposed,
)
Index("ix_restrictions_caller", restrictions.c.caller)
# What every worker reads every second.
Index("ix_restrictions_confirmed", restrictions.c.ends, sqlite_where=_confirmed, postgresql_where=_confirmed)

evidence = Table(
    "restriction_calls",
    metadata,
    Column("restriction", _ID, ForeignKey("restrictions.id"), primary_key=True, autoincrement=False),
    Column("call", Text, primary_key=True),
    Column("arrived", Double, nullable=False),
)
Index("ix_restriction_calls_call", evidence.c.call)

warnings = Table(
    "restriction_warnings",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("caller", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
)
Index("ix_restriction_warnings_caller", warnings.c.caller, warnings.c.at)

appeals = Table(
    "restriction_appeals",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("restriction", _ID, ForeignKey("restrictions.id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("by", Text, nullable=False),
    Column("call", Text, unique=True),  # a call appeals once, however often its end is told
    Column("note", Text, nullable=False),
    Column("outcome", Text),  # see `routing.restrictions.model.Outcome`; None while nobody decided
    Column("decided_by", Text),
    Column("decided_at", Double),
    Column("decided_why", Text),
)
