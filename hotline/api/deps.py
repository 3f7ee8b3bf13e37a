"""What the API needs from the composition root, and how its routes get at it. Does nothing by itself."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request

from bridge.model import CATEGORIES
from bridge.orders import Orders
from config.database import Database
from hotline.api.callbook import CallBook
from ivr.journal import JournalReader
from recordings.ledger import Ledger
from routing.agents import Presence
from routing.board import Board


class AgentsPort(Protocol):
    """The part of `routing.queue.Acd` that the API uses."""

    async def board(self, depth: int = 100) -> Board: ...

    async def set_presence(self, agent_id: str, presence: Presence) -> None: ...


@dataclass(frozen=True)
class Deps:
    """What one application works with.

    ``token`` is the bearer token of ``/api``; ``ready`` tells each part that must work before calls come, and what is
    wrong with it (an empty text when it is well); ``limit_s`` is how long the database may take for one request.
    """

    database: Database
    agents: AgentsPort
    token: str = field(repr=False)
    order_prefix: str
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    categories: Callable[[], Collection[str]] = lambda: CATEGORIES
    clock: Callable[[], float] = time.time
    limit_s: float = 5.0

    def __post_init__(self) -> None:
        if not self.token:
            raise ValueError("the API needs a token: an empty one would let everybody in")


@dataclass(frozen=True)
class Services:
    """The packages as the routes ask them."""

    orders: Orders
    ledger: Ledger
    journal: JournalReader
    calls: CallBook
    agents: AgentsPort
    clock: Callable[[], float]


def services(deps: Deps) -> Services:
    """Put the packages together for one application."""
    return Services(
        orders=Orders(deps.database, deps.order_prefix, categories=deps.categories, clock=deps.clock),
        ledger=Ledger(deps.database, clock=deps.clock),
        journal=JournalReader(deps.database),
        calls=CallBook(deps.database),
        agents=deps.agents,
        clock=deps.clock,
    )


def _of_app(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Ask = Annotated[Services, Depends(_of_app)]
