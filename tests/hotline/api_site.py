"""An application of the API on a real database, and a client that talks to it without a network."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from config.database import Database
from hotline.api import AgentsPort, Deps, create_app
from routing.connection import open_redis
from routing.queue import Acd

TOKEN = "a-token-of-this-test"
NOW = 1_795_200_000.0
PROBLEM = "application/problem+json"


class Site:
    """What the API stands on; `parts` is what readiness will tell."""

    def __init__(self, database: Database, agents: AgentsPort | None = None, limit_s: float = 5.0) -> None:
        self.parts: dict[str, str] = {"w1": ""}
        # no Redis listens there: whatever asks the queue in these tests must live with that
        self.agents = agents or Acd(open_redis("redis://127.0.0.1:1/0"), worker="web", ring_s=20.0)
        self.app: FastAPI = create_app(
            Deps(
                database=database,
                agents=self.agents,
                token=TOKEN,
                order_prefix="YC",
                ready=self._ready,
                clock=lambda: NOW,
                limit_s=limit_s,
            )
        )

    async def _ready(self) -> Mapping[str, str]:
        return self.parts

    @asynccontextmanager
    async def client(self, token: str | None = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
        headers = {} if token is None else {b"Authorization": f"Bearer {token}".encode()}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hotline", headers=headers) as client:
            yield client


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
