"""What a worker knows when a call arrives: in memory, by China's calendar, and whatever becomes of the database."""

from datetime import date, timedelta

from sqlalchemy import event

from config.database import Database
from routing.restrictions import ActiveRestrictions, Terms
from tests.routing.restrictions.town import ABUSER, LI, NOW, OTHER, TODAY, WANG, ZHUHAI, Town, china
from tests.support.database import Outage, eventually


async def test_it_holds_from_midnight_to_midnight_in_china(town: Town) -> None:
    made = await town.confirmed(days=30)
    assert made.ends == date(2026, 12, 20)
    await town.active.poll()
    ends = made.ends
    first, last = china(TODAY), china(ends + timedelta(days=1))
    for at, expected in (
        (first - 0.001, None),
        (first, ends),
        (china(ends, 23, 59, 59.999), ends),
        (last, None),
        (last + 3600, None),
        (china(ends, 16), ends),  # midnight in UTC and no hour of any meaning here
    ):
        assert town.active.restricted_until(ABUSER, at) == expected, at


async def test_of_two_one_after_the_other_the_one_of_the_day_counts(town: Town) -> None:
    first = await town.confirmed(days=3)
    terms = town.terms(days=10)
    begins = TODAY + timedelta(days=3)
    second = await town.restrictions.propose(LI, Terms(terms.calls, "x", begins + timedelta(days=4), begins))
    await town.restrictions.confirm(second.id, WANG)
    await town.active.poll()
    days = [town.active.restricted_until(ABUSER, NOW + day * 86400) for day in range(9)]
    assert days == [first.ends] * 3 + [second.ends] * 5 + [None]


async def test_withheld_and_service_numbers_are_never_restricted(town: Town) -> None:
    await town.confirmed()
    await town.active.poll()
    assert [town.active.restricted_until(each, NOW) for each in (None, "", "110", "120", "anonymous", OTHER)] == [
        None
    ] * 6


async def test_a_worker_learns_of_decisions_by_itself(town: Town) -> None:
    active = ActiveRestrictions(town.database, town.callers, lambda: ZHUHAI, poll_s=0.01, clock=town.clock)
    await active.start()
    try:
        assert active.restricted_until(ABUSER, NOW) is None
        made = await town.confirmed()
        await eventually(lambda: active.restricted_until(ABUSER, NOW) == made.ends)
        await town.restrictions.lift(made.id, LI, "x")
        await eventually(lambda: active.restricted_until(ABUSER, NOW) is None)
    finally:
        await active.stop()


async def test_it_reads_with_one_query_and_answers_with_none(town: Town) -> None:
    made = await town.confirmed()
    engine = town.database._engine.sync_engine
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2].partition(" ")[0]))
    assert await town.active.poll()
    assert asked.count("SELECT") == 1
    asked.clear()
    assert town.active.restricted_until(ABUSER, NOW) == made.ends
    assert asked == []


async def test_before_it_was_ever_read_nobody_is_restricted() -> None:
    unreachable = Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=0.5)  # nothing listens there
    town = Town(unreachable)
    await town.active.start()
    try:
        assert await town.active.poll() is False
        assert town.active.restricted_until(ABUSER, NOW) is None
    finally:
        await town.active.stop()
        await unreachable.dispose()


async def test_during_an_outage_it_keeps_what_it_has_and_each_still_ends(outage: Outage) -> None:
    database = Database(outage.url, busy_timeout_s=0.2)
    await database.migrate()
    town = Town(database)
    made = await town.confirmed(days=2)
    active = ActiveRestrictions(database, town.callers, lambda: ZHUHAI, poll_s=0.01, limit_s=0.3, clock=town.clock)
    await active.start()
    try:
        assert active.restricted_until(ABUSER, NOW) == made.ends
        await outage.begin()
        assert await active.poll() is outage.readable
        assert active.restricted_until(ABUSER, NOW) == made.ends
        assert active.restricted_until(ABUSER, NOW + 2 * 86400) is None
        outage.end()
        await eventually(active.poll)
        await town.restrictions.lift(made.id, LI, "x")
        await eventually(lambda: active.restricted_until(ABUSER, NOW) is None)
    finally:
        outage.end()
        await active.stop()
        await database.dispose()


async def test_a_fault_of_another_kind_does_not_end_the_reading(town: Town) -> None:
    """A table that is not there yet: the migration is another process's business."""
    bare = Database(str(town.database._url.render_as_string(hide_password=False)))
    active = ActiveRestrictions(bare, town.callers, lambda: ZHUHAI, poll_s=0.01, clock=town.clock)
    async with town.database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE restrictions RENAME TO hidden")
    await active.start()
    try:
        assert await active.poll() is False
        async with town.database.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE hidden RENAME TO restrictions")
        made = await town.confirmed()
        await eventually(lambda: active.restricted_until(ABUSER, NOW) == made.ends)
    finally:
        await active.stop()
        await bare.dispose()
