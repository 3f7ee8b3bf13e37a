"""Calls and recordings over HTTP: the list, the story, what is kept and what is missing."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx
import pytest_asyncio

from bridge.follower import OrderFollower
from config.database import Database
from ivr.call import CallArrived, CallClosed, Outcome, Role, Talk
from ivr.journal import Entry, FollowerRunner, Journal
from recordings.audio import Kept
from recordings.ledger import Gap, Ledger, LedgerFollower
from tests.hotline.api_site import NOW, Site, problem
from tests.support.database import eventually

CALLER = "13800138000"


@pytest_asyncio.fixture
async def client(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Three calls happened: c0 spoke with an agent, c1 gave up, c2 goes on."""
    journal = Journal(database, tmp_path / "spool", "w1")
    runner = FollowerRunner(database, [OrderFollower("YC"), LedgerFollower()])
    await journal.start()
    journal.on_commit(runner.wake)
    await runner.start()
    for index in range(3):
        call = f"c{index}"
        at = NOW - 100 + index
        arrived = CallArrived(
            at=at, call=call, dialled="12345", caller=CALLER, carrier="test", rules="v1", recording=call
        )
        await journal.append(Entry(call, 1, arrived))
    talk = Talk(leg="a", role=Role.AGENT, party="8001", began=NOW - 90, ended=NOW - 60)
    await journal.append(Entry("c0", 2, CallClosed(at=NOW - 60, outcome=Outcome.ANSWERED, talks=(talk,))))
    await journal.append(Entry("c1", 2, CallClosed(at=NOW - 50, outcome=Outcome.ABANDONED)))
    site = Site(database)

    async def told() -> bool:
        orders = await site.app.state.services.orders.page(limit=9)
        return len(orders) == 3 and len([order for order in orders if order.closed]) == 2

    async def expected() -> bool:
        return len(await Ledger(database).page(limit=9)) == 3 and len(await Ledger(database).due(9)) == 2

    await eventually(told)
    await eventually(expected)
    async with site.client() as client:
        yield client
    await runner.stop()
    await journal.stop()


async def test_the_list_of_calls_tells_what_is_known_of_each(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/calls")
    last, second, first = answer.json()["items"]
    assert [each["call"] for each in (first, second, last)] == ["c0", "c1", "c2"]
    assert (first["outcome"], first["waited_s"], first["talk_s"], first["agents"]) == ("answered", 10.0, 30.0, ["8001"])
    assert (second["outcome"], second["agents"], second["recording"]) == ("abandoned", [], "expected")
    assert (last["ended"], last["outcome"], last["waited_s"]) == (None, None, None)
    assert {each["caller"] for each in (first, second, last)} == {"138****8000"}
    assert CALLER not in answer.text
    assert all(each["order"].startswith("YC261121") for each in (first, second, last))


async def test_calls_come_in_pages_and_open_ones_alone_when_asked(client: httpx.AsyncClient) -> None:
    page = (await client.get("/api/calls", params={"limit": 2})).json()
    rest = (await client.get("/api/calls", params={"limit": 2, "cursor": page["next"]})).json()
    assert [each["call"] for each in page["items"] + rest["items"]] == ["c2", "c1", "c0"]
    assert rest["next"] is None
    open_ones = (await client.get("/api/calls", params={"open": "true"})).json()["items"]
    assert [each["call"] for each in open_ones] == ["c2"]


async def test_one_call_tells_its_story_without_its_number(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/calls/c0")
    story = answer.json()["story"]
    assert [line["offset_s"] for line in story] == [0.0, 40.0]
    assert story[0]["text"].startswith("A call from 138****8000 to 12345 arrived")
    assert story[0]["at"] == "2026-11-21T02:38:20+08:00"
    assert CALLER not in answer.text


async def test_unknown_calls_and_recordings_are_said_to_be_unknown(client: httpx.AsyncClient) -> None:
    for name in ("c9", "%00", "..%2Fetc"):
        assert (await client.get(f"/api/calls/{name}")).status_code == 404
        assert (await client.get(f"/api/recordings/{name}")).status_code == 404
    problem(await client.get("/api/calls/c9"), 404, "call-unknown")
    problem(await client.get("/api/recordings/c9"), 404, "recording-unknown")


async def test_recordings_tell_what_is_kept_and_what_is_missing(client: httpx.AsyncClient, database: Database) -> None:
    ledger = Ledger(database, clock=lambda: NOW)
    kept = Kept(sha256="ab" * 32, bytes=1234, seconds=40.0, one_sided=False)
    await ledger.stored(
        "c0",
        kept,
        path="2026/11/21/c0.ogg",
        expected_s=40.0,
        gap=None,
        keep_until=date(2029, 11, 21),
        source="宜春 §13(9)",
    )
    await ledger.missed("c1", Gap.MISSING, 49.0)
    await ledger.orphaned("stray", NOW - 500)

    one = (await client.get("/api/recordings/c0")).json()
    assert (one["state"], one["gap"], one["path"], one["sha256"]) == ("stored", None, "2026/11/21/c0.ogg", "ab" * 32)
    assert (one["keep_until"], one["keep_source"]) == ("2029-11-21", "宜春 §13(9)")
    every = (await client.get("/api/recordings")).json()["items"]
    assert [each["name"] for each in every] == ["c2", "c1", "c0", "stray"]
    stored = (await client.get("/api/recordings", params={"state": "stored"})).json()["items"]
    assert [each["call"] for each in stored] == ["c0"]
    gaps = (await client.get("/api/recordings/gaps")).json()["items"]
    assert [(each["name"], each["state"], each["gap"]) for each in gaps] == [
        ("c1", "gap", "missing"),
        ("stray", "orphan", None),
    ]
