"""The book of accounts: who has one, with which roles. Accounts are disabled, never deleted: histories name them."""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypedDict

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from config import audit
from config.database import Database
from hotline.accounts.model import (
    Account,
    AccountChanged,
    AccountExists,
    LastAdmin,
    Role,
    UnknownAccount,
    check_name,
    check_roles,
)
from hotline.accounts.passwords import Passwords, check_password
from hotline.accounts.tables import accounts, sessions

Row = dict[str, Any]


class Edit(TypedDict, total=False):
    """What of an account is to change; what is left out stays."""

    display_name: str
    roles: Iterable[str]
    agent: str | None
    disabled: bool


class Accounts:
    """``who`` is whom the audit log names. Raises `AccountError`s, and the database's errors."""

    def __init__(self, database: Database, passwords: Passwords, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._passwords, self._clock = database, passwords, clock

    async def all(self) -> list[Account]:
        """By name, the disabled ones too."""
        async with self._database.connect() as connection:
            found = await connection.execute(select(accounts).order_by(accounts.c.name))
            return [_account(row._asdict()) for row in found]

    async def get(self, name: str) -> Account:
        """Raises `UnknownAccount`."""
        async with self._database.connect() as connection:
            row = (await connection.execute(select(accounts).where(accounts.c.name == name))).one_or_none()
        return _account(_known(None if row is None else row._asdict()))

    async def add(
        self,
        name: str,
        roles: Iterable[str],
        *,
        who: str,
        display_name: str | None = None,
        agent: str | None = None,
        password: str | None = None,
        why: str = "",
    ) -> Account:
        """A new account; without a password it is for tokens only. Raises `AccountExists`, `AccountRefused`."""
        check_name(name)
        found = check_roles(roles)
        hashed = None if password is None else await self._passwords.hash(check_password(password, name))
        now = self._clock()
        row: Row = {"name": name, "display_name": display_name or name, "roles": sorted(found), "agent": agent}
        row |= {"password_hash": hashed, "disabled": False, "version": 1, "created": now, "updated": now}
        detail = {"roles": sorted(found), "agent": agent, "password": hashed is not None}
        try:
            async with self._database.begin() as connection:
                if await connection.scalar(select(accounts.c.name).where(accounts.c.name == name)):
                    raise AccountExists(f"there is an account {name} already; change that one, or take another name")
                await _free(connection, agent, name)
                await connection.execute(accounts.insert().values(row))
                await audit.record(connection, audit.Entry(now, who, "account.add", _subject(name), why, detail))
        except IntegrityError:  # somebody else did so in the same moment
            raise AccountExists("the name or the agent was given to another account just now") from None
        return _account(row)

    async def change(self, name: str, edit: Edit, *, who: str, version: int | None = None, why: str = "") -> Account:
        """Change what ``edit`` says; who is disabled is signed out at once.

        Raises `AccountChanged` when ``version`` is given and is not the account's, `LastAdmin`, `AccountExists`,
        `AccountRefused`, `UnknownAccount`.
        """
        wanted: Row = {**edit}
        if "roles" in edit:
            wanted["roles"] = sorted(check_roles(edit["roles"]))
        now = self._clock()
        try:
            async with self._database.begin() as connection:
                everybody = await _lock_all(connection)
                row = _known(everybody.get(name))
                if version is not None and version != row["version"]:
                    raise AccountChanged(f"account {name} was changed by somebody else; read it again")
                changed = {field: [row[field], value] for field, value in wanted.items() if row[field] != value}
                if not changed:
                    return _account(row)
                after = row | wanted | {"version": row["version"] + 1, "updated": now}
                _keep_an_admin(everybody, name, after)
                if "agent" in changed:
                    await _free(connection, after["agent"], name)
                await connection.execute(update(accounts).where(accounts.c.name == name).values(after))
                if after["disabled"]:
                    await _sign_out(connection, name)
                await audit.record(connection, audit.Entry(now, who, "account.change", _subject(name), why, changed))
        except IntegrityError:
            raise AccountExists("the agent was bound to another account just now") from None
        return _account(after)

    async def set_password(self, name: str, password: str, *, who: str, why: str = "") -> None:
        """Give the account this password and end its sessions. Raises `AccountRefused`, `UnknownAccount`."""
        hashed = await self._passwords.hash(check_password(password, name))
        async with self._database.begin() as connection:
            await self.put_password(connection, name, hashed, who=who, why=why)

    async def put_password(self, connection: AsyncConnection, name: str, hashed: str, *, who: str, why: str) -> None:
        """`set_password` inside a transaction, with the hash made before it."""
        now = self._clock()
        values = {"password_hash": hashed, "version": accounts.c.version + 1, "updated": now}
        done = await connection.execute(update(accounts).where(accounts.c.name == name).values(values))
        if not done.rowcount:
            raise _unknown()
        await _sign_out(connection, name)
        await audit.record(connection, audit.Entry(now, who, "account.password", _subject(name), why))


def _keep_an_admin(everybody: dict[str, Row], name: str, after: Row) -> None:
    """Raises `LastAdmin` when there is somebody who can sign in and administer, and afterwards would be nobody."""
    before = any(map(_administers, everybody.values()))
    if before and not any(map(_administers, (everybody | {name: after}).values())):
        raise LastAdmin(f"{name} is the last enabled admin; give another account that role first")


def _administers(row: Row) -> bool:
    return Role.ADMIN in row["roles"] and not row["disabled"] and row["password_hash"] is not None


async def _lock_all(connection: AsyncConnection) -> dict[str, Row]:
    """Every account, held until the transaction ends: two admins who disable each other must not both succeed."""
    query = select(accounts).order_by(accounts.c.name).with_for_update(key_share=True)
    return {row.name: row._asdict() for row in await connection.execute(query)}


async def _free(connection: AsyncConnection, agent: str | None, name: str) -> None:
    """Raises `AccountExists` when the agent is somebody else's."""
    if agent is None:
        return
    query = select(accounts.c.name).where(accounts.c.agent == agent, accounts.c.name != name)
    if taken := await connection.scalar(query):
        raise AccountExists(f"agent {agent} is bound to account {taken}; free it there first")


async def _sign_out(connection: AsyncConnection, name: str) -> None:
    await connection.execute(delete(sessions).where(sessions.c.account == name))


def _known(row: Row | None) -> Row:
    if row is None:
        raise _unknown()
    return row


def _unknown() -> UnknownAccount:
    return UnknownAccount("there is no account with this name; the list of accounts shows those there are")


def _subject(name: str) -> str:
    return f"account:{name}"


def _account(row: Row) -> Account:
    known = {field: row[field] for field in ("name", "display_name", "agent", "disabled", "version")}
    times = {"created": row["created"], "updated": row["updated"]}
    roles = frozenset(Role(role) for role in row["roles"])
    return Account(**known, **times, roles=roles, has_password=row["password_hash"] is not None)
