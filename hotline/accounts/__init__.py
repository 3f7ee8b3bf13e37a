"""Accounts of people and programs: roles, passwords, sessions, bearer tokens.

Every change writes the audit log in its own transaction. Of a password only an argon2id hash is kept, of a session or
token only its SHA-256; neither is ever logged.
"""

from hotline.accounts.model import (
    INSTALLATION,
    Account,
    AccountChanged,
    AccountError,
    AccountExists,
    AccountRefused,
    Identity,
    LastAdmin,
    Role,
    TooManyGuesses,
    UnknownAccount,
    Way,
    WrongPassword,
)

__all__ = [
    "INSTALLATION",
    "Account",
    "AccountChanged",
    "AccountError",
    "AccountExists",
    "AccountRefused",
    "Identity",
    "LastAdmin",
    "Role",
    "TooManyGuesses",
    "UnknownAccount",
    "Way",
    "WrongPassword",
]
