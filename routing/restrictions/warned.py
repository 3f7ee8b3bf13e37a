"""Warnings given to callers (提醒), which some cities ask for before a restriction (四川 §21)."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, select

from config import audit
from config.database import Database
from config.logs import mask_text
from routing.restrictions.callers import Callers
from routing.restrictions.evidence import gather
from routing.restrictions.model import Calls, Person, Policy, Warned, check_enabled
from routing.restrictions.tables import warnings


class Warnings:
    """The warnings of one installation; parameters as of `routing.restrictions.Restrictions`."""

    def __init__(
        self,
        database: Database,
        callers: Callers,
        calls: Calls,
        policy: Callable[[], Policy],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy
        self._database, self._callers, self._calls, self._clock = database, callers, calls, clock

    async def add(self, who: Person, call: str, note: str) -> Warned:
        """Record that ``who`` warned the caller in this call. It counts from now: only later calls are evidence."""
        now = self._clock()
        check_enabled(self._policy())
        caller = (await gather(self._calls, self._callers, [call], field="call")).caller
        row = warnings.insert().values(
            caller=caller.key, shown=caller.shown, call=call, at=now, by=who.name, note=mask_text(note)
        )
        async with self._database.begin() as connection:
            made = (await connection.execute(row.returning(warnings))).one()
            detail = {"caller": caller.shown, "call": call}
            entry = audit.Entry(now, who.name, "restriction.warn", f"restriction_warning:{made.id}", note, detail)
            await audit.record(connection, entry)
        return _warned(made)

    async def page(self, *, limit: int, before: int | None = None, call: str | None = None) -> list[Warned]:
        """The newest first; with ``call``, those given to the caller of that call."""
        query = select(warnings).order_by(warnings.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(warnings.c.id < before)
        if call is not None:
            caller = (await gather(self._calls, self._callers, [call], field="call")).caller
            query = query.where(warnings.c.caller == caller.key)
        async with self._database.connect() as connection:
            return [_warned(row) for row in await connection.execute(query)]


def _warned(row: Row[Any]) -> Warned:
    return Warned(id=row.id, caller=row.shown, call=row.call, at=row.at, by=row.by, note=row.note)
