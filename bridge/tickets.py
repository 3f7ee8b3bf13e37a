"""Incident tickets (警情单): what an emergency desk is told of a citizen who is handed to it, while the call goes on.

Written by the journal's follower, never on the way of the call. Emergency desks' systems read them and say so.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.emergencies import Handoff, Incident, Route
from bridge.tables import emergency_tickets as table
from config import audit
from config.database import Database


class TicketError(Exception):
    """The family of errors about tickets; the text is one sentence for whoever asked."""


class UnknownTicket(TicketError):
    """No ticket has this id."""


@dataclass(frozen=True)
class Ticket:
    """One ticket. Times are UNIX seconds; ``caller`` and the routes' addresses are whole. ``change`` grows with every
    change of any ticket, so that whoever read up to one reads on after it.
    """

    id: int
    change: int
    call: str
    number: str
    order_number: str | None
    caller: str | None
    dialled: str
    place: str
    event: str
    began: float
    asked_by: str
    routes: tuple[Route, ...]
    connected: float | None
    confirmed: float | None
    confirmed_by: str | None
    received: float | None
    received_by: str | None


async def keep_tickets(connection: AsyncConnection, incident: Incident, order: str | None) -> None:
    """Write what the incident's handoffs are like now; what is so already is no change.

    For the journal's follower only, of which one works at a time: that makes ``change`` grow in the order of commits.
    """
    kept = {row.number: row for row in await connection.execute(select(table).where(table.c.call == incident.call))}
    for handoff in incident.handoffs:
        values = _values(incident, handoff, order)
        known = kept.get(handoff.number)
        if known is not None and all(known._mapping[name] == value for name, value in values.items()):
            continue
        newest = await connection.scalar(select(func.coalesce(func.max(table.c.change), 0)))
        values |= {"change": (newest or 0) + 1}
        if known is None:
            key = {"call": incident.call, "number": handoff.number}
            await connection.execute(table.insert().values(values | key))
        else:  # what was received before is not what there is to receive now
            news = values | {"received": None, "received_by": None}
            await connection.execute(update(table).where(table.c.id == known.id).values(news))


def _values(incident: Incident, handoff: Handoff, order: str | None) -> dict[str, Any]:
    return {
        "order_number": order,
        "caller": incident.caller,
        "dialled": incident.dialled,
        "place": handoff.place,
        "event": handoff.event,
        "began": handoff.began,
        "asked_by": handoff.asked_by,
        "routes": [asdict(route) for route in handoff.routes],
        "connected": handoff.connected,
        "confirmed": handoff.confirmed,
        "confirmed_by": handoff.confirmed_by,
    }


class Tickets:
    """The tickets of one installation; ``clock`` gives UNIX seconds. Raises the database's errors (see
    `config.database.is_outage`).
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def after(self, change: int, *, limit: int, pending_only: bool = False) -> Sequence[Ticket]:
        """What is new or has changed after ``change`` (0: all), oldest change first."""
        query = select(table).where(table.c.change > change).order_by(table.c.change).limit(limit)
        if pending_only:
            query = query.where(table.c.received.is_(None))
        async with self._database.connect() as connection:
            return [_ticket(row) for row in await connection.execute(query)]

    async def receive(self, ticket: int, *, who: str, change: int) -> Ticket:
        """An emergency desk's system has the ticket as it was at ``change``, kept with the audit log. Said again, or of
        a ticket that has changed since, it does nothing: the ticket that comes back tells. Raises `UnknownTicket`.
        """
        now = self._clock()
        as_read = (table.c.id == ticket) & (table.c.change == change) & table.c.received.is_(None)
        async with self._database.begin() as connection:
            done = await connection.execute(update(table).where(as_read).values(received=now, received_by=who))
            row = (await connection.execute(select(table).where(table.c.id == ticket))).one_or_none()
            if row is None:
                raise UnknownTicket("there is no ticket with this id; the list of tickets shows those there are")
            if done.rowcount:
                detail: Mapping[str, object] = {"call": row.call, "number": row.number, "change": change}
                entry = audit.Entry(now, who, "ticket.receive", f"ticket:{ticket}", detail=detail)
                await audit.record(connection, entry)
        return _ticket(row)


def _ticket(row: Row[Any]) -> Ticket:
    return Ticket(**{**row._asdict(), "routes": tuple(Route(**each) for each in row.routes)})
