"""Orders over HTTP: opened, read, listed, changed; and every way in which that is refused."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.follower import OrderFollower
from bridge.numbers import check_digit
from config.database import Database
from ivr.call import CallArrived, CallClosed, Outcome, event_encoder
from ivr.journal import Positioned
from tests.hotline.api_site import NOW, Site, problem

CALLER = "13800138000"
NEW = {"by": "8001", "why": "came to the counter"}
WRITTEN = {"category": "求助", "content": "幸福路的路灯不亮"}


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest_asyncio.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as client:
        yield client


async def opened(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/api/orders", json=NEW | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_an_order_is_opened_read_changed_and_remembered(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/orders", json=NEW | {"caller": CALLER, "content": " 幸福路的路灯不亮 "})
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["location"] == f"/api/orders/{order['number']}"
    assert (order["status"], order["content"], order["caller"]) == ("draft", "幸福路的路灯不亮", CALLER)
    assert order["opened"] == "2026-11-21T02:40:00+08:00"

    edit = {"by": "8002", "why": "on the line", "status": "accepted", "category": "求助", "urgent": True}
    changed = await client.patch(
        f"/api/orders/{order['number']}", json=edit, headers={"If-Match": answer.headers["etag"]}
    )
    assert changed.status_code == 200
    assert (changed.json()["status"], changed.json()["urgent"]) == ("accepted", True)

    read = await client.get(f"/api/orders/{order['number']}")
    assert read.json() == changed.json()
    assert read.headers["etag"] == changed.headers["etag"] != answer.headers["etag"]
    last = read.json()["history"][-1]
    assert (last["who"], last["why"]) == ("8002", "on the line")
    assert last["fields"] == {"status": ["draft", "accepted"], "category": [None, "求助"], "urgent": [False, True]}


async def test_an_order_is_found_however_its_number_is_written(client: httpx.AsyncClient) -> None:
    number = (await opened(client))["number"]
    digits = number.removeprefix("YC")
    for written in (number, number.lower(), digits, f"{digits[:6]}-{digits[6:11]}-{digits[11]}"):
        assert (await client.get(f"/api/orders/{written}")).json()["number"] == number


async def test_lists_never_show_a_whole_number(client: httpx.AsyncClient, site: Site) -> None:
    number = (await opened(client, caller=CALLER))["number"]
    answer = await client.get("/api/orders")
    (line,) = answer.json()["items"]
    assert (line["number"], line["caller"]) == (number, "138****8000")
    assert CALLER not in answer.text
    assert (await client.get(f"/api/orders/{number}")).json()["caller"] == CALLER


async def test_pages_show_everything_once(client: httpx.AsyncClient) -> None:
    numbers = [(await opened(client))["number"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (await client.get("/api/orders", params={"limit": 2, **cursor})).json()
        seen += [order["number"] for order in page["items"]]
        cursor = {"cursor": page["next"]} if page["next"] else {}
        await opened(client)  # what is new does not disturb the pages behind it
    assert seen == numbers[::-1]
    assert cursor == {}


async def test_a_list_shows_what_was_asked_for(client: httpx.AsyncClient) -> None:
    waiting = (await opened(client, call_back=True, call="c1"))["number"]
    refused = (await opened(client, status="not_accepted", reason="已由人民法院受理"))["number"]

    async def listed(**wanted: str) -> list[str]:
        return [order["number"] for order in (await client.get("/api/orders", params=wanted)).json()["items"]]

    assert await listed(call_back="true") == [waiting]
    assert await listed(call="c1") == [waiting]
    assert await listed(status="not_accepted") == [refused]
    assert await listed(status="answered") == []


async def test_the_order_of_a_call_tells_what_the_call_came_to(client: httpx.AsyncClient, database: Database) -> None:
    arrived = CallArrived(at=NOW, call="c1", dialled="12345", caller=CALLER, carrier="t", rules="v1")
    closed = CallClosed(at=NOW + 30, outcome=Outcome.MESSAGE)
    entries = [
        Positioned(place, "c1", place, event.at, str(event.__struct_config__.tag), event_encoder.encode(event).decode())
        for place, event in enumerate((arrived, closed), 1)
    ]
    async with database.begin() as connection:
        await OrderFollower("YC").handle(entries, connection)
    (line,) = (await client.get("/api/orders", params={"call": "c1"})).json()["items"]
    assert (line["outcome"], line["waited_s"], line["call_back"], line["dialled"]) == ("message", 30.0, True, "12345")
    told = problem(await client.post("/api/orders", json=NEW | {"call": "c1"}), 409, "order-exists")
    assert told["order"] == line["number"]


# ---------------------------------------------------------------- refused


async def test_a_wrong_check_digit_is_told_from_an_order_that_is_not_there(client: httpx.AsyncClient) -> None:
    digits = "26112100001"
    right = f"YC{digits}{check_digit(digits)}"
    wrong = f"YC{digits}{(check_digit(digits) + 1) % 10}"
    problem(await client.get(f"/api/orders/{right}"), 404, "order-unknown")
    for method in ("GET", "PATCH"):
        told = problem(
            await client.request(method, f"/api/orders/{wrong}", json=NEW if method == "PATCH" else None),
            422,
            "order-number",
        )
        assert "check digit" in told["detail"]
    problem(await client.patch(f"/api/orders/{right}", json=NEW), 404, "order-unknown")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.why"),
        ({"why": "no name with it"}, "body.by"),
        ({"by": "8001"}, "body.why"),
        (NEW | {"by": ""}, "body.by"),
        (NEW | {"by": "  "}, "body.by"),
        (NEW | {"why": "x" * 501}, "body.why"),
        (NEW | {"content": "a\0b"}, "body.content"),
        (NEW | {"content": "\ud800"}, "body.content"),
        (NEW | {"content": "x" * 10_001}, "body.content"),
        (NEW | {"caller": "call me"}, "body.caller"),
        (NEW | {"status": "done"}, "body.status"),
        (NEW | {"urgent": "perhaps"}, "body.urgent"),
        (NEW | {"surprise": 1}, "body.surprise"),
        (NEW | {"category": "闲聊"}, "body.category"),
        (NEW | {"status": "accepted"}, "body.category"),
        (NEW | WRITTEN | {"status": "not_accepted"}, "body.reason"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_with_its_field(
    client: httpx.AsyncClient, body: Any, field: str
) -> None:
    answer = await client.post("/api/orders", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"][0]["field"] == field
    assert (await client.get("/api/orders")).json()["items"] == []


async def test_what_the_client_sent_is_not_said_back(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/orders", json=NEW | {"caller": "+86 13800138000 secret"})
    assert answer.status_code == 422
    assert "13800138000" not in answer.text


async def test_given_the_order_was_changed_meanwhile_then_an_older_version_is_refused(
    client: httpx.AsyncClient,
) -> None:
    number = (await opened(client))["number"]
    path = f"/api/orders/{number}"
    await client.patch(path, json=NEW | {"content": "一"}, headers={"If-Match": '"1"'})
    problem(await client.patch(path, json=NEW | {"content": "二"}, headers={"If-Match": '"1"'}), 412, "order-changed")
    problem(await client.patch(path, json=NEW | {"content": "二"}, headers={"If-Match": "one"}), 422, "request-invalid")
    assert (await client.get(path)).json()["content"] == "一"
    assert (await client.patch(path, json=NEW | {"content": "三"}, headers={"If-Match": "*"})).status_code == 200


async def test_null_clears_a_category_and_leaves_everything_else(client: httpx.AsyncClient) -> None:
    number = (await opened(client, **WRITTEN, urgent=True))["number"]
    nothing = {"category": None, "content": None, "urgent": None, "status": None, "place": None, "call_back": None}
    order = (await client.patch(f"/api/orders/{number}", json=NEW | nothing)).json()
    assert (order["category"], order["content"], order["urgent"], order["status"]) == (
        None,
        WRITTEN["content"],
        True,
        "draft",
    )


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("status", "reason", "category", "content", "place", "urgent", "call_back", "caller", "call", "by", "why")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(st.sampled_from(FIELDS), ANYTHING),
    number=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
)
async def test_whatever_is_sent_the_answer_is_an_order_or_a_problem(
    client: httpx.AsyncClient, body: dict[str, Any], number: str
) -> None:
    for answer in (
        await client.post("/api/orders", json=NEW | body),
        await client.get(f"/api/orders/{quote(number, safe='')}"),
        await client.patch(f"/api/orders/{quote(number, safe='')}", json=NEW | body),
    ):
        assert answer.status_code in (200, 201, 404, 405, 409, 422), answer.text
        assert answer.status_code < 400 or answer.json()["detail"]
