"""Brings the transfer table in force from the database to a process, within a second of its publication.

New calls get the new table, whole; calls under way keep the one they began with. While the database is away the table
that is known stays.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from config.database import Database, is_outage, within
from hotline.city import City
from ivr.flow import Rules
from routing.tables.states import Effective
from routing.tables.versions import Versions

log = structlog.get_logger(__name__)

POLL_S = 1.0
LIMIT_S = 10.0
FIRST_LIMIT_S = 2.0


class TableWatch:
    """``keep`` makes rules durable before the first call has them. One process of an installation, at low priority, has
    ``speak``: it makes what callers of each row hear ahead, for all.
    """

    def __init__(
        self, city: City, database: Database, keep: Callable[[Rules], Awaitable[None]], *, speak: bool = False
    ) -> None:
        self._city, self._keep, self._speak = city, keep, speak
        self._versions = Versions(database, city.pack.id, frame=lambda: city.frame)
        self._known: Effective | None = None
        self._failing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Look once, but not for long: calls are waiting. Then go on looking."""
        await self.look(FIRST_LIMIT_S)
        self._tasks = [asyncio.create_task(self._look_on(), name="transfer table")]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self, limit_s: float = LIMIT_S) -> bool:
        """Whether another table came into force. What goes wrong is logged when it begins; the known table stays."""
        try:
            changed = await within(limit_s, self._look())
        except Exception as error:
            if not self._failing:
                report = log.warning if is_outage(error) else log.exception
                report("the transfer table cannot be read, the known one stays", error=type(error).__name__)
            self._failing = True
            return False
        self._failing = False
        return changed

    async def _look(self) -> bool:
        found = await self._versions.effective()
        if found is None or found == self._known:
            return False
        rules = self._city.rules_with(await self._versions.table(found.number))
        await self._keep(rules)
        self._city.use(rules)
        self._known = found
        await asyncio.to_thread(self._city.remember)
        return True

    async def _look_on(self) -> None:
        if self._speak:
            await self._city.prepare_table()
        while True:
            await asyncio.sleep(POLL_S)
            if await self.look() and self._speak:
                await self._city.prepare_table()
