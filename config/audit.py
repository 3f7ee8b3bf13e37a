"""The audit log: who did what to what, when and why. Append-only; the database itself refuses to change it.

An entry is written in the transaction of the change it tells of: neither stands without the other. People's telephone
numbers are masked on the way in, wherever they stand in it. Its migration is
``config/migrations/versions/0005_audit.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, Table, Text, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Database, metadata
from config.logs import mask_personal, mask_text

NOBODY = "nobody"  # who did it, when nobody is known: somebody who could not sign in

# Append-only: triggers made by the migration refuse UPDATE, DELETE and TRUNCATE, whoever asks.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("detail", JSON, nullable=False),
)
Index("ix_audit_log_at", audit_log.c.at)
Index("ix_audit_log_who", audit_log.c.who, audit_log.c.id)
Index("ix_audit_log_subject", audit_log.c.subject, audit_log.c.id)


@dataclass(frozen=True)
class Entry:
    """One thing that was done.

    ``at`` is UNIX seconds; ``who`` the account, ``cli:<user>`` for the command line, or `NOBODY`; ``action`` a dotted
    word, the kind of thing first (``account.change``); ``subject`` what it was done to (``account:li.na``), empty for
    nothing in particular; ``why`` the person's own words, which may be empty; ``detail`` what JSON can hold, such as
    ``{"roles": [before, after]}``. No password, no token, nothing a citizen said.
    """

    at: float
    who: str
    action: str
    subject: str
    why: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept(Entry):
    """An entry as the log keeps it; a higher ``id`` was written later."""

    id: int = 0


@dataclass(frozen=True)
class Filter:
    """Which entries are wanted; None is all.

    ``action`` is the beginning of it (``account.``); times are UNIX seconds, ``begin`` included, ``end`` not.
    """

    who: str | None = None
    action: str | None = None
    subject: str | None = None
    begin: float | None = None
    end: float | None = None


async def record(connection: AsyncConnection, entry: Entry) -> None:
    """Write one entry, in the transaction of the change."""
    await connection.execute(
        audit_log.insert().values(
            at=entry.at,
            who=entry.who,
            action=entry.action,
            subject=mask_text(entry.subject),
            why=mask_text(entry.why),
            detail=dict(mask_personal(None, "", dict(entry.detail))),
        )
    )


async def page(database: Database, wanted: Filter, *, limit: int, before: int | None = None) -> list[Kept]:
    """The latest ``limit`` entries, newest first; ``before`` is the id of the last entry of the page before.

    Raises the database's errors (see `config.database.is_outage`).
    """
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit_log.c.id < before)
    if wanted.who is not None:
        query = query.where(audit_log.c.who == wanted.who)
    if wanted.action is not None:
        query = query.where(func.substr(audit_log.c.action, 1, len(wanted.action)) == wanted.action)
    if wanted.subject is not None:
        query = query.where(audit_log.c.subject == mask_text(wanted.subject))
    if wanted.begin is not None:
        query = query.where(audit_log.c.at >= wanted.begin)
    if wanted.end is not None:
        query = query.where(audit_log.c.at < wanted.end)
    async with database.connect() as connection:
        return [Kept(**row._asdict()) for row in await connection.execute(query)]
