"""The journal's SQL, for SQLite and PostgreSQL.

Each write is one transaction and may be repeated: a record that is there already is left as it is.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Database
from ivr.call import CallArrived, CallClosed, ControlResumed
from ivr.journal.entries import EntryRecord, Record, RulesRecord
from ivr.journal.gaps import mark_writer
from ivr.journal.tables import calls, journal, rules

_ARRIVED = CallArrived.__struct_config__.tag
_RESUMED = ControlResumed.__struct_config__.tag
_CLOSED = CallClosed.__struct_config__.tag

TOUCHING = frozenset({_ARRIVED, _RESUMED, _CLOSED})  # kinds that change the row in ``calls``

# SQLite: many rows, one prepared statement. PostgreSQL: whole columns as arrays, one round trip and no limit of
# parameters; rows get their positions in the order of the arrays.
_SQL: dict[str, dict[str, str]] = {
    "sqlite": {
        "entries": """
            INSERT INTO journal (call, seq, at, kind, payload, worker) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING""",
        "stored": """
            SELECT j.call, j.seq, j.at, j.kind, j.payload FROM json_each(?) AS wanted JOIN journal AS j
            ON j.call = json_extract(wanted.value, '$[0]') AND j.seq = json_extract(wanted.value, '$[1]')""",
        "calls": """
            INSERT INTO calls (call, worker, opened, closed, seq) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (call) DO UPDATE SET worker = excluded.worker, seq = excluded.seq,
            closed = COALESCE(excluded.closed, calls.closed) WHERE excluded.seq > calls.seq""",
        "rules": """
            INSERT INTO rules (version, body, first_used) VALUES (?, ?, ?)
            ON CONFLICT DO NOTHING""",
    },
    "postgresql": {
        "entries": """
            INSERT INTO journal (call, seq, at, kind, payload, worker)
            SELECT * FROM unnest($1::text[], $2::int[], $3::float8[], $4::text[], $5::text[], $6::text[])
            ON CONFLICT DO NOTHING""",
        "stored": """
            SELECT j.call, j.seq, j.at, j.kind, j.payload
            FROM unnest($1::text[], $2::int[]) AS wanted (call, seq) JOIN journal AS j
            ON j.call = wanted.call AND j.seq = wanted.seq""",
        "calls": """
            INSERT INTO calls (call, worker, opened, closed, seq)
            SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::int[])
            ON CONFLICT (call) DO UPDATE SET worker = excluded.worker, seq = excluded.seq,
            closed = COALESCE(excluded.closed, calls.closed) WHERE excluded.seq > calls.seq""",
        "rules": """
            INSERT INTO rules (version, body, first_used)
            SELECT * FROM unnest($1::text[], $2::text[], $3::float8[])
            ON CONFLICT DO NOTHING""",
    },
}


class Taken(Exception):
    """Records whose (call, seq) holds another event. Nothing of the write was kept."""

    def __init__(self, records: Sequence[EntryRecord]) -> None:
        self.records = records
        super().__init__(f"{len(records)} entries are taken")


class CallRow(NamedTuple):
    """A call as ``calls`` has it; times in UNIX seconds, ``closed`` None while it goes on."""

    call: str
    worker: str
    opened: float
    closed: float | None


class Store:
    """Reads and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = _SQL[database.dialect]

    async def write(self, records: Sequence[Record], worker: str) -> None:
        """Keep all records of ``worker`` in one transaction, or none. Raises `Taken`."""
        entries = [record for record in records if isinstance(record, EntryRecord)]
        versions = [record for record in records if isinstance(record, RulesRecord)]
        async with self._database.begin() as connection:
            if versions:
                await self._insert(connection, "rules", [(r.version, r.body, r.first_used) for r in versions])
            if not entries:
                return
            await mark_writer(connection)
            rows = [(r.call, r.seq, r.at, r.kind, r.payload, worker) for r in entries]
            if await self._insert(connection, "entries", rows) < len(rows) and (
                taken := await self._taken(connection, entries)
            ):
                raise Taken(taken)
            if changed := _call_rows(entries, worker):
                await self._insert(connection, "calls", changed)

    async def _insert(self, connection: AsyncConnection, table: str, rows: list[tuple[Any, ...]]) -> int:
        arguments = rows if self._database.dialect == "sqlite" else tuple(map(list, zip(*rows, strict=True)))
        return (await connection.exec_driver_sql(self._sql[table], arguments)).rowcount

    async def _taken(self, connection: AsyncConnection, records: Sequence[EntryRecord]) -> list[EntryRecord]:
        """Of records already there, those that are there with another content."""
        keys = sorted({(record.call, record.seq) for record in records})
        sqlite = self._database.dialect == "sqlite"
        arguments = (msgspec.json.encode(keys).decode(),) if sqlite else tuple(map(list, zip(*keys, strict=True)))
        found = await connection.exec_driver_sql(self._sql["stored"], arguments)
        stored = {EntryRecord(row.call, row.seq, row.at, row.kind, row.payload) for row in found}
        return [record for record in records if record not in stored]

    async def read(self, call: str) -> list[EntryRecord]:
        columns = journal.c
        query = select(columns.call, columns.seq, columns.at, columns.kind, columns.payload)
        async with self._database.connect() as connection:
            found = await connection.execute(query.where(columns.call == call).order_by(columns.seq))
            return [EntryRecord(*row) for row in found]

    async def open_calls(self, worker: str) -> list[str]:
        query = select(calls.c.call).where(calls.c.worker == worker, calls.c.closed.is_(None))
        async with self._database.connect() as connection:
            return list((await connection.execute(query.order_by(calls.c.opened, calls.c.call))).scalars())

    async def recent_calls(self, limit: int) -> list[CallRow]:
        query = select(calls.c.call, calls.c.worker, calls.c.opened, calls.c.closed)
        async with self._database.connect() as connection:
            found = await connection.execute(query.order_by(calls.c.opened.desc(), calls.c.call).limit(limit))
            return [CallRow(*row) for row in found]

    async def rules(self, version: str) -> bytes | None:
        async with self._database.connect() as connection:
            body = await connection.scalar(select(rules.c.body).where(rules.c.version == version))
        return None if body is None else str(body).encode()

    async def probe(self) -> None:
        """Raise unless the journal can be read."""
        async with self._database.connect() as connection:
            await connection.execute(select(journal.c.position).limit(1))


def _call_rows(records: Iterable[EntryRecord], worker: str) -> list[tuple[Any, ...]]:
    """What the records change in ``calls``: a call begins, comes under this worker's control, or ends."""
    rows: dict[str, tuple[str, str, float, float | None, int]] = {}
    for record in records:
        if record.kind in TOUCHING:
            opened = rows[record.call][2] if record.call in rows else record.at
            closed = record.at if record.kind == _CLOSED else None
            rows[record.call] = (record.call, worker, opened, closed, record.seq)
    return list(rows.values())
