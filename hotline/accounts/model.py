"""What an account is, what its roles are called, and how errors about accounts read. Pure: no table, no clock."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from config.audit import NOBODY
from config.logs import mask_text

INSTALLATION = "installation"  # the account of the installation's own token
RESERVED = frozenset({INSTALLATION, NOBODY, "me", "hotline", "cli"})
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")


class Role(StrEnum):
    """What a person may do; one person may have several. Supervisors do not administer, admins do not listen."""

    AGENT = "agent"  # 话务员: answers calls, writes orders
    SUPERVISOR = "supervisor"  # 值班长: runs the shift, hears recordings
    ADMIN = "admin"  # 管理员: accounts and configuration
    AUDITOR = "auditor"  # 审计员: reads everything, changes nothing


class Way(StrEnum):
    """How somebody proved who they are."""

    INSTALLATION = "installation"  # the installation's token
    SESSION = "session"  # name and password
    TOKEN = "token"  # noqa: S105 - a program's bearer token


@dataclass(frozen=True)
class Identity:
    """Who asks: the account's ``name``, the roles that hold for this request, and the roster's agent bound to the
    account, or None. ``key`` finds the session or token again.
    """

    name: str
    roles: frozenset[Role]
    agent: str | None = None
    way: Way = Way.SESSION
    key: str = ""


@dataclass(frozen=True)
class Account:
    """One account, without its password. Times are UNIX seconds; ``version`` counts its changes, from 1."""

    name: str
    display_name: str
    roles: frozenset[Role]
    agent: str | None
    disabled: bool
    version: int
    created: float
    updated: float
    has_password: bool  # without one it is for tokens only


class AccountError(Exception):
    """The family of errors about accounts; the text is one sentence for the person who asked."""


class UnknownAccount(AccountError):
    """No account, or no token of it, has this name."""


class AccountExists(AccountError):
    """The name, or the agent, is another account's already."""


class AccountRefused(AccountError):
    """Something given cannot be used; ``field`` says what."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class AccountChanged(AccountError):
    """Somebody else changed the account since it was read."""


class LastAdmin(AccountError):
    """The change would leave nobody who administers the hotline."""


class WrongPassword(AccountError):
    """Name and password do not belong together, or the account is disabled: which of them is never said."""


class TooManyGuesses(AccountError):
    """Wrong passwords were given too often; ``wait_s`` is how long no other is looked at."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many wrong passwords; wait before trying again")
        self.wait_s = wait_s


def check_name(name: str) -> str:
    """``name`` when it can name an account; raises `AccountRefused`."""
    if not _NAME.fullmatch(name):
        raise AccountRefused(
            "name", "a name has 2 to 32 lower-case letters, digits, dots, hyphens and underscores, as in li.na"
        )
    if name in RESERVED:
        raise AccountRefused("name", "this name is the hotline's own; take another")
    if mask_text(name) != name:  # names stand in logs and histories
        raise AccountRefused("name", "a telephone number cannot be a name; take the person's name or agent id")
    return name


def check_roles(roles: Iterable[str]) -> frozenset[Role]:
    """The roles these words name, at least one; raises `AccountRefused`."""
    try:
        found = frozenset(Role(role) for role in roles)
    except ValueError:
        raise AccountRefused("roles", f"the roles are {', '.join(Role)}") from None
    if not found:
        raise AccountRefused("roles", f"an account needs at least one role of {', '.join(Role)}")
    return found
