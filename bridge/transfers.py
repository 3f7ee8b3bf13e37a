"""Transfers (转接): what each target rung for a citizen came to, and the figures of lines and targets.

Written by `bridge.follower` when the call is over. Addresses are whole in the table; `shown_target` masks a person's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import OrderTransfer
from bridge.tables import transfers
from config.chinatime import CHINA
from config.database import Database
from config.logs import mask_number
from config.metrics import TRANSFER_ANSWER_SECONDS, TRANSFERS
from ivr.call import Attempt, CallClosed, TransferKind, TransferResult

UNKNOWN = "unknown"  # the result of an attempt of which the call's end says none
_SERVICE_DIGITS = 8  # 12366, 96110, a county's 7-digit number are published; longer numbers may be people's


def shown_target(address: str) -> str:
    """An address as people may see it: service numbers and desks as they are, longer numbers masked."""
    scheme, _, number = address.partition(":")
    if scheme == "phone" and number.isdigit() and len(number) > _SERVICE_DIGITS:
        return f"phone:{mask_number(number)}"
    if scheme == "phone" and not number.isdigit():
        return mask_number(address)
    return address


# ---------------------------------------------------------------- out of the journal


def transfers_of(event: CallClosed) -> list[OrderTransfer]:
    """The call's transfers as its order keeps them: targets masked, in the order of ringing."""
    return [
        OrderTransfer(
            line=attempt.line,
            target=shown_target(attempt.address),
            kind=str(attempt.transfer),
            agent=attempt.agent,
            began=attempt.began,
            answered_s=_answered_s(attempt),
            result=None if attempt.result is None else str(attempt.result),
        )
        for attempt in event.attempts
    ]


async def insert_transfers(connection: AsyncConnection, ended: Mapping[str, CallClosed]) -> None:
    """Keep the transfers of the calls that ended. Those that are there already stay as they are."""
    rows = [
        {
            "call": call,
            "seq": seq,
            "line": attempt.line,
            "address": attempt.address,
            "kind": str(attempt.transfer),
            "agent": attempt.agent,
            "began": attempt.began,
            "answered": attempt.answered,
            "ended": attempt.ended,
            "result": None if attempt.result is None else str(attempt.result),
        }
        for call, event in ended.items()
        for seq, attempt in enumerate(event.attempts, 1)
    ]
    if rows:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        await connection.execute(insert(transfers).on_conflict_do_nothing(), rows)


def measure_transfers(event: CallClosed) -> None:
    """Count the transfers of a call that has ended, for the metrics."""
    for attempt in event.attempts:
        TRANSFERS.labels(attempt.line, attempt.transfer, attempt.result or UNKNOWN).inc()
        if (seconds := _answered_s(attempt)) is not None:
            TRANSFER_ANSWER_SECONDS.observe(seconds)


def _answered_s(attempt: Attempt) -> float | None:
    return None if attempt.answered is None else round(max(0.0, attempt.answered - attempt.began), 3)


# ---------------------------------------------------------------- out of the table


class Place(NamedTuple):
    """Where a page of the list ends."""

    began: float
    call: str
    seq: int


@dataclass(frozen=True)
class Transfer:
    """One target rung. Times are UNIX seconds; ``address`` is whole."""

    call: str
    seq: int
    line: str
    address: str
    kind: TransferKind
    agent: str
    began: float
    answered: float | None
    ended: float | None
    result: TransferResult | None

    @property
    def answered_s(self) -> float | None:
        """Seconds until somebody answered."""
        return None if self.answered is None else max(0.0, self.answered - self.began)


@dataclass(frozen=True)
class Span:
    """Which transfers are wanted, by when they began (UNIX seconds, ``begin`` included, ``end`` not); None is all."""

    begin: float | None = None
    end: float | None = None
    line: str | None = None

    @classmethod
    def of_days(cls, first: date | None, last: date | None, line: str | None = None) -> "Span":
        """Whole days in China, the last one included."""
        return cls(
            begin=None if first is None else _midnight(first),
            end=None if last is None else _midnight(last + timedelta(days=1)),
            line=line,
        )

    def conditions(self) -> Iterable[ColumnElement[bool]]:
        if self.begin is not None:
            yield transfers.c.began >= self.begin
        if self.end is not None:
            yield transfers.c.began < self.end
        if self.line is not None:
            yield transfers.c.line == self.line


@dataclass(frozen=True)
class Waits:
    """Seconds from ringing until the target answered, over the attempts that were answered. Percentiles by nearest
    rank: p95 is the shortest of the times that at least 95 % of them did not exceed.
    """

    mean: float
    p50: float
    p95: float


@dataclass(frozen=True)
class Figure:
    """What the transfers to one target of a line came to."""

    line: str
    address: str  # whole
    attempts: int
    results: Mapping[str, int] = field(default_factory=dict)  # how often each; `UNKNOWN` for none
    answer_s: Waits | None = None  # None: nobody ever answered

    @property
    def connected(self) -> int:
        return self.results.get(TransferResult.CONNECTED, 0)

    @property
    def success(self) -> float:
        """The share of attempts that brought citizen and target together, 0 to 1."""
        return self.connected / self.attempts


class Transfers:
    """The transfers of one installation. Raises the database's errors (see `config.database.is_outage`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, span: Span, *, limit: int, after: Place | None = None) -> list[Transfer]:
        """Newest first; ``after`` is where the page before ended."""
        place = (transfers.c.began, transfers.c.call, transfers.c.seq)
        query = select(transfers).where(*span.conditions()).order_by(*(part.desc() for part in place)).limit(limit)
        if after is not None:
            query = query.where(tuple_(*place) < tuple_(*after))
        async with self._database.connect() as connection:
            return [_transfer(row._asdict()) for row in await connection.execute(query)]

    async def figures(self, span: Span) -> list[Figure]:
        """Of each line and target that was rung, by line and address."""
        async with self._database.connect() as connection:
            counted = await _counts(connection, span)
            waits = await _waits(connection, span)
        return [
            Figure(line, address, sum(results.values()), results, waits.get((line, address)))
            for (line, address), results in sorted(counted.items())
        ]


Target = tuple[str, str]  # line and address


async def _counts(connection: AsyncConnection, span: Span) -> dict[Target, dict[str, int]]:
    group = (transfers.c.line, transfers.c.address, transfers.c.result)
    query = select(*group, func.count()).where(*span.conditions()).group_by(*group)
    counted: dict[Target, dict[str, int]] = {}
    for line, address, result, count in await connection.execute(query):
        counted.setdefault((line, address), {})[result or UNKNOWN] = count
    return counted


async def _waits(connection: AsyncConnection, span: Span) -> dict[Target, Waits]:
    group: Sequence[ColumnElement[str]] = (transfers.c.line, transfers.c.address)
    wait = transfers.c.answered - transfers.c.began
    ranked = (
        select(
            *group,
            wait.label("wait"),
            func.row_number().over(partition_by=group, order_by=wait).label("place"),
            func.count().over(partition_by=group).label("size"),
        )
        .where(transfers.c.answered.is_not(None), *span.conditions())
        .subquery()
    )

    def percentile(percent: int) -> ColumnElement[float | None]:
        """By nearest rank, rounded up in whole numbers."""
        place = (ranked.c.size * percent + 99) // 100
        return func.max(case((ranked.c.place == place, ranked.c.wait)))

    query = select(ranked.c.line, ranked.c.address, func.avg(ranked.c.wait), percentile(50), percentile(95)).group_by(
        ranked.c.line, ranked.c.address
    )
    return {
        (line, address): Waits(*(round(max(0.0, seconds), 3) for seconds in figures))
        for line, address, *figures in await connection.execute(query)
    }


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min, CHINA).timestamp()


def _transfer(row: Mapping[str, Any]) -> Transfer:
    result = row["result"]
    return Transfer(
        **{**row, "kind": TransferKind(row["kind"]), "result": None if result is None else TransferResult(result)}
    )
