"""The tables of accounts. Their migration is ``config/migrations/versions/0006_accounts.py``."""

from sqlalchemy import JSON, Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text

from config.database import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("password_hash", Text),  # argon2id, with its parameters; None: for tokens only
    Column("agent", Text, unique=True),  # the agent of the roster this person works as
    Column("disabled", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
)

sessions = Table(
    "account_sessions",
    metadata,
    Column("key", Text, primary_key=True),  # SHA-256 of the session's token
    Column("account", Text, ForeignKey("accounts.name"), nullable=False, index=True),
    Column("began", Double, nullable=False),
    Column("seen", Double, nullable=False),
)

tokens = Table(
    "account_tokens",
    metadata,
    Column("key", Text, primary_key=True),  # SHA-256 of the token
    Column("account", Text, ForeignKey("accounts.name"), nullable=False),
    Column("label", Text, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("seen", Double),
)
Index("uq_account_tokens_label", tokens.c.account, tokens.c.label, unique=True)

guesses = Table(
    "password_guesses",
    metadata,
    Column("key", Text, primary_key=True),  # whose password, or from which address; a keyed hash
    Column("failures", Integer, nullable=False),
    Column("last", Double, nullable=False),
)
