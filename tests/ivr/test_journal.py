"""The journal while its database is there: what is appended is kept once, in order, and found again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from config.database import Database
from ivr.call import AnyEvent, CallArrived, CallClosed, ControlResumed, DigitPressed, Outcome, SwitchHandled
from ivr.journal import Entry, Journal, JournalError, JournalReader, SequenceTaken, SpoolInUse, UnreadableEntry
from ivr.journal.tables import journal as journal_table


def arrived(call: str, at: float = 1.0) -> CallArrived:
    return CallArrived(at=at, call=call, dialled="12345", caller="13800138000", carrier="test", rules="v1")


def digit(at: float = 2.0, digit: str = "2") -> DigitPressed:
    return DigitPressed(at=at, leg="leg", digit=digit)


def closed(at: float = 9.0) -> CallClosed:
    return CallClosed(at=at, outcome=Outcome.ABANDONED)


def resumed(at: float = 5.0) -> ControlResumed:
    return ControlResumed(at=at, up=(), ringing=(), prompts=(), room=False)


def story(call: str, *events: AnyEvent) -> list[Entry]:
    return [Entry(call, seq, event) for seq, event in enumerate(events, 1)]


@pytest_asyncio.fixture
async def journal(database: Database, tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(database, tmp_path / "spool", "w1")
    await journal.start()
    yield journal
    await journal.stop()


async def rows(database: Database) -> int:
    async with database.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(journal_table)) or 0


async def test_what_was_appended_is_read_in_order_of_seq(journal: Journal) -> None:
    entries = story("c", arrived("c"), digit(), digit(3.0), closed())
    await journal.append(*entries[:2])
    await journal.append(entries[2])
    await journal.append(entries[3])
    assert await journal.read("c") == entries
    assert await journal.read("another") == []


async def test_a_repeated_append_neither_doubles_nor_fails(journal: Journal, database: Database) -> None:
    entries = story("c", arrived("c"), digit())
    await journal.append(*entries)
    await journal.append(*entries)
    await asyncio.gather(journal.append(entries[1]), journal.append(entries[1], Entry("c", 3, digit(3.0))))
    assert await rows(database) == 3
    assert journal.stats.taken == 0


async def test_many_calls_share_commits(journal: Journal, database: Database) -> None:
    async def run(call: str) -> None:
        for entry in story(call, arrived(call), *(digit(float(n)) for n in range(20)), closed()):
            await journal.append(entry)

    await asyncio.gather(*(run(f"c{n}") for n in range(50)))
    assert await rows(database) == journal.stats.appended == 50 * 22
    assert journal.stats.commits <= 50 * 22 / 10
    for n in range(50):
        assert [entry.seq for entry in await journal.read(f"c{n}")] == list(range(1, 23))


async def test_more_than_one_batch_at_once_is_kept_whole(journal: Journal, database: Database) -> None:
    await journal.append(*story("long", *(digit(float(n)) for n in range(2500))))
    await asyncio.gather(*(journal.append(*story(f"c{n}", arrived(f"c{n}"), digit())) for n in range(1500)))
    assert await rows(database) == 2500 + 3000
    assert len(await journal.read("long")) == 2500


async def test_given_another_event_in_its_place_when_appended_then_only_that_append_is_refused(
    journal: Journal, database: Database, tmp_path: Path
) -> None:
    other = Journal(database, tmp_path / "spool", "importer")
    await other.start()
    await other.append(*story("c", arrived("c"), SwitchHandled(at=7.0, answered=True, ended=8.0)))
    results = await asyncio.gather(
        journal.append(Entry("c", 2, digit()), Entry("c", 3, closed())),
        journal.append(*story("d", arrived("d"))),
        return_exceptions=True,
    )
    assert isinstance(results[0], SequenceTaken)
    assert (results[0].call, results[0].seq, results[1]) == ("c", 2, None)
    assert [type(entry.event) for entry in await other.read("c")] == [CallArrived, SwitchHandled]
    await other.stop()


async def test_given_a_lost_call_when_it_was_read_again_then_its_writer_may_go_on(journal: Journal) -> None:
    await journal.append(*story("c", arrived("c"), digit()))
    with pytest.raises(SequenceTaken):
        await journal.append(Entry("c", 2, digit(digit="9")))
    with pytest.raises(SequenceTaken, match="read the call"):
        await journal.append(Entry("c", 3, digit()))
    assert (await journal.read("c"))[-1].seq == 2
    await journal.append(Entry("c", 3, closed()))
    assert len(await journal.read("c")) == 3


async def test_open_calls_are_those_that_arrived_here_and_did_not_close(journal: Journal, database: Database) -> None:
    await journal.append(*story("late", arrived("late", at=20.0)))
    await journal.append(*story("early", arrived("early", at=10.0), digit()))
    await journal.append(*story("over", arrived("over"), closed()))
    assert await journal.open_calls() == ["early", "late"]
    assert await journal.open_calls("w2") == []
    assert await JournalReader(database).open_calls("w1") == ["early", "late"]


async def test_given_another_worker_resumed_control_then_the_call_is_open_there(
    journal: Journal, database: Database, tmp_path: Path
) -> None:
    await journal.append(*story("c", arrived("c"), digit()))
    successor = Journal(database, tmp_path / "spool", "w2")
    await successor.start()
    await successor.append(Entry("c", 3, resumed()))
    assert (await journal.open_calls(), await successor.open_calls()) == ([], ["c"])
    await journal.append(*story("c", arrived("c"), digit()))  # the old worker's spool, drained late
    assert (await journal.open_calls(), await successor.open_calls()) == ([], ["c"])
    await successor.append(Entry("c", 4, closed()))
    await successor.append(Entry("c", 3, resumed()))
    assert await successor.open_calls() == []
    await successor.stop()


async def test_recent_calls_come_newest_first(journal: Journal, database: Database) -> None:
    for n in range(5):
        await journal.append(*story(f"c{n}", arrived(f"c{n}", at=float(n)), *([closed(50.0)] if n == 3 else [])))
    recent = await JournalReader(database).recent_calls(3)
    assert [(row.call, row.opened, row.closed) for row in recent] == [("c4", 4, None), ("c3", 3, 50), ("c2", 2, None)]


async def test_given_an_unknown_kind_when_read_then_only_that_call_fails_and_no_payload_is_told(
    journal: Journal, database: Database
) -> None:
    await journal.append(*story("new", arrived("new")))
    await journal.append(*story("old", arrived("old")))
    async with database.begin() as connection:
        change = update(journal_table).where(journal_table.c.call == "new")
        await connection.execute(change.values(kind="telepathy", payload='{"kind":"telepathy","thought":"秘密"}'))
    with pytest.raises(UnreadableEntry, match="entry 1 of call new is a 'telepathy'") as caught:
        await journal.read("new")
    assert "秘密" not in str(caught.value)
    assert len(await journal.read("old")) == 1


async def test_rules_are_kept_once_and_found_by_version(journal: Journal, database: Database) -> None:
    assert await journal.rules("v1") is None
    await journal.keep_rules("v1", '{"城市":"宜春"}'.encode())
    await journal.keep_rules("v1", b"{}")
    assert await journal.rules("v1") == '{"城市":"宜春"}'.encode()
    assert await JournalReader(database).rules("v1") == '{"城市":"宜春"}'.encode()
    for n in range(100):  # more than are remembered
        await journal.keep_rules(f"w{n}", b"[%d]" % n)
    assert [await journal.rules(f"w{n}") for n in (0, 99)] == [b"[0]", b"[99]"]


@pytest.mark.parametrize("entry", [Entry("", 1, digit()), Entry("a\0b", 1, digit()), Entry("\ud800", 1, digit())])
async def test_a_call_id_that_no_database_holds_is_refused(journal: Journal, entry: Entry) -> None:
    with pytest.raises(ValueError, match="call"):
        await journal.append(entry)


@pytest.mark.parametrize(("seq", "at"), [(0, 1.0), (-1, 1.0), (2**31, 1.0), (1, float("nan")), (1, float("inf"))])
async def test_a_seq_or_time_that_no_database_holds_is_refused(journal: Journal, seq: int, at: float) -> None:
    with pytest.raises(ValueError, match="call c"):
        await journal.append(Entry("c", seq, digit(at)))


async def test_given_the_caller_is_cancelled_then_the_entry_is_kept_all_the_same(journal: Journal) -> None:
    appending = asyncio.create_task(journal.append(*story("c", arrived("c"))))
    await asyncio.sleep(0)
    appending.cancel()
    await asyncio.wait({appending})
    await journal.append(Entry("c", 2, digit()))
    assert [entry.seq for entry in await journal.read("c")] == [1, 2]


async def test_given_appends_under_way_when_stopped_then_they_are_kept(database: Database, tmp_path: Path) -> None:
    journal = Journal(database, tmp_path / "spool", "w1")
    await journal.start()
    appends = [asyncio.create_task(journal.append(*story(f"c{n}", arrived(f"c{n}")))) for n in range(10)]
    await asyncio.sleep(0)
    await journal.stop()
    await asyncio.gather(*appends)
    assert await rows(database) == 10
    with pytest.raises(JournalError, match="not started"):
        await journal.append(*story("late", arrived("late")))


async def test_two_live_workers_of_one_name_are_refused(journal: Journal, database: Database, tmp_path: Path) -> None:
    twin = Journal(database, tmp_path / "spool", "w1")
    with pytest.raises(SpoolInUse, match="give each worker its own name"):
        await twin.start()


def test_a_worker_name_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="worker"):
        Journal(Database(f"sqlite:///{tmp_path / 'x.db'}"), tmp_path, "../w1")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    caller=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=20)),
    at=st.floats(allow_nan=False, allow_infinity=False),
    call=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_any_text_and_time_comes_back_as_it_was(sqlite_folder: Path, caller: str | None, at: float, call: str) -> None:
    async def there_and_back() -> None:
        database = Database(f"sqlite:///{sqlite_folder / 'hotline.db'}")
        await database.migrate()
        journal = Journal(database, sqlite_folder, "w1")
        await journal.start()
        stored = await journal.read(call)
        event = CallArrived(at=at, call=call, dialled="12345", caller=caller, carrier="t", rules="v")
        entry = Entry(call, len(stored) + 1, event)
        await journal.append(entry)
        assert (await journal.read(call))[-1] == entry
        await journal.stop()
        await database.dispose()

    asyncio.run(there_and_back())


@pytest.fixture
def sqlite_folder(tmp_path: Path) -> Path:
    return tmp_path
