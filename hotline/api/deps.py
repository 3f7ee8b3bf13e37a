"""What the API needs from the composition root, and how its routes get at it. Does nothing by itself."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, Request

from bridge.alarms import AlarmBook
from bridge.model import CATEGORIES
from bridge.orders import Orders
from bridge.tickets import Tickets
from bridge.transfers import Transfers
from config.database import Database
from config.packs import SHIPPED, Pack
from config.workdays import Workdays
from hotline.accounts.book import Accounts
from hotline.accounts.credentials import Credentials
from hotline.accounts.passwords import Passwords
from hotline.accounts.sessions import Sessions
from hotline.accounts.tokens import Tokens
from hotline.api.callbook import CallBook
from hotline.restrictions import JournalCalls, policy_of
from hotline.simulator import Simulator
from ivr.call import Asked, SupervisionAsked
from ivr.journal import JournalReader
from recordings.ledger import Ledger
from routing.agents import Presence
from routing.board import Board
from routing.restrictions import Appeals, Callers, Restrictions, Warnings
from routing.tables.drafts import Drafts
from routing.tables.pack_lines import PackFrame
from routing.tables.publishing import Publishing
from routing.tables.versions import Versions


class AgentsPort(Protocol):
    """The part of `routing.queue.Acd` that the API uses."""

    async def board(self, depth: int = 100) -> Board: ...

    async def set_presence(self, agent_id: str, presence: Presence) -> None: ...


class QuestionsPort(Protocol):
    """The part of `hotline.questions.Questions` that the API uses."""

    async def ask(self, worker: str, call: str, event: Asked | SupervisionAsked) -> str: ...


@dataclass(frozen=True)
class Deps:
    """What one application works with.

    ``token`` is the bearer token of ``/api``; ``ready`` tells each part that must work before calls come, and what is
    wrong with it (an empty text when it is well); ``limit_s`` is how long the database may take for one request.
    """

    database: Database
    agents: AgentsPort
    questions: QuestionsPort
    token: str = field(repr=False)
    order_prefix: str
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    pack: Callable[[], Pack]
    callers: Callers
    categories: Callable[[], Collection[str]] = lambda: CATEGORIES
    clock: Callable[[], float] = time.time
    limit_s: float = 5.0
    packs: Path = SHIPPED
    workdays: Callable[[], Workdays] = Workdays
    passwords: Passwords = field(default_factory=Passwords)

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
    questions: QuestionsPort
    transfers: Transfers
    alarms: AlarmBook
    tickets: Tickets
    pack: Callable[[], Pack]
    clock: Callable[[], float]
    database: Database
    accounts: Accounts
    credentials: Credentials
    sessions: Sessions
    tokens: Tokens
    restrictions: Restrictions
    warnings: Warnings
    appeals: Appeals
    tables: Versions
    drafts: Drafts
    publishing: Publishing
    simulator: Simulator


def services(deps: Deps) -> Services:
    """Put the packages together for one application."""
    known = JournalCalls(JournalReader(deps.database))
    credentials = Credentials(deps.database, deps.passwords, secret=deps.token.encode(), clock=deps.clock)
    tables = Versions(
        deps.database, deps.pack().id, frame=lambda: PackFrame(deps.pack(), deps.workdays()), clock=deps.clock
    )
    return Services(
        orders=Orders(deps.database, deps.order_prefix, categories=deps.categories, clock=deps.clock),
        ledger=Ledger(deps.database, clock=deps.clock),
        journal=JournalReader(deps.database),
        calls=CallBook(deps.database),
        agents=deps.agents,
        questions=deps.questions,
        transfers=Transfers(deps.database),
        alarms=AlarmBook(deps.database, clock=deps.clock),
        tickets=Tickets(deps.database, clock=deps.clock),
        pack=deps.pack,
        clock=deps.clock,
        database=deps.database,
        accounts=Accounts(deps.database, deps.passwords, clock=deps.clock),
        credentials=credentials,
        sessions=Sessions(deps.database, credentials, clock=deps.clock),
        tokens=Tokens(deps.database, clock=deps.clock),
        restrictions=Restrictions(deps.database, deps.callers, known, lambda: policy_of(deps.pack()), clock=deps.clock),
        warnings=Warnings(deps.database, deps.callers, known, lambda: policy_of(deps.pack()), clock=deps.clock),
        appeals=Appeals(deps.database, deps.callers, known, clock=deps.clock),
        tables=tables,
        drafts=Drafts(tables),
        publishing=Publishing(tables),
        simulator=Simulator.of_installation(deps.database, deps.packs, deps.pack),
    )


def _of_app(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Ask = Annotated[Services, Depends(_of_app)]
