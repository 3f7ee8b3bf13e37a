"""What the journal takes: events a second of many calls at once, and how long one event waits to be durable.

Baselines in the same run, straight on the driver: whole batches in one transaction (no design can be faster), and a
commit for each event (what sharing commits saves). Everything on disk, with each commit flushed.
"""

import asyncio
import logging
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import asyncpg
import structlog
import uvloop
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.flow import STORY
from bench.stats import percentile
from config.database import Database
from hotline.runtime import paths, postgres
from ivr.journal import Entry, FollowerRunner, Journal, Positioned
from ivr.journal.entries import encode
from ivr.journal.tables import rules

CALLS = 500  # at the same time
RATE = 300.0  # events/s for the latency: ten times what 3 calls/s bring
SECONDS = 3.0  # of each measurement
BATCH = 500  # rows of one transaction of the ceiling: one event of each call

_COLUMNS = "journal (call, seq, at, kind, payload, worker)"


def measure(seconds: float = SECONDS) -> dict[str, float]:
    """Figures by ``<database>.<figure>``: sqlite, sqlite_normal (not flushed at each commit) and postgresql.

    ``events_per_s`` of the journal, ``ceiling_per_s`` and ``commit_each_per_s`` of the baselines, ``spool_per_s``
    while the database is away, ``p50_ms`` and ``p99_ms`` of one append at 300 events/s, the same while two followers
    catch up with all that (``followed_…``).
    """
    folder = paths.layout().root / "bench" / "journal"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    figures: dict[str, float] = {}
    with postgres.running(folder / "postgresql") as server:
        places: list[tuple[str, str, Literal["FULL", "NORMAL"]]] = [
            ("sqlite", f"sqlite:///{folder / 'full.db'}", "FULL"),
            ("sqlite_normal", f"sqlite:///{folder / 'normal.db'}", "NORMAL"),
            ("postgresql", server.create_database("journal"), "FULL"),
        ]
        for name, url, synchronous in places:
            found = uvloop.run(_measure(url, synchronous, folder / name, seconds))
            figures |= {f"{name}.{figure}": value for figure, value in found.items()}
    return figures


async def _measure(url: str, synchronous: Literal["FULL", "NORMAL"], spool: Path, seconds: float) -> dict[str, float]:
    database = Database(url, synchronous=synchronous)
    await database.migrate()
    raw = _raw_sqlite if database.dialect == "sqlite" else _raw_postgresql
    figures = await raw(url, synchronous, seconds)
    journal = Journal(database, spool, "bench")
    await journal.start()
    figures["events_per_s"] = await _many_calls(journal, seconds)
    alone = await _latencies(journal, seconds)
    runner = FollowerRunner(database, [_Counter("one"), _Counter("two")])
    journal.on_commit(runner.wake)
    await runner.start()
    followed = await _latencies(journal, seconds)
    await runner.stop()
    for prefix, samples in (("", alone), ("followed_", followed)):
        figures[f"{prefix}p50_ms"] = percentile(samples, 0.5) * 1000
        figures[f"{prefix}p99_ms"] = percentile(samples, 0.99) * 1000
    await journal.stop()
    await database.dispose()

    away = Journal(Database("postgresql://nobody@127.0.0.1:1/none"), spool, "away")  # nothing listens on port 1
    await away.start()
    figures["spool_per_s"] = await _many_calls(away, seconds)
    await away.stop()
    return figures


# ---------------------------------------------------------------- the journal


async def _many_calls(journal: Journal, seconds: float) -> float:
    """Events a second of `CALLS` calls at once, each waiting for its event before it goes on, as the engine does."""
    began = time.perf_counter()
    kept = 0

    async def one_after_another(line: int) -> None:
        nonlocal kept
        number = 0
        while time.perf_counter() - began < seconds:
            number += 1
            call = f"bench-{began}-{line}.{number}"
            for seq, event in enumerate(STORY, 1):
                await journal.append(Entry(call, seq, event))
                kept += 1

    await asyncio.gather(*(one_after_another(line) for line in range(CALLS)))
    return kept / (time.perf_counter() - began)


async def _latencies(journal: Journal, seconds: float) -> list[float]:
    """Seconds from the moment an event is due to the moment it is durable; events come whether or not the last is."""
    began = time.perf_counter()
    samples = []

    async def append(number: int) -> None:
        due = began + number / RATE
        await asyncio.sleep(due - time.perf_counter())
        late = max(0.0, time.perf_counter() - due)  # the timer's delay is not the journal's
        call, seq = divmod(number, len(STORY))
        await journal.append(Entry(f"single-{began}-{call}", seq + 1, STORY[seq]))
        samples.append(time.perf_counter() - due - late)

    await asyncio.gather(*(append(number) for number in range(int(seconds * RATE))))
    return samples


class _Counter:
    """A follower that writes a row for each call, as those of orders and recordings do."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        rows = [
            {"version": f"{self.name}-{entry.call}", "body": "{}", "first_used": entry.at}
            for entry in entries
            if entry.kind == "call_arrived"
        ]
        if rows:
            await connection.execute(insert(rules), rows)


# ---------------------------------------------------------------- the baselines


def _rows(count: int, series: str) -> list[tuple[Any, ...]]:
    rows = []
    for number in range(count):
        call, seq = divmod(number, len(STORY))
        record = encode(Entry(f"{series}-{call}", seq + 1, STORY[seq]))
        rows.append((record.call, record.seq, record.at, record.kind, record.payload, "bench"))
    return rows


async def _raw_sqlite(url: str, synchronous: str, seconds: float) -> dict[str, float]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    statement = f"INSERT INTO {_COLUMNS} VALUES (?, ?, ?, ?, ?, ?)"

    async def write(rows: list[tuple[Any, ...]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")

    figures = await _ceiling_and_floor(write, seconds)
    connection.close()
    return figures


async def _raw_postgresql(url: str, _synchronous: str, seconds: float) -> dict[str, float]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    statement = f"INSERT INTO {_COLUMNS} VALUES ($1, $2, $3, $4, $5, $6)"

    async def write(rows: list[tuple[Any, ...]]) -> None:
        await connection.executemany(statement, rows)  # one implicit transaction

    figures = await _ceiling_and_floor(write, seconds)
    await connection.close()
    return figures


async def _ceiling_and_floor(
    write: Callable[[list[tuple[Any, ...]]], Awaitable[None]], seconds: float
) -> dict[str, float]:
    figures = {}
    for figure, size in (("ceiling_per_s", BATCH), ("commit_each_per_s", 1)):
        began, written, spent = time.perf_counter(), 0, 0.0
        while time.perf_counter() - began < seconds:
            rows = _rows(size, f"{figure}-{written}")
            before = time.perf_counter()
            await write(rows)
            spent += time.perf_counter() - before  # the database's time alone
            written += size
        figures[figure] = written / spent
    return figures


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # the outage is wanted
    for name, value in measure().items():
        print(f"{name:32} {value:12,.2f}")
