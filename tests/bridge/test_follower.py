"""Orders come from the journal: one for each call, exactly once, whatever order and however often it is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy import func, select

from bridge.follower import OrderFollower
from bridge.model import Order, Status
from bridge.orders import Orders
from bridge.tables import orders as table
from config.database import Database
from ivr.call import AnyEvent, CallArrived, CallClosed, DigitPressed, HandedOver, Outcome, Role, Talk, event_encoder
from ivr.journal import Entry, FollowerRunner, Journal, Positioned
from tests.support.database import eventually

T0 = 1_795_190_400.0  # midnight in China: 21 November 2026 begins
CALLER = "13800138000"


def arrived(call: str, at: float = T0, caller: str | None = CALLER) -> CallArrived:
    return CallArrived(at=at, call=call, dialled="12345", caller=caller, carrier="test", rules="v1", recording=call)


def answered(at: float = T0 + 60) -> CallClosed:
    agent = Talk(leg="a", role=Role.AGENT, party="8001", began=T0 + 12, ended=T0 + 40)
    duty = Talk(leg="d", role=Role.DUTY, party="phone:0795111", began=T0 + 45)
    return CallClosed(at=at, outcome=Outcome.ANSWERED, talks=(agent, duty))


def told(*events: tuple[str, AnyEvent]) -> list[Positioned]:
    """Entries as a follower gets them."""
    entries = []
    for position, (call, event) in enumerate(events, 1):
        kind = str(event.__struct_config__.tag)
        entries.append(Positioned(position, call, position, event.at, kind, event_encoder.encode(event).decode()))
    return entries


async def tell(database: Database, *events: tuple[str, AnyEvent]) -> None:
    async with database.begin() as connection:
        await OrderFollower("YC").handle(told(*events), connection)


async def order_of(database: Database, call: str) -> Order:
    (found,) = await Orders(database, "YC").page(limit=10, call=call)
    return found


async def test_given_a_call_when_it_arrives_then_a_draft_is_opened_with_what_is_known(database: Database) -> None:
    await tell(database, ("c1", arrived("c1")), ("c1", DigitPressed(at=T0 + 1, leg="c1", digit="2")))
    order = await order_of(database, "c1")
    assert order.number == "YC261121000014"
    assert (order.status, order.caller, order.dialled) == (Status.DRAFT, CALLER, "12345")
    assert (order.opened, order.arrived, order.closed, order.waited_s) == (T0, T0, None, None)
    (opened,) = await Orders(database, "YC").history(order.number)
    assert (opened.who, opened.why, opened.at) == ("hotline", "the call arrived", T0)
    assert CALLER not in str(opened.fields)


async def test_given_an_emergency_desk_handed_the_citizen_over_then_the_order_has_what_it_said(
    database: Database,
) -> None:
    said = HandedOver("110", "A-42", "幸福路12号")
    await tell(database, ("c1", replace(arrived("c1"), handed_over=said)))
    order = await order_of(database, "c1")
    assert (order.place, order.content) == ("幸福路12号", "由110移交，警情编号A-42。")


async def test_given_a_call_when_it_ends_then_the_order_tells_what_it_came_to(database: Database) -> None:
    await tell(database, ("c1", arrived("c1")))
    await tell(database, ("c1", answered()))
    order = await order_of(database, "c1")
    assert (order.outcome, order.agents, order.waited_s, order.talk_s) == ("answered", ("8001",), 12.0, 28.0 + 15.0)
    assert not order.call_back
    assert order.version == 1
    assert [change.why for change in await Orders(database, "YC").history(order.number)] == [
        "the call arrived",
        "the call ended",
    ]


@pytest.mark.parametrize(
    ("outcome", "call_back"), [(Outcome.MESSAGE, True), (Outcome.ABANDONED, False), (Outcome.UNATTENDED, False)]
)
async def test_who_left_a_message_is_to_be_called_back(database: Database, outcome: Outcome, call_back: bool) -> None:
    await tell(database, ("c1", arrived("c1")), ("c1", CallClosed(at=T0 + 30, outcome=outcome)))
    order = await order_of(database, "c1")
    assert (order.call_back, order.waited_s, order.talk_s) == (call_back, 30.0, 0.0)


async def test_given_the_end_is_told_before_the_arrival_then_the_order_is_the_same(database: Database) -> None:
    await tell(database, ("c1", answered()))
    await tell(database, ("c1", arrived("c1")))
    order = await order_of(database, "c1")
    assert (order.caller, order.dialled, order.outcome, order.waited_s) == (CALLER, "12345", "answered", 12.0)


async def test_what_is_told_twice_changes_nothing(database: Database) -> None:
    await tell(database, ("c1", arrived("c1")), ("c1", answered()))
    before = await order_of(database, "c1")
    await tell(database, ("c1", arrived("c1", T0 + 5, "13900139000")), ("c1", answered(T0 + 99)), ("c1", answered()))
    assert await order_of(database, "c1") == before
    assert len(await Orders(database, "YC").history(before.number)) == 1


async def test_given_an_order_written_meanwhile_when_the_call_ends_then_what_was_written_stays(
    database: Database,
) -> None:
    await tell(database, ("c1", arrived("c1")))
    book = Orders(database, "YC", clock=lambda: T0 + 50)
    number = (await order_of(database, "c1")).number
    await book.change(number, who="8001", why="taken down", edit={"content": "路灯不亮", "category": "求助"}, version=1)
    await tell(database, ("c1", CallClosed(at=T0 + 60, outcome=Outcome.MESSAGE)))
    order = await order_of(database, "c1")
    assert (order.content, order.category, order.call_back, order.version) == ("路灯不亮", "求助", True, 2)


async def test_each_day_counts_its_own_orders_in_the_order_of_arrival(database: Database) -> None:
    calls = [("late", T0 - 1), ("first", T0), ("second", T0 + 1)]
    await tell(database, *((call, arrived(call, at)) for call, at in reversed(calls)))
    numbers = [(await order_of(database, call)).number for call, _ in calls]
    assert [number[:-1] for number in numbers] == ["YC26112000001", "YC26112100001", "YC26112100002"]


@pytest_asyncio.fixture
async def journal(database: Database, tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(database, tmp_path / "spool", "w1")
    await journal.start()
    yield journal
    await journal.stop()


async def test_given_a_journal_followed_from_two_processes_then_every_call_has_exactly_one_order(
    database: Database, journal: Journal
) -> None:
    runners = [FollowerRunner(database, [OrderFollower("YC")], batch=7) for _ in range(2)]
    for runner in runners:
        journal.on_commit(runner.wake)
        await runner.start()
    calls = [f"c{index}" for index in range(60)]
    try:
        for index, call in enumerate(calls):
            await journal.append(Entry(call, 1, arrived(call, T0 + index)))
            if index % 2:
                await journal.append(Entry(call, 2, answered(T0 + 100 + index)))

        async def all_told() -> bool:
            async with database.connect() as connection:
                ended = await connection.scalar(select(func.count(table.c.closed)))
                return (await connection.scalar(select(func.count()).select_from(table)), ended) == (60, 30)

        await eventually(all_told)
    finally:
        for runner in runners:
            await runner.stop()
    async with database.connect() as connection:
        found = (await connection.execute(select(table.c.number, table.c.call))).all()
    assert sorted(row.call for row in found) == sorted(calls)
    assert sorted(int(row.number[8:-1]) for row in found) == list(range(1, 61))
