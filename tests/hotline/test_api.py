"""The API as a whole: who may ask, how it says no, what it tells about itself."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog

from config import metrics
from config.database import Database
from hotline.api import Deps
from ivr.journal.tables import followers, journal
from tests.hotline.api_roles import ROLES, STRANGERS
from tests.hotline.api_site import PROBLEM, TOKEN, Site, problem
from tests.support.database import Outage, eventually


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the kind of database."""
    return "sqlite"


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest_asyncio.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as client:
        yield client


def routes(site: Site) -> list[tuple[str, str]]:
    """Every method and path of the description."""
    schema = site.app.openapi()
    return [(method.upper(), path) for path, methods in schema["paths"].items() for method in methods]


# ---------------------------------------------------------------- the token


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "令牌"])
async def test_without_the_right_token_nothing_of_the_api_answers(site: Site, token: str | None) -> None:
    asked = 0
    async with site.client(token) as client:
        for method, path in routes(site):
            if path.startswith("/api") and ROLES[method, path] != STRANGERS:
                answer = await client.request(method, re.sub(r"\{\w+\}", "x", path), json={})
                problem(answer, 401, "token")
                assert answer.headers["www-authenticate"].startswith("Bearer")
                asked += 1
    assert asked >= 10


async def test_another_kind_of_authorization_is_refused(site: Site) -> None:
    async with site.client(None) as client:
        answer = await client.get("/api/orders", headers={"Authorization": f"Basic {TOKEN}"})
        problem(answer, 401, "token")


async def test_an_empty_token_is_never_accepted_as_a_setting(database: Database, site: Site) -> None:
    with pytest.raises(ValueError, match="token"):
        Deps(
            database=database,
            agents=site.agents,
            questions=site.app.state.services.questions,
            token="",
            order_prefix="",
            ready=site._ready,
            pack=lambda: site.pack,
            callers=site.callers,
        )


def test_the_token_is_not_shown_with_the_settings_of_the_application(database: Database, site: Site) -> None:
    assert TOKEN not in repr(
        Deps(
            database=database,
            agents=site.agents,
            questions=site.app.state.services.questions,
            token=TOKEN,
            order_prefix="",
            ready=site._ready,
            pack=lambda: site.pack,
            callers=site.callers,
        )
    )


# ---------------------------------------------------------------- saying no


async def test_every_no_is_a_problem_with_one_sentence(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404, "http")
    problem(await client.delete("/api/orders"), 405, "http")
    told = problem(await client.get("/api/orders", params={"limit": 0}), 422, "request-invalid")
    assert told["faults"][0]["field"] == "query.limit"
    problem(
        await client.post("/api/orders", content=b"{", headers={"content-type": "application/json"}),
        422,
        "request-invalid",
    )


@pytest.mark.parametrize("path", ["orders", "calls", "recordings", "recordings/gaps"])
@pytest.mark.parametrize(
    "cursor", ["x", "WzEsMl0", "W251bGwsICJhIl0", "%00", '[1.0, "a"]', "a" * 401, "WzEuMCwgIlx1MDAwMCJd"]
)
async def test_a_cursor_that_no_page_gave_is_refused(client: httpx.AsyncClient, path: str, cursor: str) -> None:
    answer = await client.get(f"/api/{path}", params={"cursor": cursor})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM


async def test_a_fault_of_ours_shows_nothing_of_our_inside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("password=hunter2 for 13800138000")

    monkeypatch.setattr(site.app.state.services.orders, "page", broken)
    with structlog.testing.capture_logs() as logged:
        async with site.client() as client:
            answer = await client.get("/api/orders")
    problem(answer, 500, "fault")
    assert "hunter2" not in answer.text
    assert [(line["event"], line["endpoint"]) for line in logged] == [("request failed", "list_orders")]


async def test_given_the_database_goes_away_then_the_api_says_so_and_serves_again_when_it_is_back(
    outage: Outage,
) -> None:
    database = Database(outage.url, busy_timeout_s=0.3, connect_timeout_s=1.0)
    await database.migrate()
    site = Site(database, limit_s=1.5)
    body = {"by": "8001", "why": "test"}
    async with site.client() as client:
        assert (await client.get("/api/orders")).status_code == 200
        await outage.begin()
        refused = await client.post("/api/orders", json=body)
        assert problem(refused, 503, "database-unreachable")["detail"].endswith("before trying again")
        assert int(refused.headers["retry-after"]) > 0
        assert (await client.get("/health/live")).status_code == 200
        outage.end()

        async def taken() -> bool:
            return (await client.post("/api/orders", json=body)).status_code == 201

        await eventually(taken)
        assert len((await client.get("/api/orders")).json()["items"]) >= 1
    await database.dispose()


# ---------------------------------------------------------------- signals


async def test_health_and_metrics_need_no_token(site: Site) -> None:
    async with site.client(None) as client:
        assert (await client.get("/health/live")).json()["well"] is True
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"w1": ""}, 200),
        ({"w1": "", "w2": "its canary call did not return"}, 503),
        ({}, 503),
    ],
)
async def test_it_is_ready_only_when_every_part_is_well(site: Site, parts: dict[str, str], status: int) -> None:
    site.parts = parts
    async with site.client() as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (status, {"well": status == 200, "parts": parts})


async def test_metrics_show_what_was_counted(client: httpx.AsyncClient) -> None:
    metrics.CALLS_CLOSED.labels("answered").inc()
    metrics.WAIT_SECONDS.observe(12)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert re.search(r'^hotline_calls_closed_total\{outcome="answered"\} [1-9]', answer.text, re.M)
    assert re.search(r'^hotline_wait_seconds_bucket\{le="15.0"\} [1-9]', answer.text, re.M)


async def test_metrics_tell_how_far_followers_are_behind(client: httpx.AsyncClient, database: Database) -> None:
    async with database.begin() as connection:
        entry = {"call": "c1", "at": 1.0, "kind": "digit_pressed", "payload": "{}", "worker": "w1"}
        await connection.execute(journal.insert(), [entry | {"seq": seq} for seq in (1, 2, 3)])
        await connection.execute(followers.insert(), [{"name": "orders", "position": 1}])
    assert 'hotline_follower_lag_entries{follower="orders"} 2.0' in (await client.get("/metrics")).text


COUNTING = """
import asyncio, os, sys
from config.database import Database
from config.metrics import CALLS_CLOSED, CALLS_CURRENT
from hotline.api.signals import signals
for _ in range(2):
    child = os.fork()
    if not child:
        CALLS_CLOSED.labels("answered").inc(3)
        CALLS_CURRENT.labels("talking").set(5)
        os._exit(0)
    os.waitpid(child, 0)
routes = signals(Database("sqlite:////dev/null/none"), None).routes
metrics = next(route for route in routes if route.path == "/metrics")
sys.stdout.write(asyncio.run(metrics.endpoint()).body.decode())
"""


def test_given_several_processes_then_metrics_add_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNTING]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
    assert 'hotline_calls_closed_total{outcome="answered"} 6.0' in shown
    assert 'hotline_calls_current{stage="talking"} 10.0' in shown


# ---------------------------------------------------------------- the description


def test_everything_that_can_be_asked_is_described(site: Site) -> None:
    schema = site.app.openapi()
    assert schema["openapi"].startswith("3.")
    assert set(routes(site)) == {
        *ROLES,
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert operation["tags"], where
            if path.startswith("/api"):
                assert bool(operation.get("security")) == (ROLES[method.upper(), path] != STRANGERS), where
                for status in ("401", "422", "503"):
                    assert list(operation["responses"][status]["content"]) == [PROBLEM], where
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], f"{where} {parameter['name']}"


def test_every_reference_of_the_description_leads_somewhere(site: Site) -> None:
    schema = site.app.openapi()
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found.append(value["$ref"])
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(schema)
    assert "#/components/schemas/Problem" in found
    assert "HTTPValidationError" not in str(schema)
    for reference in found:
        target: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert target


def test_every_field_that_people_send_is_explained(site: Site) -> None:
    schemas = site.app.openapi()["components"]["schemas"]
    for name in ("NewOrder", "OrderEdit", "PresenceChange", "Problem"):
        for field, described in schemas[name]["properties"].items():
            texts = [described.get("description"), *(each.get("description") for each in described.get("anyOf", ()))]
            assert any(texts), f"{name}.{field}"


async def test_the_description_is_served(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "Hotline 12345"
