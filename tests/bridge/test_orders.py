"""Orders as people write them: the rules of a change, its history, and who may overwrite whom."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, delete, update
from sqlalchemy.exc import DBAPIError

from bridge.model import (
    CATEGORIES,
    EDITABLE,
    LEADS_TO,
    Order,
    OrderChanged,
    OrderExists,
    OrderRefused,
    Status,
    UnknownOrder,
    changes,
)
from bridge.numbers import parse_number
from bridge.orders import Orders, Place
from bridge.tables import order_changes, order_days, orders
from config.database import Database

NOW = 1_795_200_000.0
WRITTEN = {"category": "求助", "content": "幸福路的路灯不亮"}


def draft(**known: Any) -> Order:
    fields: dict[str, Any] = dict.fromkeys(Order.__dataclass_fields__)
    fields |= {"number": "YC261121000014", "version": 1, "opened": NOW, "updated": NOW, "status": Status.DRAFT}
    fields |= {"content": "", "place": "", "urgent": False, "call_back": False, "agents": ()}
    return Order(**(fields | known))


@pytest.fixture
def book(database: Database) -> Orders:
    return Orders(database, "YC", clock=lambda: NOW)


# ---------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("order", "edit", "field"),
    [
        (draft(), {"status": "accepted"}, "category"),
        (draft(category="求助"), {"status": "answered"}, "content"),
        (draft(category="求助"), {"status": "answered", "content": "  "}, "content"),
        (draft(), {"status": "not_accepted"}, "reason"),
        (draft(), {"reason": "涉及国家机密"}, "reason"),
        (draft(), {"category": "闲聊"}, "category"),
        (draft(), {"number": "1"}, "number"),
        (draft(), {"caller": "1"}, "caller"),
        (draft(status=Status.ANSWERED, **WRITTEN), {"status": "draft"}, "status"),
        (draft(status=Status.ANSWERED, **WRITTEN), {"content": ""}, "content"),
    ],
)
def test_what_is_against_the_rules_is_refused_with_the_field(order: Order, edit: dict[str, Any], field: str) -> None:
    with pytest.raises(OrderRefused) as refused:
        changes(order, edit, CATEGORIES)
    assert refused.value.field == field
    assert str(refused.value)


def test_an_order_accepted_after_all_loses_the_reason_why_it_was_not() -> None:
    order = draft(status=Status.NOT_ACCEPTED, reason="法院已受理", **WRITTEN)
    assert changes(order, {"status": "accepted"}, CATEGORIES) == {
        "status": (Status.NOT_ACCEPTED, "accepted"),
        "reason": ("法院已受理", None),
    }


EDITS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from([str(status) for status in Status]),
        "reason": st.sampled_from([None, "法院已受理"]),
        "category": st.sampled_from([None, *CATEGORIES, "闲聊"]),
        "content": st.sampled_from(["", "路灯不亮"]),
        "urgent": st.booleans(),
        "call_back": st.booleans(),
    },
)


@given(st.lists(EDITS, max_size=12))
def test_however_an_order_is_edited_it_never_contradicts_itself(edits: list[dict[str, Any]]) -> None:
    order = draft()
    for edit in edits:
        try:
            made = changes(order, edit, CATEGORIES)
        except OrderRefused:
            continue
        after = {field: value for field, (_, value) in made.items()}
        before, order = order, draft(**{field: after.get(field, getattr(order, field)) for field in EDITABLE})
        order = draft(**{f: Status(getattr(order, f)) if f == "status" else getattr(order, f) for f in EDITABLE})
        assert order.status is before.status or order.status in LEADS_TO[before.status]
        assert (order.reason is not None) == (order.status is Status.NOT_ACCEPTED)
        if order.status in (Status.ACCEPTED, Status.ANSWERED):
            assert order.category in CATEGORIES
            assert order.content
        assert changes(order, after, CATEGORIES) == {}


# ---------------------------------------------------------------- the book


async def test_an_order_opened_by_hand_has_a_number_and_a_first_line_of_history(book: Orders) -> None:
    order = await book.open(who="8001", why="came to the counter", edit=WRITTEN, caller="13800138000")
    assert parse_number(order.number, "YC") == order.number
    assert await book.get(order.number) == order
    assert (order.status, order.category, order.caller) == (Status.DRAFT, "求助", "13800138000")
    (first,) = await book.history(order.number)
    assert (first.who, first.why, first.at) == ("8001", "came to the counter", NOW)
    assert first.fields["content"] == (None, "幸福路的路灯不亮")


async def test_every_change_leaves_who_when_why_and_what(book: Orders) -> None:
    number = (await book.open(who="8001", why="call", edit=WRITTEN)).number
    changed = await book.change(number, who="8002", why="on the line", edit={"status": "answered", "urgent": True})
    assert (changed.status, changed.urgent, changed.version) == (Status.ANSWERED, True, 2)
    last = (await book.history(number))[-1]
    assert (last.who, last.why) == ("8002", "on the line")
    assert last.fields == {"status": ("draft", "answered"), "urgent": (False, True)}


async def test_what_is_so_already_leaves_no_trace(book: Orders) -> None:
    order = await book.open(who="8001", why="call", edit=WRITTEN)
    assert await book.change(order.number, who="8001", why="again", edit=WRITTEN) == order
    assert len(await book.history(order.number)) == 1


async def test_given_a_refused_change_then_nothing_is_written(book: Orders) -> None:
    order = await book.open(who="8001", why="call", edit={})
    with pytest.raises(OrderRefused):
        await book.change(order.number, who="8001", why="?", edit={"status": "accepted", "content": "x"})
    assert await book.get(order.number) == order
    assert len(await book.history(order.number)) == 1


async def test_given_two_who_read_the_same_version_then_the_second_is_told(book: Orders) -> None:
    number = (await book.open(who="8001", why="call", edit={})).number
    await book.change(number, who="8001", why="first", edit={"content": "一"}, version=1)
    with pytest.raises(OrderChanged) as told:
        await book.change(number, who="8002", why="second", edit={"content": "二"}, version=1)
    assert told.value.version == 2
    assert (await book.get(number)).content == "一"


async def test_given_many_changes_at_once_then_none_is_lost(book: Orders) -> None:
    number = (await book.open(who="8001", why="call", edit={})).number
    texts = [f"第{index}次" for index in range(8)]
    await asyncio.gather(*(book.change(number, who=t, why="race", edit={"content": t}) for t in texts))
    history = await book.history(number)
    assert (await book.get(number)).version == 9
    assert {change.who for change in history[1:]} == set(texts)
    for before, after in pairwise(history[1:]):
        assert after.fields["content"][0] == before.fields["content"][1]


async def test_numbers_opened_at_once_are_all_different_and_without_a_hole(book: Orders) -> None:
    opened = await asyncio.gather(*(book.open(who="8001", why="race", edit={}) for _ in range(20)))
    assert sorted(int(order.number[8:-1]) for order in opened) == list(range(1, 21))


async def test_a_call_has_one_order(book: Orders) -> None:
    order = await book.open(who="8001", why="call", edit={}, call="c1")
    with pytest.raises(OrderExists) as told:
        await book.open(who="8002", why="call", edit={}, call="c1")
    assert told.value.number == order.number


async def test_an_unknown_number_is_said_to_be_unknown(book: Orders) -> None:
    with pytest.raises(UnknownOrder):
        await book.get("YC261121000014")
    with pytest.raises(UnknownOrder):
        await book.change("YC261121000014", who="8001", why="?", edit={"content": "x"})
    assert await book.history("YC261121000014") == []


async def test_a_list_goes_on_where_the_page_before_ended(book: Orders) -> None:
    numbers = [(await book.open(who="8001", why="call", edit={})).number for _ in range(5)]
    seen: list[str] = []
    after = None
    while page := await book.page(limit=2, after=after):
        seen += [order.number for order in page]
        after = Place(page[-1].opened, page[-1].number)
    assert seen == numbers[::-1]


async def test_a_list_shows_what_was_asked_for(book: Orders) -> None:
    kept = (await book.open(who="8001", why="call", edit={"call_back": True})).number
    other = (await book.open(who="8001", why="call", edit={"status": "not_accepted", "reason": "法院已受理"})).number
    assert [order.number for order in await book.page(limit=9, call_back=True)] == [kept]
    assert [order.number for order in await book.page(limit=9, status=Status.NOT_ACCEPTED)] == [other]


@pytest.mark.parametrize("statement", [update(order_changes).values(who="nobody"), delete(order_changes)])
async def test_history_can_neither_be_changed_nor_taken_away(book: Orders, database: Database, statement: Any) -> None:
    number = (await book.open(who="8001", why="call", edit={})).number
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.begin() as connection:
            await connection.execute(statement)
    assert [change.who for change in await book.history(number)] == ["8001"]


@pytest.mark.parametrize("table", [orders, order_changes, order_days], ids=str)
async def test_the_migrated_tables_are_those_that_the_code_believes_in(database: Database, table: Table) -> None:
    async with database.connect() as connection:
        assert (await connection.execute(table.select())).all() == []
