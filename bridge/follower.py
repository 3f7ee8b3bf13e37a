"""Opens an order for every call, and adds what the call came to when it ends. Follows the journal.

With the end come the call's transfers, each target rung a row of its own (`bridge.transfers`). A danger to life makes
the order urgent while the call goes on (`bridge.incidents`). What people write into an order it never touches. Entries
may come twice or in the wrong order: the first arrival and the first end of a call count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.incidents import Incidents
from bridge.model import Change
from bridge.orders import allot, insert_changes, insert_orders, new_order, opening_fields
from bridge.tables import orders
from bridge.transfers import insert_transfers, measure_transfers, transfers_of
from config.chinatime import china_day
from config.metrics import ORDERS_OPENED, TALK_SECONDS, WAIT_SECONDS
from ivr.call import CallArrived, CallClosed, Outcome, Role, Talk
from ivr.flow import Rules
from ivr.journal import Positioned

WHO = "hotline"  # the author of what the journal tells
_KINDS = {CallArrived.__struct_config__.tag, CallClosed.__struct_config__.tag}
_KNOWN = tuple(orders.c[name] for name in ("call", "number", "caller", "arrived", "closed", "updated"))


class _Told(NamedTuple):
    """What the entries say of one call."""

    arrived: CallArrived | None = None
    closed: CallClosed | None = None

    @property
    def at(self) -> float:
        first = self.arrived or self.closed
        return first.at if first is not None else 0.0


class OrderFollower:
    """A `ivr.journal.Follower`. ``prefix`` is that of the city's order numbers; ``stand_in`` gives the rules for calls
    whose own nobody kept (see `bridge.incidents`).
    """

    name = "orders"

    def __init__(self, prefix: str, stand_in: Callable[[], Rules] | None = None) -> None:
        self._prefix = prefix
        self._incidents = Incidents(stand_in)

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        await self._orders(_gather(entries), connection)
        await self._incidents.handle(entries, connection)

    async def _orders(self, told: Mapping[str, _Told], connection: AsyncConnection) -> None:
        if not told:
            return
        known = {row.call: row for row in await _rows(connection, told.keys())}
        await self._open(connection, {call: news for call, news in told.items() if call not in known})
        for call, row in known.items():
            await _add(connection, row, told[call])
        ended = {call: news.closed for call, news in told.items() if news.closed is not None}
        fresh = {call: closed for call, closed in ended.items() if call not in known or known[call].closed is None}
        await insert_transfers(connection, fresh)

    async def _open(self, connection: AsyncConnection, told: Mapping[str, _Told]) -> None:
        """Open the orders of calls that have none; the numbers of a day are in the order of arrival."""
        rows = []
        ordered = sorted(told, key=lambda call: (told[call].at, call))
        for day, group in groupby(ordered, key=lambda call: china_day(told[call].at)):
            calls = list(group)
            for call, number in zip(calls, await allot(connection, self._prefix, day, len(calls)), strict=True):
                at, (facts, why) = told[call].at, _facts(told[call])
                row = new_order(number, at, call=call, **facts)
                rows.append((row, Change(at, WHO, why, opening_fields(row))))
                _measure(row["arrived"], told[call].closed)
        if rows:
            await insert_orders(connection, rows)
            ORDERS_OPENED.labels(source="call").inc(len(rows))


def _gather(entries: Iterable[Positioned]) -> dict[str, _Told]:
    told: dict[str, _Told] = {}
    for entry in entries:
        if entry.kind not in _KINDS:
            continue
        event, before = entry.event, told.get(entry.call, _Told())
        if isinstance(event, CallArrived) and before.arrived is None:
            told[entry.call] = before._replace(arrived=event)
        elif isinstance(event, CallClosed) and before.closed is None:
            told[entry.call] = before._replace(closed=event)
    return told


async def _rows(connection: AsyncConnection, calls: Iterable[str]) -> Sequence[Row[Any]]:
    query = select(*_KNOWN).where(orders.c.call.in_(sorted(calls))).with_for_update()
    return (await connection.execute(query)).all()


async def _add(connection: AsyncConnection, row: Row[Any], told: _Told) -> None:
    """Add to an order what it does not know yet of its call. That makes no new version of the order, so that whoever
    is writing it meanwhile is not disturbed.
    """
    news = _Told(told.arrived if row.arrived is None else None, told.closed if row.closed is None else None)
    facts, why = _facts(news)
    if not facts:
        return
    if row.caller is not None:
        facts.pop("caller", None)
    for theirs in ("place", "content"):  # people may have written these meanwhile
        facts.pop(theirs, None)
    at = max(each.at for each in news if each is not None)
    values = {**facts, "updated": max(row.updated, at)}
    await connection.execute(update(orders).where(orders.c.number == row.number).values(values))
    await insert_changes(connection, [(row.number, Change(at, WHO, why, opening_fields(facts)))])
    _measure(facts.get("arrived", row.arrived), news.closed)


def _measure(arrived: float | None, closed: CallClosed | None) -> None:
    """Count a call that has ended, once, for the metrics."""
    if closed is None:
        return
    measure_transfers(closed)
    if not closed.talks:
        return
    if arrived is not None:
        WAIT_SECONDS.observe(max(0.0, min(talk.began for talk in closed.talks) - arrived))
    for talk in closed.talks:
        TALK_SECONDS.observe(_length(talk, closed.at))


def _facts(told: _Told) -> tuple[dict[str, Any], str]:
    """The order's fields that the entries fill in, and why in words."""
    facts: dict[str, Any] = {}
    why = []
    if told.arrived is not None:
        facts |= {"caller": told.arrived.caller, "dialled": told.arrived.dialled, "arrived": told.arrived.at}
        facts |= _handed_over(told.arrived)
        why.append("the call arrived")
    if told.closed is not None:
        facts |= _end(told.closed)
        why.append("the call ended")
    return facts, " and ".join(why)


def _handed_over(event: CallArrived) -> dict[str, Any]:
    """What an emergency desk told of the citizen, for the agent to go on with."""
    told = event.handed_over
    if told is None:
        return {}
    incident = f"，警情编号{told.incident}" if told.incident else ""
    return {"place": told.place, "content": f"由{told.desk}移交{incident}。"}


def _end(event: CallClosed) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "closed": event.at,
        "outcome": str(event.outcome),
        "answered": min((talk.began for talk in event.talks), default=None),
        "talk_s": round(sum(_length(talk, event.at) for talk in event.talks), 3),
        "agents": list(dict.fromkeys(talk.party for talk in event.talks if talk.role is Role.AGENT)),
    }
    if event.attempts:
        facts["transfers"] = [asdict(transfer) for transfer in transfers_of(event)]
    if event.appeal:
        facts["appeal"] = True
    if event.appeal or event.outcome is Outcome.MESSAGE:  # whoever left a message, or appealed, waits to be called
        facts["call_back"] = True
    return facts


def _length(talk: Talk, closed: float) -> float:
    return max(0.0, (closed if talk.ended is None else talk.ended) - talk.began)
