"""Accounts: made, changed, disabled; who administers stays; every change is in the audit log."""

import asyncio

import pytest

from hotline.accounts import (
    INSTALLATION,
    AccountChanged,
    AccountError,
    AccountExists,
    AccountRefused,
    LastAdmin,
    Role,
    UnknownAccount,
)
from hotline.accounts.book import Edit
from tests.hotline.accounts.conftest import Hotline
from tests.hotline.api_site import NOW, PASSWORD

ADMIN, AGENT = Role.ADMIN, Role.AGENT


async def test_an_account_is_made_read_and_written_down(hotline: Hotline) -> None:
    made = await hotline.book.add(
        "li.na", [AGENT, ADMIN], who="cli:root", display_name="李娜", agent="8001", password=PASSWORD, why="new"
    )
    assert made == await hotline.book.get("li.na") == (await hotline.book.all())[0]
    assert (made.roles, made.agent, made.disabled, made.version) == ({AGENT, ADMIN}, "8001", False, 1)
    (entry,) = await hotline.log()
    assert (entry.at, entry.who, entry.action, entry.subject, entry.why) == (
        NOW,
        "cli:root",
        "account.add",
        "account:li.na",
        "new",
    )
    assert entry.detail == {"roles": ["admin", "agent"], "agent": "8001", "password": True}


@pytest.mark.parametrize("name", ["", "a", "Li.Na", "li na", "李娜", "a" * 33, "li\0na", "me", INSTALLATION, "nobody"])
async def test_a_name_that_cannot_be_used_is_refused(hotline: Hotline, name: str) -> None:
    with pytest.raises(AccountRefused) as refused:
        await hotline.book.add(name, [AGENT], who="cli:root", password=PASSWORD)
    assert refused.value.field == "name"
    assert await hotline.book.all() == []


async def test_a_telephone_number_is_no_name(hotline: Hotline) -> None:
    with pytest.raises(AccountRefused, match="telephone number"):
        await hotline.book.add("13800138000", [AGENT], who="cli:root", password=PASSWORD)


@pytest.mark.parametrize("roles", [[], ["boss"], ["agent", "boss"]])
async def test_roles_are_known_ones_and_at_least_one(hotline: Hotline, roles: list[str]) -> None:
    with pytest.raises(AccountRefused) as refused:
        await hotline.book.add("li.na", roles, who="cli:root", password=PASSWORD)
    assert refused.value.field == "roles"


async def test_a_name_and_an_agent_belong_to_one_account(hotline: Hotline) -> None:
    await hotline.book.add("li.na", [AGENT], who="x", agent="8001")
    with pytest.raises(AccountExists, match="account"):
        await hotline.book.add("li.na", [AGENT], who="x")
    with pytest.raises(AccountExists, match="8001 is bound"):
        await hotline.book.add("wang.wu", [AGENT], who="x", agent="8001")
    await hotline.book.add("wang.wu", [AGENT], who="x")
    with pytest.raises(AccountExists, match="account"):
        await hotline.book.change("wang.wu", {"agent": "8001"}, who="x")
    await hotline.book.change("li.na", {"agent": None}, who="x")
    assert (await hotline.book.change("wang.wu", {"agent": "8001"}, who="x")).agent == "8001"


async def test_given_two_make_the_same_account_at_once_then_one_is_made(hotline: Hotline) -> None:
    done = await asyncio.gather(
        *(hotline.book.add("li.na", [AGENT], who="x", agent="8001") for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["Account", *["AccountExists"] * 3]
    assert len(await hotline.log("account.add")) == 1


async def test_a_change_tells_what_was_and_what_is(hotline: Hotline) -> None:
    await hotline.add("li.na", AGENT)
    changed = await hotline.book.change(
        "li.na", {"roles": ["supervisor", "agent"], "display_name": "李娜"}, who="wang.wu", why="promoted"
    )
    assert (changed.version, changed.display_name, changed.roles) == (2, "李娜", {AGENT, Role.SUPERVISOR})
    (entry,) = await hotline.log("account.change")
    assert (entry.who, entry.subject, entry.why) == ("wang.wu", "account:li.na", "promoted")
    assert entry.detail == {"roles": [["agent"], ["agent", "supervisor"]], "display_name": ["li.na", "李娜"]}


async def test_a_change_that_changes_nothing_leaves_no_trace(hotline: Hotline) -> None:
    await hotline.add("li.na", AGENT)
    edit: Edit = {"roles": ["agent"], "disabled": False}
    assert (await hotline.book.change("li.na", edit, who="x")).version == 1
    assert await hotline.log("account.change") == []


async def test_a_change_of_an_older_version_or_of_nobody_is_refused(hotline: Hotline) -> None:
    await hotline.add("li.na", AGENT)
    await hotline.book.change("li.na", {"display_name": "李"}, who="x", version=1)
    with pytest.raises(AccountChanged):
        await hotline.book.change("li.na", {"display_name": "李娜"}, who="x", version=1)
    for asking in (
        hotline.book.get("nobody.here"),
        hotline.book.change("nobody.here", {}, who="x"),
        hotline.book.set_password("nobody.here", PASSWORD, who="x"),
    ):
        with pytest.raises(UnknownAccount):
            await asking


@pytest.mark.parametrize("edit", [{"disabled": True}, {"roles": ["agent"]}])
async def test_the_last_who_can_administer_stays_one(hotline: Hotline, edit: Edit) -> None:
    await hotline.add("li.na", ADMIN, AGENT)
    await hotline.book.add("program", [ADMIN], who="x")  # cannot sign in, so it does not count
    await hotline.add("gone", ADMIN)
    await hotline.book.change("gone", {"disabled": True}, who="x")
    with pytest.raises(LastAdmin):
        await hotline.book.change("li.na", edit, who="x")
    await hotline.book.change("gone", {"disabled": False}, who="x")
    await hotline.book.change("li.na", edit, who="x")


async def test_without_any_admin_accounts_change_freely(hotline: Hotline) -> None:
    await hotline.add("li.na", AGENT)
    assert (await hotline.book.change("li.na", {"disabled": True}, who="x")).disabled


async def test_given_two_admins_disable_each_other_at_once_then_one_stays(hotline: Hotline) -> None:
    await hotline.add("li.na", ADMIN)
    await hotline.add("wang.wu", ADMIN)
    done = await asyncio.gather(
        hotline.book.change("li.na", {"disabled": True}, who="wang.wu"),
        hotline.book.change("wang.wu", {"disabled": True}, who="li.na"),
        return_exceptions=True,
    )
    assert [type(each) for each in done if isinstance(each, AccountError)] == [LastAdmin]
    assert sorted(account.disabled for account in await hotline.book.all()) == [False, True]


async def test_a_weak_new_password_changes_nothing(hotline: Hotline) -> None:
    await hotline.add("li.na", AGENT)
    with pytest.raises(AccountRefused):
        await hotline.book.set_password("li.na", "li.na li.na li.na", who="x")
    assert (await hotline.book.get("li.na")).version == 1
    assert await hotline.log("account.password") == []
