"""`hotline account`: the first admin, and the way back in for who has locked themselves out. Straight on the database.

Whoever may read the database's settings on this machine may do this; the audit log names them ``cli:<user>``.
"""

import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from config.settings import load_settings
from hotline.commands import Json, SettingsFile, who

if TYPE_CHECKING:
    from config.database import Database
    from hotline.accounts.book import Accounts

T = TypeVar("T")

app = typer.Typer(help="Accounts (账号) of people and programs.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the account, as in li.na.")]
Roles = Annotated[list[str], typer.Option("--role", help="agent, supervisor, admin or auditor; may be repeated.")]
Why = Annotated[str, typer.Option("--why", help="Why, for the audit log.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password's line from standard input.")]


@app.command("add")
def add(
    name: Name,
    role: Roles,
    display_name: Annotated[str | None, typer.Option("--display-name", help="As people read it; 李娜.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="The agent of the roster this person works as.")] = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="For a program, which uses tokens.")] = False,
    why: Why = "",
    settings: SettingsFile = None,
) -> None:
    """Create an account; asks for its password twice."""
    from hotline.accounts.model import check_name, check_roles

    if no_password and password_stdin:
        raise typer.BadParameter("--no-password and --password-stdin exclude each other; give one of them")
    check_name(name)  # before anybody types a password for nothing
    check_roles(role)
    password = None if no_password else _password(name, password_stdin)
    _with_book(
        settings,
        lambda book: book.add(
            name, role, who=who(), display_name=display_name, agent=agent, password=password, why=why
        ),
    )
    print(f"account {name} can sign in" if password is not None else f"account {name} can be given tokens")


@app.command("list")
def list_accounts(json: Json = False, settings: SettingsFile = None) -> None:
    """All accounts, by name."""
    from hotline import show

    found = _with_book(settings, lambda book: book.all())
    lines = [asdict(account) | {"roles": sorted(account.roles)} for account in found]
    look = {"kind": "accounts", "accounts": lines}
    show.as_json(look) if json else show.for_people(look)


@app.command("disable")
def disable(name: Name, why: Why = "", settings: SettingsFile = None) -> None:
    """Sign an account out and let it in no more."""
    _with_book(settings, lambda book: book.change(name, {"disabled": True}, who=who(), why=why))
    print(f"account {name} is disabled and signed out")


@app.command("enable")
def enable(name: Name, why: Why = "", settings: SettingsFile = None) -> None:
    """Let a disabled account in again."""
    _with_book(settings, lambda book: book.change(name, {"disabled": False}, who=who(), why=why))
    print(f"account {name} is enabled")


@app.command("password")
def password(name: Name, password_stdin: FromStdin = False, why: Why = "", settings: SettingsFile = None) -> None:
    """Give an account a new password, and end its sessions."""
    _with_book(settings, lambda book: book.get(name))
    new = _password(name, password_stdin)
    _with_book(settings, lambda book: book.set_password(name, new, who=who(), why=why))
    print(f"account {name} has a new password; its sessions have ended")


@app.command("token")
def token(
    name: Name,
    label: Annotated[str, typer.Argument(help="What the token is for, as in wallboard.")],
    role: Annotated[
        list[str] | None, typer.Option("--role", help="One of the account's roles; may be repeated.")
    ] = None,
    expires: Annotated[
        datetime | None, typer.Option("--expires", formats=["%Y-%m-%d"], help="The last day, in China's time.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="End the account's token of this label instead.")] = False,
    why: Why = "",
    settings: SettingsFile = None,
) -> None:
    """Make a bearer token for a program and print it, this once; or revoke one."""
    from hotline.accounts.tokens import Tokens

    if revoke:
        _on_database(settings, lambda database: Tokens(database).revoke(name, label, who=who(), why=why))
        print(f"token {label} of account {name} lets nobody in any more")
        return
    if not role or expires is None:
        raise typer.BadParameter("a new token needs --role and --expires; or give --revoke to end one")
    made, _ = _on_database(
        settings, lambda database: Tokens(database).issue(name, label, role, _end_of(expires), who=who(), why=why)
    )
    print(made)


def _with_book(settings: Path | None, work: "Callable[[Accounts], Coroutine[Any, Any, T]]") -> T:
    from hotline.accounts.book import Accounts
    from hotline.accounts.passwords import Passwords

    return _on_database(settings, lambda database: work(Accounts(database, Passwords())))


def _on_database(path: Path | None, work: "Callable[[Database], Coroutine[Any, Any, T]]") -> T:
    """Run it on the installation's database, which need not have been used before."""
    import asyncio

    from config.database import Database

    settings = load_settings(path)
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def main() -> T:
        database = Database(settings.database)
        try:
            await database.migrate()
            return await work(database)
        finally:
            await database.dispose()

    return asyncio.run(main())


def _password(name: str, from_stdin: bool) -> str:
    """Asked twice without an echo, or one line of standard input; raises `AccountRefused` when it is too weak."""
    from hotline.accounts.passwords import check_password

    if from_stdin:
        return check_password(sys.stdin.readline().rstrip("\r\n"), name)
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask for the password; use --password-stdin")
    given: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Once more")
    return check_password(given, name)


def _end_of(day: datetime) -> float:
    from datetime import timedelta

    from config.chinatime import CHINA

    return (day.replace(tzinfo=CHINA) + timedelta(days=1)).timestamp()
