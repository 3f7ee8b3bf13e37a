"""The list of calls: what the journal, the orders and the ledger say of each, in one row. Reads only."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, select, tuple_

from bridge.tables import orders
from config.database import Database
from ivr.journal.tables import calls
from recordings.tables import recordings


class Place(NamedTuple):
    """Where a page of the list ends."""

    opened: float
    call: str


@dataclass(frozen=True)
class CallLine:
    """One call. Times are UNIX seconds; ``caller`` is whole; None is what is not known (yet)."""

    call: str
    worker: str
    opened: float
    closed: float | None
    caller: str | None
    dialled: str | None
    order: str | None
    outcome: str | None
    answered: float | None
    talk_s: float | None
    agents: list[str] | None
    recording: str | None


_LINES = (
    select(
        calls.c.call,
        calls.c.worker,
        calls.c.opened,
        calls.c.closed,
        orders.c.caller,
        orders.c.dialled,
        orders.c.number.label("order"),
        orders.c.outcome,
        orders.c.answered,
        orders.c.talk_s,
        orders.c.agents,
        recordings.c.state.label("recording"),
    )
    .outerjoin(orders, orders.c.call == calls.c.call)
    .outerjoin(recordings, recordings.c.call == calls.c.call)
)


class CallBook:
    """Raises the database's errors (see `config.database.is_outage`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, limit: int, after: Place | None = None, open_only: bool = False) -> list[CallLine]:
        """Newest first; ``after`` is where the page before ended."""
        query = _LINES.order_by(calls.c.opened.desc(), calls.c.call.desc()).limit(limit)
        if after is not None:
            query = query.where(tuple_(calls.c.opened, calls.c.call) < tuple_(after.opened, after.call))
        if open_only:
            query = query.where(calls.c.closed.is_(None))
        return await self._lines(query)

    async def find(self, call: str) -> CallLine | None:
        return next(iter(await self._lines(_LINES.where(calls.c.call == call).limit(1))), None)

    async def _lines(self, query: Select[tuple[object, ...]]) -> list[CallLine]:
        async with self._database.connect() as connection:
            return [CallLine(**row._asdict()) for row in await connection.execute(query)]
