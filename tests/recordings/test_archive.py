"""The archiver: everything recorded is kept once, whatever happens to the archiver; nothing raw goes before that."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio

from config.database import Database
from ivr.call import CallArrived, CallClosed, EndCause, LegEnded, Outcome
from ivr.journal import Entry, FollowerRunner, Journal
from recordings.archive import INCOMING, Archiver
from recordings.audio import hash_file
from recordings.keeping import Retention
from recordings.ledger import Gap, LedgerFollower, Recording, State
from tests.recordings import killed
from tests.recordings.raw import hear, silence, strength, tone, write
from tests.support.database import BACKENDS, eventually

T0 = 1_795_190_400.0  # midnight in China: 21 November 2026 begins
RULE = Retention(3, "宜春 §13(9)")


class Site:
    """One installation's spool, archive, journal and archiver, with a clock that the test sets."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.spool = folder / "spool"
        self.archive = folder / "archive"
        self.spool.mkdir()
        self.now = T0 + 1000.0
        self.journal = Journal(database, folder / "journal", "w1")
        self.runner = FollowerRunner(database, [LedgerFollower()])
        self.archiver = self.another()

    def another(self) -> Archiver:
        return Archiver(
            self.database, self.spool, self.archive, lambda: RULE, settle_s=3.0, clock=lambda: self.now, poll_s=0.01
        )

    async def call(self, name: str, seconds: float, *, closed: bool = True) -> None:
        """Journal a call of that length and wait until the ledger knows."""
        arrived = CallArrived(at=T0, call=name, dialled="12345", caller=None, carrier="t", rules="v1", recording=name)
        ended = LegEnded(at=T0 + seconds, leg=name, cause=EndCause.HANGUP)
        over = CallClosed(at=T0 + seconds, outcome=Outcome.ABANDONED)
        events = (arrived, ended, over) if closed else (arrived,)
        await self.journal.append(*(Entry(name, seq, event) for seq, event in enumerate(events, 1)))
        self.runner.wake()

        async def told() -> bool:
            line = await self.archiver.ledger.of_call(name)
            return line is not None and (line.ended is not None) == closed

        await eventually(told)

    def write(self, name: str, seconds: float = 5.0) -> None:
        pair = write(self.spool, name, tone(440, seconds), tone(1000, seconds))
        for path in (pair.citizen, pair.others):
            os.utime(path, (T0, T0))

    async def line(self, name: str) -> Recording:
        found = (await self.archiver.ledger.named([name])).get(name)
        assert found is not None
        return found

    async def work(self, after_s: float = 0.0) -> None:
        """One round of the archiver, so much later."""
        self.now += after_s
        await self.archiver.work()

    def raw(self) -> list[str]:
        return sorted(path.name for path in self.spool.iterdir())

    def kept(self) -> list[str]:
        return sorted(str(path.relative_to(self.archive)) for path in self.archive.rglob("*.ogg"))


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """SQLite unless the test asks for both: the ledger's own tests show that its SQL does the same on PostgreSQL."""
    return str(getattr(request, "param", "sqlite"))


@pytest_asyncio.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(database, tmp_path)
    await site.journal.start()
    await site.runner.start()
    yield site
    site.archiver._encoder.close()
    await site.runner.stop()
    await site.journal.stop()


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
async def test_given_a_finished_call_then_its_recording_is_kept_and_the_raw_files_go(site: Site) -> None:
    site.write("c1", 5.0)
    await site.call("c1", 5.5)
    await site.work()
    line = await site.line("c1")
    assert (line.state, line.reason, line.path) == (State.STORED, None, "2026/11/21/c1.ogg")
    assert (line.seconds, line.expected_s) == (5.0, pytest.approx(5.5))
    assert (line.keep_until, line.keep_source) == (date(2029, 11, 21), "宜春 §13(9)")
    file = site.archive / str(line.path)
    assert (line.sha256, line.bytes) == hash_file(file)
    assert strength(hear(file)[:, 0], 440) > 4000
    assert (site.raw(), site.kept()) == ([], ["2026/11/21/c1.ogg"])
    assert file.stat().st_mode & 0o077 == 0


async def test_given_a_call_that_goes_on_then_its_files_are_left_alone(site: Site) -> None:
    site.write("c1")
    await site.call("c1", 5.0, closed=False)
    await site.work()
    await site.work(after_s=4000)
    assert (await site.line("c1")).state is State.EXPECTED
    assert site.raw() == ["c1-c.sln", "c1-o.sln"]


async def test_given_files_that_still_grow_then_the_archiver_waits(site: Site) -> None:
    site.write("c1")
    await site.call("c1", 5.0)
    os.utime(site.spool / "c1-o.sln", (site.now - 1, site.now - 1))
    await site.work()
    assert (await site.line("c1")).state is State.EXPECTED
    await site.work(after_s=5)
    assert (await site.line("c1")).state is State.STORED


async def test_given_a_file_that_the_switch_holds_open_then_the_archiver_waits_however_old_it_is(site: Site) -> None:
    site.write("c1")
    await site.call("c1", 5.0)
    with (site.spool / "c1-c.sln").open("ab"):
        await site.work(after_s=5)
        assert (await site.line("c1")).state is State.EXPECTED
    await site.work()
    assert (await site.line("c1")).state is State.STORED


@pytest.mark.parametrize(("recorded", "gap"), [(8.1, None), (7.9, Gap.SHORT)])
async def test_what_is_more_than_two_seconds_too_short_is_a_gap_though_kept(
    site: Site, recorded: float, gap: Gap | None
) -> None:
    site.write("c1", recorded)
    await site.call("c1", 10.0)
    await site.work()
    line = await site.line("c1")
    assert (line.gap(site.now), line.path) == (gap, "2026/11/21/c1.ogg")
    assert [found.name for found in await site.archiver.ledger.gaps(limit=9)] == (["c1"] if gap else [])


async def test_given_no_file_then_it_is_missing_after_a_while_and_kept_when_it_comes_after_all(site: Site) -> None:
    await site.call("c1", 5.0)
    site.now = T0 + 10
    await site.work()
    assert (await site.line("c1")).state is State.EXPECTED
    await site.work(after_s=40)
    line = await site.line("c1")
    assert (line.gap(site.now), line.expected_s) == (Gap.MISSING, 5.0)
    site.write("c1")
    await site.work(after_s=400)
    assert (await site.line("c1")).state is State.STORED
    assert site.raw() == []


async def test_given_files_without_a_sound_then_the_gap_is_told(site: Site) -> None:
    write(site.spool, "c1", silence(0), silence(0))
    os.utime(site.spool / "c1-c.sln", (T0, T0))
    os.utime(site.spool / "c1-o.sln", (T0, T0))
    await site.call("c1", 5.0)
    await site.work()
    assert (await site.line("c1")).gap(site.now) is Gap.EMPTY
    assert site.kept() == []


async def test_given_one_side_only_then_it_is_kept_and_the_gap_is_told(site: Site) -> None:
    site.write("c1")
    (site.spool / "c1-o.sln").unlink()
    await site.call("c1", 5.0)
    await site.work()
    line = await site.line("c1")
    assert (line.gap(site.now), line.path is not None, site.raw()) == (Gap.ONE_SIDED, True, [])


async def test_a_name_that_leads_out_of_the_spool_is_never_followed(site: Site) -> None:
    outside = write(site.spool.parent, "outside", tone(440, 5), tone(1000, 5))
    await site.call("../outside", 5.0)
    await site.work()
    assert (await site.line("../outside")).gap(site.now) is Gap.UNREADABLE
    assert outside.citizen.exists()


async def test_files_without_a_call_are_shown_and_never_taken_away(site: Site) -> None:
    site.write("stray")
    (site.spool / "notes.txt").write_text("not ours")
    site.now = T0 + 599
    await site.work()
    assert await site.archiver.ledger.gaps(limit=9) == []
    for _ in range(3):
        await site.work(after_s=31)
    (orphan,) = await site.archiver.ledger.gaps(limit=9)
    assert (orphan.name, orphan.state, orphan.call) == ("stray", State.ORPHAN, None)
    assert site.raw() == ["notes.txt", "stray-c.sln", "stray-o.sln"]


async def test_given_the_disk_is_full_then_nothing_is_lost_and_it_is_kept_later(site: Site) -> None:
    site.write("c1")
    await site.call("c1", 5.0)
    site.archive.mkdir()
    (site.archive / INCOMING).write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"(?i)exists|directory"):
        await site.work()
    assert (await site.line("c1")).state is State.EXPECTED
    assert site.raw() == ["c1-c.sln", "c1-o.sln"]
    (site.archive / INCOMING).unlink()
    await site.work(after_s=400)
    assert (await site.line("c1")).state is State.STORED


async def test_given_the_encoding_process_is_killed_then_the_recording_is_kept_later(site: Site) -> None:
    site.write("c1", 180.0)
    await site.call("c1", 180.0)
    working = asyncio.create_task(site.work())
    me = psutil.Process()
    await eventually(lambda: any((site.archive / INCOMING).glob("*.ogg")))
    victims = [child for child in me.children() if "spawn_main" in " ".join(child.cmdline())]
    for victim in victims:
        victim.send_signal(signal.SIGKILL)
    with pytest.raises(ChildProcessError):
        await working
    assert victims
    await site.work(after_s=400)
    assert (await site.line("c1")).state is State.STORED
    assert site.raw() == []


async def test_given_a_kept_file_was_harmed_while_the_raw_is_there_then_it_is_kept_anew(site: Site) -> None:
    site.write("c1")
    await site.call("c1", 5.0)
    raw = {path: path.read_bytes() for path in site.spool.iterdir()}
    await site.work()
    for path, content in raw.items():
        path.write_bytes(content)
        os.utime(path, (T0, T0))
    file = site.archive / "2026/11/21/c1.ogg"
    file.write_bytes(file.read_bytes()[:-100])
    await site.work(after_s=400)
    line = await site.line("c1")
    assert (line.sha256, line.bytes) == hash_file(file)
    assert len(hear(file)) == 5 * 8000
    assert site.raw() == []


async def test_given_two_archivers_then_one_works_and_the_other_takes_over(site: Site) -> None:
    stops = [asyncio.Event(), asyncio.Event()]
    second = site.another()
    first_run = asyncio.create_task(site.archiver.run(stops[0]))
    await eventually(lambda: (site.archive / ".lock").exists())
    second_run = asyncio.create_task(second.run(stops[1]))
    site.write("c1")
    await site.call("c1", 5.0)

    def stored(name: str) -> Callable[[], Awaitable[bool]]:
        async def condition() -> bool:
            return (await site.line(name)).state is State.STORED

        return condition

    await eventually(stored("c1"))
    assert second._encoder._pool is None
    stops[0].set()
    await first_run
    site.write("c2")
    await site.call("c2", 5.0)
    await eventually(stored("c2"))
    stops[1].set()
    await second_run


@pytest.mark.parametrize("point", killed.POINTS)
async def test_given_the_archiver_is_killed_anywhere_then_its_successor_keeps_everything_exactly_once(
    site: Site, database_url: str, point: str
) -> None:
    site.write("c1", 60.0)
    before = np.fromfile(site.spool / "c1-c.sln", "<i2")
    await site.call("c1", 60.0)
    arguments = (database_url, str(site.spool), str(site.archive), point)
    program = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.recordings.killed", *arguments)
    assert await program.wait() == -signal.SIGKILL

    stop = asyncio.Event()
    successor = asyncio.create_task(site.archiver.run(stop))

    async def settled() -> bool:
        return (await site.line("c1")).state is State.STORED and site.raw() == []

    await eventually(settled)
    stop.set()
    await successor
    line = await site.line("c1")
    file = site.archive / str(line.path)
    assert (line.sha256, line.bytes) == hash_file(file)
    assert len(hear(file)) == len(before)
    assert site.kept() == ["2026/11/21/c1.ogg"]
    assert not list((site.archive / INCOMING).iterdir())
