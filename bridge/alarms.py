"""Alarms of supervisors in the database: raised, read, waited for, acknowledged.

Whoever raises one writes the same row: the worker at once, the journal's follower for what that lost.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.emergencies import Raised
from bridge.orders import insert_new
from bridge.tables import alarms, orders
from config import audit
from config.database import Database, within

POLL_S = 0.25  # how soon a waiting screen learns of an alarm
LOOK_LIMIT_S = 3.0


class AlarmError(Exception):
    """The family of errors about alarms; the text is one sentence for the person who asked."""


class UnknownAlarm(AlarmError):
    """No alarm has this id."""


class AlarmAcknowledged(AlarmError):
    """Somebody has taken care of it already."""


@dataclass(frozen=True)
class KeptAlarm(Raised):
    """One alarm as the database keeps it, with the order of its call. ``caller`` is whole; ``acknowledged`` is UNIX
    seconds, None while nobody has taken care of it; ``done`` is what that person did.
    """

    id: int
    order: str | None
    caller: str | None
    acknowledged: float | None
    acknowledged_by: str | None
    done: str | None


async def insert_alarms(connection: AsyncConnection, raised: Iterable[Raised]) -> None:
    """Keep alarms. Those that are there already stay as they are."""
    rows = [asdict(alarm) for alarm in raised]
    if rows:
        await connection.execute(insert_new(connection)(alarms).on_conflict_do_nothing(), rows)


class AlarmBook:
    """The alarms of one installation; ``clock`` gives UNIX seconds. Raises the database's errors (see
    `config.database.is_outage`).
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def page(self, *, limit: int, open_only: bool = False) -> list[KeptAlarm]:
        """The open ones first, then what was taken care of; the newest of each first."""
        query = _KEPT.order_by(alarms.c.acknowledged.is_not(None), alarms.c.id.desc()).limit(limit)
        if open_only:
            query = query.where(alarms.c.acknowledged.is_(None))
        async with self._database.connect() as connection:
            return [_kept(row) for row in await connection.execute(query)]

    async def mark(self) -> str:
        """What the list is like now; it differs whenever an alarm was raised or acknowledged."""
        counts = select(func.count(), func.count(alarms.c.acknowledged)).select_from(alarms)
        async with self._database.connect() as connection:
            every, acknowledged = (await connection.execute(counts)).one()
        return f"{every}-{acknowledged}"

    async def changed(self, mark: str, wait_s: float) -> str:
        """Wait until the list is no longer as ``mark`` says, ``wait_s`` seconds at most; the mark it has then. Raises
        `config.database.DatabaseUnreachable` as soon as one look takes longer than `LOOK_LIMIT_S`.
        """
        until = time.monotonic() + wait_s
        while True:
            now = await within(LOOK_LIMIT_S, self.mark())
            left = until - time.monotonic()
            if now != mark or left <= 0:
                return now
            await asyncio.sleep(min(POLL_S, left))

    async def acknowledge(self, alarm: int, *, who: str, done: str) -> KeptAlarm:
        """A supervisor has taken care of it, in one transaction with the audit log.

        Raises `UnknownAlarm`, `AlarmAcknowledged`.
        """
        now = self._clock()
        open_one = (alarms.c.id == alarm) & alarms.c.acknowledged.is_(None)
        async with self._database.begin() as connection:
            values = {"acknowledged": now, "acknowledged_by": who, "done": done}
            changed = await connection.execute(update(alarms).where(open_one).values(values))
            row = (await connection.execute(_KEPT.where(alarms.c.id == alarm))).one_or_none()
            if row is None:
                raise UnknownAlarm("there is no alarm with this id; the list of alarms shows those there are")
            found = _kept(row)
            if not changed.rowcount:
                raise AlarmAcknowledged(f"{found.acknowledged_by} has taken care of this alarm already")
            detail = {"call": found.call, "kind": found.kind, "line": found.line}
            entry = audit.Entry(now, who, "alarm.acknowledge", f"alarm:{alarm}", why=done, detail=detail)
            await audit.record(connection, entry)
        return found


_KEPT: Select[Any] = select(alarms, orders.c.number.label("order"), orders.c.caller.label("caller")).select_from(
    alarms.outerjoin(orders, orders.c.call == alarms.c.call)
)


def _kept(row: Row[Any]) -> KeptAlarm:
    return KeptAlarm(**row._asdict())
