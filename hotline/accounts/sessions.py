"""Sessions of people: they begin with name and password, and end by signing out, by idling, or with the shift."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, or_, select

from config import audit
from config.database import Database
from hotline.accounts.bearers import SEEN_EVERY_S, key_of, new_token, saw
from hotline.accounts.credentials import Credentials, wrong_password
from hotline.accounts.model import Identity, Role, Way
from hotline.accounts.tables import accounts, sessions

PREFIX = "ses_"
LONGEST_S = 12 * 3600.0  # a shift of 8 hours, its handover, and overtime; never into the next day's shift
IDLE_S = 2 * 3600.0  # longer than a long call or a meal; a desk left behind is not open until the evening


@dataclass(frozen=True)
class Begun:
    """A new session: its ``token``, shown this once, and when it ends whatever is done."""

    token: str
    identity: Identity
    ends: float


class Sessions:
    """Raises `AccountError`s, and the database's errors."""

    def __init__(self, database: Database, credentials: Credentials, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._credentials, self._clock = database, credentials, clock

    async def begin(self, name: str, password: str, address: str) -> Begun:
        """Raises `WrongPassword`, `TooManyGuesses`. ``address`` is the client's, for the audit log."""
        proof = await self._credentials.prove(name, password, address)
        token, now = new_token(PREFIX), self._clock()
        key = key_of(token, PREFIX)
        assert key is not None
        async with self._database.begin() as connection:
            await self._credentials.accept(connection, proof)
            over = or_(sessions.c.began <= now - LONGEST_S, sessions.c.seen <= now - IDLE_S)
            await connection.execute(delete(sessions).where(sessions.c.account == name, over))
            await connection.execute(sessions.insert().values(key=key, account=name, began=now, seen=now))
            detail = {"address": address}
            await audit.record(connection, audit.Entry(now, name, "session.begin", f"account:{name}", "", detail))
        found = await self.identify(token)
        if found is None:  # disabled in this moment
            raise wrong_password()
        return Begun(token, found, now + LONGEST_S)

    async def identify(self, token: str) -> Identity | None:
        """Whose session it is; None when it is over, or none. Using it keeps it from idling."""
        key = key_of(token, PREFIX)
        if key is None:
            return None
        now = self._clock()
        query = (
            select(sessions.c.seen, accounts.c.name, accounts.c.roles, accounts.c.agent)
            .join(accounts, accounts.c.name == sessions.c.account)
            .where(sessions.c.key == key, accounts.c.disabled.is_(False))
            .where(sessions.c.began > now - LONGEST_S, sessions.c.seen > now - IDLE_S)
        )
        async with self._database.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        if now - row.seen >= SEEN_EVERY_S:
            await saw(self._database, sessions, key, now)
        return Identity(row.name, frozenset(map(Role, row.roles)), row.agent, Way.SESSION, key)

    async def ends(self, identity: Identity) -> float | None:
        """When it ends whatever is done; None for what is no session."""
        async with self._database.connect() as connection:
            began = await connection.scalar(select(sessions.c.began).where(sessions.c.key == identity.key))
        return None if began is None else began + LONGEST_S

    async def end(self, identity: Identity) -> None:
        """Sign out. A session that is over already stays so."""
        async with self._database.begin() as connection:
            done = await connection.execute(delete(sessions).where(sessions.c.key == identity.key))
            if done.rowcount:
                subject = f"account:{identity.name}"
                await audit.record(connection, audit.Entry(self._clock(), identity.name, "session.end", subject))
