"""The ledger knows what should be there before it is, and shows whatever is not."""

from datetime import date

import pytest
from sqlalchemy import text

from config.database import Database
from ivr.call import AnyEvent, CallArrived, CallClosed, DigitPressed, Outcome, event_encoder
from ivr.journal import Entry, Journal, Positioned
from recordings.audio import Kept
from recordings.ledger import LATE_S, LONGEST_CALL_S, Gap, Ledger, LedgerFollower, Place, State
from recordings.tables import recordings

T0 = 1_795_190_400.0
KEPT = Kept(sha256="ab" * 32, bytes=1000, seconds=60.0, one_sided=False)


def arrived(call: str, at: float = T0, recording: str | None = "same") -> CallArrived:
    name = call if recording == "same" else recording
    return CallArrived(at=at, call=call, dialled="12345", caller=None, carrier="t", rules="v1", recording=name)


def closed(at: float = T0 + 60) -> CallClosed:
    return CallClosed(at=at, outcome=Outcome.ABANDONED)


async def tell(database: Database, *events: tuple[str, AnyEvent]) -> None:
    entries = [
        Positioned(place, call, place, event.at, str(event.__struct_config__.tag), event_encoder.encode(event).decode())
        for place, (call, event) in enumerate(events, 1)
    ]
    async with database.begin() as connection:
        await LedgerFollower().handle(entries, connection)


def ledger(database: Database, now: float = T0 + 100) -> Ledger:
    return Ledger(database, clock=lambda: now)


async def test_given_a_call_when_it_arrives_then_its_recording_is_expected(database: Database) -> None:
    await tell(database, ("c1", arrived("c1")), ("c1", DigitPressed(at=T0, leg="c1", digit="1")))
    found = await ledger(database).of_call("c1")
    assert found is not None
    assert (found.name, found.state, found.began, found.ended) == ("c1", State.EXPECTED, T0, None)
    assert await ledger(database).due(10) == []


async def test_given_a_call_when_it_ends_then_its_recording_is_due(database: Database) -> None:
    await tell(database, ("c1", arrived("c1")))
    await tell(database, ("c1", closed()))
    assert [(due.call, due.ended) for due in await ledger(database).due(10)] == [("c1", T0 + 60)]


async def test_a_call_that_nobody_records_expects_nothing(database: Database) -> None:
    await tell(database, ("c1", arrived("c1", recording=None)), ("c1", closed()))
    assert await ledger(database).of_call("c1") is None


async def test_what_is_told_twice_or_after_the_archiver_changes_nothing(database: Database) -> None:
    book = ledger(database)
    await tell(database, ("c1", arrived("c1")), ("c1", closed()), ("c1", arrived("c1", T0 + 5)))
    await book.stored("c1", KEPT, path="p", expected_s=60.0, gap=None, keep_until=date(2029, 11, 21), source="宜春")
    stored = await book.of_call("c1")
    await tell(database, ("c1", arrived("c1", T0 + 9)), ("c1", closed(T0 + 99)))
    assert await book.of_call("c1") == stored


async def test_given_the_end_came_first_then_the_beginning_finds_it(database: Database, tmp_path) -> None:  # type: ignore[no-untyped-def]
    journal = Journal(database, tmp_path / "spool", "w1")
    await journal.start()
    await journal.append(Entry("c1", 2, closed()))
    await tell(database, ("c1", closed()))
    await tell(database, ("c1", arrived("c1")))
    assert [due.ended for due in await ledger(database).due(10)] == [T0 + 60]
    await journal.stop()


async def test_an_orphan_finds_its_call(database: Database) -> None:
    book = ledger(database)
    await book.orphaned("c1", T0 - 50)
    (orphan,) = await book.gaps(limit=10)
    assert (orphan.state, orphan.call, orphan.began) == (State.ORPHAN, None, T0 - 50)
    await tell(database, ("c1", arrived("c1")), ("c1", closed()))
    await book.orphaned("c1", T0)
    assert await book.gaps(limit=10) == []
    assert [due.call for due in await book.due(10)] == ["c1"]


@pytest.mark.parametrize(
    ("ended", "now", "gap"),
    [
        (True, T0 + 60 + LATE_S - 1, None),
        (True, T0 + 60 + LATE_S + 1, Gap.LATE),
        (False, T0 + LONGEST_CALL_S - 1, None),
        (False, T0 + LONGEST_CALL_S + 1, Gap.UNFINISHED),
    ],
)
async def test_what_should_long_be_there_shows_as_a_gap(
    database: Database, ended: bool, now: float, gap: Gap | None
) -> None:
    await tell(database, ("c1", arrived("c1")), *([("c1", closed())] if ended else []))
    book = ledger(database, now)
    assert [(found.call, found.gap(now)) for found in await book.gaps(limit=9)] == ([("c1", gap)] if gap else [])
    states, gaps = await book.counts()
    assert states == {State.EXPECTED: 1, State.GAP: 0, State.ORPHAN: 0}
    assert {each: count for each, count in gaps.items() if count} == ({gap: 1} if gap else {})


async def test_what_is_kept_with_something_missing_is_a_gap_all_the_same(database: Database) -> None:
    book = ledger(database)
    await tell(database, *((call, event) for call in ("c0", "c1", "c2") for event in (arrived(call), closed())))
    day = date(2029, 11, 21)
    await book.stored("c0", KEPT, path="p0", expected_s=60.0, gap=None, keep_until=day, source="宜春 §13(9)")
    await book.stored("c1", KEPT, path="p1", expected_s=90.0, gap=Gap.SHORT, keep_until=day, source="宜春 §13(9)")
    await book.missed("c2", Gap.MISSING, 60.0)
    assert [(found.call, found.gap(T0), found.path) for found in await book.gaps(limit=9)] == [
        ("c2", Gap.MISSING, None),
        ("c1", Gap.SHORT, "p1"),
    ]
    (whole,) = await book.page(limit=9, state=State.STORED)
    assert (whole.call, whole.gap(T0), whole.keep_until, whole.keep_source) == ("c0", None, day, "宜春 §13(9)")
    assert await book.due(9) == []


async def test_a_list_goes_on_where_the_page_before_ended(database: Database) -> None:
    book = ledger(database)
    await tell(database, *((f"c{n}", arrived(f"c{n}", T0 + n // 2)) for n in range(5)))
    seen: list[str] = []
    after = None
    while page := await book.page(limit=2, after=after):
        seen += [found.name for found in page]
        after = Place(page[-1].began, page[-1].name)
    assert seen == ["c4", "c3", "c2", "c1", "c0"]


async def test_the_migrated_table_is_the_one_that_the_code_believes_in(database: Database) -> None:
    async with database.connect() as connection:
        assert (await connection.execute(recordings.select())).all() == []


async def test_unsettled_recordings_are_found_without_reading_the_settled_ones(database: Database) -> None:
    book = ledger(database)
    async with database.begin() as connection:
        rows = [{"name": f"s{n}", "began": T0 + n, "ended": T0 + n, "state": State.STORED} for n in range(3000)]
        await connection.execute(recordings.insert(), rows)
        await connection.execute(text("ANALYZE"))
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    states = "SELECT state, count(*) FROM recordings WHERE state != 'stored' GROUP BY state"
    async with database.connect() as connection:
        plan = str((await connection.execute(text(f"{explain} {states}"))).all())
    assert "ix_recordings_unsettled" in plan
    assert await book.due(10) == []
