"""Guessing passwords: what waits, for how long, and what is not told by it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from config.database import Database
from hotline.accounts import throttle
from hotline.accounts.tables import guesses
from hotline.accounts.throttle import ACCOUNT_FREE, ADDRESS_FREE, FIRST_WAIT_S, FORGET_S, LONGEST_WAIT_S, Guessed

SECRET = b"a secret of this test"
NOW = 1_795_200_000.0
KEYS = throttle.guessed("li.na", "192.0.2.1", SECRET)


async def take(database: Database, now: float = NOW, keys: Guessed = KEYS) -> float:
    async with database.begin() as connection:
        return await throttle.take(connection, keys, now)


async def give_back(database: Database, now: float = NOW, keys: Guessed = KEYS) -> None:
    async with database.begin() as connection:
        await throttle.give_back(connection, keys, now)


@given(st.integers(0, 10_000), st.integers(1, 50))
def test_waits_grow_and_are_bounded(failures: int, free: int) -> None:
    wait, next_wait = throttle.wait_s(failures, free), throttle.wait_s(failures + 1, free)
    assert (wait == 0) == (failures < free)
    assert wait <= next_wait <= LONGEST_WAIT_S
    assert LONGEST_WAIT_S < FORGET_S  # else waiting would be forgotten before it is over


async def test_after_a_few_wrong_ones_the_next_waits_longer_each_time(database: Database) -> None:
    now, waits = NOW, []
    for _ in range(ACCOUNT_FREE):
        assert await take(database, now) == 0
    for _ in range(4):
        waits.append(await take(database, now))
        now += waits[-1]
        assert await take(database, now) == 0  # after the wait one guess is looked at
    assert waits == [FIRST_WAIT_S * 2**step for step in range(4)]


async def test_given_guesses_all_at_once_then_no_more_are_looked_at_than_one_by_one(database: Database) -> None:
    waits = await asyncio.gather(*(take(database) for _ in range(20)))
    assert sum(wait == 0 for wait in waits) == ACCOUNT_FREE


async def test_a_guess_that_must_wait_does_not_make_the_wait_longer(database: Database) -> None:
    for _ in range(ACCOUNT_FREE):
        await take(database)
    for _ in range(50):
        assert await take(database, NOW + 10) == FIRST_WAIT_S - 10


async def test_the_right_password_ends_the_account_s_count_but_not_the_address_s(database: Database) -> None:
    other = throttle.guessed("own.account", "192.0.2.1", SECRET)
    for guess in range(ADDRESS_FREE):
        victim = throttle.guessed(f"victim{guess}", "192.0.2.1", SECRET)
        assert await take(database, keys=victim) == 0
        if guess < ADDRESS_FREE - 1:
            assert await take(database, keys=other) == 0
            await give_back(database, keys=other)
    assert await take(database, keys=other) == FIRST_WAIT_S
    assert await take(database, keys=throttle.guessed("own.account", "192.0.2.2", SECRET)) == 0


async def test_one_account_s_wait_is_no_other_s(database: Database) -> None:
    for _ in range(ACCOUNT_FREE):
        await take(database)
    assert await take(database) > 0
    assert await take(database, keys=throttle.guessed("wang.wu", "192.0.2.1", SECRET)) == 0


async def test_after_an_hour_all_is_forgotten(database: Database) -> None:
    for _ in range(ACCOUNT_FREE):
        await take(database)
    for _ in range(ACCOUNT_FREE):
        assert await take(database, NOW + FORGET_S) == 0
    await give_back(database, NOW + 3 * FORGET_S, throttle.guessed("x", "192.0.2.7", SECRET))
    async with database.connect() as connection:
        assert (await connection.execute(select(guesses))).all() == []


async def test_of_what_was_typed_as_a_name_only_a_keyed_hash_is_kept(database: Database) -> None:
    await take(database, keys=throttle.guessed("my password by mistake", "192.0.2.1", SECRET))
    async with database.connect() as connection:
        kept = str((await connection.execute(select(guesses))).all())
    assert "password" not in kept
    assert "192.0.2.1" not in kept
    assert throttle.guessed("a", "b", SECRET) != throttle.guessed("a", "b", b"another secret")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("unknown", "unknown", True),
    ],
)
def test_one_client_of_ipv6_has_one_counter(first: str, second: str, same: bool) -> None:
    assert (throttle.guessed("a", first, SECRET) == throttle.guessed("a", second, SECRET)) is same
