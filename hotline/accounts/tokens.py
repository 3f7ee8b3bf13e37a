"""Bearer tokens of programs: named, with an end, and with no more roles than their account has."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from config import audit
from config.database import Database
from hotline.accounts.bearers import SEEN_EVERY_S, key_of, new_token, saw
from hotline.accounts.model import (
    AccountExists,
    AccountRefused,
    Identity,
    Role,
    UnknownAccount,
    Way,
    check_roles,
)
from hotline.accounts.tables import accounts, tokens

PREFIX = "tok_"
LONGEST_DAYS = 366  # a forgotten program loses its way in within a year


@dataclass(frozen=True)
class Token:
    """What is known of a token, which is not the token. Times are UNIX seconds; ``seen`` None: never used."""

    account: str
    label: str
    roles: frozenset[Role]
    created: float
    expires: float
    seen: float | None


class Tokens:
    """``who`` is whom the audit log names. Raises `AccountError`s, and the database's errors."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    async def issue(
        self, account: str, label: str, roles: Iterable[str], expires: float, *, who: str, why: str = ""
    ) -> tuple[str, Token]:
        """A new token, shown this once. Raises `AccountExists`, `AccountRefused`, `UnknownAccount`."""
        found, now = check_roles(roles), self._clock()
        if not now < expires <= now + LONGEST_DAYS * 86400:
            raise AccountRefused("expires", f"a token ends in the future, and within {LONGEST_DAYS} days")
        token = new_token(PREFIX)
        kept = Token(account, label, found, now, expires, None)
        row = {**vars(kept), "roles": sorted(found), "key": key_of(token, PREFIX)}
        detail = {"label": label, "roles": sorted(found), "expires": expires}
        try:
            async with self._database.begin() as connection:
                held = await connection.scalar(select(accounts.c.roles).where(accounts.c.name == account))
                if held is None:
                    raise _no_account()
                if not found <= set(held):
                    raise AccountRefused("roles", f"a token has no more roles than its account: {', '.join(held)}")
                await connection.execute(tokens.insert().values(row))
                await audit.record(connection, audit.Entry(now, who, "token.issue", f"account:{account}", why, detail))
        except IntegrityError:
            raise AccountExists("the account has a token of this name; revoke that one, or take another name") from None
        return token, kept

    async def of(self, account: str) -> list[Token]:
        """By label, those that are over too. Raises `UnknownAccount`."""
        query = select(tokens).where(tokens.c.account == account).order_by(tokens.c.label)
        async with self._database.connect() as connection:
            if not await connection.scalar(select(accounts.c.name).where(accounts.c.name == account)):
                raise _no_account()
            rows = [row._asdict() for row in await connection.execute(query)]
        return [
            Token(**{field: row[field] for field in row if field not in ("key", "roles")}, roles=_roles(row["roles"]))
            for row in rows
        ]

    async def revoke(self, account: str, label: str, *, who: str, why: str = "") -> None:
        """Ends at once. Raises `UnknownAccount` when the account has no token of this name."""
        async with self._database.begin() as connection:
            gone = delete(tokens).where(tokens.c.account == account, tokens.c.label == label)
            if not (await connection.execute(gone)).rowcount:
                raise UnknownAccount("the account has no token of this name; the list of its tokens shows those it has")
            entry = audit.Entry(self._clock(), who, "token.revoke", f"account:{account}", why, {"label": label})
            await audit.record(connection, entry)

    async def identify(self, token: str) -> Identity | None:
        """Whose token it is, with the roles both it and the account have; None when it is over, or none."""
        key = key_of(token, PREFIX)
        if key is None:
            return None
        now = self._clock()
        query = (
            select(tokens.c.seen, tokens.c.roles, accounts.c.name, accounts.c.roles.label("held"), accounts.c.agent)
            .join(accounts, accounts.c.name == tokens.c.account)
            .where(tokens.c.key == key, tokens.c.expires > now, accounts.c.disabled.is_(False))
        )
        async with self._database.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        if row.seen is None or now - row.seen >= SEEN_EVERY_S:
            await saw(self._database, tokens, key, now)
        return Identity(row.name, _roles(row.roles) & _roles(row.held), row.agent, Way.TOKEN, key)


def _roles(words: Iterable[str]) -> frozenset[Role]:
    return frozenset(map(Role, words))


def _no_account() -> UnknownAccount:
    return UnknownAccount("there is no account with this name; the list of accounts shows those there are")
