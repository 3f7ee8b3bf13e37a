"""What a worker knows of restrictions when a call arrives: a snapshot in memory, which never keeps a call waiting."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta

import structlog
from sqlalchemy import select

from config.chinatime import china_day
from config.database import Database, is_outage, within
from routing.restrictions.callers import Callers
from routing.restrictions.model import Decision, Policy
from routing.restrictions.tables import restrictions

log = structlog.get_logger(__name__)

Period = tuple[date, date]  # first and last day


class ActiveRestrictions:
    """The confirmed restrictions, read again every ``poll_s`` by one query on an index.

    Without the database it keeps what it has, and each restriction still ends with its last day; before it was ever
    read nobody is restricted. ``policy`` is asked for each call: in a city whose rules know no restriction, none holds.
    """

    def __init__(
        self,
        database: Database,
        callers: Callers,
        policy: Callable[[], Policy],
        *,
        poll_s: float = 1.0,
        limit_s: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._callers, self._policy = database, callers, policy
        self._poll_s, self._limit_s, self._clock = poll_s, limit_s, clock
        self._periods: Mapping[str, tuple[Period, ...]] = {}
        self._polling: asyncio.Task[None] | None = None
        self._failing = False

    def restricted_until(self, caller: str | None, at: float) -> date | None:
        """The last day on which this caller is restricted, as things stand at the UNIX time ``at``; None: not at all.

        ``caller`` is as the carrier gave it; a withheld number is never restricted.
        """
        if not self._periods or not self._policy().enabled:
            return None
        found = self._callers.find(caller)
        if found is None:
            return None
        day = china_day(at)
        return max((ends for begins, ends in self._periods.get(found.key, ()) if begins <= day <= ends), default=None)

    async def start(self) -> None:
        """Read once, if the database answers, and go on reading in the background."""
        await self.poll()
        self._polling = asyncio.create_task(self._poll(), name="restrictions")

    async def stop(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
            self._polling = None

    async def poll(self) -> bool:
        """Read once; whether it succeeded. What goes wrong is logged when it begins, and never raised."""
        try:
            self._periods = await within(self._limit_s, self._read())
        except Exception as error:
            if not self._failing:
                report = log.warning if is_outage(error) else log.error
                report("restrictions cannot be read, those known stay in force", error=type(error).__name__)
            self._failing = True
            return False
        if self._failing:
            log.info("restrictions are read again", callers=len(self._periods))
        self._failing = False
        return True

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self.poll()

    async def _read(self) -> Mapping[str, tuple[Period, ...]]:
        # a day more than needed: whether it still holds is decided for each call, by the call's own time
        recent = china_day(self._clock()) - timedelta(days=1)
        query = select(restrictions.c.caller, restrictions.c.begins, restrictions.c.ends).where(
            restrictions.c.decision == Decision.CONFIRMED, restrictions.c.ends >= recent
        )
        found: dict[str, tuple[Period, ...]] = {}
        async with self._database.connect() as connection:
            for caller, begins, ends in await connection.execute(query):
                found[caller] = (*found.get(caller, ()), (begins, ends))
        return found
