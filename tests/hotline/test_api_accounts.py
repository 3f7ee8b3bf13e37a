"""Accounts, tokens and the audit log over HTTP: what an admin does, and every way in which that is refused."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from config.database import Database
from hotline.accounts import Role
from tests.hotline.api_site import PASSWORD, PROBLEM, Site, problem

NEW = {"name": "wang.wu", "roles": ["agent"], "password": PASSWORD}
OTHER = "another three words"
TOKEN = {"label": "wallboard", "roles": ["agent"], "expires": "2027-01-01T00:00:00+08:00"}


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest_asyncio.fixture
async def admin(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """li.na, who administers."""
    await site.account("li.na", Role.ADMIN)
    async with site.client(await site.token_of("li.na")) as client:
        yield client


async def created(admin: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await admin.post("/api/accounts", json=NEW | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def log(admin: httpx.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await admin.get("/api/audit", params=wanted)).json()["items"]
    return items


# ---------------------------------------------------------------- accounts


async def test_an_account_is_created_read_listed_and_written_down(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/accounts", json=NEW | {"display_name": " 王五 ", "agent": "8002", "why": "new"})
    assert answer.status_code == 201
    account = answer.json()
    assert (answer.headers["location"], answer.headers["etag"]) == ("/api/accounts/wang.wu", '"1"')
    assert account == {
        "name": "wang.wu",
        "display_name": "王五",
        "roles": ["agent"],
        "agent": "8002",
        "disabled": False,
        "has_password": True,
        "version": 1,
        "created": "2026-11-21T02:40:00+08:00",
        "updated": "2026-11-21T02:40:00+08:00",
    }
    assert (await admin.get("/api/accounts/wang.wu")).json() == account
    assert [each["name"] for each in (await admin.get("/api/accounts")).json()] == ["li.na", "wang.wu"]
    (entry,) = await log(admin, subject="account:wang.wu")
    assert (entry["who"], entry["action"], entry["why"]) == ("li.na", "account.add", "new")
    assert entry["at"] == "2026-11-21T02:40:00+08:00"


async def test_a_change_holds_at_once_and_only_for_the_version_that_was_read(
    admin: httpx.AsyncClient, site: Site
) -> None:
    await created(admin, agent="8002")
    path = "/api/accounts/wang.wu"
    async with site.client(await site.token_of("wang.wu")) as client:
        problem(await client.get("/api/recordings"), 403, "forbidden")
        change = {"roles": ["supervisor", "agent"], "agent": None, "display_name": None, "why": "promoted"}
        changed = await admin.patch(path, json=change, headers={"If-Match": '"1"'})
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        assert (changed.json()["roles"], changed.json()["agent"]) == (["agent", "supervisor"], None)
        assert (await client.get("/api/recordings")).status_code == 200
        problem(await admin.patch(path, json=change, headers={"If-Match": '"1"'}), 412, "account-changed")
        problem(await admin.patch(path, json=change, headers={"If-Match": "one"}), 422, "request-invalid")
        assert (await admin.patch(path, json={"disabled": True})).json()["disabled"]
        problem(await client.get("/api/orders"), 401, "token")


async def test_the_last_admin_stays_one_and_the_installation_cannot_help_it(
    admin: httpx.AsyncClient, site: Site
) -> None:
    async with site.client() as installation:
        for client in (admin, installation):
            problem(await client.patch("/api/accounts/li.na", json={"disabled": True}), 409, "last-admin")
            problem(await client.patch("/api/accounts/li.na", json={"roles": ["agent"]}), 409, "last-admin")


async def test_what_exists_already_and_what_does_not_is_told(admin: httpx.AsyncClient) -> None:
    await created(admin)
    problem(await admin.post("/api/accounts", json=NEW), 409, "account-exists")
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("PUT", "/password"),
        ("GET", "/tokens"),
        ("POST", "/tokens"),
        ("DELETE", "/tokens/x"),
    ):
        for name in ("nobody.here", "%00", "李"):
            body = {"PUT": {"password": OTHER}, "POST": TOKEN}.get(method, {})
            answer = await admin.request(method, f"/api/accounts/{name}{path}", json=body)
            problem(answer, 404, "account-unknown")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.name"),
        (NEW | {"name": "Wang Wu"}, "body.name"),
        (NEW | {"name": "me"}, "body.name"),
        (NEW | {"name": "installation"}, "body.name"),
        (NEW | {"roles": []}, "body.roles"),
        (NEW | {"roles": ["boss"]}, "body.roles.0"),
        (NEW | {"agent": "no such id"}, "body.agent"),
        (NEW | {"display_name": "a\0b"}, "body.display_name"),
        (NEW | {"password": "too short"}, "body.password"),
        (NEW | {"password": "wang.wu wang.wu"}, "body.password"),
        (NEW | {"password": "x" * 129}, "body.password"),
        (NEW | {"why": ""}, "body.why"),
        (NEW | {"surprise": 1}, "body.surprise"),
    ],
)
async def test_an_account_that_cannot_be_is_refused_with_its_field(
    admin: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await admin.post("/api/accounts", content=json.dumps(body), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), answer.text
    assert answer.json()["faults"][0]["field"] == field
    assert len((await admin.get("/api/accounts")).json()) == 1


# ---------------------------------------------------------------- passwords


async def test_an_admin_resets_a_password_and_its_sessions_end(admin: httpx.AsyncClient, site: Site) -> None:
    await created(admin)
    async with site.client(await site.token_of("wang.wu")) as client:
        reset = {"password": OTHER, "why": "forgotten"}
        assert (await admin.put("/api/accounts/wang.wu/password", json=reset)).status_code == 204
        problem(await client.get("/api/orders"), 401, "token")
        assert (await client.post("/api/sessions", json={"name": "wang.wu", "password": OTHER})).status_code == 201
    (entry,) = await log(admin, action="account.password")
    assert (entry["who"], entry["subject"], entry["why"]) == ("li.na", "account:wang.wu", "forgotten")


async def test_people_change_their_own_password(admin: httpx.AsyncClient, site: Site) -> None:
    await created(admin)
    path = "/api/accounts/me/password"
    async with site.client(await site.token_of("wang.wu")) as client:
        wrong = {"old_password": OTHER, "password": OTHER}
        problem(await client.put(path, json=wrong), 403, "password")
        weak = {"old_password": PASSWORD, "password": "0123456789"}
        assert (
            problem(await client.put(path, json=weak), 422, "account-refused")["faults"][0]["field"] == "body.password"
        )
        assert (await client.put(path, json={"old_password": PASSWORD, "password": OTHER})).status_code == 204
        problem(await client.put(path, json=wrong), 401, "token")
    (entry,) = await log(admin, action="account.password")
    assert (entry["who"], entry["subject"]) == ("wang.wu", "account:wang.wu")


async def test_a_stolen_session_cannot_guess_the_old_password(admin: httpx.AsyncClient, site: Site) -> None:
    await created(admin)
    async with site.client(await site.token_of("wang.wu")) as client:
        change = {"old_password": OTHER, "password": OTHER}
        answers = [await client.put("/api/accounts/me/password", json=change) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_installation_s_token_has_no_password(site: Site) -> None:
    async with site.client() as client:
        change = {"old_password": PASSWORD, "password": OTHER}
        problem(await client.put("/api/accounts/me/password", json=change), 409, "no-password")


# ---------------------------------------------------------------- tokens


async def test_a_program_s_token_is_made_shown_once_listed_and_revoked(admin: httpx.AsyncClient, site: Site) -> None:
    await created(admin, password=None)
    path = "/api/accounts/wang.wu/tokens"
    answer = await admin.post(path, json=TOKEN | {"why": "for the wall"})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    token = answer.json()["token"]
    async with site.client(token) as program:
        assert (await program.get("/api/orders")).status_code == 200
        listed = await admin.get(path)
        assert token not in listed.text
        (line,) = listed.json()
        assert (line["label"], line["expires"], line["seen"]) == (
            "wallboard",
            "2027-01-01T00:00:00+08:00",
            "2026-11-21T02:40:00+08:00",
        )
        problem(await admin.post(path, json=TOKEN), 409, "account-exists")
        assert (await admin.delete(f"{path}/wallboard")).status_code == 204
        problem(await program.get("/api/orders"), 401, "token")
        problem(await admin.delete(f"{path}/wallboard"), 404, "account-unknown")
    assert [entry["action"] for entry in await log(admin, action="token.")] == ["token.revoke", "token.issue"]
    assert token not in (await admin.get("/api/audit")).text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"roles": ["agent", "admin"]}, "body.roles"),
        ({"roles": []}, "body.roles"),
        ({"expires": "2026-11-21T02:40:00+08:00"}, "body.expires"),
        ({"expires": "2028-01-01T00:00:00+08:00"}, "body.expires"),
        ({"expires": "2027-01-01T00:00:00"}, "body.expires"),
        ({"expires": None}, "body.expires"),
        ({"label": "two words"}, "body.label"),
    ],
)
async def test_a_token_that_cannot_be_is_refused_with_its_field(
    admin: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    await created(admin)
    answer = await admin.post("/api/accounts/wang.wu/tokens", json=TOKEN | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"][0]["field"] == field
    assert (await admin.get("/api/accounts/wang.wu/tokens")).json() == []


# ---------------------------------------------------------------- the audit log


async def test_the_log_tells_everything_that_was_done_in_its_order(admin: httpx.AsyncClient, site: Site) -> None:
    await created(admin)
    async with site.client(await site.token_of("wang.wu")) as client:
        await client.post("/api/sessions", json={"name": "wang.wu", "password": "wrong"})
        client.cookies.clear()
        await client.delete("/api/sessions/current")
    told = [(entry["who"], entry["action"]) for entry in await log(admin)]
    assert told[::-1] == [
        ("cli:test", "account.add"),
        ("li.na", "session.begin"),
        ("li.na", "account.add"),
        ("wang.wu", "session.begin"),
        ("nobody", "session.refused"),
        ("wang.wu", "session.end"),
    ]


async def test_the_log_is_read_in_pages_and_by_what_is_wanted(admin: httpx.AsyncClient, site: Site) -> None:
    site.now += 3600
    for place in range(4):
        await created(admin, name=f"agent{place}")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(2):
        page = (
            await admin.get("/api/audit", params={"limit": 2, "who": "li.na", "action": "account.", **cursor})
        ).json()
        seen += [entry["subject"] for entry in page["items"]]
        cursor = {"cursor": page["next"]} if page["next"] else {}
    assert seen == [f"account:agent{place}" for place in (3, 2, 1, 0)]
    assert cursor == {}
    later, earlier = {"from": "2026-11-21T03:00:00+08:00"}, {"to": "2026-11-20T19:00:00Z"}
    assert len(await log(admin, **later)) == 4
    assert [entry["action"] for entry in await log(admin, **earlier)] == ["session.begin", "account.add"]


@pytest.mark.parametrize(
    "wanted",
    [{"from": "2026-11-21T03:00:00"}, {"to": "yesterday"}, {"limit": "0"}, {"cursor": "x"}, {"who": "a\0b"}],
)
async def test_a_question_to_the_log_that_cannot_be_used_is_refused(
    admin: httpx.AsyncClient, wanted: dict[str, str]
) -> None:
    assert (await admin.get("/api/audit", params=wanted)).status_code == 422


@pytest.mark.parametrize("cursor", ["WzFlMzAwLCAiIl0", "Wy0xLjAsICIiXQ"])  # [1e300, ""] and [-1.0, ""]
async def test_a_cursor_far_beyond_the_log_is_no_fault(admin: httpx.AsyncClient, cursor: str) -> None:
    assert (await admin.get("/api/audit", params={"cursor": cursor})).status_code == 200
