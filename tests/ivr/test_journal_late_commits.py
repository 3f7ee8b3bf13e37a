"""A follower never steps over an entry that commits late. On a real PostgreSQL, with transactions held open."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from config.database import Database
from hotline.runtime.postgres import Postgres, programs
from ivr.journal import FollowerRunner, Journal, Positioned
from ivr.journal.gaps import Tail, mark_writer
from tests.ivr.test_journal import arrived, digit, story
from tests.support.database import eventually, new_database

pytestmark = pytest.mark.postgres


class Writer:
    """A worker's transaction on the journal which the test keeps open as long as it likes."""

    def __init__(self, connection: AsyncConnection, transaction: AsyncTransaction) -> None:
        self.connection, self.transaction = connection, transaction

    @classmethod
    async def begin(cls, database: Database, *, forced: bool = True) -> "Writer":
        connection = await database._engine.connect()
        writer = cls(connection, await connection.begin())
        if forced:
            await mark_writer(connection)
        return writer

    async def insert(self, call: str, seq: int = 1) -> int:
        """The position that the entry got."""
        found = await self.connection.scalar(
            text(
                "INSERT INTO journal (call, seq, at, kind, payload, worker)"
                " VALUES (:call, :seq, 0, 'digit_pressed', '{}', 'w') RETURNING position"
            ),
            {"call": call, "seq": seq},
        )
        return int(found)

    async def commit(self) -> None:
        await self.transaction.commit()
        await self.connection.close()

    async def roll_back(self) -> None:
        await self.transaction.rollback()
        await self.connection.close()


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, pool_size=30)
    await database.migrate()
    yield database
    await database.dispose()


class Reader:
    """One follower's view, asked step by step."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tail = Tail("postgresql")
        self._position = 0

    def moves_to(self, database: Database) -> None:
        """As a new process that knows only the follower's position."""
        self._database, self._tail = database, Tail("postgresql")

    async def next(self, limit: int = 100) -> list[str]:
        async with self._database.begin() as connection:
            entries = await self._tail.after(connection, self._position, limit)
        self._position = entries[-1].position if entries else self._position
        return [entry.call for entry in entries]


async def test_given_an_earlier_entry_is_not_committed_then_later_ones_wait_for_it(database: Database) -> None:
    reader = Reader(database)
    late, quick = await Writer.begin(database), await Writer.begin(database)
    assert await late.insert("late") < await quick.insert("quick")
    await quick.commit()
    assert [await reader.next(), await reader.next()] == [[], []]
    await late.commit()
    assert await reader.next() == ["late", "quick"]


async def test_given_the_earlier_entry_is_rolled_back_then_the_gap_is_stepped_over(database: Database) -> None:
    reader = Reader(database)
    late, quick = await Writer.begin(database), await Writer.begin(database)
    await late.insert("late")
    await quick.insert("quick")
    await quick.commit()
    assert await reader.next() == []
    await late.roll_back()
    assert await reader.next() == ["quick"]


async def test_given_a_writer_with_an_older_transaction_commits_first_then_nothing_is_skipped(
    database: Database,
) -> None:
    """Transaction ids in one order, positions in the other: the order of ids decides nothing."""
    reader = Reader(database)
    first, second = await Writer.begin(database), await Writer.begin(database)
    for writer in (first, second):  # ids assigned in this order
        await writer.connection.execute(text("SELECT pg_current_xact_id()"))
    await second.insert("b")
    await first.insert("a")
    await first.commit()
    assert await reader.next() == []
    await second.commit()
    assert await reader.next() == ["b", "a"]


async def test_given_the_late_entry_commits_just_before_the_writers_are_listed_then_it_is_not_skipped(
    database: Database,
) -> None:
    """Nobody is at work any more when asked, but the rows were read before: they must be read again."""
    late, quick = await Writer.begin(database), await Writer.begin(database)
    await late.insert("late")
    await quick.insert("quick")
    await quick.commit()

    class CommitsBetween:
        statements = 0

        def __init__(self, connection: AsyncConnection) -> None:
            self._connection = connection

        async def execute(self, *arguments: Any) -> Any:
            self.statements += 1
            if self.statements == 2:
                await late.commit()
            return await self._connection.execute(*arguments)

    async with database.begin() as connection:
        watched = CommitsBetween(connection)
        entries = await Tail("postgresql").after(cast("AsyncConnection", watched), 0, 100)
    assert [entry.call for entry in entries] == ["late", "quick"]
    assert watched.statements == 3


async def test_given_entries_before_the_gap_then_they_do_not_wait(database: Database) -> None:
    reader = Reader(database)
    writers = [await Writer.begin(database) for _ in range(4)]
    for name, writer in zip("abcd", writers, strict=True):
        await writer.insert(name)
    for index in (0, 1, 3):
        await writers[index].commit()
    assert await reader.next() == ["a", "b"]
    assert await reader.next() == []
    await writers[2].commit()
    assert await reader.next() == ["c", "d"]


async def test_given_writers_come_and_go_without_end_then_an_old_gap_is_settled_all_the_same(
    database: Database,
) -> None:
    """Only those who wrote when the gap was seen are waited for, not everybody who came later."""
    reader = Reader(database)
    gone, quick = await Writer.begin(database), await Writer.begin(database)
    await gone.insert("gone")
    await quick.insert("quick")
    await quick.commit()
    assert await reader.next() == []
    newcomer = await Writer.begin(database)
    await newcomer.insert("newcomer")
    await gone.roll_back()
    assert await reader.next() == ["quick"]
    assert await reader.next() == []
    await newcomer.commit()
    assert await reader.next() == ["newcomer"]


async def test_given_a_second_gap_behind_the_first_then_it_is_judged_by_itself(database: Database) -> None:
    reader = Reader(database)
    writers = [await Writer.begin(database) for _ in range(4)]
    for name, writer in zip("abcd", writers, strict=True):
        await writer.insert(name)
    await writers[1].commit()
    assert await reader.next() == []  # waits for a, c and d, who were all at work
    late = await Writer.begin(database)
    await late.insert("late")
    after = await Writer.begin(database)
    await after.insert("after")
    await after.commit()
    await writers[0].roll_back()
    await writers[2].roll_back()
    await writers[3].roll_back()
    assert await reader.next() == ["b"]
    assert await reader.next() == []
    await late.commit()
    assert await reader.next() == ["late", "after"]


async def test_given_an_unrelated_transaction_runs_for_long_then_gaps_do_not_wait_for_it(database: Database) -> None:
    async with database.begin() as unrelated:
        await unrelated.execute(text("SELECT pg_current_xact_id()"))
        await unrelated.execute(text("CREATE TABLE slow_report (x INT)"))
        reader = Reader(database)
        gone, quick = await Writer.begin(database), await Writer.begin(database)
        await gone.insert("gone")
        await quick.insert("quick")
        await quick.commit()
        await gone.roll_back()
        assert await reader.next() == ["quick"]


async def test_given_thousands_of_lost_positions_then_they_are_settled_at_once(database: Database) -> None:
    """A drained spool that was in the database already uses up positions for nothing."""
    for gap in range(50):
        async with database.begin() as connection:
            await connection.execute(text("SELECT nextval('journal_position_seq') FROM generate_series(1, 100)"))
        writer = await Writer.begin(database)
        await writer.insert(f"c{gap}")
        await writer.commit()
    assert await Reader(database).next() == [f"c{gap}" for gap in range(50)]


async def test_given_the_oldest_entries_were_deleted_then_a_new_reader_begins_behind_them(database: Database) -> None:
    for name in "abc":
        writer = await Writer.begin(database)
        await writer.insert(name)
        await writer.commit()
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM journal WHERE call IN ('a', 'b')"))
    assert await Reader(database).next() == ["c"]


async def test_given_a_dump_restored_into_another_cluster_then_its_reader_goes_on(
    database: Database, postgres_url: str, doomed_postgres: tuple[Postgres, Path]
) -> None:
    """Nothing that is stored refers to transactions: the ids of the other cluster are other ones, and smaller."""
    reader = Reader(database)
    for name in "abc":
        writer = await Writer.begin(database)
        await writer.insert(name)
        await (writer.roll_back() if name == "b" else writer.commit())
    open_one = await Writer.begin(database)
    await open_one.insert("open")
    last = await Writer.begin(database)
    await last.insert("last")
    await last.commit()
    assert await reader.next(limit=1) == ["a"]

    elsewhere = new_database(doomed_postgres[0])
    dump = run("pg_dump", "--no-owner", plain(postgres_url))
    run("psql", "--quiet", "--set=ON_ERROR_STOP=1", plain(elsewhere), given=dump)
    restored = Database(elsewhere)
    reader.moves_to(restored)
    assert await reader.next() == ["c", "last"]
    writer = await Writer.begin(restored)
    await writer.insert("new")
    await writer.commit()
    assert await reader.next() == ["new"]
    await open_one.roll_back()
    await restored.dispose()


def plain(url: str) -> str:
    """As PostgreSQL's own programs want it."""
    return url.replace("postgresql+asyncpg://", "postgresql://")


def run(program: str, *arguments: str, given: str | None = None) -> str:
    command = [str(programs() / program), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


async def test_given_many_writers_that_stall_and_fail_then_followers_see_all_that_was_committed_in_order(
    database: Database, tmp_path: Path
) -> None:
    seen: list[tuple[str, int]] = []

    class Collector:
        name = "collector"

        async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
            seen.extend((entry.call, entry.seq) for entry in entries)

    committed: set[tuple[str, int]] = set()
    dice = random.Random(12345)

    async def write(worker: int) -> None:
        seq = 1
        for _ in range(40):
            writer = await Writer.begin(database)
            entries = dice.randrange(1, 4)
            for offset in range(entries):
                await writer.insert(f"w{worker}", seq + offset)
                await asyncio.sleep(dice.choice((0, 0, 0.002, 0.01)))
            if dice.random() < 0.3:
                await writer.roll_back()
                continue
            await writer.commit()
            committed.update((f"w{worker}", seq + offset) for offset in range(entries))
            seq += entries

    async def append() -> None:
        for n in range(60):
            entries = story(f"j{n}", arrived(f"j{n}"), digit())
            await journal.append(*entries)
            committed.update((entry.call, entry.seq) for entry in entries)

    journal = Journal(database, tmp_path, "w")
    await journal.start()
    runner = FollowerRunner(database, [Collector()], batch=10, poll_s=0.005, pause_s=0)
    await runner.start()
    await asyncio.gather(append(), *(write(worker) for worker in range(8)))
    await eventually(lambda: len(seen) >= len(committed))
    await runner.stop()
    await journal.stop()

    assert len(seen) == len(set(seen)), "an entry was handled twice"
    assert set(seen) == committed
    for worker in range(8):
        seqs = [seq for call, seq in seen if call == f"w{worker}"]
        assert seqs == sorted(seqs)
