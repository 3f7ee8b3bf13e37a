"""Reading the end of the journal without ever stepping over an entry that commits late.

Theory of operation. On SQLite one transaction writes at a time, so positions become visible in their order and
there is nothing to do. On PostgreSQL a position is drawn from a sequence when the row is inserted, and becomes
visible when its transaction commits: 7 may be visible before 6, and 6 may never come because its transaction was
rolled back. A reader that sees a gap cannot tell one from the other by looking at the rows.

So every writer holds a shared advisory lock from before it draws its first position to the end of its transaction
(`mark_writer`); shared holders do not wait for each other. A reader that meets a gap

1. has seen position N behind it: N was drawn later than every missing position below it, so whoever may still fill
   the gap already held the lock;
2. lists the holders (``pg_locks``), by virtual transaction id, which is never used again while the server runs;
3. waits until none of *these* holds it any more; newer writers draw larger positions and do not matter;
4. reads again, with a snapshot taken after that. PostgreSQL makes a commit visible before it releases the
   transaction's locks, so what is missing below N now is missing for ever.

Why not transaction ids: the snapshot's xmin also waits for every unrelated transaction of the whole cluster,
``pg_snapshot_xmax`` may lie below the id of a running writer, and ids restart in a restored cluster. Nothing of
this scheme is stored, so a dump can be restored anywhere. A gap costs a reader one more query; writers nothing.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
https://www.postgresql.org/docs/current/view-pg-locks.html
"""

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Dialect
from ivr.journal.entries import Positioned
from ivr.journal.tables import journal

_KEYS = {"family": 12345, "lock": 1}
_MARK = text("SELECT pg_advisory_xact_lock_shared(:family, :lock)")
_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = :family AND objid = :lock AND objsubid = 2"
)


async def mark_writer(connection: AsyncConnection) -> None:
    """Must come before the first insert into ``journal`` of every transaction that makes one."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_MARK, _KEYS)


async def newest_position(connection: AsyncConnection) -> int:
    """The largest position that is visible now; 0 for an empty journal."""
    return await connection.scalar(select(func.max(journal.c.position))) or 0


class Tail:
    """The end of the journal as one reader may see it. Keeps in memory what it knows about gaps."""

    def __init__(self, dialect: Dialect) -> None:
        self._ordered = dialect == "sqlite"
        self._settled = 0  # no position up to this one can become visible any more
        self._horizon = 0  # will be settled when the transactions of `_awaited` have ended
        self._awaited: frozenset[str] | None = None

    async def after(self, connection: AsyncConnection, position: int, limit: int) -> list[Positioned]:
        """The next entries behind ``position``, in order, up to the first gap that may still be filled.

        ``connection`` must be in a READ COMMITTED transaction, so that each statement has its own snapshot.
        """
        entries = await _read(connection, position, limit)
        if self._ordered:
            return entries
        ready = self._ready(position, entries)
        if ready or not entries:
            return ready
        if not await self._has_settled(connection, entries[-1].position):
            return []
        return self._ready(position, await _read(connection, position, limit))

    def _ready(self, position: int, entries: list[Positioned]) -> list[Positioned]:
        """The entries before the first gap behind what is settled."""
        for index, entry in enumerate(entries):
            if entry.position > max(position, self._settled) + 1:
                return entries[:index]
            position = entry.position
        return entries

    async def _has_settled(self, connection: AsyncConnection, seen: int) -> bool:
        """Whether every transaction which could fill a gap below ``seen`` has ended; asked again until it is so."""
        writers = frozenset((await connection.execute(_WRITERS, _KEYS)).scalars())
        if self._awaited is None:
            self._horizon, self._awaited = seen, writers
        else:
            self._awaited &= writers
        if self._awaited:
            return False
        self._settled, self._awaited = self._horizon, None
        return True


async def _read(connection: AsyncConnection, position: int, limit: int) -> list[Positioned]:
    columns = journal.c
    query = select(columns.position, columns.call, columns.seq, columns.at, columns.kind, columns.payload)
    found = await connection.execute(query.where(columns.position > position).order_by(columns.position).limit(limit))
    return [Positioned(*row) for row in found]
