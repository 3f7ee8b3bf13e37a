"""Whether a name and a password belong together, told without telling which of them is wrong, and not too often."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config import audit
from config.database import Database
from hotline.accounts import throttle
from hotline.accounts.book import Accounts
from hotline.accounts.model import TooManyGuesses, WrongPassword
from hotline.accounts.passwords import Passwords, check_password
from hotline.accounts.tables import accounts


@dataclass(frozen=True)
class Proof:
    """A name and password that belonged together when they were looked at; see `Credentials.accept`."""

    name: str
    kept: str  # the hash that was compared
    better: str | None  # the same password's hash with today's parameters
    keys: throttle.Guessed


class Credentials:
    """``secret`` keys what is kept of names that people tried."""

    def __init__(
        self, database: Database, passwords: Passwords, *, secret: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._passwords, self._secret, self._clock = database, passwords, secret, clock

    async def prove(self, name: str, password: str, address: str) -> Proof:
        """Raises `WrongPassword` and `TooManyGuesses`; a wrong one is in the audit log."""
        keys = throttle.guessed(name, address, self._secret)
        async with self._database.begin() as connection:
            waits = await throttle.take(connection, keys, self._clock())
            if waits > 0:
                raise TooManyGuesses(waits)
            query = select(accounts.c.password_hash, accounts.c.disabled).where(accounts.c.name == name)
            row = (await connection.execute(query)).one_or_none()
        kept = None if row is None else row.password_hash
        right = await self._passwords.verify(kept, password)
        if row is None or kept is None or not right or row.disabled:
            raise await self._refused(name if row is not None else None, address)
        better = await self._passwords.hash(password) if self._passwords.outdated(kept) else None
        return Proof(name, kept, better, keys)

    async def accept(self, connection: AsyncConnection, proof: Proof) -> None:
        """In the transaction that acts on the proof: it still holds, and the guess is given back.

        Raises `WrongPassword` when the account was disabled or its password changed meanwhile.
        """
        query = select(accounts.c.password_hash, accounts.c.disabled).where(accounts.c.name == proof.name)
        row = (await connection.execute(query.with_for_update(key_share=True))).one()
        if row.disabled or row.password_hash != proof.kept:
            raise wrong_password()
        if proof.better is not None:
            better = update(accounts).where(accounts.c.name == proof.name).values(password_hash=proof.better)
            await connection.execute(better)
        await throttle.give_back(connection, proof.keys, self._clock())

    async def change_own(self, book: Accounts, name: str, *, old: str, new: str, address: str) -> None:
        """The account's new password, for who knows the old one; ends its sessions. Raises `AccountError`s."""
        check_password(new, name)
        proof = await self.prove(name, old, address)
        hashed = await self._passwords.hash(new)
        async with self._database.begin() as connection:
            await self.accept(connection, proof)
            await book.put_password(connection, name, hashed, who=name, why="")

    async def _refused(self, name: str | None, address: str) -> WrongPassword:
        """Write it down, with the name only when it is an account's: people type passwords where names belong."""
        subject = "account" if name is None else f"account:{name}"
        entry = audit.Entry(self._clock(), audit.NOBODY, "session.refused", subject, "", {"address": address})
        async with self._database.begin() as connection:
            await audit.record(connection, entry)
        return wrong_password()


def wrong_password() -> WrongPassword:
    """The one sentence for everything that can be wrong."""
    return WrongPassword("this name and this password do not belong together, or the account is disabled")
