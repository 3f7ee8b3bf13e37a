"""What transfers came to: kept once with the end of the call, in the order with masked targets, and as figures."""

import math
import random
from collections.abc import Iterable

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from bridge.follower import OrderFollower
from bridge.model import Order
from bridge.orders import Orders
from bridge.tables import transfers as table
from bridge.transfers import Figure, Place, Span, Transfers, Waits, shown_target
from config.database import Database
from ivr.call import Attempt, CallClosed, Outcome, Role, Talk, TransferKind, TransferResult
from tests.bridge.test_follower import T0, arrived, order_of, tell, told

MOBILE = "phone:13900139000"
BUSY, CONNECTED, ENDED = TransferResult.BUSY, TransferResult.CONNECTED, TransferResult.ENDED


def attempt(
    line: str = "12366",
    address: str = "phone:12366",
    *,
    began: float = T0 + 20,
    answered_s: float | None = None,
    result: TransferResult | None = TransferResult.NO_ANSWER,
    kind: TransferKind = TransferKind.BLIND,
) -> Attempt:
    agent = "" if kind is TransferKind.FORWARD else "8001"
    answered = None if answered_s is None else began + answered_s
    return Attempt(line, address, kind, agent, began, answered, ended=began + 30, result=result)


def closed(*attempts: Attempt, at: float = T0 + 90, talks: tuple[Talk, ...] = (), appeal: bool = False) -> CallClosed:
    outcome = Outcome.ANSWERED if talks else Outcome.ABANDONED
    return CallClosed(at=at, outcome=outcome, talks=talks, attempts=attempts, appeal=appeal)


async def kept(database: Database) -> list[tuple[str, int, str]]:
    async with database.connect() as connection:
        rows = await connection.execute(select(table.c.call, table.c.seq, table.c.address).order_by(*table.primary_key))
        return [tuple(row) for row in rows]


# ---------------------------------------------------------------- orders


async def test_the_order_tells_each_target_in_its_order_and_a_persons_phone_only_masked(database: Database) -> None:
    line = Talk(leg="t2", role=Role.LINE, party="12366", began=T0 + 57, ended=T0 + 87)
    agent = Talk(leg="a1", role=Role.AGENT, party="8001", began=T0 + 10, ended=T0 + 20)
    first = attempt(address=MOBILE, result=BUSY, kind=TransferKind.WARM)
    second = attempt(began=T0 + 50, answered_s=7.0, result=CONNECTED, kind=TransferKind.WARM)
    await tell(database, ("c1", arrived("c1")))
    await tell(database, ("c1", closed(first, second, talks=(agent, line))))
    order = await order_of(database, "c1")
    assert [(each.target, each.kind, each.agent, each.answered_s, each.result) for each in order.transfers] == [
        ("phone:139****9000", "warm", "8001", None, "busy"),
        ("phone:12366", "warm", "8001", 7.0, "connected"),
    ]
    assert (order.agents, order.talk_s, order.transfer_failed) == (("8001",), 40.0, False)
    history = await Orders(database, "YC").history(order.number)
    assert "transfers" in history[-1].fields
    assert MOBILE.removeprefix("phone:") not in str(history)


async def test_a_call_that_only_a_line_answered_was_answered_but_by_no_agent(database: Database) -> None:
    line = Talk(leg="t1", role=Role.LINE, party="12366", began=T0 + 12, ended=T0 + 42)
    forward = attempt(began=T0 + 5, answered_s=7.0, result=CONNECTED, kind=TransferKind.FORWARD)
    await tell(database, ("c1", arrived("c1")), ("c1", closed(forward, talks=(line,))))
    order = await order_of(database, "c1")
    assert (order.outcome, order.waited_s, order.talk_s, order.agents) == ("answered", 12.0, 30.0, ())


@pytest.mark.parametrize(
    ("results", "failed"),
    [
        ([], False),
        ([TransferResult.CONNECTED], False),
        ([TransferResult.CANCELLED], False),
        ([TransferResult.BUSY, TransferResult.CONNECTED], False),
        ([TransferResult.CONNECTED, TransferResult.BUSY], True),
        ([TransferResult.ABANDONED], True),
        ([None], True),
    ],
)
async def test_the_order_tells_whether_the_last_transfer_failed(
    database: Database, results: list[TransferResult | None], failed: bool
) -> None:
    attempts = [attempt(began=T0 + 20 + 40 * place, result=result) for place, result in enumerate(results)]
    await tell(database, ("c1", arrived("c1")), ("c1", closed(*attempts)))
    assert (await order_of(database, "c1")).transfer_failed is failed


async def test_who_appealed_is_to_be_called_back_and_the_order_says_why(database: Database) -> None:
    await tell(database, ("c1", arrived("c1")), ("c2", arrived("c2")))
    await tell(database, ("c1", closed(appeal=True)), ("c2", closed()))
    orders: list[Order] = [await order_of(database, call) for call in ("c1", "c2")]
    assert [(order.appeal, order.call_back) for order in orders] == [(True, True), (False, False)]


async def test_an_end_of_a_call_from_before_transfers_stays_valid(database: Database) -> None:
    (entry,) = told(("c1", closed()))
    old = entry._replace(payload=f'{{"kind":"call_closed","at":{T0 + 9},"outcome":"abandoned"}}')
    async with database.begin() as connection:
        await OrderFollower("YC").handle([old], connection)
    order = await order_of(database, "c1")
    assert (order.transfers, order.appeal, order.transfer_failed) == ((), False, False)
    assert await kept(database) == []


# ---------------------------------------------------------------- the table


async def test_given_the_end_told_again_or_before_the_arrival_then_each_target_is_kept_once(database: Database) -> None:
    end = closed(attempt(result=BUSY), attempt(address=MOBILE, began=T0 + 60))
    await tell(database, ("c1", end))
    await tell(database, ("c1", arrived("c1")))
    await tell(database, ("c1", end), ("c1", closed(attempt(), at=T0 + 99)))
    await tell(database, ("c2", arrived("c2")), ("c2", end))
    assert await kept(database) == [
        ("c1", 1, "phone:12366"),
        ("c1", 2, MOBILE),
        ("c2", 1, "phone:12366"),
        ("c2", 2, MOBILE),
    ]


async def test_the_list_is_newest_first_and_in_pages_without_gaps_or_repeats(database: Database) -> None:
    ends = [
        (f"c{call}", closed(*(attempt(began=T0 + call // 2, result=BUSY) for _ in range(call % 3 + 1))))
        for call in range(7)
    ]
    await tell(database, *ends)
    book, seen, after = Transfers(database), [], None
    while page := await book.page(Span(), limit=3, after=after):
        seen += page
        after = Place(page[-1].began, page[-1].call, page[-1].seq)
    places = [(each.began, each.call, each.seq) for each in seen]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places) == sum(len(end.attempts) for _, end in ends)
    assert (seen[0].kind, seen[0].result, seen[0].answered_s) == (TransferKind.BLIND, BUSY, None)


# ---------------------------------------------------------------- figures


async def test_the_figures_count_the_results_of_each_line_and_target(database: Database) -> None:
    await tell(
        database,
        ("c1", closed(attempt(result=BUSY), attempt(answered_s=6.0, result=CONNECTED))),
        ("c2", closed(attempt(answered_s=2.0, result=ENDED), attempt(address=MOBILE, result=None))),
        ("c3", closed(attempt(line="96110", address="phone:96110", result=BUSY))),
    )
    assert await Transfers(database).figures(Span()) == [
        Figure("12366", "phone:12366", 3, {"busy": 1, "connected": 1, "ended": 1}, Waits(4.0, 2.0, 6.0)),
        Figure("12366", MOBILE, 1, {"unknown": 1}, None),
        Figure("96110", "phone:96110", 1, {"busy": 1}, None),
    ]
    first, second, _ = await Transfers(database).figures(Span(line="12366")) + [None]
    assert first is not None
    assert second is not None
    assert (first.connected, first.success, second.success) == (1, pytest.approx(1 / 3), 0.0)


async def test_the_figures_are_of_the_span_asked_for_its_end_not_included(database: Database) -> None:
    await tell(database, ("c1", closed(*(attempt(began=T0 + at, answered_s=1.0, result=CONNECTED) for at in range(5)))))
    (figure,) = await Transfers(database).figures(Span(T0 + 1, T0 + 4))
    assert figure.attempts == 3
    assert await Transfers(database).figures(Span(T0 + 5, T0 + 9)) == []


@pytest.mark.parametrize("size", [1, 2, 19, 20, 21, 100, 101])
async def test_percentiles_are_those_of_the_nearest_rank(database: Database, size: int) -> None:
    waits = [round(random.Random(size + place).uniform(0.5, 40.0), 3) for place in range(size)]
    other = [attempt(line="96110", answered_s=99.0, result=CONNECTED)]
    attempts = [attempt(began=T0, answered_s=wait, result=CONNECTED) for wait in waits]
    await tell(database, ("c1", closed(*attempts, *other, attempt(result=BUSY))))
    figure = (await Transfers(database).figures(Span()))[0]
    assert figure.answer_s is not None
    assert figure.answer_s.mean == pytest.approx(sum(waits) / size, abs=0.001)
    assert figure.answer_s.p50 == pytest.approx(nearest_rank(waits, 50), abs=0.001)
    assert figure.answer_s.p95 == pytest.approx(nearest_rank(waits, 95), abs=0.001)


def nearest_rank(values: Iterable[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


async def test_each_transfer_is_counted_once_for_the_metrics(database: Database) -> None:
    line = "12321"  # no other test's

    def count(result: str) -> float:
        labels = {"line": line, "kind": "warm", "result": result}
        return REGISTRY.get_sample_value("hotline_transfers_total", labels) or 0.0

    timed = REGISTRY.get_sample_value("hotline_transfer_answer_seconds_count") or 0.0
    end = closed(
        attempt(line=line, result=BUSY, kind=TransferKind.WARM),
        attempt(line=line, answered_s=3.0, result=CONNECTED, kind=TransferKind.WARM),
    )
    before = count("busy"), count("connected")
    await tell(database, ("c1", arrived("c1")))
    await tell(database, ("c1", end))
    await tell(database, ("c1", end))
    assert (count("busy"), count("connected")) == (before[0] + 1, before[1] + 1)
    assert REGISTRY.get_sample_value("hotline_transfer_answer_seconds_count") == timed + 1
    async with database.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(table)) == 2


# ---------------------------------------------------------------- what people see


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("phone:12366", "phone:12366"),
        ("phone:96110", "phone:96110"),
        ("phone:07953212345", "phone:079****2345"),
        (MOBILE, "phone:139****9000"),
        ("desk:8001", "desk:8001"),
    ],
)
def test_service_numbers_are_shown_and_peoples_numbers_masked(address: str, shown: str) -> None:
    assert shown_target(address) == shown
