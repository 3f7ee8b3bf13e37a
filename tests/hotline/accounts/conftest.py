"""Accounts on a real database, with a clock that the test turns."""

import pytest

from config import audit
from config.audit import Kept
from config.database import Database
from hotline.accounts import Role
from hotline.accounts.book import Accounts
from hotline.accounts.credentials import Credentials
from hotline.accounts.passwords import Passwords
from hotline.accounts.sessions import Sessions
from hotline.accounts.tokens import Tokens
from tests.hotline.api_site import NOW, PASSWORD, QUICK


class Hotline:
    """The parts of `hotline.accounts` put together; `now` is their clock."""

    def __init__(self, database: Database) -> None:
        self.now = NOW
        self.database = database
        self.passwords = Passwords(QUICK)
        self.book = Accounts(database, self.passwords, clock=self._clock)
        self.credentials = Credentials(database, self.passwords, secret=b"a secret", clock=self._clock)
        self.sessions = Sessions(database, self.credentials, clock=self._clock)
        self.tokens = Tokens(database, clock=self._clock)

    def _clock(self) -> float:
        return self.now

    async def add(self, name: str, *roles: Role) -> None:
        await self.book.add(name, roles, who="cli:test", password=PASSWORD)

    async def log(self, action: str = "") -> list[Kept]:
        """The audit log's entries whose action begins so, oldest first."""
        return (await audit.page(self.database, audit.Filter(action=action), limit=200))[::-1]


@pytest.fixture
def hotline(database: Database) -> Hotline:
    return Hotline(database)
