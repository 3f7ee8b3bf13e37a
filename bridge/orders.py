"""Orders in the database: opened, found, changed, each change with who, when and why.

The rules of a change are `bridge.model`'s; calls open their orders through `bridge.follower`. It never takes an order
or a line of history away, and never shows a caller's number to a log.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import (
    CATEGORIES,
    Change,
    Order,
    OrderChanged,
    OrderEmergency,
    OrderExists,
    OrderTransfer,
    Status,
    UnknownOrder,
    changes,
)
from bridge.numbers import make_number
from bridge.tables import order_changes, order_days, orders
from config.chinatime import china_day
from config.database import Database
from config.metrics import ORDERS_OPENED


class Place(NamedTuple):
    """Where a page of a list ends: the last order's opening time and number."""

    opened: float
    number: str


class Orders:
    """The orders of one installation.

    ``prefix`` is the city's (`bridge.numbers.make_number`), ``categories`` gives those of the city, ``clock`` UNIX
    seconds. All methods raise the database's errors (see `config.database.is_outage`).
    """

    def __init__(
        self,
        database: Database,
        prefix: str,
        *,
        categories: Callable[[], Collection[str]] = lambda: CATEGORIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.prefix = prefix
        self.categories = categories
        self._database = database
        self._clock = clock

    async def open(
        self, *, who: str, why: str, edit: Mapping[str, Any], caller: str | None = None, call: str | None = None
    ) -> Order:
        """Open an order by hand, filled in with ``edit`` (see `bridge.model.EDITABLE`).

        Raises `OrderExists` when the call has one, `OrderRefused`.
        """
        now = self._clock()
        blank = new_order("", now, caller=caller, call=call)
        fields = changes(_order_of(blank), edit, self.categories())
        async with self._database.begin() as connection:
            if call is not None:
                taken = await connection.scalar(select(orders.c.number).where(orders.c.call == call))
                if taken is not None:
                    raise OrderExists(call, taken)
            (number,) = await allot(connection, self.prefix, china_day(now), 1)
            row = blank | {"number": number} | {field: after for field, (_, after) in fields.items()}
            await insert_orders(connection, [(row, Change(now, who, why, opening_fields(row)))])
        ORDERS_OPENED.labels(source="hand").inc()
        return _order_of(row)

    async def get(self, number: str) -> Order:
        """Raises `UnknownOrder`."""
        async with self._database.connect() as connection:
            return await _find(connection, select(orders).where(orders.c.number == number), number)

    async def history(self, number: str) -> list[Change]:
        """The order's changes, oldest first; none when there is no such order."""
        query = select(order_changes).where(order_changes.c.number == number).order_by(order_changes.c.id)
        async with self._database.connect() as connection:
            found = await connection.execute(query)
            return [Change(row.at, row.who, row.why, {f: (b, a) for f, (b, a) in row.fields.items()}) for row in found]

    async def page(
        self,
        *,
        limit: int,
        after: Place | None = None,
        status: Status | None = None,
        call_back: bool | None = None,
        call: str | None = None,
    ) -> list[Order]:
        """Orders that fit, newest first; ``after`` is where the page before ended."""
        wanted: list[ColumnElement[bool]] = []
        if after is not None:
            wanted.append(tuple_(orders.c.opened, orders.c.number) < tuple_(after.opened, after.number))
        if status is not None:
            wanted.append(orders.c.status == status)
        if call_back is not None:
            wanted.append(orders.c.call_back == call_back)
        if call is not None:
            wanted.append(orders.c.call == call)
        query = select(orders).where(*wanted).order_by(orders.c.opened.desc(), orders.c.number.desc()).limit(limit)
        async with self._database.connect() as connection:
            return [_order_of(row._asdict()) for row in await connection.execute(query)]

    async def change(
        self, number: str, *, who: str, why: str, edit: Mapping[str, Any], version: int | None = None
    ) -> Order:
        """Change an order; with ``version``, only when nobody else has changed it since.

        What is so already is no change and leaves no trace. Raises `UnknownOrder`, `OrderChanged`, `OrderRefused`.
        """
        query = select(orders).where(orders.c.number == number).with_for_update()
        async with self._database.begin() as connection:
            order = await _find(connection, query, number)
            if version is not None and version != order.version:
                raise OrderChanged(number, order.version)
            fields = changes(order, edit, self.categories())
            if not fields:
                return order
            now = self._clock()
            values = {field: after for field, (_, after) in fields.items()}
            values |= {"version": order.version + 1, "updated": now}
            await connection.execute(update(orders).where(orders.c.number == number).values(values))
            await insert_changes(connection, [(number, Change(now, who, why, fields))])
            return await _find(connection, select(orders).where(orders.c.number == number), number)


# ---------------------------------------------------------------- shared with the follower


def new_order(number: str, opened: float, **known: Any) -> dict[str, Any]:
    """The row of an order about which nothing but ``known`` is known."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in orders.columns)
    row |= {"number": number, "version": 1, "opened": opened, "updated": opened, "status": Status.DRAFT}
    row |= {"content": "", "place": "", "urgent": False, "call_back": False, "agents": []}
    row |= {"transfers": [], "appeal": False}
    return row | known


def opening_fields(row: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What the first entry of the history says; the caller's number stands in the order only."""
    silent = {"number", "version", "opened", "updated", "caller"}
    return {field: (None, value) for field, value in row.items() if field not in silent and value not in (None, "", [])}


async def allot(connection: AsyncConnection, prefix: str, day: date, count: int) -> Sequence[str]:
    """The next ``count`` numbers of a day. They are taken when the transaction commits, and free again if it does not;
    until then nobody else can take numbers of that day.
    """
    statement = insert_new(connection)(order_days).values(day=day, last=count)
    statement = statement.on_conflict_do_update(
        index_elements=["day"], set_={"last": order_days.c.last + statement.excluded.last}
    )
    last = (await connection.execute(statement.returning(order_days.c.last))).scalar_one()
    return [make_number(prefix, day, place) for place in range(last - count + 1, last + 1)]


async def insert_orders(connection: AsyncConnection, rows: Iterable[tuple[Mapping[str, Any], Change]]) -> None:
    """Put in new orders, each with the first entry of its history."""
    opened = list(rows)
    await connection.execute(orders.insert(), [dict(row) for row, _ in opened])
    await insert_changes(connection, [(row["number"], change) for row, change in opened])


async def insert_changes(connection: AsyncConnection, entries: Sequence[tuple[str, Change]]) -> None:
    """Write history."""
    await connection.execute(
        order_changes.insert(),
        [
            {"number": number, "at": change.at, "who": change.who, "why": change.why, "fields": dict(change.fields)}
            for number, change in entries
        ],
    )


async def _find(connection: AsyncConnection, query: Select[Any], number: str) -> Order:
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UnknownOrder(f"there is no order {number}")
    return _order_of(row._asdict())


def _order_of(row: Mapping[str, Any]) -> Order:
    transfers = tuple(OrderTransfer(**each) for each in row["transfers"])
    emergency = None if row["emergency"] is None else tuple(OrderEmergency(**each) for each in row["emergency"])
    typed = {"status": Status(row["status"]), "agents": tuple(row["agents"])}
    return Order(**{**row, **typed, "transfers": transfers, "emergency": emergency})


def insert_new(connection: AsyncConnection) -> Any:
    """INSERT of the connection's dialect, which knows ``ON CONFLICT``."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
