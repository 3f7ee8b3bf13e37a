"""Readers of the journal with a durable place in it: orders, recordings, statistics.

A follower's position moves in the transaction of its own writes, so its effects on the database happen exactly
once, and anything else at least once. The runner delays no call and never steps over an entry.
"""

import asyncio
import random
import traceback
from collections.abc import Sequence
from typing import Protocol

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Database, DatabaseUnreachable, is_outage, within
from ivr.journal.entries import Positioned
from ivr.journal.gaps import Tail, newest_position
from ivr.journal.tables import followers as table

log = structlog.get_logger(__name__)

_REGISTER = text("INSERT INTO followers (name, position) VALUES (:name, 0) ON CONFLICT DO NOTHING")


class Follower(Protocol):
    """Something that keeps up with the journal from its beginning; ``name`` is its place's name, for ever."""

    name: str

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        """Take the next entries, in order. Writes through ``connection`` are committed together with the position.

        On SQLite this holds the only write lock: be short, and do nothing slow here. Raising rolls back; the same
        entries come again later.
        """


class FollowerRunner:
    """Feeds followers, each at its own pace.

    ``batch`` is the most entries of one transaction, ``poll_s`` how often entries of other processes are looked
    for, ``pause_s`` how long a follower rests between batches, ``timeout_s`` the longest a batch may take,
    ``retry_s`` the shortest and the longest pause after a failure. The same follower may run in several processes
    (PostgreSQL): one of them works at a time.
    """

    def __init__(
        self,
        database: Database,
        followers: Sequence[Follower],
        *,
        batch: int = 200,
        poll_s: float = 0.2,
        pause_s: float = 0.1,
        timeout_s: float = 30.0,
        retry_s: tuple[float, float] = (0.1, 10.0),
    ) -> None:
        self._database = database
        self._poll_s, self._pause_s = poll_s, pause_s
        self._places = [_Place(database, follower, batch, timeout_s, retry_s) for follower in followers]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def positions(self) -> dict[str, int]:
        """The place of each follower as this process knows it."""
        return {place.follower.name: place.position for place in self._places}

    def wake(self) -> None:
        """There may be new entries; to be given to `Journal.on_commit`."""
        for place in self._places:
            place.news.set()

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(place.follow(self._pause_s), name=f"follower-{place.follower.name}")
            for place in self._places
        ]
        self._tasks.append(asyncio.create_task(self._poll(), name="follower-poll"))

    async def stop(self) -> None:
        """Stop at once; what was being handled is rolled back and comes again."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []

    async def _poll(self) -> None:
        """Look for entries of other processes, and at gaps that were not settled."""
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                newest = await within(5.0, self._newest())
            except Exception as error:
                log.debug("follower.poll_failed", error=type(error).__name__)
                continue
            for place in self._places:
                if place.position < newest:
                    place.news.set()

    async def _newest(self) -> int:
        async with self._database.connect() as connection:
            return await newest_position(connection)


class _Place:
    """One follower, and how far it is."""

    def __init__(
        self, database: Database, follower: Follower, batch: int, timeout_s: float, retry_s: tuple[float, float]
    ) -> None:
        self.follower = follower
        self.position = 0
        self.news = asyncio.Event()
        self._database = database
        self._batch = batch
        self._singly = 0  # entries to be given one by one, because one of them made the batch fail
        self._timeout_s, self._retry_s = timeout_s, retry_s
        self._tail = Tail(database.dialect)
        self._handling: Sequence[Positioned] = ()
        self._failures = 0

    async def follow(self, pause_s: float) -> None:
        while True:
            self.news.clear()
            try:
                count = await within(self._timeout_s, self._step())
            except Exception as error:
                await asyncio.sleep(self._failed(error))
                continue
            self._failures = 0
            if self._singly:
                self._singly -= 1
                continue
            if not count:
                await self.news.wait()
            await asyncio.sleep(pause_s)  # entries gather; and one that catches up leaves room for appends

    async def _step(self) -> int:
        """Handle the next entries in one transaction; how many they were."""
        self._handling = ()
        async with self._database.begin(replayable=True) as connection:
            position = await self._lock(connection)
            if position is None:
                return 0
            self.position = position
            entries = await self._tail.after(connection, position, 1 if self._singly else self._batch)
            if not entries:
                return 0
            self._handling = entries
            await self.follower.handle(entries, connection)
            reached = entries[-1].position
            await connection.execute(update(table).where(table.c.name == self.follower.name).values(position=reached))
        self.position = reached
        return len(entries)

    async def _lock(self, connection: AsyncConnection) -> int | None:
        """The follower's position, locked; None when another process is at work on it."""
        query = select(table.c.position).where(table.c.name == self.follower.name)
        found: int | None = await connection.scalar(query.with_for_update(skip_locked=True))
        if found is None:
            await connection.execute(_REGISTER, {"name": self.follower.name})
            found = await connection.scalar(query.with_for_update(skip_locked=True))
        return found

    def _failed(self, error: Exception) -> float:
        """Log it and return the pause before the next try. Entries then come one by one, to find the bad one."""
        shortest, longest = self._retry_s
        self._failures += 1
        pause = min(shortest * 2.0 ** min(self._failures - 1, 20), longest) * random.uniform(0.8, 1.2)  # noqa: S311
        # A follower's own trouble with a file or a socket is an OSError, too: only without entries it must be ours.
        if is_outage(error) and (not self._handling or isinstance(error, DBAPIError | DatabaseUnreachable)):
            log.warning("follower.database_lost", follower=self.follower.name, error=type(error).__name__)
            return pause
        if len(self._handling) > 1:
            self._singly = len(self._handling)
            log.warning("follower.failed", follower=self.follower.name, error=type(error).__name__, at=_place(error))
            return shortest
        # Neither the error's text nor the entry's content: both may hold personal data.
        names = ("call", "seq", "position", "kind")
        bad = {name: getattr(entry, name) for entry in self._handling for name in names}
        log.error("follower.stuck", follower=self.follower.name, error=type(error).__name__, at=_place(error), **bad)
        return pause


def _place(error: BaseException) -> str:
    """Where in our own code it came from, as ``file:line``."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else "?"
