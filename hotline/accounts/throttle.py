"""How often passwords may be guessed: per account and per client address, each wrong one making the next wait longer.

A guess is counted before its password is looked at and given back when it was right, so that guesses sent all at once
count as much as one after the other. Names nobody has are counted the same way, so that waiting tells nothing.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.accounts.tables import guesses

FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 900.0  # bounded: guessing must not lock a person out for a shift
FORGET_S = 3600.0
ACCOUNT_FREE, ADDRESS_FREE = 5, 20  # a whole office may come from one address


@dataclass(frozen=True)
class Guessed:
    """The two counters one guess belongs to."""

    account: str
    address: str


def guessed(name: str, address: str, secret: bytes) -> Guessed:
    """The counters' keys. People type passwords where names belong, so only a keyed hash of either is kept."""

    def hashed(kind: str, text: str) -> str:
        keyed = hashlib.blake2b(f"{kind}:{text}".encode(), key=secret[:64], digest_size=16)
        return f"{kind}:{keyed.hexdigest()}"

    return Guessed(hashed("account", name), hashed("address", _network(address)))


def wait_s(failures: int, free: int) -> float:
    """How long after that many failures in a row the next guess is not looked at."""
    if failures < free:
        return 0.0
    return min(FIRST_WAIT_S * 2.0 ** min(failures - free, 10), LONGEST_WAIT_S)


async def take(connection: AsyncConnection, keys: Guessed, now: float) -> float:
    """Count a guess; returns 0, or how many seconds are still to wait, and then the guess was not counted."""
    counted: list[tuple[str, int]] = []
    waits = 0.0
    for key, free in _counters(keys):  # always in this order, so that two transactions cannot wait for each other
        failures, last = await _locked(connection, key, now)
        if now - last >= FORGET_S:
            failures = 0
        waits = max(waits, last + wait_s(failures, free) - now)
        counted.append((key, failures + 1))
    if waits > 0:
        return waits
    for key, failures in counted:
        await connection.execute(update(guesses).where(guesses.c.key == key).values(failures=failures, last=now))
    return 0.0


async def give_back(connection: AsyncConnection, keys: Guessed, now: float) -> None:
    """The guess was right: the account's count ends, the address's loses this one and no other.

    Otherwise somebody with an account of their own could guess others' for ever.
    """
    await connection.execute(delete(guesses).where(guesses.c.key == keys.account))
    one_less = update(guesses).where(guesses.c.key == keys.address, guesses.c.failures > 0)
    await connection.execute(one_less.values(failures=guesses.c.failures - 1))
    # those another transaction is counting just now are not waited for
    old = select(guesses.c.key).where(guesses.c.last < now - FORGET_S).with_for_update(skip_locked=True)
    await connection.execute(delete(guesses).where(guesses.c.key.in_(old.scalar_subquery())))


def _counters(keys: Guessed) -> tuple[tuple[str, int], tuple[str, int]]:
    return (keys.account, ACCOUNT_FREE), (keys.address, ADDRESS_FREE)


async def _locked(connection: AsyncConnection, key: str, now: float) -> tuple[int, float]:
    """Failures and time of the last one, held until the transaction ends."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(guesses)
    insert = insert.values(key=key, failures=0, last=now)
    same = {"failures": guesses.c.failures}  # changes nothing, but locks the row that is there already
    upsert = insert.on_conflict_do_update(index_elements=["key"], set_=same)
    row = (await connection.execute(upsert.returning(guesses.c.failures, guesses.c.last))).one()
    return row.failures, row.last


def _network(address: str) -> str:
    """The address; of IPv6 the /64, which is what one client is given."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(parsed if parsed.version == 4 else ipaddress.ip_network((parsed, 64), strict=False))
