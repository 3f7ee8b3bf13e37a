"""Transfer tables in the database: the SQL tables, and rows packed into bodies.

A body is kept once, under the hash of its content, and never changes; revisions and versions name it. The migration is
``config/migrations/versions/0007_transfer_tables.py``.
"""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import metadata
from routing.tables.diff import in_order
from routing.tables.model import Line

MOST_ROWS = 100_000

# Append-only: triggers made by the migration refuse UPDATE and DELETE, whoever asks.
bodies = Table(
    "transfer_bodies",
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 of the JSON
    Column("rows", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),  # rows as JSON, zlib
)

# One row per city. Whoever changes anything about the city's tables holds its lock until the commit.
heads = Table(
    "transfer_heads",
    metadata,
    Column("city", Text, primary_key=True),
    Column("last", Integer, nullable=False),  # the last version's number
)

versions = Table(
    "transfer_tables",
    metadata,
    Column("city", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # draft, checked, approved, discarded; time makes the rest of approved
    Column("base", Integer),
    Column("revision", Integer, nullable=False),
    Column("body", Text, ForeignKey("transfer_bodies.hash"), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated", Double, nullable=False),
    Column("errors", Integer),
    Column("warnings", Integer),
    Column("findings", Text),  # of the last check of this revision, as JSON
    Column("checked_at", Double),
    Column("checked_by", Text),
    Column("confirmed_at", Double),
    Column("confirmed_by", Text),
    Column("approved_at", Double),
    Column("approved_by", Text),
    Column("effective_at", Double),
    Column("place", Integer),  # among the approved ones: the order in which they follow each other
    Column("restores", Integer),
    # One place, one table: two approvals at once cannot both be the next.
    UniqueConstraint("city", "place"),
)
Index("ix_transfer_tables_effective", versions.c.city, versions.c.effective_at, versions.c.place)

# Append-only, as bodies.
revisions = Table(
    "transfer_revisions",
    metadata,
    Column("city", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", Text, ForeignKey("transfer_bodies.hash"), nullable=False),
    Column("rows", Integer, nullable=False),
    ForeignKeyConstraint(["city", "number"], ["transfer_tables.city", "transfer_tables.number"]),
)

# What lists show: everything but the findings, which may be long.
LISTED = tuple(column for column in versions.columns if column.name not in ("findings", "city"))


@dataclass(frozen=True)
class Body:
    """Packed rows. ``hash`` is the same for the same rows, in whatever order they were given."""

    hash: str
    rows: int
    content: bytes


def pack(lines: Iterable[Line]) -> Body:
    """Takes a second for the largest table: run it in a thread."""
    ordered = in_order(lines)
    text = msgspec.json.encode(ordered)
    return Body(hashlib.sha256(text).hexdigest(), len(ordered), zlib.compress(text))


def unpack(content: bytes) -> tuple[Line, ...]:
    return msgspec.json.decode(zlib.decompress(content), type=tuple[Line, ...])


def insert(connection: AsyncConnection) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


async def lock(connection: AsyncConnection, city: str) -> int:
    """Take the city's lock for the rest of the transaction; returns the last version's number, 0 before the first."""
    await connection.execute(insert(connection)(heads).values(city=city, last=0).on_conflict_do_nothing())
    query = select(heads.c.last).where(heads.c.city == city).with_for_update()
    last: int = (await connection.execute(query)).scalar_one()
    return last


async def keep(connection: AsyncConnection, body: Body) -> None:
    """Keep a body, if it is not kept already."""
    row = {"hash": body.hash, "rows": body.rows, "content": body.content}
    await connection.execute(insert(connection)(bodies).values(row).on_conflict_do_nothing())
