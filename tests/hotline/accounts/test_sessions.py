"""Sessions and tokens: how they begin, what they let in, and when they end."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from sqlalchemy import select

from config.database import Database
from hotline.accounts import (
    AccountExists,
    AccountRefused,
    Role,
    TooManyGuesses,
    UnknownAccount,
    Way,
    WrongPassword,
)
from hotline.accounts.bearers import SEEN_EVERY_S
from hotline.accounts.passwords import Passwords
from hotline.accounts.sessions import IDLE_S, LONGEST_S
from hotline.accounts.tables import accounts, sessions, tokens
from hotline.accounts.throttle import ACCOUNT_FREE, FIRST_WAIT_S
from hotline.accounts.tokens import LONGEST_DAYS
from tests.hotline.accounts.conftest import Hotline
from tests.hotline.api_site import NOW, PASSWORD
from tests.support.database import LockedSqlite

AGENT, SUPERVISOR = Role.AGENT, Role.SUPERVISOR
ADDRESS = "192.0.2.1"
NEW = "another three words"


@pytest_asyncio.fixture
async def li_na(hotline: Hotline) -> str:
    await hotline.add("li.na", AGENT)
    return "li.na"


async def token_of(hotline: Hotline, name: str) -> str:
    return (await hotline.sessions.begin(name, PASSWORD, ADDRESS)).token


# ---------------------------------------------------------------- sessions


async def test_a_session_tells_who_it_is(hotline: Hotline, li_na: str) -> None:
    await hotline.book.change(li_na, {"agent": "8001"}, who="x")
    begun = await hotline.sessions.begin(li_na, PASSWORD, ADDRESS)
    found = await hotline.sessions.identify(begun.token)
    assert found == begun.identity
    assert (found.name, found.roles, found.agent, found.way) == (li_na, {AGENT}, "8001", Way.SESSION)
    assert begun.ends == NOW + LONGEST_S == await hotline.sessions.ends(found)
    (entry,) = await hotline.log("session.")
    assert (entry.who, entry.action, entry.subject, entry.detail) == (
        li_na,
        "session.begin",
        "account:li.na",
        {"address": ADDRESS},
    )


async def test_the_database_keeps_no_token_and_no_password(hotline: Hotline, li_na: str) -> None:
    session = await token_of(hotline, li_na)
    token, _ = await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="x")
    async with hotline.database.connect() as connection:
        kept = str([(await connection.execute(select(table))).all() for table in (accounts, sessions, tokens)])
    kept += str(await hotline.log())
    for secret in (session, token, PASSWORD):
        assert secret.removeprefix("ses_").removeprefix("tok_") not in kept


@pytest.mark.parametrize("token", ["", "ses_", "ses_" + "x" * 43, "tok_" + "x" * 43, "令牌", "ses_" + "\0" * 43])
async def test_what_is_no_token_lets_nobody_in(hotline: Hotline, li_na: str, token: str) -> None:
    await token_of(hotline, li_na)
    assert await hotline.sessions.identify(token) is None
    assert await hotline.tokens.identify(token) is None


async def test_a_session_ends_when_nobody_uses_it(hotline: Hotline, li_na: str) -> None:
    token = await token_of(hotline, li_na)
    hotline.now += IDLE_S - 1
    assert await hotline.sessions.identify(token)
    hotline.now += IDLE_S - 1
    assert await hotline.sessions.identify(token)
    hotline.now += IDLE_S
    assert await hotline.sessions.identify(token) is None


async def test_a_session_ends_after_its_longest_time_however_it_is_used(hotline: Hotline, li_na: str) -> None:
    token = await token_of(hotline, li_na)
    while hotline.now + IDLE_S / 2 < NOW + LONGEST_S:
        hotline.now += IDLE_S / 2
        assert await hotline.sessions.identify(token)
    hotline.now = NOW + LONGEST_S
    assert await hotline.sessions.identify(token) is None


async def test_use_is_written_once_a_minute(hotline: Hotline, li_na: str) -> None:
    token = await token_of(hotline, li_na)

    async def seen() -> float | None:
        async with hotline.database.connect() as connection:
            found: float | None = await connection.scalar(select(sessions.c.seen))
            return found

    hotline.now += SEEN_EVERY_S - 1
    await hotline.sessions.identify(token)
    assert await seen() == NOW
    hotline.now += 1
    await hotline.sessions.identify(token)
    assert await seen() == NOW + SEEN_EVERY_S


async def test_signing_out_ends_one_session_and_is_written_once(hotline: Hotline, li_na: str) -> None:
    first, second = await token_of(hotline, li_na), await token_of(hotline, li_na)
    identity = await hotline.sessions.identify(first)
    assert identity is not None
    await hotline.sessions.end(identity)
    await hotline.sessions.end(identity)
    assert await hotline.sessions.identify(first) is None
    assert await hotline.sessions.identify(second)
    assert [entry.subject for entry in await hotline.log("session.end")] == ["account:li.na"]


async def test_signing_in_takes_away_the_account_s_sessions_that_are_over(hotline: Hotline, li_na: str) -> None:
    await token_of(hotline, li_na)
    hotline.now += IDLE_S
    await token_of(hotline, li_na)
    async with hotline.database.connect() as connection:
        assert len((await connection.execute(select(sessions))).all()) == 1


async def test_who_is_disabled_is_out_at_once(hotline: Hotline, li_na: str) -> None:
    session = await token_of(hotline, li_na)
    token, _ = await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="x")
    await hotline.book.change(li_na, {"disabled": True}, who="x")
    assert await hotline.sessions.identify(session) is None
    assert await hotline.tokens.identify(token) is None
    with pytest.raises(WrongPassword):
        await token_of(hotline, li_na)
    await hotline.book.change(li_na, {"disabled": False}, who="x")
    assert await hotline.sessions.identify(session) is None


async def test_a_new_role_holds_at_once(hotline: Hotline, li_na: str) -> None:
    token = await token_of(hotline, li_na)
    await hotline.book.change(li_na, {"roles": ["supervisor"]}, who="x")
    found = await hotline.sessions.identify(token)
    assert found is not None
    assert found.roles == {SUPERVISOR}


# ---------------------------------------------------------------- passwords


async def test_whatever_is_wrong_the_sentence_is_the_same(hotline: Hotline, li_na: str) -> None:
    await hotline.add("disabled", AGENT)
    await hotline.book.change("disabled", {"disabled": True}, who="x")
    await hotline.book.add("program", [AGENT], who="x")
    sentences = set()
    for name, password in [(li_na, NEW), ("wang.wu", PASSWORD), ("disabled", PASSWORD), ("program", "")]:
        with pytest.raises(WrongPassword) as refused:
            await hotline.sessions.begin(name, password, ADDRESS)
        sentences.add(str(refused.value))
    assert len(sentences) == 1


async def test_a_refused_guess_is_written_with_the_name_only_of_an_account(hotline: Hotline, li_na: str) -> None:
    for name in (li_na, "my secret phrase"):
        with pytest.raises(WrongPassword):
            await hotline.sessions.begin(name, "wrong", ADDRESS)
    refused = await hotline.log("session.refused")
    assert [(entry.who, entry.subject) for entry in refused] == [("nobody", "account:li.na"), ("nobody", "account")]
    assert [entry.detail for entry in refused] == [{"address": ADDRESS}] * 2
    assert "secret phrase" not in str(await hotline.log())


@pytest.mark.parametrize("name", ["li.na", "nobody.here"])
async def test_guesses_wait_alike_for_accounts_and_for_names_nobody_has(
    hotline: Hotline, li_na: str, name: str
) -> None:
    for _ in range(ACCOUNT_FREE):
        with pytest.raises(WrongPassword):
            await hotline.sessions.begin(name, "wrong", ADDRESS)
    with pytest.raises(TooManyGuesses) as waits:
        await hotline.sessions.begin(name, PASSWORD, ADDRESS)  # not looked at, so being right does not help
    assert waits.value.wait_s == FIRST_WAIT_S
    assert len(await hotline.log("session.refused")) == ACCOUNT_FREE


async def test_after_the_wait_the_right_password_is_taken(hotline: Hotline, li_na: str) -> None:
    for _ in range(ACCOUNT_FREE):
        with pytest.raises(WrongPassword):
            await hotline.sessions.begin(li_na, "wrong", ADDRESS)
    hotline.now += FIRST_WAIT_S
    for _ in range(ACCOUNT_FREE + 1):
        await token_of(hotline, li_na)


async def test_one_s_own_new_password_ends_all_sessions_and_is_the_only_one(hotline: Hotline, li_na: str) -> None:
    token = await token_of(hotline, li_na)
    await hotline.credentials.change_own(hotline.book, li_na, old=PASSWORD, new=NEW, address=ADDRESS)
    assert await hotline.sessions.identify(token) is None
    with pytest.raises(WrongPassword):
        await token_of(hotline, li_na)
    await hotline.sessions.begin(li_na, NEW, ADDRESS)
    assert [(entry.who, entry.subject) for entry in await hotline.log("account.password")] == [(li_na, "account:li.na")]


async def test_with_a_wrong_old_password_or_a_weak_new_one_nothing_changes(hotline: Hotline, li_na: str) -> None:
    token = await token_of(hotline, li_na)
    with pytest.raises(WrongPassword):
        await hotline.credentials.change_own(hotline.book, li_na, old=NEW, new=NEW, address=ADDRESS)
    with pytest.raises(AccountRefused):
        await hotline.credentials.change_own(hotline.book, li_na, old=PASSWORD, new="weak", address=ADDRESS)
    assert await hotline.sessions.identify(token)
    assert await hotline.log("account.password") == []


async def test_a_password_reset_between_proof_and_session_lets_nobody_in(hotline: Hotline, li_na: str) -> None:
    proof = await hotline.credentials.prove(li_na, PASSWORD, ADDRESS)
    await hotline.book.set_password(li_na, NEW, who="admin")
    with pytest.raises(WrongPassword):
        async with hotline.database.begin() as connection:
            await hotline.credentials.accept(connection, proof)


async def test_a_hash_with_old_parameters_is_made_anew_at_the_next_right_password(hotline: Hotline, li_na: str) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    old_book = type(hotline.book)(hotline.database, Passwords(old))
    await old_book.set_password(li_na, PASSWORD, who="x")

    async def kept() -> str:
        async with hotline.database.connect() as connection:
            found: str = (await connection.execute(select(accounts.c.password_hash))).scalar_one()
            return found

    assert hotline.passwords.outdated(await kept())
    await token_of(hotline, li_na)
    assert not hotline.passwords.outdated(await kept())
    await token_of(hotline, li_na)


async def test_many_sign_in_at_once(hotline: Hotline, li_na: str) -> None:
    found = await asyncio.gather(*(token_of(hotline, li_na) for _ in range(ACCOUNT_FREE)))
    assert len(set(found)) == ACCOUNT_FREE


# ---------------------------------------------------------------- tokens


async def test_a_token_lets_its_program_in_until_it_ends(hotline: Hotline, li_na: str) -> None:
    token, kept = await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="admin", why="for the wall")
    found = await hotline.tokens.identify(token)
    assert found is not None
    assert (found.name, found.roles, found.way) == (li_na, {AGENT}, Way.TOKEN)
    assert [(each.label, each.seen) for each in await hotline.tokens.of(li_na)] == [("wallboard", NOW)]
    assert kept.seen is None
    hotline.now += 60
    assert await hotline.tokens.identify(token) is None
    (entry,) = await hotline.log("token.")
    assert (entry.who, entry.action, entry.why) == ("admin", "token.issue", "for the wall")
    assert entry.detail == {"label": "wallboard", "roles": ["agent"], "expires": NOW + 60}


async def test_a_token_has_no_role_its_account_has_not_even_later(hotline: Hotline, li_na: str) -> None:
    with pytest.raises(AccountRefused, match="no more roles") as refused:
        await hotline.tokens.issue(li_na, "wallboard", [AGENT, SUPERVISOR], NOW + 60, who="x")
    assert refused.value.field == "roles"
    token, _ = await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="x")
    await hotline.book.change(li_na, {"roles": ["supervisor"]}, who="x")
    found = await hotline.tokens.identify(token)
    assert found is not None
    assert found.roles == frozenset()


@pytest.mark.parametrize("expires", [NOW, NOW - 1, NOW + LONGEST_DAYS * 86400 + 1, float("nan"), float("inf")])
async def test_a_token_ends_in_the_future_and_not_too_far(hotline: Hotline, li_na: str, expires: float) -> None:
    with pytest.raises(AccountRefused) as refused:
        await hotline.tokens.issue(li_na, "wallboard", [AGENT], expires, who="x")
    assert refused.value.field == "expires"


async def test_a_revoked_token_lets_nobody_in_and_its_label_is_free(hotline: Hotline, li_na: str) -> None:
    token, _ = await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="x")
    with pytest.raises(AccountExists):
        await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="x")
    await hotline.tokens.revoke(li_na, "wallboard", who="admin")
    assert await hotline.tokens.identify(token) is None
    with pytest.raises(UnknownAccount):
        await hotline.tokens.revoke(li_na, "wallboard", who="admin")
    await hotline.tokens.issue(li_na, "wallboard", [AGENT], NOW + 60, who="x")
    assert [entry.action for entry in await hotline.log("token.")] == ["token.issue", "token.revoke", "token.issue"]


async def test_tokens_of_nobody_are_refused(hotline: Hotline) -> None:
    with pytest.raises(UnknownAccount):
        await hotline.tokens.issue("nobody.here", "wallboard", [AGENT], NOW + 60, who="x")
    with pytest.raises(UnknownAccount):
        await hotline.tokens.of("nobody.here")


async def test_given_the_database_cannot_write_then_who_is_signed_in_stays_so(tmp_path: Path) -> None:
    outage = LockedSqlite(tmp_path / "hotline.db")
    database = Database(outage.url, busy_timeout_s=0.2)
    await database.migrate()
    hotline = Hotline(database)
    await hotline.add("li.na", AGENT)
    token = await token_of(hotline, "li.na")
    await outage.begin()
    hotline.now += SEEN_EVERY_S
    assert await hotline.sessions.identify(token)
    outage.end()
    await database.dispose()
