"""Agents over HTTP, on the real queue in a real Redis."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from config.database import Database
from routing.agents import Agent
from routing.connection import open_redis
from routing.queue import Acd
from tests.hotline.api_site import Site, problem


@pytest.fixture
def backend() -> str:
    """The database has no part in this."""
    return "sqlite"


@pytest_asyncio.fixture
async def client(database: Database, redis_url: str, redis_prefix: str) -> AsyncIterator[httpx.AsyncClient]:
    redis = open_redis(redis_url)
    acd = Acd(redis, worker="web", ring_s=20.0, prefix=redis_prefix)
    await acd.enrol(
        [
            Agent(id="8002", name="李四", skills=("general", "enterprise"), address="phone:13900139000"),
            Agent(id="8001", name="张三", skills=("general",), address="desk:8001"),
        ]
    )
    async with Site(database, acd).client() as client:
        yield client
    await acd.close()
    await redis.aclose()


async def test_agents_are_listed_by_id_and_without_their_phones(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/agents")
    assert [(agent["id"], agent["name"], agent["presence"]) for agent in answer.json()] == [
        ("8001", "张三", "off"),
        ("8002", "李四", "off"),
    ]
    assert "13900139000" not in answer.text


async def test_an_agent_signs_in_and_out(client: httpx.AsyncClient) -> None:
    for presence in ("ready", "paused", "off"):
        answer = await client.put("/api/agents/8001/presence", json={"presence": presence})
        assert (answer.status_code, answer.json()["presence"], answer.json()["state"]) == (200, presence, presence)
    assert [agent["state"] for agent in (await client.get("/api/agents")).json()] == ["off", "off"]


async def test_an_unknown_agent_or_presence_is_refused(client: httpx.AsyncClient) -> None:
    problem(await client.put("/api/agents/9999/presence", json={"presence": "ready"}), 404, "agent-unknown")
    told = problem(await client.put("/api/agents/8001/presence", json={"presence": "asleep"}), 422, "request-invalid")
    assert told["faults"][0]["field"] == "body.presence"


async def test_given_the_queue_is_away_then_the_api_says_so(database: Database) -> None:
    async with Site(database).client() as client:
        answer = await client.get("/api/agents")
    problem(answer, 503, "queue-unreachable")
    assert answer.headers["retry-after"] == "5"
