"""Random tokens that prove who somebody is, and what is kept of them: a hash, and when they were last seen."""

import hashlib
import secrets

from sqlalchemy import Column, Table, or_, update

from config.database import Database, is_outage, within

SEEN_EVERY_S = 60.0  # one write a minute instead of one a request
_SEEN_LIMIT_S = 0.5  # a request does not wait longer for it


def new_token(prefix: str) -> str:
    """256 random bits behind a prefix that says what they are, to people and to secret scanners."""
    return prefix + secrets.token_urlsafe(32)


def key_of(token: str, prefix: str) -> str | None:
    """Under what a token is kept: its SHA-256 (256 random bits need no salt and no stretching). None for no token of
    this kind."""
    if not (token.isascii() and token.startswith(prefix) and len(token) == len(prefix) + 43):
        return None
    return hashlib.sha256(token.encode()).hexdigest()


async def saw(database: Database, table: Table, key: str, now: float) -> None:
    """Note that it was used. While the database cannot write this is left out: who may read goes on reading."""

    async def note() -> None:
        seen: Column[float] = table.c.seen
        async with database.begin(replayable=True) as connection:
            stale = or_(seen.is_(None), seen < now)
            await connection.execute(update(table).where(table.c.key == key, stale).values(seen=now))

    try:
        await within(_SEEN_LIMIT_S, note())
    except Exception as error:
        if not is_outage(error):
            raise
