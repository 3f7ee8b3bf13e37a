"""Signing in over HTTP: bearers, cookies, guesses; and in whose name things are done."""

from typing import Any

import httpx
import pytest
import structlog

from config import audit
from config.database import Database
from hotline.accounts import Role
from hotline.accounts.sessions import IDLE_S, LONGEST_S
from hotline.accounts.throttle import ACCOUNT_FREE, ADDRESS_FREE, FIRST_WAIT_S
from hotline.api.auth import COOKIE
from routing.board import Board
from tests.hotline.api_site import NOW, PASSWORD, TOKEN, Site, problem

SIGN_IN = {"name": "li.na", "password": PASSWORD}
WRONG = SIGN_IN | {"password": "not the password"}
SCRIPT = {"X-Requested-With": "hotline"}


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


async def signed_in(client: httpx.AsyncClient, **given: str) -> dict[str, Any]:
    answer = await client.post("/api/sessions", json=SIGN_IN | given)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# ---------------------------------------------------------------- sessions


async def test_a_person_signs_in_is_known_and_signs_out(site: Site) -> None:
    await site.account("li.na", Role.AGENT, agent="8001")
    async with site.client(None) as client:
        answer = await client.post("/api/sessions", json=SIGN_IN)
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        session = answer.json()
        client.cookies.clear()
        me = (await client.get("/api/sessions/current", headers=bearer(session["token"]))).json()
        assert me == {
            "name": "li.na",
            "display_name": "li.na",
            "roles": ["agent"],
            "agent": "8001",
            "way": "session",
            "ends": "2026-11-21T14:40:00+08:00",
        }
        assert session == me | {"token": session["token"]}
        out = await client.delete("/api/sessions/current", headers=bearer(session["token"]))
        assert (out.status_code, out.content) == (204, b"")
        problem(await client.get("/api/sessions/current", headers=bearer(session["token"])), 401, "token")


async def test_a_session_ends_by_idling_and_with_the_shift(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    async with site.client(await site.token_of("li.na")) as client:
        site.now = NOW + IDLE_S
        problem(await client.get("/api/orders"), 401, "token")
    assert LONGEST_S == 12 * 3600
    assert IDLE_S == 2 * 3600


async def test_the_installation_is_known_as_itself(site: Site) -> None:
    async with site.client() as client:
        me = (await client.get("/api/sessions/current")).json()
        assert (me["name"], me["way"], me["ends"]) == ("installation", "installation", None)
        assert me["roles"] == sorted(Role)
        assert (await client.delete("/api/sessions/current")).status_code == 204
        assert (await client.get("/api/orders")).status_code == 200


async def test_a_program_s_token_outlives_a_sign_out(site: Site) -> None:
    await site.account("wallboard", Role.AUDITOR)
    token, _ = await site.app.state.services.tokens.issue("wallboard", "a", [Role.AUDITOR], NOW + 60, who="x")
    async with site.client(token) as client:
        assert (await client.get("/api/sessions/current")).json()["way"] == "token"
        assert (await client.delete("/api/sessions/current")).status_code == 204
        assert (await client.get("/api/orders")).status_code == 200
        site.now = NOW + 60
        problem(await client.get("/api/orders"), 401, "token")


# ---------------------------------------------------------------- cookies


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    for base, secure in (("http://hotline", False), ("https://hotline", True)):
        async with site.client(None) as client:
            client.base_url = base
            answer = await client.post("/api/sessions", json=SIGN_IN)
        parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
        assert {"httponly", "samesite=strict", "path=/api", f"max-age={int(LONGEST_S)}"} <= parts
        assert ("secure" in parts) is secure


async def test_with_the_cookie_a_change_needs_our_header_and_reading_does_not(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    async with site.client(None) as client:
        await signed_in(client)
        assert COOKIE in client.cookies
        assert (await client.get("/api/orders")).status_code == 200
        new = {"why": "came to the counter"}
        problem(await client.post("/api/orders", json=new), 403, "csrf")
        assert (await client.get("/api/orders")).json()["items"] == []
        assert (await client.post("/api/orders", json=new, headers=SCRIPT)).status_code == 201
        problem(await client.delete("/api/sessions/current"), 403, "csrf")
        assert (await client.delete("/api/sessions/current", headers=SCRIPT)).status_code == 204
        assert COOKIE not in client.cookies
        problem(await client.get("/api/orders"), 401, "token")


async def test_a_form_of_another_site_cannot_sign_anybody_in(site: Site) -> None:
    """A browser sends a form without asking, but not as JSON."""
    await site.account("li.na", Role.AGENT)
    body = f'{{"name": "li.na", "password": "{PASSWORD}"}}'
    async with site.client(None) as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = await client.post("/api/sessions", content=body, headers={"content-type": kind})
            assert answer.status_code == 422, kind
            assert "set-cookie" not in answer.headers


async def test_a_bearer_that_is_wrong_is_not_saved_by_a_cookie(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    async with site.client(None) as client:
        await signed_in(client)
        problem(await client.get("/api/orders", headers=bearer("wrong")), 401, "token")


async def test_the_installation_s_token_is_no_cookie(site: Site) -> None:
    async with site.client(None) as client:
        client.cookies.set(COOKIE, TOKEN)
        problem(await client.get("/api/orders"), 401, "token")


# ---------------------------------------------------------------- guesses


async def test_whatever_is_wrong_the_answer_is_the_same(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    async with site.client(None) as client:
        known = await client.post("/api/sessions", json=WRONG)
        unknown = await client.post("/api/sessions", json=WRONG | {"name": "wang.wu"})
    problem(known, 401, "password")
    assert known.json() == unknown.json()
    assert known.headers["www-authenticate"].startswith("Bearer")
    assert "set-cookie" not in known.headers


@pytest.mark.parametrize("name", ["li.na", "wang.wu"])
async def test_too_many_wrong_ones_must_wait_from_wherever_they_come(site: Site, name: str) -> None:
    await site.account("li.na", Role.AGENT)
    for guess in range(ACCOUNT_FREE):
        async with site.client(None, address=f"192.0.2.{guess}") as client:
            problem(await client.post("/api/sessions", json=WRONG | {"name": name}), 401, "password")
    async with site.client(None) as client:
        answer = await client.post("/api/sessions", json=SIGN_IN | {"name": name})
        problem(answer, 429, "guesses")
        assert answer.headers["retry-after"] == str(int(FIRST_WAIT_S))
        site.now += FIRST_WAIT_S
        again = await client.post("/api/sessions", json=SIGN_IN | {"name": name})
        assert again.status_code == (201 if name == "li.na" else 401)


async def test_one_address_must_wait_whatever_names_it_tries(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    async with site.client(None) as client:
        for guess in range(ADDRESS_FREE):
            problem(await client.post("/api/sessions", json=WRONG | {"name": f"name{guess}"}), 401, "password")
        problem(await client.post("/api/sessions", json=SIGN_IN), 429, "guesses")
    async with site.client(None, address="192.0.2.99") as client:
        await signed_in(client)


async def test_waiting_does_not_end_the_sessions_there_are(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    token = await site.token_of("li.na")
    async with site.client(None) as client:
        for _ in range(ACCOUNT_FREE + 1):
            await client.post("/api/sessions", json=WRONG)
        assert (await client.get("/api/orders", headers=bearer(token))).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        SIGN_IN | {"name": ""},
        SIGN_IN | {"name": "x" * 65},
        SIGN_IN | {"name": "a\0b"},
        SIGN_IN | {"password": "x" * 129},
        SIGN_IN | {"surprise": 1},
        [PASSWORD],
    ],
)
async def test_what_cannot_be_used_is_refused_and_never_said_back(site: Site, body: Any) -> None:
    async with site.client(None) as client:
        answer = await client.post("/api/sessions", json=body)
    problem(answer, 422, "request-invalid")
    assert PASSWORD not in answer.text
    assert "x" * 65 not in answer.text


async def test_no_password_and_no_token_is_ever_logged(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.account("li.na", Role.ADMIN)
    with structlog.testing.capture_logs() as logged:
        async with site.client(None) as client:
            token = (await signed_in(client))["token"]
            answers = [
                await client.post("/api/sessions", json=SIGN_IN | {"name": "wang.wu"}),
                await client.put(
                    "/api/accounts/me/password",
                    json={"old_password": PASSWORD, "password": "li.na" * 3},
                    headers=bearer(token),
                ),
                await client.put(
                    "/api/accounts/li.na/password", json={"password": "1234567890"}, headers=bearer(token)
                ),
            ]

            async def broken(*_: Any, **__: Any) -> None:
                raise RuntimeError("broken")

            monkeypatch.setattr(site.app.state.services.sessions, "begin", broken)
            answers.append(await client.post("/api/sessions", json=SIGN_IN))
    kept = await audit.page(site.app.state.services.database, audit.Filter(), limit=200)
    told = f"{logged} {kept} {[answer.text for answer in answers]}"
    for secret in (PASSWORD, token, "li.na" * 3, "1234567890"):
        assert secret not in told
    assert [line["event"] for line in logged] == ["request failed"]


# ---------------------------------------------------------------- in whose name


async def test_a_person_s_order_bears_their_name(site: Site) -> None:
    await site.account("li.na", Role.AGENT)
    async with site.client(await site.token_of("li.na")) as client:
        order = (await client.post("/api/orders", json={"why": "came to the counter"})).json()
        path = f"/api/orders/{order['number']}"
        changed = await client.patch(path, json={"by": "li.na", "why": "on the line", "urgent": True})
        assert [entry["who"] for entry in changed.json()["history"]] == ["li.na", "li.na"]
        for method, where in (("POST", "/api/orders"), ("PATCH", path)):
            answer = await client.request(method, where, json={"by": "wang.wu", "why": "in another's name"})
            assert problem(answer, 422, "request-invalid")["faults"][0]["field"] == "body.by"
        assert len((await client.get("/api/orders")).json()["items"]) == 1


class Agents:
    """A queue with nobody in it, which remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def board(self, depth: int = 100) -> Board:
        return Board(at=NOW, agents={}, queues={})

    async def set_presence(self, agent_id: str, presence: object) -> None:
        self.told.append(agent_id)


@pytest.mark.parametrize(
    ("role", "bound", "may"),
    [
        (Role.AGENT, "8001", ["8001"]),
        (Role.AGENT, None, []),
        (Role.SUPERVISOR, None, ["8001", "8002"]),
    ],
)
async def test_agents_set_their_own_presence_and_supervisors_anybody_s(
    database: Database, role: Role, bound: str | None, may: list[str]
) -> None:
    agents = Agents()
    site = Site(database, agents)
    await site.account("li.na", role, agent=bound)
    async with site.client(await site.token_of("li.na")) as client:
        for agent in ("8001", "8002"):
            answer = await client.put(f"/api/agents/{agent}/presence", json={"presence": "ready"})
            problem(answer, 404, "agent-unknown") if agent in may else problem(answer, 403, "forbidden")
    assert agents.told == may
