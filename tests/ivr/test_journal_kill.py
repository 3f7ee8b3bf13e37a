"""kill -9 in the middle of appending: every acknowledged entry is there afterwards, exactly once.

Run as a program, this module is the process that is killed: it appends for several calls and says on its standard
output which entries were acknowledged.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from config.database import Database
from ivr.call import DigitPressed
from ivr.journal import Entry, Journal
from ivr.journal.tables import journal as journal_table
from tests.support.database import LockedSqlite, Outage, StoppedPostgres, eventually

CALLS = 20
ROOT = Path(__file__).parents[2]


class Child:
    """A worker process that appends until it is killed."""

    def __init__(self, url: str, spool: Path, first_seq: int = 1) -> None:
        self._acknowledged = spool.parent / f"acknowledged-{first_seq}"
        with self._acknowledged.open("wb") as output:
            command = [sys.executable, "-m", "tests.ivr.test_journal_kill", url, str(spool), str(first_seq)]
            self._process = subprocess.Popen(command, stdout=output, cwd=ROOT)

    def has_acknowledged(self, count: int) -> Callable[[], bool]:
        return lambda: self._acknowledged.read_bytes().count(b"\n") >= count

    def kill(self) -> set[tuple[str, int]]:
        """Kill it in the midst of its work; what it had acknowledged."""
        assert self._process.poll() is None, "the process ended by itself"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        whole, _, _ = self._acknowledged.read_text().rpartition("\n")
        lines = (line.split() for line in whole.splitlines())
        return {(call, int(seq)) for call, seq in lines}


async def entries_after_restart(url: str, spool: Path) -> list[tuple[str, int]]:
    """What the next process of that name makes of what it finds."""
    database = Database(url)
    journal = Journal(database, spool, "w1", retry_s=(0.02, 0.1))
    await journal.start()
    await eventually(lambda: journal.stats.waiting == 0 and journal.stats.spooling_since is None)
    async with database.connect() as connection:
        query = select(journal_table.c.call, journal_table.c.seq).order_by(journal_table.c.position)
        found = [(row.call, row.seq) for row in await connection.execute(query)]
    for call in {call for call, _ in found}:
        seqs = [entry.seq for entry in await journal.read(call)]
        assert seqs == list(range(1, len(seqs) + 1)), "a gap in a call's history"
    await journal.stop()
    await database.dispose()
    return found


async def migrated(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await database.dispose()


async def test_given_kill_while_committing_then_every_acknowledged_entry_is_there_once(
    database_url: str, tmp_path: Path
) -> None:
    await migrated(database_url)
    acknowledged: set[tuple[str, int]] = set()
    for first_seq in (1, 1):  # the second process appends some of the same entries again
        child = Child(database_url, tmp_path / "spool", first_seq)
        await eventually(child.has_acknowledged(3000), 60)
        acknowledged |= child.kill()
    found = await entries_after_restart(database_url, tmp_path / "spool")
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)
    assert len(acknowledged) >= 3000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Outage:
    if request.param == "sqlite":
        return LockedSqlite(tmp_path / "hotline.db")
    server, _ = request.getfixturevalue("doomed_postgres")
    return StoppedPostgres(server)


async def test_given_kill_while_spooling_then_every_acknowledged_entry_is_there_once(
    away: Outage, tmp_path: Path
) -> None:
    await migrated(away.url)
    child = Child(away.url, tmp_path / "spool")
    try:
        await eventually(child.has_acknowledged(1000), 60)
        await away.begin()
        await eventually(lambda: (tmp_path / "spool/w1.spool").stat().st_size > 300_000, 60)
        acknowledged = child.kill()
    finally:
        away.end()
    found = await entries_after_restart(away.url, tmp_path / "spool")
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)
    assert len(acknowledged) >= 2000


async def test_given_kill_while_draining_then_every_acknowledged_entry_is_there_once(
    away: Outage, tmp_path: Path
) -> None:
    await migrated(away.url)
    spool = tmp_path / "spool/w1.spool"
    await away.begin()
    child = Child(away.url, tmp_path / "spool")
    try:
        await eventually(lambda: spool.exists() and spool.stat().st_size > 3_000_000, 60)
        away.end()
        database = Database(away.url)
        await eventually(lambda: has_entries(database), 60)
        acknowledged = child.kill()
        await database.dispose()
        assert spool.stat().st_size > 0, "it had drained everything already"
    finally:
        away.end()
    found = await entries_after_restart(away.url, tmp_path / "spool")
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)


async def has_entries(database: Database) -> bool:
    async with database.connect() as connection:
        return await connection.scalar(select(journal_table.c.position).limit(1)) is not None


async def append_until_killed(url: str, spool: Path, first_seq: int) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    database = Database(url, busy_timeout_s=0.5, connect_timeout_s=0.5)
    journal = Journal(database, spool, "w1", commit_timeout_s=0.5, retry_s=(0.02, 0.1))
    await journal.start()

    async def run(call: str) -> None:
        seq = first_seq
        while True:
            await journal.append(Entry(call, seq, DigitPressed(at=float(seq), leg="leg", digit="1")))
            os.write(1, f"{call} {seq}\n".encode())
            seq += 1

    await asyncio.gather(*(run(f"c{n}") for n in range(CALLS)))


if __name__ == "__main__":
    asyncio.run(append_until_killed(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
