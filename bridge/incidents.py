"""Follows the journal for dangers to life: the order becomes urgent, incident tickets are written, and alarms that
their worker could not write are there all the same.

Part of `bridge.follower`'s transaction; no call waits for it. Whatever is told twice is written once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
import structlog
from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.alarms import insert_alarms
from bridge.emergencies import Handoff, Incident, incident_of
from bridge.model import Change
from bridge.orders import insert_changes
from bridge.tables import orders
from bridge.tickets import keep_tickets
from ivr.call import AnyEvent, CallArrived, CallClosed, DigitPressed, EmergencyAsked, TransferKind
from ivr.flow import Rules
from ivr.journal import Positioned, UnreadableEntry
from ivr.journal.tables import journal
from ivr.journal.tables import rules as rules_table

log = structlog.get_logger(__name__)

WHO = "hotline"
# With each of these a call may become an emergency; one that is takes notice of every entry.
_BEGINS = {str(kind.__struct_config__.tag) for kind in (CallArrived, DigitPressed, EmergencyAsked)}
_CLOSED = str(CallClosed.__struct_config__.tag)
_VERSIONS_KEPT = 8


class Incidents:
    """``stand_in`` gives the rules for calls whose own nobody kept, as workers take them; without it such calls are
    passed over.
    """

    def __init__(self, stand_in: Callable[[], Rules] | None = None) -> None:
        self._stand_in = stand_in
        self._rules: dict[str, Rules] = {}

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        """Take the next entries of the journal; the orders of their calls are open already."""
        known = await _urgent_calls(connection, {entry.call for entry in entries})
        wanted = {entry.call for entry in entries if entry.call in known or _may_begin(entry)}
        for call, events in (await _events(connection, wanted)).items():
            rules = await self._rules_of(connection, events)
            if rules is None:
                continue
            incident = incident_of(call, events, rules)
            if incident.since is not None:
                await _write(connection, incident)

    async def _rules_of(self, connection: AsyncConnection, events: Sequence[AnyEvent]) -> Rules | None:
        """The rules a call began with, or those in force instead; None without a beginning or any rules."""
        first = events[0] if events else None
        if not isinstance(first, CallArrived):
            return None
        if first.rules not in self._rules:
            query = select(rules_table.c.body).where(rules_table.c.version == first.rules)
            body = await connection.scalar(query)
            if body is None:
                return self._stand_in() if self._stand_in is not None else None
            self._rules[first.rules] = msgspec.json.decode(body, type=Rules)
            if len(self._rules) > _VERSIONS_KEPT:
                del self._rules[next(iter(self._rules))]
        return self._rules[first.rules]


def _may_begin(entry: Positioned) -> bool:
    if entry.kind == _CLOSED:
        event = entry.event
        attempts = event.attempts if isinstance(event, CallClosed) else ()
        return any(attempt.transfer is TransferKind.EMERGENCY for attempt in attempts)
    return entry.kind in _BEGINS


async def _urgent_calls(connection: AsyncConnection, calls: Iterable[str]) -> set[str]:
    query = select(orders.c.call).where(orders.c.call.in_(sorted(calls)), orders.c.emergency.is_not(None))
    return set((await connection.execute(query)).scalars())


async def _events(connection: AsyncConnection, calls: Iterable[str]) -> Mapping[str, list[AnyEvent]]:
    """The journal of each call, up to the first gap: what comes after it waits until the gap is filled."""
    columns = (journal.c.position, journal.c.call, journal.c.seq, journal.c.at, journal.c.kind, journal.c.payload)
    query = select(*columns).where(journal.c.call.in_(sorted(calls))).order_by(journal.c.call, journal.c.seq)
    rows = [Positioned(*row) for row in await connection.execute(query)]
    return {call: list(_whole(group)) for call, group in groupby(rows, key=lambda entry: entry.call)}


def _whole(entries: Iterable[Positioned]) -> Iterable[AnyEvent]:
    for seq, entry in enumerate(entries, 1):
        if entry.seq != seq:
            return
        try:
            yield entry.event
        except UnreadableEntry as error:
            log.error("emergency.unreadable", call=error.call, seq=error.seq, kind=error.kind)
            return


async def _write(connection: AsyncConnection, incident: Incident) -> None:
    query: Select[Any] = select(orders.c.number, orders.c.urgent, orders.c.emergency, orders.c.updated)
    order = (await connection.execute(query.where(orders.c.call == incident.call).with_for_update())).one_or_none()
    if order is not None:
        await _mark(connection, order, incident)
    await keep_tickets(connection, incident, None if order is None else order.number)
    await insert_alarms(connection, incident.alarms)


async def _mark(connection: AsyncConnection, order: Row[Any], incident: Incident) -> None:
    """The order is urgent from the moment its call becomes an emergency, until people decide otherwise; and it tells
    to whom the citizen was handed and who confirmed it. Like the rest of what calls tell, that is no new version.
    """
    handed = [_handed(handoff) for handoff in incident.handoffs]
    if order.emergency == handed:
        return
    at = incident.since or order.updated
    values: dict[str, Any] = {"emergency": handed, "updated": max(order.updated, at)}
    if order.emergency is None and not order.urgent:
        values["urgent"] = True
        change = Change(at, WHO, "danger to life", {"urgent": (False, True)})
        await insert_changes(connection, [(order.number, change)])
    await connection.execute(update(orders).where(orders.c.number == order.number).values(values))


def _handed(handoff: Handoff) -> dict[str, Any]:
    """As `bridge.model.OrderEmergency` has it."""
    return {
        "number": handoff.number,
        "place": handoff.place,
        "event": handoff.event,
        "asked_by": handoff.asked_by,
        "began": handoff.began,
        "connected": handoff.connected,
        "confirmed_by": handoff.confirmed_by,
        "confirmed": handoff.confirmed,
    }
