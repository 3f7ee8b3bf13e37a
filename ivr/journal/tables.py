"""The journal's tables. Their migration is ``config/migrations/versions/0001_journal.py``."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text, UniqueConstraint

from config.database import metadata

# SQLite counts only a column declared INTEGER; its integers have 64 bits all the same.
_POSITION = BigInteger().with_variant(Integer(), "sqlite")

journal = Table(
    "journal",
    metadata,
    # On SQLite the order of positions is the order of commits. On PostgreSQL it is not: see `ivr.journal.gaps`.
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("call", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),  # the event as JSON; text, so that people can read it in psql
    Column("worker", Text, nullable=False),
    UniqueConstraint("call", "seq"),
    sqlite_autoincrement=True,  # a position is never used again, not even after the newest rows were deleted
)

calls = Table(
    "calls",
    metadata,
    Column("call", Text, primary_key=True),
    Column("worker", Text, nullable=False),  # who controls the call, or did at its end
    Column("opened", Double, nullable=False),
    Column("closed", Double),
    Column("seq", Integer, nullable=False),  # of the entry this row was last changed by; older ones change nothing
)
_still_open = calls.c.closed.is_(None)
Index("ix_calls_worker_open", calls.c.worker, sqlite_where=_still_open, postgresql_where=_still_open)
Index("ix_calls_opened", calls.c.opened)

followers = Table(
    "followers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),  # every entry up to this one is handled
)

rules = Table(
    "rules",
    metadata,
    Column("version", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("first_used", Double, nullable=False),
)
