"""A city's transfer tables in the database: which there are, which one holds, what stands in them.

`Drafts` makes and changes tables, `Publishing` puts them in force. Rows never change: a version names the body it has,
and a body is what its hash says.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Database
from routing.tables import queries, storage
from routing.tables.diff import Diff, diff
from routing.tables.frame import Frame
from routing.tables.model import Line, Table
from routing.tables.states import (
    PACK,
    Effective,
    Revision,
    State,
    TableChanged,
    TableRefused,
    UnknownTable,
    Version,
)
from routing.tables.storage import Body, bodies, revisions
from routing.tables.writing import Writing

_REMEMBERED = 4  # bodies: the effective one, a draft, and those they are compared with


class Versions:
    """The tables of one city. ``frame`` gives what stands around them now, ``clock`` UNIX seconds.

    All methods raise the database's errors (see `config.database.is_outage`).
    """

    def __init__(
        self,
        database: Database,
        city: str,
        *,
        frame: Callable[[], Frame],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.city, self.frame = city, frame
        self._database, self._clock = database, clock
        self._bodies: OrderedDict[str, tuple[Line, ...]] = OrderedDict()

    # ---------------------------------------------------------------- for calls

    async def effective(self, at: float | None = None) -> Effective | None:
        """The version that holds at a time, now if none is given; None before the first. Cheap: ask every second."""
        async with self._database.connect() as connection:
            return await queries.effective(connection, self.city, self._clock() if at is None else at)

    async def table(self, number: int) -> Table:
        """A version as calls are routed by it. Raises `UnknownTable`."""
        lines = await self.lines(number)
        return await asyncio.to_thread(self.frame().table, f"{self.city}-table-{number}", lines)

    async def adopt_pack(self, table: Table) -> Version:
        """Put the pack's lines in force where no version was ever approved; returns the first that was.

        Safe when several processes do it at once: one of them does it. A draft that was quicker is left as it is.
        """
        body = await pack(table.rows())
        async with self.changing() as writing:
            known = await queries.approved(writing.connection, self.city, writing.now)
            if known:
                return known[0]
            why = f"lines of {table.version}"
            number = await writing.add(body, who=PACK, why=why, action="adopt", base=None)
            await writing.approve(number, who=PACK, at=writing.now)
            await writing.record("adopt", number, who=PACK, why=why, rows=body.rows)
            return await writing.find(number)

    # ---------------------------------------------------------------- for people

    async def get(self, number: int) -> Version:
        """Raises `UnknownTable`."""
        async with self.reading() as (connection, now):
            return await queries.find(connection, self.city, number, now)

    async def page(self, *, limit: int, before: int | None = None, state: State | None = None) -> Sequence[Version]:
        """Newest first; ``before`` is the number of the last one of the page before. Loads no rows."""
        async with self.reading() as (connection, now):
            return await queries.page(connection, self.city, now, limit=limit, before=before, state=state)

    async def last_approved(self) -> Version | None:
        """The version that the next one will follow: the effective one, or the last that is scheduled."""
        async with self.reading() as (connection, now):
            return await queries.last_approved(connection, self.city, now)

    async def history(self, number: int) -> Sequence[Revision]:
        """All revisions of a version, oldest first. Raises `UnknownTable`."""
        query = select(*(column for column in revisions.columns if column.name not in ("city", "number"))).where(
            revisions.c.city == self.city, revisions.c.number == number
        )
        async with self.reading() as (connection, now):
            await queries.find(connection, self.city, number, now)
            found = await connection.execute(query.order_by(revisions.c.revision))
            return [Revision(**row._mapping) for row in found]

    async def lines(self, number: int, revision: int | None = None) -> tuple[Line, ...]:
        """The rows of a version, or of one revision of it, by number and date. Raises `UnknownTable`."""
        if revision is None:
            return await self.rows_of((await self.get(number)).body)
        query = select(revisions.c.body).where(
            revisions.c.city == self.city, revisions.c.number == number, revisions.c.revision == revision
        )
        async with self._database.connect() as connection:
            body = await connection.scalar(query)
        if body is None:
            raise UnknownTable(f"there is no revision {revision} of version {number}")
        return await self.rows_of(body)

    async def diff(self, old: int, new: int) -> Diff:
        """What makes version ``new`` from version ``old``. Raises `UnknownTable`."""
        return await self.compare(await self.lines(old), await self.lines(new))

    # ---------------------------------------------------------------- for `Drafts` and `Publishing`

    def now(self) -> float:
        return self._clock()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Writing]:
        """A transaction that may change the city's tables; nobody else can meanwhile. Keep it short."""
        async with self._database.begin() as connection:
            last = await storage.lock(connection, self.city)
            yield Writing(connection, self.city, self._clock(), last)  # the time after the wait for the lock

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[tuple[AsyncConnection, float]]:
        """A connection for reading, and the time."""
        async with self._database.connect() as connection:
            yield connection, self._clock()

    async def rows_of(self, body: str) -> tuple[Line, ...]:
        """The rows of a body, which a version or revision named."""
        found = self._bodies.get(body)
        if found is None:
            async with self._database.connect() as connection:
                content = await connection.scalar(select(bodies.c.content).where(bodies.c.hash == body))
            if content is None:
                raise UnknownTable(f"there is no body {body}")
            found = await asyncio.to_thread(storage.unpack, content)
            self._bodies[body] = found
            if len(self._bodies) > _REMEMBERED:
                self._bodies.popitem(last=False)
        self._bodies.move_to_end(body)
        return found

    async def base_rows(self, base: int | None) -> tuple[Line, ...]:
        """The rows of the version a draft was made from; none where there was no version."""
        return () if base is None else await self.lines(base)

    async def compare(self, old: Iterable[Line], new: Iterable[Line]) -> Diff:
        return await asyncio.to_thread(diff, old, new)

    async def changed(self, number: int, read: int) -> TableChanged:
        """The refusal of a change that was meant for an older revision. Raises `TableRefused` for a future one."""
        present = await self.get(number)
        if not 1 <= read < present.revision:
            raise TableRefused("revision", f"version {number} is at revision {present.revision}; {read} never was")
        difference = await self.compare(await self.lines(number, read), await self.rows_of(present.body))
        return TableChanged(number, read, present.revision, difference)


async def pack(lines: Iterable[Line]) -> Body:
    """`storage.pack`, in a thread."""
    return await asyncio.to_thread(storage.pack, lines)
