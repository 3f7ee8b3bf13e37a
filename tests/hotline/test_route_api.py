"""The simulator over HTTP: the same answer as a call gets, by any city's lines or any version of our table."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from config.database import Database
from config.workdays import Workdays
from hotline.accounts import Role
from routing.tables.drafts import Drafts
from routing.tables.pack_lines import PackFrame, table_of_pack
from routing.tables.versions import Versions
from tests.hotline.api_site import NOW, Site, problem
from tests.routing.tables.rows import row

HOLIDAY = "2026-10-01 03:00"


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest_asyncio.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as client:
        yield client


async def ask(client: httpx.AsyncClient, **asked: str | int) -> dict[str, Any]:
    answer = await client.get("/api/route", params=asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def kinds(told: dict[str, Any]) -> list[str]:
    return [f"{step['kind']}:{step['to']}" for step in told["steps"]]


async def test_another_citys_lines_are_asked_in_its_pack(client: httpx.AsyncClient) -> None:
    told = await ask(client, number="0735-12331", at=HOLIDAY, city="chenzhou")
    assert (told["city"], told["number"], told["reception"], told["final"]) == ("chenzhou", "12331", "alias", "12315")
    assert told["at"] == "2026-10-01T03:00:00+08:00"
    assert told["line"]["unit"] == "市市场监管局"
    assert kinds(told)[-1] == "skill:general"
    assert told["notice"] is None
    assert [reason["why"] for reason in told["reasons"]][:3] == ["normalised", "row", "follow"]
    assert any("12331转到号码12315" in sentence for sentence in told["explanation"])
    assert "".join(told["heard"]).startswith("您好，您拨打的12331已归并到12315")


async def test_before_any_table_is_in_force_the_packs_lines_are_asked_and_it_is_said(
    client: httpx.AsyncClient,
) -> None:
    told = await ask(client, number="119")
    assert told["notice"]
    assert told["table"].startswith("yichun-lines-")
    assert (told["emergency"], kinds(told)) == (True, ["phone:119", "skill:general"])


async def test_the_version_in_force_at_the_time_is_asked_or_the_one_that_is_named(
    client: httpx.AsyncClient, site: Site, database: Database
) -> None:
    frame = PackFrame(site.pack, Workdays())
    versions = Versions(database, "yichun", frame=lambda: frame, clock=lambda: NOW)
    await versions.adopt_pack(table_of_pack(site.pack, Workdays()))
    drafts = Drafts(versions)
    draft = await drafts.create(who="li.na", why="试验")
    line = row("12385", "utility", "phone:07957654321", hours="工作日 08:30-17:30")
    await drafts.put(draft.number, line, revision=draft.revision, who="li.na", why="试验")

    told = await ask(client, number="12385")
    assert (told["table"], told["notice"]) == ("yichun-table-1", None)
    told = await ask(client, number="12385", table=draft.number, at="2026-11-20T10:00:00")
    assert (told["table"], kinds(told)[0]) == ("yichun-table-2", "phone:07957654321")
    told = await ask(client, number="12385", table=draft.number, at=HOLIDAY)
    assert (told["reception"], kinds(told)) == ("closed", ["skill:general"])
    before = await ask(client, number="12385", at="2020-01-01")
    assert before["table"].startswith("yichun-lines-")


@pytest.mark.parametrize("role", Role)
async def test_everybody_who_is_signed_in_may_ask(site: Site, role: Role) -> None:
    await site.account("li.na", role)
    async with site.client(await site.token_of("li.na")) as client:
        assert (await ask(client, number="12345"))["reception"] == "own"


async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient) -> None:
    for asked, status, kind in [
        ({}, 422, "request-invalid"),
        ({"number": "1" * 65}, 422, "request-invalid"),
        ({"number": "12345", "at": "gestern"}, 422, "request-invalid"),
        ({"number": "12345", "at": "0001-01-01"}, 422, "request-invalid"),
        ({"number": "12345", "city": "nowhere"}, 404, "city-unknown"),
        ({"number": "12345", "city": "../yichun"}, 404, "city-unknown"),
        ({"number": "12345", "table": 0}, 422, "request-invalid"),
        ({"number": "12345", "table": 99}, 404, "table-unknown"),
        ({"number": "12345", "table": 1, "city": "chenzhou"}, 422, "request-invalid"),
    ]:
        told = problem(await client.get("/api/route", params=asked), status, kind)
        if "at" in asked:
            assert told["faults"][0]["field"] == "query.at"


@pytest.mark.parametrize("number", ["", "\0", "😀", "１２３４５", "'; drop table", "+86 795 12345"])
async def test_any_text_is_answered(client: httpx.AsyncClient, number: str) -> None:
    assert kinds(await ask(client, number=number))[-1] == "skill:general"
