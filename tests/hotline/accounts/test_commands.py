"""`hotline account` as people type it: a real process on a real database, exit codes, one sentence for each mistake."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from config import audit
from config.database import Database
from tests.hotline.api_site import PASSWORD

ROOT = Path(__file__).parents[3]


class Command:
    """The command on an installation of its own."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.settings = folder / "hotline.toml"
        self.settings.write_text(f'state = "{folder / "state"}"\ndatabase_url = "{database_url}"\n', "utf-8")
        self.line = [sys.executable, "-m", "hotline", "account"]
        self.environment = os.environ | {"HOTLINE_SETTINGS": str(self.settings)}

    def __call__(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """Exit code, output, errors."""
        done = subprocess.run(
            [*self.line, *arguments],
            cwd=ROOT,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def command(tmp_path: Path, database_url: str) -> Command:
    return Command(tmp_path, database_url)


def test_the_first_admin_is_made_on_an_empty_database_and_looked_after(command: Command) -> None:
    first = command(
        "add",
        "li.na",
        "--role",
        "admin",
        "--role",
        "agent",
        "--agent",
        "8001",
        "--password-stdin",
        typed=PASSWORD + "\n",
    )
    assert first == (0, "account li.na can sign in\n", "")
    assert command("add", "wang.wu", "--role", "admin", "--no-password")[0] == 0
    assert command("token", "wang.wu", "wallboard", "--role", "admin", "--expires", "2100-01-01")[0] == 2
    code, listed, _ = command("list", "--json")
    assert code == 0
    assert [(each["name"], each["roles"], each["agent"]) for each in json.loads(listed)["accounts"]] == [
        ("li.na", ["admin", "agent"], "8001"),
        ("wang.wu", ["admin"], None),
    ]
    assert "tokens only" in command("list")[1]
    code, _, error = command("disable", "li.na")
    assert (code, error.count("\n")) == (1, 1)
    assert "last enabled admin" in error
    assert command("password", "wang.wu", "--password-stdin", typed="another three words\n")[0] == 0
    assert command("disable", "li.na", "--why", "left")[0] == 0
    assert "disabled" in command("list")[1]
    assert command("enable", "li.na")[0] == 0


async def test_the_log_names_the_user_of_the_machine_whatever_the_environment_says(
    command: Command, database_url: str
) -> None:
    command.environment |= {"USER": "mallory", "LOGNAME": "mallory"}
    command("add", "li.na", "--role", "admin", "--password-stdin", "--why", "first", typed=PASSWORD)
    database = Database(database_url)
    (entry,) = await audit.page(database, audit.Filter(), limit=10)
    await database.dispose()
    assert (entry.who.startswith("cli:"), "mallory" in entry.who, entry.why) == (True, False, "first")


def test_a_token_is_printed_once_and_revoked(command: Command) -> None:
    import datetime

    day = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()  # noqa: DTZ011
    command("add", "wallboard", "--role", "auditor", "--no-password")
    code, token, _ = command("token", "wallboard", "hall", "--role", "auditor", "--expires", day)
    assert (code, token.startswith("tok_"), len(token.split())) == (0, True, 1)
    assert command("token", "wallboard", "hall", "--revoke")[0] == 0
    assert command("token", "wallboard", "hall", "--revoke")[0] == 3


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("arguments", "typed", "code"),
    [
        ("add Li --role admin --password-stdin", PASSWORD, 2),
        ("add li.na --role boss --password-stdin", PASSWORD, 2),
        ("add li.na --role admin --password-stdin", "short", 2),
        ("add li.na --role admin", PASSWORD, 2),
        ("add li.na", "", 2),
        ("add li.na --role admin --no-password --password-stdin", "", 2),
        ("token li.na hall", "", 2),
        ("token li.na hall --role admin --expires soon", "", 2),
        ("token li.na hall --revoke", "", 3),
        ("disable li.na", "", 3),
        ("password li.na --password-stdin", PASSWORD, 3),
        ("frobnicate", "", 2),
    ],
)
def test_a_mistake_is_told_with_its_exit_code_and_without_the_password(
    command: Command, arguments: str, typed: str, code: int
) -> None:
    found, shown, error = command(*arguments.split(), typed=typed)
    assert (found, shown) == (code, "")
    assert error
    assert "Traceback" not in error
    assert not typed or typed not in error


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(("second", "done"), [(PASSWORD, True), ("something else", False)])
def test_on_a_terminal_the_password_is_asked_twice_and_not_shown(command: Command, second: str, done: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command.line, "add", "li.na", "--role", "admin"],
        cwd=ROOT,
        env=command.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = read_until(ours, "Password: ")  # the blank comes when nothing is echoed any more
    os.write(ours, f"{PASSWORD}\n".encode())
    shown += read_until(ours, "Once more: ")
    os.write(ours, f"{second}\n".encode())
    shown += read_until(ours, "can sign in\r\n" if done else "Password: ")
    os.close(ours)  # who is asked again sees the terminal go away
    assert PASSWORD not in shown
    assert (process.wait(timeout=60) == 0) is done


def read_until(terminal: int, awaited: str) -> str:
    """What the terminal shows up to the awaited text; fails when that does not come."""
    shown = b""
    while awaited.encode() not in shown:
        readable, _, _ = select.select([terminal], [], [], 60.0)
        assert readable, shown
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the program closed it
            break
    assert awaited in shown.decode(), shown
    return shown.decode()
