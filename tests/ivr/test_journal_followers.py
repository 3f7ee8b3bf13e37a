"""Followers: each entry once, in order, at each follower's own pace, whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from config.database import Database
from ivr.call import DigitPressed
from ivr.journal import Entry, Follower, FollowerRunner, Journal, Positioned
from tests.ivr.test_journal import arrived, closed, digit, story
from tests.support.database import Outage, eventually

SECRET = "13800138000"


class Notes:
    """Writes what it is given into a table of its own, in the runner's transaction."""

    def __init__(self, name: str = "notes") -> None:
        self.name = name
        self.batches: list[int] = []
        self.trouble: Callable[[Positioned], None] = lambda _: None

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        self.batches.append(len(entries))
        for entry in entries:
            await connection.execute(
                text("INSERT INTO notes (follower, call, seq) VALUES (:f, :c, :s)"),
                {"f": self.name, "c": entry.call, "s": entry.seq},
            )
            self.trouble(entry)


@pytest_asyncio.fixture
async def journal(database: Database, tmp_path: Path) -> AsyncIterator[Journal]:
    await make_notes(database)
    journal = Journal(database, tmp_path / "spool", "w1")
    await journal.start()
    yield journal
    await journal.stop()


async def make_notes(database: Database) -> None:
    number = "INTEGER PRIMARY KEY AUTOINCREMENT" if database.dialect == "sqlite" else "BIGSERIAL"
    async with database.begin() as connection:
        await connection.execute(text(f"CREATE TABLE notes (n {number}, follower TEXT, call TEXT, seq INTEGER)"))


@asynccontextmanager
async def following(database: Database, *followers: Follower, journal: Journal | None = None) -> AsyncIterator[None]:
    runner = FollowerRunner(database, followers, batch=20, poll_s=0.02, pause_s=0.001, retry_s=(0.01, 0.05))
    if journal is not None:
        journal.on_commit(runner.wake)
    await runner.start()
    try:
        yield
    finally:
        await runner.stop()


async def noted(database: Database, follower: str = "notes") -> list[tuple[str, int]]:
    async with database.connect() as connection:
        query = text("SELECT call, seq FROM notes WHERE follower = :f ORDER BY n")
        return [(row.call, row.seq) for row in await connection.execute(query, {"f": follower})]


def has_noted(database: Database, count: int, follower: str = "notes") -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return len(await noted(database, follower)) >= count

    return check


async def test_followers_get_each_entry_once_in_order_of_each_call(database: Database, journal: Journal) -> None:
    async def run(call: str) -> None:
        for entry in story(call, arrived(call), *(digit(float(n)) for n in range(8)), closed()):
            await journal.append(entry)

    async with following(database, Notes("a"), Notes("b"), journal=journal):
        await asyncio.gather(*(run(f"c{n}") for n in range(30)))
        await eventually(has_noted(database, 300, "a"))
        await eventually(has_noted(database, 300, "b"))
    for name in ("a", "b"):
        found = await noted(database, name)
        assert len(found) == len(set(found)) == 300
        for n in range(30):
            assert [seq for call, seq in found if call == f"c{n}"] == list(range(1, 11))


async def test_entries_of_another_process_are_found_without_being_told(database: Database, journal: Journal) -> None:
    async with following(database, Notes()):
        await journal.append(*story("c", arrived("c"), digit()))
        await eventually(has_noted(database, 2))


async def test_given_a_restart_when_following_again_then_it_goes_on_where_it_was(
    database: Database, journal: Journal
) -> None:
    await journal.append(*story("a", arrived("a"), digit()))
    async with following(database, Notes()):
        await eventually(has_noted(database, 2))
    await journal.append(*story("b", arrived("b")))
    late = Notes("late")
    async with following(database, Notes(), late):
        await eventually(has_noted(database, 3))
        await eventually(has_noted(database, 3, "late"))
    assert await noted(database) == await noted(database, "late") == [("a", 1), ("a", 2), ("b", 1)]


async def test_given_a_follower_that_raises_then_its_writes_are_undone_and_the_others_go_on(
    database: Database, journal: Journal
) -> None:
    bad, good = Notes("bad"), Notes("good")
    broken = True

    def trouble(entry: Positioned) -> None:
        if broken and entry.call == "c30":
            raise RuntimeError(f"cannot file the call of {SECRET}")

    bad.trouble = trouble
    for n in range(50):
        await journal.append(*story(f"c{n}", arrived(f"c{n}")))
    with capture_logs() as logs:
        async with following(database, bad, good):
            await eventually(has_noted(database, 50, "good"))
            await eventually(lambda: any(log["event"] == "follower.stuck" for log in logs))
            assert await noted(database, "bad") == [(f"c{n}", 1) for n in range(30)], (
                "entries before the bad one are done"
            )
            broken = False
            await eventually(has_noted(database, 50, "bad"))
    assert await noted(database, "bad") == [(f"c{n}", 1) for n in range(50)]
    stuck = next(log for log in logs if log["event"] == "follower.stuck")
    assert (stuck["follower"], stuck["call"], stuck["seq"], stuck["kind"]) == ("bad", "c30", 1, "call_arrived")
    assert stuck["error"] == "RuntimeError"
    assert stuck["at"].rpartition(":")[0].endswith("test_journal_followers.py")
    assert SECRET not in repr(logs)


async def test_given_a_follower_that_hangs_then_the_others_go_on(postgres_url: str, tmp_path: Path) -> None:
    """On SQLite a follower that hangs holds the only write lock until its time is up; PostgreSQL has no such limit."""
    database = Database(postgres_url)
    await database.migrate()
    await make_notes(database)
    journal = Journal(database, tmp_path, "w1")
    await journal.start()

    class Hanging:
        name = "hanging"

        async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
            await asyncio.get_running_loop().create_future()

    async with following(database, Hanging(), Notes(), journal=journal):
        await journal.append(*story("c", arrived("c"), digit()))
        await eventually(has_noted(database, 2))
    await journal.stop()
    await database.dispose()


async def test_given_a_follower_over_its_time_then_it_is_rolled_back_and_tried_again(
    database: Database, journal: Journal
) -> None:
    class Slow(Notes):
        tries = 0

        async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
            self.tries += 1
            await super().handle(entries, connection)
            if self.tries == 1:
                await asyncio.get_running_loop().create_future()

    slow = Slow()
    runner = FollowerRunner(database, [slow], poll_s=0.02, timeout_s=0.2, retry_s=(0.01, 0.05))
    await runner.start()
    await journal.append(*story("c", arrived("c"), digit()))
    await eventually(has_noted(database, 2))
    await runner.stop()
    assert await noted(database) == [("c", 1), ("c", 2)]
    assert slow.tries > 1
    assert runner.positions["notes"] >= 2


async def test_an_entry_of_an_unknown_kind_stops_only_those_who_must_read_it(
    database: Database, journal: Journal
) -> None:
    class Digits(Notes):
        async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
            wanted = [entry for entry in entries if entry.kind == "digit_pressed"]
            assert all(isinstance(entry.event, DigitPressed) for entry in wanted)
            await super().handle(wanted, connection)

    class Everything(Notes):
        async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
            assert [entry.event for entry in entries]
            await super().handle(entries, connection)

    await journal.append(*story("a", arrived("a"), digit(), digit()))
    async with database.begin() as connection:
        await connection.execute(
            text("UPDATE journal SET kind = 'telepathy', payload = '{\"kind\":\"telepathy\"}' WHERE seq = 2")
        )
    with capture_logs() as logs:
        async with following(database, Digits("digits"), Everything("all")):
            await eventually(has_noted(database, 1, "digits"))
            await eventually(lambda: any(log["event"] == "follower.stuck" for log in logs))
    assert await noted(database, "digits") == [("a", 3)]
    assert await noted(database, "all") == [("a", 1)]
    stuck = next(log for log in logs if log["event"] == "follower.stuck")
    assert (stuck["follower"], stuck["error"], stuck["seq"]) == ("all", "UnreadableEntry", 2)


async def test_given_the_same_follower_twice_then_each_entry_is_handled_once(
    database: Database, journal: Journal, database_url: str
) -> None:
    """Two processes of ours, here two databases of one process."""
    second = Database(database_url)
    async with following(database, Notes()), following(second, Notes()):
        for n in range(100):
            await journal.append(*story(f"c{n}", arrived(f"c{n}"), digit()))
        await eventually(has_noted(database, 200))
    await second.dispose()
    found = await noted(database)
    assert len(found) == len(set(found)) == 200


async def test_given_an_outage_then_followers_go_on_after_it(outage: Outage, tmp_path: Path) -> None:
    database = Database(outage.url, busy_timeout_s=0.3, connect_timeout_s=0.3)
    await database.migrate()
    await make_notes(database)
    journal = Journal(database, tmp_path / "spool", "w1", commit_timeout_s=0.3, retry_s=(0.02, 0.1))
    await journal.start()
    runner = FollowerRunner(database, [Notes()], poll_s=0.02, timeout_s=1.0, retry_s=(0.02, 0.1))
    journal.on_commit(runner.wake)
    await runner.start()
    await journal.append(*story("a", arrived("a")))
    await eventually(has_noted(database, 1))
    await outage.begin()
    await journal.append(Entry("a", 2, digit()))
    await journal.append(Entry("a", 3, closed()))
    outage.end()
    await eventually(lambda: journal.stats.waiting == 0)
    await eventually(has_noted(database, 3))
    assert await noted(database) == [("a", 1), ("a", 2), ("a", 3)]
    await runner.stop()
    await journal.stop()
    await database.dispose()


@pytest.mark.parametrize("error", [FileNotFoundError("no disk"), TimeoutError("no answer")])
async def test_a_followers_own_trouble_is_not_taken_for_an_outage(
    database: Database, journal: Journal, error: Exception
) -> None:
    notes = Notes()

    def trouble(entry: Positioned) -> None:
        raise error

    notes.trouble = trouble
    await journal.append(*story("a", arrived("a")))
    with capture_logs() as logs:
        async with following(database, notes):
            await eventually(lambda: any(log["event"] == "follower.stuck" for log in logs))
