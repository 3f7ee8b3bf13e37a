"""An application of the API on a real database, and a client that talks to it without a network."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from config.database import Database
from config.packs import SHIPPED, load_pack
from hotline.accounts import Role
from hotline.accounts.passwords import Passwords
from hotline.api import AgentsPort, Deps, create_app
from hotline.questions import Questions
from routing.connection import open_redis
from routing.queue import Acd
from routing.restrictions import Callers

TOKEN = "a-token-of-this-test"
NOW = 1_795_200_000.0
PASSWORD = "three unrelated words"
# what argon2 allows least: these tests are about everything but how long a hash takes
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PROBLEM = "application/problem+json"


class Site:
    """What the API stands on; `parts` is what readiness will tell."""

    def __init__(
        self,
        database: Database,
        agents: AgentsPort | None = None,
        limit_s: float = 5.0,
        questions: Questions | None = None,
    ) -> None:
        self.parts: dict[str, str] = {"w1": ""}
        self.now = NOW
        self.pack = load_pack(SHIPPED, "yichun")
        self.callers = Callers("a secret of these tests", self.pack.city.area_code)
        # no Redis listens there: whatever asks the queue in these tests must live with that
        self.agents = agents or Acd(open_redis("redis://127.0.0.1:1/0"), worker="web", ring_s=20.0)
        self.app: FastAPI = create_app(
            Deps(
                database=database,
                agents=self.agents,
                questions=questions or Questions(open_redis("redis://127.0.0.1:1/0")),
                token=TOKEN,
                order_prefix="YC",
                ready=self._ready,
                pack=lambda: self.pack,
                callers=self.callers,
                clock=lambda: self.now,
                limit_s=limit_s,
                passwords=Passwords(QUICK),
            )
        )

    async def _ready(self) -> Mapping[str, str]:
        return self.parts

    @asynccontextmanager
    async def client(
        self, token: str | None = TOKEN, *, address: str = "192.0.2.1"
    ) -> AsyncIterator[httpx.AsyncClient]:
        headers = {} if token is None else {b"Authorization": f"Bearer {token}".encode()}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://hotline", headers=headers) as client:
            yield client

    async def account(self, name: str, *roles: Role, agent: str | None = None) -> None:
        """An account with the password of these tests."""
        await self.app.state.services.accounts.add(name, roles, who="cli:test", agent=agent, password=PASSWORD)

    async def token_of(self, name: str) -> str:
        """The token of a new session."""
        begun = await self.app.state.services.sessions.begin(name, PASSWORD, "192.0.2.9")
        token: str = begun.token
        return token


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem an answer is; fails when it is none, or another one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"urn:hotline:problem:{kind}", told
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert "\n" not in told["detail"]
    return told
