"""The journal while its database is away: entries go to the spool, and land later, once and in order."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from config.database import Database, DatabaseUnreachable
from ivr.call import DigitPressed
from ivr.journal import Entry, Journal, JournalReader, NotDurable, SequenceTaken
from ivr.journal.tables import journal as journal_table
from tests.ivr.test_journal import arrived, closed, digit, story
from tests.support.database import LockedSqlite, Outage, eventually


class Site:
    """A worker's journal on a database that can be taken away."""

    def __init__(self, outage: Outage, spool: Path) -> None:
        self.outage, self.spool = outage, spool
        self.database = Database(outage.url, busy_timeout_s=1.0, connect_timeout_s=1.0)
        self.journal = self.new_journal()

    def new_journal(self, worker: str = "w1") -> Journal:
        return Journal(self.database, self.spool, worker, commit_timeout_s=0.3, read_timeout_s=0.3, retry_s=(0.02, 0.1))

    async def drained(self, journal: Journal | None = None) -> None:
        stats = (journal or self.journal).stats
        await eventually(lambda: stats.waiting == 0 and stats.spooling_since is None)

    async def in_database(self) -> list[tuple[str, int]]:
        """(call, seq) in the order of positions."""
        async with self.database.connect() as connection:
            columns = journal_table.c
            found = await connection.execute(select(columns.call, columns.seq).order_by(columns.position))
            return [(row.call, row.seq) for row in found]


@pytest_asyncio.fixture
async def site(outage: Outage, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(outage, tmp_path / "spool")
    await site.database.migrate()
    await site.journal.start()
    yield site
    outage.end()
    await site.journal.stop()
    await site.database.dispose()


async def test_given_an_outage_when_events_arrive_then_they_are_kept_at_once_and_land_later_once_in_order(
    site: Site,
) -> None:
    calls = [f"c{n}" for n in range(20)]
    done = asyncio.Event()

    async def run(call: str) -> None:
        await site.journal.append(Entry(call, 1, arrived(call)))
        seq = 1
        while not done.is_set():
            seq += 1
            await site.journal.append(Entry(call, seq, digit(float(seq))))
        await site.journal.append(Entry(call, seq + 1, closed()))

    running = asyncio.gather(*(run(call) for call in calls))
    await eventually(lambda: site.journal.stats.commits > 10)
    await site.outage.begin()
    await eventually(lambda: site.journal.stats.spooled > 1000)
    assert site.journal.stats.oldest is not None
    assert site.journal.stats.spooling_since is not None
    site.outage.end()
    await site.drained()
    commits = site.journal.stats.commits
    await eventually(lambda: site.journal.stats.commits > commits + 10)  # written directly again
    done.set()
    await running

    landed = await site.in_database()
    assert len(landed) == len(set(landed)) == site.journal.stats.appended
    for call in calls:
        seqs = [seq for name, seq in landed if name == call]
        assert seqs == list(range(1, len(seqs) + 1)), "a later event landed before an earlier one"
        assert isinstance((await site.journal.read(call))[-1].event, DigitPressed) is False
    assert site.journal.stats.outages >= 1
    assert site.spool.joinpath("w1.spool").stat().st_size == 0


async def test_given_an_outage_when_a_call_that_arrived_in_it_is_read_then_the_spool_has_it_all(site: Site) -> None:
    await site.journal.append(*story("before", arrived("before")))
    await site.outage.begin()
    entries = story("during", arrived("during"), digit())
    await site.journal.append(*entries)
    await site.journal.append(Entry("before", 2, digit()))
    assert await site.journal.read("during") == entries
    if site.outage.readable:
        assert [entry.seq for entry in await site.journal.read("before")] == [1, 2]
    else:
        with pytest.raises(DatabaseUnreachable):
            await site.journal.read("before")
    site.outage.end()
    await site.drained()
    assert [entry.seq for entry in await site.journal.read("before")] == [1, 2]
    assert await site.journal.open_calls() == ["before", "during"]


async def test_given_an_outage_when_rules_are_kept_then_they_are_found_and_land_later(site: Site) -> None:
    await site.outage.begin()
    await site.journal.keep_rules("v2", b'{"v":2}')
    assert await site.journal.rules("v2") == b'{"v":2}'
    await site.journal.stop()
    site.journal = site.new_journal()
    await site.journal.start()
    assert await site.journal.rules("v2") == b'{"v":2}'
    site.outage.end()
    await site.drained()
    assert await JournalReader(site.database).rules("v2") == b'{"v":2}'


async def test_given_a_spool_when_the_process_restarts_during_the_outage_then_it_works_and_drains_later(
    site: Site,
) -> None:
    await site.outage.begin()
    await site.journal.append(*story("a", arrived("a"), digit()))
    await site.journal.append(*story("b", arrived("b"), closed()))
    await site.journal.stop()
    await site.database.dispose()

    site.journal = site.new_journal()
    await site.journal.start()
    assert site.journal.stats.waiting == 4
    await site.journal.append(Entry("a", 3, digit(3.0)))
    assert [entry.seq for entry in await site.journal.read("a")] == [1, 2, 3]
    site.outage.end()
    await site.drained()
    assert await site.in_database() == [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("a", 3)]
    assert await site.journal.open_calls() == ["a"]


async def test_given_a_spool_partly_in_the_database_when_drained_then_nothing_is_doubled(site: Site) -> None:
    """A crash in the middle of draining, or a commit whose answer was lost."""
    await site.outage.begin()
    entries = story("a", arrived("a"), digit(), digit(3.0), closed())
    await site.journal.append(*entries)
    await site.journal.stop()
    site.outage.end()
    other = site.new_journal("w2")
    await other.start()
    await other.append(*entries[:3])
    await other.stop()

    site.journal = site.new_journal()
    await site.journal.start()
    await site.drained()
    assert await site.in_database() == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]


async def test_given_somebody_took_the_call_over_when_the_spool_is_drained_then_its_entries_are_set_aside(
    site: Site,
) -> None:
    await site.journal.append(*story("a", arrived("a")))
    await site.outage.begin()
    await site.journal.append(Entry("a", 2, digit()))
    await site.journal.append(Entry("b", 1, arrived("b")), Entry("a", 3, digit(3.0)))
    await site.journal.stop()
    site.outage.end()
    successor = site.new_journal("w2")
    await successor.start()
    await successor.append(Entry("a", 2, closed()))
    await successor.stop()

    site.journal = site.new_journal()
    await site.journal.start()
    await site.drained()
    assert sorted(await site.in_database()) == [("a", 1), ("a", 2), ("b", 1)]
    rejected = site.spool.joinpath("w1.rejected").read_text().splitlines()
    assert [line.count('"a",2,') + line.count('"a",3,') for line in rejected] == [1, 1]
    with pytest.raises(SequenceTaken):
        await site.journal.append(Entry("a", 4, digit()))
    assert [entry.seq for entry in await site.journal.read("a")] == [1, 2]


async def test_given_the_tables_are_missing_when_events_arrive_then_they_wait_in_the_spool(tmp_path: Path) -> None:
    """The database was away when the process started, so nobody migrated it."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    journal = Journal(database, tmp_path, "w1", retry_s=(0.02, 0.1))
    await journal.start()
    await journal.append(*story("a", arrived("a")))
    assert journal.stats.spooled == 1
    await database.migrate()
    await eventually(lambda: journal.stats.drained == 1)
    assert await journal.open_calls() == ["a"]
    await journal.stop()
    await database.dispose()


async def test_given_neither_database_nor_disk_when_appended_then_it_is_told_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = LockedSqlite(tmp_path / "hotline.db")
    site = Site(outage, tmp_path / "spool")
    await site.database.migrate()
    await site.journal.start()
    await outage.begin()
    await site.journal.append(*story("a", arrived("a")))
    full = OSError(28, "No space left on device")

    def no_space(*_: object) -> int:
        raise full

    with monkeypatch.context() as disk:
        disk.setattr("ivr.journal.spool.os.fdatasync", no_space)
        with pytest.raises(NotDurable):
            await site.journal.append(Entry("a", 2, digit()))
    await site.journal.append(Entry("a", 2, digit()))
    outage.end()
    await site.drained()
    assert await site.in_database() == [("a", 1), ("a", 2)]
    await site.journal.stop()
    await site.database.dispose()


async def test_given_a_worker_that_stalls_inside_its_transaction_then_other_workers_append_freely(
    postgres_url: str, tmp_path: Path
) -> None:
    database = Database(postgres_url)
    await database.migrate()
    journal = Journal(database, tmp_path, "w1")
    await journal.start()
    async with database.begin() as stalled:
        await stalled.execute(text("SELECT pg_advisory_xact_lock_shared(12345, 1)"))
        await stalled.execute(
            text("INSERT INTO journal (call, seq, at, kind, payload, worker) VALUES ('x', 1, 0, 'k', '{}', 'w2')")
        )
        for entry in story("a", arrived("a"), digit(), closed()):
            await journal.append(entry)
        assert journal.stats.outages == 0
        assert len(await journal.read("a")) == 3
    await journal.stop()
    await database.dispose()
